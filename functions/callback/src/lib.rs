//! `GET /callback`: a person comes back from Spotify's consent. Their code becomes a token, the token a link, and they are sent to Spotify's
//! completion URL, where the link takes effect.

use shared::{
    chance::Chance,
    clock::Clock,
    config::{CallbackConfig, Config as _, ConfigError, Environment, Pages, PublicUrl},
    directory::Directory,
    http::{DETOUR, Failure, Function, Intent, Language, Outcome, Place, Problem, Request, Step, redirect},
    oauth::{
        authorize::{AuthorizationCode, AuthorizationError, AuthorizationResponse},
        browser_binding::BrowserBinding,
    },
    outbound::Outbound,
    secrets::Versions,
    sign_in::{PartnerKeys, SignIn},
    spotify::CompletionUrl,
    start::{Peers, StartError},
    store::{Claim, PendingLink, SignedInBy, Subscribers},
    telemetry::{
        Code,
        metrics::{self, Metric},
    },
};

/// The function and what it works with.
pub struct Callback {
    config: CallbackConfig,
    partners: Directory<Own>,
    subscribers: Subscribers,
    peers: Peers,
    clock: Clock,
    chance: Chance,
}

/// What is each partner's own.
struct Own {
    sign_in: SignIn,
    pages: Pages,
}

impl Own {
    fn new(environment: Environment, outbound: &Outbound, clock: &Clock) -> Result<Self, ConfigError> {
        let config = CallbackConfig::from_environment(environment)?;
        Ok(Self {
            sign_in: SignIn::new(config.sign_in, outbound, clock),
            pages: config.pages,
        })
    }
}

impl Callback {
    /// The function, as this process is configured.
    ///
    /// # Errors
    /// As [`Self::start`].
    pub async fn of_process() -> Result<Self, StartError> {
        Self::start(Environment::of_process(), Clock::System, Chance::System).await
    }

    /// The function, its secrets read and its connections open, all at once.
    ///
    /// # Errors
    /// [`StartError`] when the configuration or a secret is not what it must be. Spotify being down is none.
    pub async fn start(environment: Environment, clock: Clock, chance: Chance) -> Result<Self, StartError> {
        let config = CallbackConfig::from_environment(environment.clone())?;
        let outbound = Outbound::new()?;
        let dynamodb = config.peers.storage.aws.dynamodb(&outbound);
        let (partner_id, table, aws) = (&config.partner_id, &config.partners_table, &config.peers.storage.aws);
        let partners = Directory::new(
            partner_id.clone(),
            table.clone(),
            aws,
            environment,
            &outbound,
            &clock,
            Own::new,
        )?;
        let subscribers = Subscribers::new(dynamodb, config.subscribers_table.clone());
        let sign_in = &partners.home().own.sign_in;
        let peers = Peers::start(&config.peers, sign_in, &outbound, &clock, &chance).await?;
        Ok(Self {
            config,
            partners,
            subscribers,
            peers,
            clock,
            chance,
        })
    }

    /// Links the person whose journey this is. Whatever happens from here on, the state is spent and they would start again.
    async fn link(
        &self,
        request: &Request,
        keys: &Versions<PartnerKeys>,
        sign_in: &SignIn,
        pending: PendingLink,
        outcome: Result<AuthorizationCode, AuthorizationError>,
    ) -> Result<CompletionUrl, Problem> {
        let code = outcome.map_err(|error| match error {
            AuthorizationError::AccessDenied => Problem::ConsentRefused,
            AuthorizationError::Temporary | AuthorizationError::Other => Problem::ConsentFailed,
        })?;
        must_still_be_signed_in(request, keys, sign_in, &pending).await?;
        let linking = |error| Problem::Spotify(Step::Link, error);
        let redirect_uri = self.config.sign_in.public_url.redirect_uri();
        // What the backend has written of them comes with noting that they are being linked: should we die before the end, Spotify will be asked.
        let (token, subscriber) = tokio::join!(
            self.peers
                .spotify
                .exchange_code(code, pending.code_verifier, &redirect_uri),
            self.subscribers.registering(
                &pending.partner_id,
                &pending.partner_user_id,
                pending.entitlements.as_ref(),
                self.clock.now(),
            ),
        );
        let (token, subscriber) = (token.map_err(linking)?, subscriber?);
        // All that they may hear, for `register-user` replaces what they had.
        let entitlements = subscriber.wanted().cloned().unwrap_or_default();
        // Always, also for somebody who is linked already: Spotify's record is the truth, and this call renews it.
        let registered = self
            .peers
            .spotify
            .register_user(token, &pending.partner_id, &pending.partner_user_id, &entitlements)
            .await;
        let completion_url = registered.map_err(linking)?;
        metrics::count(Metric::Registered);
        Ok(completion_url)
    }
}

