//! Measures functions as Lambda runs them: `bootstrap` under an emulator of the Runtime API, with TLS stubs for everything that it calls. In each round, our
//! function and both references are measured one after another, so that load on the machine affects all of them. Ratios are those of one round.

#![expect(clippy::print_stdout, reason = "the benchmark prints its results")]

mod chart;
mod job;
mod measurement;
mod process;
mod report;
mod throttle;
mod upstream;

use std::{fs, path::PathBuf};

use bench::{Failed, runtime_api, statistics};
use clap::Parser;
use serde_json::Value;

use self::{
    job::Job,
    measurement::{Bench, Subject},
    report::Report,
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
    #[arg(long, default_value_t = 150)]
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
    /// Show the logs of the functions.
    #[arg(long)]
    verbose: bool,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Failed> {
    let options = Options::parse();
    let before: Option<Value> = match &options.compare {
        Some(path) => Some(serde_json::from_slice(&fs::read(path)?)?),
        None => None,
    };
    let folder = std::env::temp_dir().join(format!("soa-link-bench-{}", std::process::id()));
    fs::create_dir_all(&folder)?;
    let measured = measure(&options, &folder).await;
    fs::remove_dir_all(&folder)?;
    let reports = measured?;
    for report in &reports {
        println!("{report}");
        if let Some(before) = &before {
            println!("{}", report.changes(before));
        }
    }
    if let Some(path) = &options.json {
        fs::write(path, report::to_json(&reports, &options)?)?;
    }
    if let Some(path) = &options.svg {
        fs::write(path, chart::draw(&reports))?;
    }
    Ok(())
}

async fn measure(options: &Options, folder: &std::path::Path) -> Result<Vec<Report>, Failed> {
    let bench = Bench {
        upstreams: Upstreams::start(folder, job::respond).await?,
        options,
    };
    let chosen = |job: &Job| options.functions.is_empty() || options.functions.iter().any(|name| name == job.name());
    let mut reports = Vec::new();
    for job in Job::ALL.into_iter().filter(chosen) {
        let program = |name: &str| options.programs.join(name);
        let subjects = [
            Subject::new("ours", program(job.name()))?,
            Subject::new("floor", program("floor"))?,
            Subject::new("lean SDK", program("lean-sdk"))?,
        ];
        reports.push(bench.compare(job, subjects).await?);
    }
    Ok(reports)
}
