//! The one walk over all blocks that a request makes where none of its candidate windows will do.
//!
//! ```text
//!   block by block ──┬─► Windows    holes alone: the cheapest to slide, the lowest that costs little more, the trail's
//!                    ├─► Rows       where the least has to be carried away
//!                    └─► Victims    holes and blocks that may be purged, for each level that is met (purge/)
//! ```
//!
//! All searches look at a block when the walk comes to it, and once more when it leaves their window.

use super::effort;
use super::evacuate::Run;
use super::index::NONE;
use super::purge::{Victims, Window};
use super::windows::{Kind, Rows, Windows};
use super::words::Core;
use crate::port::Asker;

/// A pool of at most so many blocks can afford to be searched for rows although there is a window to slide.
const FEW_BLOCKS: usize = 512;

/// What a walk over all blocks found.
pub(super) struct Survey {
    /// Where to begin sliding, and the words that moves.
    pub(super) slide: Option<(usize, usize)>,
    /// The row with the least to carry away.
    pub(super) row: Option<Run>,
    /// The window to purge.
    pub(super) victims: Option<Window>,
    /// How many blocks there are.
    blocks: usize,
}

impl Survey {
    /// The words below which a row is to be cleared rather than a window slid, and whether it pays to search for one.
    /// Carrying leaves splinters in the holes that take the blocks in, which later requests pay for, and which many
    /// blocks make hard to mend: there it must be much cheaper.
    pub(super) fn clearing(&self) -> (usize, bool) {
        match self.slide {
            None => (usize::MAX, true),
            Some((_, slid)) if self.blocks <= FEW_BLOCKS => (slid / 4 * 3, true),
            Some((_, slid)) => (slid / 4, false),
        }
    }
}

/// The windows that were the cheapest when they were found, the last of them at least: the lowest that costs no more than
/// so much is one of them.
#[derive(Default)]
struct Lowest {
    found: [(usize, usize); 6],
    count: usize,
}

impl Lowest {
    fn push(&mut self, window: (usize, usize)) {
        if self.count == self.found.len() {
            self.found.copy_within(1.., 0);
            self.count -= 1;
        }
        self.found[self.count] = window;
        self.count += 1;
    }

    fn within(&self, cost: usize) -> Option<(usize, usize)> {
        self.found[..self.count].iter().find(|window| window.1 <= cost).copied()
    }
}

/// The window that begins with the hole which the last compaction left behind.
struct Trail {
    at: usize,
    open: bool,
    holes: usize,
    cost: usize,
}

impl Trail {
    /// The next block; what the window costs when it is complete.
    fn step(&mut self, need: usize, i: usize, kind: Kind, len: usize) -> Option<usize> {
        self.open |= i == self.at;
        match kind {
            _ if !self.open => {}
            Kind::Wall => (self.open, self.at) = (false, NONE),
            Kind::Movable => self.cost += len,
            Kind::Hole => {
                self.holes += len;
                if self.holes >= need {
                    (self.open, self.at) = (false, NONE);
                    return Some(self.cost);
                }
            }
        }
        None
    }
}

impl Core {
    /// Walks over all blocks.
    pub(super) fn survey(&mut self, need: usize, asker: Asker) -> Survey {
        effort::pass();
        self.survey_run(need, Run::all(self.span()), asker)
    }

    /// Walks over the blocks of a run.
    pub(super) fn survey_run(&mut self, need: usize, run: Run, asker: Asker) -> Survey {
        let (still, purging) = (asker == Asker::FilePath, self.purgeable_blocks() > 0);
        let rows = !still && self.free_words() >= need;
        let (mut slide, mut row) = (Windows::new(need, 0, 1), Rows::new(need, run.start));
        let mut lowest = Lowest::default();
        let mut trail = Trail { at: self.trail(), open: false, holes: 0, cost: 0 };
        let (mut behind, mut victims) = (None, Victims::new(need, asker));
        let (mut i, mut blocks) = (run.start, 0);
        while i < run.end {
            let len = self.len(i);
            let kind = match self.kind(i) {
                Kind::Movable if still => Kind::Wall,
                kind => kind,
            };
            if purging {
                victims.step(self, &slide, i, kind, len);
            }
            let before = slide.best;
            let more = slide.step(self, i, kind, len);
            if slide.best != before {
                slide.best.into_iter().for_each(|window| lowest.push(window));
            }
            if !more {
                // A hole that is long enough by itself.
                break;
            }
            behind = behind.or(trail.step(need, i, kind, len).map(|cost| (self.trail(), cost)));
            if rows {
                row.step(self, i, kind, len);
            }
            blocks += 1;
            i += len;
        }
        if purging && run.start == 0 && i == self.span() {
            self.set_oldest(victims.oldest);
        }
        let slide = slide.best.and_then(|(start, cost)| match behind {
            _ if cost == 0 => Some((start, cost)),
            // Windows that follow each other leave no splinters between them, which a later request would have to pay for.
            Some((_, behind)) if behind <= 2 * cost => Some((self.trail(), behind)),
            _ => lowest.within(cost + cost / 2),
        });
        Survey { slide, row: row.best, victims: victims.best, blocks }
    }
}
