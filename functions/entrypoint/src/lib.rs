//! `GET /entrypoint`: a person comes, from Spotify or from the partner's site, to link their account, and is sent on to Spotify's consent.
//! `GET /link`: a "Listen on Spotify" button, sent on to Spotify, which remembers the show and comes back to `/entrypoint`.

use shared::{
    chance::Chance,
    clock::Clock,
    config::{Config as _, EntrypointConfig, Environment, Pages},
    http::{Failure, Function, JOURNEY, Outcome, Problem, Request, Visitor, redirect},
    oauth::{authorize::AuthorizationRequest, binding::BrowserBinding, pkce::CodeVerifier, state::State},
    partner::{PartnerId, ShowUri},
    spotify::USER_SOA_LINK,
    start::{StartError, Storage},
    store::PendingLink,
    telemetry::Code,
};

/// The function and what it works with.
pub struct Entrypoint {
    config: EntrypointConfig,
    storage: Storage,
    clock: Clock,
    chance: Chance,
}

impl Entrypoint {
    /// The function, as this process is configured.
    ///
    /// # Errors
    /// As [`Self::start`].
    pub async fn of_process() -> Result<Self, StartError> {
        Self::start(Environment::of_process(), Clock::System, Chance::System).await
    }

    /// The function, its keys read and its connection to DynamoDB open.
    ///
    /// # Errors
    /// [`StartError`] when the configuration or the partner's keys are not what they must be.
    pub async fn start(environment: Environment, clock: Clock, chance: Chance) -> Result<Self, StartError> {
        let config = EntrypointConfig::from_environment(environment, &clock)?;
        let storage = Storage::start(&config.storage, &clock).await?;
        if !config.partner_id.looks_usual() {
            shared::log!(warn, Code::PartnerIdUnusual);
        }
        Ok(Self {
            config,
            storage,
            clock,
            chance,
        })
    }

    /// Sends a person to Spotify's consent, with all that the callback will need put by.
    async fn begin(&self, request: &Request, partner_id: &PartnerId) -> Result<Outcome, Failure> {
        let query = request.query()?;
        let show_dialog = query.one("show_dialog")? == Some("true");
        let keys = self.storage.partner_keys.get().await?;
        let mut browser = request.browser()?.ours(keys.current.browser_binding());
        let sign_in = &self.config.sign_in;
        let return_to = sign_in.public_url.at(request.path()) + if show_dialog { "?show_dialog=true" } else { "" };
        let visitor = sign_in.visitor(request, &keys, &mut browser, partner_id, &return_to, &self.chance)?;
        let (person, handoff) = match visitor {
            Visitor::SignedIn(person, handoff) => (person, handoff),
            Visitor::SentToSignIn(outcome) => return Ok(outcome),
        };
        request.is_about(partner_id, &keys.current.log_name(partner_id, &person.partner_user_id));

        let state = State::generate(&self.chance)?;
        let code_verifier = if self.config.pkce {
            Some(CodeVerifier::generate(&self.chance)?)
        } else {
            None
        };
        let binding = BrowserBinding::generate(&self.chance, keys.current.browser_binding())?;
        let location = AuthorizationRequest {
            endpoint: &self.config.authorization_endpoint(),
            client_id: &self.config.client_id,
            redirect_uri: &sign_in.public_url.redirect_uri(),
            scope: USER_SOA_LINK,
            state: &state,
            code_verifier: code_verifier.as_ref(),
            show_dialog,
        }
        .url();

        let pending = PendingLink {
            partner_id: partner_id.clone(),
            partner_user_id: person.partner_user_id,
            entitlements: person.entitlements,
            code_verifier,
            signed_in_by: person.signed_in_by,
            browser_binding: binding.hash(),
            expires_at: self.clock.now().saturating_add(JOURNEY),
        };
        let (pending_links, state) = (&self.storage.pending_links, state.hash());
        match handoff {
            Some(jti) => pending_links.put_handed_off(&state, &pending, &jti).await?,
            None => pending_links.put(&state, &pending).await?,
        }
        let answer = redirect(&location).ok_or(Problem::Fault("authorize URL"))?;
        let answer = answer.with_browser_cookie(browser.cookie_with(Some(&binding)).as_deref());
        Ok(Outcome {
            code: Code::ConsentSent,
            answer,
        })
    }

    /// Sends a person to Spotify's link starter, which puts the show at the top of its landing page.
    fn begin_at_spotify(&self, request: &Request, partner_id: &PartnerId) -> Result<Outcome, Failure> {
        let query = request.query()?;
        let show = ShowUri::parse(query.one("show")?.unwrap_or_default()).map_err(|_| Problem::Malformed("show"))?;
        let answer =
            redirect(&self.config.link_starter(partner_id, &show)).ok_or(Problem::Fault("link starter URL"))?;
        Ok(Outcome {
            code: Code::ShowChosen,
            answer,
        })
    }
}

impl Function for Entrypoint {
    const NAME: &'static str = "entrypoint";

    fn pages(&self) -> &Pages {
        &self.config.pages
    }

    async fn handle(&self, request: &Request) -> Result<Outcome, Failure> {
        let route = request.route().ok_or(Problem::NotFound)?;
        let partner_id = route.partner_id.as_ref().unwrap_or(&self.config.partner_id);
        match route.name {
            "entrypoint" => {
                request.only("GET")?;
                self.begin(request, partner_id).await
            }
            "link" => {
                request.only("GET")?;
                self.begin_at_spotify(request, partner_id)
            }
            _ => Err(Problem::NotFound.into()),
        }
    }
}
