//! Names, lifetimes and `Set-Cookie` text of our cookies.
//!
//! The prefix `__Host-` keeps other hosts of the partner's domain from setting them (RFC 6265bis §4.1.3.2).

/// Name of the cookie with the browser's bindings.
pub const BROWSER_COOKIE: &str = "__Host-soa_link";
/// Name of the cookie that identifies a person on our own pages after a hand-off or a sign-in.
pub const VISIT_COOKIE: &str = "__Host-soa_visit";
/// Lifetime of a linking journey to Spotify and back, in seconds. The cookie and the pending link end together.
pub const LINK_TTL: i64 = 600;
/// Lifetime of a sign-in, in seconds: long enough to sign up, to pay, and to follow a link from an e-mail.
pub const SIGN_IN_TTL: i64 = 3600;
/// Lifetime of the visit cookie, in seconds.
pub const VISIT_TTL: i64 = 600;

/// Attributes of every `Set-Cookie`. `SameSite=Lax`, because the browser must send the cookies when it returns from Spotify. A removal needs `Secure` and
/// `Path` too: otherwise browsers ignore it.
const ATTRIBUTES: &str = "Path=/; Secure; HttpOnly; SameSite=Lax";

/// `Set-Cookie` for the browser's bindings: `value` for `seconds`; `None` removes the cookie. One cookie holds all journeys of a browser, so with several of
/// them it lives for [`SIGN_IN_TTL`]: a short journey must not end a longer one.
#[must_use]
pub fn set_browser_cookie(value: Option<&str>, seconds: i64) -> String {
    let has_several = value.is_some_and(|value| value.contains('.'));
    let seconds = if has_several { SIGN_IN_TTL } else { seconds };
    let (value, max_age) = value.map_or(("", 0), |value| (value, seconds));
    format!("{BROWSER_COOKIE}={value}; Max-Age={max_age}; {ATTRIBUTES}")
}

/// `Set-Cookie` for the visit cookie; `None` removes it.
#[must_use]
pub fn set_visit_cookie(value: Option<&str>) -> String {
    let (value, max_age) = value.map_or(("", 0), |value| (value, VISIT_TTL));
    format!("{VISIT_COOKIE}={value}; Max-Age={max_age}; {ATTRIBUTES}")
}

/// Parses the name of the partner's session cookie: a token (RFC 6265 §4.1.1) other than our own names. Returns `None` for any other text.
#[must_use]
pub fn parse_session_cookie_name(name: &str) -> Option<String> {
    let is_token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    let is_ours = [BROWSER_COOKIE, VISIT_COOKIE].contains(&name);
    (name.bytes().all(is_token) && !is_ours).then(|| name.to_owned())
}
