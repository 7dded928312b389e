//! `completion_url`: the URL at which Spotify completes the journey (Open Access reference, `register-user`). It is passed on unchanged after
//! its host was checked, because any other host would make an open redirector (RFC 9700 §4.11.1). This module makes no calls.

use url::{Host, Url};

use crate::secret::secret_type;

secret_type! {
    /// A checked completion URL, byte for byte as received.
    CompletionUrl
}

/// The hosts at which a journey may end.
pub struct CompletionUrlPolicy<'a> {
    /// Origin of the Open Access API. If it is a loopback address, as in a sandbox, completion URLs may also have this origin.
    pub open_access_url: &'a Url,
}

impl CompletionUrlPolicy<'_> {
    /// Accepts an `https` URL of at most 2048 bytes on `spotify.com` or a subdomain. User, port, and characters that browsers interpret
    /// differently are rejected.
    ///
    /// # Errors
    /// [`CompletionUrlError::Malformed`] or [`CompletionUrlError::UntrustedHost`]. A retry does not help.
    pub fn check(&self, completion_url: String) -> Result<CompletionUrl, CompletionUrlError> {
        let plain = |byte: u8| byte.is_ascii_graphic() && !b"\\\"<>`{}|^".contains(&byte);
        if completion_url.len() > 2048 || !completion_url.bytes().all(plain) {
            return Err(CompletionUrlError::Malformed);
        }
        let url = Url::parse(&completion_url).map_err(|_| CompletionUrlError::Malformed)?;
        if !url.username().is_empty() || url.password().is_some() || authority(&completion_url).contains('@') {
            return Err(CompletionUrlError::Malformed);
        }
        if Self::is_spotify(&url, &completion_url) || self.is_sandbox(&url) {
            Ok(CompletionUrl::new(completion_url))
        } else {
            Err(CompletionUrlError::UntrustedHost)
        }
    }

    fn is_spotify(url: &Url, text: &str) -> bool {
        let spotify = |host: &str| host == "spotify.com" || host.ends_with(".spotify.com");
        // Compared as text, because another host may become Spotify's by percent-decoding or IDN mapping.
        url.scheme() == "https"
            && url.port().is_none()
            && url
                .host_str()
                .is_some_and(|host| spotify(host) && authority(text).eq_ignore_ascii_case(host))
    }

    fn is_sandbox(&self, url: &Url) -> bool {
        let loopback = match self.open_access_url.host() {
            Some(Host::Ipv4(address)) => address.is_loopback(),
            Some(Host::Ipv6(address)) => address.is_loopback(),
            _ => false,
        };
        loopback && url.origin() == self.open_access_url.origin()
    }
}

/// The part between `://` and the path.
fn authority(url: &str) -> &str {
    let after = url.split_once("://").map_or("", |(_, after)| after);
    after.split(['/', '?', '#']).next().unwrap_or_default()
}

/// Why a completion URL is rejected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CompletionUrlError {
    /// Not a URL, too long, or with a user or an unsafe character.
    #[error("malformed")]
    Malformed,
    /// Not `https`, or not on a Spotify host.
    #[error("not on a Spotify host")]
    UntrustedHost,
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn check(completion_url: &str) -> Result<String, CompletionUrlError> {
        let open_access_url = Url::parse("https://open-access.spotify.com").unwrap();
        CompletionUrlPolicy {
            open_access_url: &open_access_url,
        }
        .check(completion_url.to_owned())
        .map(|url| url.expose().to_owned())
    }

    #[test]
    fn a_spotify_completion_url_is_kept_byte_for_byte() {
        let urls = [
            "https://spotify.com/link/x",
            "https://content-access.spotify.com/oauth/success?partnerId=A&x=%2F%zz&y=a+b",
            "https://SPOTIFY.com",
            "HTTPS://a.b.spotify.com/#f",
        ];
        for url in urls {
            assert_eq!(check(url).as_deref(), Ok(url));
        }
    }

    #[test]
    fn a_completion_url_on_another_host_is_rejected() {
        let urls = [
            "",
            "https://evil.example/",
            "http://spotify.com/",
            "https://spotify.com.evil.example/",
            "https://evilspotify.com/",
            "https://spotify.com@evil.example/",
            "https://@spotify.com/",
            "https://user@spotify.com/",
            "https://spotify.com:8443/",
            "https://spotify.com:443/",
            "https://evil.example\\.spotify.com/",
            "https://evil.example/\\spotify.com",
            "https://spotify.com\\@evil.example",
            "https:/evil.example",
            "//spotify.com/",
            "/link",
            "javascript:alert(1)//spotify.com",
            "https://spotify.com/\r\nSet-Cookie: a=b",
            "https://spotify.com/\0",
            "https://spotify.com/\u{b}",
            "https://spotify.com/\u{7f}",
            " https://spotify.com/",
            "https://spotify。com/",
            "https://spotıfy.com/",
            "https://xn--spotfy-q9a.com/",
            "https://%73potify.com/",
            "https://spotify.com./",
            "https://127.0.0.1/",
        ];
        for url in urls {
            assert!(check(url).is_err(), "{url:?}");
        }
        assert!(check(&format!("https://spotify.com/{}", "a".repeat(2048))).is_err());
    }

    #[test]
    fn a_sandbox_on_a_loopback_address_is_accepted() {
        let sandbox = Url::parse("http://127.0.0.1:9100").unwrap();
        let landing = CompletionUrlPolicy {
            open_access_url: &sandbox,
        };
        assert!(
            landing
                .check("http://127.0.0.1:9100/oauth/success?t=1".to_owned())
                .is_ok()
        );
        assert!(landing.check("https://spotify.com/".to_owned()).is_ok());
        for other in [
            "http://127.0.0.1:9101/",
            "http://127.0.0.2:9100/",
            "https://127.0.0.1:9100/",
            "http://x@127.0.0.1:9100/",
        ] {
            assert!(landing.check(other.to_owned()).is_err(), "{other}");
        }
    }

    proptest! {
        #[test]
        fn no_completion_url_panics_or_leaves_spotify(text in "(https://)?[a-z.@:\\\\/%]{0,30}(spotify\\.com)?.{0,20}") {
            if let Ok(kept) = check(&text) {
                let host = Url::parse(&kept).unwrap().host_str().unwrap().to_owned();
                prop_assert!(host == "spotify.com" || host.ends_with(".spotify.com"));
            }
        }
    }
}
