//! A browser's visit to the demo site, and a client of its `OpenID` provider. Also used by a unit test of the crate.

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use reqwest::{Client, Response};
use sandbox::{Addresses, Endpoint, Options, Sandbox, SignIn};
use url::Url;
use url::form_urlencoded::Serializer;

use crate::support::client;

pub(crate) struct Visit {
    pub(crate) sandbox: Sandbox,
    pub(crate) http: Client,
    pub(crate) cookies: Vec<String>,
}

pub(crate) const PUBLIC_URL: &str = "http://127.0.0.1:9000";

pub(crate) async fn visit_at(site: Endpoint, sign_in: SignIn) -> Visit {
    let nowhere = || Endpoint::External("http://127.0.0.1:9".to_owned());
    let options = Options {
        gateway: Endpoint::External(PUBLIC_URL.to_owned()),
        spotify: nowhere(),
        site,
        dynamodb: nowhere(),
        secrets_manager: nowhere(),
        sign_in,
        ..Options::default()
    };
    let sandbox = Sandbox::start(options, async |_: Addresses| Ok(Vec::new()))
        .await
        .unwrap();
    let http = client();
    Visit {
        sandbox,
        http,
        cookies: Vec::new(),
    }
}

impl Visit {
    pub(crate) async fn send(&mut self, request: reqwest::RequestBuilder) -> Response {
        let response = request.header("cookie", self.cookies.join("; ")).send().await.unwrap();
        for cookie in response.headers().get_all("set-cookie") {
            let cookie = cookie.to_str().unwrap();
            let (name, _) = cookie.split_once('=').unwrap();
            self.cookies.retain(|kept| !kept.starts_with(&format!("{name}=")));
            if !cookie.contains("Max-Age=0") {
                self.cookies.push(cookie.split(';').next().unwrap().to_owned());
            }
        }
        response
    }

    pub(crate) async fn get(&mut self, path: &str) -> Response {
        let request = self.http.get(format!("{}{path}", self.sandbox.addresses().site));
        self.send(request).await
    }

    pub(crate) async fn post(&mut self, path: &str, form: &str) -> Response {
        let request = self
            .http
            .post(format!("{}{path}", self.sandbox.addresses().site))
            .body(form.to_owned());
        self.send(request).await
    }
}

// The example of RFC 7636, appendix B.
pub(crate) const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
pub(crate) const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
pub(crate) const REDIRECT_URI: &str = "http://127.0.0.1:9000/sign-in/callback";
pub(crate) const SECRET: &str = "a-demo-secret--known-to-everybody:-oidc";

/// Builds a valid authorization request with `changes` applied. An empty value removes a parameter.
pub(crate) fn authorization(changes: &[(&str, &str)]) -> String {
    let mut parameters = BTreeMap::from([
        ("client_id", "soa-link"),
        ("redirect_uri", REDIRECT_URI),
        ("response_type", "code"),
        ("scope", "openid"),
        ("state", "s 1&"),
        ("nonce", "n-1"),
        ("code_challenge", CHALLENGE),
        ("code_challenge_method", "S256"),
    ]);
    parameters.extend(changes.iter().copied());
    parameters.retain(|_, value| !value.is_empty());
    Serializer::new(String::new()).extend_pairs(parameters).finish()
}

/// Returns the parameters of a redirect to the functions.
pub(crate) fn brought_back(answer: &Response) -> BTreeMap<String, String> {
    let location = answer.headers()["location"].to_str().unwrap();
    assert!(location.starts_with(&format!("{REDIRECT_URI}?")), "{location}");
    Url::parse(location).unwrap().query_pairs().into_owned().collect()
}

impl Visit {
    /// Requests a code for the signed-in subscriber.
    pub(crate) async fn code(&mut self) -> String {
        let answer = self.get(&format!("/oidc/authorize?{}", authorization(&[]))).await;
        brought_back(&answer).remove("code").unwrap()
    }

    /// Exchanges a code with the secret in the body and `changes` applied. An empty value removes a field.
    pub(crate) async fn exchange(&self, code: &str, changes: &[(&str, &str)]) -> Response {
        let mut form = BTreeMap::from([
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", REDIRECT_URI),
            ("code_verifier", VERIFIER),
            ("client_id", "soa-link"),
            ("client_secret", SECRET),
        ]);
        form.extend(changes.iter().copied());
        form.retain(|_, value| !value.is_empty());
        self.send_form(&Serializer::new(String::new()).extend_pairs(form).finish(), None)
            .await
    }

    pub(crate) async fn send_form(&self, form: &str, basic: Option<&str>) -> Response {
        let url = format!("{}/oidc/token", self.sandbox.addresses().site);
        let mut request = self.http.post(url).body(form.to_owned());
        request = request.header("content-type", "application/x-www-form-urlencoded");
        if let Some(basic) = basic {
            request = request.header("authorization", format!("Basic {}", STANDARD.encode(basic)));
        }
        request.send().await.unwrap()
    }
}
