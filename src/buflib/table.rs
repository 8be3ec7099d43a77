//! The handle table: handle n is the word n words below `table`, and holds the address of its data.
//!
//! ```text
//!    span                                                        table
//!     | reserve |  n  … 130 129 [128] … 66 65 [64] 63 … 3 2 1    [0] [s] | rest of the index
//!                                ^             ^                  ^   ^
//!                  a group's bitmap: which of its slots are free      summary: which groups have any
//! ```
//!
//! A group is as many slots as a word has bits (32 or 64); the slot with its number is no handle but the bitmap of the
//! group. A superblock is that many groups; the slot after its first bitmap is its summary. For the first group and
//! superblock both stand in the index, so handles begin with 1. The smallest free slot is found in two steps from
//! the first superblock that may have one, and never by walking the table. A free slot holds 0, a slot whose block is
//! being made [`PENDING`].
//!
//! The table grows into the last block when that is free. Where a wall stands there, slots come from extension
//! blocks (`extension.rs`).

use super::words::Core;

const GROUP: usize = usize::BITS as usize;
const SUPER: usize = GROUP * GROUP;

/// What the table holds for a handle whose block is still being made.
pub(super) const PENDING: usize = usize::MAX;

/// Slots kept beyond those in use, when there is room.
pub(super) const RESERVE: usize = 16;

/// The bits from 0 to `bit`.
fn up_to(bit: usize) -> usize {
    usize::MAX >> (GROUP - 1 - bit)
}

fn is_slot(n: usize) -> bool {
    !n.is_multiple_of(GROUP) && (n < SUPER || n % SUPER != 1)
}

impl Core {
    fn bitmap_at(&self, group: usize) -> usize {
        self.table - group * GROUP
    }

    fn summary_at(&self, superblock: usize) -> usize {
        if superblock == 0 { self.table + 1 } else { self.table - superblock * SUPER - 1 }
    }

    /// The last superblock that has its summary.
    fn last_superblock(&self) -> usize {
        self.table_len().saturating_sub(1) / SUPER
    }

    /// The words between the blocks and the top of the table.
    #[inline]
    pub(super) fn table_room(&self) -> usize {
        self.table - self.span()
    }

    /// The entry of handle `n`, which must lie in the table or an extension.
    #[cfg_attr(feature = "host", inline)]
    #[cfg_attr(feature = "rockbox", inline(never))]
    pub(super) fn entry(&self, n: usize) -> usize {
        self.get(self.table.wrapping_sub(n))
    }

    #[cfg_attr(feature = "host", inline)]
    #[cfg_attr(feature = "rockbox", inline(never))]
    pub(super) fn set_entry(&mut self, n: usize, value: usize) {
        self.set(self.table.wrapping_sub(n), value);
    }

    /// Whether the main table has a slot for handle `n`, free or not.
    #[inline]
    pub(super) fn in_table(&self, n: usize) -> bool {
        n <= self.table_len() && is_slot(n)
    }

    /// The smallest free slot of the main table, growing it when all are in use; now [`PENDING`].
    #[cfg_attr(feature = "host", inline(always))]
    pub(super) fn take_slot(&mut self) -> Option<usize> {
        let n = match self.smallest_free() {
            Some(n) => n,
            None => self.append_slot()?,
        };
        self.set_entry(n, PENDING);
        Some(n)
    }

    #[cfg_attr(feature = "host", inline(always))]
    fn smallest_free(&mut self) -> Option<usize> {
        for superblock in self.first_free()..=self.last_superblock() {
            let groups = self.get(self.summary_at(superblock));
            if groups != 0 {
                self.set_first_free(superblock);
                let group = superblock * GROUP + groups.trailing_zeros() as usize;
                let n = group * GROUP + self.get(self.bitmap_at(group)).trailing_zeros() as usize;
                self.clear_free(n);
                return Some(n);
            }
        }
        self.set_first_free(self.last_superblock());
        None
    }

    fn append_slot(&mut self) -> Option<usize> {
        let mut n = self.table_len() + 1;
        while !is_slot(n) {
            n += 1;
        }
        if n > self.table_room() && !self.grow_table(n - self.table_room()) {
            return None;
        }
        for skipped in self.table_len() + 1..n {
            self.set_entry(skipped, 0);
        }
        self.set_table_len(n);
        Some(n)
    }

