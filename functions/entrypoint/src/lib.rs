//! `GET /entrypoint`: a person comes, from Spotify or from the partner's site, to link their account, and is sent on to Spotify's consent, by way of the
//! partner's sign-in if need be. `GET /link`: a "Listen on Spotify" button, sent on to Spotify, which remembers the show and comes back to `/entrypoint`.
//! `GET /sign-in`: to the partner's `OpenID` provider. `GET /sign-in/callback` and `GET /partners/{partner_id}/sign-in/callback`: back from it, to any page of
//! ours; each provider has a redirect URI of its own.

mod oidc;

use shared::{
    chance::Chance,
    clock::Clock,
    config::{Config as _, ConfigError, EntrypointConfig, Environment, Pages, PublicUrl},
    directory::{Directory, Site},
    http::{
        DETOUR, Failure, Function, Intent, JOURNEY, Outcome, Place, Problem, ProviderError, Request, Visitor, redirect,
    },
    jws::JwsError,
    oauth::{
        authorize::{AuthorizationError, AuthorizationRequest},
        browser_binding::{BrowserBinding, BrowserBindings},
        nonce::Nonce,
        pkce::CodeVerifier,
        state::State,
    },
    outbound::Outbound,
    partner::{Entitlements, PartnerId, ShowUri},
    secrets::{Secret, Versions},
    sign_in::{PartnerKeys, Person, SignIn},
    spotify::USER_SOA_LINK,
    start::{StartError, Storage},
    store::{Claim, PendingLink, PendingSignIn, SignedInBy, UsedJti},
    telemetry::{
        Code,
        metrics::{self, Metric},
    },
};

use self::oidc::Oidc;

/// The function and what it works with.
pub struct Entrypoint {
    partners: Directory<Own>,
    storage: Storage,
    clock: Clock,
    chance: Chance,
}

/// What is each partner's own.
struct Own {
    config: EntrypointConfig,
    sign_in: SignIn,
    /// The partner's `OpenID` provider, when people sign in there.
    oidc: Option<Oidc>,
}

impl Own {
    fn new(environment: Environment, outbound: &Outbound, clock: &Clock) -> Result<Self, ConfigError> {
        let config = EntrypointConfig::from_environment(environment)?;
        let sign_in = SignIn::new(config.sign_in.clone(), outbound, clock);
        let oidc = config.oidc.clone().and_then(|oidc| {
            let secrets_manager = config.storage.aws.secrets_manager(outbound);
            let secret = |id| Secret::new(secrets_manager, id, clock.clone());
            let secret = oidc.client_secret_id.clone().map(secret);
            Oidc::new(oidc, secret, outbound, clock)
        });
        Ok(Self { config, sign_in, oidc })
    }
}

impl Entrypoint {
    /// The function, as this process is configured.
    ///
    /// # Errors
    /// As [`Self::start`].
    pub async fn of_process() -> Result<Self, StartError> {
        Self::start(Environment::of_process(), Clock::System, Chance::System).await
    }

    /// The function, its keys read and its connections open, all at once.
    ///
    /// # Errors
    /// [`StartError`] when the configuration, the partner's keys or the client secret at the `OpenID` provider are not what they must be. That the provider
    /// is down is none.
    pub async fn start(environment: Environment, clock: Clock, chance: Chance) -> Result<Self, StartError> {
        let config = EntrypointConfig::from_environment(environment.clone())?;
        let outbound = Outbound::new()?;
        let (partner_id, table, aws) = (config.partner_id, config.partners_table, &config.storage.aws);
        let partners = Directory::new(partner_id, table, aws, environment, &outbound, &clock, Own::new)?;
        let home = &partners.home().own;
        let prepare_oidc = async {
            match &home.oidc {
                Some(oidc) => oidc.prepare().await.map_err(StartError::from),
                None => Ok(()),
            }
        };
        // On the heap, for what reads two secrets at once is large.
        let starting = Box::pin(async {
            let storage = Storage::start(&config.storage, &home.sign_in, &outbound, &clock);
            tokio::join!(storage, prepare_oidc)
        });
        let (storage, prepared) = starting.await;
        let storage = match (storage, prepared) {
            (Ok(storage), Ok(())) => storage,
            (storage, prepared) => return Err(StartError::all([storage.err(), prepared.err()])),
        };
        if !partners.home().partner_id.looks_usual() {
            shared::log!(warn, Code::PartnerIdUnusual);
        }
        Ok(Self {
            partners,
            storage,
            clock,
            chance,
        })
    }

