//! Instructions per event, counted by callgrind, compared with the recorded ones. Only the function runs under valgrind.
//!
//! The count is the difference of two processes with different numbers of events, so that start-up cancels out. What is left are the seeds of hash maps and the
//! order in which answers arrive: repeated counts differ by less than 1 %, also on a busy machine.
//!
//! The count depends on the compiler and on the processor: aws-lc and the C library choose their code by the features of the processor. Under valgrind these are
//! the features that valgrind emulates, up to AVX2, so they are the same on all x86-64 machines with AVX2, whatever else a machine has.

use std::{collections::BTreeMap, fs, path::Path};

use serde_json::Value;

use crate::{Failed, job::Job, measurement::Bench};

/// Numbers of events of the two processes.
const FEW: u32 = 50;
const MANY: u32 = 350;
/// Number of processes with each number of events. The least total counts, because a disturbance, such as a connection that is opened twice, only adds to it.
const REPETITIONS: usize = 3;
/// Upper bound of attempts at each process. On a busy machine, valgrind can be too slow for the timeouts of the first connections.
const MAX_ATTEMPTS: u32 = 10;
/// Difference from the recorded figure that is not an error, in percent.
const TOLERANCE_PERCENT: f64 = 3.0;

/// Instructions per event, by function.
pub(crate) type Counts = BTreeMap<String, u64>;

/// Counts the instructions of a warm event.
pub(crate) async fn count(bench: &Bench<'_>, job: Job, program: &Path, folder: &Path) -> Result<u64, Failed> {
    let (mut few, mut many) = (u64::MAX, u64::MAX);
    for _ in 0..REPETITIONS {
        few = few.min(total(bench, job, program, folder, FEW).await?);
        many = many.min(total(bench, job, program, folder, MANY).await?);
    }
    Ok(many.saturating_sub(few) / u64::from(MANY - FEW))
}

/// All instructions of a process that answers `events` events, in the first attempt that succeeds.
async fn total(bench: &Bench<'_>, job: Job, program: &Path, folder: &Path, events: u32) -> Result<u64, Failed> {
    for _ in 1..MAX_ATTEMPTS {
        if let Ok(total) = attempt(bench, job, program, folder, events).await {
            return Ok(total);
        }
        // Forgets the calls.
        drop(bench.upstreams.look());
    }
    attempt(bench, job, program, folder, events).await
}

async fn attempt(bench: &Bench<'_>, job: Job, program: &Path, folder: &Path, events: u32) -> Result<u64, Failed> {
    let log = folder.join("callgrind.log");
    let options = [
        "--tool=callgrind".to_owned(),
        "--callgrind-out-file=/dev/null".to_owned(),
        format!("--log-file={}", log.display()),
        program.display().to_string(),
    ];
    let mut running = bench.start_with(job, Path::new("valgrind"), &options).await?;
    for _ in 0..events {
        running.invoke(&bench.upstreams).await?;
    }
    running.process.terminate()?;
    bench.upstreams.look()?;
    collected(&fs::read_to_string(log)?).ok_or_else(|| "callgrind has counted nothing".into())
}

/// The total in callgrind's log.
fn collected(log: &str) -> Option<u64> {
    let line = log.lines().find_map(|line| line.split_once("Collected :"))?;
    line.1.trim().parse().ok()
}

/// Reads recorded figures.
pub(crate) fn read(file: &Path) -> Result<Counts, Failed> {
    Ok(serde_json::from_slice(&fs::read(file)?)?)
}

/// Records the counts, and keeps the figures of functions that were not counted.
pub(crate) fn record(file: &Path, counts: Counts) -> Result<(), Failed> {
    let mut all = if file.exists() { read(file)? } else { Counts::new() };
    all.extend(counts);
    fs::write(file, serde_json::to_string_pretty(&Value::from_iter(all))? + "\n")?;
    Ok(())
}

/// Compares a count with the recorded one. The error says what is wrong, and the fix.
pub(crate) fn compare(name: &str, counted: u64, recorded: Option<u64>) -> Result<String, String> {
    const FIX: &str = "make release-check RECORD=1";
    let Some(recorded) = recorded else {
        return Err(format!(
            "FAIL {name}: {counted} instructions per event are not recorded. Fix: {FIX}"
        ));
    };
    #[expect(clippy::cast_precision_loss, reason = "there are fewer than 2^52 instructions")]
    let percent = (counted as f64 / recorded as f64 - 1.0) * 100.0;
    let found = format!("{name}: {counted} instructions per event, recorded {recorded} ({percent:+.1} %)");
    if percent > TOLERANCE_PERCENT {
        Err(format!(
            "FAIL {found}. Fix: find what has become slower, or accept it: {FIX}"
        ))
    } else if percent < -TOLERANCE_PERCENT {
        Err(format!("FAIL {found}. Fix: record what has become faster: {FIX}"))
    } else {
        Ok(found)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn four_percent_more_is_an_error_and_two_percent_more_is_not() {
        let error = compare("callback", 1_040_000, Some(1_000_000)).unwrap_err();
        assert!(error.contains("+4.0 %") && error.contains("RECORD=1"), "{error}");
        assert!(compare("callback", 1_020_000, Some(1_000_000)).is_ok());
    }

    #[test]
    fn a_large_drop_must_be_recorded() {
        assert!(compare("callback", 960_000, Some(1_000_000)).is_err());
        assert!(compare("callback", 980_000, Some(1_000_000)).is_ok());
        assert!(compare("callback", 960_000, None).is_err());
    }

    #[test]
    fn the_total_is_read_from_the_log_of_callgrind() {
        let log = "==7== Events    : Ir\n==7== Collected : 123456789\n==7== \n==7== I   refs:      123,456,789\n";
        assert_eq!(collected(log), Some(123_456_789));
        assert_eq!(collected("==7== Events    : Ir\n"), None);
    }

    #[test]
    fn every_function_has_a_recorded_figure() {
        let recorded = read(Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/instructions.json"))).unwrap();
        let names: Vec<_> = recorded.keys().map(String::as_str).collect();
        let mut jobs = Job::ALL.map(Job::name);
        jobs.sort_unstable();
        assert_eq!(names, jobs);
    }
}
