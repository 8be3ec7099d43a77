//! Carrying blocks over walls, when no window between two walls holds what a request needs.
//!
//! ```text
//!   wall | a | hole | b | hole | wall | c | hole | wall          need > both holes of the run together
//!          └──────────────────────────────► b     b goes where it fits best elsewhere, then the run is packed
//! ```
//!
//! Runs are tried from the one that lacks least. A plan comes before any byte moves: places are reserved for the
//! blocks that are to go, large ones first, each in the smallest class of holes that takes it; if they do not make up
//! what lacks, the places are given back and the next run is tried. If no run can be helped by the holes as they are,
//! all runs are packed, so that each has one hole, and tried once more.

use super::context::HEADER;
use super::index::NONE;
use super::moving::Moved;
use super::words::Core;

/// Runs tried before the request gives up.
const RUNS: usize = 32;

/// In a place reserved by a plan: the handle of the block that is to go there, and the next place.
const GUEST: usize = 1;
const NEXT: usize = 2;

/// The blocks between two walls.
#[derive(Clone, Copy)]
struct Run {
    start: usize,
    end: usize,
    free: usize,
}

impl Core {
    /// A reserved block of at least `need` words, made by carrying blocks out of a run.
    pub(super) fn evacuate(&mut self, need: usize) -> Option<usize> {
        for packed in [false, true] {
            self.next_run(need, (0, 0))?;
            if packed {
                self.pack();
            }
            let mut tried = (0, 0);
            for _ in 0..RUNS {
                let Some(run) = self.next_run(need, tried) else { break };
                tried = (need.saturating_sub(run.free), run.start + 1);
                if !self.plan_and_go(run, need) {
                    continue;
                }
                if let Some(start) = self.best_window(need)
                    && let Ok(hole) = self.gather(start, need)
                {
                    return Some(hole);
                }
            }
        }
        None
    }

    /// The run that lacks least of those not tried yet, in the order (what lacks, place), that could be helped.
    fn next_run(&self, need: usize, tried: (usize, usize)) -> Option<Run> {
        let (mut best, mut least) = (None, (usize::MAX, usize::MAX));
        let mut run = Run { start: 0, end: 0, free: 0 };
        let mut i = 0;
        loop {
            let at_wall = i == self.span() || self.is_wall(i);
            if at_wall {
                run.end = i;
                let lacks = need.saturating_sub(run.free);
                let possible = run.end - run.start >= need && self.free_words() - run.free >= lacks;
                let order = (lacks, run.start);
                if possible && order >= tried && order < least {
                    (best, least) = (Some(run), order);
                }
            }
            if i == self.span() {
                return best;
            }
            let len = self.len(i);
            if at_wall {
                run = Run { start: i + len, end: 0, free: 0 };
            } else if self.is_free(i) {
                run.free += len;
            }
            i += len;
        }
    }

    /// Plans who leaves the run, and carries them out if that makes `need` words.
    fn plan_and_go(&mut self, run: Run, need: usize) -> bool {
        let mut lacks = need.saturating_sub(run.free);
        let mut places = NONE;
        for power in (HEADER.ilog2()..=need.ilog2()).rev() {
            let mut i = run.start;
            while i < run.end && lacks > 0 {
                let len = self.len(i);
                if !self.is_free(i)
                    && len.ilog2() == power
                    && let Some(hole) = self.find_outside(len, run.start, run.end)
                {
                    let place = self.carve_low(hole, len);
                    self.write_reserved(place, len, false);
                    self.set(place + GUEST, self.number(i));
                    self.set(place + NEXT, places);
                    places = place;
                    lacks = lacks.saturating_sub(len);
                }
                i += len;
            }
        }
        let mut gone = lacks == 0;
        while places != NONE {
            let place = places;
            places = self.get(place + NEXT);
            if gone {
                gone = self.carry(place);
            } else {
                self.unreserve(place);
            }
        }
        gone
    }

    /// Moves the guest of a reserved place into it. Where that fails the place is free again.
    fn carry(&mut self, place: usize) -> bool {
        let guest = self.get(place + GUEST);
        // Callbacks of other guests may have freed it, shrunk it or made it a wall.
        if self.is_slot(guest) && self.is_live(guest) {
            let i = self.block(guest as i32);
            if self.len(i) == self.len(place) && !self.is_wall(i) {
                return self.relocate_block(i, place) == Moved::Yes;
            }
        }
        self.unreserve(place);
        false
    }
}
