//! Operator commands for partners, sent with `aws lambda invoke` or `soa-link`; no route leads here.
//!
//! An event is a command. The response is its result, or `{"error": {"code", "message"}}`.

mod command;
mod creation;
mod explain;
mod holds;
mod logo;

use std::{collections::BTreeMap, time::Duration};

use serde_json::{Value, json};
use shared::{
    clock::Clock,
    config::{Config as _, Environment, PartnersConfig, check_partner_settings},
    http_client::{HttpClient, HttpError},
    log,
    partner::{PartnerError, PartnerId},
    rng::Rng,
    runtime::{
        startup::StartError,
        worker::{EventError, EventFunction},
    },
    secrets::ManagedSecret,
    sign_in::PartnerKeys,
    spotify::{Spotify, SpotifyError},
    store::{self, PartnerRecord, PartnerWrite, RevocationGuard, StoreError, Subscribers, UnlinkBrake},
    telemetry::Code,
    urls::is_secure,
};
use url::Url;

use self::{
    command::{Command, PutPartner, UploadLogo},
    holds::Hold,
    logo::{Logo, LogoError},
};

/// Upper bound of the time to fetch a logo.
pub const FETCH_TIMEOUT: Duration = Duration::from_secs(15);

/// The partners function.
pub struct Partners {
    config: PartnersConfig,
    table: store::PartnerTable,
    subscribers: Subscribers,
    guard: RevocationGuard,
    brake: UnlinkBrake,
    partner_keys: ManagedSecret<PartnerKeys>,
    spotify: Spotify,
    http: HttpClient,
    clock: Clock,
}

