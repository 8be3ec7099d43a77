//! The recorded audio latency: recording never blocks, a thread keeps the last value with its time.

use core::sync::atomic::{AtomicU32, Ordering};

use parking_lot::Mutex;

use super::ring::Ring;
use super::settings::Settings;
use super::stats::Latency;
use super::{clock, monitor};

/// Samples that wait for the recorder.
const QUEUE: usize = 10;

static SAMPLES: Ring<[AtomicU32; QUEUE]> = Ring::over(QUEUE, [const { AtomicU32::new(0) }; QUEUE]);
/// Samples that found the queue full.
static DROPPED: AtomicU32 = AtomicU32::new(0);
static LAST: Mutex<Option<(u32, u64)>> = Mutex::new(None);

/// Records a latency in µs. False: the queue was full and the sample is dropped.
pub fn record(us: u32) -> bool {
    let queued = SAMPLES.push(us);
    if !queued {
        DROPPED.fetch_add(1, Ordering::Relaxed);
    }
    monitor::wake_recorder();
    queued
}

/// The last latency that was recorded, unless it is too old.
pub fn latency(settings: &Settings) -> Option<Latency> {
    let (us, time) = (*LAST.lock())?;
    let age = clock::read().saturating_sub(time);
    (age <= u64::from(settings.latency_age_ms)).then_some(Latency { us, time, age: age as u32 })
}

/// Whether the latency is high now.
pub fn is_high(settings: &Settings) -> bool {
    latency(settings).is_some_and(|latency| latency.us > settings.high_latency_us)
}

/// The recorder's work: the queue's samples in order, the last one stays.
pub fn drain() {
    while let Some(us) = SAMPLES.pop() {
        *LAST.lock() = Some((us, clock::read()));
    }
}

/// Samples dropped so far.
pub fn dropped() -> u32 {
    DROPPED.load(Ordering::Relaxed)
}

/// Nothing recorded: for a test that begins.
pub fn forget() {
    while SAMPLES.pop().is_some() {}
    *LAST.lock() = None;
}
