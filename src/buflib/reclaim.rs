//! Asking owners to give memory up, through their shrink callbacks.
//!
//! Upstream's rules: callbacks run in the order of addresses, pinned blocks are asked too, and a callback may free or
//! shrink its own block or any other, allocate, block and yield. Ours beside them: a request asks each block once at
//! the most, and stops asking as soon as it fits.

use super::block::Mark;
use super::context::{CB_OK, SHRINK_POS_BACK, SHRINK_POS_FRONT, SHRINK_SIZE_MASK, WORD};
use super::index::ASKED;
use super::words::Core;
use core::ffi::c_void;

/// The hint for `words` words at these ends of a block.
pub(super) fn hint(ends: u32, words: usize) -> u32 {
    let bytes = words.saturating_mul(WORD).min(SHRINK_SIZE_MASK as usize);
    ends | bytes as u32
}

/// Both ends: whatever can be given.
pub(super) const BOTH_ENDS: u32 = SHRINK_POS_FRONT | SHRINK_POS_BACK;

impl Core {
    /// Calls the next shrink callback that this request has not called; whether it says it gave something. None when
    /// all were asked.
    pub(super) fn ask_to_shrink(&mut self, hint: u32) -> Option<bool> {
        let mut i = 0;
        let mut before = None;
        while i < self.span() {
            let len = self.len(i);
            if self.is_used(i)
                && !self.marked(i, Mark::CALLED)
                && let Some(shrink) = self.ops(i).and_then(|ops| ops.shrink_callback)
            {
                self.mark(i, Mark::CALLED);
                if let Some(hint) = self.less_free_before(hint, before) {
                    self.count_one::<ASKED>();
                    let n = self.owner(i);
                    let start = self.entry(n);
                    let size = self.address(i + len) - start;
                    // SAFETY: the owner's callback, called as documented, on a live handle.
                    let answer = self.outside(|| unsafe { shrink(n as i32, hint, start as *mut c_void, size) });
                    return Some(answer == CB_OK);
                }
            }
            before = self.is_free(i).then_some(len);
            i += len;
        }
        None
    }

    /// What remains of a wish for room at the front when the hole before the block is counted; none when that is
    /// enough already.
    fn less_free_before(&self, hint: u32, before: Option<usize>) -> Option<u32> {
        let (SHRINK_POS_FRONT, Some(free)) = (hint & BOTH_ENDS, before) else { return Some(hint) };
        let wanted = (hint & SHRINK_SIZE_MASK) as usize;
        (wanted >= free * WORD).then(|| SHRINK_POS_FRONT | (wanted - free * WORD) as u32)
    }

    /// A request that began then is over. Forgets what requests noted on blocks, if it was the last.
    pub(super) fn finish_request(&mut self, begun: u32) {
        self.note_longest(begun);
        if !self.end_request() {
            return;
        }
        let mut i = 0;
        while i < self.span() {
            let len = self.len(i);
            if self.is_used(i) {
                self.unmark(i, Mark::CALLED | Mark::REFUSED);
                self.unkeep(i);
            }
            i += len;
        }
    }
}
