//! `return_to`: what a person came for, as one of our own URLs. It is kept through sign-in, sign-up, payment and Spotify's consent.

use url::Url;

use super::{Query, Request, RequestError, Route};
use crate::{
    i18n::Language,
    partner::{PartnerId, ShowUri},
    urls::PublicUrl,
};

/// One of our pages at which a journey can begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Destination {
    /// Linking.
    Entrypoint,
    /// Unlinking.
    Unlink,
    /// The state of the link.
    Account,
}

impl Destination {
    /// The page of a route; `None` if no journey can begin there.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        [Self::Entrypoint, Self::Unlink, Self::Account]
            .into_iter()
            .find(|destination| destination.name() == name)
    }

    fn name(self) -> &'static str {
        match self {
            Self::Entrypoint => "entrypoint",
            Self::Unlink => "unlink",
            Self::Account => "account",
        }
    }
}

/// What a person came for: one of our pages, with partner, show and language.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReturnTo {
    /// The page.
    pub destination: Destination,
    /// The partner that the path names.
    pub partner_id: Option<PartnerId>,
    /// The show they came from.
    pub show: Option<ShowUri>,
    /// The language that the person or the partner's site chose.
    pub language: Option<Language>,
    /// Whether Spotify shows its consent, and with it the account, even to a person who consented before.
    pub show_dialog: bool,
    /// Whether the person unlinks in order to link another Spotify account.
    pub relink: bool,
}

impl ReturnTo {
    /// `destination` at this partner; `None` is the deployment's own partner.
    #[must_use]
    pub fn new(destination: Destination, partner_id: Option<PartnerId>) -> Self {
        Self {
            destination,
            partner_id,
            show: None,
            language: None,
            show_dialog: false,
            relink: false,
        }
    }

    /// Reads a request's path and query. Ignores unknown parameters and invalid values, because Spotify does not document what it adds.
    ///
    /// # Errors
    /// [`RequestError::NotFound`] if no journey can begin at the path, [`RequestError::Malformed`] if the query cannot be read in exactly one way.
    pub fn from_request(request: &Request) -> Result<Self, RequestError> {
        let route = request.route().ok_or(RequestError::NotFound)?;
        let destination = Destination::parse(route.name).ok_or(RequestError::NotFound)?;
        Self::read(destination, route.partner_id, &request.query()?)
    }

    fn read(destination: Destination, partner_id: Option<PartnerId>, query: &Query) -> Result<Self, RequestError> {
        let is_set = |name| Ok::<_, RequestError>(query.single(name)?.as_deref() == Some("true"));
        let show = query.single("show")?.or(query.single("spotifyShowUri")?);
        Ok(Self {
            show: show.and_then(|show| ShowUri::parse(&show).ok()),
            language: query.single("lang")?.as_deref().and_then(Language::parse),
            show_dialog: is_set("show_dialog")?,
            relink: is_set("relink")?,
            ..Self::new(destination, partner_id)
        })
    }

    /// Parses one of our own URLs; returns `None` for any other. The URL is parsed like in a browser and must equal what [`Self::path`] would write. A URL that
    /// browsers read differently (`\\`, `@`, dots and digits of other scripts, nested encodings) is rejected (RFC 9700 §4.11.1).
    #[must_use]
    pub fn parse(return_to: &str, public_url: &PublicUrl) -> Option<Self> {
        let url = Url::parse(return_to).ok()?;
        if url.origin().ascii_serialization() != public_url.as_str() {
            return None;
        }
        let Route { partner_id, name } = Route::parse(url.path())?;
        let query = Query::parse(url.query().unwrap_or_default()).ok()?;
        let parsed = Self::read(Destination::parse(name)?, partner_id, &query).ok()?;
        (public_url.join(&parsed.path()) == return_to).then_some(parsed)
    }

    /// The path and query of its URL.
    #[must_use]
    pub fn path(&self) -> String {
        let Self {
            destination,
            partner_id,
            show,
            language,
            show_dialog,
            relink,
        } = self;
        let name = destination.name();
        let path = match partner_id {
            Some(partner_id) => format!("/partners/{partner_id}/{name}"),
            None => format!("/{name}"),
        };
        let parameters = [
            show.as_ref().map(|show| format!("show={}", show.id())),
            language.map(|language| format!("lang={}", language.tag())),
            show_dialog.then(|| "show_dialog=true".to_owned()),
            relink.then(|| "relink=true".to_owned()),
        ];
        let query: Vec<_> = parameters.into_iter().flatten().collect();
        if query.is_empty() {
            path
        } else {
            format!("{path}?{}", query.join("&"))
        }
    }

    /// The same show and language, at another destination.
    #[must_use]
    pub fn at(&self, destination: Destination) -> Self {
        Self {
            show: self.show.clone(),
            language: self.language,
            ..Self::new(destination, self.partner_id.clone())
        }
    }

    /// The same, with Spotify's consent always shown, so that the person sees which account is used.
    #[must_use]
    pub fn with_dialog(self) -> Self {
        Self {
            show_dialog: true,
            ..self
        }
    }

