//! Switches for the behaviour of Spotify that its documentation leaves open. `README.md` of this crate lists them.

use serde::{Deserialize, Serialize};

/// Handling of PKCE for a client with a secret.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Pkce {
    /// A challenge is optional, and checked if present.
    #[default]
    Optional,
    /// A request without a challenge is refused.
    Required,
    /// A request with a challenge is refused.
    Refused,
}

/// Format of an Open Access error body.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ErrorBody {
    /// As in the Web API: `{"error": {"status": 404, "message": "…"}}`.
    #[default]
    WebApi,
    /// As in OAuth: `{"error": "…", "error_description": "…"}`.
    Oauth,
    /// An HTML page.
    Html,
    /// An empty body.
    Empty,
}

/// Step at which an account that is not listed in the dashboard is refused.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stop {
    /// At the consent page.
    Authorize,
    /// When the code is exchanged.
    Token,
    /// At register-user.
    #[default]
    Register,
}

/// One switch per ambiguity of Spotify's documentation. The numbers are those of `README.md`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a member of the JSON that users write by hand"
)]
pub struct Switches {
    /// A3: the only `Content-Type` accepted for signed bodies; others get 415. `None` accepts any.
    pub a3_content_type: Option<String>,
    /// A4: whether register-user and add-entitlements require `entitlements`.
    pub a4_entitlements_required: bool,
    /// A6: handling of PKCE for a client with a secret.
    pub a6_pkce: Pkce,
    /// A7: status of a conflict at register-user.
    pub a7_conflict_status: u16,
    /// A7: format of Open Access error bodies.
    pub a7_error_body: ErrorBody,
    /// A8: whether `spotifyShowUri` is forwarded to the Entrypoint URL.
    pub a8_forward_show: bool,
    /// A9: whether entitlements must match `^[A-Za-z0-9][A-Za-z0-9._:-]{0,127}$`.
    pub a9_strict_entitlements: bool,
    /// A9: upper bound of entitlements of one subscriber. `None` means no bound.
    pub a9_most_entitlements: Option<usize>,
    /// A11: `token_type` of token responses.
    pub a11_token_type: String,
    /// A11: lifetime of tokens, in seconds.
    pub a11_expires_in: u64,
    /// A12: whether the previous secret is still accepted after a rotation.
    pub a12_previous_secret: bool,
    /// A12: whether a rotation revokes issued tokens.
    pub a12_rotation_revokes: bool,
    /// A13: upper bound of Open Access calls of a client per second; more get 429. `None` means no bound.
    pub a13_requests_per_second: Option<u32>,
    /// A13: `Retry-After` of a 429 response, in seconds. `None` omits the header.
    pub a13_retry_after: Option<u64>,
    /// A14: whether a conflict at register-user moves the link. If `false`, it is refused.
    pub a14_conflict_moves: bool,
    /// A15: IDs of the accounts listed in the dashboard. `None` allows all accounts.
    pub a15_listed_accounts: Option<Vec<String>>,
    /// A15: step at which other accounts are refused.
    pub a15_stops_at: Stop,
    /// A16: whether a link is pending until the landing page is loaded.
    pub a16_pending_until_landing: bool,
    /// A17: status of a successful create-partner, 200 or 201.
    pub a17_create_partner_status: u16,
    /// A18: whether upload-logo requires a concrete media type instead of `image/*`.
    pub a18_concrete_image_type: bool,
    /// A21: whether a payload with undocumented claims such as `iat` is refused.
    pub a21_refuse_extra_claims: bool,
    /// Whether consent is skipped for an account that approved the client before, unless `show_dialog=true`.
    pub skip_consent_when_approved: bool,
}

impl Default for Switches {
    fn default() -> Self {
        Self {
            a3_content_type: None,
            a4_entitlements_required: true,
            a6_pkce: Pkce::Optional,
            a7_conflict_status: 409,
            a7_error_body: ErrorBody::WebApi,
            a8_forward_show: false,
            a9_strict_entitlements: false,
            a9_most_entitlements: None,
            a11_token_type: "Bearer".to_owned(),
            a11_expires_in: 3600,
            a12_previous_secret: false,
            a12_rotation_revokes: false,
            a13_requests_per_second: None,
            a13_retry_after: Some(1),
            a14_conflict_moves: false,
            a15_listed_accounts: None,
            a15_stops_at: Stop::Register,
            a16_pending_until_landing: false,
            a17_create_partner_status: 200,
            a18_concrete_image_type: false,
            a21_refuse_extra_claims: false,
            skip_consent_when_approved: false,
        }
    }
}
