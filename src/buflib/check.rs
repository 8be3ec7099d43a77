//! What callers hand us, judged before memory is touched; and the whole pool, judged on request.

use super::block::{LINKABLE, NUMBER_MAX};
use super::context::{HEADER, WORD};
use super::table::PENDING;
use super::words::Core;
use crate::port::fault::Fault;

impl Core {
    /// The block of a live handle. Anything else ends in `panicf` with the handle and the fault named.
    #[cfg_attr(feature = "host", inline)]
    #[cfg_attr(feature = "rockbox", inline(never))]
    pub(super) fn block(&self, handle: i32) -> usize {
        let n = handle as usize;
        // The common case first: a slot of the main table whose block names it.
        if handle > 0
            && n <= self.table_len()
            && let Some(i) = self.block_of(self.entry(n))
            && self.names(i, n)
        {
            return i;
        }
        self.block_slow(handle)
    }

    #[cold]
    #[inline(never)]
    fn block_slow(&self, handle: i32) -> usize {
        let n = handle as usize;
        if handle <= 0 || n > NUMBER_MAX || n > self.table || self.is_void() || !self.is_slot(n) {
            self.panic(Fault::NeverGiven, handle);
        }
        let entry = self.entry(n);
        if entry == 0 || entry == PENDING {
            self.panic(Fault::Freed, handle);
        }
        match self.block_of(entry) {
            Some(i) if self.names(i, n) => i,
            // A free slot of an extension holds a position, not an address.
            None if !self.in_table(n) && entry <= self.span() => self.panic(Fault::Freed, handle),
            None => self.panic(Fault::Entry, handle),
            Some(_) => self.panic(Fault::Header, handle),
        }
    }

    /// The handle of the used block at `i`: one that leads to it, or the block's header was overwritten.
    #[cfg_attr(feature = "host", inline)]
    #[cfg_attr(feature = "rockbox", inline(never))]
    pub(super) fn owner(&self, i: usize) -> usize {
        let n = self.number(i);
        if !self.leads_to(n, i) {
            self.panic(Fault::Header, self.suspect(i));
        }
        n
    }

    /// Whether the entry of handle `n`, if there is one, points at the data of the block at `i`.
    #[inline]
    pub(super) fn leads_to(&self, n: usize, i: usize) -> bool {
        (n <= self.table_len() || self.is_slot(n)) && self.entry(n).wrapping_sub(self.address(i + HEADER)) < WORD
    }

    /// The handle that leads to a damaged block, whatever its header says, for the message; 0 if none does.
    #[cold]
    #[inline(never)]
    pub(super) fn suspect(&self, i: usize) -> i32 {
        (1..=self.table_len()).find(|&n| self.in_table(n) && self.leads_to(n, i)).unwrap_or(0) as i32
    }

    /// Judges the end of the block of `handle`, `len` words from `i` on, before anything relies on it: a block must
    /// begin there that knows of no free one before it. If none does, the length was overwritten, or the data was
    /// written past its end.
    #[inline]
    pub(super) fn check_end(&self, i: usize, len: usize, handle: i32) {
        let end = i + len;
        if end != self.span() && !self.follows_used(end) {
            self.panic(Fault::Length, handle);
        }
    }

    /// Whether the handle in slot `n` has a block.
    pub(super) fn is_live(&self, n: usize) -> bool {
        self.block_of(self.entry(n)).is_some_and(|i| self.names(i, n))
    }

    /// Judges the whole pool: blocks, flags, footers, handles, index. Linear in the number of blocks.
    pub(super) fn check(&mut self) {
        if self.is_void() {
            return;
        }
        let (mut i, mut prev_free, mut free, mut linked) = (0, false, 0, 0);
        let mut purgeable = 0;
        while i < self.span() {
            let len = self.len(i);
            if self.prev_free(i) != prev_free || prev_free && self.is_free(i) {
                self.panic(Fault::Length, 0);
            }
            prev_free = self.is_free(i);
            if prev_free {
                if self.free_before(i + len) != i {
                    self.panic(Fault::Length, 0);
                }
                free += len;
                linked += (len >= LINKABLE) as usize;
            } else if self.is_used(i) {
                purgeable += self.is_purgeable(i) as usize;
                let n = self.number(i);
                if n == 0 || !self.is_slot(n) {
                    self.panic(Fault::Header, n as i32);
                }
                if self.entry(n) != PENDING && self.block(n as i32) != i {
                    self.panic(Fault::Header, n as i32);
                }
            }
            i += len;
        }
        if self.last_free() != prev_free || i != self.span() {
            self.panic(Fault::Length, 0);
        }
        self.check_index(free, linked);
        self.check_lists(purgeable);
    }
}
