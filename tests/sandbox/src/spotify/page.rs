//! Layout, style and headers of the simulated Spotify's pages.

use axum::body::Body;
use axum::http::{HeaderValue, Response, StatusCode, header};
use axum::response::{Html, IntoResponse};
use maud::{DOCTYPE, Markup, PreEscaped, html};

const STYLE: &str = "
:root{color-scheme:light dark;--ink:#16181d;--soft:#5b616e;--paper:#f4f5f7;--card:#fff;--line:#d9dce3;--go:#1f7a45;--on-go:#fff}
@media(prefers-color-scheme:dark){:root{--ink:#f1f2f5;--soft:#a9afbb;--paper:#111317;--card:#1b1e24;--line:#333843;--go:#43c77d;--on-go:#06150c}}
*{box-sizing:border-box}
body{margin:0;background:var(--paper);color:var(--ink);font:1rem/1.5 system-ui,sans-serif}
header{padding:.6rem 1rem;background:#5a3fb5;color:#fff;font-size:.9rem;text-align:center;text-wrap:balance}
main{max-width:34rem;margin:0 auto;padding:1.5rem 1rem 3rem}
h1{font-size:1.5rem;line-height:1.25;margin:.5rem 0 1rem}
h2{font-size:1.1rem;margin:0 0 .5rem}
section,form.card{background:var(--card);border:1px solid var(--line);border-radius:.75rem;padding:1rem;margin:1rem 0}
.soft{color:var(--soft)}
fieldset{border:0;padding:0;margin:0 0 1rem}
legend{padding:0;font-weight:600;margin-bottom:.5rem}
label{display:flex;gap:.75rem;align-items:center;padding:.75rem;border:1px solid var(--line);border-radius:.5rem;margin-bottom:.5rem}
input[type=radio]{width:1.25rem;height:1.25rem;margin:0;accent-color:var(--go)}
.buttons{display:flex;gap:.75rem;flex-wrap:wrap}
button{flex:1 1 8rem;min-height:3rem;border-radius:1.5rem;border:1px solid var(--soft);background:transparent;color:inherit;font:inherit;font-weight:600;cursor:pointer}
button.go{background:var(--go);border-color:var(--go);color:var(--on-go)}
:focus-visible{outline:3px solid #5a8dee;outline-offset:2px}
ul{list-style:none;padding:0;margin:0}
li{padding:.75rem 0;border-top:1px solid var(--line)}
li:first-child{border-top:0}
li:last-child{padding-bottom:0}
.mark{float:right;margin-left:1rem;font-size:.875rem}
code{overflow-wrap:anywhere}
a{color:inherit}
";

/// Renders a page. It cannot be framed and loads no external resources.
pub(super) fn page(status: StatusCode, title: &str, body: &Markup) -> Response<Body> {
    let markup = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                title { (title) " – Simulated Spotify" }
                style { (PreEscaped(STYLE)) }
            }
            body {
                header { "Simulated Spotify – sandbox. Nothing here is real." }
                main { (body) }
            }
        }
    };
    let mut response = (status, Html(markup.into_string())).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(
        header::CONTENT_SECURITY_POLICY,
        // No form-action: browsers also apply it to the redirect after consent.
        HeaderValue::from_static(
            "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'",
        ),
    );
    response
}

/// Renders an error page.
pub(super) fn refusal(status: StatusCode, title: &str, message: &str) -> Response<Body> {
    page(status, title, &html! { h1 { (title) } p #message { (message) } })
}

pub(super) async fn not_found() -> Response<Body> {
    refusal(
        StatusCode::NOT_FOUND,
        "Not found",
        "The simulated Spotify has no such page.",
    )
}

/// Redirects a browser.
pub(super) fn redirect(status: StatusCode, location: &str, cookies: &[String]) -> Response<Body> {
    let Ok(location) = HeaderValue::try_from(location) else {
        return refusal(
            StatusCode::BAD_REQUEST,
            "Bad address",
            "The redirect address is not valid.",
        );
    };
    let mut response = status.into_response();
    response.headers_mut().insert(header::LOCATION, location);
    response
        .headers_mut()
        .insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    for cookie in cookies {
        set_cookie(&mut response, cookie);
    }
    response
}

pub(super) fn set_cookie(response: &mut Response<Body>, cookie: &str) {
    // Cookies consist of generated ids, which are valid header values.
    if let Ok(value) = HeaderValue::try_from(cookie) {
        response.headers_mut().append(header::SET_COOKIE, value);
    }
}
