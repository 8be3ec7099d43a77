//! The lists of purgeable blocks, and the ghost: a reserved block of the pool, made with the first purgeable block and
//! given back with the last.
//!
//! ```text
//!   LEN (reserved) | blocks | holds | list 1: hot end, cold end, words | list 2 … list 4 | counters … | clock | bias
//!       | coldest | time | oldest | farthest | ghost size | ghost …
//! ```

use super::super::context::WORD;
use super::super::words::Core;
use crate::port::fault::Fault;

/// Where the index names this block: how many words below `table` it begins, which stays true when the front moves.
const PURGE: usize = 5;

const BLOCKS: usize = 1;
const HOLDS: usize = 2;
const LISTS: usize = 3;
const HOT: usize = 0;
const COLD: usize = 1;
const WORDS: usize = 2;
const LIST_WORDS: usize = 3;
const COUNTERS: usize = LISTS + 4 * LIST_WORDS;
const COUNTER_WORDS: usize = 2;
const CLOCK: usize = COUNTERS + COUNTER_WORDS;
const BIAS: usize = CLOCK + 1;
const COLDEST: usize = BIAS + 1;
const TIME: usize = COLDEST + 1;
const OLDEST: usize = TIME + 1;
const FARTHEST: usize = OLDEST + 1;
const GHOST_SIZE: usize = FARTHEST + 1;
const GHOST: usize = GHOST_SIZE + 1;

/// Words left to the handle table behind this block when it makes way, at least and at most.
const GAP: (usize, usize) = (64, 512);

/// A ghost entry for so many bytes of the pool.
const BYTES_PER_GHOST: usize = 4096;
/// Entries of the smallest and of the largest ghost.
const GHOSTS: (usize, usize) = (16, 4096);
/// Two entries share what hashes alike.
const WAYS: usize = 2;

/// An entry: when it went, in these parts of the pool's words that were purged; whether it went from Main; what remains
/// of the key. 0: none.
const PARTS: usize = 256;
const WHEN_BITS: u32 = 16;
const FROM_MAIN: usize = 1 << WHEN_BITS;
const KEY_SHIFT: u32 = WHEN_BITS + 1;

/// The lists.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum List {
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

/// What is counted here, since the lists were made; the rest in `stats.rs`.
#[derive(Clone, Copy)]
pub(super) enum Counter {
    /// Words purged: the ghost's clock.
    Words = 0,
    /// Blocks that came back soon after they were purged.
    Returned = 1,
}

impl Core {
    /// The block of the lists.
    pub(crate) fn purge_block(&self) -> Option<usize> {
        if self.is_void() {
            return None;
        }
        let below = self.top::<PURGE>();
        (below != 0).then(|| self.table - below)
    }

    /// Notes where the block of the lists is.
    pub(crate) fn set_purge_block(&mut self, block: usize) {
        self.set_top::<PURGE>(self.table - block);
    }

    /// The block of the lists, made where there is free space for it.
    fn make_purge_block(&mut self) -> Option<usize> {
        if let Some(block) = self.purge_block() {
            return Some(block);
        }
        let ghosts = (self.table / (BYTES_PER_GHOST / WORD)).clamp(GHOSTS.0, GHOSTS.1).next_power_of_two();
        let words = GHOST + ghosts;
        let (block, prev_free) = self.place(words, true)?;
        self.write_reserved(block, words, prev_free);
        for i in block + 1..block + words {
            self.set(i, 0);
        }
        self.set(block + GHOST_SIZE, ghosts);
        self.set(block + OLDEST, self.now());
        self.set_purge_block(block);
        Some(block)
    }

    /// Keeps the block of the lists, for purgeable blocks that are about to be made, until it is let go as often.
    pub(super) fn hold_purge_block(&mut self) -> bool {
        let Some(block) = self.make_purge_block() else { return false };
        self.set(block + HOLDS, self.get(block + HOLDS) + 1);
        true
    }

    /// See [`Core::hold_purge_block`].
    pub(super) fn let_purge_block_go(&mut self) {
        if let Some(block) = self.purge_block() {
            self.set(block + HOLDS, self.get(block + HOLDS).saturating_sub(1));
        }
        self.drop_purge_block();
    }

    /// Moves the block of the lists, the last of the pool, out of the handle table's way: down in the hole before it, or to
    /// another one. Whether there is one.
    pub(crate) fn shift_lists(&mut self) -> bool {
        let Some(block) = self.purge_block() else { return false };
        let len = self.len(block);
        let place = if self.prev_free(block) {
            let hole = self.free_before(block);
            let by = self.len(hole).min((self.table / 256).clamp(GAP.0, GAP.1));
            let whole = self.len(hole);
            self.reserve(hole);
            // Hole, lists: as one reserved block, of which all but the lists is given back.
            let prev_free = self.prev_free(hole);
            self.copy(block, block - by, len);
            let place = block - by;
            self.write_reserved(place, len, false);
            if whole > by {
                self.release(hole, whole - by, prev_free);
            } else {
                self.set_prev_free(place, prev_free);
            }
            self.release(place + len, by, false);
            place
        } else {
            let Some(hole) = self.find_surely(len) else { return false };
            let place = self.carve_high(hole, len);
            let (before, behind) = (self.prev_free(place), self.prev_free(block));
            self.copy(block, place, len);
            self.write_reserved(place, len, before);
            self.release(block, len, behind);
            place
        };
        self.set_purge_block(place);
        true
    }

