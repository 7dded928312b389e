//! The instances of one function: processes that each handle one event at a time, under an emulator of the Lambda Runtime API. Knows nothing of the events.

use std::{
    path::PathBuf,
    process::Stdio,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use bench::{Failed, runtime_api::RuntimeApi};
use hyper::body::Bytes;
use serde_json::Value;
use tokio::{
    io::{AsyncBufReadExt as _, BufReader},
    process::{Child, ChildStdout, Command},
    sync::Semaphore,
    task::JoinHandle,
};

use crate::metrics::Metrics;

/// Upper bound of the time for one event, with the start of an instance.
const TIMEOUT: Duration = Duration::from_secs(20);

/// A function with its instances. An event goes to a free instance. If none is free, a further one is started, up to a limit; beyond it, events wait.
pub(crate) struct Pool {
    program: PathBuf,
    variables: Vec<(String, String)>,
    /// A permit for each instance that may handle an event.
    permits: Semaphore,
    limit: u32,
    free: Mutex<Vec<Instance>>,
    readers: Mutex<Vec<JoinHandle<()>>>,
    metrics: Arc<Mutex<Metrics>>,
}

/// A process that waits for an event.
struct Instance {
    process: Child,
    api: RuntimeApi,
}

impl Pool {
    /// Creates a pool of a program, which is started with exactly these variables. `metrics` gets what the instances print.
    pub(crate) fn new(
        program: PathBuf,
        variables: Vec<(String, String)>,
        limit: u32,
        metrics: &Arc<Mutex<Metrics>>,
    ) -> Self {
        Self {
            program,
            variables,
            permits: Semaphore::new(limit as usize),
            limit,
            free: Mutex::default(),
            readers: Mutex::default(),
            metrics: Arc::clone(metrics),
        }
    }

    /// Hands over an event, and returns the answer. Goes on if the caller is dropped, as Lambda does.
    pub(crate) async fn invoke(self: &Arc<Self>, event: Value) -> Result<Value, Failed> {
        let pool = Arc::clone(self);
        tokio::spawn(async move { pool.invoke_instance(&event).await }).await?
    }

    async fn invoke_instance(&self, event: &Value) -> Result<Value, Failed> {
        let _permit = self.permits.acquire().await?;
        let free = lock(&self.free).pop();
        let mut instance = match free {
            Some(instance) => instance,
            None => self.start().await?,
        };
        let answer = instance.invoke(Bytes::from(event.to_string())).await?;
        // An instance that failed is dropped, which ends its process.
        lock(&self.free).push(instance);
        Ok(serde_json::from_slice(&answer)?)
    }

    async fn start(&self) -> Result<Instance, Failed> {
        let api = RuntimeApi::start().await?;
        let mut command = Command::new(&self.program);
        command.env_clear().envs(self.variables.iter().cloned());
        command.env("AWS_LAMBDA_RUNTIME_API", api.address());
        command.stdin(Stdio::null()).stdout(Stdio::piped()).kill_on_drop(true);
        let mut process = command
            .spawn()
            .map_err(|error| format!("{}: {error}", self.program.display()))?;
        let stdout = process.stdout.take().ok_or("no standard output")?;
        let reader = tokio::spawn(read(stdout, Arc::clone(&self.metrics)));
        lock(&self.readers).push(reader);
        Ok(Instance { process, api })
    }

    /// Number of instances that were started.
    pub(crate) fn started(&self) -> usize {
        lock(&self.readers).len()
    }

    /// Ends all instances once their events are answered, and reads the rest of what they printed.
    pub(crate) async fn finish(&self) -> Result<(), Failed> {
        let _all = self.permits.acquire_many(self.limit).await?;
        self.permits.close();
        lock(&self.free).clear();
        let readers = std::mem::take(&mut *lock(&self.readers));
        for reader in readers {
            reader.await?;
        }
        Ok(())
    }
}

impl Instance {
    async fn invoke(&mut self, event: Bytes) -> Result<Bytes, Failed> {
        let Self { process, api } = self;
        let handling = async {
            api.ready().await?;
            api.invoke(event).await
        };
        tokio::select! {
            answer = tokio::time::timeout(TIMEOUT, handling) => Ok(answer??.1),
            status = process.wait() => Err(format!("the process has exited: {}", status?).into()),
        }
    }
}

async fn read(stdout: ChildStdout, metrics: Arc<Mutex<Metrics>>) {
    let mut lines = BufReader::new(stdout).lines();
    while let Ok(Some(line)) = lines.next_line().await {
        lock(&metrics).read(&line);
    }
}

/// Locks a value. No holder of a lock panics in the middle of a change.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
