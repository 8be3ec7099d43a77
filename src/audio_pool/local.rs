//! A thread's part in each pool: its slots and its counters.
//!
//! ```text
//!   thread's block                      registry (a lock, never taken by a call that hits)
//!     near [ handle │ ─┐ ] x 16           all    every part in use: cleaner and statistics go through it
//!     all  every part  ▼                  spare  parts of ended threads, for the next ones
//!              Local { slots, counters, when used last }
//! ```
//!
//! The counters exist from the thread's first call on a pool; the slots open on its first put, which is when they count as
//! one of the thread caches that are limited in number. When the thread ends, its buffers go back to the pools, its counts
//! are added to theirs, and the part is kept for another thread.

use core::cell::{Cell, RefCell};
use core::sync::atomic::{AtomicU32, Ordering};
use std::thread_local;
use std::vec::Vec;

use parking_lot::{Mutex, MutexGuard};

use super::counter::Counter;
use super::memory::{AlwaysRef, AtomicRef, forever};
use super::pool::{Pool, Tier, pool};
use super::record::{NOWHERE, Record};
use super::slots::Slots;
use super::stats::Counts;
use super::{clock, config, index, monitor};
use crate::port::barrier;

/// A thread's part in a pool.
#[derive(Debug)]
#[repr(align(128))]
pub struct Local {
    pub(super) slots: Slots,
    pool: AtomicU32,
    /// The pool itself, as long as its handle says so.
    home: AtomicRef<Pool>,
    /// The thread's number.
    pub(super) thread: AtomicU32,
    /// Whether the pool clears buffers.
    pub(super) zero: AtomicU32,
    /// The buffer that was handed out last: most often it is the next one put.
    pub(super) last: AlwaysRef<Record>,
    /// The tick of the last call.
    pub(super) used: AtomicU32,
    /// Whether it counts as a thread cache. Under the registry's lock.
    admitted: AtomicU32,
    /// Gets that the shared tiers served without a put between them, and puts that they took without a get between.
    pub(super) getting: Run,
    pub(super) putting: Run,
    pub(super) hits: Counter,
    pub(super) hits_preallocated: Counter,
    pub(super) hits_overflow: Counter,
    pub(super) misses: Counter,
    pub(super) puts: Counter,
    pub(super) refused: Counter,
    pub(super) freed: Counter,
}

/// A run of calls of one kind: as long as a counter of the other kind stands still. Only the owner uses it.
#[derive(Debug)]
pub struct Run {
    length: AtomicU32,
    other: AtomicU32,
}

impl Run {
    const fn new() -> Run {
        Run { length: AtomicU32::new(0), other: AtomicU32::new(0) }
    }

    /// One more call; whether the run is long.
    #[inline]
    pub fn is_long(&self, other: u32) -> bool {
        let length = if self.other.load(Ordering::Relaxed) == other { self.length.load(Ordering::Relaxed) } else { 0 };
        self.other.store(other, Ordering::Relaxed);
        if length >= LONG {
            return true;
        }
        self.length.store(length + 1, Ordering::Relaxed);
        false
    }

    /// The run begins anew.
    pub fn end(&self) {
        self.length.store(0, Ordering::Relaxed);
    }
}

/// All parts of all threads.
#[derive(Debug)]
pub struct Registry {
    all: Vec<&'static Local>,
    spare: Vec<&'static Local>,
}

static REGISTRY: Mutex<Registry> = Mutex::new(Registry { all: Vec::new(), spare: Vec::new() });
/// Thread caches: parts that are admitted.
static CACHES: AtomicU32 = AtomicU32::new(0);
/// A thread was refused a cache since the last cleaning: there are too many.
static WANTED: AtomicU32 = AtomicU32::new(0);
/// The last number given to a thread; 0 names none.
static THREADS: AtomicU32 = AtomicU32::new(0);

impl Local {
    const fn new() -> Local {
        Local {
            slots: Slots::new(),
            pool: AtomicU32::new(0),
            home: AtomicRef::none(),
            thread: AtomicU32::new(0),
            zero: AtomicU32::new(0),
            last: AlwaysRef::new(&NOWHERE),
            used: AtomicU32::new(0),
            admitted: AtomicU32::new(0),
            getting: Run::new(),
            putting: Run::new(),
            hits: Counter::new(),
            hits_preallocated: Counter::new(),
            hits_overflow: Counter::new(),
            misses: Counter::new(),
            puts: Counter::new(),
            refused: Counter::new(),
            freed: Counter::new(),
        }
    }

    /// The handle of its pool, dead or alive.
    #[inline(always)]
    pub fn pool(&self) -> u32 {
        self.pool.load(Ordering::Relaxed)
    }

