//! The authorization request (RFC 6749 §4.1.1) and its answer (§4.1.2).

use url::Url;

use super::{pkce::CodeVerifier, state::State};
use crate::secret::secret_type;

/// What goes into an authorization request.
pub struct AuthorizationRequest<'a> {
    /// The authorization endpoint.
    pub endpoint: &'a Url,
    /// `client_id`.
    pub client_id: &'a str,
    /// `redirect_uri`, exactly as registered.
    pub redirect_uri: &'a str,
    /// `scope`.
    pub scope: &'a str,
    /// `state`.
    pub state: &'a State,
    /// Whose challenge is sent, if PKCE is on.
    pub code_verifier: Option<&'a CodeVerifier>,
    /// Whether the person is asked again though they consented before: so that they see which account they are using.
    pub show_dialog: bool,
}

impl AuthorizationRequest<'_> {
    /// The URL the browser is sent to: each parameter once, nothing else, no fragment.
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

/// What a browser brought back from the authorization endpoint (RFC 6749 §4.1.2). A code can be had only by whoever looked at the state.
pub struct AuthorizationResponse {
    /// `state`, needed in either case.
    pub state: State,
    /// `code` or `error`; where both are there, `error`.
    pub outcome: Result<AuthorizationCode, AuthorizationError>,
}

/// `error` (RFC 6749 §4.1.2.1), in the kinds that differ to us.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AuthorizationError {
    /// `access_denied`: the person said no.
    AccessDenied,
    /// `server_error` or `temporarily_unavailable`: it may pass.
    Transient,
    /// Any other word.
    Other,
}

impl AuthorizationResponse {
    /// Reads the parameters. `iss`, when there is one, must be `issuer` (RFC 9207 §2.4): the answer is no other server's.
    ///
    /// Nothing when a part is missing, or is not what it can be.
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
    /// `code` (RFC 6749 §4.1.2): good for one exchange, so it cannot be copied.
    AuthorizationCode
}

impl AuthorizationCode {
    /// Takes 1 to 4096 visible ASCII characters, which is all that RFC 6749 §A.11 says of a code, the space left out.
    #[must_use]
    pub fn parse_visible_ascii(code: &str) -> Option<Self> {
        let visible = code.bytes().all(|byte| byte.is_ascii_graphic());
        ((1..=4096).contains(&code.len()) && visible).then(|| Self::new(code))
    }

    /// Takes 1 to 2048 characters of those that codes are made of. A list of two, or one with a separator in it, is none.
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
        fn no_answer_of_a_browser_is_a_panic(state in ".{0,50}", code in ".{0,50}", error in ".{0,50}", iss in ".{0,50}") {
            let state = [Some(state.as_str()), None];
            for state in state {
                let response = AuthorizationResponse::parse(state, AuthorizationCode::parse(&code), None, None, "issuer");
                prop_assert!(response.is_none_or(|response| response.outcome.is_ok_and(|kept| kept.expose() == code)));
                let _ = AuthorizationResponse::parse(state, None, Some(&error), Some(&iss), "issuer");
            }
        }

        #[test]
        fn the_authorize_url_has_each_parameter_once_whatever_is_in_it(client_id in ".{1,20}", redirect_uri in ".{1,40}") {
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