    /// Gives the block of the lists back when no purgeable block is left.
    pub(super) fn drop_purge_block(&mut self) {
        if let Some(block) = self.purge_block()
            && self.get(block + BLOCKS) == 0
            && self.get(block + HOLDS) == 0
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

    fn counter(&self, which: Counter) -> usize {
        self.purge_block().map_or(0, |block| self.get(block + COUNTERS + which as usize))
    }

    /// Blocks that came back soon after they were purged.
    pub(crate) fn returned(&self) -> usize {
        self.counter(Counter::Returned)
    }

    pub(super) fn count(&mut self, which: Counter, by: usize) {
        if let Some(block) = self.purge_block() {
            let counter = block + COUNTERS + which as usize;
            self.set(counter, self.get(counter).wrapping_add(by));
        }
    }

    fn list_at(&self, list: List) -> usize {
        self.purge_block().unwrap_or(0) + LISTS + (list.number() - 1) * LIST_WORDS
    }

    /// The words of a list's blocks.
    pub(crate) fn list_words(&self, list: List) -> usize {
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

    /// The words that were used since the lists were made: the clock of the policy.
    pub(super) fn clock(&self) -> usize {
        self.purge_block().map_or(0, |block| self.get(block + CLOCK))
    }

    /// So many words were used.
    pub(super) fn advance_clock(&mut self, words: usize) {
        if let Some(block) = self.purge_block() {
            self.set(block + CLOCK, self.get(block + CLOCK).wrapping_add(words));
        }
    }

    /// How much the policy prefers what was used again.
    pub(super) fn bias(&self) -> usize {
        self.purge_block().map_or(0, |block| self.get(block + BIAS))
    }

    pub(super) fn set_bias(&mut self, bias: usize) {
        if let Some(block) = self.purge_block() {
            self.set(block + BIAS, bias);
        }
    }

    fn noted(&self, what: usize) -> usize {
        self.purge_block().map_or(0, |block| self.get(block + what))
    }

    fn note(&mut self, what: usize, value: usize) {
        if let Some(block) = self.purge_block() {
            self.set(block + what, value);
        }
    }

    /// What the request under way judges blocks by: how cold the coldest cached one is, and the time. Fixed while it
    /// works, or the sums of its searches would not be sums.
    pub(super) fn set_judgement(&mut self, coldest: usize, time: usize) {
        self.note(COLDEST, coldest);
        self.note(TIME, time);
    }

    pub(super) fn coldest_noted(&self) -> usize {
        self.noted(COLDEST)
    }

    pub(super) fn time_noted(&self) -> usize {
        self.noted(TIME)
    }

    /// A time before which no purgeable block was used that is still there.
    pub(super) fn oldest(&self) -> usize {
        self.noted(OLDEST)
    }

    pub(crate) fn set_oldest(&mut self, time: usize) {
        self.note(OLDEST, time);
    }

    /// A distance beyond which no block that is needed later was.
    pub(super) fn farthest(&self) -> usize {
        self.noted(FARTHEST)
    }

    pub(super) fn set_farthest(&mut self, distance: usize) {
        self.note(FARTHEST, distance);
    }

    /// Where the entries for a key begin, and the entry that it has if it goes now.
    fn ghost_at(&self, block: usize, key: usize, main: bool) -> (usize, usize) {
        let mixed = key.wrapping_mul(0x9E37_79B1);
        let mixed = mixed ^ mixed >> 15;
        let sets = self.get(block + GHOST_SIZE) / WAYS;
        let entry = mixed << KEY_SHIFT | if main { FROM_MAIN } else { 0 } | self.purged_parts();
        (block + GHOST + (mixed >> 4) % sets * WAYS, entry)
    }

    fn purged_parts(&self) -> usize {
        self.counter(Counter::Words) / (self.table / PARTS).max(1) % (1 << WHEN_BITS)
    }

    /// Parts of the pool that were purged since an entry was made.
    fn parts_since(&self, entry: usize) -> usize {
        self.purged_parts().wrapping_sub(entry) % (1 << WHEN_BITS)
    }

    /// Remembers what a cached block held whose memory is taken.
    pub(super) fn remember(&mut self, key: usize, main: bool) {
        if key != 0
            && let Some(block) = self.purge_block()
        {
            let (at, entry) = self.ghost_at(block, key, main);
            let age = |core: &Core, at| match core.get(at) {
                0 => usize::MAX,
                entry => core.parts_since(entry),
            };
            let other = at + 1;
            self.set(if age(self, other) > age(self, at) { other } else { at }, entry.max(1));
        }
    }

    /// What is known of data that comes now: whether it was on Main when it was taken, and how many words were purged
    /// since. Forgets it.
    pub(super) fn recall(&mut self, key: usize) -> Option<(bool, usize)> {
        let block = self.purge_block()?;
        if key == 0 {
            return None;
        }
        let (at, wanted) = self.ghost_at(block, key, false);
        let at = (at..at + WAYS).find(|&at| {
            let entry = self.get(at);
            entry != 0 && entry >> KEY_SHIFT == wanted >> KEY_SHIFT
        })?;
        let entry = self.get(at);
        self.set(at, 0);
        Some((entry & FROM_MAIN != 0, self.parts_since(entry) * (self.table / PARTS).max(1)))
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
