//! Compaction: making one hole out of several, by moving as little as the request needs.
//!
//! ```text
//!   wall | used | hole | used | hole | used | used | hole | wall
//!                  └───── window ─────┘
//!                         blocks in it slide down, its holes become one
//! ```
//!
//! Walls are blocks that are pinned, locked, refusing, reserved or already being moved. A window lies between two
//! walls; its cost is the words of the blocks that slide. First a handful of windows around the largest holes are
//! looked at; where none is cheap, one pass over the blocks finds the cheapest of all. Where no window between two
//! walls holds enough, or carrying the blocks of a row to places elsewhere moves much less, that is done
//! (`clearing.rs`); and where the holes elsewhere must be joined first, run by run, that too (`evacuate.rs`).

use super::effort;
use super::moving::Moved;
use super::windows::{Kind, Windows};
use super::words::Core;

/// A candidate window is taken if it moves no more than this part of the request.
const CHEAP: usize = 4;
/// Blocks that a candidate window may span.
const CANDIDATE_BLOCKS: usize = 48;
/// Times that callbacks may spoil a window before the request looks for another way.
const OVERTAKEN: usize = 16;

impl Core {
    /// Where nothing else makes a hole: slides everything, aligned blocks too, and looks again. What they leave behind
    /// is known only then.
    pub(super) fn slide_aligned(&mut self, need: usize) -> Option<usize> {
        if self.purgeable_blocks() == 0 {
            return None;
        }
        self.pack();
        let hole = self.find_surely(need)?;
        Some(self.reserve(hole))
    }

    /// Joins the hole at `start` with the ones behind it until it holds `need` words, sliding what is between. On
    /// failure it is free again, with what it gathered.
    pub(super) fn gather(&mut self, start: usize, need: usize) -> Result<usize, Moved> {
        let hole = self.reserve(start);
        let (hole, ended) = self.sweep(hole, need);
        if ended == Moved::Yes {
            return Ok(hole);
        }
        self.unreserve(hole);
        Err(ended)
    }

    /// Slides what is behind the reserved block at `hole` down until that holds `need` words (`Yes`), meets a wall or
    /// the end, or an owner refuses. Answers where the hole is now, still reserved.
    pub(super) fn sweep(&mut self, mut hole: usize, need: usize) -> (usize, Moved) {
        let mut overtaken = 0;
        loop {
            if self.len(hole) >= need {
                return (hole, Moved::Yes);
            }
            let next = hole + self.len(hole);
            if next == self.span() || self.is_wall(next) {
                return (hole, Moved::Overtaken);
            }
            if self.is_free(next) {
                self.absorb(hole, next);
                continue;
            }
            let (now, moved) = self.slide(hole);
            hole = now;
            match moved {
                Moved::Yes => {}
                Moved::Overtaken if overtaken < OVERTAKEN => overtaken += 1,
                failed => return (hole, failed),
            }
        }
    }

    /// Makes the free block at `i` ours.
    #[cfg_attr(feature = "rockbox", inline(never))]
    pub(super) fn reserve(&mut self, i: usize) -> usize {
        let (len, prev_free) = (self.len(i), self.prev_free(i));
        self.unlink(i, len);
        self.count_free(-(len as isize));
        self.write_reserved(i, len, prev_free);
        self.set_prev_free(i + len, false);
        i
    }

    /// Gives a reserved block back to the free space; answers the free block that it is part of now.
    #[cfg_attr(feature = "rockbox", inline(never))]
    pub(super) fn unreserve(&mut self, i: usize) -> usize {
        let (len, prev_free) = (self.len(i), self.prev_free(i));
        self.release(i, len, prev_free)
    }

    /// Adds the free block `next` to the reserved one before it.
    pub(super) fn absorb(&mut self, hole: usize, next: usize) {
        let len = self.len(next);
        self.unlink(next, len);
        self.count_free(-(len as isize));
        self.set_len(hole, self.len(hole) + len);
        self.set_prev_free(next + len, false);
    }

    /// The cheapest of `count` windows that begin at the largest holes, if it is cheap.
    pub(super) fn candidate(&self, need: usize, count: usize) -> Option<usize> {
        let (mut best, mut cheapest, mut seen) = (None, need / CHEAP, 0);
        self.largest(|hole| {
            if seen == count {
                return false;
            }
            effort::window();
            if let Some(cost) = self.window_cost(hole, need)
                && cost < cheapest
            {
                (best, cheapest) = (Some(hole), cost);
            }
            seen += 1;
            seen < count
        });
        best
    }

    /// The words to move so that the holes from the one at `start` on make `need` words.
    fn window_cost(&self, start: usize, need: usize) -> Option<usize> {
        let (mut i, mut holes, mut cost) = (start, 0, 0);
        for _ in 0..CANDIDATE_BLOCKS {
            if i == self.span() || self.is_fixed(i) {
                return None;
            }
            let len = self.len(i);
            if self.is_free(i) {
                holes += len;
                if holes >= need {
                    return Some(cost);
                }
            } else {
                cost += len;
            }
            i += len;
        }
        None
    }

    /// The cheapest window to slide that begins between the blocks at `start` and `end`: where, and its cost. None if no
    /// block begins at `start` any more.
    pub(super) fn cheapest_window(&self, need: usize, start: usize, end: usize) -> Option<(usize, usize)> {
        if !self.is_boundary(start) {
            return None;
        }
        let mut slide = Windows::new(need, 0, 1);
        let mut i = start;
        while i < end.min(self.span()) {
            let len = self.len(i);
            slide.step(self, i, self.kind(i), len);
            i += len;
        }
        slide.best
    }

    /// What the block at `i` is to a search.
    pub(super) fn kind(&self, i: usize) -> Kind {
        match () {
            () if self.is_free(i) => Kind::Hole,
            () if self.is_fixed(i) => Kind::Wall,
            () => Kind::Movable,
        }
    }

    /// Calls `f` with every block, until it answers false.
    pub(super) fn walk(&self, mut f: impl FnMut(usize, Kind, usize) -> bool) {
        let mut i = 0;
        while i < self.span() {
            let len = self.len(i);
            if !f(i, self.kind(i), len) {
                return;
            }
            i += len;
        }
    }

    /// The run between two walls with the most free words: where its first hole is, and how many.
    pub(super) fn freest_run(&self) -> Option<(usize, usize)> {
        let (mut best, mut most) = (None, 0);
        let (mut i, mut first, mut holes) = (0, 0, 0);
        while i < self.span() {
            let len = self.len(i);
            if self.is_free(i) {
                if holes == 0 {
                    first = i;
                }
                holes += len;
                if holes > most {
                    (best, most) = (Some(first), holes);
                }
            } else if self.is_fixed(i) {
                holes = 0;
            }
            i += len;
        }
        best.map(|first| (first, most))
    }

    /// Slides every movable block down as far as the walls let it.
    pub(super) fn pack(&mut self) {
        let mut i = 0;
        while i < self.span() {
            if self.is_free(i) {
                let hole = self.reserve(i);
                let (hole, _) = self.sweep(hole, usize::MAX);
                i = self.unreserve(hole);
            }
            i += self.len(i);
        }
    }
}
