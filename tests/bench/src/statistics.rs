//! Medians, percentiles and the overlap of calls. Knows nothing of what the numbers mean.

use std::time::Instant;

/// The smallest, the middle and the largest of some values.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Spread {
    /// The smallest value.
    pub min: f64,
    /// The middle value.
    pub median: f64,
    /// The largest value.
    pub max: f64,
}

impl Spread {
    /// The spread of `values`; zero if there are none.
    #[must_use]
    pub fn of(values: &[f64]) -> Self {
        Self {
            min: percentile(values, 0.0),
            median: percentile(values, 50.0),
            max: percentile(values, 100.0),
        }
    }

    /// The spread of the ratios of paired values. A pair is of one round, so load on the machine affects both of its values.
    #[must_use]
    pub fn of_ratios(values: &[f64], references: &[f64]) -> Self {
        let pairs = values.iter().zip(references).filter(|(_, reference)| **reference > 0.0);
        Self::of(&pairs.map(|(value, reference)| value / reference).collect::<Vec<_>>())
    }
}

/// The value below which `percent` of the values are, interpolated; zero if there are none.
#[must_use]
pub fn percentile(values: &[f64], percent: f64) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let Some(last) = sorted.len().checked_sub(1) else {
        return 0.0;
    };
    #[expect(clippy::cast_precision_loss, reason = "there are fewer than 2^52 values")]
    let place = last as f64 * percent / 100.0;
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "an index of the values"
    )]
    let index = place.floor() as usize;
    let at = |index: usize| sorted.get(index.min(last)).copied().unwrap_or_default();
    at(index) + (at(index + 1) - at(index)) * place.fract()
}

/// The largest number of calls of which each began after the one before had ended: what a higher latency of the upstreams multiplies.
pub fn sequential(calls: impl IntoIterator<Item = (Instant, Instant)>) -> usize {
    let mut calls: Vec<_> = calls.into_iter().collect();
    calls.sort_by_key(|(_, ended)| *ended);
    let mut last = None;
    let mut count = 0;
    for (began, ended) in calls {
        if last.is_none_or(|last| began >= last) {
            last = Some(ended);
            count += 1;
        }
    }
    count
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn round_trips(calls: &[(u64, u64)]) -> usize {
        let zero = Instant::now();
        let at = |ms: u64| zero + Duration::from_millis(ms);
        sequential(calls.iter().map(|(began, ended)| (at(*began), at(*ended))))
    }

    #[test]
    #[expect(clippy::float_cmp, reason = "these numbers are exact")]
    fn a_median_of_an_even_number_of_values_is_between_the_middle_two() {
        assert_eq!(percentile(&[4.0, 1.0, 3.0, 2.0], 50.0), 2.5);
        assert_eq!(percentile(&[3.0, 1.0, 2.0], 50.0), 2.0);
    }

    #[test]
    #[expect(clippy::float_cmp, reason = "these numbers are exact")]
    fn a_percentile_of_one_value_is_that_value_and_of_none_zero() {
        assert_eq!(percentile(&[7.0], 99.0), 7.0);
        assert_eq!(percentile(&[], 50.0), 0.0);
    }

    #[test]
    fn a_spread_has_the_extremes() {
        let spread = Spread::of(&[5.0, 1.0, 2.0]);
        assert_eq!(
            spread,
            Spread {
                min: 1.0,
                median: 2.0,
                max: 5.0
            }
        );
    }

    #[test]
    fn ratios_are_those_of_pairs_and_not_of_medians() {
        // A round under load doubles both values, and leaves the ratio.
        let spread = Spread::of_ratios(&[2.0, 4.0, 2.0], &[1.0, 2.0, 1.0]);
        assert_eq!(
            spread,
            Spread {
                min: 2.0,
                median: 2.0,
                max: 2.0
            }
        );
    }

    #[test]
    fn calls_in_parallel_are_one_round_trip() {
        assert_eq!(round_trips(&[(0, 20), (1, 22), (2, 21)]), 1);
    }

    #[test]
    fn calls_one_after_another_are_as_many_round_trips() {
        assert_eq!(round_trips(&[(0, 20), (20, 40), (41, 60)]), 3);
    }

    #[test]
    fn a_call_beside_two_others_adds_no_round_trip() {
        assert_eq!(round_trips(&[(0, 20), (21, 40), (0, 39)]), 2);
        assert_eq!(round_trips(&[]), 0);
    }
}