    /// Its pool. It may be dead: then its shared tiers are empty and take nothing that would stay.
    #[inline]
    pub fn home(&self) -> Option<&'static Pool> {
        self.home.get()
    }

    /// The tick of the last call.
    pub fn last_use(&self) -> u32 {
        self.used.load(Ordering::Relaxed)
    }

    /// Whether the fast calls serve it: not where a call has more to do.
    fn is_fast(&self) -> bool {
        barrier::is_asymmetric() && self.zero.load(Ordering::Relaxed) == 0 && !config::measuring()
    }

    /// Whether it counts as a thread cache.
    pub fn is_cache(&self) -> bool {
        self.admitted.load(Ordering::Relaxed) != 0
    }

    /// Marks it used now, and answers that tick. `count`: the counter that this call moved, so that every 64th call
    /// reads the clock.
    #[inline]
    pub fn touch(&self, count: u32) -> u32 {
        let tick = if count & 63 == 0 { clock::read_tick() } else { clock::tick() };
        self.used.store(tick, Ordering::Relaxed);
        tick
    }

    /// The low bits of the number of gets.
    pub fn gets_low(&self) -> u32 {
        let shared = self.hits_preallocated.low().wrapping_add(self.hits_overflow.low());
        shared.wrapping_add(self.hits.low()).wrapping_add(self.misses.low())
    }

    /// What it counted.
    pub fn counts(&self) -> Counts {
        Counts {
            hits_thread: self.hits.get(),
            hits_preallocated: self.hits_preallocated.get(),
            hits_overflow: self.hits_overflow.get(),
            misses: self.misses.get(),
            puts: self.puts.get(),
            refused: self.refused.get(),
            freed: self.freed.get(),
        }
    }

    fn take_counts(&self) -> Counts {
        Counts {
            hits_thread: self.hits.take(),
            hits_preallocated: self.hits_preallocated.take(),
            hits_overflow: self.hits_overflow.take(),
            misses: self.misses.take(),
            puts: self.puts.take(),
            refused: self.refused.take(),
            freed: self.freed.take(),
        }
    }

    /// Counts a hit in a shared tier.
    pub fn hit(&self, tier: Tier) -> u32 {
        match tier {
            Tier::Preallocated => self.hits_preallocated.add(),
            Tier::Overflow => self.hits_overflow.add(),
        }
    }
}

/// Back to the pool's shared tiers, or to the system where they are full or the pool is dead.
fn send_back(record: &'static Record, to: Option<&'static Pool>) {
    if !to.is_some_and(|pool| pool.give(record)) {
        index::release(record);
    }
}

/// How many calls in a row make a thread one that only gets or only puts: more than the shared tiers of a pool of the
/// default size hold, so that nobody who fills or empties them sees anything of it.
const LONG: u32 = 256;

/// The registry, locked.
pub fn registry() -> MutexGuard<'static, Registry> {
    REGISTRY.lock()
}

/// Thread caches there are.
pub fn caches() -> usize {
    CACHES.load(Ordering::Relaxed) as usize
}

/// Whether a thread was refused a cache since the last call.
pub fn was_wanted() -> bool {
    WANTED.swap(0, Ordering::Relaxed) != 0
}

impl Registry {
    /// Every part in use.
    pub fn all(&self) -> impl Iterator<Item = &'static Local> + '_ {
        self.all.iter().copied()
    }

    /// Parts that were ever made, in use and spare.
    pub fn made(&self) -> usize {
        self.all.len() + self.spare.len()
    }

