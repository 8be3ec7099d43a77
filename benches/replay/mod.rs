//! Replacement of cached blocks, proved: traces replayed through a real pool, beside what other policies would make of
//! them in the same bytes.
//!
//! ```text
//!   traces ──┬── ours: a pool of cached purgeable blocks, a map from keys to handles, a clock that goes on
//!            └── models: LRU, FIFO, Belady, with the bytes that the pool has for blocks
//! ```

#[path = "../../tests/support/clock.rs"]
mod clock;
pub mod models;
pub mod ours;
pub mod thrash;
pub mod traces;

/// Percent of a trace's uses that hit, by policy.
pub struct Hits {
    /// Through the pool.
    pub ours: f64,
    /// Least recently used.
    pub lru: f64,
    /// First in, first out.
    pub fifo: f64,
    /// Belady's.
    pub best: f64,
    /// Bytes that the pool moved for each byte that was read again.
    pub moved: f64,
    /// Bytes moved or purged, beside the least that each request needed.
    pub touched: f64,
    /// Bytes purged, beside the least.
    pub purged: f64,
    /// The longest request, in nanoseconds.
    pub stall: u64,
}

/// Replays a trace in a pool of `memory` bytes and with the models. `judged`: each request is held to its bounds.
pub fn replay(trace: &traces::Trace, memory: usize, judged: bool) -> Hits {
    let ours = ours::replay(&trace.uses, memory, judged);
    let percent = |hits: usize| 100.0 * hits as f64 / trace.uses.len() as f64;
    let model =
        |hits: fn(&[traces::Access], usize, usize) -> usize| percent(hits(&trace.uses, ours.capacity, ours.overhead));
    Hits {
        ours: percent(ours.hits),
        lru: model(models::lru),
        fifo: model(models::fifo),
        best: model(models::belady),
        moved: ours.moved as f64 / ours.read.max(1) as f64,
        touched: ours.touched,
        purged: ours.purged,
        stall: ours.stall,
    }
}
