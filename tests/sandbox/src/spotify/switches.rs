//! How the simulated Spotify behaves where Spotify's documentation leaves it open.

use serde::{Deserialize, Serialize};

/// What is made of PKCE beside a client secret.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Pkce {
    /// Checked when a challenge was sent.
    #[default]
    Optional,
    /// No challenge, no consent.
    Required,
    /// A challenge is refused.
    Refused,
}

/// The shape of an Open Access error body.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ErrorBody {
    /// `{"error": {"status": 404, "message": "…"}}`
    #[default]
    WebApi,
    /// `{"error": "…", "error_description": "…"}`
    Oauth,
    /// A page.
    Html,
    /// Nothing.
    Empty,
}

/// Where somebody who is not on the dashboard's list is stopped.
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

/// One member per ambiguity of the contract that a simulator can decide either way; the number is the contract's.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a member of the JSON that people write by hand"
)]
pub struct Switches {
    /// A3: the only `Content-Type` accepted for signed bodies (else 415); `None` accepts any.
    pub a3_content_type: Option<String>,
    /// A4: whether register-user and add-entitlements insist on `entitlements`.
    pub a4_entitlements_required: bool,
    /// A6: PKCE beside a client secret.
    pub a6_pkce: Pkce,
    /// A7: the status of a conflict at register-user.
    pub a7_conflict_status: u16,
    /// A7: the shape of Open Access error bodies.
    pub a7_error_body: ErrorBody,
    /// A8: whether `spotifyShowUri` is passed on to the Entrypoint URL.
    pub a8_forward_show: bool,
    /// A9: whether entitlements must match `^[A-Za-z0-9][A-Za-z0-9._:-]{0,127}$`.
    pub a9_strict_entitlements: bool,
    /// A9: how many entitlements one person may have.
    pub a9_most_entitlements: Option<usize>,
    /// A11: `token_type` as written in token answers.
    pub a11_token_type: String,
    /// A11: lifetime of tokens, in seconds.
    pub a11_expires_in: u64,
    /// A12: whether the old secret goes on being accepted after a rotation.
    pub a12_previous_secret: bool,
    /// A12: whether a rotation revokes the tokens already issued.
    pub a12_rotation_revokes: bool,
    /// A13: how many Open Access calls a client may make in one second; more are answered 429.
    pub a13_requests_per_second: Option<u32>,
    /// A13: `Retry-After` of those, in seconds; `None` leaves it out.
    pub a13_retry_after: Option<u64>,
    /// A14: whether a conflict at register-user moves the link rather than being refused.
    pub a14_conflict_moves: bool,
    /// A15: the Spotify accounts on the dashboard's list; everybody when `None`.
    pub a15_listed_accounts: Option<Vec<String>>,
    /// A15: where the others get their 403.
    pub a15_stops_at: Stop,
    /// A16: whether a link only counts once the landing page was loaded.
    pub a16_pending_until_landing: bool,
    /// A17: status of create-partner, 200 or 201.
    pub a17_create_partner_status: u16,
    /// A18: whether upload-logo insists on a concrete media type rather than `image/*`.
    pub a18_concrete_image_type: bool,
    /// A21: whether a payload with undocumented members (`iat`) is refused.
    pub a21_refuse_extra_claims: bool,
    /// Whether somebody who approved the client before is sent straight back, unless `show_dialog=true`.
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
