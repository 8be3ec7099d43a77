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
    first: usize,
    /// Where the window that is open begins, its words of holes, and its cost. No holes: none is open.
    pub(super) left: usize,
    pub(super) holes: usize,
    pub(super) cost: usize,
    /// Where it begins, and its cost.
    pub(super) best: Option<(usize, usize)>,
}

impl Windows {
    /// A search for the cheapest, or the first that costs no more than `enough`; its first hole has `first` words.
    pub(super) fn new(need: usize, enough: usize, first: usize) -> Windows {
        Windows { need, enough, first, left: 0, holes: 0, cost: 0, best: None }
    }

    /// The next block; false when the search is over.
    pub(super) fn step(&mut self, core: &Core, i: usize, kind: Kind, len: usize) -> bool {
        match kind {
            Kind::Wall => self.holes = 0,
            Kind::Movable => self.cost += len,
            Kind::Hole => {
                if self.holes == 0 {
                    if len < self.first {
                        return true;
                    }
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
        let mut len = core.len(self.left);
        self.holes -= len;
        self.left += len;
        while self.left <= here && self.holes > 0 {
            len = core.len(self.left);
            if !core.is_free(self.left) {
                self.cost -= len;
            } else if len < self.first {
                self.holes -= len;
            } else {
                break;
            }
            self.left += len;
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
    /// A search from the block at `start` on for rows of at least `need` words.
    pub(super) fn new(need: usize, start: usize) -> Rows {
        Rows { need, row: Run::empty_at(start), best: None }
    }

    /// The next block; the row that ends with it, if it is long enough.
    pub(super) fn step(&mut self, core: &Core, i: usize, kind: Kind, len: usize) -> Option<Run> {
        if kind == Kind::Wall {
            self.row = Run::empty_at(i + len);
            return None;
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
        long.then_some(self.row)
    }
}
