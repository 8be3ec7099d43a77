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
//! looks once more under the lock. Only misses of the pool and freed buffers change chains. The first table is always
//! there, so that a reader need not ask where it is. The table doubles as buffers come; the tables it grew out of stay,
//! for readers that are still in them, and sum up to less than the last one.

use std::boxed::Box;

use parking_lot::Mutex;

use super::memory::{self, AtomicRef, forever};
use super::record::{self, LIMIT, Record};

/// Buckets of the first table.
const FIRST: usize = 1024;
/// The longest way a reader goes before it suspects that it was led astray.
const PATIENCE: usize = 32;

type Bucket = AtomicRef<Record>;
/// A power of two of buckets.
type Table = Box<[Bucket]>;

static FIRST_TABLE: [Bucket; FIRST] = [const { Bucket::none() }; FIRST];
/// The table in use, once the first one is too small.
static LATER_TABLE: AtomicRef<Table> = AtomicRef::none();

struct Free {
    /// Records that were used and are free: a chain.
    first: Option<&'static Record>,
    /// Records that were ever used.
    used: u32,
    /// Buffers that exist.
    live: usize,
}

static FREE: Mutex<Free> = Mutex::new(Free { first: None, used: 0, live: 0 });

/// The bucket that leads to a buffer.
#[inline(always)]
fn bucket(data: *mut u8) -> Option<&'static Bucket> {
    // Buffers lie on different lines: the low bits say nothing. The multiplication spreads the rest upwards. Buffers of a
    // pool are often the same way apart; without the shift some ways would lead into a few buckets only.
    let line = (data.addr() as u64) >> 6;
    let hash = ((line ^ line >> 9).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 32) as usize;
    match LATER_TABLE.get() {
        None => FIRST_TABLE.get(hash % FIRST),
        Some(table) => table.get(hash & (table.len() - 1)),
    }
}

#[inline(always)]
fn walk(data: *mut u8, patience: usize) -> Option<&'static Record> {
    let mut link = bucket(data)?;
    for _ in 0..patience {
        let record = link.get()?;
        if record.data() == data {
            return Some(record);
        }
        link = &record.next;
    }
    None
}

/// The same for once, without the second look: None may be wrong.
#[inline(always)]
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
    if let Some(record) = free.first {
        free.first = record.next.get();
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
    record.next.assign(free.first);
    free.first = Some(record);
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
    if let Some(place) = bucket(record.data()) {
        record.next.assign(place.get());
        place.set(record);
    }
}

/// Takes a record out of its chain. Under the lock.
fn unlink(record: &'static Record) {
    let mut place = bucket(record.data());
    while let Some(at) = place {
        match at.get() {
            Some(found) if core::ptr::eq(found, record) => return at.assign(found.next.get()),
            found => place = found.map(|found| &found.next),
        }
    }
}

/// Doubles the table when there is more than a buffer for two buckets. Under the lock.
fn grow(free: &Free) {
    let buckets = LATER_TABLE.get().map_or(FIRST, |table| table.len());
    if free.live * 2 <= buckets || buckets >= LIMIT {
        return;
    }
    LATER_TABLE.set(forever((0..buckets * 2).map(|_| Bucket::none()).collect()));
    for index in 0..free.used {
        if let Some(record) = record::record(index)
            && !record.data().is_null()
        {
            link(record);
        }
    }
}
