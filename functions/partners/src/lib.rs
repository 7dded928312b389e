//! What operators do about partners, by `aws lambda invoke` or the `soa-link` command; no route leads here. An event is a command, and the answer says how it went:
//! what was asked for, or `{"error": {"code", "message"}}` with nothing done.

mod command;

use std::{collections::BTreeMap, time::Duration};

use serde_json::{Map, Value, json};
use shared::{
    chance::Chance,
    clock::Clock,
    config::{self, Config as _, Environment, PartnersConfig, check_partner_settings},
    jws::JwsError,
    log,
    outbound::{Outbound, OutboundError},
    partner::{Entitlements, Logo, PartnerError, PartnerId},
    secrets::Secret,
    sign_in::{PartnerKeys, person_meant},
    spotify::{Spotify, SpotifyError},
    start::StartError,
    store::{self, Begun, Creation, Guard, Partner, StoreError, Subscriber, Subscribers},
    telemetry::Code,
    worker::{Unfinished, Worker},
};
use url::Url;

use self::command::{Command, CreatePartner, Explain, PutPartner, ReleaseGuard, SettleCreation, UploadLogo};

/// For fetching a logo.
const FETCH: Duration = Duration::from_secs(15);
/// How often what Spotify answered is written down, should DynamoDB not take it at once: it is nowhere else.
const TRIES: u32 = 4;
/// How long a guard is released, in seconds, and how long at most.
const RELEASED: i64 = 3600;
const LONGEST_RELEASE: i64 = 24 * 3600;

/// The function and what it works with.
pub struct Partners {
    config: PartnersConfig,
    table: store::Partners,
    subscribers: Subscribers,
    guard: Guard,
    partner_keys: Secret<PartnerKeys>,
    spotify: Spotify,
    outbound: Outbound,
    clock: Clock,
}

