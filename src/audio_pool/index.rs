//! From a pointer to the record of its buffer: how a put tells our buffers from foreign pointers, without touching
//! memory that may not be ours.
//!
//! ```text
//!   table of 2^k buckets          records, chained by index
//!   [ ] [ ] [•]──► record 17 ──► record 4 ──► end
//!    ▲
//!    └ the pointer's hash
//! ```
//!
//! Looking up takes no lock: buckets and links are atomics and records are never unmapped. A reader whose chain is
//! changed under it can be led astray, never to a wrong answer: what it finds is checked, and when it finds nothing it
//! looks once more under the lock. Only misses of the pool and freed buffers change chains. The table doubles as buffers
//! come; the tables it grew out of stay, for readers that are still in them, and sum up to less than the last one.

use core::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use std::boxed::Box;
use std::sync::OnceLock;

use parking_lot::Mutex;

use super::memory;
use super::record::{self, LIMIT, Record};

const FIRST_BITS: usize = 8;
const TABLES: usize = 13;
const _: () = assert!(1 << (FIRST_BITS + TABLES - 1) >= LIMIT);
/// The longest way a reader goes before it suspects that it was led astray.
const PATIENCE: usize = 32;

static TABLE: [OnceLock<Box<[AtomicU32]>>; TABLES] = [const { OnceLock::new() }; TABLES];
static CURRENT: AtomicUsize = AtomicUsize::new(0);

struct Free {
    /// Records that were used and are free: a chain by index + 1.
    first: u32,
    /// Records that were ever used.
    used: u32,
    /// Buffers that exist.
    live: usize,
}

static FREE: Mutex<Free> = Mutex::new(Free { first: 0, used: 0, live: 0 });

fn table(step: usize) -> Option<&'static [AtomicU32]> {
    TABLE
        .get(step)
        .map(|table| &**table.get_or_init(|| (0..1usize << (FIRST_BITS + step)).map(|_| AtomicU32::new(0)).collect()))
}

#[inline]
fn bucket(table: &'static [AtomicU32], data: *mut u8) -> Option<&'static AtomicU32> {
    // Buffers begin on lines: the low bits say nothing. The multiplication spreads the rest upwards.
    let hash = ((data.addr() as u64) >> 6).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 32;
    table.get(hash as usize & (table.len() - 1))
}

#[inline]
fn walk(data: *mut u8, patience: usize) -> Option<&'static Record> {
    let table = TABLE.get(CURRENT.load(Ordering::Acquire))?.get()?;
    let mut link = bucket(table, data)?.load(Ordering::Acquire);
    for _ in 0..patience {
        let record = record::record(link.checked_sub(1)?)?;
        if record.data() == data {
            return Some(record);
        }
        link = record.next.load(Ordering::Acquire);
    }
    None
}

/// The same for once, without the second look: None may be wrong.
#[inline]
pub fn find_fast(data: *mut u8) -> Option<&'static Record> {
    walk(data, PATIENCE)
}

/// The record of the buffer that begins at `data`; None when that is not a buffer of any pool.
pub fn find(data: *mut u8) -> Option<&'static Record> {
    if data.is_null() {
        return None;
    }
    walk(data, PATIENCE).or_else(|| find_slowly(data))
}

#[cold]
fn find_slowly(data: *mut u8) -> Option<&'static Record> {
    let _held = FREE.lock();
    walk(data, LIMIT)
}

/// A record that is used for nothing.
fn claim(free: &mut Free) -> Option<&'static Record> {
    if let Some(index) = free.first.checked_sub(1) {
        let record = record::record(index)?;
        free.first = record.next.load(Ordering::Relaxed);
        return Some(record);
    }
    let record = record::make(free.used)?;
    free.used += 1;
    Some(record)
}

/// A fresh buffer with its record, idle and known to the caller alone. None: no memory.
#[cold]
pub fn allocate(capacity: usize, pool: u32) -> Option<&'static Record> {
    let data = memory::allocate(capacity)?;
    let mut free = FREE.lock();
    let Some(record) = claim(&mut free) else {
        drop(free);
        // SAFETY: allocated above with this capacity, and nobody has seen it.
        unsafe { memory::free(data, capacity) };
        return None;
    };
    free.live += 1;
    grow(&free);
    record.begin(data, capacity, pool);
    link(record);
    Some(record)
}

/// Frees a buffer that the caller alone has: taken back, or out of a tier.
#[cold]
pub fn release(record: &'static Record) {
    let mut free = FREE.lock();
    unlink(record);
    let (data, capacity) = record.end();
    record.next.store(free.first, Ordering::Relaxed);
    free.first = record.index() + 1;
    free.live -= 1;
    drop(free);
    if let Some(data) = data {
        // SAFETY: the record said so, it was idle and in no tier, and from now on nothing leads to it.
        unsafe { memory::free(data, capacity) };
    }
}

/// Calls `look` with every record that is in use. No buffer is made or freed meanwhile.
pub fn each(mut look: impl FnMut(&'static Record)) {
    let free = FREE.lock();
    for index in 0..free.used {
        if let Some(record) = record::record(index) {
            look(record);
        }
    }
}

/// Buffers that exist, over all pools.
pub fn live() -> usize {
    FREE.lock().live
}

/// Puts a record at the head of its chain. Under the lock.
fn link(record: &'static Record) {
    let place = table(CURRENT.load(Ordering::Relaxed)).and_then(|t| bucket(t, record.data()));
    if let Some(place) = place {
        record.next.store(place.load(Ordering::Relaxed), Ordering::Release);
        place.store(record.index() + 1, Ordering::Release);
    }
}

/// Takes a record out of its chain. Under the lock.
fn unlink(record: &'static Record) {
    let start = table(CURRENT.load(Ordering::Relaxed)).and_then(|t| bucket(t, record.data()));
    let Some(mut place) = start else {
        return;
    };
    while let Some(at) = place.load(Ordering::Relaxed).checked_sub(1) {
        let Some(found) = record::record(at) else {
            return;
        };
        if at == record.index() {
            place.store(found.next.load(Ordering::Relaxed), Ordering::Release);
            return;
        }
        place = &found.next;
    }
}

/// Doubles the table when there are more buffers than buckets. Under the lock.
fn grow(free: &Free) {
    let step = CURRENT.load(Ordering::Relaxed);
    let full = table(step).is_none_or(|table| free.live > table.len());
    if !full || table(step + 1).is_none() {
        return;
    }
    CURRENT.store(step + 1, Ordering::Release);
    for index in 0..free.used {
        if let Some(record) = record::record(index)
            && !record.data().is_null()
        {
            link(record);
        }
    }
}
