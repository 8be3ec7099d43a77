//! Clearing a row of blocks: each of them is carried to a place elsewhere. All places are found before anything moves.
//!
//! ```text
//!   | a | hole | b | hole | wall | x | hole | wall | hole | y | hole | wall
//!   └──────── row ────────┘              ▲            └── window ──┘
//!                └───────────────────────┼───────────────▲  y slides, then b has its place behind it
//!     └──────────────────────────────────┘                  a goes into a hole as it is
//! ```
//!
//! In a row longer than the request some blocks may stay: those that are left slide together.
//!
//! While a plan is made, what it uses is hidden from the rest of it: the row's own holes, the places and the windows'
//! holes are reserved, which makes them walls. The plan itself is a list through the places: each holds the handle of
//! its guest. A window's first hole stands for its place until it is slid. Plans for many rows are made and forgotten
//! again, and the one that moves least is carried out.

use super::context::WORD;
use super::evacuate::{Order, Run, spend};
use super::index::NONE;
use super::moving::Moved;
use super::survey::Survey;
use super::windows::{Kind, Rows, Windows};
use super::words::Core;

/// In a place: the handle of the block that is to go there, and the next place of the plan.
const GUEST: usize = 1;
const NEXT: usize = 2;
/// The words of a hole that can hold these.
pub(super) const NOTABLE: usize = 3;

/// Blocks looked at while a row that was chosen is planned anew, to be cleared.
const AGAIN: usize = 1 << 15;

/// The lengths of rows that are looked at, in quarters of the request. In longer ones more may stay, and slide.
const LENGTHS: [usize; 3] = [4, 6, 10];

/// A search for the cheapest row.
struct Search<'a> {
    need: usize,
    best: Option<Run>,
    bound: usize,
    patience: &'a mut usize,
    order: Order,
}

/// A plan for a row: its places, and the words it moves; no cost where it fails.
struct Plan {
    places: usize,
    cost: Option<usize>,
}

impl Core {
    /// The row that can be made to hold `need` free words moving the fewest words, if that is worth it and no more than
    /// `most`; and the words. Those count that leave the row, that slide in it after that, and that slide elsewhere to make
    /// room.
    /// `patience`: blocks that may be looked at before the best row known is taken.
    #[cfg_attr(feature = "rockbox", inline(never))] // its frame is not to lie below what it finds
    pub(super) fn cheapest_row(
        &mut self,
        need: usize,
        most: usize,
        survey: &Survey,
        patience: &mut usize,
    ) -> Option<(Run, usize)> {
        let (bound, everywhere) = survey.clearing();
        let mut search = Search { need, best: None, bound: bound.min(most), patience, order: Order::Enough };
        if let Some(row) = survey.row
            && row.used() < bound
        {
            self.consider(row, &mut search);
        }
        let mut start = 0;
        while everywhere && start < self.span() && *search.patience > 0 {
            let run = self.run_at(start);
            // What cannot leave the run cannot leave a part of it for more than another part.
            if self.consider(run, &mut search) {
                for quarters in LENGTHS {
                    self.consider_rows(run, need / 4 * quarters, &mut search);
                }
            }
            start = self.after(run);
        }
        search.best.map(|row| (row, search.bound))
    }

    /// Considers the rows of a run that have at least `len` words.
    fn consider_rows(&mut self, run: Run, len: usize, search: &mut Search) {
        let mut rows = Rows::new(len.max(search.need), run.start);
        let mut i = run.start;
        while i < run.end && spend(search.patience) {
            let len = self.len(i);
            if let Some(row) = rows.step(self, i, self.kind(i), len)
                && row.used() < search.bound
            {
                self.consider(row, search);
            }
            i += len;
        }
    }

    /// Makes a plan for a row and keeps the row if it is the cheapest; whether there may be a way at all.
    fn consider(&mut self, row: Run, search: &mut Search) -> bool {
        if row.end - row.start < search.need || row.free == 0 {
            return false;
        }
        let plan = self.plan(row, search);
        if let Some(cost) = plan.cost
            && cost < search.bound
        {
            (search.best, search.bound) = (Some(row), cost);
        }
        self.undo(row, plan.places);
        plan.cost.is_some()
    }

    /// Carries blocks of the row away until it has `need` free words: `Yes`, unless callbacks used them meanwhile.
    /// `Overtaken`: there is no way that moves about `bound` words, and nothing moved. `Refused`: somebody did, or
    /// changed the pool.
    pub(super) fn clear(&mut self, row: Run, need: usize, bound: usize, order: Order) -> Moved {
        let patience = &mut { AGAIN };
        let plan = self.plan(row, &mut Search { need, best: None, bound: usize::MAX, patience, order });
        if plan.cost.is_none_or(|cost| cost / 5 > bound / 4) {
            self.undo(row, plan.places);
            return Moved::Overtaken;
        }
        self.show(row);
        let mut place = plan.places;
        while place != NONE {
            let (guest, next) = (self.get(place + GUEST), self.get(place + NEXT));
            self.show_window(place, self.guest_len(guest), false);
            place = next;
        }
        let (mut gone, mut place) = (true, plan.places);
        while place != NONE {
            let next = self.get(place + NEXT);
            gone = self.house(place, gone);
            place = next;
        }
        if gone { Moved::Yes } else { Moved::Refused }
    }

