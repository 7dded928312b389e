//! An engineer's own site in place of the demo's: its sign-in, its keys, and changes of keys, which take effect at once.

use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair};
use axum::{Json, Router, http::StatusCode, routing::get};
use jsonwebtoken::jwk::{Jwk, PublicKeyUse};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use reqwest::{Client, Response};
use sandbox::deployment::{self, FreshFunctions, PARTNER_KEYS_ID};
use sandbox::{Addresses, Options, Sandbox, Settings};
use serde_json::{Value, json};
use shared::{clock::Clock, config::Environment, rng::Rng};

use super::support::client;

const ISSUER: &str = "https://site.example";

/// A key of the site, for ES256.
struct SiteKey {
    kid: &'static str,
    private: EncodingKey,
}

impl SiteKey {
    fn new(kid: &'static str) -> Self {
        let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap();
        let private = EncodingKey::from_ec_der(pair.to_pkcs8v1().unwrap().as_ref());
        Self { kid, private }
    }

    fn key_set(&self) -> Value {
        let mut public = Jwk::from_encoding_key(&self.private, Algorithm::ES256).unwrap();
        public.common.public_key_use = Some(PublicKeyUse::Signature);
        public.common.key_id = Some(self.kid.to_owned());
        json!({ "keys": [public] })
    }

    fn sign(&self, typ: &str, claims: &Value) -> String {
        let mut header = Header::new(Algorithm::ES256);
        header.typ = Some(typ.to_owned());
        header.kid = Some(self.kid.to_owned());
        jsonwebtoken::encode(&header, claims, &self.private).unwrap()
    }
}

/// A sandbox for a site with its keys at a URL, or in a file.
struct OwnSite {
    sandbox: Sandbox,
    http: Client,
    /// What the URL of the keys returns.
    published: Arc<Mutex<Value>>,
    /// Dropping the sender stops its server.
    server: Option<tokio::sync::oneshot::Sender<()>>,
    folder: PathBuf,
}

