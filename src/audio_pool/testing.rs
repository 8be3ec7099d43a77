//! For tests and benches: a clock that is moved by hand, and looks at what has no place in the statistics.

use core::sync::atomic::Ordering;
use std::thread;

use parking_lot::{Mutex, MutexGuard};

use super::clock::{self, Clock, Source};
use super::settings::Settings;
use super::{config, global, index, latency, local, monitor};
use crate::port::atomic::AtomicU64;

pub use monitor::Rounds;

struct ByHand(AtomicU64);

impl Clock for ByHand {
    fn now(&self) -> u64 {
        self.0.load(Ordering::SeqCst)
    }

    fn park(&self, until: u64) {
        if self.now() < until {
            thread::park();
        }
    }
}

static CLOCK: ByHand = ByHand(AtomicU64::new(0));
static SOURCE: Source = Source(&CLOCK);
static WORLD: Mutex<()> = Mutex::new(());

/// The whole state of the pool, for one test at a time: default settings, nothing recorded, nothing due, no monitoring,
/// and a clock that stands still until it is moved.
#[derive(Debug)]
pub struct World {
    _turn: MutexGuard<'static, ()>,
    start: Rounds,
}

/// Waits for its turn.
pub fn world() -> World {
    let held = WORLD.lock();
    monitor::stop();
    clock::replace(&SOURCE);
    config::set_settings(Settings::DEFAULT);
    latency::forget();
    monitor::forget();
    global::destroy();
    World { _turn: held, start: monitor::rounds() }
}

impl World {
    /// Moves the clock on, and whoever waits for it.
    pub fn advance(&self, ms: u64) {
        CLOCK.0.fetch_add(ms, Ordering::SeqCst);
        clock::read();
        monitor::wake_all();
    }

    /// What the clock shows.
    pub fn now(&self) -> u64 {
        CLOCK.0.load(Ordering::SeqCst)
    }

    /// Asks for a cleaning and waits until it is done. Monitoring runs.
    pub fn clean(&self) {
        let before = monitor::rounds().cleaned;
        monitor::request(monitor::CLEAN);
        monitor::wait(|rounds| rounds.cleaned > before);
    }

    /// Waits until the cleaner has done a whole round at this time. Monitoring runs.
    pub fn settle(&self) {
        let now = self.now();
        monitor::wait(|rounds| rounds.looked_at >= now);
    }

    /// What the two threads have done.
    pub fn rounds(&self) -> Rounds {
        monitor::rounds()
    }

    /// What they had done when the test began.
    pub fn rounds_at_start(&self) -> Rounds {
        self.start
    }

    /// Waits for them.
    pub fn wait(&self, enough: impl Fn(&Rounds) -> bool) {
        monitor::wait(enough);
    }

    /// Thread caches there are.
    pub fn caches(&self) -> usize {
        local::caches()
    }

    /// Parts of threads in pools, in use and kept for reuse: what may not grow.
    pub fn parts(&self) -> usize {
        local::registry().made()
    }

    /// Destroys the global pools.
    pub fn forget_global_pools(&self) {
        global::destroy();
    }

    /// Buffers that exist, over all pools.
    pub fn buffers(&self) -> usize {
        index::live()
    }

    /// Latency samples that were dropped so far.
    pub fn dropped(&self) -> u32 {
        latency::dropped()
    }

    /// Whether the two threads run.
    pub fn is_monitored(&self) -> bool {
        monitor::is_running()
    }
}

impl Drop for World {
    fn drop(&mut self) {
        monitor::stop();
    }
}
