//! The authorization request (RFC 6749 §4.1.1) and the authorization response (§4.1.2).

use url::Url;

use super::{pkce::CodeVerifier, state::State};
use crate::secret::secret_type;

/// The parameters of an authorization request.
pub struct AuthorizationRequest<'a> {
    /// URL of the authorization endpoint.
    pub endpoint: &'a Url,
    /// `client_id`.
    pub client_id: &'a str,
    /// `redirect_uri`, exactly as registered.
    pub redirect_uri: &'a str,
    /// `scope`.
    pub scope: &'a str,
    /// `state`.
    pub state: &'a State,
    /// PKCE verifier whose challenge is sent. `None` turns PKCE off.
    pub code_verifier: Option<&'a CodeVerifier>,
    /// `show_dialog` (Spotify's Authorization Code Flow): whether consent is asked again, so that the subscriber sees which account is in use.
    pub show_dialog: bool,
}

impl AuthorizationRequest<'_> {
    /// Builds the URL for the browser: each parameter once, and no fragment.
    #[must_use]
    pub fn url(&self) -> String {
        let mut url = self.endpoint.clone();
        let mut query = url.query_pairs_mut();
        query
            .append_pair("client_id", self.client_id)
            .append_pair("response_type", "code")
            .append_pair("redirect_uri", self.redirect_uri)
            .append_pair("scope", self.scope)
            .append_pair("state", self.state.expose());
        if let Some(code_verifier) = self.code_verifier {
            query
                .append_pair("code_challenge", &code_verifier.challenge())
                .append_pair("code_challenge_method", "S256");
        }
        if self.show_dialog {
            query.append_pair("show_dialog", "true");
        }
        drop(query);
        url.into()
    }
}

/// An authorization response (RFC 6749 §4.1.2). A code is accepted only together with a state.
pub struct AuthorizationResponse {
    /// `state`, required in success and error responses.
    pub state: State,
    /// `code` or `error`. If both are present, `error`.
    pub outcome: Result<AuthorizationCode, AuthorizationError>,
}

/// The values of `error` (RFC 6749 §4.1.2.1), grouped by how callers handle them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AuthorizationError {
    /// `access_denied`: the subscriber declined.
    AccessDenied,
    /// `server_error` or `temporarily_unavailable`. A new authorization request may succeed.
    Transient,
    /// Any other value.
    Other,
}

impl AuthorizationResponse {
    /// Parses the parameters of a response. If `iss` is present it must equal `issuer`, so that no other server's response is accepted
    /// (RFC 9207 §2.4).
    ///
    /// Returns `None` if `iss` differs, `state` is missing or malformed, or both `code` and `error` are missing.
    #[must_use]
    pub fn parse(
        state: Option<&str>,
        code: Option<AuthorizationCode>,
        error: Option<&str>,
        iss: Option<&str>,
        issuer: &str,
    ) -> Option<Self> {
        if iss.is_some_and(|iss| iss != issuer) {
            return None;
        }
        let state = State::parse(state?)?;
        let outcome = match error {
            Some("access_denied") => Err(AuthorizationError::AccessDenied),
            Some("server_error" | "temporarily_unavailable") => Err(AuthorizationError::Transient),
            Some(_) => Err(AuthorizationError::Other),
            None => Ok(code?),
        };
        Some(Self { state, outcome })
    }
}

secret_type! {
    /// `code` (RFC 6749 §4.1.2). It cannot be cloned, because it is valid for one exchange.
    AuthorizationCode
}

impl AuthorizationCode {
    /// Parses 1 to 4096 visible ASCII characters (RFC 6749 §A.11, without the space). Returns `None` for any other text.
    #[must_use]
    pub fn parse_visible_ascii(code: &str) -> Option<Self> {
        let visible = code.bytes().all(|byte| byte.is_ascii_graphic());
        ((1..=4096).contains(&code.len()) && visible).then(|| Self::new(code))
    }

    /// Parses 1 to 2048 characters of `[A-Za-z0-9._~+/=-]`. Returns `None` for any other text, such as one with a list separator.
    #[must_use]
    pub fn parse(code: &str) -> Option<Self> {
        let usual = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~+/=".contains(&byte);
        ((1..=2048).contains(&code.len()) && code.bytes().all(usual)).then(|| Self::new(code))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::Rng;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn no_authorization_response_panics(state in ".{0,50}", code in ".{0,50}", error in ".{0,50}", iss in ".{0,50}") {
            let state = [Some(state.as_str()), None];
            for state in state {
                let response = AuthorizationResponse::parse(state, AuthorizationCode::parse(&code), None, None, "issuer");
                prop_assert!(response.is_none_or(|response| response.outcome.is_ok_and(|kept| kept.expose() == code)));
                let _ = AuthorizationResponse::parse(state, None, Some(&error), Some(&iss), "issuer");
            }
        }

        #[test]
        fn the_authorization_url_has_each_parameter_once(client_id in ".{1,20}", redirect_uri in ".{1,40}") {
            let state = State::generate(&Rng::seeded(1)).unwrap();
            let endpoint = Url::parse("https://accounts.example/authorize").unwrap();
            let (client_id, redirect_uri) = (client_id.as_str(), redirect_uri.as_str());
            let request = AuthorizationRequest { endpoint: &endpoint, client_id, redirect_uri, scope: "a b", state: &state, code_verifier: None, show_dialog: false };
            let url = Url::parse(&request.url()).unwrap();
            let pairs: Vec<_> = url.query_pairs().map(|(name, value)| (name.into_owned(), value.into_owned())).collect();
            let expected = [("client_id", client_id), ("response_type", "code"), ("redirect_uri", redirect_uri), ("scope", "a b"), ("state", state.expose())];
            prop_assert_eq!(pairs, expected.map(|(name, value)| (name.to_owned(), value.to_owned())));
            prop_assert_eq!(url.fragment(), None);
        }
    }
}
