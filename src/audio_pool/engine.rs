//! Get and put.
//!
//! ```text
//!   get   slots ──► preallocated ──► overflow ──► fresh allocation (a miss)
//!   put   slots ──► preallocated ──► overflow ──► freed
//!           │            └────────────┘
//!      this thread's       every thread's
//! ```

use core::sync::atomic::Ordering;
use std::time::Instant;
use std::vec::Vec;

use super::lend::{self, lend};
use super::local::{self, Local};
use super::pool::{self, Pool, Tier, pool};
use super::record::{Record, Use};
use super::settings::MOST;
use super::stats::{Group, Latency, Stats};
use super::timing::{self, Call};
use super::{Error, Options, Plan, clock, config, index, monitor};

pub use super::config::{set_settings, settings};
pub use super::latency::record as record_latency;
pub use super::lend::Lent;
pub use super::monitor::{start as start_monitoring, stop as stop_monitoring};
pub use super::timing::timings;

/// A thread without a number: not the holder of anything.
const NOBODY: u32 = u32::MAX;

/// Makes a pool. A bad size becomes the frame size, a bad maximum the configured one.
///
/// # Errors
/// [`Error::Memory`]: not even the preallocated buffers fit, or there are 1024 pools.
pub fn create(size: usize, options: Options) -> Result<u32, Error> {
    let settings = config::settings();
    let size = settings.buffer_size(size);
    let max = match options.max {
        1..=MOST => options.max,
        _ => settings.max_buffers,
    };
    make(Plan { size, max, preallocated: settings.preallocated(size, max), zero: options.zero })
}

/// Makes a pool as planned.
///
/// # Errors
/// [`Error::Memory`].
pub fn make(plan: Plan) -> Result<u32, Error> {
    pool::make(plan).ok_or(Error::Memory)
}

/// Ends a pool: its idle buffers are freed, and its handle means nothing but this: buffers that are still out may be
/// put to it, and are freed then.
///
/// # Errors
/// [`Error::Pool`].
pub fn destroy(handle: u32) -> Result<(), Error> {
    let registry = local::registry();
    let pool = pool(handle).ok_or(Error::Pool)?;
    pool.end();
    let victims: Vec<_> = registry.all().filter(|local| local.pool() == handle).collect();
    registry.evict(&victims);
    Ok(())
}

/// Lends a buffer; nothing has been written to it yet. None: [`why_not`].
#[inline(always)]
pub fn get(handle: u32) -> Option<Lent> {
    match get_fast(handle) {
        Some(lent) => Some(lent),
        None => get_slow(handle),
    }
}

/// What a get that answered None would say.
pub fn why_not(handle: u32) -> Error {
    if pool(handle).is_some() { Error::Memory } else { Error::Pool }
}

/// The get that everything is built for: from the calling thread's slots, with nothing else to do. It calls nothing.
#[inline(always)]
pub fn get_fast(handle: u32) -> Option<Lent> {
    let local = local::near(handle);
    // A new tick, or the 64th call: time to look what else is to do.
    if local.pool() != handle || local.used.load(Ordering::Relaxed) != clock::tick() || local.hits.low() & 63 == 0 {
        return None;
    }
    let record = local.slots.take_fast()?;
    local.hits.add();
    Some(lend::lend_fast(record, local))
}

/// Any get. None: [`why_not`].
#[inline(never)]
pub fn get_slow(handle: u32) -> Option<Lent> {
    if config::measuring() {
        return timed_get(handle);
    }
    get_through(handle).or_else(|| get_any(handle).map(|(lent, _)| lent))
}

/// The get of a thread whose buffers another one puts: its slots are bare, the shared tiers are not.
#[inline(always)]
fn get_through(handle: u32) -> Option<Lent> {
    let local = local::near(handle);
    if local.pool() != handle || local.zero.load(Ordering::Relaxed) != 0 || !local.slots.is_bare() {
        return None;
    }
    let home = local.home()?;
    let (record, tier) =
        if local.getting.is_long(local.puts.low()) { get_batch(handle, local, home) } else { home.take(handle) }?;
    monitor::look(local.touch(local.hit(tier)));
    Some(lend::lend_fast(record, local))
}

