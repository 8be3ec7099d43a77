//! The pool where threads take turns: plain lists behind the port's lock, and blocks of `core_alloc`.
//!
//! ```text
//!   pools   [ size, bounds, counters, idle ─┐ ] x 16          a block of core_alloc
//!                                           ▼                ┌────────┬───────────────┐
//!                                        block ──► block     │ header │ buffer        │
//!   first ──► every block, lent or idle, of any pool         └────────┴───────────────┘
//! ```
//!
//! There is one list of idle buffers to a pool. How many of them count as preallocated and how many as overflow is kept
//! as two numbers, with the bounds and the order of the other port's tiers. A put walks the list of all blocks to find its
//! pointer: with the some dozen buffers of a player that is shorter than a search structure would be large.
//!
//! Blocks are allocated and freed outside the lock, because an allocation in the tree may run other threads.

mod block;
mod timing;
#[cfg(feature = "rockbox")]
pub mod tree;

use core::ptr::NonNull;

use super::shared::Guarded;
use super::stats::{Counts, Stats};
use super::{Error, Plan};
use block::{Block, State};
pub use timing::{Call, Timer};

/// Where blocks come from.
pub trait Source {
    /// A block of so many bytes that stays where it is, with the number that frees it. None: there is none, or the calling
    /// thread is inside the file path and may not ask for one.
    fn allocate(&self, bytes: usize) -> Option<(i32, NonNull<u8>)>;

    /// Frees it.
    fn free(&self, number: i32);
}

/// A lent buffer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lent {
    data: *mut u8,
    capacity: usize,
}

impl Lent {
    /// Where it is.
    pub fn data(self) -> *mut u8 {
        self.data
    }

    /// How many bytes fit.
    pub fn capacity(self) -> usize {
        self.capacity
    }
}

const POOLS: usize = 16;
const PLACE_BITS: u32 = 10;
const LAST_GENERATION: u32 = (1 << (30 - PLACE_BITS)) - 1;

#[derive(Clone, Copy, Debug)]
struct Entry {
    handle: u32,
    generation: u32,
    size: u32,
    max: u32,
    preallocated_max: u32,
    /// Idle buffers that count as preallocated.
    preallocated: u32,
    /// Idle buffers that count as overflow.
    current: u32,
    zero: bool,
    idle: Option<Block>,
    counts: Counts,
}

/// All pools.
#[derive(Debug)]
pub struct Plain {
    pools: [Entry; POOLS],
    first: Option<Block>,
}

// SAFETY: the blocks are reached through this value only, and a caller's part of them through the caller's pointer only.
unsafe impl Send for Plain {}

/// What a get found.
enum Found {
    Hit(Lent),
    /// Nothing: a buffer of this size is to be made.
    Miss(u32),
}

impl Plain {
    /// No pools.
    pub const fn new() -> Plain {
        const NONE: Entry = Entry {
            handle: 0,
            generation: 0,
            size: 0,
            max: 0,
            preallocated_max: 0,
            preallocated: 0,
            current: 0,
            zero: false,
            idle: None,
            counts: Counts {
                hits_thread: 0,
                hits_preallocated: 0,
                hits_overflow: 0,
                misses: 0,
                puts: 0,
                refused: 0,
                freed: 0,
            },
        };
        Plain { pools: [NONE; POOLS], first: None }
    }

    fn pool(&mut self, handle: u32) -> Option<&mut Entry> {
        let entry = self.pools.get_mut((handle & ((1 << PLACE_BITS) - 1)) as usize)?;
        (handle != 0 && entry.handle == handle).then_some(entry)
    }

    fn open(&mut self, plan: &Plan) -> Option<u32> {
        let (place, entry) = (0u32..).zip(&mut self.pools).find(|(_, entry)| entry.handle == 0)?;
        let generation = if entry.generation < LAST_GENERATION { entry.generation + 1 } else { 1 };
        *entry = Entry {
            handle: generation << PLACE_BITS | place,
            generation,
            size: plan.size,
            max: plan.max,
            preallocated_max: plan.preallocated,
            preallocated: 0,
            current: 0,
            zero: plan.zero,
            idle: None,
            counts: Counts::default(),
        };
        Some(entry.handle)
    }

    fn take(&mut self, handle: u32) -> Option<Found> {
        let entry = self.pool(handle)?;
        let Some(block) = entry.idle else {
            return Some(Found::Miss(entry.size));
        };
        entry.idle = block.behind();
        if entry.preallocated > 0 {
            entry.preallocated -= 1;
            entry.counts.hits_preallocated += 1;
        } else {
            entry.current -= 1;
            entry.counts.hits_overflow += 1;
        }
        if entry.zero {
            block.clear();
        }
        Some(Found::Hit(lend(block)))
    }

    /// A fresh block: every block begins as a lent one.
    fn add(&mut self, block: Block) -> Lent {
        block.set_next(self.first);
        self.first = Some(block);
        if let Some(entry) = self.pool(block.owner()) {
            entry.counts.misses += 1;
            if entry.zero {
                block.clear();
            }
        }
        lend(block)
    }

    fn find(&self, data: *mut u8) -> Option<Block> {
        core::iter::successors(self.first, |block| block.next()).find(|block| block.data() == data)
    }

    /// Takes a buffer back. Some: the block is out of every list, and its number is to be freed.
    fn give(&mut self, handle: u32, data: *mut u8) -> Result<Option<i32>, Error> {
        let answer = self.accept(handle, data);
        if let Some(entry) = self.pool(handle) {
            match answer {
                Ok(freed) => {
                    entry.counts.puts += 1;
                    entry.counts.freed += u64::from(freed.is_some());
                }
                Err(_) => entry.counts.refused += 1,
            }
        }
        answer
    }

