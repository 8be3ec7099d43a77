//! Time, as the pool sees it: milliseconds from a clock that a test may replace, and a coarse tick that costs a load.
//!
//! The tick is the clock's last reading by anybody: the cleaner reads it on every round, a thread on every 64th call and
//! on every call that its slots cannot serve. It is 32 bits wide and wraps after 49 days, so only differences are looked at.

use core::sync::atomic::{AtomicU32, Ordering};
use core::time::Duration;
use std::sync::OnceLock;
use std::thread;
use std::time::Instant;

use super::memory::AtomicRef;

/// A clock.
pub trait Clock: Sync {
    /// Milliseconds since some moment in the past; never goes back.
    fn now(&self) -> u64;

    /// Sleeps until the clock shows `until`, or until somebody unparks the thread, or for no reason at all.
    fn park(&self, until: u64);
}

/// A clock as a place to point at: a reference to a trait object has no atomic form.
#[derive(Clone, Copy)]
pub struct Source(pub &'static dyn Clock);

static SOURCE: AtomicRef<Source> = AtomicRef::none();
static TICK: AtomicU32 = AtomicU32::new(0);

struct System;

impl Clock for System {
    fn now(&self) -> u64 {
        static START: OnceLock<Instant> = OnceLock::new();
        u64::try_from(START.get_or_init(Instant::now).elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    fn park(&self, until: u64) {
        thread::park_timeout(Duration::from_millis(until.saturating_sub(self.now())));
    }
}

/// Another clock from now on. It must not be behind the one before.
pub fn replace(source: &'static Source) {
    SOURCE.set(source);
    read();
}

fn source() -> &'static dyn Clock {
    match SOURCE.get() {
        Some(source) => source.0,
        None => &System,
    }
}

/// Reads the clock and moves the tick on.
pub fn read() -> u64 {
    let now = source().now();
    TICK.store(now as u32, Ordering::Relaxed);
    now
}

/// Reads the clock and answers the tick.
#[cold]
#[inline(never)]
pub fn read_tick() -> u32 {
    read() as u32
}

/// The tick.
#[inline]
pub fn tick() -> u32 {
    TICK.load(Ordering::Relaxed)
}

/// Sleeps, at most until the clock shows `until`.
pub fn park(until: u64) {
    source().park(until);
}
