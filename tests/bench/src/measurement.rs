//! One process from its start to its last event, and the rounds of them. What the numbers are compared with is in `report`.

use std::{
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use crate::{
    Failed, Options,
    job::Job,
    process::{Process, processor_time},
    report::Report,
    runtime_api::RuntimeApi,
    sizes::Sizes,
    statistics::{Spread, percentile, sequential},
    throttle::{PERIOD, Throttle},
    upstream::{Host, Seen, Upstreams},
};

/// Time within which a function must ask for its first event, also under valgrind.
const INIT_TIMEOUT: Duration = Duration::from_mins(1);
/// Warm events that are not counted.
const SETTLING: usize = 5;
/// Delay of the upstreams when their round trips are counted: longer than anything else takes.
const COUNTING_DELAY: Duration = Duration::from_millis(40);

/// What is measured of each process, in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Metric {
    Init,
    FirstEvent,
    ColdTotal,
    ColdCpu,
    WarmP50,
    WarmP99,
    WarmCpu,
    Memory,
    Size,
    ZippedSize,
}

impl Metric {
    pub(crate) const ALL: [Self; 10] = [
        Self::Init,
        Self::FirstEvent,
        Self::ColdTotal,
        Self::ColdCpu,
        Self::WarmP50,
        Self::WarmP99,
        Self::WarmCpu,
        Self::Memory,
        Self::Size,
        Self::ZippedSize,
    ];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Init => "init ms",
            Self::FirstEvent => "first event ms",
            Self::ColdTotal => "cold total ms",
            Self::ColdCpu => "cold CPU ms",
            Self::WarmP50 => "warm p50 ms",
            Self::WarmP99 => "warm p99 ms",
            Self::WarmCpu => "warm CPU ms",
            Self::Memory => "peak RSS MiB",
            Self::Size => "size MiB",
            Self::ZippedSize => "zipped MiB",
        }
    }
}

/// A program that is measured.
pub(crate) struct Subject {
    pub(crate) name: &'static str,
    program: PathBuf,
    sizes: Sizes,
    /// The values of each metric, one of each round.
    pub(crate) values: [Vec<f64>; Metric::ALL.len()],
    /// The calls during init, at the first event and at a later event.
    pub(crate) calls: Vec<Calls>,
}

/// The upstream calls of one phase.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Calls {
    pub(crate) phase: &'static str,
    pub(crate) requests: usize,
    pub(crate) connections: usize,
    pub(crate) sequential: usize,
    /// What was called, in alphabetical order.
    pub(crate) contents: Vec<String>,
}

impl Calls {
    fn new(phase: &'static str, seen: Seen) -> Self {
        let requests = seen.calls.len();
        let sequential = sequential(seen.calls.iter().map(|call| (call.began, call.ended)));
        let mut contents: Vec<_> = seen.calls.into_iter().filter_map(|call| call.content).collect();
        contents.sort();
        Self {
            phase,
            requests,
            connections: seen.connections,
            sequential,
            contents,
        }
    }
}

impl Subject {
    pub(crate) fn new(name: &'static str, program: PathBuf) -> Result<Self, Failed> {
        Ok(Self {
            name,
            sizes: Sizes::of(&program)?,
            program,
            values: Default::default(),
            calls: Vec::new(),
        })
    }

    /// The spread of this subject's ratios to `reference`, of pairs of the same round.
    pub(crate) fn ratios(&self, reference: &Self, metric: Metric) -> Spread {
        Spread::of_ratios(self.values(metric), reference.values(metric))
    }

    pub(crate) fn values(&self, metric: Metric) -> &[f64] {
        let place = Metric::ALL.iter().position(|other| *other == metric);
        place
            .and_then(|place| self.values.get(place))
            .map_or(&[], Vec::as_slice)
    }
}

/// The stubs and the options of a run.
pub(crate) struct Bench<'a> {
    pub(crate) upstreams: Upstreams,
    pub(crate) options: &'a Options,
}

