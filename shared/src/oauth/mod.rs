//! Owns OAuth 2.0 as a client sees it: the authorization request, `state`, PKCE, the browser binding, the two grants we use
//! (RFC 6749, RFC 7636, RFC 9700). It builds requests and reads answers; it knows no network, no clock, and none of Spotify's words.

pub mod authorize;
pub mod browser_binding;
pub mod nonce;
pub mod pkce;
pub mod state;
pub mod token;
