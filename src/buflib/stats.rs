//! What a pool counts, in one struct.
//!
//! ```text
//!   index +10 … +24    counters, since the pool was laid out     a word each; on the quick ways one is counted
//!   blocks, lists      what there is now                         found by a walk when somebody asks
//! ```
//!
//! Frees are not counted: they are the allocations that are neither alive nor were reclaimed. The clock is read only by
//! requests that find no hole.

use super::context::WORD;
use super::index::{ALLOCS, ASKED, DECLINED, LONGEST, MAXIMUMS, RECLAIMED, REFUSED, SHRINKS};
use super::pool::Pool;
use super::purge::List;
use super::words::Core;
use crate::port;

/// Blocks that were purged, and their bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C)]
pub struct Reclaimed {
    /// How many.
    pub blocks: usize,
    /// Their bytes, headers and records included.
    pub bytes: usize,
}

/// Figures of a pool. Bytes include headers; what is counted wraps with size_t. A pool counts from its first
/// allocation on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C)]
pub struct Stats {
    /// Allocations made, by whichever function.
    pub allocs: usize,
    /// Calls of `buflib_alloc_maximum`.
    pub maximums: usize,
    /// Allocations that were freed by their owners.
    pub frees: usize,
    /// Allocations made smaller.
    pub shrinks: usize,
    /// Requests that got no handle or no memory.
    pub refused: usize,
    /// Blocks moved.
    pub moved_blocks: usize,
    /// Bytes moved.
    pub moved_bytes: usize,
    /// Shrink callbacks called.
    pub asked: usize,
    /// Times that an owner would not have a block moved, cleaned or taken.
    pub declined: usize,
    /// Purged: disposable blocks.
    pub reclaimed_disposable: Reclaimed,
    /// Purged: cached blocks.
    pub reclaimed_cached: Reclaimed,
    /// Purged: blocks needed later.
    pub reclaimed_soon: Reclaimed,
    /// Purged: blocks of these kinds that were dirty, and were cleaned first.
    pub reclaimed_dirty: Reclaimed,
    /// Blocks that came back soon after they were purged, since the pool last had none to purge.
    pub returned: usize,
    /// The longest time that a request took which found no hole, callbacks included: microseconds. In the tree the
    /// clock goes in steps of 10000.
    pub longest_us: usize,
    /// Allocations now.
    pub blocks: usize,
    /// Those of them that are purgeable.
    pub purgeable: usize,
    /// Bytes of disposable blocks.
    pub disposable: usize,
    /// Bytes of cached blocks on probation: not used again yet.
    pub probation: usize,
    /// Bytes of cached blocks that were used again.
    pub main: usize,
    /// Bytes of blocks needed later.
    pub soon: usize,
    /// Free bytes.
    pub free: usize,
    /// Bytes of the largest hole.
    pub largest_hole: usize,
    /// The most free bytes between two blocks that cannot move: the hole that moving makes at least.
    pub largest_span: usize,
}

impl Stats {
    /// All that was purged.
    pub fn reclaimed(&self) -> Reclaimed {
        [self.reclaimed_disposable, self.reclaimed_cached, self.reclaimed_soon, self.reclaimed_dirty].iter().fold(
            Reclaimed::default(),
            |sum, class| Reclaimed {
                blocks: sum.blocks.wrapping_add(class.blocks),
                bytes: sum.bytes.wrapping_add(class.bytes),
            },
        )
    }
}

/// What a purged block was.
#[derive(Clone, Copy)]
pub(super) enum Class {
    Disposable = 0,
    Cached = 1,
    Soon = 2,
    Dirty = 3,
}

impl Core {
    /// Counts one in word `I` of the index.
    #[inline]
    pub(super) fn count_one<const I: usize>(&mut self) {
        self.set_top::<I>(self.top::<I>().wrapping_add(1));
    }

    /// Counts what a request for memory came to; `handle` is its answer.
    #[cold]
    pub(super) fn count_refused(&mut self, handle: i32) -> i32 {
        self.count_one::<REFUSED>();
        handle
    }

    /// Counts a block that was purged.
    pub(super) fn count_reclaimed(&mut self, class: Class, words: usize) {
        let at = self.table + RECLAIMED + 2 * class as usize;
        let [blocks, sum] = self.row(at);
        self.set_row(at, [blocks.wrapping_add(1), sum.wrapping_add(words)]);
    }

    /// Notes how long a request took that began then.
    pub(super) fn note_longest(&mut self, begun: u32) {
        let took = port::micros().wrapping_sub(begun) as usize;
        if took > self.top::<LONGEST>() {
            self.set_top::<LONGEST>(took);
        }
    }

    fn reclaimed(&self, class: Class) -> Reclaimed {
        let [blocks, words] = self.row(self.table + RECLAIMED + 2 * class as usize);
        Reclaimed { blocks, bytes: words.wrapping_mul(WORD) }
    }

    fn stats(&self) -> Stats {
        let (mut blocks, mut largest, mut i) = (0, 0, 0);
        while i < self.span() {
            let len = self.len(i);
            blocks += self.is_used(i) as usize;
            largest = if self.is_free(i) { len.max(largest) } else { largest };
            i += len;
        }
        let (moved_blocks, moved_words) = self.moved();
        let bytes = |list| self.list_words(list) * WORD;
        let allocs = self.top::<ALLOCS>();
        let mut stats = Stats {
            allocs,
            maximums: self.top::<MAXIMUMS>(),
            frees: 0,
            shrinks: self.top::<SHRINKS>(),
            refused: self.top::<REFUSED>(),
            moved_blocks,
            moved_bytes: moved_words.wrapping_mul(WORD),
            asked: self.top::<ASKED>(),
            declined: self.top::<DECLINED>(),
            reclaimed_disposable: self.reclaimed(Class::Disposable),
            reclaimed_cached: self.reclaimed(Class::Cached),
            reclaimed_soon: self.reclaimed(Class::Soon),
            reclaimed_dirty: self.reclaimed(Class::Dirty),
            returned: self.returned(),
            longest_us: self.top::<LONGEST>(),
            blocks,
            purgeable: self.purgeable_blocks(),
            disposable: bytes(List::Disposable),
            probation: bytes(List::Probation),
            main: bytes(List::Main),
            soon: bytes(List::Soon),
            free: self.free_words() * WORD,
            largest_hole: largest * WORD,
            largest_span: self.freest_run().map_or(0, |(_, words)| words) * WORD,
        };
        stats.frees = allocs.wrapping_sub(blocks).wrapping_sub(stats.reclaimed().blocks);
        stats
    }
}

impl Pool {
    /// The pool's figures. Walks over the blocks.
    pub fn stats(self) -> Stats {
        self.with(|core| {
            if !core.is_void() {
                return core.stats();
            }
            let free = core.unused_words().0 * WORD;
            Stats { free, largest_hole: free, largest_span: free, ..Stats::default() }
        })
    }

    /// The free bytes of the pool, and those of disposable blocks: what is there for the asking. Walks nowhere.
    pub fn free_and_disposable(self) -> (usize, usize) {
        self.with(|core| match core.is_void() {
            true => (core.unused_words().0 * WORD, 0),
            false => (core.free_words() * WORD, core.list_words(List::Disposable) * WORD),
        })
    }
}