/// Takes a buffer, and more into the slots: a thread that only gets asks the shared tiers on every fourth call.
#[inline]
fn get_batch(handle: u32, local: &'static Local, home: &'static Pool) -> Option<(&'static Record, Tier)> {
    if !local.slots.is_open() && !local::admit(local) {
        local.getting.end();
        return home.take(handle);
    }
    let Some(([first, rest @ ..], tier)) = home.take_all(handle) else {
        return home.take(handle);
    };
    // Their first lines are the other thread's, who read them: four ways at once instead of one after the other.
    first.fetch();
    rest.iter().for_each(|record| record.fetch());
    if !local.slots.fill_fast(&rest) {
        // The cleaner closed them.
        rest.into_iter().for_each(|record| give_back(record, home));
    }
    Some((first, tier))
}

/// To the shared tiers or freed: an idle buffer that only the caller has.
fn give_back(record: &'static Record, home: &Pool) {
    if !home.give(record) {
        index::release(record);
    }
}

/// Any get; says whether it was a hit.
fn get_any(handle: u32) -> Option<(Lent, bool)> {
    let local = local::local(handle);
    if let Some(local) = local
        && let Some(record) = local.slots.take()
    {
        monitor::look(local.touch(local.hits.add()));
        return Some((lend(record, Some(local)), true));
    }
    get_shared(handle, local)
}

/// From the tiers behind the slots, or fresh; says whether it was a hit.
fn get_shared(handle: u32, local: Option<&'static Local>) -> Option<(Lent, bool)> {
    let pool = pool(handle)?;
    let (record, tier) = match pool.take(handle) {
        Some((record, tier)) => (record, Some(tier)),
        None => (index::allocate(pool.size() as usize, handle)?, None),
    };
    match local {
        Some(local) => {
            let count = match tier {
                Some(tier) => local.hit(tier),
                None => local.misses.add(),
            };
            monitor::look(local.touch(count));
        }
        None => {
            let mut ended = pool.ended.lock();
            match tier {
                Some(Tier::Preallocated) => ended.hits_preallocated += 1,
                Some(Tier::Overflow) => ended.hits_overflow += 1,
                None => ended.misses += 1,
            }
        }
    }
    Some((lend(record, local), tier.is_some()))
}

/// Takes a lent buffer back. Refused, it stays the caller's.
///
/// # Errors
/// [`Error::Foreign`]: no buffer of any pool begins there. [`Error::Twice`]: it was put already. [`Error::Size`]: its
/// capacity is below the pool's size or more than twice as large. [`Error::Pool`]: no such pool.
#[inline(always)]
pub fn put(handle: u32, data: *mut u8) -> Result<(), Error> {
    let done = match put_fast(handle, data) {
        Put::Done => true,
        Put::Through(local, record) => put_through(local, record),
        Put::Slow => false,
    };
    if done { Ok(()) } else { put_slow(handle, data) }
}

/// Takes a lent buffer back that only the caller can have: there is nothing to look up and nothing to refuse.
#[inline(always)]
pub fn put_owned(record: &'static Record) {
    let local = local::near(record.pool());
    if local.pool() == record.pool() && local.used.load(Ordering::Relaxed) == clock::tick() {
        let claim = || {
            record.take_back();
            true
        };
        if local.slots.give_fast(record, claim) {
            local.puts.add();
            return;
        }
        if local.slots.is_full() {
            record.take_back();
            return keep_through(local, record);
        }
    }
    // Lent, and by a pool of ours: it is not refused.
    let _ = put_slow(record.pool(), record.data());
}