    /// A place for each of the blocks that are to leave the row.
    fn plan(&mut self, row: Run, search: &mut Search) -> Plan {
        let (mut places, mut cost) = (NONE, row.used());
        let mut i = row.start;
        while i < row.end {
            let len = self.len(i);
            if self.is_free(i) {
                self.reserve(i);
            }
            i += len;
            spend(search.patience);
        }
        let mut too_long = usize::MAX;
        let enough = self.offer(row, search.need, search.order, search.patience, &mut |core, i, len, patience| {
            if len >= too_long {
                return false;
            }
            let Some((place, slid)) = core.find_for(len, patience) else {
                too_long = len;
                return false;
            };
            let guest = core.owner(i);
            core.set(place + GUEST, guest);
            core.set(place + NEXT, places);
            places = place;
            cost += slid;
            true
        });
        Plan { places, cost: enough.then_some(cost) }
    }

    /// Reserves a place for a block of `len` words: a hole as it is, or the holes of a window; and the words to slide.
    fn find_for(&mut self, len: usize, patience: &mut usize) -> Option<(usize, usize)> {
        if let Some(hole) = self.find(len) {
            let place = self.carve_low(hole, len);
            self.write_reserved(place, len, false);
            return Some((place, 0));
        }
        if *patience == 0 {
            return None;
        }
        let mut windows = Windows::new(len, 0, NOTABLE);
        let mut left = *patience;
        self.walk(|i, kind, len| {
            left = left.saturating_sub(1);
            // Aligned blocks slide less far than planned, if at all.
            let kind = if kind == Kind::Movable && self.alignment(i) > WORD { Kind::Wall } else { kind };
            windows.step(self, i, kind, len) && left > 0
        });
        *patience = left;
        if left == 0 {
            return None;
        }
        let (start, cost) = windows.best?;
        let (mut i, mut holes) = (start, 0);
        while holes < len {
            if self.is_free(i) {
                self.reserve(i);
                holes += self.len(i);
            }
            i += self.len(i);
        }
        Some((start, cost))
    }

    /// Forgets a plan. Nobody was called since it was made.
    fn undo(&mut self, row: Run, places: usize) {
        let mut place = places;
        while place != NONE {
            let (guest, next) = (self.get(place + GUEST), self.get(place + NEXT));
            self.show_window(place, self.guest_len(guest), true);
            place = next;
        }
        self.show(row);
    }

    /// Ends the hiding of a row's holes.
    fn show(&mut self, row: Run) {
        let mut i = row.start;
        while i < row.end {
            if self.is_reserved(i) {
                i = self.unreserve(i);
            }
            i += self.len(i);
        }
    }

    /// Ends the hiding of a place for `len` words: of a window's holes from the second on, and of the first where
    /// `first` says so.
    fn show_window(&mut self, place: usize, len: usize, first: bool) {
        let (mut i, mut holes) = (place, 0);
        while holes < len {
            if self.is_reserved(i) {
                holes += self.len(i);
                if first || i != place {
                    i = self.unreserve(i);
                }
            }
            i += self.len(i);
        }
    }

    fn guest_len(&self, guest: usize) -> usize {
        let i = self.block(guest as i32);
        self.len(i)
    }

    /// Moves the guest of a place into it, sliding the window first where it is one. Where that fails, or is not
    /// wanted any more, the place is free again.
    fn house(&mut self, place: usize, wanted: bool) -> bool {
        let guest = self.get(place + GUEST);
        // Callbacks of other guests may have freed it, shrunk it or made it a wall.
        if !self.is_slot(guest) || !self.is_live(guest) {
            self.unreserve(place);
            return false;
        }
        let len = self.guest_len(guest);
        let (mut place, mut ended) = (place, Moved::Overtaken);
        if wanted {
            (place, ended) = self.sweep(place, len);
        }
        if ended == Moved::Yes && self.len(place) > len {
            let (rest, prev_free) = (self.len(place) - len, self.prev_free(place));
            self.write_reserved(place, len, prev_free);
            self.release(place + len, rest, false);
        }
        if self.is_slot(guest) && self.is_live(guest) {
            let i = self.block(guest as i32);
            if ended == Moved::Yes && self.len(i) == self.len(place) && !self.is_wall(i) {
                return self.relocate_block(i, place) == Moved::Yes;
            }
        }
        self.unreserve(place);
        false
    }
}
