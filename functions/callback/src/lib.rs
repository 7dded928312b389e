//! `GET /callback`: a person returns from Spotify's consent. Exchanges their code for a token, registers the link, and redirects them to Spotify's completion
//! URL, where the link takes effect.

use shared::{
    clock::Clock,
    config::{CallbackConfig, CallbackPartnerConfig, Config as _, Environment},
    context::{browser_bindings, session},
    cookie::SIGN_IN_TTL,
    errors::{Error, ErrorKind, Failure, SpotifyOperation},
    i18n::Language,
    oauth::{
        authorize::{AuthorizationCode, AuthorizationError, AuthorizationResponse},
        browser_binding::BrowserBinding,
    },
    pages::Branding,
    registry::PartnerRegistry,
    rng::Rng,
    runtime::{
        http::{HttpFunction, PageDefaults},
        startup::{Base, LinkStore, StartError},
    },
    secrets::Versions,
    sign_in::{PartnerKeys, SignIn, SignInMethod},
    spotify::{CompletionUrl, Spotify},
    store::{Consumption, PendingLink, Rejection, Subscribers},
    telemetry::{
        self, Code,
        metrics::{self, Metric},
    },
    web::{Destination, Request, Response, ReturnTo},
};

/// The callback function.
pub struct Callback {
    config: CallbackConfig,
    partners: PartnerRegistry<CallbackPartner>,
    subscribers: Subscribers,
    spotify: Spotify,
    link_store: LinkStore,
    clock: Clock,
    rng: Rng,
}

/// Settings and clients of one partner.
struct CallbackPartner {
    sign_in: SignIn,
    branding: Branding,
}

/// The outcome of Spotify's consent: an authorization code, or an error.
type Consent = Result<AuthorizationCode, AuthorizationError>;

impl Callback {
    /// Reads Spotify's authorization response (RFC 6749 §4.1.2, RFC 9207).
    fn authorization_response(&self, request: &Request) -> Result<AuthorizationResponse, Error> {
        let query = request.query()?;
        let [state, code, error, iss] = ["state", "code", "error", "iss"].map(|name| query.single(name));
        let accounts_url = &self.config.spotify_access.spotify.accounts_url;
        let issuer = accounts_url.origin().ascii_serialization();
        let code = code?.as_deref().and_then(AuthorizationCode::parse);
        let (state, error, iss) = (state?, error?, iss?);
        AuthorizationResponse::parse(state.as_deref(), code, error.as_deref(), iss.as_deref(), &issuer)
            .ok_or(Error::Malformed("query"))
    }

    /// Registers the link for a pending link that has been consumed. Its state is used: after a failure the person begins again.
    async fn link(
        &self,
        request: &Request,
        pending: PendingLink,
        keys: &Versions<PartnerKeys>,
        consent: Consent,
    ) -> Result<CompletionUrl, Error> {
        let partner = self.partners.resolve_enabled(Some(&pending.partner_id)).await?;
        let pseudonym = keys
            .current
            .log_pseudonym(&pending.partner_id, &pending.partner_user_id);
        telemetry::record_subject(pending.partner_id.as_str(), &pseudonym);
        let code = consent.map_err(|error| match error {
            AuthorizationError::AccessDenied => Error::ConsentRefused,
            AuthorizationError::Transient => Error::ConsentUnavailable,
            AuthorizationError::Other => Error::ConsentFailed,
        })?;
        require_unchanged_session(request, keys, &partner.config.sign_in, &pending).await?;
        let linking = |error| Error::Spotify(SpotifyOperation::Link, error);
        let redirect_uri = self.config.partner.sign_in.public_url.redirect_uri();
        // The subscriber record is written while the token is requested. If this process dies before the end, sync asks Spotify.
        let (token, subscriber) = tokio::join!(
            self.spotify.exchange_code(code, pending.code_verifier, &redirect_uri),
            self.subscribers.begin_registration(
                &pending.partner_id,
                &pending.partner_user_id,
                pending.entitlements.as_ref(),
                self.clock.now(),
            ),
        );
        let (token, subscriber) = (token.map_err(linking)?, subscriber?);
        // The full set, because register-user replaces what the subscriber had.
        let entitlements = subscriber.desired().cloned().unwrap_or_default();
        // Also called for a subscriber who is linked already, because only Spotify's record is authoritative.
        let registered = self
            .spotify
            .register_user(token, &pending.partner_id, &pending.partner_user_id, &entitlements)
            .await;
        let completion_url = registered.map_err(linking)?;
        metrics::count(Metric::Registered);
        Ok(completion_url)
    }

    /// The failure of a state that this invocation could not consume.
    async fn rejected(&self, rejection: &Rejection<PendingLink>) -> Failure {
        let failure = Failure::from(if rejection.is_spent() {
            Error::StateSpent(rejection.failure.as_deref().and_then(ErrorKind::named))
        } else {
            Error::State(rejection.reason)
        });
        match &rejection.pending {
            Some(pending) => failure
                .with_return_to(return_to(pending))
                .with_branding(&self.branding(pending).await),
            None => failure,
        }
    }

