//! `GET /account`: shows a signed-in person how they are linked. `GET /unlink`: asks a signed-in person whether they mean it. `POST /unlink`: does it, for the form of that page or for a signed request of
//! the partner's backend. Whoever is not linked is unlinked: doing it twice is success.

use serde::{Deserialize, Serialize};
use shared::{
    chance::Chance,
    clock::Clock,
    config::{Config as _, ConfigError, Environment, Pages, PublicUrl, UnlinkConfig},
    directory::{Directory, Site},
    http::{
        Account, Answer, Confirmation, DETOUR, Failure, Function, Intent, JOURNEY, LinkState, Outcome, Page, Problem,
        Reader, Request, StatusCode, Step, Visitor, no_content, redirect,
    },
    jws::JwsError,
    oauth::browser_binding::{BrowserBinding, BrowserBindings},
    outbound::Outbound,
    partner::{PartnerId, PartnerUserId},
    sealed,
    secret::same,
    secrets::Versions,
    sign_in::{Backend, PartnerKeys, Person, SignIn, person_meant},
    start::{Peers, StartError},
    store::{SignedInBy, Subscribers},
    telemetry::Code,
};

/// The function and what it works with.
pub struct Unlink {
    partners: Directory<Own>,
    subscribers: Subscribers,
    peers: Peers,
    clock: Clock,
    chance: Chance,
}

/// What is each partner's own.
struct Own {
    config: UnlinkConfig,
    sign_in: SignIn,
    backend: Option<Backend>,
}

impl Own {
    fn new(environment: Environment, outbound: &Outbound, clock: &Clock) -> Result<Self, ConfigError> {
        let config = UnlinkConfig::from_environment(environment)?;
        let sign_in = SignIn::new(config.sign_in.clone(), outbound, clock);
        let jwks_url = config.backend_jwks_url.as_ref();
        let issuer = config.backend_issuer.clone();
        let backend = issuer.map(|issuer| Backend::new(issuer, jwks_url, outbound, clock));
        Ok(Self {
            config,
            sign_in,
            backend,
        })
    }

