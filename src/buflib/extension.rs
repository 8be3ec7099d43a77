//! Extensions of the handle table, for the time a wall stands at its end.
//!
//! ```text
//!    0            span     table
//!    | … [ext] … | WALL | n … 1 |          a word of [ext] is a handle too: the one as many words below `table`
//!
//!    ext:  LEN (reserved) | - | next extension | - | first free slot | slots in use | slot slot slot …
//! ```
//!
//! An extension is a reserved block, so it never moves and its handles keep their numbers. A free slot links to the
//! next one by number. It goes back to the pool when its last slot is freed.

use super::block::NUMBER_MAX;
use super::table::PENDING;
use super::words::Core;
use core::ops::Range;

/// Where the index names the first extension: how many words below `table` it begins, 0 for none. All links are such
/// distances, so they stay true when the pool's front moves.
const FIRST: usize = 2;

const NEXT: usize = 2;
const FREE: usize = 4;
const USED: usize = 5;
const SLOTS: usize = 6;

/// Slots of a new extension, between these. It takes a quarter of its hole at the most, where that makes the least: the
/// rest is for the block whose handle it is made for.
const MOST: usize = 64;
const LEAST: usize = 4;
const PART: usize = 4;

/// The smallest extension.
pub(super) const LEAST_WORDS: usize = SLOTS + LEAST;
/// The smallest hole in which an extension gets all the slots it may.
pub(super) const ROOMY_WORDS: usize = PART * (SLOTS + MOST);

impl Core {
    /// A slot, from the main table or else from an extension.
    #[cfg_attr(feature = "host", inline(always))]
    #[cfg_attr(feature = "rockbox", inline(never))]
    pub(super) fn slot(&mut self) -> Option<usize> {
        self.take_slot().or_else(|| self.take_extension_slot())
    }

    /// Gives a slot back.
    #[cfg_attr(feature = "host", inline(always))]
    #[cfg_attr(feature = "rockbox", inline(never))]
    pub(super) fn unslot(&mut self, n: usize) {
        if n <= self.table_room() {
            self.give_slot(n);
        } else {
            self.give_extension_slot(n);
        }
    }

    /// Whether `n` is a slot, free or in use.
    pub(super) fn is_slot(&self, n: usize) -> bool {
        self.in_table(n) || n > self.table_room() && self.extension_of(n).is_some()
    }

    /// A slot of an extension that has a free one.
    pub(super) fn take_extension_slot(&mut self) -> Option<usize> {
        let mut link = self.get(self.table + FIRST);
        while link != 0 && self.get(self.table - link + FREE) == 0 {
            link = self.get(self.table - link + NEXT);
        }
        if link == 0 {
            return None;
        }
        let ext = self.table - link;
        let slot = self.table - self.get(ext + FREE);
        let next = self.get(slot);
        self.set(ext + FREE, next);
        self.set(ext + USED, self.get(ext + USED) + 1);
        self.set(slot, PENDING);
        Some(self.table - slot)
    }

    /// A new extension, in free space as it is, for the handle of a block of `room` words: where a hole for that block is
    /// left, if there is one, and not between the ends of `away`.
    pub(super) fn make_extension(&mut self, room: usize, away: Range<usize>) -> Option<usize> {
        let mut roomy = 0;
        self.largest(|hole| {
            roomy += usize::from(self.len(hole) >= room);
            roomy < 2
        });
        let fits = |core: &Core, hole| {
            let len = core.len(hole);
            let leaves = len < room || len >= room + LEAST_WORDS || roomy == 2;
            len >= LEAST_WORDS && leaves && !away.contains(&hole)
        };
        let hole = self.find(ROOMY_WORDS).filter(|&hole| fits(self, hole)).or_else(|| {
            let mut smallest = None;
            self.largest(|hole| {
                if fits(self, hole) {
                    smallest = Some(hole);
                }
                true
            });
            smallest
        })?;
        let len = self.len(hole);
        let most = if len >= room + LEAST_WORDS { len - room } else { LEAST_WORDS };
        let words = (len / PART).clamp(LEAST_WORDS, SLOTS + MOST).min(most);
        if self.table - hole > NUMBER_MAX {
            return None;
        }
        let ext = self.carve_high(hole, words);
        let prev_free = self.prev_free(ext);
        self.write_reserved(ext, words, prev_free);
        self.set(ext + NEXT, self.get(self.table + FIRST));
        self.set(self.table + FIRST, self.table - ext);
        self.set(ext + USED, 0);
        let mut link = 0;
        for slot in ext + SLOTS..ext + words {
            self.set(slot, link);
            link = self.table - slot;
        }
        self.set(ext + FREE, link);
        Some(ext)
    }

    fn give_extension_slot(&mut self, n: usize) {
        let Some(ext) = self.extension_of(n) else { return };
        let slot = self.table - n;
        self.set(slot, self.get(ext + FREE));
        self.set(ext + FREE, n);
        let used = self.get(ext + USED) - 1;
        self.set(ext + USED, used);
        if used == 0 {
            self.drop_extension(ext);
        }
    }

    fn drop_extension(&mut self, ext: usize) {
        let mut at = self.table + FIRST;
        while self.get(at) != self.table - ext {
            at = self.table - self.get(at) + NEXT;
        }
        self.set(at, self.get(ext + NEXT));
        let (len, prev_free) = (self.len(ext), self.prev_free(ext));
        self.release(ext, len, prev_free);
    }

    fn extension_of(&self, n: usize) -> Option<usize> {
        let slot = self.table.checked_sub(n)?;
        let mut link = self.get(self.table + FIRST);
        while link != 0 {
            let ext = self.table - link;
            if (ext + SLOTS..ext + self.len(ext)).contains(&slot) {
                return Some(ext);
            }
            link = self.get(ext + NEXT);
        }
        None
    }

    /// Whether the reserved block at `i` is an extension.
    pub(super) fn is_extension(&self, i: usize) -> bool {
        let mut link = self.get(self.table + FIRST);
        while link != 0 && self.table - link != i {
            link = self.get(self.table - link + NEXT);
        }
        link != 0
    }

    /// Whether the pool has extensions: they tie their place in the pool to handle numbers.
    pub(super) fn has_extensions(&self) -> bool {
        self.get(self.table + FIRST) != 0
    }

    /// Calls `f` with every slot in use in an extension. A free one holds a number, which is no address in the pool.
    pub(super) fn each_extension_slot(&mut self, mut f: impl FnMut(&mut Core, usize)) {
        let mut link = self.get(self.table + FIRST);
        while link != 0 {
            let ext = self.table - link;
            for slot in ext + SLOTS..ext + self.len(ext) {
                if self.is_live(self.table - slot) {
                    f(self, self.table - slot);
                }
            }
            link = self.get(ext + NEXT);
        }
    }
}