    /// Whether people sign in at an `OpenID` provider, of this partner or another.
    fn has_providers(&self) -> bool {
        let home = &self.partners.home().own;
        home.oidc.is_some() || home.config.partners_table.is_some()
    }

    /// Sends a person to Spotify's consent, or to sign in first.
    async fn begin(&self, request: &Request, site: &Site<Own>) -> Result<Outcome, Failure> {
        let (partner_id, sign_in) = (&site.partner_id, &site.own.sign_in);
        let intent = Intent::of(request)?;
        let keys = self.storage.partner_keys.get().await?;
        let mut browser = request.browser()?.ours(keys.current.browser_binding());
        let now = self.clock.now();
        let visitor = sign_in
            .visitor(request, &keys, &mut browser, partner_id, &intent, now)
            .await?;
        // Whoever comes back from the site's sign-in has been here before.
        if request.query()?.one("token")?.is_none() {
            metrics::count(Metric::EntrypointReached);
        }
        let (person, handoff) = match (visitor, &site.own.oidc) {
            (Visitor::SignedIn(person), _) => (person, None),
            (Visitor::HandedOver(person, jti), _) => (person, Some(jti)),
            (Visitor::SignedOut, Some(oidc)) => return self.send_to_provider(oidc, &keys, &browser, &intent).await,
            (Visitor::SignedOut, None) => {
                return sign_in.send_to_sign_in(&keys.current, &browser, partner_id, &intent, &self.chance);
            }
        };
        self.send_to_consent(request, site, &keys, &browser, &intent, person, handoff)
            .await
    }

    /// Sends somebody signed in to Spotify's consent, with all that the callback will need put by.
    #[expect(clippy::too_many_arguments, reason = "all that is known of a journey when it begins")]
    async fn send_to_consent(
        &self,
        request: &Request,
        site: &Site<Own>,
        keys: &Versions<PartnerKeys>,
        browser: &BrowserBindings,
        intent: &Intent,
        person: Person,
        handoff: Option<UsedJti>,
    ) -> Result<Outcome, Failure> {
        let (partner_id, config) = (&site.partner_id, &site.own.config);
        request.is_about(partner_id, &keys.current.log_name(partner_id, &person.partner_user_id));
        metrics::count(Metric::SignedIn);
        let by_default = Some(&config.default_entitlements).filter(|names| !names.is_empty());
        let entitlements = person.entitlements.clone().or_else(|| by_default.cloned());
        let may_hear_nothing = entitlements.as_ref().is_none_or(Entitlements::is_empty);
        if may_hear_nothing && !config.link_without_entitlements {
            return Err(Failure::from(Problem::NothingToHear).on_the_way_to(intent.clone()));
        }
        let state = State::generate(&self.chance)?;
        let code_verifier = if config.pkce {
            Some(CodeVerifier::generate(&self.chance)?)
        } else {
            None
        };
        let binding = BrowserBinding::generate(&self.chance, keys.current.browser_binding())?;
        let location = AuthorizationRequest {
            endpoint: &config.authorization_endpoint(),
            client_id: &config.client_id,
            redirect_uri: &config.sign_in.public_url.redirect_uri(),
            scope: USER_SOA_LINK,
            state: &state,
            code_verifier: code_verifier.as_ref(),
            show_dialog: intent.show_dialog,
        }
        .url();
        let now = self.clock.now();
        // Whoever has no session of the partner's site is known to our own pages for a while.
        let visit = if person.signed_in_by == SignedInBy::Session {
            None
        } else {
            person.visit(&keys.current, partner_id, now)
        };

        let pending = PendingLink {
            partner_id: partner_id.clone(),
            partner_user_id: person.partner_user_id,
            show: intent.show.clone(),
            language: intent.language.map(|language| language.tag().to_owned()),
            entitlements,
            code_verifier,
            signed_in_by: person.signed_in_by,
            browser_binding: binding.hash(),
            expires_at: now.saturating_add(JOURNEY),
        };
        let (pending_links, state) = (&self.storage.pending_links, state.hash());
        match handoff {
            Some(jti) => pending_links.put_handed_off(&state, &pending, &jti).await?,
            None => pending_links.put(&state, &pending).await?,
        }
        let answer = redirect(&location).ok_or(Problem::Fault("authorize URL"))?;
        let mut answer = answer.with_browser_cookie(browser.cookie_with(Some(&binding)).as_deref(), JOURNEY);
        if let Some(visit) = visit {
            answer = answer.with_visit_cookie(&visit);
        }
        Ok(Outcome {
            code: Code::ConsentSent,
            answer,
        })
    }

