//! What a person came for, as far as our own addresses say it: where to, for which partner and show, in which language. It survives every detour (the partner's
//! sign-in, a sign-up, a payment, Spotify's consent) as one of our own addresses, `return_to`.

use url::Url;

use super::{Language, Problem, Query, Request, Route};
use crate::{
    config::PublicUrl,
    partner::{PartnerId, ShowUri},
};

/// A page of ours at which somebody can begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// Linking.
    Entrypoint,
    /// Unlinking.
    Unlink,
    /// How they are linked.
    Account,
}

impl Place {
    /// The place with this path.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        [Self::Entrypoint, Self::Unlink, Self::Account]
            .into_iter()
            .find(|place| place.name() == name)
    }

    fn name(self) -> &'static str {
        match self {
            Self::Entrypoint => "entrypoint",
            Self::Unlink => "unlink",
            Self::Account => "account",
        }
    }
}

/// What a person came for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Intent {
    /// Where to.
    pub place: Place,
    /// Whose, when the path says so.
    pub partner_id: Option<PartnerId>,
    /// The show they came from.
    pub show: Option<ShowUri>,
    /// The language that they, or the partner's site, chose.
    pub language: Option<Language>,
    /// Whether Spotify is to show which account is used, also to those who consented before.
    pub show_dialog: bool,
    /// Whether they unlink only to link another Spotify account.
    pub relink: bool,
}

impl Intent {
    /// To go to `place`, for the partner of the path or the default one.
    #[must_use]
    pub fn to(place: Place, partner_id: Option<PartnerId>) -> Self {
        Self {
            place,
            partner_id,
            show: None,
            language: None,
            show_dialog: false,
            relink: false,
        }
    }

    /// Reads what we know of a request's path and query. Parameters that we do not know, and values that are none, are passed over (nobody
    /// says what Spotify adds).
    ///
    /// # Errors
    /// [`Problem::Malformed`] for a query that cannot be read, or not in one way.
    pub fn of(request: &Request) -> Result<Self, Problem> {
        let route = request.route().ok_or(Problem::NotFound)?;
        let place = Place::named(route.name).ok_or(Problem::NotFound)?;
        Self::read(place, route.partner_id, &request.query()?)
    }

    fn read(place: Place, partner_id: Option<PartnerId>, query: &Query) -> Result<Self, Problem> {
        let is_set = |name| Ok::<_, Problem>(query.one(name)? == Some("true"));
        let show = query.one("show")?.or(query.one("spotifyShowUri")?);
        Ok(Self {
            show: show.and_then(|show| ShowUri::parse(show).ok()),
            language: query.one("lang")?.and_then(Language::parse),
            show_dialog: is_set("show_dialog")?,
            relink: is_set("relink")?,
            ..Self::to(place, partner_id)
        })
    }

    /// Takes an address that is to be returned to: exactly one of ours. It is parsed as browsers do, and then must be what we would have written, so that
    /// nothing that they read otherwise (`\\`, `@`, dots and digits of other scripts, nested encodings) can lead elsewhere.
    #[must_use]
    pub fn parse(return_to: &str, public_url: &PublicUrl) -> Option<Self> {
        let url = Url::parse(return_to).ok()?;
        if url.origin().ascii_serialization() != public_url.as_str() {
            return None;
        }
        let Route { partner_id, name } = Route::of(url.path())?;
        let query = Query::parse(url.query().unwrap_or_default()).ok()?;
        let intent = Self::read(Place::named(name)?, partner_id, &query).ok()?;
        (public_url.at(&intent.path()) == return_to).then_some(intent)
    }

    /// Our own address for it, without the origin.
    #[must_use]
    pub fn path(&self) -> String {
        let Self {
            place,
            partner_id,
            show,
            language,
            show_dialog,
            relink,
        } = self;
        let name = place.name();
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

    /// The same show and language, at another place.
    #[must_use]
    pub fn then(&self, place: Place) -> Self {
        Self {
            show: self.show.clone(),
            language: self.language,
            ..Self::to(place, self.partner_id.clone())
        }
    }

    /// With Spotify's consent shown, so that a person sees which account is used there.
    #[must_use]
    pub fn with_dialog(self) -> Self {
        Self {
            show_dialog: true,
            ..self
        }
    }

    /// On the way to linking another Spotify account.
    #[must_use]
    pub fn to_relink(self) -> Self {
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
    fn an_intent_reads_back_from_its_own_address() {
        let partner_id = PartnerId::parse("0000000000000000000000").unwrap();
        for place in [Place::Entrypoint, Place::Unlink, Place::Account] {
            for partner_id in [None, Some(partner_id.clone())] {
                for (show_dialog, relink) in [(false, false), (true, false), (false, true), (true, true)] {
                    let intent = Intent {
                        place,
                        partner_id: partner_id.clone(),
                        show: ShowUri::parse("5CfCWKI5pZ28U0uOzXkDHe").ok(),
                        language: Some(Language::BrazilianPortuguese),
                        show_dialog,
                        relink,
                    };
                    let address = public_url().at(&intent.path());
                    assert_eq!(Intent::parse(&address, &public_url()), Some(intent));
                }
            }
        }
        let bare = Intent::to(Place::Entrypoint, None);
        assert_eq!(bare.path(), "/entrypoint");
        assert_eq!(Intent::parse(&format!("{OURS}/entrypoint"), &public_url()), Some(bare));
    }

    /// S-REDIR-1.
    #[test]
    fn no_address_but_one_of_ours_is_returned_to() {
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
            assert_eq!(Intent::parse(address, &public_url()), None, "{address:?}");
        }
    }

    proptest! {
        #[test]
        fn whatever_is_returned_to_is_ours_letter_for_letter(text in ".{0,80}", path in "(/[a-z%.\\\\@/]{0,20}){0,3}", query in "(\\?[a-zA-Z0-9=&%]{0,40})?") {
            for address in [text.clone(), format!("{OURS}{path}{query}"), format!("{OURS}{text}")] {
                if let Some(intent) = Intent::parse(&address, &public_url()) {
                    prop_assert_eq!(format!("{OURS}{}", intent.path()), address);
                }
            }
        }
    }
}
