//! The free index: free blocks by size, so that neither alloc nor free walks the pool.
//!
//! ```text
//!   table+0   free slots of the handle table's first group        ┐ table.rs
//!        +1   … of its first superblock                           │
//!        +2   first extension block of the handle table           ┘
//!        +3   free words in the pool
//!        +4   top hole: the hole below the locked blocks at the pool's end
//!        +5   purgeable blocks: where their lists are, plus one; 0 for none    (purge/)
//!        +6   bitmap of the bitmaps below that are not empty
//!        +7   blocks moved since init
//!        +8   words moved since init
//!        +9   trail: the hole that the last compaction left behind
//!        +10  counters: allocations, … (stats.rs)
//!        +25  bitmaps: class c has free blocks
//!        …    heads: the first free block of class c
//! ```
//!
//! Class c of a power of two 2^f and its part s holds the blocks of 2^f + s·2^f/parts words and more, up to the next
//! class. The lists are doubly linked through the blocks. The region stands above the handle table, so sliding the
//! blocks or relocating the pool leaves it alone, and every link counts from the first block. Its size follows the
//! pool's: at most 64 words, or an 8192nd part, handle reserve included.

use super::block::LINKABLE;
use super::context::HEADER;
use super::words::{Core, Geometry};
use crate::port::fault::Fault;

const BITS: usize = usize::BITS as usize;

const FREE_WORDS: usize = 3;
const TOP_HOLE: usize = 4;
const SUMMARY: usize = 6;
const MOVED_BLOCKS: usize = 7;
const MOVED_WORDS: usize = 8;
const TRAIL: usize = 9;
const BITMAPS: usize = RECLAIMED + 8;

/// The counters; `stats.rs` says of what.
pub(super) const ALLOCS: usize = 10;
pub(super) const SHRINKS: usize = 11;
pub(super) const MAXIMUMS: usize = 12;
pub(super) const REFUSED: usize = 13;
pub(super) const ASKED: usize = 14;
pub(super) const DECLINED: usize = 15;
/// The longest request, in microseconds.
pub(super) const LONGEST: usize = 16;
/// Blocks and words purged, a pair for each class.
pub(super) const RECLAIMED: usize = 17;

/// The words of the index that every pool has.
pub(super) const FIXED: usize = BITMAPS;

/// "No block" in a link.
pub(super) const NONE: usize = usize::MAX;

/// How many blocks of the request's own class are looked at before a larger class is taken, where a power of two has
/// one class; fewer where the classes are finer.
const SAME_CLASS_TRIES: usize = 8;

/// How many are looked at where no larger class has any. Who finds none there makes a pass over the blocks, and finds one
/// that was overlooked.
const LAST_TRIES: usize = 32;

/// In pools with finer classes than this, large ones, free lists are last-in first-out: a block more to touch would
/// cost more there than a lower address brings.
const ORDERED_PARTS: u32 = 2;

/// Where a free block keeps its links.
const NEXT: usize = 1;
const PREV: usize = 2;

/// The index and the handle table's first reserve of a pool of `words` words; none where nothing could ever be
/// allocated.
pub(super) fn layout(words: usize) -> Option<(Geometry, usize)> {
    let reserve = (words / 32).clamp(1, 16);
    // One word more is the slot of the block that takes all the rest.
    let budget = if words < 2048 { words / 32 } else { (words / 8192).max(64) - reserve - 1 };
    let levels = (words.max(LINKABLE).ilog2() - 1) as usize;
    let geometry = |parts: u32| {
        let classes = levels << parts;
        let bitmaps = classes.div_ceil(BITS);
        Geometry { parts, bitmaps, words: FIXED + bitmaps + classes }
    };
    // At most 16 bitmaps: their number has five bits in the context.
    let fits = |index: &Geometry| index.words <= budget && index.bitmaps <= 16;
    let index = (1..=4).rev().map(geometry).find(fits).unwrap_or(geometry(0));
    (words > index.words + reserve + HEADER).then_some((index, reserve))
}

impl Core {
    /// Fills the index of a pool just laid out.
    pub(super) fn index_init(&mut self) {
        for i in self.table..self.limit() {
            self.set(i, 0);
        }
        self.index_clear();
    }

    /// Empties all lists.
    fn index_clear(&mut self) {
        self.set_top_hole(NONE);
        self.set_trail(NONE);
        self.set_top::<SUMMARY>(0);
        self.set_top::<FREE_WORDS>(0);
        for bitmap in self.table + BITMAPS..self.heads {
            self.set(bitmap, 0);
        }
        let heads = self.heads;
        for head in heads..heads + self.classes() {
            self.set(head, NONE);
        }
    }

