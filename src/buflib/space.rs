//! Free space: taking blocks out of it and giving them back. Constant time, no callbacks, nothing moves.
//!
//! Movable blocks are carved from the low end of a hole, locked ones from the high end of the hole below their kind,
//! so that walls gather at the pool's end.

use super::words::Core;

impl Core {
    /// Makes `i..i + len` free, joining it with free neighbours. `prev_free`: whether the block before it is free.
    /// Answers the start of the free block that it is part of now.
    pub(super) fn release(&mut self, i: usize, len: usize, prev_free: bool) -> usize {
        self.count_free(len as isize);
        let (mut start, mut end) = (i, i + len);
        let mut top = false;
        if end < self.span() && self.is_free(end) {
            let behind = self.len(end);
            top |= self.top_hole() == end;
            self.unlink(end, behind);
            end += behind;
        }
        if prev_free {
            start = self.free_before(i);
            top |= self.top_hole() == start;
            self.unlink(start, i - start);
        }
        self.write_free(start, end - start);
        self.link(start, end - start);
        if top {
            self.set_top_hole(start);
        }
        self.set_prev_free(end, true);
        start
    }

    /// Takes `words` words from the low end of the free block at `i`. The caller writes the header; no block is free
    /// before it.
    pub(super) fn carve_low(&mut self, i: usize, words: usize) -> usize {
        let len = self.len(i);
        let top = self.top_hole() == i;
        self.unlink(i, len);
        self.count_free(-(words as isize));
        if words < len {
            self.write_free(i + words, len - words);
            self.link(i + words, len - words);
            if top {
                self.set_top_hole(i + words);
            }
        } else {
            self.set_prev_free(i + len, false);
        }
        i
    }

    /// Takes `words` words from the high end of the free block at `i`, as a reserved block that the caller rewrites.
    pub(super) fn carve_high(&mut self, i: usize, words: usize) -> usize {
        let len = self.len(i);
        self.unlink(i, len);
        self.count_free(-(words as isize));
        self.set_prev_free(i + len, false);
        if words < len {
            self.write_free(i, len - words);
            self.link(i, len - words);
        }
        let block = i + len - words;
        self.write_reserved(block, words, words < len);
        block
    }

    /// A block of `words` words where its kind belongs, not written yet; none when no hole is large enough. The
    /// second result: whether the block before it is free.
    pub(super) fn place(&mut self, words: usize, locked: bool) -> Option<(usize, bool)> {
        if !locked {
            let hole = self.find(words)?;
            return Some((self.carve_low(hole, words), false));
        }
        let hole = self.hole_for_wall(words)?;
        let len = self.len(hole);
        let at_end = hole + len == self.span();
        // The table grows into what stays between it and the walls: movable blocks use it until then.
        let gap = if at_end { (self.table / 256).clamp(16, 512) } else { 0 };
        let gap = if len / 4 >= words / 4 + gap { gap } else { 0 };
        let block = self.carve_high(hole, words + gap);
        let behind_free = words + gap < len;
        if gap > 0 {
            self.write_reserved(block, words, behind_free);
            self.release(block + words, gap, false);
        }
        self.set_top_hole(if behind_free { hole } else { super::index::NONE });
        Some((block, behind_free))
    }

    fn hole_for_wall(&self, words: usize) -> Option<usize> {
        let top = self.top_hole();
        if top != super::index::NONE && self.len(top) >= words {
            return Some(top);
        }
        if self.last_free() {
            let last = self.free_before(self.span());
            if self.len(last) >= words {
                return Some(last);
            }
        }
        self.find(words)
    }
}
