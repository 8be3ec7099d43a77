//! What is counted, and what the statistics of a pool say.

use super::settings::Settings;

/// Counts of calls. Every get that answers a buffer is counted once, as one of three hits or as a miss.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Gets served by the calling thread's slots.
    pub hits_thread: u64,
    /// Gets served by the preallocated list.
    pub hits_preallocated: u64,
    /// Gets served by the overflow tier.
    pub hits_overflow: u64,
    /// Gets served by a fresh allocation.
    pub misses: u64,
    /// Buffers accepted by put.
    pub puts: u64,
    /// Pointers refused by put: foreign, put already, or of the wrong size.
    pub refused: u64,
    /// Accepted buffers that were freed because every tier was full.
    pub freed: u64,
}

impl Counts {
    /// Adds another thread's.
    pub fn add(&mut self, other: &Counts) {
        self.hits_thread += other.hits_thread;
        self.hits_preallocated += other.hits_preallocated;
        self.hits_overflow += other.hits_overflow;
        self.misses += other.misses;
        self.puts += other.puts;
        self.refused += other.refused;
        self.freed += other.freed;
    }

    /// Gets served without an allocation.
    pub fn hits(&self) -> u64 {
        self.hits_thread + self.hits_preallocated + self.hits_overflow
    }

    /// Gets served.
    pub fn gets(&self) -> u64 {
        self.hits() + self.misses
    }
}

/// The statistics of a pool.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Bytes of a buffer.
    pub buffer_size: u32,
    /// The bound of the overflow tier.
    pub max: u32,
    /// Buffers in the overflow tier.
    pub current: u32,
    /// Buffers in the preallocated list.
    pub preallocated: u32,
    /// The bound of the preallocated list.
    pub preallocated_max: u32,
    /// Buffers in the slots of threads.
    pub in_threads: u32,
    /// The calls.
    pub counts: Counts,
    /// Hits out of gets, in hundredths of a percent (with the multiplier 100).
    pub hit_rate: u32,
    /// Buffers that callers have.
    pub lent: u32,
    /// Their bytes.
    pub lent_bytes: u64,
    /// Buffers in the tiers.
    pub idle: u32,
    /// Their bytes.
    pub idle_bytes: u64,
    /// Bytes of a buffer on average, lent and idle; 0 without buffers.
    pub average: u32,
}

impl Stats {
    /// Fills in what follows from the rest.
    pub fn derive(&mut self, settings: &Settings) {
        self.hit_rate = settings.rate(self.counts.hits(), self.counts.gets());
        let buffers = u64::from(self.lent) + u64::from(self.idle);
        self.average = (self.lent_bytes + self.idle_bytes)
            .checked_div(buffers)
            .and_then(|average| u32::try_from(average).ok())
            .unwrap_or(0);
    }

    /// Adds another pool's, for the classes of a sized pool; `derive` comes after the last.
    pub fn add(&mut self, other: &Stats) {
        self.buffer_size = self.buffer_size.max(other.buffer_size);
        self.max += other.max;
        self.current += other.current;
        self.preallocated += other.preallocated;
        self.preallocated_max += other.preallocated_max;
        self.in_threads += other.in_threads;
        self.counts.add(&other.counts);
        self.lent += other.lent;
        self.lent_bytes += other.lent_bytes;
        self.idle += other.idle;
        self.idle_bytes += other.idle_bytes;
    }
}

/// Where the calls on buffers of a size are timed: frames and what is larger, or control messages and what is smaller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Group {
    /// Buffers of at least the frame size.
    Frame,
    /// Smaller ones.
    Control,
}

/// The 50th, 95th and 99th percentile of the time a call took, in ns; 0 without calls.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Percentiles {
    /// Calls timed.
    pub count: u64,
    /// Half of the calls took no longer.
    pub p50: u32,
    /// 95 of 100 calls took no longer.
    pub p95: u32,
    /// 99 of 100 calls took no longer.
    pub p99: u32,
}

/// The times of the calls of a group.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Timings {
    /// Gets that were hits.
    pub get_hit: Percentiles,
    /// Gets that were misses.
    pub get_miss: Percentiles,
    /// Puts, refused ones included.
    pub put: Percentiles,
}

/// A latency that was recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Latency {
    /// In µs.
    pub us: u32,
    /// When it was recorded, in ms of the pool's clock.
    pub time: u64,
    /// How long ago that was, in ms.
    pub age: u32,
}
