//! The commands of operators, as JSON: `{"command": "create-partner", …}`. Unknown members are rejected, so that a misspelt one is not ignored.

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
    ReleaseGuard(Release),
    BrakeState(PartnerRef),
    ReleaseBrake(Release),
    Explain(Explain),
}

impl Command {
    /// The name in the log.
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
            Self::BrakeState(_) => "brake-state",
            Self::ReleaseBrake(_) => "release-brake",
            Self::Explain(_) => "explain",
        }
    }
}

/// Creates a partner at Spotify, once for each `reference`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct CreatePartner {
    /// The operator's id for the creation: 1 to 64 letters and digits.
    pub(crate) reference: String,
    pub(crate) name: String,
    /// The partner's entrypoint; `PUBLIC_URL/partners/<reference>/entrypoint` by default.
    pub(crate) entrypoint_url: Option<String>,
    #[serde(default)]
    pub(crate) settings: BTreeMap<String, String>,
}

/// Resolves a creation with an unknown outcome: Spotify created `partner_id`, or nothing (`not_created`).
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct SettleCreation {
    pub(crate) reference: String,
    pub(crate) partner_id: Option<String>,
    #[serde(default)]
    pub(crate) not_created: bool,
}

/// Stores a partner that was created at Spotify in another way, or replaces a stored one.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct PutPartner {
    pub(crate) partner_id: String,
    pub(crate) name: String,
    pub(crate) entrypoint_url: Option<String>,
    #[serde(default)]
    pub(crate) settings: BTreeMap<String, String>,
    /// The version that the operator replaces; 0 for a new partner.
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

/// Uploads a logo to Spotify. The function fetches it from a URL, because an event cannot carry a whole logo.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct UploadLogo {
    pub(crate) partner_id: String,
    /// The logo's https URL, for example from `aws s3 presign`.
    pub(crate) logo_url: String,
}

impl std::fmt::Debug for UploadLogo {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("UploadLogo").finish_non_exhaustive()
    }
}

/// Releases the revocation guard or the brake of a partner for a limited time.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Release {
    pub(crate) partner_id: String,
    /// Duration of the release, in seconds, 1 to 86400; 3600 by default.
    pub(crate) seconds: Option<i64>,
}

/// Explains the state of a subscriber: what is stored, and what Spotify answers now.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Explain {
    pub(crate) partner_id: Option<String>,
    /// The partner's account id; exactly one of `sub` and `partner_user_id` is required.
    pub(crate) sub: Option<Value>,
    pub(crate) partner_user_id: Option<Value>,
}

impl std::fmt::Debug for Explain {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Explain").finish_non_exhaustive()
    }
}
