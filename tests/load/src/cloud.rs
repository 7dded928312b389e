//! The functions as processes, behind the sandbox's gateway and on the stream of its table.

use std::{
    collections::BTreeMap,
    path::Path,
    sync::{Arc, Mutex},
    time::Duration,
};

use bench::Failed;
use sandbox::{Account, Addresses, Options, Route, Sandbox, deployment, stream::Stream};
use serde_json::{Value, json};
use shared::{aws::AwsConfig, config::Environment};
use tokio::task::JoinHandle;

use crate::{
    metrics::Metrics,
    pool::{Pool, lock},
};

/// The routes that people and backends use, and their functions.
const ROUTES: [(&str, &str, &str); 6] = [
    ("GET", "/entrypoint", "entrypoint"),
    ("GET", "/callback", "callback"),
    ("POST", "/get-entitlements", "entitlements"),
    ("POST", "/replace-entitlements", "entitlements"),
    ("GET", "/unlink", "unlink"),
    ("POST", "/unlink", "unlink"),
];
const SYNC: &str = "sync";
const FUNCTIONS: [&str; 5] = ["entrypoint", "callback", "entitlements", "unlink", SYNC];
/// Settings that differ from the defaults: the simulated Spotify has no rate limit, and no operator releases a guard.
const VARIABLES: [(&str, &str); 3] = [
    ("SPOTIFY_RATE", "1000"),
    ("GUARD_PEOPLE", "1000"),
    ("GUARD_PERCENT", "100"),
];
/// Upper bound of the wait for a response, so long that a slow machine fails no request: with all instances busy, requests wait.
pub(crate) const TIMEOUT: Duration = Duration::from_mins(10);
/// Interval of the sweep.
const SWEEP_INTERVAL: Duration = Duration::from_secs(1);

/// The running functions.
pub(crate) struct Cloud {
    pub(crate) sandbox: Sandbox,
    pub(crate) environment: Environment,
    pools: BTreeMap<&'static str, Arc<Pool>>,
    metrics: Arc<Mutex<Metrics>>,
    failures: Arc<Mutex<Vec<String>>>,
    sync: JoinHandle<()>,
}

impl Cloud {
    /// Starts the sandbox with these Spotify accounts. `programs` is the folder of the functions, `limit` the upper bound of the instances of each.
    pub(crate) async fn start(programs: &Path, limit: u32, accounts: Vec<Account>) -> Result<Self, Failed> {
        let variables = VARIABLES.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let options = deployment::with_secrets(Options {
            accounts,
            integration_timeout: TIMEOUT,
            variables: BTreeMap::from(variables),
            ..Options::default()
        });
        let metrics = Arc::default();
        let failures: Arc<Mutex<Vec<String>>> = Arc::default();
        let pool = |function: &'static str, addresses: &Addresses| {
            let program = programs.join(function);
            let mut variables = deployment::variables(&options, addresses);
            variables.extend(lambda_variables(function));
            (function, Arc::new(Pool::new(program, variables, limit, &metrics)))
        };
        let mut pools = BTreeMap::new();
        let sandbox = Sandbox::start(options.clone(), async |addresses: Addresses| {
            let environment: Environment = deployment::variables(&options, &addresses).into_iter().collect();
            deployment::create_tables(&environment).await?;
            pools = FUNCTIONS
                .map(|function| pool(function, &addresses))
                .into_iter()
                .collect();
            let routes = ROUTES.iter().filter_map(|(method, path, function)| {
                let pool = Arc::clone(pools.get(function)?);
                Some(route(method, path, pool, &failures))
            });
            Ok(routes.collect())
        });
        let sandbox = sandbox.await?;
        let environment: Environment = deployment::variables(&options, sandbox.addresses())
            .into_iter()
            .collect();
        let sync = Arc::clone(pools.get(SYNC).ok_or("no sync function")?);
        let sync = tokio::spawn(follow(environment.clone(), sync, Arc::clone(&failures)));
        Ok(Self {
            sandbox,
            environment,
            pools,
            metrics,
            failures,
            sync,
        })
    }

    /// Number of instances that were started, of all functions.
    pub(crate) fn instances(&self) -> usize {
        self.pools.values().map(|pool| pool.started()).sum()
    }

    /// Ends the functions once their events are answered. Returns the metrics, and what went wrong in the functions.
    pub(crate) async fn finish(&self) -> Result<(Metrics, Vec<String>), Failed> {
        self.sync.abort();
        for pool in self.pools.values() {
            pool.finish().await?;
        }
        let metrics = std::mem::take(&mut *lock(&self.metrics));
        let failures = std::mem::take(&mut *lock(&self.failures));
        Ok((metrics, failures))
    }
}

/// The variables that Lambda sets.
fn lambda_variables(function: &str) -> impl Iterator<Item = (String, String)> {
    let variables = [
        ("AWS_LAMBDA_FUNCTION_NAME", function),
        ("AWS_LAMBDA_FUNCTION_VERSION", "1"),
        ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "256"),
        ("AWS_LAMBDA_LOG_GROUP_NAME", function),
        ("AWS_LAMBDA_LOG_STREAM_NAME", function),
        ("_HANDLER", function),
    ];
    variables
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into_iter()
}

fn route(method: &str, path: &str, pool: Arc<Pool>, failures: &Arc<Mutex<Vec<String>>>) -> Route {
    let key = format!("{method} {path}");
    let failures = Arc::clone(failures);
    Route::new(method, path, move |event| {
        let (pool, failures, key) = (Arc::clone(&pool), Arc::clone(&failures), key.clone());
        async move {
            pool.invoke(event).await.unwrap_or_else(|error| {
                lock(&failures).push(format!("{key}: {error}"));
                json!({"errorType": "FunctionError"})
            })
        }
    })
}

/// Runs the sync function on the table's stream, and its sweep on a schedule. Ends only if the stream does.
async fn follow(environment: Environment, sync: Arc<Pool>, failures: Arc<Mutex<Vec<String>>>) {
    let fail = |error: &Failed| lock(&failures).push(format!("{SYNC}: {error}"));
    let invoke = async |event: Value| sync.invoke(event).await.inspect_err(fail).ok();
    let feeding = async {
        let aws = AwsConfig::from_env(&environment).ok_or("no AWS variables")?;
        let stream = Stream::of_table(&aws, deployment::SUBSCRIBERS_TABLE).await?;
        stream.feed(&invoke).await
    };
    let sweeping = async {
        loop {
            tokio::time::sleep(SWEEP_INTERVAL).await;
            invoke(json!({"task": "sweep"})).await;
        }
    };
    tokio::select! {
        fed = feeding => fail(&fed.err().unwrap_or_else(|| "the stream has ended".into())),
        () = sweeping => {}
    }
}
