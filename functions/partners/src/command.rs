//! What an operator may ask for, as JSON: `{"command": "create-partner", …}`. A member that a command does not have is refused: a misspelt one would be passed over.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

/// A command.
#[derive(Debug, Deserialize)]
#[serde(tag = "command", rename_all = "kebab-case")]
pub(crate) enum Command {
    CreatePartner(CreatePartner),
    SettleCreation(SettleCreation),
    PutPartner(PutPartner),
    ListPartners(NoArguments),
    DisablePartner(PartnerRef),
    EnablePartner(PartnerRef),
    UploadLogo(UploadLogo),
    GuardState(PartnerRef),
    ReleaseGuard(ReleaseGuard),
    Explain(Explain),
}

impl Command {
    /// Its name, for the log.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::CreatePartner(_) => "create-partner",
            Self::SettleCreation(_) => "settle-creation",
            Self::PutPartner(_) => "put-partner",
            Self::ListPartners(_) => "list-partners",
            Self::DisablePartner(_) => "disable-partner",
            Self::EnablePartner(_) => "enable-partner",
            Self::UploadLogo(_) => "upload-logo",
            Self::GuardState(_) => "guard-state",
            Self::ReleaseGuard(_) => "release-guard",
            Self::Explain(_) => "explain",
        }
    }
}

/// Has Spotify create a partner, once for each `reference`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct CreatePartner {
    /// What the operator calls it: 1 to 64 letters and digits.
    pub(crate) reference: String,
    pub(crate) name: String,
    /// Without one, our own: `PUBLIC_URL/partners/<reference>/entrypoint`.
    pub(crate) entrypoint_url: Option<String>,
    #[serde(default)]
    pub(crate) settings: BTreeMap<String, String>,
}

/// Says how a creation ended of which it was not known: with `partner_id`, or that there is none.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct SettleCreation {
    pub(crate) reference: String,
    pub(crate) partner_id: Option<String>,
    #[serde(default)]
    pub(crate) not_created: bool,
}

/// Writes a partner that Spotify has created some other way, or changes one: all of it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct PutPartner {
    pub(crate) partner_id: String,
    pub(crate) name: String,
    pub(crate) entrypoint_url: Option<String>,
    #[serde(default)]
    pub(crate) settings: BTreeMap<String, String>,
    /// That the operator has seen; 0 for a new one.
    #[serde(default)]
    pub(crate) version: i64,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct NoArguments {}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct PartnerRef {
    pub(crate) partner_id: String,
}

/// Gives Spotify a logo, from where this function can fetch it: an event is too small for one.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct UploadLogo {
    pub(crate) partner_id: String,
    /// An https URL, as `aws s3 presign` makes one.
    pub(crate) logo_url: String,
}

impl std::fmt::Debug for UploadLogo {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("UploadLogo").finish_non_exhaustive()
    }
}

/// Lets removals pass for a while.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ReleaseGuard {
    pub(crate) partner_id: String,
    /// For how many seconds: 3600 when it is not said, a day at most.
    pub(crate) seconds: Option<i64>,
}

/// What is known of a person, and what Spotify says of them now.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Explain {
    pub(crate) partner_id: Option<String>,
    /// One of the two.
    pub(crate) sub: Option<Value>,
    pub(crate) partner_user_id: Option<Value>,
}

impl std::fmt::Debug for Explain {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Explain").finish_non_exhaustive()
    }
}