impl Bench<'_> {
    /// Measures our function and the references in turns. The order changes with each round, because the first one finds a colder machine.
    pub(crate) async fn compare(
        &self,
        job: Job,
        mut ours: Subject,
        mut references: Vec<Subject>,
    ) -> Result<Report, Failed> {
        for subject in std::iter::once(&mut ours).chain(&mut references) {
            subject.calls = self
                .count_calls(job, subject)
                .await
                .map_err(|error| format!("{}: {error}", subject.name))?;
        }
        require_all_calls(job, &ours)?;
        require_same_calls(&ours, &references)?;
        let mut subjects: Vec<_> = std::iter::once(&mut ours).chain(&mut references).collect();
        for round in 0..self.options.rounds {
            let count = subjects.len();
            for turn in 0..count {
                let Some(subject) = subjects.get_mut((round + turn) % count) else {
                    continue;
                };
                let sample = self
                    .sample(job, subject)
                    .await
                    .map_err(|error| format!("{}: {error}", subject.name))?;
                for (values, value) in subject.values.iter_mut().zip(sample) {
                    values.push(value);
                }
            }
        }
        Ok(Report { job, ours, references })
    }

    /// Starts a program as Lambda does, and waits until it asks for an event.
    pub(crate) async fn start(&self, job: Job, program: &Path) -> Result<Running, Failed> {
        self.start_with(job, program, &[]).await
    }

    /// As [`Self::start`], with arguments.
    pub(crate) async fn start_with(&self, job: Job, program: &Path, arguments: &[String]) -> Result<Running, Failed> {
        let mut api = RuntimeApi::start().await?;
        let variables = job.variables(&self.upstreams, api.address());
        let mut process = Process::start(program, arguments, &variables, self.options.verbose)?;
        let waiting = tokio::time::timeout(INIT_TIMEOUT, async {
            loop {
                // A process that exits never asks for an event.
                if let Ok(ready) = tokio::time::timeout(Duration::from_millis(200), api.ready()).await {
                    return ready;
                }
                process.require_running()?;
            }
        });
        let ready = waiting.await??;
        Ok(Running {
            process,
            api,
            ready,
            job,
        })
    }

    /// The calls of a process whose upstreams are slow, so that parallel calls overlap.
    async fn count_calls(&self, job: Job, subject: &Subject) -> Result<Vec<Calls>, Failed> {
        self.upstreams.set_delay(COUNTING_DELAY);
        let mut running = self.start(job, &subject.program).await?;
        let mut phases = vec![Calls::new("init", self.upstreams.look()?)];
        for phase in ["first event", "warm event"] {
            running.invoke(&self.upstreams).await?;
            phases.push(Calls::new(phase, self.upstreams.look()?));
        }
        self.upstreams
            .set_delay(Duration::from_millis(self.options.upstream_ms));
        Ok(phases)
    }

    async fn sample(&self, job: Job, subject: &Subject) -> Result<[f64; Metric::ALL.len()], Failed> {
        let mut running = self.start(job, &subject.program).await?;
        let id = running.process.id();
        let started = running.process.started;
        let init = running.ready - started;
        let throttle = self
            .options
            .lambda_mb
            .map(|megabytes| Throttle::start(id, megabytes))
            .transpose()?;
        let first = running.invoke(&self.upstreams).await?;
        let cold_cpu = processor_time(id)?;
        for _ in 0..SETTLING {
            running.invoke(&self.upstreams).await?;
        }
        let before = processor_time(id)?;
        let mut warm = Vec::with_capacity(self.options.warm);
        for _ in 0..self.options.warm {
            // Events of a small function are rarely back to back: each finds the share of a whole period.
            if throttle.is_some() {
                tokio::time::sleep(2 * PERIOD).await;
            }
            warm.push(milliseconds(running.invoke(&self.upstreams).await?));
        }
        #[expect(clippy::cast_precision_loss, reason = "a number of events")]
        let warm_cpu = milliseconds(processor_time(id)?.saturating_sub(before)) / warm.len().max(1) as f64;
        drop(throttle);
        let memory = running.process.memory_kib("VmHWM")? / 1024.0;
        drop(running);
        self.upstreams.look()?;
        Ok([
            milliseconds(init),
            milliseconds(first),
            milliseconds(init + first),
            milliseconds(cold_cpu),
            percentile(&warm, 50.0),
            percentile(&warm, 99.0),
            warm_cpu,
            memory,
            subject.sizes.plain,
            subject.sizes.zipped,
        ])
    }
}

/// A warm event must make all calls of the job.
fn require_all_calls(job: Job, ours: &Subject) -> Result<(), Failed> {
    let Some(warm) = ours.calls.last() else { return Ok(()) };
    if warm.requests == job.warm_requests() {
        return Ok(());
    }
    let (name, expected) = (job.name(), job.warm_requests());
    Err(format!(
        "{name}: expected {expected} calls of a warm event, got {:#?}",
        warm.contents
    )
    .into())
}

/// The references must do what ours does, or the ratios mean nothing.
fn require_same_calls(ours: &Subject, references: &[Subject]) -> Result<(), Failed> {
    for reference in references {
        for (expected, calls) in ours.calls.iter().zip(&reference.calls) {
            if expected.contents != calls.contents {
                let text = format!(
                    "{} differs from ours in its calls ({}). Change tests/bench/references.\nours: {:#?}\n{}: {:#?}",
                    reference.name, calls.phase, expected.contents, reference.name, calls.contents
                );
                return Err(text.into());
            }
        }
    }
    Ok(())
}

/// A function that waits for an event.
pub(crate) struct Running {
    // Ended before its emulator.
    pub(crate) process: Process,
    api: RuntimeApi,
    ready: Instant,
    job: Job,
}

impl Running {
    /// Sends a new event, verifies the answer, and waits until the function asks for the next. Returns the time until the answer.
    pub(crate) async fn invoke(&mut self, upstreams: &Upstreams) -> Result<Duration, Failed> {
        let event = self.job.event()?;
        let sent = Instant::now();
        let (arrived, answer) = self.api.invoke(event).await?;
        self.job.verify(&answer, &upstreams.origin(Host::Accounts))?;
        self.api.ready().await?;
        Ok(arrived - sent)
    }
}

fn milliseconds(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1000.0
}
