//! Blocks: the pool from its first word to `span` is a row of them, without gaps.
//!
//! ```text
//!   used       LEN | HANDLE | OPS | PIN | data …                   HANDLE holds the handle's number, not a pointer
//!   free       LEN | next | prev | … | FOOTER                      4 words at least, linked in the index
//!   dust       LEN | FOOTER   or one word that is both             1 to 3 words, too small to be linked
//!   reserved   LEN | …                                             held by a request in the middle of its work
//!
//!   LEN        words << 4 | flags        FOOTER  words << 4 | FREE, the last word of the block
//!     bit 0    FREE
//!     bit 1    PREV_FREE: the block before is free, so the word before this one is its FOOTER
//!     bit 2    RESERVED: not in the index, has no handle; nobody but its owner touches it
//!   HANDLE     number | marks, see `Mark`
//! ```
//!
//! Two free blocks never stand side by side.

use super::context::{Callbacks, HEADER, WORD};
use super::effort;
use super::purge::PurgeCallbacks;
use super::words::Core;
use crate::port::fault::Fault;
use bitflags::bitflags;

const FREE: usize = 1;
const PREV_FREE: usize = 2;
const RESERVED: usize = 4;
const LEN_SHIFT: u32 = 4;

/// The header words, counted from the block's first.
const HANDLE: usize = 1;
const OPS: usize = 2;
const PIN: usize = 3;

/// The smallest block that the index can link.
pub(super) const LINKABLE: usize = 4;

/// The largest length that fits LEN, in words.
pub(super) const LEN_MAX: usize = usize::MAX >> LEN_SHIFT;

const NUMBER_BITS: u32 = if WORD == 4 { 24 } else { 31 };
const NUMBER_MASK: usize = (1 << NUMBER_BITS) - 1;

/// The highest handle that fits HANDLE.
pub(super) const NUMBER_MAX: usize = NUMBER_MASK;

bitflags! {
    /// What a request notes on a block while it works, above the number in HANDLE.
    #[derive(Clone, Copy, PartialEq, Eq)]
    pub(super) struct Mark: usize {
        /// Its callbacks are being run for a move: a wall to everyone else.
        const MOVING = 1 << NUMBER_BITS;
        /// Its move callback refused in this request: a wall until the request ends.
        const REFUSED = 1 << (NUMBER_BITS + 1);
        /// Its shrink callback was called in this request.
        const CALLED = 1 << (NUMBER_BITS + 2);
        /// It is purgeable, and ends in a record.
        const PURGEABLE = 1 << (NUMBER_BITS + 4);
        /// It has a place to go to in the plan that is being made.
        const PLANNED = 1 << (NUMBER_BITS + 3);
    }
}

impl Core {
    /// The length of the block at `i`, in words, header included. A length that leaves the span ends in `panicf`.
    #[cfg_attr(feature = "host", inline)]
    #[cfg_attr(feature = "rockbox", inline(never))]
    pub(super) fn len(&self, i: usize) -> usize {
        effort::block();
        let len = self.get(i) >> LEN_SHIFT;
        if len == 0 || len > self.span().wrapping_sub(i) {
            self.panic(Fault::Length, self.suspect(i));
        }
        len
    }

    #[inline]
    pub(super) fn is_free(&self, i: usize) -> bool {
        self.get(i) & FREE != 0
    }

    /// Neither free nor reserved: has a header and a handle.
    #[inline]
    pub(super) fn is_used(&self, i: usize) -> bool {
        self.get(i) & (FREE | RESERVED) == 0
    }

    #[inline]
    pub(super) fn is_reserved(&self, i: usize) -> bool {
        self.get(i) & RESERVED != 0
    }

    /// Whether the block before `i` is free; `i` may be the end of the span.
    #[inline]
    pub(super) fn prev_free(&self, i: usize) -> bool {
        if i == self.span() { self.last_free() } else { self.get(i) & PREV_FREE != 0 }
    }

    #[cfg_attr(feature = "host", inline)]
    #[cfg_attr(feature = "rockbox", inline(never))]
    pub(super) fn set_prev_free(&mut self, i: usize, free: bool) {
        if i == self.span() {
            self.set_last_free(free);
        } else {
            let word = self.get(i);
            self.set(i, if free { word | PREV_FREE } else { word & !PREV_FREE });
        }
    }

    /// The start of the free block that ends before `i`.
    #[cfg_attr(feature = "host", inline(always))]
    #[cfg_attr(feature = "rockbox", inline(never))]
    pub(super) fn free_before(&self, i: usize) -> usize {
        let len = self.get(i.wrapping_sub(1)) >> LEN_SHIFT;
        if len == 0 || len > i || !self.is_free(i - len) {
            self.panic(Fault::Length, 0);
        }
        i - len
    }

    /// Writes the header of a free block behind a used one.
    #[inline]
    pub(super) fn write_free(&mut self, i: usize, len: usize) {
        self.set(i, len << LEN_SHIFT | FREE);
        self.set(i + len - 1, len << LEN_SHIFT | FREE);
    }

    /// Writes the header of a used block. PIN starts at 0.
    #[inline]
    pub(super) fn write_used(&mut self, i: usize, len: usize, prev_free: bool, number: usize, ops: usize) {
        let flags = if prev_free { PREV_FREE } else { 0 };
        self.set_row(i, [len << LEN_SHIFT | flags, number, ops, 0]);
    }

    /// Writes the header of a reserved block.
    #[inline]
    pub(super) fn write_reserved(&mut self, i: usize, len: usize, prev_free: bool) {
        self.set(i, len << LEN_SHIFT | RESERVED | if prev_free { PREV_FREE } else { 0 });
    }