    fn reader<'a>(&'a self, request: &'a Request, intent: &'a Intent) -> Reader<'a> {
        Reader {
            pages: &self.config.pages,
            public_url: &self.config.sign_in.public_url,
            language: intent.language.unwrap_or_else(|| request.language()),
            intent,
            request_id: request.shown_id(),
        }
    }
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
        let config = UnlinkConfig::from_environment(environment.clone())?;
        let outbound = Outbound::new()?;
        let dynamodb = config.peers.storage.aws.dynamodb(&outbound);
        let (partner_id, table, aws) = (config.partner_id, config.partners_table, &config.peers.storage.aws);
        let partners = Directory::new(partner_id, table, aws, environment, &outbound, &clock, Own::new)?;
        let subscribers = Subscribers::new(dynamodb, config.subscribers_table.clone());
        let sign_in = &partners.home().own.sign_in;
        let peers = Peers::start(&config.peers, sign_in, &outbound, &clock, &chance).await?;
        Ok(Self {
            partners,
            subscribers,
            peers,
            clock,
            chance,
        })
    }

    /// Whoever is to see the page of `intent`, or the answer that makes them known to us first.
    async fn visitor(
        &self,
        request: &Request,
        keys: &Versions<PartnerKeys>,
        browser: &mut BrowserBindings,
        site: &Site<Own>,
        intent: &Intent,
    ) -> Result<Result<Person, Outcome>, Failure> {
        let now = self.clock.now();
        let (partner_id, sign_in) = (&site.partner_id, &site.own.sign_in);
        let visitor = sign_in.visitor(request, keys, browser, partner_id, intent, now).await?;
        match visitor {
            Visitor::SignedIn(person) => {
                request.is_about(partner_id, &keys.current.log_name(partner_id, &person.partner_user_id));
                Ok(Ok(person))
            }
            // The token is spent, and leaves the address: the page can be loaded again.
            Visitor::HandedOver(person, jti) => {
                request.is_about(partner_id, &keys.current.log_name(partner_id, &person.partner_user_id));
                let invocation = self.invocation()?;
                self.peers.storage.pending_links.use_once(&jti, &invocation).await?;
                let visit = person
                    .visit(&keys.current, partner_id, now)
                    .ok_or(Problem::Fault("visit"))?;
                let answer = redirect(&intent.path()).ok_or(Problem::Fault("return_to"))?;
                let answer = answer.with_browser_cookie(browser.cookie_with(None).as_deref(), DETOUR);
                Ok(Err(Outcome {
                    code: Code::SignedIn,
                    answer: answer.with_visit_cookie(&visit),
                }))
            }
            Visitor::SignedOut => {
                let sent = sign_in.send_to_sign_in(&keys.current, browser, partner_id, intent, &self.chance)?;
                Ok(Err(sent))
            }
        }
    }

    /// Names this invocation, for writes that work once.
    fn invocation(&self) -> Result<String, Problem> {
        Ok(shared::encoding::hex(&self.chance.bytes::<16>()?))
    }

    /// Shows a person how they are linked.
    async fn account(&self, request: &Request, site: &Site<Own>) -> Result<Outcome, Failure> {
        let intent = Intent::of(request)?;
        let (partner_id, config) = (&site.partner_id, &site.own.config);
        let reader = site.own.reader(request, &intent);
        let frame_origin = config.frame_origin.as_ref();
        let framed = |answer: Answer| match frame_origin {
            Some(origin) => answer.framed_by(origin),
            None => answer,
        };
        let keys = self.peers.storage.partner_keys.get().await?;
        let mut browser = request.browser()?.ours(keys.current.browser_binding());
        let person = match self.visitor(request, &keys, &mut browser, site, &intent).await? {
            Ok(person) => person,
            Err(outcome)
                if outcome.code == Code::SignInNeeded && frame_origin.is_some() && request.is_for_a_frame() =>
            {
                return Ok(Outcome {
                    answer: framed(Page::signed_out_in_frame(&reader)),
                    ..outcome
                });
            }
            Err(outcome) => return Ok(outcome),
        };
        let link = match self
            .peers
            .spotify
            .get_entitlements(partner_id, &person.partner_user_id)
            .await
        {
            Ok(Some(entitlements)) => LinkState::Linked(entitlements),
            Ok(None) => LinkState::NotLinked,
            Err(error) => {
                // The page says so too; nothing else that is on it depends on Spotify.
                Problem::Spotify(Step::Look, error).log();
                LinkState::Unknown
            }
        };
        let page = Account {
            name: person.name.as_deref(),
            reference: &keys.current.log_name(partner_id, &person.partner_user_id),
            link,
            shows: &config.shows,
        };
        Ok(Outcome {
            code: Code::AccountShown,
            answer: framed(page.answer(&reader)),
        })
    }

    /// Asks the person whether they mean it.
    async fn ask(&self, request: &Request, site: &Site<Own>) -> Result<Outcome, Failure> {
        let intent = Intent::of(request)?;
        let partner_id = &site.partner_id;
        let keys = self.peers.storage.partner_keys.get().await?;
        let mut browser = request.browser()?.ours(keys.current.browser_binding());
        let person = match self.visitor(request, &keys, &mut browser, site, &intent).await? {
            Ok(person) => person,
            Err(outcome) => return Ok(outcome),
        };
        let binding = BrowserBinding::generate(&self.chance, keys.current.browser_binding())?;
        let form = UnlinkForm {
            partner_id: partner_id.as_str().to_owned(),
            partner_user_id: person.partner_user_id.expose().to_owned(),
            in_session: person.signed_in_by == SignedInBy::Session,
            browser_binding: binding.hash(),
            expires_at: self.clock.now().saturating_add(JOURNEY),
        };
        let form_token = sealed::seal(keys.current.unlink_form(), &form).ok_or(Problem::Fault("unlink form"))?;
        let confirmation = Confirmation {
            form_token: &form_token,
        };
        let answer = confirmation.answer(&site.own.reader(request, &intent));
        let answer = answer.with_browser_cookie(browser.cookie_with(Some(&binding)).as_deref(), JOURNEY);
        Ok(Outcome {
            code: Code::UnlinkAsked,
            answer,
        })
    }

    /// Does what the person confirmed on our page.
    async fn confirmed(&self, request: &Request, site: &Site<Own>) -> Result<Outcome, Failure> {
        let (partner_id, own) = (&site.partner_id, &site.own);
        request.must_be_from_our_page(&own.config.sign_in.public_url)?;
        let intent = Intent::of(request)?;
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
        // Whoever came in another way need not have a session; if there is one, it must be theirs.
        match own.sign_in.in_session(request, &keys, partner_id).await? {
            Some(person) if !person.is(&partner_user_id) => return Err(Problem::Form("somebody else").into()),
            None if form.in_session => return Err(Problem::Form("signed out").into()),
            _ => {}
        }
        request.is_about(partner_id, &keys.current.log_name(partner_id, &partner_user_id));

        self.unlink(partner_id, &partner_user_id).await?;
        browser.forget(&form.browser_binding);
        let page = Page::Unlinked.answer(StatusCode::OK, &own.reader(request, &intent));
        Ok(Outcome {
            code: Code::Unlinked,
            answer: page.with_browser_cookie(browser.cookie_with(None).as_deref(), DETOUR),
        })
    }

    /// Does what the partner's backend signed.
    async fn requested(&self, request: &Request, site: &Site<Own>) -> Result<Outcome, Failure> {
        let keys = self.peers.storage.partner_keys.get().await?;
        let partner_id = &site.partner_id;
        let audience = site.own.config.sign_in.public_url.at(request.path());
        let backend = site.own.backend.as_ref().ok_or(Problem::Token(JwsError::UnknownKey))?;
        let asked = backend
            .request(&keys, request.body_text()?, &audience, partner_id)
            .await?;
        let partner_user_id = person_meant(&keys, partner_id, &asked.claims).map_err(Problem::from)?;
        request.is_about(partner_id, &keys.current.log_name(partner_id, &partner_user_id));
        let invocation = self.invocation()?;
        self.peers
            .storage
            .pending_links
            .use_once(&asked.jti, &invocation)
            .await?;
        self.unlink(partner_id, &partner_user_id).await?;
        Ok(Outcome {
            code: Code::Unlinked,
            answer: no_content(),
        })
    }

    /// Unlinks at Spotify, and notes meanwhile that it is being done. Whatever becomes of the note, the link is Spotify's; it is asked about, later.
    async fn unlink(&self, partner_id: &PartnerId, partner_user_id: &PartnerUserId) -> Result<(), Problem> {
        // On the heap: two clients' calls at once.
        let both = Box::pin(async {
            tokio::join!(
                self.peers.spotify.unlink_user(partner_id, partner_user_id),
                self.subscribers
                    .unlinking(partner_id, partner_user_id, self.clock.now()),
            )
        });
        let (unlinked, noted) = both.await;
        if let Err(error) = noted {
            Problem::Store(error).log();
        }
        unlinked.map_err(|error| Problem::Spotify(Step::Unlink, error))
    }
}

impl Function for Unlink {
    const NAME: &'static str = "unlink";

    fn pages(&self) -> &Pages {
        &self.partners.home().own.config.pages
    }

    fn public_url(&self) -> &PublicUrl {
        &self.partners.home().own.config.sign_in.public_url
    }

    async fn handle(&self, request: &Request) -> Result<Outcome, Failure> {
        let route = request.route().ok_or(Problem::NotFound)?;
        let method = request.only(match route.name {
            "account" => "GET",
            "unlink" => "GET, POST",
            _ => return Err(Problem::NotFound.into()),
        })?;
        let site = self.partners.site(route.partner_id.as_ref()).await?;
        let config = &site.own.config;
        let answered = match (route.name, method.as_str()) {
            ("account", _) => {
                let shown = self.account(request, &site).await;
                shown.map_err(|failure| failure.framed_by(config.frame_origin.as_ref()))
            }
            (_, "GET") => self.ask(request, &site).await,
            _ if request.has_content_type("application/jwt") => self.requested(request, &site).await,
            _ => self.confirmed(request, &site).await,
        };
        answered.map_err(|failure| failure.on_pages_of(&config.pages))
    }
}