/// How far a fast put came.
#[derive(Clone, Copy, Debug)]
pub enum Put {
    /// It is done.
    Done,
    /// Nothing happened yet; the buffer is this pool's, the thread's slots are full.
    Through(&'static Local, &'static Record),
    /// Nothing happened yet.
    Slow,
}

/// The put that everything is built for: this pool's buffer into the calling thread's slots. It calls nothing.
#[inline(always)]
pub fn put_fast(handle: u32, data: *mut u8) -> Put {
    let local = local::near(handle);
    if local.pool() != handle || local.used.load(Ordering::Relaxed) != clock::tick() {
        return Put::Slow;
    }
    // Most often it is the buffer that this thread got last; else the index knows.
    let mut record = local.last.get();
    if record.data() != data {
        let Some(found) = index::find_fast(data) else {
            return Put::Slow;
        };
        record = found;
    }
    if record.pool() != handle {
        return Put::Slow;
    }
    let thread = local.thread.load(Ordering::Relaxed);
    if local.slots.give_fast(record, || record.claim(thread)) {
        local.puts.add();
        return Put::Done;
    }
    if local.slots.is_full() { Put::Through(local, record) } else { Put::Slow }
}

/// The put of a thread that puts what others get: its slots are full. False: nothing happened.
#[inline(never)]
pub fn put_through(local: &'static Local, record: &'static Record) -> bool {
    let claimed = record.claim(local.thread.load(Ordering::Relaxed));
    if claimed {
        keep_through(local, record);
    }
    claimed
}

/// Beside or beyond full slots: a buffer that was taken back.
fn keep_through(local: &'static Local, record: &'static Record) {
    // A pool that dies at this moment finds the buffer when its place is used again.
    let kept = local.home().is_some_and(|pool| {
        // A thread that only puts goes to the shared tiers with every fourth buffer, and with all of them.
        let long = local.putting.is_long(local.gets_low());
        long && local.slots.exchange_fast(record, |full| pool.give_all(full)) || pool.give(record)
    });
    local.touch(local.puts.add());
    if !kept {
        local.freed.add();
        index::release(record);
    }
}

/// Any put.
///
/// # Errors
/// As [`put`].
#[cold]
#[inline(never)]
pub fn put_slow(handle: u32, data: *mut u8) -> Result<(), Error> {
    if config::measuring() { timed_put(handle, data) } else { put_any(handle, data) }
}

/// Any put: to full slots, without a thread cache yet, of another pool's buffer, of a bad pointer, to a dead pool.
fn put_any(handle: u32, data: *mut u8) -> Result<(), Error> {
    let local = local::local(handle);
    let refuse = |error| {
        match (local, pool(handle)) {
            (Some(local), _) => {
                local.refused.add();
            }
            (None, Some(pool)) => pool.ended.lock().refused += 1,
            (None, None) => {}
        }
        Err(error)
    };
    let Some(record) = index::find(data) else {
        return refuse(Error::Foreign);
    };
    match record.used() {
        Use::Free => return refuse(Error::Foreign),
        Use::Idle => return refuse(Error::Twice),
        Use::Lent => {}
    }
    match pool(handle) {
        Some(pool) if record.pool() == handle || pool.fits(record.capacity()) => {}
        Some(_) => return refuse(Error::Size),
        None if record.pool() == handle => {}
        None => return refuse(Error::Pool),
    }
    if !record.claim(NOBODY) {
        return refuse(Error::Twice);
    }
    record.adopt(handle);
    if let Some(local) = local
        && (local.slots.is_open() || local::admit(local))
        && local.slots.give(record)
    {
        local.touch(local.puts.add());
        return Ok(());
    }
    put_shared(handle, record, local)
}

/// To the tiers behind the slots, or freed: a buffer that was taken back.
fn put_shared(handle: u32, record: &'static Record, local: Option<&'static Local>) -> Result<(), Error> {
    let home = pool(handle);
    let kept = home.is_some_and(|pool| pool.give(record));
    if !kept {
        index::release(record);
    }
    match (local, home) {
        (Some(local), _) => {
            local.touch(local.puts.add());
            if !kept {
                local.freed.add();
            }
        }
        (None, Some(pool)) => {
            let mut ended = pool.ended.lock();
            ended.puts += 1;
            ended.freed += u64::from(!kept);
        }
        (None, None) => {}
    }
    Ok(())
}

