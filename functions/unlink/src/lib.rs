//! `GET /account`: shows a signed-in person the state of their link. `GET /sign-out`: ends their visit. `GET /unlink`: asks them for confirmation. `POST /unlink`: unlinks, for the form of that
//! page or for a signed request of the partner's backend. Unlinking a person who is not linked succeeds.

mod account;
mod backend;
mod form;
mod link_cache;
mod sign_out;

use shared::{
    clock::Clock,
    config::{Config as _, ConfigError, Environment, UnlinkConfig, UnlinkPartnerConfig},
    context::{PartnerSite, RequestContext, Visitor},
    cookie::SIGN_IN_TTL,
    errors::{Error, Failure, SpotifyOperation},
    http_client::HttpClient,
    pages::Branding,
    partner::{PartnerId, PartnerUserId},
    registry::{PartnerEntry, PartnerRegistry},
    rng::Rng,
    runtime::{
        http::{HttpFunction, PageDefaults},
        startup::{Base, LinkStore, StartError},
    },
    sign_in::{BackendVerifier, Identity, SignIn},
    spotify::Spotify,
    store::Subscribers,
    telemetry::Code,
    web::{Request, Response},
};

use self::link_cache::LinkCache;

/// The unlink function.
pub struct Unlink {
    partners: PartnerRegistry<UnlinkPartner>,
    subscribers: Subscribers,
    spotify: Spotify,
    link_store: LinkStore,
    links: LinkCache,
    clock: Clock,
    rng: Rng,
}

/// Settings and clients of one partner.
struct UnlinkPartner {
    config: UnlinkPartnerConfig,
    sign_in: SignIn,
    /// The partner's backend; without one no signed request is accepted.
    backend: Option<BackendVerifier>,
}

type Context<'a> = RequestContext<'a, UnlinkPartner>;

impl UnlinkPartner {
    fn new(environment: Environment, http: &HttpClient, clock: &Clock) -> Result<Self, ConfigError> {
        let config = UnlinkPartnerConfig::from_environment(environment)?;
        let sign_in = SignIn::new(config.sign_in.clone(), http, clock);
        let backend = config.backend.clone();
        let backend = backend.map(|backend| BackendVerifier::new(backend, http, clock));
        Ok(Self {
            config,
            sign_in,
            backend,
        })
    }
}

impl PartnerSite for UnlinkPartner {
    fn sign_in(&self) -> &SignIn {
        &self.sign_in
    }

    fn branding(&self) -> &Branding {
        &self.config.branding
    }
}

impl Unlink {
    async fn context<'a>(
        &self,
        request: &'a Request,
        partner: PartnerEntry<UnlinkPartner>,
    ) -> Result<Context<'a>, Error> {
        RequestContext::load(request, partner, &self.link_store.partner_keys, &self.clock).await
    }

    /// The person who opened the page, or the response that signs them in first.
    async fn visitor(&self, context: &mut Context<'_>) -> Result<Result<Identity, Response>, Failure> {
        match context.visitor().await? {
            Visitor::SignedIn(identity) => {
                context.log_subject(&identity.partner_user_id);
                Ok(Ok(identity))
            }
            // The redirect removes the used token from the URL, so that the page can be reloaded.
            Visitor::HandedOff(identity, jti) => {
                context.log_subject(&identity.partner_user_id);
                let invocation = self.invocation()?;
                self.link_store.pending_links.record_use(&jti, &invocation).await?;
                let visit = identity
                    .to_visit_cookie(&context.keys.current, context.partner_id(), context.now)
                    .ok_or(Error::Internal("visit"))?;
                let response = Response::redirect(Code::SignedIn, &context.return_to.path());
                let response = response.ok_or(Error::Internal("return_to"))?;
                let response = context.with_bindings(response, None, SIGN_IN_TTL);
                Ok(Err(response.with_visit_cookie(Some(&visit))))
            }
            Visitor::SignedOut => Ok(Err(context.redirect_to_sign_in(&self.rng)?)),
        }
    }

    /// A random id of this invocation, which distinguishes the SDK's retry of a write from another caller's write.
    fn invocation(&self) -> Result<String, Error> {
        Ok(shared::encoding::hex(&self.rng.bytes::<16>()?))
    }

    /// Unlinks a subscriber at Spotify, and records the beginning of the unlink in parallel. A failed record is only logged: sync reads the state from Spotify
    /// later.
    async fn unlink(&self, partner_id: &PartnerId, partner_user_id: &PartnerUserId) -> Result<(), Error> {
        // Before the call, which may end only with the time for the response; and after it, because an answer about the link may be older than the unlink.
        self.links.forget(partner_id, partner_user_id);
        // Boxed: calls of two clients make a large future.
        let both = Box::pin(async {
            tokio::join!(
                self.spotify.unlink_user(partner_id, partner_user_id),
                self.subscribers
                    .begin_unlink(partner_id, partner_user_id, self.clock.now()),
            )
        });
        let (unlinked, recorded) = both.await;
        self.links.forget(partner_id, partner_user_id);
        if let Err(error) = recorded {
            Error::Store(error).log();
        }
        unlinked.map_err(|error| Error::Spotify(SpotifyOperation::Unlink, error))
    }
}

impl HttpFunction for Unlink {
    const NAME: &'static str = "unlink";

    async fn start(environment: Environment, clock: Clock, rng: Rng) -> Result<Self, StartError> {
        let config = UnlinkConfig::from_environment(environment.clone())?;
        let base = Base::new(environment, clock, rng)?;
        let aws = &config.spotify_access.link_store.aws;
        let (http, clock) = (base.http.clone(), base.clock.clone());
        let build = move |environment| UnlinkPartner::new(environment, &http, &clock);
        let partners = base.registry(config.partner_id, config.partners_table, aws, build)?;
        let subscribers = Subscribers::new(aws.dynamodb(&base.http), config.subscribers_table.clone());
        let sign_in = &partners.default_partner().config.sign_in;
        let (spotify, link_store) = base.spotify_access(&config.spotify_access, sign_in).await?;
        Ok(Self {
            partners,
            subscribers,
            spotify,
            link_store,
            links: LinkCache::new(&base.clock),
            clock: base.clock,
            rng: base.rng,
        })
    }

    fn pages(&self) -> Option<PageDefaults<'_>> {
        let own = &self.partners.default_partner().config;
        Some(PageDefaults {
            branding: own.branding(),
            public_url: own.public_url(),
        })
    }

    async fn handle(&self, request: &Request) -> Result<Response, Failure> {
        let route = request.route().ok_or(Error::NotFound)?;
        if !["account", "unlink", "sign-out"].contains(&route.name) {
            return Err(Error::NotFound.into());
        }
        let partner = self.partners.resolve(route.partner_id.as_ref()).await?;
        let site = partner.config.clone();
        let response = match (route.name, request.method().as_str()) {
            ("account", _) => {
                let response = self.account(request, partner).await;
                response.map_err(|failure| failure.allow_frame_from(site.config.frame_origin.as_ref()))
            }
            ("sign-out", _) => Self::end_visit(request, &partner),
            (_, "GET") => self.ask_for_confirmation(request, partner).await,
            _ if request.has_content_type("application/jwt") => self.unlink_for_backend(request, &partner).await,
            _ if request.may_be_form() => self.unlink_confirmed(request, partner).await,
            _ => Err(Error::ContentType.into()),
        };
        response.map_err(|failure| failure.with_branding(site.branding()))
    }
}