    /// Changes the length of a used block, keeping its flags.
    #[inline]
    pub(super) fn set_len(&mut self, i: usize, len: usize) {
        let flags = self.get(i) & ((1 << LEN_SHIFT) - 1);
        self.set(i, len << LEN_SHIFT | flags);
    }

    /// The length of the block at `i` if it is free.
    #[inline]
    pub(super) fn free_len(&self, i: usize) -> Option<usize> {
        let word = self.get(i);
        let len = word >> LEN_SHIFT;
        if word & FREE == 0 {
            return None;
        }
        if len == 0 || len > self.span().wrapping_sub(i) {
            self.panic(Fault::Length, 0);
        }
        Some(len)
    }

    /// Whether a used block of a possible length stands at `i` and names handle `n`.
    #[inline]
    pub(super) fn names(&self, i: usize, n: usize) -> bool {
        if i.wrapping_add(HEADER) > self.span() {
            return false;
        }
        let [word, number] = self.row(i);
        let len = word >> LEN_SHIFT;
        word & (FREE | RESERVED) == 0 && number & NUMBER_MASK == n && len >= HEADER && len <= self.span() - i
    }

    /// Whether a block stands at `i` that knows of no free one before it, as far as a few reads can tell.
    #[cfg_attr(feature = "host", inline(always))]
    pub(super) fn follows_used(&self, i: usize) -> bool {
        let [word, handle] = self.row(i);
        let len = word >> LEN_SHIFT;
        if word & PREV_FREE != 0 || len == 0 || len > self.span().wrapping_sub(i) {
            return false;
        }
        match word & (FREE | RESERVED) {
            0 => self.leads_to(handle & NUMBER_MASK, i),
            // Header and footer of a free block are the same word.
            FREE => self.get(i + len - 1) == word,
            _ => true,
        }
    }

    /// The handle of a used block.
    #[inline]
    pub(super) fn number(&self, i: usize) -> usize {
        self.get(i + HANDLE) & NUMBER_MASK
    }

    #[inline]
    pub(super) fn marked(&self, i: usize, mark: Mark) -> bool {
        self.get(i + HANDLE) & mark.bits() != 0
    }

    #[cfg_attr(feature = "host", inline)]
    #[cfg_attr(feature = "rockbox", inline(never))]
    pub(super) fn mark(&mut self, i: usize, mark: Mark) {
        let word = self.get(i + HANDLE);
        self.set(i + HANDLE, word | mark.bits());
        if mark.intersects(Mark::CALLED | Mark::REFUSED) {
            self.note_marks();
        }
    }

    #[cfg_attr(feature = "host", inline)]
    #[cfg_attr(feature = "rockbox", inline(never))]
    pub(super) fn unmark(&mut self, i: usize, mark: Mark) {
        let word = self.get(i + HANDLE);
        self.set(i + HANDLE, word & !mark.bits());
    }

    /// What the owner of a used block lets us do with it.
    #[inline]
    pub(super) fn ops(&self, i: usize) -> Option<Callbacks> {
        self.callbacks(self.get(i + OPS))
    }

    /// What the owner of a purgeable block lets us do with it.
    pub(super) fn purge_callbacks(&self, i: usize) -> Option<PurgeCallbacks> {
        self.purge_callbacks_at(self.get(i + OPS))
    }

    /// Whether somebody holds the used block at `i` where it is, or works on it.
    #[inline]
    pub(super) fn is_held(&self, i: usize) -> bool {
        self.pins(i) != 0 || self.marked(i, Mark::MOVING)
    }

    #[inline]
    pub(super) fn pins(&self, i: usize) -> u32 {
        self.pin_at(i + PIN)
    }

    #[inline]
    pub(super) fn set_pins(&mut self, i: usize, pins: u32) {
        self.set_pin_at(i + PIN, pins);
    }

    /// Whether the block at `i` cannot be moved now: reserved, pinned, locked, refusing or about to be moved by
    /// somebody else. A free block is no wall.
    #[cfg_attr(feature = "rockbox", inline(never))]
    pub(super) fn is_wall(&self, i: usize) -> bool {
        let word = self.get(i);
        if word & FREE != 0 {
            return false;
        }
        if word & RESERVED != 0 || self.pins(i) != 0 {
            return true;
        }
        let handle = self.get(i + HANDLE);
        let number = handle & NUMBER_MASK;
        if number.wrapping_sub(1) >= self.table || handle & !(NUMBER_MASK | Mark::all().bits()) != 0 {
            self.panic(Fault::Header, self.suspect(i));
        }
        handle & (Mark::MOVING | Mark::REFUSED).bits() != 0 || self.is_locked(i)
    }

    /// Whether searches take the block at `i` for a wall: it is one, or it is aligned, and nobody can tell before it slid
    /// how much it leaves behind.
    pub(super) fn is_fixed(&self, i: usize) -> bool {
        self.is_wall(i) || !self.is_free(i) && self.alignment(i) > WORD
    }

    /// Whether the owner never lets the block at `i` move.
    #[inline]
    pub(super) fn is_locked(&self, i: usize) -> bool {
        self.ops(i).is_some_and(|ops| ops.move_callback.is_none())
    }

    /// Moves the header of a used block up by `by` words, over what was data. LEN is the caller's.
    pub(super) fn raise_header(&mut self, i: usize, by: usize) {
        let (handle, ops, pins) = (self.get(i + HANDLE), self.get(i + OPS), self.get(i + PIN));
        self.set(i + by, 0);
        self.set(i + by + HANDLE, handle);
        self.set(i + by + OPS, ops);
        self.set(i + by + PIN, pins);
    }

    /// The block whose data begins at `address`, header words before it; none outside the span.
    #[inline]
    pub(super) fn block_of(&self, address: usize) -> Option<usize> {
        self.index_of(address)?.checked_sub(HEADER)
    }
}
