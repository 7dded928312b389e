//! Measures functions as Lambda runs them: `bootstrap` under an emulator of the Runtime API, with TLS stubs for everything that it calls. In each round, our
//! function and its references are measured one after another, so that load on the machine affects all of them. Ratios are those of one round.

#![expect(clippy::print_stdout, reason = "the benchmark prints its results")]

mod chart;
mod instructions;
mod job;
mod measurement;
mod process;
mod report;
mod sizes;
mod soak;
mod throttle;
mod upstream;

use std::{
    fs,
    path::{Path, PathBuf},
};

use bench::{Failed, runtime_api, statistics};
use clap::Parser;
use serde_json::Value;

use self::{
    job::Job,
    measurement::{Bench, Subject},
    report::Report,
    sizes::Sizes,
    soak::Soak,
    upstream::Upstreams,
};

/// Measure the functions against the references.
#[derive(Parser)]
struct Options {
    /// Folder of the programs.
    #[arg(long, default_value = "target/bench/release")]
    programs: PathBuf,
    /// Measure only these functions.
    #[arg(long = "function")]
    functions: Vec<String>,
    /// Processes of each program.
    #[arg(long, default_value_t = 80)]
    rounds: usize,
    /// Warm events of each process.
    #[arg(long, default_value_t = 200)]
    warm: usize,
    /// Milliseconds that each upstream takes to answer.
    #[arg(long, default_value_t = 0)]
    upstream_ms: u64,
    /// After init, give the processor share of a function with this memory.
    #[arg(long)]
    lambda_mb: Option<u32>,
    /// Write all results to this file.
    #[arg(long)]
    json: Option<PathBuf>,
    /// Show how the ratios have changed since the run that wrote this JSON file.
    #[arg(long)]
    compare: Option<PathBuf>,
    /// Draw the ratios into this file.
    #[arg(long)]
    svg: Option<PathBuf>,
    /// Name of the measured version in the JSON file, such as a commit.
    #[arg(long, default_value = "")]
    version: String,
    /// Instead, send this many events to one process of each function, and require flat memory.
    #[arg(long, group = "instead")]
    soak: Option<usize>,
    /// Instead, check the sizes of the programs that cargo-lambda has built into this folder.
    #[arg(long, group = "instead")]
    sizes: Option<PathBuf>,
    /// Instead, count instructions per event under valgrind, and compare them with this JSON file.
    #[arg(long, group = "instead")]
    instructions: Option<PathBuf>,
    /// Write the counted instructions into the file.
    #[arg(long, requires = "instructions")]
    record: bool,
    /// Show the logs of the functions.
    #[arg(long)]
    verbose: bool,
}

impl Options {
    /// The chosen jobs.
    fn jobs(&self) -> impl Iterator<Item = Job> {
        let chosen = |job: &Job| self.functions.is_empty() || self.functions.iter().any(|name| name == job.name());
        Job::ALL.into_iter().filter(chosen)
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Failed> {
    let options = Options::parse();
    let folder = std::env::temp_dir().join(format!("soa-link-bench-{}", std::process::id()));
    fs::create_dir_all(&folder)?;
    let done = run(&options, &folder).await;
    fs::remove_dir_all(&folder)?;
    done
}

async fn run(options: &Options, folder: &Path) -> Result<(), Failed> {
    if let Some(programs) = &options.sizes {
        return check_sizes(options, programs);
    }
    let bench = Bench {
        upstreams: Upstreams::start(folder, job::respond).await?,
        options,
    };
    if let Some(events) = options.soak {
        soak(&bench, events).await
    } else if let Some(recorded) = &options.instructions {
        check_instructions(&bench, recorded, folder).await
    } else {
        compare(&bench).await
    }
}

/// Compares the functions with the references.
async fn compare(bench: &Bench<'_>) -> Result<(), Failed> {
    let options = bench.options;
    let before: Option<Value> = match &options.compare {
        Some(path) => Some(serde_json::from_slice(&fs::read(path)?)?),
        None => None,
    };
    let mut reports = Vec::new();
    for job in options.jobs() {
        let subject = |name, program: &str| Subject::new(name, options.programs.join(program));
        let ours = subject("ours", job.name())?;
        let references = if job.has_references() {
            vec![subject("floor", "floor")?, subject("lean SDK", "lean-sdk")?]
        } else {
            Vec::new()
        };
        let report: Report = bench.compare(job, ours, references).await?;
        println!("{report}");
        if let Some(before) = &before {
            println!("{}", report.changes(before));
        }
        reports.push(report);
    }
    if let Some(path) = &options.json {
        fs::write(path, report::to_json(&reports, options)?)?;
    }
    if let Some(path) = &options.svg {
        fs::write(path, chart::draw(&reports))?;
    }
    Ok(())
}

/// Requires flat memory of one process of each function.
async fn soak(bench: &Bench<'_>, events: usize) -> Result<(), Failed> {
    let mut checks = Checks::default();
    for job in bench.options.jobs() {
        let soak = Soak::run(bench, job, &bench.options.programs.join(job.name()), events).await?;
        checks.add(if soak.is_flat() {
            Ok(soak.to_string())
        } else {
            Err(soak.to_string())
        });
    }
    checks.finish()
}

fn check_sizes(options: &Options, programs: &Path) -> Result<(), Failed> {
    let mut checks = Checks::default();
    for job in options.jobs() {
        let program = programs.join(job.name()).join("bootstrap");
        checks.add(Sizes::of(&program)?.check(job.name()));
    }
    checks.finish()
}

async fn check_instructions(bench: &Bench<'_>, file: &Path, folder: &Path) -> Result<(), Failed> {
    let mut checks = Checks::default();
    let mut counts = instructions::Counts::new();
    for job in bench.options.jobs() {
        let program = bench.options.programs.join(job.name());
        let count = instructions::count(bench, job, &program, folder).await?;
        if bench.options.record {
            println!("{}: {count} instructions per event", job.name());
        } else {
            let recorded = instructions::read(file)?.get(job.name()).copied();
            checks.add(instructions::compare(job.name(), count, recorded));
        }
        counts.insert(job.name().to_owned(), count);
    }
    if bench.options.record {
        instructions::record(file, counts)?;
    }
    checks.finish()
}

/// Checks of several functions: all are made, and one that fails is enough to fail.
#[derive(Default)]
struct Checks {
    failed: usize,
}

impl Checks {
    fn add(&mut self, check: Result<String, String>) {
        self.failed += usize::from(check.is_err());
        let (Ok(text) | Err(text)) = check;
        println!("{text}");
    }

    fn finish(self) -> Result<(), Failed> {
        match self.failed {
            0 => Ok(()),
            failed => Err(format!("failed checks: {failed}").into()),
        }
    }
}
