//! The lists of purgeable blocks, and the ghost: a reserved block of the pool, made with the first purgeable block and
//! given back with the last.
//!
//! ```text
//!   LEN (reserved) | blocks | list 1: hot end, cold end, words | list 2 … list 4 | counters … | ghost size | ghost …
//! ```

use super::super::words::Core;
use crate::port::fault::Fault;

/// Where the index names this block: its position plus one.
const PURGE: usize = 5;

const BLOCKS: usize = 1;
const LISTS: usize = 2;
const HOT: usize = 0;
const COLD: usize = 1;
const WORDS: usize = 2;
const LIST_WORDS: usize = 3;
const COUNTERS: usize = LISTS + 4 * LIST_WORDS;
const COUNTER_WORDS: usize = 8;
const GHOST_SIZE: usize = COUNTERS + COUNTER_WORDS;
const GHOST: usize = GHOST_SIZE + 1;

/// A ghost entry for so many words of the pool.
const WORDS_PER_GHOST: usize = 2048;

/// The lists.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum List {
    Probation = 1,
    Main = 2,
    Soon = 3,
    Disposable = 4,
}

impl List {
    pub(super) fn number(self) -> usize {
        self as usize
    }

    pub(super) fn from_number(number: usize) -> Option<List> {
        [List::Probation, List::Main, List::Soon, List::Disposable].into_iter().find(|list| list.number() == number)
    }
}

/// What is counted.
#[derive(Clone, Copy)]
pub(super) enum Counter {
    /// Blocks purged from list n: n - 1.
    Purged = 0,
    /// Words purged.
    Words = 4,
    /// Free and clean callbacks that refused.
    Refused = 5,
    /// Dirty blocks that were cleaned to be purged.
    Cleaned = 6,
    /// Blocks that came back soon after they were purged.
    Returned = 7,
}

impl Core {
    /// The block of the lists.
    pub(super) fn purge_block(&self) -> Option<usize> {
        if self.is_void() {
            return None;
        }
        self.top::<PURGE>().checked_sub(1)
    }

    /// The block of the lists, made where there is free space for it.
    pub(super) fn make_purge_block(&mut self) -> Option<usize> {
        if let Some(block) = self.purge_block() {
            return Some(block);
        }
        let ghosts = (self.table / WORDS_PER_GHOST).clamp(16, 1024).next_power_of_two();
        let words = GHOST + ghosts;
        let (block, prev_free) = self.place(words, true)?;
        self.write_reserved(block, words, prev_free);
        for i in block + 1..block + words {
            self.set(i, 0);
        }
        self.set(block + GHOST_SIZE, ghosts);
        self.set_top::<PURGE>(block + 1);
        Some(block)
    }

    /// Gives the block of the lists back when no purgeable block is left.
    pub(super) fn drop_purge_block(&mut self) {
        if let Some(block) = self.purge_block()
            && self.get(block + BLOCKS) == 0
        {
            self.set_top::<PURGE>(0);
            self.unreserve(block);
        }
    }

    /// Purgeable blocks alive.
    pub(crate) fn purgeable_blocks(&self) -> usize {
        self.purge_block().map_or(0, |block| self.get(block + BLOCKS))
    }

    pub(super) fn count_purgeable(&mut self, by: isize) {
        if let Some(block) = self.purge_block() {
            self.set(block + BLOCKS, self.get(block + BLOCKS).wrapping_add(by as usize));
        }
    }

    pub(super) fn counter(&self, at: usize) -> usize {
        self.purge_block().map_or(0, |block| self.get(block + COUNTERS + at))
    }

    pub(super) fn count(&mut self, at: usize, by: usize) {
        if let Some(block) = self.purge_block() {
            let counter = block + COUNTERS + at;
            self.set(counter, self.get(counter).wrapping_add(by));
        }
    }

    fn list_at(&self, list: List) -> usize {
        self.purge_block().unwrap_or(0) + LISTS + (list.number() - 1) * LIST_WORDS
    }