    /// Gives a slot of the main table back.
    #[cfg_attr(feature = "host", inline(always))]
    pub(super) fn give_slot(&mut self, n: usize) {
        self.set_entry(n, 0);
        let (group, bit) = (n / GROUP, n % GROUP);
        let bitmap = self.bitmap_at(group);
        let before = self.get(bitmap);
        self.set(bitmap, before | 1 << bit);
        let superblock = group / GROUP;
        if before == 0 {
            let summary = self.summary_at(superblock);
            self.set(summary, self.get(summary) | 1 << (group % GROUP));
        }
        if superblock < self.first_free() {
            self.set_first_free(superblock);
        }
        if n == self.table_len() {
            self.trim_table();
        }
    }

    #[cfg_attr(feature = "host", inline(always))]
    fn clear_free(&mut self, n: usize) {
        let group = n / GROUP;
        let bitmap = self.bitmap_at(group);
        let left = self.get(bitmap) & !(1 << (n % GROUP));
        self.set(bitmap, left);
        if left == 0 {
            let summary = self.summary_at(group / GROUP);
            self.set(summary, self.get(summary) & !(1 << (group % GROUP)));
        }
    }

    fn is_free_slot(&self, n: usize) -> bool {
        self.get(self.bitmap_at(n / GROUP)) & 1 << (n % GROUP) != 0
    }

    /// Drops free slots at the end, those of a group at once, and gives their words to the blocks when there are
    /// enough of them. Each slot dropped was appended by an alloc of its own, so the work is theirs.
    fn trim_table(&mut self) {
        loop {
            let n = self.table_len();
            if n == 0 || is_slot(n) && !self.is_free_slot(n) {
                break;
            }
            let (group, bit) = (n / GROUP, n % GROUP);
            let free = self.get(self.bitmap_at(group));
            let no_slots = if group > 0 && group.is_multiple_of(GROUP) { 0b11 } else { 0b01 };
            let used = !(free | no_slots) & up_to(bit);
            let kept = if used == 0 { 0 } else { free & up_to(used.ilog2() as usize) };
            self.set(self.bitmap_at(group), kept);
            if free != 0 && kept == 0 {
                let summary = self.summary_at(group / GROUP);
                self.set(summary, self.get(summary) & !(1 << (group % GROUP)));
            }
            let first = group * GROUP;
            self.set_table_len(if used == 0 { first.saturating_sub(1) } else { first + used.ilog2() as usize });
        }
        self.set_first_free(self.first_free().min(self.last_superblock()));
        let spare = self.table_room() - self.table_len();
        if spare >= 4 * RESERVE {
            self.give_to_blocks(spare - RESERVE);
        }
    }

    fn give_to_blocks(&mut self, words: usize) {
        let (end, prev_free) = (self.span(), self.last_free());
        self.set_span(end + words);
        // The new words are the last block until they are released.
        self.set_last_free(false);
        self.release(end, words, prev_free);
    }

    /// Takes at least `words` words, better a reserve, from the last block if it is free.
    pub(super) fn grow_table(&mut self, words: usize) -> bool {
        if !self.last_free() {
            return false;
        }
        let last = self.free_before(self.span());
        let len = self.len(last);
        if len < words {
            return false;
        }
        let take = words.max(RESERVE).min(len);
        let top = self.top_hole() == last;
        self.unlink(last, len);
        self.set_span(self.span() - take);
        self.count_free(-(take as isize));
        if take < len {
            self.write_free(last, len - take);
            self.link(last, len - take);
            if top {
                self.set_top_hole(last);
            }
        }
        self.set_last_free(take < len);
        true
    }

    /// Makes room for the handles of small allocations to come, if the last block can give it.
    pub(super) fn keep_reserve(&mut self) {
        let spare = self.table_room() - self.table_len();
        if spare < RESERVE {
            self.grow_table(RESERVE - spare);
        }
    }

    /// Calls `f` with every slot in use, of the main table and the extensions.
    pub(super) fn each_slot(&mut self, mut f: impl FnMut(&mut Core, usize)) {
        for n in 1..=self.table_len() {
            if is_slot(n) && !self.is_free_slot(n) {
                f(self, n);
            }
        }
        self.each_extension_slot(f);
    }
}