    /// Links every free block anew, after indices changed.
    pub(super) fn index_rebuild(&mut self) {
        self.index_clear();
        let mut i = 0;
        let mut free = 0;
        while i < self.span() {
            let len = self.len(i);
            if self.is_free(i) {
                self.link(i, len);
                free += len;
            }
            i += len;
        }
        self.set_top::<FREE_WORDS>(free);
    }

    #[inline]
    fn classes(&self) -> usize {
        self.limit() - self.heads
    }

    #[cfg_attr(feature = "host", inline(always))]
    fn class_of(&self, len: usize) -> usize {
        let power = len.ilog2();
        // From 2^parts to 2·2^parts - 1 within a power, so the one power more than two that is taken off.
        let part = (len << self.parts) >> power;
        ((power as usize).wrapping_sub(3) << self.parts).wrapping_add(part)
    }

    /// The free words of the pool, in blocks of any size.
    #[inline]
    pub(super) fn free_words(&self) -> usize {
        self.top::<FREE_WORDS>()
    }

    /// Counts words that became free, or were taken when negative.
    #[inline]
    pub(super) fn count_free(&mut self, by: isize) {
        let words = self.free_words().wrapping_add(by as usize);
        self.set_top::<FREE_WORDS>(words);
    }

    #[inline]
    pub(super) fn top_hole(&self) -> usize {
        self.top::<TOP_HOLE>()
    }

    #[inline]
    pub(super) fn set_top_hole(&mut self, i: usize) {
        self.set_top::<TOP_HOLE>(i);
    }

    /// The hole that the last compaction left behind, if it is still one.
    pub(super) fn trail(&self) -> usize {
        self.top::<TRAIL>()
    }

    pub(super) fn set_trail(&mut self, i: usize) {
        self.set_top::<TRAIL>(i);
    }

    /// Counts a block that moved.
    pub(super) fn count_move(&mut self, words: usize) {
        let (blocks, sum) = self.moved();
        self.set_top::<MOVED_BLOCKS>(blocks.wrapping_add(1));
        self.set_top::<MOVED_WORDS>(sum.wrapping_add(words));
    }

    /// Blocks and words moved since init; both wrap.
    pub(super) fn moved(&self) -> (usize, usize) {
        (self.top::<MOVED_BLOCKS>(), self.top::<MOVED_WORDS>())
    }

    /// Puts the free block at `i` into its list. Dust stays out.
    #[cfg_attr(feature = "host", inline(always))]
    #[cfg_attr(feature = "rockbox", inline(never))]
    pub(super) fn link(&mut self, i: usize, len: usize) {
        if len < LINKABLE {
            return;
        }
        let class = self.class_of(len);
        let head = self.heads + class;
        let first = self.get(head);
        if first < i && self.parts <= ORDERED_PARTS {
            // Behind the first: the lowest block known stays in front, so that the pool fills from below.
            let second = self.get(first.wrapping_add(NEXT));
            self.set_row(i + NEXT, [second, first]);
            self.set(first + NEXT, i);
            if second != NONE {
                self.set(second.wrapping_add(PREV), i);
            }
            return;
        }
        self.set_row(i + NEXT, [first, NONE]);
        self.set(head, i);
        if first != NONE {
            self.set(first + PREV, i);
        } else {
            let bitmap = self.table + BITMAPS + class / BITS;
            self.set(bitmap, self.get(bitmap) | 1 << (class % BITS));
            self.set_top::<SUMMARY>(self.top::<SUMMARY>() | 1 << (class / BITS));
        }
    }

    /// Takes the free block at `i` out of its list.
    #[cfg_attr(feature = "host", inline(always))]
    #[cfg_attr(feature = "rockbox", inline(never))]
    pub(super) fn unlink(&mut self, i: usize, len: usize) {
        if i == self.top_hole() {
            self.set_top_hole(NONE);
        }
        if i == self.trail() {
            self.set_trail(NONE);
        }
        if len < LINKABLE {
            return;
        }
        let [next, prev] = self.row(i + NEXT);
        if next != NONE {
            self.set(next.wrapping_add(PREV), prev);
        }
        if prev != NONE {
            self.set(prev.wrapping_add(NEXT), next);
            return;
        }
        let class = self.class_of(len);
        let head = self.heads + class;
        if self.get(head) != i {
            self.panic(Fault::Length, 0);
        }
        self.set(head, next);
        if next == NONE {
            let bitmap = self.table + BITMAPS + class / BITS;
            let left = self.get(bitmap) & !(1 << (class % BITS));
            self.set(bitmap, left);
            if left == 0 {
                self.set_top::<SUMMARY>(self.top::<SUMMARY>() & !(1 << (class / BITS)));
            }
        }
    }