    /// The same, on the way to linking another Spotify account.
    #[must_use]
    pub fn for_relink(self) -> Self {
        Self { relink: true, ..self }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const OURS: &str = "https://link.example.com";

    fn public_url() -> PublicUrl {
        PublicUrl::parse(OURS).unwrap()
    }

    #[test]
    fn a_return_to_reads_back_from_its_own_url() {
        let partner_id = PartnerId::parse("0000000000000000000000").unwrap();
        for destination in [Destination::Entrypoint, Destination::Unlink, Destination::Account] {
            for partner_id in [None, Some(partner_id.clone())] {
                for (show_dialog, relink) in [(false, false), (true, false), (false, true), (true, true)] {
                    let intent = ReturnTo {
                        destination,
                        partner_id: partner_id.clone(),
                        show: ShowUri::parse("5CfCWKI5pZ28U0uOzXkDHe").ok(),
                        language: Some(Language::BrazilianPortuguese),
                        show_dialog,
                        relink,
                    };
                    let address = public_url().join(&intent.path());
                    assert_eq!(ReturnTo::parse(&address, &public_url()), Some(intent));
                }
            }
        }
        let bare = ReturnTo::new(Destination::Entrypoint, None);
        assert_eq!(bare.path(), "/entrypoint");
        assert_eq!(
            ReturnTo::parse(&format!("{OURS}/entrypoint"), &public_url()),
            Some(bare)
        );
    }

    /// S-REDIR-1.
    #[test]
    fn a_foreign_or_unusual_url_is_rejected_as_return_to() {
        let hostile = [
            "",
            "/entrypoint",
            "//evil.example/entrypoint",
            "https:evil.example/entrypoint",
            "https:///evil.example/entrypoint",
            "https://evil.example/entrypoint",
            "https://link.example.com.evil.example/entrypoint",
            "https://link.example.com@evil.example/entrypoint",
            "https://evil.example\\@link.example.com/entrypoint",
            "https://link.example.com\\@evil.example/entrypoint",
            "https://link.example.com\\.evil.example/entrypoint",
            "https://link.example.com:443@evil.example/entrypoint",
            "https://link.example.com:444/entrypoint",
            "https://link.example.com:443/entrypoint",
            "http://link.example.com/entrypoint",
            "HTTPS://link.example.com/entrypoint",
            "https://LINK.example.com/entrypoint",
            "https://link.example.com./entrypoint",
            "https://link\u{3002}example\u{3002}com/entrypoint",
            "https://link\u{ff0e}example.com/entrypoint",
            "https://l\u{131}nk.example.com/entrypoint",
            "https://link.example.com/entrypoint#x",
            "https://link.example.com/entrypoint?",
            "https://link.example.com//entrypoint",
            "https://link.example.com/./entrypoint",
            "https://link.example.com/x/../entrypoint",
            "https://link.example.com/%65ntrypoint",
            "https://link.example.com/entrypoint%2f..%2f..",
            "https://link.example.com/%2f%2fevil.example",
            "https://link.example.com//evil.example",
            "https://link.example.com/entrypoint?return_to=https://evil.example",
            "https://link.example.com/entrypoint?next=%2f%2fevil.example",
            "https://link.example.com/entrypoint?token=x",
            "https://link.example.com/callback",
            "https://link.example.com/sign-in",
            "https://link.example.com/link?show=5CfCWKI5pZ28U0uOzXkDHe",
            "https://link.example.com/entrypoint?show=%35CfCWKI5pZ28U0uOzXkDHe",
            "https://link.example.com/entrypoint?lang=en&lang=de",
            "https://link.example.com/entrypoint\r\nLocation: https://evil.example",
            "https://link.example.com/entrypoint\t",
            " https://link.example.com/entrypoint",
            "https://link.example.com/entrypoint\0",
            "javascript:alert(1)",
            "data:text/html,x",
            "https%3A%2F%2Flink.example.com%2Fentrypoint",
            "\u{feff}https://link.example.com/entrypoint",
            "https://link.example.com/partners/../entrypoint",
            "https://link.example.com/partners//entrypoint",
            "https://user:password@link.example.com/entrypoint",
            "https://[::1]/entrypoint",
            "https://0x7f.1/entrypoint",
        ];
        assert!(hostile.len() >= 50);
        for address in hostile {
            assert_eq!(ReturnTo::parse(address, &public_url()), None, "{address:?}");
        }
    }

    proptest! {
        #[test]
        fn an_accepted_return_to_is_exactly_our_own_url(text in ".{0,80}", path in "(/[a-z%.\\\\@/]{0,20}){0,3}", query in "(\\?[a-zA-Z0-9=&%]{0,40})?") {
            for address in [text.clone(), format!("{OURS}{path}{query}"), format!("{OURS}{text}")] {
                if let Some(intent) = ReturnTo::parse(&address, &public_url()) {
                    prop_assert_eq!(format!("{OURS}{}", intent.path()), address);
                }
            }
        }
    }
}
