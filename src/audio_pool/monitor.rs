//! The two threads of monitoring: the latency recorder and the cleaner.
//!
//! ```text
//!   record ──► queue of 10 ──► recorder ──► last value
//!
//!   request ──► ASKED ──► cleaner ◄── tick (10 s)          a request made while one waits is the same request
//!                           └► clean, when 30 s have passed (15 s under high latency) or asked to
//! ```
//!
//! *Cleaning* closes the caches that were not used for the time to live, and above the limit the least recently used ones
//! until half the limit is left; their buffers go to the shared tiers. Under high latency the time to live and the limit
//! are a quarter.

use core::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::string::ToString;
use std::thread::{Builder, JoinHandle, Thread};
use std::vec::Vec;

use parking_lot::{Condvar, Mutex, RwLock};

use super::local::{self, Local};
use super::settings::Settings;
use super::{Error, clock, config, latency};

/// A request: look whether a cleaning is due.
pub const LOOK: u32 = 1;
/// A request: clean.
pub const CLEAN: u32 = 2;

/// What the cleaner was asked for since it looked last.
static ASKED: AtomicU32 = AtomicU32::new(0);
/// The tick at which the next cleaning is due, as far as is known.
static DUE: AtomicU32 = AtomicU32::new(Settings::DEFAULT.clean_ms);
/// The tick of the last cleaning.
static CLEANED: AtomicU32 = AtomicU32::new(0);
static STOP: AtomicBool = AtomicBool::new(false);
static THREADS: Mutex<Option<[JoinHandle<()>; 2]>> = Mutex::new(None);
/// The threads to wake: recorder, cleaner. Only start and stop write it, so a reader that finds it locked need not wake.
static WAKE: RwLock<Option<[Thread; 2]>> = RwLock::new(None);

/// How many times each thread has done its work, for those who wait for it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rounds {
    /// Rounds of the recorder.
    pub recorded: u64,
    /// Rounds of the cleaner, with or without a cleaning.
    pub looked: u64,
    /// Cleanings.
    pub cleaned: u64,
    /// What the clock showed when the cleaner's last round began.
    pub looked_at: u64,
}

static ROUNDS: Mutex<Rounds> = Mutex::new(Rounds { recorded: 0, looked: 0, cleaned: 0, looked_at: 0 });
static ROUND: Condvar = Condvar::new();

/// What limits the thread caches at the moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Limits {
    interval: u32,
    ttl: u32,
    most: usize,
    left: usize,
}

fn limits(settings: &Settings) -> Limits {
    let most = settings.max_caches as usize;
    if latency::is_high(settings) {
        Limits { interval: settings.clean_ms / 2, ttl: settings.cache_ttl_ms / 4, most: most / 4, left: most / 8 }
    } else {
        Limits { interval: settings.clean_ms, ttl: settings.cache_ttl_ms, most, left: most / 2 }
    }
}

/// How many thread caches there may be at the moment.
pub fn most_caches() -> usize {
    limits(&config::settings()).most
}

/// A get's look at whether a cleaning is due, at its tick.
#[inline]
pub fn look(tick: u32) {
    if is_past(tick, DUE.load(Ordering::Relaxed)) {
        request(LOOK);
    }
}

#[inline]
fn is_past(now: u32, then: u32) -> bool {
    now.wrapping_sub(then) as i32 >= 0
}

/// Asks the cleaner for something. Never blocks; while a request waits, another one is none.
#[cold]
pub fn request(what: u32) {
    if ASKED.load(Ordering::Relaxed) & what == what {
        return;
    }
    ASKED.fetch_or(what, Ordering::AcqRel);
    wake(1);
}

/// Wakes the recorder.
pub fn wake_recorder() {
    wake(0);
}

fn wake(which: usize) {
    if let Some(threads) = WAKE.try_read()
        && let Some(threads) = threads.as_ref()
        && let Some(thread) = threads.get(which)
    {
        thread.unpark();
    }
}

/// Wakes both: the clock was moved.
pub fn wake_all() {
    wake(0);
    wake(1);
}