/// Why a command failed.
#[derive(Debug, thiserror::Error)]
enum CommandError {
    #[error("{0}")]
    Invalid(String),
    #[error("{0}")]
    Conflict(String),
    #[error("{0}")]
    Uncertain(String),
    #[error("no such {0}")]
    NotFound(&'static str),
    #[error("Spotify: {0}")]
    Spotify(#[from] SpotifyError),
    #[error("{0}")]
    Store(#[from] StoreError),
    #[error("{0}")]
    Secret(#[from] shared::secrets::SecretError),
}

impl CommandError {
    fn code(&self) -> &'static str {
        match self {
            Self::Invalid(_) => "invalid_request",
            Self::Conflict(_) => "conflict",
            Self::Uncertain(_) => "uncertain",
            Self::NotFound(_) => "not_found",
            Self::Spotify(error) if error.is_definite_failure() => "spotify_refused",
            Self::Spotify(_) => "spotify_unavailable",
            Self::Store(_) | Self::Secret(_) => "temporarily_unavailable",
        }
    }
}

impl From<PartnerError> for CommandError {
    fn from(error: PartnerError) -> Self {
        Self::Invalid(error.to_string())
    }
}

impl From<LogoError> for CommandError {
    fn from(error: LogoError) -> Self {
        Self::Invalid(error.to_string())
    }
}

impl Partners {
    fn check_settings(&self, settings: &BTreeMap<String, String>) -> Result<(), CommandError> {
        check_partner_settings(settings, &self.config.public_url)
            .map_err(|error| CommandError::Invalid(error.to_string()))
    }

    async fn carry_out(&self, command: Command) -> Result<Value, CommandError> {
        match command {
            Command::CreatePartner(ask) => self.create(ask).await,
            Command::SettleCreation(ask) => self.settle(ask).await,
            Command::PutPartner(ask) => self.put(ask).await,
            Command::ListPartners(_) => {
                let (partners, unfinished) = self.table.list().await?;
                Ok(json!({
                    "partners": partners.iter().map(partner_json).collect::<Vec<_>>(),
                    "unfinished": unfinished.iter().map(|creation| json!({
                        "reference": creation.reference.as_str(), "name": creation.name, "requested_at": creation.requested_at,
                    })).collect::<Vec<_>>(),
                }))
            }
            Command::DisablePartner(of) => self.disable(&of.partner_id, Some(self.clock.now())).await,
            Command::EnablePartner(of) => self.disable(&of.partner_id, None).await,
            Command::UploadLogo(ask) => self.upload_logo(ask).await,
            Command::GuardState(of) => self.hold_state(Hold::Guard, &PartnerId::parse(&of.partner_id)?).await,
            Command::ReleaseGuard(ask) => self.release(Hold::Guard, &ask).await,
            Command::BrakeState(of) => self.hold_state(Hold::Brake, &PartnerId::parse(&of.partner_id)?).await,
            Command::ReleaseBrake(ask) => self.release(Hold::Brake, &ask).await,
            // Boxed: four concurrent calls make a large future.
            Command::Explain(ask) => Box::pin(self.explain(ask)).await,
        }
    }

    async fn put(&self, ask: PutPartner) -> Result<Value, CommandError> {
        let partner_id = PartnerId::parse(&ask.partner_id)?;
        if partner_id == self.config.partner_id {
            return Err(CommandError::Invalid(
                "this is the deployment's own partner: change it with the stack's parameters".to_owned(),
            ));
        }
        self.reject_reference(&partner_id).await?;
        self.check_settings(&ask.settings)?;
        let url = ask
            .entrypoint_url
            .map(|url| parse_https(&url, "entrypoint_url"))
            .transpose()?;
        let before = self.table.get(&partner_id).await?;
        let partner = PartnerRecord {
            partner_id,
            name: parse_name(&ask.name)?,
            entrypoint_url: url.map(Url::into),
            settings: ask.settings,
            disabled_at: before.and_then(|before| before.disabled_at),
            version: ask.version,
        };
        match self.table.put(&partner).await? {
            PartnerWrite::Stored => Ok(partner_json(&PartnerRecord {
                version: partner.version + 1,
                ..partner
            })),
            PartnerWrite::OtherVersion => Err(CommandError::Conflict(
                "the partner has another version: list-partners shows it".to_owned(),
            )),
            // A creation began after the check above.
            PartnerWrite::IsReference => Err(CommandError::Conflict(
                "partner_id is the reference of a partner".to_owned(),
            )),
        }
    }

    /// Rejects a reference where a Partner ID is needed: records and guard are stored under the id that Spotify assigned.
    pub(crate) async fn reject_reference(&self, partner_id: &PartnerId) -> Result<(), CommandError> {
        match self.table.creation(partner_id).await? {
            None => Ok(()),
            Some(creation) => Err(CommandError::Invalid(match creation.partner_id {
                Some(id) => format!("partner_id is a reference: the partner's id is {id}"),
                None => "partner_id is the reference of a partner that is not created yet".to_owned(),
            })),
        }
    }

    async fn disable(&self, partner_id: &str, at: Option<i64>) -> Result<Value, CommandError> {
        let partner_id = PartnerId::parse(partner_id)?;
        if self.table.set_disabled(&partner_id, at).await? {
            Ok(json!({"partner_id": partner_id.as_str(), "disabled_at": at}))
        } else {
            Err(CommandError::NotFound("partner"))
        }
    }

    /// Fetches a logo, checks it, and uploads it to Spotify. The check comes first because Spotify's refusal names no reason.
    async fn upload_logo(&self, ask: UploadLogo) -> Result<Value, CommandError> {
        let partner_id = PartnerId::parse(&ask.partner_id)?;
        let url = parse_https(&ask.logo_url, "logo_url")?;
        let fetched = self.http.download(url.as_str(), Logo::MAX_BYTES, FETCH_TIMEOUT).await;
        let fetched = fetched.map_err(|error| match error {
            HttpError::TooLarge => LogoError::TooLarge.into(),
            error => CommandError::Invalid(format!("the logo cannot be fetched: {error}")),
        })?;
        if !fetched.status().is_success() {
            let status = fetched.status().as_u16();
            return Err(CommandError::Invalid(format!(
                "the logo cannot be fetched: its URL answered {status}"
            )));
        }
        let logo = Logo::parse(fetched.into_body())?;
        let media_type = logo.media_type();
        let uploading = self.spotify.upload_logo(&partner_id, media_type, logo.into_bytes());
        uploading.await?;
        Ok(json!({"partner_id": partner_id.as_str(), "media_type": media_type}))
    }
}

fn partner_json(partner: &PartnerRecord) -> Value {
    json!({
        "partner_id": partner.partner_id.as_str(), "name": partner.name, "entrypoint_url": partner.entrypoint_url,
        "settings": partner.settings, "disabled_at": partner.disabled_at, "version": partner.version,
    })
}

/// Parses a partner's name: one line of 1 to 100 characters.
fn parse_name(name: &str) -> Result<String, CommandError> {
    let name = name.trim();
    if (1..=100).contains(&name.chars().count()) && !name.chars().any(char::is_control) {
        Ok(name.to_owned())
    } else {
        Err(CommandError::Invalid(
            "name must be one line of 1 to 100 characters".to_owned(),
        ))
    }
}

fn parse_https(url: &str, what: &str) -> Result<Url, CommandError> {
    let url = Url::parse(url).ok().filter(is_secure);
    url.ok_or_else(|| CommandError::Invalid(format!("{what} must be an https URL")))
}

impl EventFunction for Partners {
    const NAME: &'static str = "partners";

    async fn start(environment: Environment, clock: Clock, rng: Rng) -> Result<Self, StartError> {
        let config = PartnersConfig::from_environment(environment)?;
        let http = HttpClient::new()?;
        let dynamodb = config.aws.dynamodb(&http);
        let secrets_manager = config.aws.secrets_manager(&http);
        let client_secret = ManagedSecret::new(secrets_manager.clone(), config.client_secret_id.clone(), clock.clone());
        let partner_keys = ManagedSecret::new(secrets_manager, config.partner_keys_id.clone(), clock.clone());
        let spotify = Spotify::new(config.spotify.clone(), http.clone(), client_secret, clock.clone(), rng);
        spotify.preload().await?;
        Ok(Self {
            table: store::PartnerTable::new(dynamodb.clone(), config.partners_table.clone()),
            guard: RevocationGuard::new(dynamodb.clone(), config.subscribers_table.clone(), config.guard),
            brake: UnlinkBrake::new(dynamodb.clone(), config.subscribers_table.clone()),
            subscribers: Subscribers::new(dynamodb, config.subscribers_table.clone()),
            config,
            partner_keys,
            spotify,
            http,
            clock,
        })
    }

    async fn handle(&self, event: &Value, _within: Duration) -> Result<Value, EventError> {
        let (name, done) = match serde_json::from_value::<Command>(event.clone()) {
            Ok(command) => (command.name(), self.carry_out(command).await),
            // The text of serde's error may contain values of the event.
            Err(_) => (
                "unknown",
                Err(CommandError::Invalid(
                    "unknown command, or a member is missing, unknown or malformed".to_owned(),
                )),
            ),
        };
        match done {
            Ok(answer) => {
                log!(info, Code::OperatorCommand, command = name);
                Ok(answer)
            }
            Err(refusal) => {
                log!(warn, Code::OperatorCommand, command = name, reason = refusal.code());
                Ok(json!({"error": {"code": refusal.code(), "message": refusal.to_string()}}))
            }
        }
    }
}