    /// Sends a person to Spotify's link starter, which puts the show at the top of its landing page.
    fn begin_at_spotify(request: &Request, site: &Site<Own>) -> Result<Outcome, Failure> {
        let query = request.query()?;
        let show = ShowUri::parse(query.one("show")?.unwrap_or_default()).map_err(|_| Problem::Malformed("show"))?;
        let answer = redirect(&site.own.config.link_starter(&site.partner_id, &show))
            .ok_or(Problem::Fault("link starter URL"))?;
        Ok(Outcome {
            code: Code::ShowChosen,
            answer,
        })
    }

    /// Sends a person to the partner's `OpenID` provider on their way to a page of ours.
    async fn sign_in(&self, request: &Request) -> Result<Outcome, Failure> {
        let query = request.query()?;
        let return_to = query.one("return_to")?.unwrap_or_default();
        let intent = Intent::parse(return_to, self.public_url());
        let intent = intent.ok_or(Problem::Malformed("return_to"))?;
        let site = self.partners.site(intent.partner_id.as_ref()).await?;
        let oidc = site.own.oidc.as_ref().ok_or(Problem::NotFound)?;
        let keys = self.storage.partner_keys.get().await?;
        let browser = request.browser()?.ours(keys.current.browser_binding());
        self.send_to_provider(oidc, &keys, &browser, &intent).await
    }

    async fn send_to_provider(
        &self,
        oidc: &Oidc,
        keys: &Versions<PartnerKeys>,
        browser: &BrowserBindings,
        intent: &Intent,
    ) -> Result<Outcome, Failure> {
        let state = State::generate(&self.chance)?;
        let nonce = Nonce::generate(&self.chance)?;
        let code_verifier = CodeVerifier::generate(&self.chance)?;
        let binding = BrowserBinding::generate(&self.chance, keys.current.browser_binding())?;
        let location = oidc
            .authorization_url(&state, &nonce, &code_verifier, intent.language)
            .await;
        let location = location.map_err(|problem| Failure::from(problem).on_the_way_to(intent.clone()))?;
        let pending = PendingSignIn {
            redirect_uri: oidc.redirect_uri().to_owned(),
            return_to: self.public_url().at(&intent.path()),
            code_verifier,
            nonce,
            browser_binding: binding.hash(),
            expires_at: self.clock.now().saturating_add(DETOUR),
        };
        self.storage.pending_links.put_sign_in(&state.hash(), &pending).await?;
        let answer = redirect(&location).ok_or(Problem::Fault("authorization endpoint"))?;
        Ok(Outcome {
            code: Code::SignInSent,
            answer: answer.with_browser_cookie(browser.cookie_with(Some(&binding)).as_deref(), DETOUR),
        })
    }