/// Where a session proved who it was, the same must be signed in now: else whoever has since taken over the browser would have their
/// Spotify account linked to somebody else's subscription.
async fn must_still_be_signed_in(
    request: &Request,
    keys: &Versions<PartnerKeys>,
    sign_in: &SignIn,
    pending: &PendingLink,
) -> Result<(), Problem> {
    let session = sign_in.in_session(request, keys, &pending.partner_id).await?;
    // Whoever came in another way need not have a session; if there is one, it must be theirs.
    let none_is_good = pending.signed_in_by != SignedInBy::Session;
    if session.map_or(none_is_good, |person| person.is(&pending.partner_user_id)) {
        Ok(())
    } else {
        Err(Problem::SessionChanged)
    }
}

/// What the person of a journey came for.
fn intent_of(pending: &PendingLink) -> Intent {
    Intent {
        show: pending.show.clone(),
        language: pending.language.as_deref().and_then(Language::parse),
        ..Intent::to(Place::Entrypoint, Some(pending.partner_id.clone()))
    }
}

impl Function for Callback {
    const NAME: &'static str = "callback";
    const LINKS: bool = true;

    fn pages(&self) -> &Pages {
        &self.config.pages
    }

    fn public_url(&self) -> &PublicUrl {
        &self.config.sign_in.public_url
    }

    async fn handle(&self, request: &Request) -> Result<Outcome, Failure> {
        let route = request.route().ok_or(Problem::NotFound)?;
        if route.partner_id.is_some() || route.name != "callback" {
            return Err(Problem::NotFound.into());
        }
        request.only("GET")?;
        let query = request.query()?;
        let [state, code, error, iss] = ["state", "code", "error", "iss"].map(|name| query.one(name));
        let issuer = self.config.peers.spotify.accounts_url.origin().ascii_serialization();
        let code = code?.and_then(AuthorizationCode::parse);
        let response =
            AuthorizationResponse::read(state?, code, error?, iss?, &issuer).ok_or(Problem::Malformed("query"))?;

        let mut browser = request.browser()?;
        let bindings: Vec<_> = browser.iter().map(BrowserBinding::hash).collect();
        let invocation = shared::encoding::hex(&self.chance.bytes::<16>()?);
        let state = response.state.hash();
        // Secrets that have grown old are read anew meanwhile, so that nobody waits for them afterwards.
        let (claimed, keys, ()) = tokio::join!(
            self.peers
                .storage
                .pending_links
                .claim(&state, &bindings, &invocation, self.clock.now()),
            self.peers.storage.partner_keys.get(),
            self.peers.spotify.refresh_client_secret(),
        );
        let pending = match claimed? {
            Claim::Granted(pending) => pending,
            Claim::Refused(refusal) => {
                let failure = Failure::from(Problem::State(refusal.why));
                return Err(match &refusal.pending {
                    Some(pending) => failure.on_the_way_to(intent_of(pending)),
                    None => failure,
                });
            }
        };
        if let Ok(keys) = &keys {
            browser = browser.ours(keys.current.browser_binding());
        }
        browser.forget(&pending.browser_binding);
        let cookie = browser.cookie_with(None);
        let intent = intent_of(&pending);
        let site = self.partners.linking_site(Some(&pending.partner_id)).await;
        let pages = site.as_ref().map_or(self.pages(), |site| &site.own.pages).clone();
        let finish = async {
            let (site, keys) = (site?, keys?);
            request.is_about(
                &pending.partner_id,
                &keys.current.log_name(&pending.partner_id, &pending.partner_user_id),
            );
            // On the heap: three calls, each with its own answer.
            Box::pin(self.link(request, &keys, &site.own.sign_in, pending, response.outcome)).await
        };
        match finish.await {
            Ok(completion_url) => {
                let answer = redirect(completion_url.expose()).ok_or(Problem::Fault("completion URL"))?;
                Ok(Outcome {
                    code: Code::Completed,
                    answer: answer.with_browser_cookie(cookie.as_deref(), DETOUR),
                })
            }
            Err(problem) => Err(Failure::from(problem)
                .with_browser_cookie(cookie.as_deref())
                .on_pages_of(&pages)
                .on_the_way_to(intent)),
        }
    }
}
