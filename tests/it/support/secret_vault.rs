//! A Secrets Manager (the sandbox's or ministack's) behind a proxy that can fail.

use aws_sdk_secretsmanager::{Client, config::timeout::TimeoutConfig};
use sandbox::{Endpoint, Options, Sandbox};
use shared::{
    aws::AwsConfig,
    clock::Clock,
    config::Environment,
    http_client::HttpClient,
    secrets::{ManagedSecret, SecretValue},
};

use crate::support::{
    Ministack,
    proxy::{Proxy, Step},
};

pub(crate) const ID: &str = "soa-link/a-secret";

/// A Secrets Manager, and a proxy through which secrets are read.
pub(crate) struct Vault {
    pub(crate) id: &'static str,
    /// Client for rotations, which bypasses the proxy.
    pub(crate) client: Client,
    pub(crate) proxy: Proxy,
    pub(crate) clock: Clock,
    pub(crate) running: Running,
}

pub(crate) enum Running {
    Sandbox(Sandbox),
    Ministack { _process: Ministack },
}

impl Vault {
    pub(crate) async fn sandbox() -> Self {
        let elsewhere = || Endpoint::External("http://127.0.0.1:1".to_owned());
        let options = Options {
            gateway: elsewhere(),
            spotify: elsewhere(),
            site: elsewhere(),
            dynamodb: elsewhere(),
            ..Options::default()
        };
        let sandbox = Sandbox::start(options, async |_| Ok(Vec::new())).await.unwrap();
        let endpoint = sandbox.addresses().secrets.clone();
        Self::at(&endpoint, Running::Sandbox(sandbox)).await
    }

    pub(crate) async fn ministack() -> Self {
        let process = Ministack::start().await;
        let endpoint = process.origin().to_owned();
        Self::at(&endpoint, Running::Ministack { _process: process }).await
    }

    async fn at(endpoint: &str, running: Running) -> Self {
        Self {
            id: ID,
            client: patient(&client(endpoint)),
            proxy: Proxy::in_front_of(endpoint).await,
            clock: Clock::fixed(1_800_000_000),
            running,
        }
    }

    pub(crate) fn secret<T: SecretValue>(&self) -> ManagedSecret<T> {
        ManagedSecret::new(client(self.proxy.origin()), self.id.to_owned(), self.clock.clone())
    }

    pub(crate) async fn create(&self, value: &str) {
        let create = self.client.create_secret().name(self.id);
        create.secret_string(value).send().await.unwrap();
    }

    /// Puts a new current version; the current one becomes the previous version.
    pub(crate) async fn put(&self, value: &str) {
        let put = self.client.put_secret_value().secret_id(self.id);
        put.secret_string(value).send().await.unwrap();
    }

    pub(crate) async fn put_or_create(&self, value: &str) {
        let put = self.client.put_secret_value().secret_id(self.id);
        if put.secret_string(value).send().await.is_err() {
            self.create(value).await;
        }
    }

    pub(crate) fn down(&self, down: bool) {
        self.proxy.every(down.then_some(Step::Refuse));
    }

    /// Number of reads, from the sandbox's request log or, with ministack, from the proxy.
    pub(crate) fn reads(&self) -> usize {
        match &self.running {
            Running::Sandbox(sandbox) => {
                let requests = sandbox.secrets_manager().requests().all();
                let read = Some("secretsmanager.GetSecretValue");
                requests
                    .iter()
                    .filter(|request| request.action.as_deref() == read)
                    .count()
            }
            Running::Ministack { .. } => self.proxy.seen(),
        }
    }
}

/// A client without timeouts: a retried put would create another version.
fn patient(client: &Client) -> Client {
    let timeouts = TimeoutConfig::builder().build();
    Client::from_conf(client.config().to_builder().timeout_config(timeouts).build())
}

fn client(endpoint: &str) -> Client {
    let environment = Environment::from_iter([
        ("AWS_ENDPOINT_URL_SECRETS_MANAGER", endpoint),
        ("AWS_REGION", "eu-west-1"),
        ("AWS_ACCESS_KEY_ID", "test"),
        ("AWS_SECRET_ACCESS_KEY", "test"),
    ]);
    AwsConfig::from_env(&environment)
        .unwrap()
        .secrets_manager(&HttpClient::new().unwrap())
}
