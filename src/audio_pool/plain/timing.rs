//! How long gets and puts take in the tree, when that is switched on: counted in the kernel's ticks, the only clock that
//! every target has. Most calls take none; what shows are the misses for which memory had to be made.

use super::super::stats::{Group, Percentiles, Timings};

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

/// Calls that took no tick, one, two and so on; the last: as many or more.
const BUCKETS: usize = 16;

/// The calls of one kind.
#[derive(Clone, Copy, Debug)]
struct Histogram([u64; BUCKETS]);

impl Histogram {
    fn percentiles(&self, ns_per_tick: u32) -> Percentiles {
        let count: u64 = self.0.iter().sum();
        let at = |percent: u64| {
            let wanted = (count / 100 * percent + count % 100 * percent / 100).max(1);
            let mut seen = 0;
            let found = (0u32..).zip(&self.0).find(|(_, n)| {
                seen += **n;
                seen >= wanted
            });
            found.map_or(0, |(ticks, _)| ticks.saturating_mul(ns_per_tick))
        };
        Percentiles { count, p50: at(50), p95: at(95), p99: at(99) }
    }
}

/// All calls that were timed.
#[derive(Debug)]
pub struct Timer([[Histogram; 3]; 2]);

impl Timer {
    /// None yet.
    pub const fn new() -> Timer {
        Timer([[Histogram([0; BUCKETS]); 3]; 2])
    }

    fn of(&mut self, group: Group) -> &mut [Histogram; 3] {
        let [frame, control] = &mut self.0;
        match group {
            Group::Frame => frame,
            Group::Control => control,
        }
    }

    /// Counts a call that took so many ticks.
    pub fn record(&mut self, group: Group, call: Call, ticks: u32) {
        let [get_hit, get_miss, put] = self.of(group);
        let histogram = match call {
            Call::GetHit => get_hit,
            Call::GetMiss => get_miss,
            Call::Put => put,
        };
        if let Some(bucket) = histogram.0.get_mut((ticks as usize).min(BUCKETS - 1)) {
            *bucket += 1;
        }
    }

    /// The percentiles of a group.
    pub fn timings(&mut self, group: Group, ns_per_tick: u32) -> Timings {
        let [get_hit, get_miss, put] = self.of(group).map(|histogram| histogram.percentiles(ns_per_tick));
        Timings { get_hit, get_miss, put }
    }
}
