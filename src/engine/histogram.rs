//! How values are distributed: how many there were in each of a fixed number of ranges.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use serde::Serialize;

/// Into how many ranges of the same width the values between two powers of two are divided. Below twice as
/// much each value has a range of its own.
const PARTS: u64 = 32;

/// The largest value that is told from larger ones: more than an hour, in microseconds.
const LARGEST: u64 = u32::MAX as u64;

/// How many ranges there are.
const RANGES: usize = range_of(LARGEST) + 1;

/// How values are distributed.
///
/// The percentiles are never below the exact ones, and above them by at most a 32nd part, 3.2 %; up to 63
/// they are exact. Values from 2^32 on count as 2^32 - 1 in them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[non_exhaustive]
pub struct Distribution {
    /// How many values there were.
    pub count: u64,
    /// Half of them were not larger; 0 if there were none.
    pub p50: u64,
    /// 99 of 100 were not larger; 0 if there were none.
    pub p99: u64,
    /// The largest, exactly; 0 if there were none.
    pub max: u64,
}

/// Gathers values, from several threads at once, in memory that does not grow: 7 KiB.
#[derive(Debug)]
pub(super) struct Histogram {
    counts: [AtomicU64; RANGES],
    max: AtomicU64,
}

impl Histogram {
    pub(super) const fn new() -> Self {
        Self { counts: [const { AtomicU64::new(0) }; RANGES], max: AtomicU64::new(0) }
    }

    /// Counts a value as often as it occurred.
    pub(super) fn record(&self, value: u64, times: usize) {
        if times == 0 {
            return;
        }
        // It rarely grows, and to look is cheaper than to change.
        if value > self.max.load(Relaxed) {
            self.max.fetch_max(value, Relaxed);
        }
        self.counts[range_of(value)].fetch_add(times as u64, Relaxed);
    }

    pub(super) fn distribution(&self) -> Distribution {
        let counts = self.counts.each_ref().map(|count| count.load(Relaxed));
        let count: u64 = counts.iter().sum();
        let max = self.max.load(Relaxed);
        let percentile = |percent: u64| {
            let mut left = (count * percent).div_ceil(100);
            let is_reached = |&count: &u64| {
                left = left.saturating_sub(count);
                left == 0
            };
            counts.iter().position(is_reached).map_or(0, largest_in).min(max)
        };
        Distribution { count, p50: percentile(50), p99: percentile(99), max }
    }
}

const fn range_of(value: u64) -> usize {
    let value = if value < LARGEST { value } else { LARGEST };
    // How often the width of a range has doubled.
    let doubled = (value | PARTS).ilog2() - PARTS.ilog2();
    (doubled as u64 * PARTS + (value >> doubled)) as usize
}

const fn largest_in(range: usize) -> u64 {
    let range = range as u64;
    let doubled = (range / PARTS).saturating_sub(1);
    ((range - doubled * PARTS + 1) << doubled) - 1
}

#[cfg(test)]
mod tests {
    use std::thread;

    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    /// The smallest value that so many percent are not above.
    fn exact(sorted: &[u64], percent: usize) -> u64 {
        let rank = (sorted.len() * percent).div_ceil(100);
        rank.checked_sub(1).map_or(0, |place| sorted[place])
    }

    /// Of any size, and close to the ends of ranges.
    fn value() -> impl Strategy<Value = u64> {
        let near = (0..32_u32, -2..=2_i64)
            .prop_map(|(power, off)| (1_u64 << power).saturating_add_signed(off));
        prop_oneof![
            0..200_u64,
            (0..32_u32, any::<u32>()).prop_map(|(bits, it)| u64::from(it >> bits)),
            near
        ]
        .prop_map(|value| value.min(LARGEST))
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        /// Caught: a rank that is rounded down, the smallest value of a range in place of its largest, one
        /// part more or less to a power of two, and a largest value that the percentiles may exceed.
        #[test]
        fn percentiles_are_not_below_the_exact_ones_and_above_them_by_a_32nd_at_most(
            values in vec(value(), 0..300)
        ) {
            let histogram = Histogram::new();
            for &value in &values {
                histogram.record(value, 1);
            }
            let mut sorted = values;
            sorted.sort_unstable();
            let told = histogram.distribution();
            prop_assert_eq!(told.count, sorted.len() as u64);
            prop_assert_eq!(told.max, sorted.last().copied().unwrap_or_default());
            for (told, percent) in [(told.p50, 50), (told.p99, 99)] {
                let exact = exact(&sorted, percent);
                prop_assert!(told >= exact, "p{}: {} is below {}", percent, told, exact);
                prop_assert!(told <= exact + exact / 32, "p{}: {} is far above {}", percent, told, exact);
                prop_assert!(told <= *sorted.last().unwrap_or(&0), "p{}: {}", percent, told);
            }
        }

        #[test]
        fn what_occurred_several_times_counts_as_often(
            values in vec((value(), 0..5_usize), 0..50)
        ) {
            let (at_once, one_by_one) = (Histogram::new(), Histogram::new());
            for (value, times) in values {
                at_once.record(value, times);
                for _ in 0..times {
                    one_by_one.record(value, 1);
                }
            }
            prop_assert_eq!(at_once.distribution(), one_by_one.distribution());
        }
    }

    #[test]
    fn ranges_follow_each_other_without_a_gap() {
        assert_eq!((0..64).map(range_of).collect::<Vec<_>>(), (0..64).collect::<Vec<_>>());
        for range in 0..RANGES {
            assert_eq!(range_of(largest_in(range)), range);
            assert_eq!(range_of(largest_in(range) + 1), (range + 1).min(RANGES - 1));
        }
        assert_eq!(largest_in(RANGES - 1), LARGEST);
    }

    #[test]
    fn what_is_larger_than_the_largest_range_shows_in_the_largest_value() {
        let histogram = Histogram::new();
        histogram.record(u64::MAX, 1);
        let told = histogram.distribution();
        assert_eq!((told.count, told.p50, told.max), (1, LARGEST, u64::MAX));
    }

    /// Seen to fail for a count that is read and written in two steps.
    #[test]
    fn threads_that_record_at_once_lose_nothing() {
        let histogram = Histogram::new();
        thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| (0..100_000).for_each(|value| histogram.record(value % 4, 1)));
            }
        });
        assert_eq!(
            histogram.distribution(),
            Distribution { count: 400_000, p50: 1, p99: 3, max: 3 }
        );
    }
}
