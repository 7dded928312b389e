//! Walks whole journeys of many people at once through many instances of the functions, as Lambda runs them. Ends with an error unless the counts agree in the
//! driver, the tables, the simulated Spotify and the metrics, and sync has brought Spotify to the desired state. Rates are shown, and never judged.

#![expect(clippy::print_stdout, reason = "the program prints its results")]

mod cloud;
mod driver;
mod journey;
mod ledger;
mod metrics;
mod person;
mod pool;
mod spotify;
mod step;
mod tables;
mod verdict;

use std::{
    path::PathBuf,
    process::ExitCode,
    sync::Arc,
    time::{Duration, Instant},
};

use bench::Failed;
use clap::Parser;

use self::{cloud::Cloud, driver::Driver, step::Step, tables::Tables};

/// Upper bound of the time that sync has to converge after the last journey.
const CONVERGENCE_TIMEOUT: Duration = Duration::from_mins(10);

/// Walk many people at once through the functions, and compare the counts.
#[derive(Parser)]
struct Options {
    /// Numbers of concurrent people, one for each step.
    #[arg(long, value_delimiter = ',', default_values_t = [1, 10, 50, 200, 500])]
    people: Vec<usize>,
    /// Upper bound of the instances of each function.
    #[arg(long, default_value_t = 10)]
    instances: u32,
    /// Folder of the functions [default: this program's own].
    #[arg(long)]
    programs: Option<PathBuf>,
}

#[tokio::main]
async fn main() -> ExitCode {
    // Boxed: the future holds the whole sandbox and is too large for the stack.
    let problems = match Box::pin(run(Options::parse())).await {
        Ok(problems) => problems,
        Err(error) => vec![error.to_string()],
    };
    for problem in &problems {
        println!("FAIL {problem}");
    }
    if problems.is_empty() {
        println!("All counts agree.");
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

/// Returns everything that is not as it must be.
async fn run(options: Options) -> Result<Vec<String>, Failed> {
    // Fails if there is a provider already.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let programs = match options.programs {
        Some(programs) => programs,
        None => std::env::current_exe()?.parent().ok_or("no folder")?.to_owned(),
    };
    let accounts = (0..options.people.iter().sum()).map(person::account).collect();
    let cloud = Cloud::start(&programs, options.instances, accounts).await?;
    let driver = Arc::new(Driver::new(&cloud.sandbox)?);
    let (mut people, mut problems, mut first) = (Vec::new(), Vec::new(), 0);
    println!("{}", Step::headings());
    for count in options.people {
        let step = Step::walk(&driver, first..first + count).await?;
        println!("{}", step.row(cloud.instances()));
        first += count;
        people.extend(step.people);
        problems.extend(step.errors);
    }
    let tables = Tables::new(cloud.environment.clone(), &driver.options.partner_id)?;
    let ended = Instant::now();
    let dirty = wait_for_sync(&tables).await?;
    println!(
        "\nsync finished {:.0} s after the last journey\n",
        ended.elapsed().as_secs_f64()
    );
    if dirty > 0 {
        problems.push(format!("sync has not finished: {dirty} subscribers are dirty"));
    }
    let (metrics, failures) = cloud.finish().await?;
    problems.extend(failures);
    problems.extend(metrics.errors());
    let evidence = verdict::Evidence {
        tally: driver.tally(),
        people: &people,
        subscribers: &tables.subscribers().await?,
        pending_links: tables.pending_links().await?,
        record: spotify::Record::read(cloud.sandbox.spotify())?,
        links: &cloud.sandbox.spotify().links(),
        metrics: &metrics,
    };
    let ledger = evidence.ledger();
    println!("{ledger}\n");
    problems.extend(ledger.differences());
    Ok(problems)
}

/// Waits until no subscriber is dirty. Returns the number of those who still are at the timeout.
async fn wait_for_sync(tables: &Tables) -> Result<usize, Failed> {
    let began = Instant::now();
    loop {
        let subscribers = tables.subscribers().await?;
        let dirty = subscribers
            .iter()
            .filter(|subscriber| subscriber.lane.is_some())
            .count();
        if dirty == 0 || began.elapsed() > CONVERGENCE_TIMEOUT {
            return Ok(dirty);
        }
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
}
