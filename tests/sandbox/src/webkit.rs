//! Cookies for Safari and other WebKit browsers. They refuse `Secure` cookies over http even from a loopback address, where
//! Chromium and Firefox accept them. The gateway therefore gives them the cookies under another name and without `Secure`.
//! No function sees the difference.

use axum::http::{HeaderMap, HeaderValue, header};

/// Prefix of names that browsers accept only with `Secure` (RFC 6265bis §4.1.3.2).
const HOST_PREFIX: &str = "__Host-";
/// The prefix that replaces it.
const LOCAL_PREFIX: &str = "sandbox-host-";

/// Whether the browser is a WebKit. Chromium names WebKit too.
pub(crate) fn is_webkit(headers: &HeaderMap) -> bool {
    let agent = headers.get(header::USER_AGENT).and_then(|agent| agent.to_str().ok());
    agent.is_some_and(|agent| {
        agent.contains("AppleWebKit/")
            && !["Chrome/", "Chromium/", "Edg/"]
                .iter()
                .any(|other| agent.contains(other))
    })
}

/// Gives the cookies of a request the names that the functions set.
pub(crate) fn restore_names(cookies: &mut [String]) {
    for cookie in cookies {
        if let Some(rest) = cookie.strip_prefix(LOCAL_PREFIX) {
            *cookie = format!("{HOST_PREFIX}{rest}");
        }
    }
}

/// Makes the cookies of a response acceptable over http.
pub(crate) fn allow_http(headers: &mut HeaderMap) {
    let cookies: Vec<_> = headers.get_all(header::SET_COOKIE).iter().cloned().collect();
    headers.remove(header::SET_COOKIE);
    for cookie in cookies {
        let local = cookie.to_str().ok().and_then(without_secure);
        headers.append(header::SET_COOKIE, local.unwrap_or(cookie));
    }
}

fn without_secure(cookie: &str) -> Option<HeaderValue> {
    let name = cookie.strip_prefix(HOST_PREFIX)?;
    let attributes = name
        .split("; ")
        .filter(|attribute| !attribute.eq_ignore_ascii_case("secure"));
    let cookie = format!("{LOCAL_PREFIX}{}", attributes.collect::<Vec<_>>().join("; "));
    HeaderValue::try_from(cookie).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn agent(agent: &'static str) -> HeaderMap {
        HeaderMap::from_iter([(header::USER_AGENT, HeaderValue::from_static(agent))])
    }

    #[test]
    fn safari_and_webkitgtk_are_webkit_and_chromium_and_firefox_are_not() {
        for webkit in [
            "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.1 Safari/605.1.15",
            "Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) CriOS/130.0 Mobile/15E148 Safari/604.1",
            "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/60.5 Safari/605.1.15",
        ] {
            assert!(is_webkit(&agent(webkit)), "{webkit}");
        }
        for other in [
            "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0.0.0 Safari/537.36",
            "Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0.0.0 Safari/537.36 Edg/130.0.0.0",
            "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0",
            "curl/8.0",
        ] {
            assert!(!is_webkit(&agent(other)), "{other}");
        }
    }

    #[test]
    fn a_host_cookie_comes_back_under_its_name_and_others_stay_as_they_are() {
        let mut headers = HeaderMap::new();
        for cookie in [
            "__Host-soa_link=x; Max-Age=60; Path=/; Secure; HttpOnly; SameSite=Lax",
            "other=1; Secure",
        ] {
            headers.append(header::SET_COOKIE, HeaderValue::from_static(cookie));
        }
        allow_http(&mut headers);
        let set: Vec<_> = headers
            .get_all(header::SET_COOKIE)
            .iter()
            .map(|cookie| cookie.to_str().unwrap())
            .collect();
        assert_eq!(
            set,
            [
                "sandbox-host-soa_link=x; Max-Age=60; Path=/; HttpOnly; SameSite=Lax",
                "other=1; Secure"
            ]
        );
        let mut cookies = vec!["sandbox-host-soa_link=x".to_owned(), "other=1".to_owned()];
        restore_names(&mut cookies);
        assert_eq!(cookies, ["__Host-soa_link=x", "other=1"]);
    }
}
