//! A certified `OpenID` provider that we did not write (`oidc-provider`), in a process of its own, and what a hostile one would answer in its place:
//! `tests/peers/provider.mjs`.

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
        // It would end with its standard input too.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Provider {
    /// With a client for functions at `public_url`, and the people of the demo; `changes` to its configuration.
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
        // A partner's own provider has a redirect URI of its own.
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
            .expect("`make setup` installs node and what the provider needs");
        let mut line = String::new();
        BufReader::new(process.stdout.take().unwrap())
            .read_line(&mut line)
            .unwrap();
        let issuer = line
            .trim()
            .strip_prefix("listening ")
            .expect("the provider says where it is")
            .to_owned();
        #[expect(clippy::disallowed_methods, reason = "what steers the provider needs no limits")]
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

    /// Answers something else than it would.
    pub(crate) async fn tamper(&self, with: Value) {
        self.post("tamper", &with).await;
    }

    /// Signs with a new key from now on, and still publishes the old one or not.
    pub(crate) async fn roll(&self, kid: &str, keep: bool) {
        self.post("keys", &json!({"kid": kid, "keep": keep})).await;
    }

    /// What has reached it at a path.
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
    /// Functions whose people sign in at a provider, which is up when they start unless `late` says how it is then.
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

    /// With the provider as it is by default.
    pub(crate) async fn signing_in() -> (Self, Provider) {
        Self::oidc(&json!({}), &[], json!({})).await
    }
}

impl Browser<'_> {
    /// Signs in at the provider, to which `away` has sent us, as one of its accounts: the address that it sends us back to.
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
        panic!("the provider goes round in circles: {location}");
    }

    /// From one of our pages through the provider: what our callback answers.
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
