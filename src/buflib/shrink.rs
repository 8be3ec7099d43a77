//! Giving memory back: `buflib_free` and `buflib_shrink`. No callback runs and nothing moves but a header.

use super::block::Mark;
use super::context::{HEADER, WORD};
use super::index::SHRINKS;
use super::table::PENDING;
use super::words::Core;

impl Core {
    /// Frees the block of a live handle.
    #[cfg_attr(feature = "host", inline(always))]
    pub(super) fn free(&mut self, handle: i32) {
        let i = self.block(handle);
        let (len, mut prev_free) = (self.len(i), self.prev_free(i));
        self.check_end(i, len, handle);
        let moving = self.marked(i, Mark::MOVING);
        if self.is_purgeable(i) {
            self.forget(i);
            // The lists may have gone with the last of them, and left free space before this one.
            prev_free = self.prev_free(i);
        }
        self.release(i, len, prev_free);
        if moving {
            // Its callbacks are being run: the number is theirs until they are done.
            self.set_entry(handle as usize, PENDING);
        } else {
            self.unslot(handle as usize);
        }
    }

    /// Cuts the block of a live handle down to `size` bytes from the address `start` on. False, and nothing changed,
    /// where that is not inside the block; its end counts rounded up to a word.
    pub(super) fn shrink(&mut self, handle: i32, start: Option<usize>, size: usize) -> bool {
        let i = self.block(handle);
        let len = self.len(i);
        self.check_end(i, len, handle);
        let old_start = self.entry(handle as usize);
        let start = start.unwrap_or(old_start);
        let Some(end) = start.checked_add(size) else { return false };
        let (Some(data), true) = (self.index_of(start), start >= old_start) else { return false };
        let Some(new_end) = self.index_of(end.saturating_add(WORD - 1)) else { return false };
        let old_end = i + len;
        let record = self.record_words(i);
        if new_end > old_end - record {
            return false;
        }
        let new_end = new_end + record;

        let front = data - HEADER - i;
        let prev_free = self.prev_free(i);
        self.set_len(i, new_end - i);
        if record > 0 {
            self.carry_record(i, len);
            self.count_listed(i, len - (new_end - i - front));
        }
        if new_end < old_end {
            self.release(new_end, old_end - new_end, false);
        }
        if front > 0 {
            self.raise_header(i, front);
            self.set_len(i + front, new_end - i - front);
            self.release(i, front, prev_free);
        }
        self.set_entry(handle as usize, start);
        self.count_one::<SHRINKS>();
        true
    }
}