impl Drop for OwnSite {
    fn drop(&mut self) {
        // What remains is in the temporary folder.
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

impl OwnSite {
    /// `settings` are lines of the settings file. `{site}` stands for the origin of the site.
    async fn start(name: &str, key: &SiteKey, settings: &str) -> Self {
        let http = client();
        let published = Arc::new(Mutex::new(key.key_set()));
        let (server, stopped) = tokio::sync::oneshot::channel::<()>();
        let origin = serve(Arc::clone(&published), stopped).await;
        let folder = std::env::temp_dir().join(format!("sandbox-own-site-{}-{name}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join("keys.json"), key.key_set().to_string()).unwrap();
        let file = folder.join("site.toml");
        let site = format!("SIGN_IN_URL = \"{{site}}/login\"\nSITE_ISSUER = \"{ISSUER}\"\n{settings}\n");
        std::fs::write(&file, site.replace("{site}", &origin)).unwrap();

        let settings = Settings::read(Some(&file), |_| None).unwrap();
        let options = Options {
            clock: Clock::ahead(),
            ..Options::default()
        };
        let options = deployment::with_secrets(settings.apply(options).unwrap());
        let mut functions = None;
        let sandbox = Sandbox::start(options.clone(), async |addresses: Addresses| {
            let environment: Environment = deployment::variables(&options, &addresses).into_iter().collect();
            deployment::check_variables(&environment)?;
            deployment::create_tables(&environment).await?;
            let started = FreshFunctions::start(&options, &settings, &environment, &Rng::System).await?;
            let routes = started.routes().await;
            functions = Some(started);
            Ok(routes)
        });
        let sandbox = Box::pin(sandbox).await.unwrap();
        functions.unwrap().watch(sandbox.secrets_manager());
        Self {
            sandbox,
            http,
            published,
            server: Some(server),
            folder,
        }
    }

    fn gateway(&self, path: &str) -> String {
        format!("{}{path}", self.sandbox.addresses().gateway)
    }

    fn claims(&self) -> Value {
        let now = Clock::System.now();
        json!({
            "iss": ISSUER, "aud": self.gateway(""), "sub": "u-1", "iat": now, "exp": now + 60, "entitlements": ["bonus"],
        })
    }

    async fn get(&self, url: &str, cookie: &str) -> Response {
        self.http.get(url).header("cookie", cookie).send().await.unwrap()
    }

    /// Opens the entrypoint with a session cookie that `key` has signed. Returns whether the person is signed in, and so sent to Spotify.
    async fn accepts(&self, key: &SiteKey) -> bool {
        let cookie = format!(
            "{}={}",
            self.sandbox.options().session_cookie,
            key.sign("JWT", &self.claims())
        );
        let answer = self.get(&self.gateway("/entrypoint"), &cookie).await;
        let location = location(&answer);
        let signed_in = location.starts_with(&format!("{}/authorize", self.sandbox.addresses().spotify));
        assert!(
            signed_in || location.starts_with(&format!("{}/login", self.sandbox.addresses().site)),
            "{location}"
        );
        signed_in
    }

    async fn request(&self, key: &SiteKey) -> u16 {
        let url = self.gateway("/get-entitlements");
        let mut claims = self.claims();
        let members = claims.as_object_mut().unwrap();
        members.remove("entitlements");
        let jti = Rng::System
            .bytes::<16>()
            .unwrap()
            .map(|byte| format!("{byte:02x}"))
            .concat();
        members.insert("aud".to_owned(), url.clone().into());
        members.insert("jti".to_owned(), jti.into());
        members.insert(
            "partner_id".to_owned(),
            self.sandbox.options().partner_id.clone().into(),
        );
        let body = key.sign("soa-request+jwt", &claims);
        let request = self.http.post(url).header("content-type", "application/jwt").body(body);
        request.send().await.unwrap().status().as_u16()
    }
}

/// Serves the keys at `/jwks`, or the status 500 while they are `null`. Returns the origin.
async fn serve(published: Arc<Mutex<Value>>, stopped: tokio::sync::oneshot::Receiver<()>) -> String {
    let keys = get(move || async move {
        let keys = published.lock().unwrap().clone();
        let status = if keys.is_null() {
            StatusCode::INTERNAL_SERVER_ERROR
        } else {
            StatusCode::OK
        };
        (status, Json(keys))
    });
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let origin = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        let serving = axum::serve(listener, Router::new().route("/jwks", keys));
        tokio::select! {
            ended = serving => ended.unwrap(),
            _ = stopped => {}
        }
    });
    origin
}

fn location(answer: &Response) -> String {
    answer.headers()["location"].to_str().unwrap().to_owned()
}

const AT_URL: &str = "SITE_JWKS_URL = \"{site}/jwks\"\nBACKEND_JWKS_URL = \"{site}/jwks\"";
const IN_FILE: &str = "SITE_JWKS_FILE = \"keys.json\"\nBACKEND_JWKS_FILE = \"keys.json\"";

#[tokio::test]
async fn a_visitor_signs_in_at_the_engineers_site_and_comes_back() {
    let key = SiteKey::new("a");
    let site = OwnSite::start("hand-off", &key, &format!("{AT_URL}\nSIGN_IN = \"handoff\"")).await;
    let answer = site.get(&site.gateway("/entrypoint"), "").await;
    let sign_in = url::Url::parse(&location(&answer)).unwrap();
    assert!(
        sign_in
            .as_str()
            .starts_with(&format!("{}/login?", site.sandbox.addresses().site))
    );
    let cookie = answer.headers()["set-cookie"]
        .to_str()
        .unwrap()
        .split(';')
        .next()
        .unwrap()
        .to_owned();
    let parameter = |wanted: &str| {
        let found = sign_in.query_pairs().find(|(name, _)| name == wanted);
        found.unwrap().1.into_owned()
    };
    let mut claims = site.claims();
    claims["nonce"] = parameter("nonce").into();
    claims["jti"] = "once".into();
    let token = key.sign("soa-handoff+jwt", &claims);
    let mut back = url::Url::parse(&parameter("return_to")).unwrap();
    back.query_pairs_mut().append_pair("token", &token);
    let consent = location(&site.get(back.as_str(), &cookie).await);
    assert!(
        consent.starts_with(&format!("{}/authorize?", site.sandbox.addresses().spotify)),
        "{consent}"
    );
}

#[tokio::test]
async fn another_key_than_the_sites_is_rejected() {
    let key = SiteKey::new("a");
    for settings in [AT_URL, IN_FILE] {
        let site = OwnSite::start("other", &key, settings).await;
        assert!(
            site.accepts(&key).await && site.request(&key).await == 200,
            "{settings}"
        );
        let other = SiteKey::new("a");
        assert!(
            !site.accepts(&other).await && site.request(&other).await == 401,
            "{settings}"
        );
    }
}

#[tokio::test]
async fn a_published_key_counts_at_once_and_a_withdrawn_one_no_more() {
    let (first, second) = (SiteKey::new("a"), SiteKey::new("b"));
    // With the same id as the second.
    let third = SiteKey::new("b");
    let site = OwnSite::start("published", &first, AT_URL).await;
    assert!(site.accepts(&first).await);
    for (old, new) in [(&first, &second), (&second, &third)] {
        *site.published.lock().unwrap() = new.key_set();
        assert!(site.accepts(new).await, "{}", new.kid);
        assert!(!site.accepts(old).await, "{}", old.kid);
        assert_eq!((site.request(new).await, site.request(old).await), (200, 401));
    }
}

#[tokio::test]
async fn keys_count_on_while_their_url_does_not_answer() {
    let key = SiteKey::new("a");
    let mut site = OwnSite::start("silent", &key, AT_URL).await;
    assert!(site.accepts(&key).await);
    drop(site.server.take());
    assert!(site.accepts(&key).await);
}

#[tokio::test]
async fn a_changed_key_file_counts_at_once() {
    let (first, second) = (SiteKey::new("a"), SiteKey::new("a"));
    let site = OwnSite::start("file", &first, IN_FILE).await;
    assert!(site.accepts(&first).await && !site.accepts(&second).await);
    std::fs::write(site.folder.join("keys.json"), second.key_set().to_string()).unwrap();
    assert!(site.accepts(&second).await);
    assert_eq!(site.request(&second).await, 200);
}

#[tokio::test]
async fn a_broken_key_file_is_named_until_it_is_repaired() {
    let key = SiteKey::new("a");
    let site = OwnSite::start("broken", &key, IN_FILE).await;
    std::fs::write(site.folder.join("keys.json"), "{").unwrap();
    let answer = site.get(&site.gateway("/entrypoint"), "").await;
    assert_eq!(answer.status(), 500);
    let text = answer.text().await.unwrap();
    assert!(text.contains("SITE_JWKS_FILE") && text.contains("keys.json"), "{text}");
    std::fs::write(site.folder.join("keys.json"), key.key_set().to_string()).unwrap();
    assert!(site.accepts(&key).await);
}

#[tokio::test]
async fn keys_count_on_while_their_url_answers_with_an_error() {
    let (key, other) = (SiteKey::new("a"), SiteKey::new("b"));
    let site = OwnSite::start("error", &key, AT_URL).await;
    assert!(site.accepts(&key).await);
    // `null` stands for the status 500.
    *site.published.lock().unwrap() = Value::Null;
    assert!(site.accepts(&key).await && !site.accepts(&other).await);
    *site.published.lock().unwrap() = other.key_set();
    assert!(site.accepts(&other).await);
}

/// As `soa-link keys` rotates them.
#[tokio::test]
async fn keys_that_are_put_into_secrets_manager_count_at_once() {
    let (first, second) = (SiteKey::new("a"), SiteKey::new("b"));
    let site = OwnSite::start("secret", &first, IN_FILE).await;
    assert!(site.accepts(&first).await);
    let secret = json!({
        "site": second.key_set(), "backend": second.key_set(), "partner_user_id_key": "A".repeat(43),
    });
    site.sandbox.secrets_manager().put(PARTNER_KEYS_ID, &secret.to_string());
    assert!(site.accepts(&second).await);
}

#[tokio::test]
async fn the_console_signs_requests_beside_a_backend_with_a_key_file() {
    let key = SiteKey::new("a");
    let site = OwnSite::start("console", &key, IN_FILE).await;
    let body = json!({"operation": "get-entitlements", "sub": "u-1", "send": true}).to_string();
    let url = format!("{}console/signed-request", site.sandbox.console().unwrap());
    let answer = site
        .http
        .post(url)
        .body(body)
        .send()
        .await
        .unwrap()
        .text()
        .await
        .unwrap();
    let answer: Value = serde_json::from_str(&answer).unwrap();
    assert_eq!(
        (&answer["status"], &answer["claims"]["iss"]),
        (&json!(200), &json!(ISSUER)),
        "{answer}"
    );
}