/// Why a command was not carried out.
#[derive(Debug, thiserror::Error)]
enum Refusal {
    #[error("{0}")]
    Invalid(String),
    #[error("{0}")]
    Conflict(String),
    #[error("{0}")]
    Uncertain(String),
    #[error("there is no such {0}")]
    NotFound(&'static str),
    #[error("Spotify: {0}")]
    Spotify(#[from] SpotifyError),
    #[error("{0}")]
    Store(#[from] StoreError),
    #[error("{0}")]
    Secret(#[from] shared::secrets::SecretError),
}

impl Refusal {
    fn code(&self) -> &'static str {
        match self {
            Self::Invalid(_) => "invalid_request",
            Self::Conflict(_) => "conflict",
            Self::Uncertain(_) => "uncertain",
            Self::NotFound(_) => "not_found",
            Self::Spotify(error) if error.is_certain() => "spotify_refused",
            Self::Spotify(_) => "spotify_unavailable",
            Self::Store(_) | Self::Secret(_) => "temporarily_unavailable",
        }
    }
}

impl From<PartnerError> for Refusal {
    fn from(error: PartnerError) -> Self {
        Self::Invalid(error.to_string())
    }
}

impl Partners {
    fn check_settings(&self, settings: &BTreeMap<String, String>) -> Result<(), Refusal> {
        check_partner_settings(settings, &self.config.public_url).map_err(|error| Refusal::Invalid(error.to_string()))
    }

    /// The function, as this process is configured.
    ///
    /// # Errors
    /// As [`Self::start`].
    pub async fn of_process() -> Result<Self, StartError> {
        Self::start(Environment::of_process(), Clock::System, Chance::System).await
    }

    /// The function, its client secret read and its connections open.
    ///
    /// # Errors
    /// [`StartError`] when the configuration or the client secret is not what it must be. Spotify being down is none.
    pub async fn start(environment: Environment, clock: Clock, chance: Chance) -> Result<Self, StartError> {
        let config = PartnersConfig::from_environment(environment)?;
        let outbound = Outbound::new()?;
        let dynamodb = config.aws.dynamodb(&outbound);
        let secrets_manager = config.aws.secrets_manager(&outbound);
        let client_secret = Secret::new(secrets_manager.clone(), config.client_secret_id.clone(), clock.clone());
        let partner_keys = Secret::new(secrets_manager, config.partner_keys_id.clone(), clock.clone());
        let spotify = Spotify::new(
            config.spotify.clone(),
            outbound.clone(),
            client_secret,
            clock.clone(),
            chance,
        );
        spotify.prepare().await?;
        Ok(Self {
            table: store::Partners::new(dynamodb.clone(), config.partners_table.clone()),
            guard: Guard::new(dynamodb.clone(), config.subscribers_table.clone(), config.guard),
            subscribers: Subscribers::new(dynamodb, config.subscribers_table.clone()),
            config,
            partner_keys,
            spotify,
            outbound,
            clock,
        })
    }

    async fn carry_out(&self, command: Command) -> Result<Value, Refusal> {
        match command {
            Command::CreatePartner(ask) => self.create(ask).await,
            Command::SettleCreation(ask) => self.settle(ask).await,
            Command::PutPartner(ask) => self.put(ask).await,
            Command::ListPartners(_) => {
                let (partners, unfinished) = self.table.all().await?;
                Ok(json!({
                    "partners": partners.iter().map(told).collect::<Vec<_>>(),
                    "unfinished": unfinished.iter().map(|creation| json!({
                        "reference": creation.reference.as_str(), "name": creation.name, "asked_at": creation.asked_at,
                    })).collect::<Vec<_>>(),
                }))
            }
            Command::DisablePartner(of) => self.disable(&of.partner_id, Some(self.clock.now())).await,
            Command::EnablePartner(of) => self.disable(&of.partner_id, None).await,
            Command::UploadLogo(ask) => self.upload_logo(ask).await,
            Command::GuardState(of) => self.guard_state(&PartnerId::parse(&of.partner_id)?).await,
            Command::ReleaseGuard(ask) => self.release_guard(&ask).await,
            // On the heap: four calls at once.
            Command::Explain(ask) => Box::pin(self.explain(ask)).await,
        }
    }

    /// Has Spotify create a partner: written down before, asked once, and written down after. Asked again, it is not created again.
    async fn create(&self, ask: CreatePartner) -> Result<Value, Refusal> {
        let reference = parse_reference(&ask.reference)?;
        let name = parse_name(&ask.name)?;
        let own = self.config.public_url.at(&format!("/partners/{reference}/entrypoint"));
        let entrypoint_url = parse_https(ask.entrypoint_url.as_deref().unwrap_or(&own), "entrypoint_url")?;
        self.check_settings(&ask.settings)?;
        // Paths name partners by both: a reference must not be taken for another partner.
        let named = self.table.get(&reference).await?;
        if reference == self.config.partner_id || named.is_some_and(|named| named.partner_id == reference) {
            return Err(Refusal::Conflict("this reference is the id of a partner".to_owned()));
        }
        let creation = Creation {
            reference,
            name,
            entrypoint_url: entrypoint_url.to_string(),
            settings: ask.settings,
            asked_at: self.clock.now(),
            partner_id: None,
        };
        match self.table.begin(&creation).await? {
            Begun::Now => {}
            Begun::Before(before) => return self.created_before(&creation, &before).await,
            Begun::NameTaken => {
                return Err(Refusal::Conflict(
                    "a partner of this name was created under another reference".to_owned(),
                ));
            }
        }
        log!(info, Code::PartnerCreating);
        match self.spotify.create_partner(&creation.name, &entrypoint_url).await {
            Ok(partner_id) => {
                // The log has the id first: whatever becomes of the table, it is not lost.
                log!(info, Code::PartnerCreated, partner_id = partner_id.as_str());
                self.finish(&creation, &partner_id).await
            }
            Err(error) if error.is_certain() => {
                self.table.forget(&creation).await?;
                Err(error.into())
            }
            Err(error) => {
                log!(error, Code::PartnerUncertain, reason = error.to_string());
                Err(uncertain())
            }
        }
    }

    async fn created_before(&self, asked: &Creation, before: &Creation) -> Result<Value, Refusal> {
        let same = (&asked.name, &asked.entrypoint_url) == (&before.name, &before.entrypoint_url);
        if !same {
            return Err(Refusal::Conflict(
                "another partner was created under this reference".to_owned(),
            ));
        }
        let partner_id = before.partner_id.as_ref().ok_or_else(uncertain)?;
        let partner = self.table.get(partner_id).await?;
        Ok(told(&partner.ok_or(Refusal::NotFound("partner"))?))
    }

    async fn finish(&self, creation: &Creation, partner_id: &PartnerId) -> Result<Value, Refusal> {
        let mut tries = 0;
        loop {
            tries += 1;
            match self.table.finish(creation, partner_id).await {
                Ok(partner) => return Ok(told(&partner)),
                Err(StoreError::Unavailable) if tries < TRIES => tokio::time::sleep(Duration::from_secs(1)).await,
                Err(StoreError::Used) => {
                    return Err(Refusal::Conflict(
                        "this creation, or this partner, is written down already".to_owned(),
                    ));
                }
                Err(error) => {
                    log!(
                        error,
                        Code::PartnerUncertain,
                        partner_id = partner_id.as_str(),
                        reason = error.to_string()
                    );
                    return Err(Refusal::Uncertain(format!(
                        "Spotify has created the partner {partner_id}, and DynamoDB has not taken it: settle-creation with it"
                    )));
                }
            }
        }
    }

    /// Writes down how a creation ended, which an operator has found out.
    async fn settle(&self, ask: SettleCreation) -> Result<Value, Refusal> {
        let reference = parse_reference(&ask.reference)?;
        let creation = self
            .table
            .creation(&reference)
            .await?
            .ok_or(Refusal::NotFound("creation"))?;
        match (ask.partner_id, ask.not_created) {
            (Some(partner_id), false) => self.finish(&creation, &PartnerId::parse(&partner_id)?).await,
            (None, true) => match self.table.forget(&creation).await {
                Err(StoreError::Used) => Err(Refusal::Conflict("this creation has ended".to_owned())),
                forgotten => Ok(forgotten.map(|()| json!({}))?),
            },
            _ => Err(Refusal::Invalid(
                "either partner_id or not_created is needed".to_owned(),
            )),
        }
    }

    async fn put(&self, ask: PutPartner) -> Result<Value, Refusal> {
        let partner_id = PartnerId::parse(&ask.partner_id)?;
        if partner_id == self.config.partner_id {
            return Err(Refusal::Invalid(
                "the deployment's own partner is set up by the stack's parameters".to_owned(),
            ));
        }
        self.must_be_an_id(&partner_id).await?;
        self.check_settings(&ask.settings)?;
        let url = ask
            .entrypoint_url
            .map(|url| parse_https(&url, "entrypoint_url"))
            .transpose()?;
        let before = self.table.get(&partner_id).await?;
        let partner = Partner {
            partner_id,
            name: parse_name(&ask.name)?,
            entrypoint_url: url.map(Url::into),
            settings: ask.settings,
            disabled_at: before.and_then(|before| before.disabled_at),
            version: ask.version,
        };
        if self.table.put(&partner).await? {
            Ok(told(&Partner {
                version: partner.version + 1,
                ..partner
            }))
        } else {
            Err(Refusal::Conflict(
                "there is another version of this partner: list-partners shows it".to_owned(),
            ))
        }
    }

    /// A partner that was created here has an id of Spotify's, and what is kept of it is kept under that.
    async fn must_be_an_id(&self, partner_id: &PartnerId) -> Result<(), Refusal> {
        match self.table.creation(partner_id).await? {
            None => Ok(()),
            Some(creation) => Err(Refusal::Invalid(match creation.partner_id {
                Some(id) => format!("this is a reference; the partner's id is {id}"),
                None => "this is a reference, of a partner that is not created yet".to_owned(),
            })),
        }
    }

    async fn disable(&self, partner_id: &str, at: Option<i64>) -> Result<Value, Refusal> {
        let partner_id = PartnerId::parse(partner_id)?;
        if self.table.disable(&partner_id, at).await? {
            Ok(json!({"partner_id": partner_id.as_str(), "disabled_at": at}))
        } else {
            Err(Refusal::NotFound("partner"))
        }
    }

    /// Looks at the logo here before Spotify does, for Spotify does not say what it dislikes.
    async fn upload_logo(&self, ask: UploadLogo) -> Result<Value, Refusal> {
        let partner_id = PartnerId::parse(&ask.partner_id)?;
        let url = parse_https(&ask.logo_url, "logo_url")?;
        let fetched = self.outbound.fetch(url.as_str(), Logo::MOST, FETCH).await;
        let fetched = fetched.map_err(|error| match error {
            OutboundError::TooLarge => PartnerError::LogoBytes.into(),
            error => Refusal::Invalid(format!("the logo cannot be fetched: {error}")),
        })?;
        if !fetched.status().is_success() {
            let status = fetched.status().as_u16();
            return Err(Refusal::Invalid(format!(
                "the logo cannot be fetched: its URL answers {status}"
            )));
        }
        let logo = Logo::parse(fetched.into_body())?;
        let media_type = logo.media_type();
        let uploading = self.spotify.upload_logo(&partner_id, media_type, logo.into_bytes());
        uploading.await?;
        Ok(json!({"partner_id": partner_id.as_str(), "media_type": media_type}))
    }

    async fn guard_state(&self, partner_id: &PartnerId) -> Result<Value, Refusal> {
        let state = self.guard.state(partner_id, self.clock.now()).await?;
        Ok(json!({
            "partner_id": partner_id.as_str(), "held_since": state.held_since, "released_until": state.released_until,
            "people": state.people, "most": state.most,
        }))
    }

    async fn release_guard(&self, ask: &ReleaseGuard) -> Result<Value, Refusal> {
        let partner_id = PartnerId::parse(&ask.partner_id)?;
        let seconds = ask.seconds.unwrap_or(RELEASED);
        if !(1..=LONGEST_RELEASE).contains(&seconds) {
            return Err(Refusal::Invalid("seconds must be 1 to 86400".to_owned()));
        }
        self.must_be_an_id(&partner_id).await?;
        let until = self.clock.now().saturating_add(seconds);
        self.guard.release(&partner_id, until).await?;
        self.guard_state(&partner_id).await
    }

    /// All that is known of a person, and what Spotify says of them now.
    async fn explain(&self, ask: Explain) -> Result<Value, Refusal> {
        let partner_id = ask.partner_id.as_deref().map(PartnerId::parse).transpose()?;
        let partner_id = partner_id.unwrap_or_else(|| self.config.partner_id.clone());
        let claims = [("sub", ask.sub), ("partner_user_id", ask.partner_user_id)];
        let claims = claims
            .into_iter()
            .filter_map(|(name, value)| Some((name.to_owned(), value?)));
        let keys = self.partner_keys.get().await?;
        let person = person_meant(&keys, &partner_id, &claims.collect()).map_err(|error| match error {
            JwsError::Claim(name) => Refusal::Invalid(format!("{name} is not what it must be, or is missing")),
            error => Refusal::Invalid(error.to_string()),
        })?;
        let (subscriber, spotify, guard, partner) = tokio::join!(
            self.subscribers.get(&partner_id, &person),
            Box::pin(self.spotify.get_entitlements(&partner_id, &person)),
            self.guard.state(&partner_id, self.clock.now()),
            self.table.get(&partner_id),
        );
        let spotify = match spotify {
            Ok(Some(entitlements)) => json!({"linked": true, "entitlements": names(&entitlements)}),
            Ok(None) => json!({"linked": false}),
            Err(error) => json!({"error": error.to_string()}),
        };
        let mut explained = known(&subscriber?);
        explained.extend([
            ("partner_id".to_owned(), partner_id.as_str().into()),
            ("person".to_owned(), keys.current.log_name(&partner_id, &person).into()),
            ("spotify".to_owned(), spotify),
            ("guard_held_since".to_owned(), guard?.held_since.into()),
            (
                "partner_disabled".to_owned(),
                partner?.is_some_and(|partner| partner.disabled_at.is_some()).into(),
            ),
            ("now".to_owned(), self.clock.now().into()),
        ]);
        Ok(explained.into())
    }
}

/// What our table has of a person.
fn known(subscriber: &Subscriber) -> Map<String, Value> {
    let link = &subscriber.link;
    let known = json!({
        "wanted": subscriber.wanted().map(names), "claimed": subscriber.claimed.as_ref().map(names),
        "version": subscriber.version, "synced_version": subscriber.synced_version, "synced_at": subscriber.synced_at,
        "held": subscriber.held.as_ref().map(names), "failure": subscriber.failure, "tries": subscriber.tries,
        "next_try_at": subscriber.next_try_at, "registered_at": subscriber.registered_at,
        "link": {"state": link.state.as_str(), "since": link.since, "evidence": link.evidence},
    });
    known.as_object().cloned().unwrap_or_default()
}

fn names(entitlements: &Entitlements) -> Vec<&str> {
    entitlements.iter().collect()
}

fn told(partner: &Partner) -> Value {
    json!({
        "partner_id": partner.partner_id.as_str(), "name": partner.name, "entrypoint_url": partner.entrypoint_url,
        "settings": partner.settings, "disabled_at": partner.disabled_at, "version": partner.version,
    })
}

fn uncertain() -> Refusal {
    Refusal::Uncertain(
        "it is not known whether Spotify has created this partner: ask Spotify, then settle-creation with its partner_id or with not_created".to_owned(),
    )
}

fn parse_reference(reference: &str) -> Result<PartnerId, Refusal> {
    PartnerId::parse(reference)
        .map_err(|_| Refusal::Invalid("a reference is 1 to 64 characters of 0-9, A-Z, a-z".to_owned()))
}

/// A line that people read.
fn parse_name(name: &str) -> Result<String, Refusal> {
    let name = name.trim();
    if (1..=100).contains(&name.chars().count()) && !name.chars().any(char::is_control) {
        Ok(name.to_owned())
    } else {
        Err(Refusal::Invalid("a name is a line of 1 to 100 characters".to_owned()))
    }
}

fn parse_https(url: &str, what: &str) -> Result<Url, Refusal> {
    let url = Url::parse(url).ok().filter(config::is_secure);
    url.ok_or_else(|| Refusal::Invalid(format!("{what} is not an https URL")))
}

impl Worker for Partners {
    const NAME: &'static str = "partners";

    async fn work(&self, event: &Value, _within: Duration) -> Result<Value, Unfinished> {
        let (name, done) = match serde_json::from_value::<Command>(event.clone()) {
            Ok(command) => (command.name(), self.carry_out(command).await),
            // What serde says may repeat a value of the event.
            Err(_) => (
                "unknown",
                Err(Refusal::Invalid(
                    "no command that is known, with its members".to_owned(),
                )),
            ),
        };
        match done {
            Ok(answer) => {
                log!(info, Code::OperatorAsked, command = name);
                Ok(answer)
            }
            Err(refusal) => {
                log!(warn, Code::OperatorAsked, command = name, reason = refusal.code());
                Ok(json!({"error": {"code": refusal.code(), "message": refusal.to_string()}}))
            }
        }
    }
}