    /// Takes the buffers out of the slots of other threads, which lose their caches. Answers how many caches went.
    pub fn evict(&self, victims: &[&'static Local]) -> usize {
        for victim in victims {
            victim.slots.close();
        }
        let passed = barrier::heavy();
        let mut gone = 0;
        for victim in victims {
            if !(passed && has_left(victim)) {
                // Stopped by the system in the middle of a call: it keeps its cache until the next time.
                if victim.is_cache() && pool(victim.pool()).is_some() {
                    victim.slots.open(victim.is_fast());
                }
                continue;
            }
            let home = pool(victim.pool());
            victim.slots.drain(|record| send_back(record, home));
            if victim.admitted.swap(0, Ordering::Relaxed) != 0 {
                CACHES.fetch_sub(1, Ordering::Relaxed);
                gone += 1;
            }
        }
        gone
    }

    /// Calls are timed from now on, or are not: the fast calls do not time.
    pub fn set_pace(&self) {
        for local in self.all().filter(|local| local.slots.is_open()) {
            local.slots.open(local.is_fast());
        }
    }

    /// The end of a part, by its owner: buffers and counts go to the pool.
    fn retire(&mut self, local: &'static Local) {
        let home = pool(local.pool());
        local.slots.close();
        local.slots.drain(|record| send_back(record, home));
        if local.admitted.swap(0, Ordering::Relaxed) != 0 {
            CACHES.fetch_sub(1, Ordering::Relaxed);
        }
        let counts = local.take_counts();
        if let Some(home) = home {
            home.ended.lock().add(&counts);
        }
        local.pool.store(0, Ordering::Relaxed);
        self.all.retain(|other| !core::ptr::eq(*other, local));
        self.spare.push(local);
    }
}

/// Waits, not for long, until the owner is not in the middle of a call.
fn has_left(victim: &Local) -> bool {
    (0..1000).any(|_| {
        victim.slots.is_left() || {
            std::thread::yield_now();
            false
        }
    })
}

/// Opens the slots of the calling thread, unless there are too many caches. Only the owner calls it.
#[cold]
pub fn admit(local: &'static Local) -> bool {
    if caches() >= monitor::most_caches() {
        WANTED.store(1, Ordering::Relaxed);
        monitor::request(monitor::CLEAN);
        return false;
    }
    let _held = REGISTRY.lock();
    if pool(local.pool()).is_none() {
        return false;
    }
    if local.slots.is_open() {
        return true; // the cleaner closed it, and gave up
    }
    local.admitted.store(1, Ordering::Relaxed);
    CACHES.fetch_add(1, Ordering::Relaxed);
    local.used.store(clock::tick(), Ordering::Relaxed);
    local.slots.open(local.is_fast());
    true
}

const NEAR: usize = 16;

/// The part of nobody: its slots stay closed.
static NOBODY: Local = Local::new();

/// All parts of the thread.
struct Block {
    all: RefCell<Vec<&'static Local>>,
    thread: Cell<u32>,
}

thread_local! {
    /// A cache over the block that needs no destructor: reading it is one address calculation.
    static NEAR_PARTS: [Cell<&'static Local>; NEAR] = const { [const { Cell::new(&NOBODY) }; NEAR] };
    static BLOCK: Block = const { Block { all: RefCell::new(Vec::new()), thread: Cell::new(0) } };
}

/// The calling thread's part in a pool, if it is near; else another pool's or nobody's.
#[inline(always)]
pub fn near(handle: u32) -> &'static Local {
    NEAR_PARTS.with(|parts| match parts.get(handle as usize % NEAR) {
        Some(near) => near.get(),
        None => &NOBODY,
    })
}

/// The calling thread's part in a pool, made if the pool lives and it has none yet. None: the pool never lived, or the
/// thread is at its very end and has no parts any more.
pub fn local(handle: u32) -> Option<&'static Local> {
    let near = near(handle);
    if near.pool() == handle && !core::ptr::eq(near, &NOBODY) {
        return Some(near);
    }
    BLOCK.try_with(|block| block.far(handle)).ok().flatten()
}

impl Block {
    #[cold]
    fn far(&self, handle: u32) -> Option<&'static Local> {
        let mut all = self.all.borrow_mut();
        let found = match all.iter().find(|local| local.pool() == handle) {
            Some(local) => *local,
            None => {
                pool(handle)?;
                barrier::prepare();
                let mut registry = registry();
                let home = pool(handle)?;
                // Parts in dead pools: without this a thread that makes and destroys pools would collect them.
                all.retain(|local| {
                    let alive = pool(local.pool()).is_some();
                    if !alive {
                        forget(local);
                        registry.retire(local);
                    }
                    alive
                });
                let made = registry.spare.pop().unwrap_or_else(|| forever(Local::new()));
                made.home.set(home);
                made.pool.store(handle, Ordering::Relaxed);
                made.thread.store(self.number(), Ordering::Relaxed);
                made.zero.store(u32::from(home.zeroes()), Ordering::Relaxed);
                made.used.store(clock::tick(), Ordering::Relaxed);
                made.getting.end();
                made.putting.end();
                registry.all.push(made);
                all.push(made);
                made
            }
        };
        NEAR_PARTS.with(|parts| {
            if let Some(near) = parts.get(handle as usize % NEAR) {
                near.set(found);
            }
        });
        Some(found)
    }

    fn number(&self) -> u32 {
        if self.thread.get() == 0 {
            let number = THREADS.fetch_add(1, Ordering::Relaxed).wrapping_add(1);
            self.thread.set(number.max(1));
        }
        self.thread.get()
    }
}

/// Nothing leads to this part from now on.
fn forget(local: &'static Local) {
    NEAR_PARTS.with(|parts| {
        for near in parts {
            if core::ptr::eq(near.get(), local) {
                near.set(&NOBODY);
            }
        }
    });
}

impl Drop for Block {
    fn drop(&mut self) {
        let all = self.all.take();
        if !all.is_empty() {
            let mut registry = registry();
            for local in all {
                forget(local);
                registry.retire(local);
            }
        }
    }
}
