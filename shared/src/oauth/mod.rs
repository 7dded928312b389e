//! An OAuth 2.0 client: authorization request, `state`, PKCE, browser binding, and the grants `authorization_code` and
//! `client_credentials` (RFC 6749, RFC 7636, RFC 9700). It builds requests and parses responses. It knows neither network, clock nor
//! Spotify Open Access.

pub mod authorize;
pub mod browser_binding;
pub mod nonce;
pub mod pkce;
pub mod state;
pub mod token;
