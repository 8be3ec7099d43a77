//! The table of mappings: a number is looked up and judged without a lock.
//!
//! ```text
//!   md  0 1 ggg…g sss…s         bit 30: a mapping of this engine; generation of the slot; slot
//!             │       │
//!             │       ▼
//!             │     ┌─ state ──────────┬ address ┬ declared to read, to write ┬ error ─┬ held ─────────┐
//!             └──==─┤ md, or 0 │ gets  │         │  granules, or nothing      │        │ region, file  │
//!                   └──────────────────┴─────────┴────────────────────────────┴────────┴───────────────┘
//!                    atomics: read and changed by anybody                                         under its lock
//! ```
//!
//! Slots stay where they are for ever, and a state that names another mapping, or none, refuses. A caller who uses a
//! number while another thread destroys it gets either answer; what it reads of the slot meanwhile is stale at worst.
//! Whoever changes what lies under a mapping holds `held` for writing; who only makes use of it, for reading.

use core::sync::atomic::{AtomicI32, AtomicU32, AtomicUsize, Ordering};

use parking_lot::RwLock;

use super::held::{Bits, Held};
use crate::port::atomic::AtomicU64;
use crate::port::granules::{Granules, Shown};
use crate::port::storage::Errno;

/// How many mappings there can be at once.
pub const SLOTS: usize = 1 << BITS;
const BITS: u32 = 12;
/// Numbers from here up are this engine's.
pub const FIRST: i32 = 1 << 30;
/// Gets outstanding at once, as in the other engine.
const MOST_GETS: u32 = 65_535;

/// One mapping, or none.
#[repr(align(64))]
pub struct Slot {
    state: AtomicU64,
    address: AtomicUsize,
    read: Shown,
    write: Shown,
    error: AtomicI32,
    generation: AtomicU32,
    /// What lies under the mapping. Its lock is held over transfers of this mapping, shared.
    pub held: RwLock<Option<Held>>,
}

static TABLE: [Slot; SLOTS] = [const { Slot::new() }; SLOTS];

/// What a caller says that it will do with pages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Will {
    /// Read them.
    Read,
    /// Change them.
    Write,
}

impl Slot {
    const fn new() -> Self {
        Slot {
            state: AtomicU64::new(0),
            address: AtomicUsize::new(0),
            read: Shown::nothing(),
            write: Shown::nothing(),
            error: AtomicI32::new(0),
            generation: AtomicU32::new(0),
            held: RwLock::new(None),
        }
    }

    /// The slot of this index.
    pub fn at(index: u16) -> &'static Slot {
        &TABLE[usize::from(index) % SLOTS]
    }

    /// The slot of a number; whether the number is still good, [`Slot::is`] says.
    #[inline]
    pub fn of(md: i32) -> &'static Slot {
        &TABLE[md as usize % SLOTS]
    }

    /// The index of a number's slot.
    pub fn index(md: i32) -> u16 {
        (md as usize % SLOTS) as u16
    }

    /// Whether the slot holds this mapping.
    #[inline]
    pub fn is(&self, md: i32) -> bool {
        (self.state.load(Ordering::Acquire) >> 32) as i32 == md
    }

    /// Whether a range lies in the mapping of this number, is not empty, and was declared before, as far as a glance
    /// tells; every call of a program for a page that it declared before ends here.
    #[inline(always)]
    pub fn declared(&self, md: i32, will: Will, offset: usize, length: usize) -> bool {
        self.is(md) && self.shown(will).is_some_and(|granules| granules.all_at_a_glance(offset, length))
    }

    /// The same, looked at closely.
    pub fn declared_all(&self, md: i32, will: Will, offset: usize, length: usize) -> bool {
        self.is(md) && self.shown(will).is_some_and(|granules| granules.all(offset, length))
    }

    #[inline(always)]
    fn shown(&self, will: Will) -> Option<&'static Granules> {
        if will == Will::Read { self.read.get() } else { self.write.get() }
    }

    /// How many holds there are.
    pub fn gets(&self) -> u32 {
        self.state.load(Ordering::Acquire) as u32
    }

    /// Takes one hold on the mapping; where it is.
    ///
    /// # Errors
    /// `EBADF`; `EBUSY` when there are 65,535.
    pub fn get(&self, md: i32) -> Result<*mut u8, Errno> {
        self.count(md, |gets| (gets < MOST_GETS).then_some(gets + 1).ok_or(Errno::BUSY))?;
        // Held: it is still the one that was asked for.
        Ok(core::ptr::with_exposed_provenance_mut(self.address.load(Ordering::Relaxed)))
    }

    /// Gives one hold back.
    ///
    /// # Errors
    /// `EBADF`; `EINVAL` when there is none.
    pub fn put(&self, md: i32) -> Result<(), Errno> {
        self.count(md, |gets| gets.checked_sub(1).ok_or(Errno::INVAL))
    }

    fn count(&self, md: i32, change: impl Fn(u32) -> Result<u32, Errno>) -> Result<(), Errno> {
        let mut state = self.state.load(Ordering::Acquire);
        loop {
            if (state >> 32) as i32 != md {
                return Err(Errno::BADF);
            }
            let next = u64::from(change(state as u32)?) | (state >> 32 << 32);
            match self.state.compare_exchange_weak(state, next, Ordering::AcqRel, Ordering::Acquire) {
                Ok(_) => return Ok(()),
                Err(now) => state = now,
            }
        }
    }

    /// Remembers an error, unless one is remembered already.
    pub fn remember(&self, error: Errno) {
        let _ = self.error.compare_exchange(0, error.0, Ordering::Relaxed, Ordering::Relaxed);
    }

    /// The first error since the last call.
    ///
    /// # Errors
    /// `EBADF`.
    pub fn error(&self, md: i32) -> Result<Option<Errno>, Errno> {
        if !self.is(md) {
            return Err(Errno::BADF);
        }
        let error = self.error.swap(0, Ordering::Relaxed);
        Ok((error != 0).then_some(Errno(error)))
    }

    /// Makes an empty slot a mapping: its number. Whoever calls it has the slot to itself.
    pub fn open(&self, index: u16, held: Held) -> i32 {
        let mut place = self.held.write();
        let generation = self.generation.fetch_add(1, Ordering::Relaxed) & ((1 << (30 - BITS)) - 1);
        let md = FIRST | (generation << BITS) as i32 | i32::from(index);
        self.address.store(held.region.start().expose_provenance(), Ordering::Relaxed);
        self.error.store(0, Ordering::Relaxed);
        self.read.set(held.read.as_ref().map(Bits::shown));
        self.write.set(held.write.as_ref().map(Bits::shown));
        *place = Some(held);
        self.state.store((md as u64) << 32, Ordering::Release);
        md
    }

    /// Ends a mapping that nobody has got; what lay under it. Transfers of this mapping are waited for.
    ///
    /// # Errors
    /// `EBADF`; `EINVAL` when this is not its length; `EBUSY`.
    pub fn close(&self, md: i32, length: usize) -> Result<Held, Errno> {
        let mut place = self.held.write();
        match place.as_ref() {
            Some(held) if self.is(md) => {
                if held.length != length {
                    return Err(Errno::INVAL);
                }
            }
            _ => return Err(Errno::BADF),
        }
        let free = (md as u64) << 32;
        if self.state.compare_exchange(free, 0, Ordering::AcqRel, Ordering::Acquire).is_err() {
            return Err(Errno::BUSY);
        }
        self.read.set(None);
        self.write.set(None);
        place.take().ok_or(Errno::BADF)
    }
}
