//! What the simulated Spotify recorded.

use bench::Failed;
use sandbox::{Request, Spotify};

/// The requests to the simulated Spotify.
pub(crate) struct Record(Vec<Request>);

impl Record {
    /// Reads all requests since the start.
    pub(crate) fn read(spotify: &Spotify) -> Result<Self, Failed> {
        let requests = spotify.requests().all();
        if requests.first().is_some_and(|first| first.sequence != 1) {
            return Err("the simulated Spotify has dropped its first requests: use fewer people".into());
        }
        Ok(Self(requests))
    }

    fn count(&self, is_counted: impl Fn(&Request) -> bool) -> u64 {
        self.0.iter().filter(|request| is_counted(request)).count() as u64
    }

    /// Requests to a path.
    pub(crate) fn to(&self, path: &str) -> u64 {
        self.count(|request| request.path == path)
    }

    /// Requests to a path that were answered 200.
    pub(crate) fn accepted(&self, path: &str) -> u64 {
        self.count(|request| request.path == path && request.status == Some(200))
    }

    /// Calls of the token endpoint and of Open Access that were answered with a status of this class: 2 for 200 to 299.
    pub(crate) fn calls(&self, class: u16) -> u64 {
        let is_of_class = |status: u16| status / 100 == class;
        self.count(|request| request.path.starts_with("/api/") && request.status.is_some_and(is_of_class))
    }

    /// Authorization codes that were exchanged for a token.
    pub(crate) fn codes_exchanged(&self) -> u64 {
        self.count(|request| {
            let is_code = request.grant_type.as_deref() == Some("authorization_code");
            is_code && request.path == "/api/token" && request.status == Some(200)
        })
    }

    /// Consents that people refused.
    pub(crate) fn consents_refused(&self) -> u64 {
        let is_cancel = |(name, value): &(String, String)| name == "sandbox_action" && value == "cancel";
        self.count(|request| request.path == "/authorize" && request.query.iter().any(is_cancel))
    }
}
