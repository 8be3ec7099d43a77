//! Free space: taking blocks out of it and giving them back. Constant time, no callbacks, nothing moves.
//!
//! Movable blocks are carved from the low end of a hole, locked ones from the high end of the hole below their kind,
//! so that walls gather at the pool's end.

use super::words::Core;

impl Core {
    /// Makes `i..i + len` free, joining it with free neighbours. `prev_free`: whether the block before it is free.
    /// Answers the start of the free block that it is part of now.
    #[cfg_attr(feature = "host", inline(always))]
    #[cfg_attr(feature = "rockbox", inline(never))]
    pub(super) fn release(&mut self, i: usize, len: usize, prev_free: bool) -> usize {
        self.count_free(len as isize);
        let end = i + len;
        let behind = if end < self.span() { self.free_len(end) } else { None };
        let grown = end + behind.unwrap_or(0);
        let start = if prev_free {
            let start = self.free_before(i);
            if let Some(behind) = behind {
                if self.top_hole() == end {
                    self.set_top_hole(start);
                }
                self.unlink(end, behind);
            }
            self.relink(start, i - start, start, grown - start);
            start
        } else if let Some(behind) = behind {
            self.relink(end, behind, i, grown - i);
            i
        } else {
            self.write_free(i, len);
            self.link(i, len);
            i
        };
        self.set_prev_free(grown, true);
        start
    }

    /// Takes `words` words from the low end of the free block at `i`. The caller writes the header; no block is free
    /// before it.
    #[cfg_attr(feature = "host", inline(always))]
    pub(super) fn carve_low(&mut self, i: usize, words: usize) -> usize {
        let len = self.len(i);
        self.count_free(-(words as isize));
        if words < len {
            self.relink(i, len, i + words, len - words);
        } else {
            self.unlink(i, len);
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
    #[cfg_attr(feature = "host", inline(always))]
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

    pub(super) fn hole_for_wall(&self, words: usize) -> Option<usize> {
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