    fn accept(&mut self, handle: u32, data: *mut u8) -> Result<Option<i32>, Error> {
        let block = self.find(data).ok_or(Error::Foreign)?;
        if block.state() == State::Idle {
            return Err(Error::Twice);
        }
        let owned = block.owner() == handle;
        let Some(entry) = self.pool(handle) else {
            return if owned { Ok(Some(self.remove(block))) } else { Err(Error::Pool) };
        };
        let size = entry.size as usize;
        if !owned && !(size..=size * 2).contains(&block.capacity()) {
            return Err(Error::Size);
        }
        if entry.preallocated < entry.preallocated_max {
            entry.preallocated += 1;
        } else if entry.current < entry.max {
            entry.current += 1;
        } else {
            return Ok(Some(self.remove(block)));
        }
        block.set_owner(handle);
        block.set_state(State::Idle);
        block.set_behind(entry.idle);
        entry.idle = Some(block);
        Ok(None)
    }

    /// Takes a block out of the list of all; answers the number that frees it.
    fn remove(&mut self, block: Block) -> i32 {
        if self.first == Some(block) {
            self.first = block.next();
        } else {
            let before = core::iter::successors(self.first, |at| at.next()).find(|at| at.next() == Some(block));
            if let Some(before) = before {
                before.set_next(block.next());
            }
        }
        block.number()
    }

    /// The pool is dead; its first call of all.
    fn close(&mut self, handle: u32) -> Result<Option<Block>, Error> {
        let entry = self.pool(handle).ok_or(Error::Pool)?;
        entry.handle = 0;
        Ok(entry.idle.take())
    }

    fn count_buffers(&self, handle: u32, stats: &mut Stats) {
        for block in core::iter::successors(self.first, |block| block.next()) {
            if block.owner() == handle {
                let bytes = block.capacity() as u64;
                match block.state() {
                    State::Lent => {
                        stats.lent += 1;
                        stats.lent_bytes += bytes;
                    }
                    State::Idle => {
                        stats.idle += 1;
                        stats.idle_bytes += bytes;
                    }
                }
            }
        }
    }

    fn stats(&mut self, handle: u32) -> Result<Stats, Error> {
        let entry = self.pool(handle).ok_or(Error::Pool)?;
        let mut stats = Stats {
            buffer_size: entry.size,
            max: entry.max,
            current: entry.current,
            preallocated: entry.preallocated,
            preallocated_max: entry.preallocated_max,
            counts: entry.counts,
            ..Stats::default()
        };
        self.count_buffers(handle, &mut stats);
        Ok(stats)
    }
}

fn lend(block: Block) -> Lent {
    block.set_state(State::Lent);
    Lent { data: block.data(), capacity: block.capacity() }
}

/// Makes a pool with its preallocated buffers.
pub fn make(all: &Guarded<Plain>, source: &impl Source, plan: &Plan) -> Result<u32, Error> {
    let handle = all.with(|all| all.open(plan)).ok_or(Error::Memory)?;
    for _ in 0..plan.preallocated {
        let Some(block) = fresh(source, plan.size as usize, handle) else {
            destroy(all, source, handle)?;
            return Err(Error::Memory);
        };
        // Made and put at once; neither was a call of anybody.
        all.with(|all| {
            let lent = all.add(block);
            let _ = all.accept(handle, lent.data());
            if let Some(entry) = all.pool(handle) {
                entry.counts = Counts::default();
            }
        });
    }
    Ok(handle)
}

fn fresh(source: &impl Source, capacity: usize, owner: u32) -> Option<Block> {
    let (number, memory) = source.allocate(capacity.checked_add(block::HEADER)?)?;
    // SAFETY: the memory was just allocated with room for the header and the buffer.
    Some(unsafe { Block::begin(memory, number, capacity, owner) })
}

/// Ends a pool; buffers that are out stay good.
pub fn destroy(all: &Guarded<Plain>, source: &impl Source, handle: u32) -> Result<(), Error> {
    let mut idle = all.with(|all| all.close(handle))?;
    while let Some(block) = idle {
        idle = block.behind();
        let number = all.with(|all| all.remove(block));
        source.free(number);
    }
    Ok(())
}

/// Lends a buffer; says how it came by it.
pub fn get(all: &Guarded<Plain>, source: &impl Source, handle: u32) -> Option<(Lent, Call)> {
    match all.with(|all| all.take(handle))? {
        Found::Hit(lent) => Some((lent, Call::GetHit)),
        Found::Miss(size) => Some((lend_alone(all, source, size as usize, handle)?, Call::GetMiss)),
    }
}

/// Lends a fresh buffer.
pub fn lend_alone(all: &Guarded<Plain>, source: &impl Source, capacity: usize, owner: u32) -> Option<Lent> {
    let block = fresh(source, capacity, owner)?;
    Some(all.with(|all| all.add(block)))
}

/// Takes a buffer back.
pub fn put(all: &Guarded<Plain>, source: &impl Source, handle: u32, data: *mut u8) -> Result<(), Error> {
    if let Some(number) = all.with(|all| all.give(handle, data))? {
        source.free(number);
    }
    Ok(())
}

/// Takes a buffer back and frees it.
pub fn take_alone(all: &Guarded<Plain>, source: &impl Source, data: *mut u8) -> Result<(), Error> {
    let number = all.with(|all| {
        let block = all.find(data).ok_or(Error::Foreign)?;
        match block.state() {
            State::Idle => Err(Error::Twice),
            State::Lent => Ok(all.remove(block)),
        }
    })?;
    source.free(number);
    Ok(())
}

#[cfg(test)]
mod tests;