    /// Makes the linked free block of `len` words at `i` one of `new` words at `to`; in place where its class stays.
    #[cfg_attr(feature = "host", inline(always))]
    pub(super) fn relink(&mut self, i: usize, len: usize, to: usize, new: usize) {
        let top = self.top_hole() == i;
        if len.min(new) >= LINKABLE && self.class_of(new) == self.class_of(len) {
            if to != i {
                if i == self.trail() {
                    self.set_trail(NONE);
                }
                let links @ [next, prev] = self.row(i + NEXT);
                if next != NONE {
                    self.set(next.wrapping_add(PREV), to);
                }
                if prev != NONE {
                    self.set(prev.wrapping_add(NEXT), to);
                } else {
                    let head = self.heads + self.class_of(new);
                    self.set(head, to);
                }
                self.set_row(to + NEXT, links);
            }
            self.write_free(to, new);
        } else {
            self.unlink(i, len);
            self.write_free(to, new);
            self.link(to, new);
        }
        if top {
            self.set_top_hole(to);
        }
    }

    /// The first class at or above `class` that has blocks.
    #[cfg_attr(feature = "host", inline(always))]
    fn class_from(&self, class: usize) -> Option<usize> {
        if class >= self.classes() {
            return None;
        }
        let word = class / BITS;
        let here = self.get(self.table + BITMAPS + word) & (usize::MAX << (class % BITS));
        if here != 0 {
            return Some(word * BITS + here.trailing_zeros() as usize);
        }
        let above = self.top::<SUMMARY>() & (usize::MAX << word) & !(1 << word);
        if above == 0 {
            return None;
        }
        let word = above.trailing_zeros() as usize;
        Some(word * BITS + self.get(self.table + BITMAPS + word).trailing_zeros() as usize)
    }

    /// A free block of at least `words` words: a good fit from the request's own class, else any of a larger class. Not
    /// sure to find the last ones: constant time comes first.
    #[cfg_attr(feature = "host", inline(always))]
    pub(super) fn find(&self, words: usize) -> Option<usize> {
        let own = self.class_of(words.max(LINKABLE));
        if let Some(i) = self.find_in(own, words, (SAME_CLASS_TRIES >> self.parts).max(1)) {
            return Some(i);
        }
        match self.class_from(own + 1) {
            Some(class) => Some(self.get(self.heads + class)),
            None => self.find_in(own, words, LAST_TRIES),
        }
    }

    /// The same for those who make no pass: looks at every free block of the request's own class.
    pub(super) fn find_surely(&self, words: usize) -> Option<usize> {
        let own = self.class_of(words.max(LINKABLE));
        self.find(words).or_else(|| self.find_in(own, words, usize::MAX))
    }

    /// The first of at most `tries` blocks of one class that holds `words` words.
    #[cfg_attr(feature = "host", inline(always))]
    fn find_in(&self, class: usize, words: usize, tries: usize) -> Option<usize> {
        if class >= self.classes() {
            return None;
        }
        let mut i = self.get(self.heads + class);
        for _ in 0..tries {
            if i == NONE {
                return None;
            }
            if self.len(i) >= words {
                return Some(i);
            }
            i = self.get(i + NEXT);
        }
        None
    }

    /// Calls `f` with the largest free blocks, by class, until it answers false.
    pub(super) fn largest(&self, mut f: impl FnMut(usize) -> bool) {
        let bitmaps = self.table + BITMAPS;
        for word in (0..self.heads - bitmaps).rev() {
            let mut bits = self.get(bitmaps + word);
            while bits != 0 {
                let bit = BITS - 1 - bits.leading_zeros() as usize;
                let mut i = self.get(self.heads + word * BITS + bit);
                while i != NONE {
                    if !f(i) {
                        return;
                    }
                    i = self.get(i + NEXT);
                }
                bits &= !(1 << bit);
            }
        }
    }

    /// Compares the index with the blocks: every linked block is free and of its class, and none is missing.
    pub(super) fn check_index(&self, free_words: usize, linked: usize) {
        let mut seen = 0;
        self.largest(|i| {
            seen += 1;
            if !self.is_free(i) || seen > linked {
                self.panic(Fault::Length, 0);
            }
            true
        });
        if seen != linked || free_words != self.free_words() {
            self.panic(Fault::Length, 0);
        }
    }
}
