//! `GET /entrypoint`: redirects a person who wants to link their account to Spotify's consent, after a sign-in if necessary. `GET /link`: the target of a
//! "Listen on Spotify" button. `GET /sign-in`, `GET /sign-in/callback`: to the partner's `OpenID` provider and back. `GET /`: to the partner's site. The route
//! `$default` brings every request without a route of its own, which `runtime` answers.

mod consent;
mod link;
mod oidc;
mod sign_in;

use shared::{
    aws::AwsConfig,
    clock::Clock,
    config::{Config as _, ConfigError, EntrypointConfig, EntrypointPartnerConfig, Environment},
    context::PartnerSite,
    errors::{Error, Failure},
    http_client::HttpClient,
    pages::Branding,
    registry::PartnerRegistry,
    rng::Rng,
    runtime::{
        http::{HttpFunction, PageDefaults},
        startup::{Base, LinkStore, StartError},
    },
    secrets::ManagedSecret,
    sign_in::SignIn,
    telemetry::Code,
    web::{Request, Response},
};

use self::oidc::OidcClient;

/// The entrypoint function.
pub struct Entrypoint {
    config: EntrypointConfig,
    partners: PartnerRegistry<EntrypointPartner>,
    link_store: LinkStore,
    clock: Clock,
    rng: Rng,
}

/// Settings and clients of one partner.
struct EntrypointPartner {
    config: EntrypointPartnerConfig,
    sign_in: SignIn,
    /// The partner's `OpenID` provider; `None` unless people sign in there.
    oidc: Option<OidcClient>,
}

impl EntrypointPartner {
    fn new(environment: Environment, aws: &AwsConfig, http: &HttpClient, clock: &Clock) -> Result<Self, ConfigError> {
        let config = EntrypointPartnerConfig::from_environment(environment)?;
        let sign_in = SignIn::new(config.sign_in.clone(), http, clock);
        let oidc = config.oidc.clone().map(|oidc| {
            let secrets_manager = aws.secrets_manager(http);
            let secret = |id| ManagedSecret::new(secrets_manager, id, clock.clone());
            let secret = oidc.client_secret_id.clone().map(secret);
            OidcClient::new(oidc, secret, http, clock)
        });
        Ok(Self { config, sign_in, oidc })
    }
}

impl PartnerSite for EntrypointPartner {
    fn sign_in(&self) -> &SignIn {
        &self.sign_in
    }

    fn branding(&self) -> &Branding {
        &self.config.branding
    }
}

impl Entrypoint {
    /// Redirects a visitor of `/` to the partner's site.
    fn redirect_to_site(&self) -> Result<Response, Failure> {
        let branding = self.partners.default_partner().config.branding();
        let url = branding.return_url.as_ref().ok_or(Error::NotFound)?;
        Ok(Response::redirect(Code::RootRedirected, url.as_str()).ok_or(Error::Internal("RETURN_URL"))?)
    }

    /// Whether the deployment or one of its partners may use an `OpenID` provider.
    fn has_providers(&self) -> bool {
        self.partners.default_partner().config.oidc.is_some() || self.config.partners_table.is_some()
    }
}

impl HttpFunction for Entrypoint {
    const NAME: &'static str = "entrypoint";
    const IS_LINKING_STEP: bool = true;

    async fn start(environment: Environment, clock: Clock, rng: Rng) -> Result<Self, StartError> {
        let config = EntrypointConfig::from_environment(environment.clone())?;
        let base = Base::new(environment, clock, rng)?;
        let aws = config.link_store.aws.clone();
        let (http, clock) = (base.http.clone(), base.clock.clone());
        let build = move |environment| EntrypointPartner::new(environment, &aws, &http, &clock);
        let (partner_id, table) = (config.partner_id.clone(), config.partners_table.clone());
        let partners = base.registry(partner_id, table, &config.link_store.aws, build)?;
        let own = &partners.default_partner().config;
        let preload_provider = async {
            match &own.oidc {
                Some(oidc) => oidc.preload().await.map_err(StartError::from),
                None => Ok(()),
            }
        };
        // Boxed: the future that reads two secrets is too large for the caller's stack.
        let opening = Box::pin(async {
            let link_store = base.link_store(&config.link_store, Some(&own.sign_in));
            tokio::join!(link_store, preload_provider)
        });
        let link_store = match opening.await {
            (Ok(link_store), Ok(())) => link_store,
            (link_store, provider) => return Err(StartError::all([link_store.err(), provider.err()])),
        };
        if !partners.default_partner().partner_id.has_usual_length() {
            shared::log!(warn, Code::PartnerIdUnusual);
        }
        Ok(Self {
            config,
            partners,
            link_store,
            clock: base.clock,
            rng: base.rng,
        })
    }

    fn pages(&self) -> Option<PageDefaults<'_>> {
        Some(PageDefaults {
            branding: &self.config.partner.branding,
            public_url: &self.config.partner.sign_in.public_url,
        })
    }

    async fn handle(&self, request: &Request) -> Result<Response, Failure> {
        let route = request.route().ok_or(Error::NotFound)?;
        let named = route.partner_id.as_ref();
        match (route.name, named) {
            ("", None) => self.redirect_to_site(),
            ("entrypoint" | "link", _) => {
                let partner = self.partners.resolve_enabled(named).await?;
                let site = partner.config.clone();
                let response = match route.name {
                    "link" => self.start_at_spotify(request, &partner),
                    _ => self.begin_link(request, partner).await,
                };
                response.map_err(|failure| failure.with_branding(site.branding()))
            }
            ("sign-in", None) if self.has_providers() => self.begin_sign_in(request).await,
            ("sign-in/callback", _) if self.has_providers() => {
                // Boxed: a sign-in and a link make a large future.
                Box::pin(self.finish_sign_in(request, named)).await
            }
            _ => Err(Error::NotFound.into()),
        }
    }
}
