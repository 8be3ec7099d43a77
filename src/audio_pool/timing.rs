//! How long gets and puts take, when that is switched on: a histogram per group and kind of call.
//!
//! Eight buckets to each doubling of the time, so a percentile is at most an eighth too high. Any thread counts in them:
//! a bucket is two 32-bit halves, so that it does not wrap where there are no 64-bit atomics either.

use core::sync::atomic::{AtomicU32, Ordering};
use core::time::Duration;

use super::stats::{Group, Percentiles, Timings};

/// What was timed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Call {
    /// A get that was a hit.
    GetHit,
    /// A get that was a miss.
    GetMiss,
    /// A put.
    Put,
}

const STEPS: u32 = 8;
const BUCKETS: usize = 8 * 30;

struct Bucket {
    low: AtomicU32,
    high: AtomicU32,
}

impl Bucket {
    fn add(&self) {
        if self.low.fetch_add(1, Ordering::Relaxed) == u32::MAX {
            self.high.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn get(&self) -> u64 {
        loop {
            let high = self.high.load(Ordering::Acquire);
            let low = self.low.load(Ordering::Acquire);
            if self.high.load(Ordering::Relaxed) == high {
                return u64::from(high) << 32 | u64::from(low);
            }
        }
    }
}

type Histogram = [Bucket; BUCKETS];

static HISTOGRAMS: [[Histogram; 3]; 2] =
    [const { [const { [const { Bucket { low: AtomicU32::new(0), high: AtomicU32::new(0) } }; BUCKETS] }; 3] }; 2];

/// The bucket of a time: times below 8 ns have one each, from there on each doubling has eight.
fn bucket_of(ns: u32) -> usize {
    if ns < STEPS {
        return ns as usize;
    }
    let doubling = 31 - ns.leading_zeros(); // at least 3
    let step = (ns >> (doubling - 3)) & (STEPS - 1);
    ((doubling - 2) * STEPS + step) as usize
}

/// The longest time of a bucket.
fn longest(bucket: usize) -> u32 {
    let bucket = bucket as u32;
    if bucket < STEPS {
        return bucket;
    }
    let doubling = bucket / STEPS + 2;
    let first = u64::from(STEPS + bucket % STEPS) << (doubling - 3);
    u32::try_from(first + (1 << (doubling - 3)) - 1).unwrap_or(u32::MAX)
}

fn histogram(group: Group, call: Call) -> &'static Histogram {
    let [frame, control] = &HISTOGRAMS;
    let [hit, miss, put] = match group {
        Group::Frame => frame,
        Group::Control => control,
    };
    match call {
        Call::GetHit => hit,
        Call::GetMiss => miss,
        Call::Put => put,
    }
}

/// Counts a call.
pub fn record(group: Group, call: Call, took: Duration) {
    let ns = u32::try_from(took.as_nanos()).unwrap_or(u32::MAX);
    if let Some(bucket) = histogram(group, call).get(bucket_of(ns)) {
        bucket.add();
    }
}

fn percentiles(histogram: &Histogram) -> Percentiles {
    let counts = histogram.each_ref().map(Bucket::get);
    let count: u64 = counts.iter().sum();
    let at = |percent: u64| {
        let wanted = (count / 100 * percent + count % 100 * percent / 100).max(1);
        let mut seen = 0;
        for (bucket, n) in counts.iter().enumerate() {
            seen += n;
            if seen >= wanted {
                return longest(bucket);
            }
        }
        0
    };
    Percentiles { count, p50: at(50), p95: at(95), p99: at(99) }
}

/// The percentiles of a group.
pub fn timings(group: Group) -> Timings {
    Timings {
        get_hit: percentiles(histogram(group, Call::GetHit)),
        get_miss: percentiles(histogram(group, Call::GetMiss)),
        put: percentiles(histogram(group, Call::Put)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_time_has_a_bucket_and_is_overstated_by_an_eighth_at_most() {
        let mut last = 0;
        // In order first, so that the buckets must be, too.
        for ns in (0..5000).chain((0..32).map(|bit| 1 << bit)).chain([u32::MAX]) {
            let bucket = bucket_of(ns);
            assert!(bucket < BUCKETS, "{ns}");
            let top = longest(bucket);
            assert!(top >= ns && u64::from(top) <= u64::from(ns) + u64::from(ns) / 8, "{ns} {top}");
            assert!(bucket >= last || ns.is_power_of_two());
            last = bucket;
        }
    }

    #[test]
    fn percentiles_of_a_known_series() {
        let bucket = || Bucket { low: AtomicU32::new(0), high: AtomicU32::new(0) };
        let histogram: Histogram = core::array::from_fn(|_| bucket());
        assert_eq!(percentiles(&histogram), Percentiles::default());
        for ns in [4u32; 90].into_iter().chain([6; 8]).chain([7; 2]) {
            histogram[bucket_of(ns)].add();
        }
        assert_eq!(percentiles(&histogram), Percentiles { count: 100, p50: 4, p95: 6, p99: 7 });
    }
}
