//! Owns OAuth 2.0 as a client sees it: the authorization request, `state`, PKCE, the browser binding, the two grants we use
//! (RFC 6749, RFC 7636, RFC 9700). Needs the outbound HTTP client for the token endpoint. Refuses to know Spotify's own words.

pub mod authorize;
pub mod browser_binding;
pub mod nonce;
pub mod pkce;
pub mod state;
pub mod token;