fn group(handle: u32) -> Group {
    let size = pool(handle).map_or(0, Pool::size);
    if size >= config::settings().frame_size { Group::Frame } else { Group::Control }
}

fn timed_get(handle: u32) -> Option<Lent> {
    let start = Instant::now();
    let (lent, hit) = get_any(handle)?;
    let call = if hit { Call::GetHit } else { Call::GetMiss };
    timing::record(group(handle), call, start.elapsed());
    Some(lent)
}

fn timed_put(handle: u32, data: *mut u8) -> Result<(), Error> {
    let start = Instant::now();
    let answer = put_any(handle, data);
    timing::record(group(handle), Call::Put, start.elapsed());
    answer
}

/// The capacity of a lent buffer; None when no pool lent it.
pub fn capacity(data: *mut u8) -> Option<usize> {
    let record = index::find(data)?;
    record.is_lent().then(|| record.capacity())
}

/// The statistics of a pool: exact when no call on it is under way.
///
/// # Errors
/// [`Error::Pool`].
pub fn stats(handle: u32) -> Result<Stats, Error> {
    let registry = local::registry();
    let pool = pool(handle).ok_or(Error::Pool)?;
    let mut stats = Stats {
        buffer_size: pool.size(),
        max: pool.max() as u32,
        current: pool.overflow_len() as u32,
        preallocated: pool.preallocated_len() as u32,
        preallocated_max: pool.preallocated_max() as u32,
        counts: *pool.ended.lock(),
        ..Stats::default()
    };
    for local in registry.all().filter(|local| local.pool() == handle) {
        stats.counts.add(&local.counts());
        stats.in_threads += local.slots.len() as u32;
    }
    count_buffers(handle, &mut stats);
    drop(registry);
    stats.derive(&config::settings());
    Ok(stats)
}

/// Adds the buffers that belong to a handle, lent and idle.
pub fn count_buffers(handle: u32, stats: &mut Stats) {
    index::each(|record| {
        if record.pool() != handle {
            return;
        }
        let bytes = record.capacity() as u64;
        match record.used() {
            Use::Free => {}
            Use::Lent => {
                stats.lent += 1;
                stats.lent_bytes += bytes;
            }
            Use::Idle => {
                stats.idle += 1;
                stats.idle_bytes += bytes;
            }
        }
    });
}

/// The last latency recorded; None when there is none or it is too old.
pub fn latency() -> Option<Latency> {
    super::latency::latency(&config::settings())
}

/// Asks the cleaner for a cleaning now. Never blocks.
pub fn request_cleaning() {
    monitor::request(monitor::CLEAN);
}

/// Lends a buffer that belongs to no tier and is freed when it comes back. None: no memory.
pub fn lend_alone(capacity: usize, owner: u32) -> Option<Lent> {
    Some(lend(index::allocate(capacity, owner)?, None))
}

/// Takes such a buffer back and frees it.
///
/// # Errors
/// [`Error::Foreign`], [`Error::Twice`].
pub fn take_alone(data: *mut u8) -> Result<(), Error> {
    let record = index::find(data).ok_or(Error::Foreign)?;
    if !record.claim(NOBODY) {
        return Err(Error::Twice);
    }
    index::release(record);
    Ok(())
}

/// The handle that a buffer belongs to, and its capacity; None when it is not a buffer of ours.
pub fn owner_of(data: *mut u8) -> Option<(u32, usize)> {
    let record = index::find(data)?;
    Some((record.pool(), record.capacity()))
}

/// Whether no living pool has this handle.
pub fn is_dead(handle: u32) -> bool {
    pool(handle).is_none()
}
