//! Two searches for a cheap place, each one step per block of the same walk.
//!
//! ```text
//!   Windows   | hole | used | used | hole | used | hole |     holes together hold the request; cost: the used between
//!   Rows            | used | hole | used | hole |             the row is as long as the request; cost: all used in it
//! ```

use super::evacuate::Run;
use super::words::Core;

/// What a block is to a search.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Hole,
    Movable,
    Wall,
}

/// The cheapest window to slide.
pub(super) struct Windows {
    need: usize,
    enough: usize,
    left: usize,
    holes: usize,
    cost: usize,
    /// Where it begins, and its cost.
    pub(super) best: Option<(usize, usize)>,
}

impl Windows {
    /// A search for the cheapest, or the first that costs no more than `enough`.
    pub(super) fn new(need: usize, enough: usize) -> Windows {
        Windows { need, enough, left: 0, holes: 0, cost: 0, best: None }
    }

    /// The next block; false when the search is over.
    pub(super) fn step(&mut self, core: &Core, i: usize, kind: Kind, len: usize) -> bool {
        match kind {
            Kind::Wall => self.holes = 0,
            Kind::Movable => self.cost += len,
            Kind::Hole => {
                if self.holes == 0 {
                    (self.left, self.cost) = (i, 0);
                }
                self.holes += len;
                while self.holes >= self.need {
                    if self.best.is_none_or(|(_, cheapest)| self.cost < cheapest) {
                        self.best = Some((self.left, self.cost));
                        if self.cost <= self.enough {
                            return false;
                        }
                    }
                    self.leave_first(core, i);
                }
            }
        }
        true
    }

    /// Leaves the first hole and the blocks behind it out.
    fn leave_first(&mut self, core: &Core, here: usize) {
        self.holes -= core.len(self.left);
        self.left += core.len(self.left);
        while self.left < here && !core.is_free(self.left) {
            self.cost -= core.len(self.left);
            self.left += core.len(self.left);
        }
    }
}

/// The row with the least to carry away.
pub(super) struct Rows {
    need: usize,
    row: Run,
    pub(super) best: Option<Run>,
}

impl Rows {
    /// A search for rows of at least `need` words.
    pub(super) fn new(need: usize) -> Rows {
        Rows { need, row: Run::empty_at(0), best: None }
    }

    /// The next block.
    pub(super) fn step(&mut self, core: &Core, i: usize, kind: Kind, len: usize) {
        if kind == Kind::Wall {
            self.row = Run::empty_at(i + len);
            return;
        }
        self.row.free += if kind == Kind::Hole { len } else { 0 };
        self.row.end += len;
        loop {
            let first = core.len(self.row.start);
            if self.row.end - self.row.start - first < self.need {
                break;
            }
            self.row.free -= if core.is_free(self.row.start) { first } else { 0 };
            self.row.start += first;
        }
        let long = self.row.end - self.row.start >= self.need;
        if long && self.best.is_none_or(|best| self.row.used() < best.used()) {
            self.best = Some(self.row);
        }
    }
}

/// Whether a row is to be cleared, moving `carried` words, rather than a window slid, moving `slid`. Carrying leaves
/// splinters in the holes that take the blocks in, which later requests pay for: it must be much cheaper.
pub(super) fn worth_clearing(carried: usize, slid: usize) -> bool {
    carried < slid / 4
}
