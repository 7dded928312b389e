//! A certified third-party `OpenID` provider (`oidc-provider`) in a separate process, `tests/peers/provider.mjs`. Tests can make it respond as a hostile
//! or failing provider would.

use std::{
    io::{BufRead as _, BufReader},
    process::{Child, Command, Stdio},
};

use reqwest::Client;
use sandbox::{Addresses, Options, Sandbox, SignIn, deployment};
use serde_json::{Value, json};
use shared::{clock::Clock, rng::Rng};

use crate::support::{Browser, NO_PARTNERS_TABLE, TestResponse, World, backend_key, environment};

pub(crate) struct Provider {
    pub(crate) issuer: String,
    http: Client,
    process: Child,
}

impl Drop for Provider {
    fn drop(&mut self) {
        // Errors are expected if the process has already exited.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Provider {
    /// Starts a provider with the demo's people as accounts and a client for the functions at `public_url`. `changes` overrides its configuration.
    pub(crate) fn start(public_url: &str, changes: &Value) -> Self {
        let oidc = sandbox::Oidc::default();
        let publisher = sandbox::Publisher::default();
        let account = |person: &sandbox::Person| {
            let groups: Vec<_> = person
                .entitlements
                .iter()
                .map(|name| format!("spotify-{name}"))
                .collect();
            let claims = json!({
                "name": person.name,
                "entitlements": person.entitlements,
                "realm_access": {"roles": groups, "a/b": ["offline_access", "not one"]},
                "member": 1000,
                "spotify_id": "0123456789abcdef",
            });
            (person.sub.clone(), claims)
        };
        let accounts: serde_json::Map<_, _> = publisher.people.iter().map(account).collect();
        let mut configuration = json!({
            "client_id": oidc.client_id,
            "client_secret": oidc.client_secret,
            "redirect_uris": [format!("{public_url}/sign-in/callback")],
            "auth_method": "client_secret_basic",
            "accounts": accounts,
            "id_token_alg": "RS256",
        });
        for (name, value) in changes.as_object().unwrap() {
            configuration[name] = value.clone();
        }
        // A partner's own provider has a separate redirect URI.
        if let Some(partner_id) = configuration["partner_id"].as_str() {
            let redirect_uri = format!("{public_url}/partners/{partner_id}/sign-in/callback");
            configuration["redirect_uris"] = json!([redirect_uri]);
        }
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/peers/provider.mjs");
        let mut process = Command::new("node")
            .arg(script)
            .env("PROVIDER", configuration.to_string())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the provider does not start: run `make setup`");
        let mut line = String::new();
        BufReader::new(process.stdout.take().unwrap())
            .read_line(&mut line)
            .unwrap();
        let issuer = line
            .trim()
            .strip_prefix("listening ")
            .expect("the provider does not print its address")
            .to_owned();
        #[expect(clippy::disallowed_methods, reason = "test control requests need no limits")]
        let http = Client::builder().no_proxy().build().unwrap();
        Self { issuer, http, process }
    }

    async fn post(&self, path: &str, body: &Value) {
        let request = self
            .http
            .post(format!("{}/_test/{path}", self.issuer))
            .body(body.to_string());
        let answer = request.send().await.unwrap();
        assert!(answer.status().is_success(), "{}", answer.text().await.unwrap());
    }

    /// Replaces parts of the provider's responses.
    pub(crate) async fn tamper(&self, with: Value) {
        self.post("tamper", &with).await;
    }

    /// Signs with the new key `kid` from now on. `keep`: whether the old key stays published.
    pub(crate) async fn roll(&self, kid: &str, keep: bool) {
        self.post("keys", &json!({"kid": kid, "keep": keep})).await;
    }

    /// The requests that the provider has received at `path`.
    pub(crate) async fn requests(&self, path: &str) -> Vec<Value> {
        let answer = self
            .http
            .get(format!("{}/_test/requests", self.issuer))
            .send()
            .await
            .unwrap();
        let all: Vec<Value> = serde_json::from_str(&answer.text().await.unwrap()).unwrap();
        all.into_iter().filter(|request| request["path"] == path).collect()
    }
}

impl World {
    /// A world whose subscribers sign in at a provider. `late` replaces parts of the provider's responses while the functions start.
    pub(crate) async fn oidc(configuration: &Value, variables: &[(&str, &str)], late: Value) -> (Self, Provider) {
        Self::prepare();
        let clock = Clock::fixed(Clock::System.now());
        let options = Options {
            backend_key: backend_key(),
            sign_in: SignIn::Oidc,
            more_partners: ["1111111111111111111111", "2222222222222222222222"]
                .map(|id| (id.to_owned(), "Second".to_owned()))
                .into(),
            ..Options::default()
        };
        let options = deployment::with_secrets(options);
        let mut provider = None;
        let started = &mut provider;
        let sandbox = Sandbox::start(options.clone(), async |addresses: Addresses| {
            let provider = started.insert(Provider::start(&addresses.gateway, configuration));
            provider.tamper(late).await;
            let variables: Vec<_> = [NO_PARTNERS_TABLE, ("OIDC_ISSUER", provider.issuer.as_str())]
                .into_iter()
                .chain(variables.iter().copied())
                .collect();
            let environment = environment(&options, &addresses, &variables);
            deployment::create_tables(&environment).await?;
            deployment::routes(&environment, &clock, &Rng::System).await
        });
        let sandbox = sandbox.await.unwrap();
        (Self::of(sandbox, clock), provider.unwrap())
    }

    /// A world with a provider in its default configuration.
    pub(crate) async fn signing_in() -> (Self, Provider) {
        Self::oidc(&json!({}), &[], json!({})).await
    }
}

impl Browser<'_> {
    /// Follows `away` through the provider and signs in as `choice` says. Returns the URL that the provider redirects back to.
    pub(crate) async fn at_provider(&mut self, provider: &Provider, away: &str, choice: &str) -> String {
        let here = |location: &str| {
            if location.starts_with('/') {
                format!("{}{location}", provider.issuer)
            } else {
                location.to_owned()
            }
        };
        let mut location = here(away);
        for _ in 0..8 {
            if !location.starts_with(&provider.issuer) {
                return location;
            }
            if location.contains("/interaction/") {
                location = format!("{location}?{choice}");
            }
            let answer = self.get(&location).await;
            assert_eq!(answer.status, 303, "{location}: {}", answer.body);
            location = here(answer.location());
        }
        panic!("redirect loop at the provider: {location}");
    }

    /// Opens `page`, signs in at the provider, and returns the response of the sign-in callback.
    pub(crate) async fn signs_in(&mut self, provider: &Provider, page: &str, choice: &str) -> TestResponse {
        let away = self.get(page).await;
        assert_eq!(away.status, 302, "{page}: {}", away.body);
        let away = if away.location().contains("/sign-in?") {
            self.get(away.location()).await
        } else {
            away
        };
        let back = self.at_provider(provider, away.location(), choice).await;
        self.get(&back).await
    }
}
