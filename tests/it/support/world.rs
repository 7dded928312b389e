//! The functions in a sandbox, with a clock that moves only when a test advances it.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use partners::Partners;
use reqwest::{Client, ClientBuilder, RequestBuilder, redirect::Policy};
use sandbox::{Addresses, Options, Sandbox, deployment};
use serde_json::{Value, json};
use shared::{
    aws::AwsConfig, clock::Clock, config::Environment, http_client::HttpClient, rng::Rng,
    runtime::worker::EventFunction as _,
};

use crate::support::{
    TestResponse, backend_key,
    log::{Log, function_log},
    openapi,
};

/// Turns the partners table off, so that every partner has the settings of the deployment.
pub(crate) const NO_PARTNERS_TABLE: (&str, &str) = ("PARTNERS_TABLE", "");

/// A sandbox that runs the functions.
pub(crate) struct World {
    pub(crate) sandbox: Sandbox,
    pub(crate) clock: Clock,
    pub(super) http: Client,
}

impl World {
    pub(crate) async fn new() -> Self {
        Self::with(Options::default(), &[]).await
    }

    pub(crate) async fn without_partners_table() -> Self {
        Self::with(Options::default(), &[NO_PARTNERS_TABLE]).await
    }

    /// A world with hand-off as the only way to sign in.
    pub(crate) async fn handoff() -> Self {
        Self::with(Options::default(), &[("SIGN_IN", "handoff"), ("SESSION_COOKIE", "")]).await
    }

    pub(crate) async fn with(options: Options, variables: &[(&str, &str)]) -> Self {
        Self::prepare();
        let clock = Clock::fixed(Clock::System.now());
        let options = deployment::with_secrets(Options {
            backend_key: backend_key(),
            log: function_log(),
            clock: clock.clone(),
            ..options
        });
        let sandbox = Sandbox::start(options.clone(), async |addresses: Addresses| {
            let environment = environment(&options, &addresses, variables);
            deployment::create_tables(&environment).await?;
            deployment::routes(&environment, &clock, &Rng::System).await
        });
        Self::of(sandbox.await.unwrap(), clock)
    }

    /// Installs the crypto provider and the log of the process. Safe to call more than once.
    pub(crate) fn prepare() {
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        shared::telemetry::init_with(|| Log);
    }

    pub(crate) fn of(sandbox: Sandbox, clock: Clock) -> Self {
        sandbox.spotify().requests().clear();
        let http = ClientBuilder::new()
            .redirect(Policy::none())
            .no_proxy()
            .pool_max_idle_per_host(0)
            .build()
            .unwrap();
        Self { sandbox, clock, http }
    }

    /// The environment variables of the functions in this sandbox, with `changes`.
    pub(crate) fn environment(&self, changes: &[(&str, &str)]) -> Environment {
        environment(self.sandbox.options(), self.sandbox.addresses(), changes)
    }

    pub(crate) fn gateway(&self, path: &str) -> String {
        format!("{}{path}", self.sandbox.addresses().gateway)
    }

    /// Resolves `path` against the gateway; an absolute URL stays as it is.
    pub(crate) fn url(&self, path: &str) -> String {
        if path.starts_with("http") {
            path.to_owned()
        } else {
            self.gateway(path)
        }
    }

    pub(crate) fn spotify(&self) -> &sandbox::Spotify {
        self.sandbox.spotify()
    }

    /// Writes a partner that exists at Spotify, with `settings`, as version `version + 1`.
    pub(crate) async fn put_partner(&self, partner_id: &str, settings: Value, version: i64) {
        let partners = Partners::start(self.environment(&[]), self.clock.clone(), Rng::System);
        let command = json!({
            "command": "put-partner", "partner_id": partner_id, "name": "Partner", "settings": settings, "version": version,
        });
        let partners = partners.await.unwrap();
        let written = partners.handle(&command, Duration::from_mins(1)).await.unwrap();
        assert_eq!(written["version"], version + 1, "{written}");
    }

    /// Number of calls to Spotify: token endpoint, register-user, unlink-user.
    pub(crate) fn calls(&self) -> (usize, usize, usize) {
        let to = |path| self.spotify().requests().to(path).len();
        (to("/api/token"), to("/api/v1/register-user"), to("/api/v1/unlink-user"))
    }

    pub(crate) fn person(&self, person: &str) -> &sandbox::Person {
        self.sandbox
            .options()
            .publisher
            .people
            .iter()
            .find(|known| known.id == person)
            .unwrap()
    }

    pub(crate) fn partner_user_id(&self, person: &str) -> String {
        let options = self.sandbox.options();
        options.partner_user_id(&options.partner_id, self.person(person))
    }

    /// Spotify account and entitlements of a demo person. Returns `None` if the person is not linked.
    pub(crate) fn linked(&self, person: &str) -> Option<(String, Vec<String>)> {
        let link = self
            .spotify()
            .link(&self.sandbox.options().partner_id, &self.partner_user_id(person));
        link.map(|link| (link.account, link.entitlements))
    }

    /// Sends `request`, and checks the response against `infra/openapi.json`.
    pub(super) async fn answered(&self, request: RequestBuilder) -> TestResponse {
        let request = request.build().unwrap();
        let sent = request.try_clone().unwrap();
        let answer = TestResponse::of(self.http.execute(sent).await.unwrap()).await;
        openapi::must_allow(&self.gateway(""), &request, &answer);
        answer
    }

    /// The content of the pending-links table, as text. The same content is the same text.
    pub(crate) async fn stored(&self) -> String {
        let aws = AwsConfig::from_env(&self.environment(&[])).unwrap();
        let scan = aws
            .dynamodb(&HttpClient::new().unwrap())
            .scan()
            .table_name(deployment::PENDING_LINKS_TABLE)
            .send()
            .await;
        let scan = scan.unwrap();
        let items: BTreeSet<_> = scan
            .items()
            .iter()
            .map(|item| format!("{:?}", item.iter().collect::<BTreeMap<_, _>>()))
            .collect();
        format!("{items:?}")
    }

    pub(crate) fn advance(&self, seconds: i64) {
        self.clock.advance(seconds);
    }
}

pub(crate) fn environment(options: &Options, addresses: &Addresses, changes: &[(&str, &str)]) -> Environment {
    let changes = changes
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    deployment::variables(options, addresses)
        .into_iter()
        .chain(changes)
        .collect()
}

pub(crate) async fn join_all<F: Future>(futures: impl Iterator<Item = F>) -> Vec<F::Output> {
    let mut futures: Vec<_> = futures.map(Box::pin).collect();
    let mut outputs: Vec<Option<F::Output>> = futures.iter().map(|_| None).collect();
    std::future::poll_fn(|context| {
        for (future, output) in futures.iter_mut().zip(&mut outputs) {
            if output.is_none()
                && let std::task::Poll::Ready(value) = future.as_mut().poll(context)
            {
                *output = Some(value);
            }
        }
        if outputs.iter().all(Option::is_some) {
            std::task::Poll::Ready(())
        } else {
            std::task::Poll::Pending
        }
    })
    .await;
    outputs.into_iter().flatten().collect()
}