    /// The words of a list's blocks.
    pub(super) fn list_words(&self, list: List) -> usize {
        if self.purge_block().is_some() { self.get(self.list_at(list) + WORDS) } else { 0 }
    }

    /// The handle at the cold end of a list, 0 when it is empty.
    pub(super) fn coldest(&self, list: List) -> usize {
        if self.purge_block().is_some() { self.get(self.list_at(list) + COLD) } else { 0 }
    }

    /// The handle next to this block's, towards the hot end.
    pub(super) fn warmer(&self, i: usize) -> usize {
        self.links(i).0
    }

    /// Puts a block at the hot end of a list.
    pub(super) fn enlist(&mut self, i: usize, list: List) {
        let at = self.list_at(list);
        let n = self.number(i);
        let first = self.get(at + HOT);
        self.set_prev(i, 0);
        self.set_next(i, first);
        self.set_list(i, Some(list));
        self.set(at + HOT, n);
        if first == 0 {
            self.set(at + COLD, n);
        } else {
            let first = self.block(first as i32);
            self.set_prev(first, n);
        }
        self.set(at + WORDS, self.get(at + WORDS) + self.len(i));
    }

    /// Takes a block off its list, if it is on one.
    pub(super) fn delist(&mut self, i: usize) {
        let Some(list) = self.list_of(i) else { return };
        let at = self.list_at(list);
        let (prev, next) = self.links(i);
        if prev == 0 {
            self.set(at + HOT, next);
        } else {
            let prev = self.block(prev as i32);
            self.set_next(prev, next);
        }
        if next == 0 {
            self.set(at + COLD, prev);
        } else {
            let next = self.block(next as i32);
            self.set_prev(next, prev);
        }
        self.set_list(i, None);
        self.set(at + WORDS, self.get(at + WORDS) - self.len(i));
    }

    /// Counts words that a listed block lost to a shrink.
    pub(crate) fn count_listed(&mut self, i: usize, fewer: usize) {
        if let Some(list) = self.list_of(i) {
            let at = self.list_at(list) + WORDS;
            self.set(at, self.get(at) - fewer);
        }
    }

    fn ghost_at(&self, block: usize, key: usize) -> usize {
        let mixed = key.wrapping_mul(0x9E37_79B1) >> 8;
        block + GHOST + mixed % self.get(block + GHOST_SIZE)
    }

    /// Remembers what a block held whose memory is taken.
    pub(super) fn remember(&mut self, key: usize) {
        if key != 0
            && let Some(block) = self.purge_block()
        {
            self.set(self.ghost_at(block, key), key);
        }
    }

    /// Whether what comes now was taken not long ago; forgets it.
    pub(super) fn recall(&mut self, key: usize) -> bool {
        let Some(block) = self.purge_block() else { return false };
        let at = self.ghost_at(block, key);
        let known = key != 0 && self.get(at) == key;
        if known {
            self.set(at, 0);
        }
        known
    }
}

impl Core {
    /// Judges the lists: every purgeable block is on the list its record names, and the words and blocks add up.
    /// `blocks` were counted in the pool.
    pub(crate) fn check_lists(&self, blocks: usize) {
        if blocks != self.purgeable_blocks() {
            self.panic(Fault::Lists, 0);
        }
        for list in [List::Probation, List::Main, List::Soon, List::Disposable] {
            let (mut words, mut seen, mut behind) = (0, 0, 0);
            let mut n = self.coldest(list);
            while n != 0 {
                let i = self.block(n as i32);
                seen += 1;
                if self.list_of(i) != Some(list) || self.links(i).1 != behind || seen > blocks {
                    self.panic(Fault::Lists, n as i32);
                }
                words += self.len(i);
                behind = n;
                n = self.warmer(i);
            }
            if words != self.list_words(list) {
                self.panic(Fault::Lists, 0);
            }
        }
    }
}
