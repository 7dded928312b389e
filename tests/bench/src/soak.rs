//! One process that answers many events, and whether its memory stays flat. Memory is sampled after equal numbers of events, so no time is involved.

use std::{fmt, path::Path};

use crate::{Failed, job::Job, measurement::Bench, statistics::Spread};

/// Number of samples of the memory.
const SAMPLES: usize = 100;
/// Number of samples in a tenth of the events.
const TENTH: usize = SAMPLES / 10;
/// Allowed growth of the memory between the second and the last tenth, in KiB, or as a part of the second tenth, if that is more.
const MAX_GROWTH_KIB: f64 = 256.0;
const MAX_GROWTH: f64 = 0.02;

/// The resident memory of one process, in KiB.
pub(crate) struct Soak {
    job: Job,
    events: usize,
    samples: Vec<f64>,
}

impl Soak {
    /// Sends `events` events to one process of `program`, and verifies every answer.
    pub(crate) async fn run(bench: &Bench<'_>, job: Job, program: &Path, events: usize) -> Result<Self, Failed> {
        let between = events.div_ceil(SAMPLES);
        let mut running = bench.start(job, program).await?;
        let mut samples = Vec::with_capacity(SAMPLES);
        for _ in 0..SAMPLES {
            for _ in 0..between {
                running.invoke(&bench.upstreams).await?;
            }
            // Forgets the calls, and fails if one was wrong.
            bench.upstreams.look()?;
            samples.push(running.process.memory_kib("VmRSS")?);
        }
        Ok(Self {
            job,
            events: between * SAMPLES,
            samples,
        })
    }

    /// Whether the memory of the last tenth is that of the second. The first tenth fills caches and pools.
    pub(crate) fn is_flat(&self) -> bool {
        let (second, last) = (self.tenth(1), self.tenth(9));
        last - second <= MAX_GROWTH_KIB.max(second * MAX_GROWTH)
    }

    /// The median of a tenth of the samples.
    fn tenth(&self, tenth: usize) -> f64 {
        let samples = self.samples.chunks(TENTH).nth(tenth).unwrap_or_default();
        Spread::of(samples).median
    }
}

impl fmt::Display for Soak {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let verdict = if self.is_flat() { "flat" } else { "GROWS" };
        write!(
            formatter,
            "{:<15} {:>9} events, RSS in KiB: {:.0} in the second tenth, {:.0} in the last, {:.0} at most: {verdict}",
            self.job.name(),
            self.events,
            self.tenth(1),
            self.tenth(9),
            Spread::of(&self.samples).max
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[expect(clippy::cast_precision_loss, reason = "small numbers")]
    fn is_flat(kib: impl Fn(f64) -> f64) -> bool {
        let samples = (0..SAMPLES).map(|sample| kib(sample as f64)).collect();
        Soak {
            job: Job::Entrypoint,
            events: 1_000_000,
            samples,
        }
        .is_flat()
    }

    #[test]
    fn memory_that_grows_with_the_events_is_not_flat() {
        assert!(!is_flat(|sample| 10_000.0 + sample * 4.0));
        assert!(!is_flat(|sample| 100_000.0 + sample * 30.0));
    }

    #[test]
    fn memory_that_settles_is_flat() {
        assert!(is_flat(|sample| if sample < 10.0 { 8_000.0 } else { 10_000.0 }));
        // A larger process may grow by more, but not by more than 2 %.
        assert!(is_flat(|sample| 10_000.0 + sample * 2.0));
        assert!(is_flat(|sample| 100_000.0 + sample * 20.0));
    }
}
