//! Moving the pool as a whole: `buflib_context_relocate`, `buflib_buffer_out`, `buflib_buffer_in`. No move callback
//! runs: that is what these calls promise.

use super::context::WORD;
use super::words::Core;

impl Core {
    /// Makes every pointer of the pool point into `new`, where the caller is about to move its memory. False, and
    /// nothing changed, where `new` is not aligned to a word.
    pub(super) fn relocate(mut self, new: usize) -> bool {
        if !new.is_multiple_of(WORD) {
            return false;
        }
        let base = self.address(0);
        let distance = new.wrapping_sub(base);
        if !self.is_void() {
            self.each_slot(|core, n| {
                let entry = core.entry(n);
                if entry != super::table::PENDING {
                    core.set_entry(n, entry.wrapping_add(distance));
                }
            });
        }
        self.move_pool(new as *mut usize);
        true
    }

    /// Gives up to `size` bytes (0: as many as possible) from the pool's front away, sliding what stands there up
    /// into the largest hole. Answers the bytes and where they begin.
    pub(super) fn buffer_out(&mut self, size: usize) -> (usize, usize) {
        let start = self.address(0);
        // Extensions and requests in the middle of their work tie blocks to their places.
        if !self.ready() || self.has_extensions() || self.in_request() {
            return (0, start);
        }
        let begun = self.begin_request();
        self.pack();
        self.finish_request(begun);
        let start = self.address(0);
        let mut hole = None;
        self.largest(|i| {
            if hole.is_none_or(|(_, most)| self.len(i) > most) {
                hole = Some((i, self.len(i)));
            }
            true
        });
        let Some((hole, room)) = hole else { return (0, start) };
        let words = if size == 0 { room } else { (size / WORD + usize::from(!size.is_multiple_of(WORD))).min(room) };
        self.copy(0, words, hole);
        let left = room - words;
        if left > 0 {
            self.write_free(hole + words, left);
        } else {
            self.set_prev_free(hole + room, false);
        }
        let lists = self.purge_block().filter(|&block| block < hole);
        self.move_base(words as isize);
        if let Some(block) = lists {
            // They stood before the hole and moved with the pool's front.
            self.set_purge_block(block);
        }
        self.each_slot(|core, n| {
            let entry = core.entry(n);
            // Only what stood before the hole moved.
            if entry < start + hole * WORD {
                core.set_entry(n, entry + words * WORD);
            }
        });
        self.index_rebuild();
        (words * WORD, start)
    }

    /// Takes `size` bytes in front of the pool back. They become a free block: nothing has to move.
    pub(super) fn buffer_in(&mut self, size: usize) {
        let words = size / WORD;
        if self.is_void() || words == 0 || self.in_request() {
            return;
        }
        self.move_base(-(words as isize));
        let joined = if self.span() > words && self.is_free(words) { self.len(words) } else { 0 };
        self.write_free(0, words + joined);
        self.set_prev_free(words + joined, true);
        self.index_rebuild();
    }
}
