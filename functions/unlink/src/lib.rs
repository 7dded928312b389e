//! `GET /unlink`: asks a signed-in person whether they mean it. `POST /unlink`: does it, for the form of that page or for a signed request of
//! the partner's backend. Whoever is not linked is unlinked: doing it twice is success.

use serde::{Deserialize, Serialize};
use shared::{
    chance::Chance,
    clock::Clock,
    config::{Config as _, Environment, Pages, UnlinkConfig},
    http::{
        Confirmation, Failure, Function, JOURNEY, Outcome, Page, Problem, Request, StatusCode, Step, Visitor,
        no_content,
    },
    jws::JwsError,
    oauth::binding::BrowserBinding,
    partner::{PartnerId, PartnerUserId},
    sealed,
    secret::same,
    sign_in::backend_request,
    start::{Peers, StartError},
    store::SignedInBy,
    telemetry::Code,
};

/// The function and what it works with.
pub struct Unlink {
    config: UnlinkConfig,
    peers: Peers,
    clock: Clock,
    chance: Chance,
}

/// What our form brings back: who asked for it, in which browser, and until when it is good. Sealed, so that it says nothing to anybody.
#[derive(Serialize, Deserialize)]
struct UnlinkForm {
    partner_id: String,
    partner_user_id: String,
    in_session: bool,
    browser_binding: String,
    expires_at: i64,
}

impl Unlink {
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
        let config = UnlinkConfig::from_environment(environment, &clock)?;
        let peers = Peers::start(&config.peers, &clock, &chance).await?;
        Ok(Self {
            config,
            peers,
            clock,
            chance,
        })
    }

    /// Asks the person whether they mean it.
    async fn ask(&self, request: &Request, partner_id: &PartnerId) -> Result<Outcome, Failure> {
        let keys = self.peers.storage.partner_keys.get().await?;
        let mut browser = request.browser()?.ours(keys.current.browser_binding());
        let sign_in = &self.config.sign_in;
        let return_to = sign_in.public_url.at(request.path());
        let visitor = sign_in.visitor(request, &keys, &mut browser, partner_id, &return_to, &self.chance)?;
        let (person, handoff) = match visitor {
            Visitor::SignedIn(person, handoff) => (person, handoff),
            Visitor::SentToSignIn(outcome) => return Ok(outcome),
        };
        request.is_about(partner_id, &keys.current.log_name(partner_id, &person.partner_user_id));

        let binding = BrowserBinding::generate(&self.chance, keys.current.browser_binding())?;
        if let Some(jti) = handoff {
            self.peers.storage.pending_links.use_once(&jti, &binding.hash()).await?;
        }
        let form = UnlinkForm {
            partner_id: partner_id.as_str().to_owned(),
            partner_user_id: person.partner_user_id.expose().to_owned(),
            in_session: person.signed_in_by == SignedInBy::Session,
            browser_binding: binding.hash(),
            expires_at: self.clock.now().saturating_add(JOURNEY),
        };
        let form_token = sealed::seal(keys.current.unlink_form(), &form).ok_or(Problem::Fault("unlink form"))?;
        let confirmation = Confirmation {
            action: request.path(),
            form_token: &form_token,
        };
        let answer = confirmation.answer(&self.config.pages, request.shown_id());
        let answer = answer.with_browser_cookie(browser.cookie_with(Some(&binding)).as_deref());
        Ok(Outcome {
            code: Code::UnlinkAsked,
            answer,
        })
    }

    /// Does what the person confirmed on our page.
    async fn confirmed(&self, request: &Request, partner_id: &PartnerId) -> Result<Outcome, Failure> {
        request.must_be_from_our_page(&self.config.sign_in.public_url)?;
        if !request.has_content_type("application/x-www-form-urlencoded") {
            return Err(Problem::Form("content-type").into());
        }
        let fields = request.form()?;
        let form_token = fields.one("form_token")?.ok_or(Problem::Form("form_token"))?;
        let keys = self.peers.storage.partner_keys.get().await?;
        let key = keys.current.unlink_form();
        let form: UnlinkForm = sealed::open(key, form_token).ok_or(Problem::Form("form_token"))?;

        let mut browser = request.browser()?.ours(keys.current.browser_binding());
        if !browser
            .iter()
            .any(|binding| same(binding.hash().as_bytes(), form.browser_binding.as_bytes()))
        {
            return Err(Problem::Form("another browser").into());
        }
        if form.expires_at <= self.clock.now() || form.partner_id != partner_id.as_str() {
            return Err(Problem::Form("expired").into());
        }
        let partner_user_id = PartnerUserId::parse(&form.partner_user_id).map_err(|_| Problem::Form("form_token"))?;
        if form.in_session {
            let person = self.config.sign_in.in_session(request, &keys, partner_id)?;
            let person = person.ok_or(Problem::Form("signed out"))?;
            if !same(
                person.partner_user_id.expose().as_bytes(),
                partner_user_id.expose().as_bytes(),
            ) {
                return Err(Problem::Form("somebody else").into());
            }
        }
        request.is_about(partner_id, &keys.current.log_name(partner_id, &partner_user_id));

        self.unlink(partner_id, &partner_user_id).await?;
        browser.forget(&form.browser_binding);
        let page = Page::Unlinked.answer(StatusCode::OK, &self.config.pages, "/entrypoint", request.shown_id());
        Ok(Outcome {
            code: Code::Unlinked,
            answer: page.with_browser_cookie(browser.cookie_with(None).as_deref()),
        })
    }

    /// Does what the partner's backend signed.
    async fn requested(&self, request: &Request, partner_id: &PartnerId) -> Result<Outcome, Failure> {
        let keys = self.peers.storage.partner_keys.get().await?;
        let audience = self.config.sign_in.public_url.at(request.path());
        let issuer = self
            .config
            .backend_issuer
            .as_deref()
            .ok_or(Problem::Token(JwsError::UnknownKey))?;
        let asked = backend_request(
            &keys,
            request.body_text()?,
            issuer,
            &audience,
            partner_id,
            self.clock.now(),
        );
        let asked = asked.map_err(Problem::from)?;
        request.is_about(partner_id, &keys.current.log_name(partner_id, &asked.partner_user_id));
        let invocation = shared::encoding::hex(&self.chance.bytes::<16>()?);
        self.peers
            .storage
            .pending_links
            .use_once(&asked.jti, &invocation)
            .await?;
        self.unlink(partner_id, &asked.partner_user_id).await?;
        Ok(Outcome {
            code: Code::Unlinked,
            answer: no_content(),
        })
    }

    async fn unlink(&self, partner_id: &PartnerId, partner_user_id: &PartnerUserId) -> Result<(), Problem> {
        let unlinked = self.peers.spotify.unlink_user(partner_id, partner_user_id).await;
        unlinked.map_err(|error| Problem::Spotify(Step::Unlink, error))
    }
}

impl Function for Unlink {
    const NAME: &'static str = "unlink";

    fn pages(&self) -> &Pages {
        &self.config.pages
    }

    async fn handle(&self, request: &Request) -> Result<Outcome, Failure> {
        let route = request.route().ok_or(Problem::NotFound)?;
        let partner_id = route.partner_id.as_ref().unwrap_or(&self.config.partner_id);
        if route.name != "unlink" {
            return Err(Problem::NotFound.into());
        }
        if request.only("GET, POST")? == "GET" {
            self.ask(request, partner_id).await
        } else if request.has_content_type("application/jwt") {
            self.requested(request, partner_id).await
        } else {
            self.confirmed(request, partner_id).await
        }
    }
}