/// Starts the two threads, once.
///
/// # Errors
/// [`Error::Memory`]: the system has no thread left.
pub fn start() -> Result<(), Error> {
    let mut threads = THREADS.lock();
    if threads.is_some() {
        return Ok(());
    }
    STOP.store(false, Ordering::Release);
    let spawn = |name: &str, run: fn()| Builder::new().name(name.to_string()).spawn(run).map_err(|_| Error::Memory);
    let recorder = spawn("audio-latency", record_loop)?;
    let cleaner = match spawn("audio-cleaner", clean_loop) {
        Ok(cleaner) => cleaner,
        Err(error) => {
            STOP.store(true, Ordering::Release);
            recorder.thread().unpark();
            let _ = recorder.join();
            return Err(error);
        }
    };
    *WAKE.write() = Some([recorder.thread().clone(), cleaner.thread().clone()]);
    // What was asked for while nobody could be woken.
    wake_all();
    *threads = Some([recorder, cleaner]);
    Ok(())
}

/// Stops and joins them.
pub fn stop() {
    let mut threads = THREADS.lock();
    let Some(both) = threads.take() else {
        return;
    };
    STOP.store(true, Ordering::Release);
    *WAKE.write() = None;
    for thread in both {
        thread.thread().unpark();
        let _ = thread.join();
    }
}

/// Whether they run.
pub fn is_running() -> bool {
    THREADS.lock().is_some()
}

fn stopped() -> bool {
    STOP.load(Ordering::Acquire)
}

fn finish(round: impl FnOnce(&mut Rounds)) {
    round(&mut ROUNDS.lock());
    ROUND.notify_all();
}

/// How often the threads have done their work.
pub fn rounds() -> Rounds {
    *ROUNDS.lock()
}

/// Waits until they have done it as often as is wished.
pub fn wait(enough: impl Fn(&Rounds) -> bool) {
    let mut rounds = ROUNDS.lock();
    while !enough(&rounds) {
        ROUND.wait(&mut rounds);
    }
}

fn record_loop() {
    while !stopped() {
        latency::drain();
        // High latency makes the next cleaning due earlier.
        plan(&config::settings());
        finish(|rounds| rounds.recorded += 1);
        clock::park(u64::MAX);
    }
    latency::drain(); // what was recorded before the stop
}

fn clean_loop() {
    let mut next_tick = 0;
    while !stopped() {
        let now = clock::read();
        let asked = ASKED.swap(0, Ordering::AcqRel);
        let settings = config::settings();
        let tick = now >= next_tick;
        if tick {
            next_tick = now + u64::from(settings.tick_ms);
        }
        let due = (tick || asked & LOOK != 0) && plan(&settings);
        let cleaned = due || asked & CLEAN != 0;
        if cleaned {
            clean(now as u32, &settings);
        }
        finish(|rounds| {
            rounds.looked += 1;
            rounds.looked_at = now;
            rounds.cleaned += u64::from(cleaned);
        });
        clock::park(next_tick);
    }
}

/// Finds when the next cleaning is due, and whether that is now.
fn plan(settings: &Settings) -> bool {
    let due = CLEANED.load(Ordering::Relaxed).wrapping_add(limits(settings).interval);
    DUE.store(due, Ordering::Relaxed);
    is_past(clock::tick(), due)
}

/// One cleaning.
fn clean(now: u32, settings: &Settings) {
    CLEANED.store(now, Ordering::Relaxed);
    plan(settings);
    let limits = limits(settings);
    let wanted = local::was_wanted();
    let registry = local::registry();
    let age = |local: &&'static Local| now.wrapping_sub(local.last_use());
    let (mut victims, mut rest): (Vec<_>, Vec<_>) = registry
        .all()
        .filter(|local| local.is_cache())
        // A thread that was here after the clock was read is not old.
        .partition(|local| (age(local) as i32) > limits.ttl as i32);
    if rest.len() + usize::from(wanted) > limits.most {
        rest.sort_by_key(|local| core::cmp::Reverse(age(local) as i32));
        let going = rest.len() - limits.left.min(rest.len());
        victims.extend(rest.drain(..going));
    }
    registry.evict(&victims);
}

/// As at the start of the process: for a test that begins.
pub fn forget() {
    ASKED.store(0, Ordering::Relaxed);
    CLEANED.store(clock::tick(), Ordering::Relaxed);
    plan(&config::settings());
    local::was_wanted();
}