    /// Takes a person who comes back from the partner's `OpenID` provider to where they wanted to go.
    async fn signed_in(&self, request: &Request, partner_id: Option<&PartnerId>) -> Result<Outcome, Failure> {
        let redirect_uri = self.public_url().sign_in_redirect_uri(partner_id);
        let query = request.query()?;
        let [state, code, error, iss] = ["state", "code", "error", "iss"].map(|name| query.one(name));
        let (state, code, error, iss) = (state?, code?, error?, iss?);
        let state_hash = State::parse(state.unwrap_or_default())
            .ok_or(Problem::Malformed("state"))?
            .hash();
        let mut browser = request.browser()?;
        let bindings: Vec<_> = browser.iter().map(BrowserBinding::hash).collect();
        let invocation = shared::encoding::hex(&self.chance.bytes::<16>()?);
        let pending_links = &self.storage.pending_links;
        let (claimed, keys) = tokio::join!(
            pending_links.claim_sign_in(&state_hash, &redirect_uri, &bindings, &invocation, self.clock.now()),
            self.storage.partner_keys.get(),
        );
        let intent_of = |pending: &PendingSignIn| Intent::parse(&pending.return_to, self.public_url());
        let pending = match claimed? {
            Claim::Granted(pending) => pending,
            Claim::Refused(refusal) => {
                let failure = Failure::from(Problem::State(refusal.why));
                return Err(match refusal.pending.as_ref().and_then(intent_of) {
                    Some(intent) => failure.on_the_way_to(intent),
                    None => failure,
                });
            }
        };
        let intent = intent_of(&pending).ok_or(Problem::Fault("return_to"))?;
        if let Ok(keys) = &keys {
            browser = browser.ours(keys.current.browser_binding());
        }
        browser.forget(&pending.browser_binding);
        // Whatever happens from here on, the state is spent, and they would start again.
        let site = self.partners.site(intent.partner_id.as_ref()).await?;
        let finish = async {
            let keys = keys?;
            let oidc = site.own.oidc.as_ref().ok_or(Problem::NotFound)?;
            // The partner may have been given another provider while the browser was away.
            if oidc.redirect_uri() != redirect_uri {
                return Err(Problem::State("another provider's").into());
            }
            let code = oidc
                .response(state, code, error, iss)
                .await?
                .outcome
                .map_err(|error| match error {
                    AuthorizationError::AccessDenied => ProviderError::Cancelled,
                    AuthorizationError::Temporary => ProviderError::Down("an error of the authorization endpoint"),
                    AuthorizationError::Other => ProviderError::ClientRefused("an error of the authorization endpoint"),
                })?;
            let partner_id = &site.partner_id;
            let claims = oidc
                .sign_in(&code, &pending.code_verifier, &pending.nonce, partner_id)
                .await?;
            let person = site.own.sign_in.person(&keys, claims, partner_id, SignedInBy::Oidc);
            let person = person.map_err(|error| match error {
                // Another partner's subscriber; everything else is how the provider and we are set up.
                JwsError::Claim("partner_id") => Problem::Token(error),
                error => ProviderError::Claims(error).into(),
            })?;
            if intent.place == Place::Entrypoint {
                if site.disabled {
                    return Err(Problem::NotFound.into());
                }
                return self
                    .send_to_consent(request, &site, &keys, &browser, &intent, person, None)
                    .await;
            }
            request.is_about(partner_id, &keys.current.log_name(partner_id, &person.partner_user_id));
            let visit = person.visit(&keys.current, partner_id, self.clock.now());
            let visit = visit.ok_or(Problem::Fault("visit"))?;
            let answer = redirect(&intent.path()).ok_or(Problem::Fault("return_to"))?;
            Ok(Outcome {
                code: Code::SignedIn,
                answer: answer
                    .with_browser_cookie(browser.cookie_with(None).as_deref(), DETOUR)
                    .with_visit_cookie(&visit),
            })
        };
        finish.await.map_err(|failure: Failure| {
            let cookie = browser.cookie_with(None);
            failure
                .with_browser_cookie(cookie.as_deref())
                .on_pages_of(&site.own.config.pages)
                .on_the_way_to(intent.clone())
        })
    }
}

impl Function for Entrypoint {
    const NAME: &'static str = "entrypoint";
    const LINKS: bool = true;

    fn pages(&self) -> &Pages {
        &self.partners.home().own.config.pages
    }

    fn public_url(&self) -> &PublicUrl {
        &self.partners.home().own.config.sign_in.public_url
    }

    async fn handle(&self, request: &Request) -> Result<Outcome, Failure> {
        let route = request.route().ok_or(Problem::NotFound)?;
        match (route.name, &route.partner_id) {
            ("entrypoint" | "link", named) => {
                request.only("GET")?;
                let site = self.partners.linking_site(named.as_ref()).await?;
                let begun = if route.name == "link" {
                    Self::begin_at_spotify(request, &site)
                } else {
                    self.begin(request, &site).await
                };
                begun.map_err(|failure| failure.on_pages_of(&site.own.config.pages))
            }
            ("sign-in", None) if self.has_providers() => {
                request.only("GET")?;
                self.sign_in(request).await
            }
            ("sign-in/callback", named) if self.has_providers() => {
                request.only("GET")?;
                // On the heap: a token and a link in one request.
                Box::pin(self.signed_in(request, named.as_ref())).await
            }
            _ => Err(Problem::NotFound.into()),
        }
    }
}