    /// The branding of a partner's pages; the deployment's own if the partner cannot be read.
    async fn branding(&self, pending: &PendingLink) -> Branding {
        let partner = self.partners.resolve_enabled(Some(&pending.partner_id)).await;
        let branding = partner.as_ref().map(|partner| &partner.config.branding);
        branding.unwrap_or(&self.config.partner.branding).clone()
    }
}

/// Requires that the person of the journey is still signed in. A session is required only if the journey began with one. A session that is present must belong
/// to the same subscriber: otherwise the next user of the browser would have their Spotify account linked to someone else's subscription.
async fn require_unchanged_session(
    request: &Request,
    keys: &Versions<PartnerKeys>,
    sign_in: &SignIn,
    pending: &PendingLink,
) -> Result<(), Error> {
    let identity = session(request, sign_in, keys, &pending.partner_id).await?.identity();
    let is_optional = pending.sign_in_method != SignInMethod::Session;
    if identity.map_or(is_optional, |identity| identity.matches(&pending.partner_user_id)) {
        Ok(())
    } else {
        Err(Error::SessionChanged)
    }
}

/// What the person of a pending link came for.
fn return_to(pending: &PendingLink) -> ReturnTo {
    ReturnTo {
        show: pending.show.clone(),
        language: pending.language.as_deref().and_then(Language::parse),
        ..ReturnTo::new(Destination::Entrypoint, Some(pending.partner_id.clone()))
    }
}

impl HttpFunction for Callback {
    const NAME: &'static str = "callback";
    const IS_LINKING_STEP: bool = true;

    async fn start(environment: Environment, clock: Clock, rng: Rng) -> Result<Self, StartError> {
        let config = CallbackConfig::from_environment(environment.clone())?;
        let base = Base::new(environment, clock, rng)?;
        let aws = &config.spotify_access.link_store.aws;
        let (http, clock) = (base.http.clone(), base.clock.clone());
        let build = move |environment| {
            let config = CallbackPartnerConfig::from_environment(environment)?;
            Ok(CallbackPartner {
                sign_in: SignIn::new(config.sign_in, &http, &clock),
                branding: config.branding,
            })
        };
        let partners = base.registry(config.partner_id.clone(), config.partners_table.clone(), aws, build)?;
        let subscribers = Subscribers::new(aws.dynamodb(&base.http), config.subscribers_table.clone());
        let sign_in = &partners.default_partner().config.sign_in;
        let (spotify, link_store) = base.spotify_access(&config.spotify_access, sign_in).await?;
        Ok(Self {
            config,
            partners,
            subscribers,
            spotify,
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
        if request.route().is_none_or(|route| route.name != "callback") {
            return Err(Error::NotFound.into());
        }
        let authorization = self.authorization_response(request)?;
        let mut browser = browser_bindings(request)?;
        let bindings: Vec<_> = browser.iter().map(BrowserBinding::hash).collect();
        let invocation = shared::encoding::hex(&self.rng.bytes::<16>()?);
        let state = authorization.state.hash();
        // Expired secrets are read in parallel, so that the person does not wait for them later.
        let (consumed, keys, ()) = tokio::join!(
            self.link_store
                .pending_links
                .consume(&state, &bindings, &invocation, self.clock.now()),
            self.link_store.partner_keys.get(),
            self.spotify.refresh_client_secret(),
        );
        let pending = match consumed? {
            Consumption::Granted(pending) => pending,
            Consumption::Rejected(rejection) => {
                return Err(self.rejected(&rejection).await);
            }
        };
        if let Ok(keys) = &keys {
            browser = browser.retain_authentic(keys.current.browser_binding());
        }
        browser.remove(&pending.browser_binding);
        let cookie = browser.to_cookie(None);
        let (return_to, branding) = (return_to(&pending), self.branding(&pending).await);
        let linked = async {
            // Boxed: three calls make a large future.
            Box::pin(self.link(request, pending, &*keys?, authorization.outcome)).await
        };
        let completed = linked.await.and_then(|completion_url| {
            let response = Response::redirect(Code::Completed, completion_url.expose());
            response.ok_or(Error::Internal("completion URL"))
        });
        let error = match completed {
            Ok(response) => return Ok(response.with_browser_cookie(cookie.as_deref(), SIGN_IN_TTL)),
            Err(error) => error,
        };
        // A tab that is loaded again shows the same page, with the same remedies.
        let recorded = self.link_store.pending_links.record_failure(&state, error.kind().name);
        if let Err(error) = recorded.await {
            Error::Store(error).log();
        }
        Err(Failure::from(error)
            .with_browser_cookie(cookie.as_deref())
            .with_branding(&branding)
            .with_return_to(return_to))
    }
}
