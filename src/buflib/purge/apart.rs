//! Purging where no run has room for the request, however much of it goes: blocks are carried over walls into the space
//! that victims elsewhere leave.
//!
//! ```text
//!   wall | a | hole | victim | wall | victim | c | wall          need > hole and victim of the first run together
//!          └──────────────────────────► a                        so the second victim goes, and a takes its place
//! ```
//!
//! The whole way is worked out in numbers before anybody is asked to go: which blocks leave the run, and which other
//! runs have room for them once they are purged and packed. Then one block is carried, and the rest worked out anew.
//! A request that fails has purged nothing, unless an owner refused or changed the pool on the way.

use super::super::evacuate::{Order, Run, spend};
use super::super::words::Core;
use super::victims::LAST_LEVEL;
use crate::port::Asker;

/// Runs that may take blocks in: the roomiest.
const ROOMS: usize = 8;
/// Blocks that may leave.
const GUESTS: usize = 16;
/// Blocks looked at in search of a way for one of them.
const PATIENCE: usize = 1 << 13;
/// Runs for which a way is searched.
const RUNS: usize = 16;

/// Runs and what they can take in.
struct Rooms {
    runs: [(Run, usize); ROOMS],
    count: usize,
}

impl Core {
    /// A reserved hole of `need` words, made by carrying blocks out of a run; none if there is no way.
    pub(crate) fn purge_apart(&mut self, need: usize, asker: Asker) -> Option<usize> {
        for _ in 0..=GUESTS {
            if let Some(hole) = self.hole_within(need, Run::all(self.span()), asker) {
                return Some(hole);
            }
            let (guest, room) = self.next_guest(need, asker, &mut { PATIENCE })?;
            let n = self.owner(guest);
            let len = self.len(guest);
            let hole = self.hole_within(len, room, asker)?;
            let (place, _) = self.cut(hole, len, false);
            // Callbacks may have freed it, shrunk it or made it a wall.
            let there = self.is_slot(n) && self.is_live(n);
            let guest = if there { self.block(n as i32) } else { place };
            if !there || self.len(guest) != len || self.is_wall(guest) {
                self.unreserve(place);
                return None;
            }
            if self.relocate_block(guest, place) != super::super::moving::Moved::Yes {
                return None;
            }
        }
        None
    }

    /// A reserved hole of `need` words made between the ends of a run, by sliding or by purging.
    fn hole_within(&mut self, need: usize, run: Run, asker: Asker) -> Option<usize> {
        let survey = self.survey_run(need, run, asker);
        match (survey.slide, survey.victims) {
            (Some((start, _)), _) => self.gather(start, need).ok(),
            (None, Some(window)) => self.purge_window(window, need, asker),
            (None, None) => None,
        }
    }

    /// A block to carry, and the run that is to take it in.
    #[cfg_attr(feature = "rockbox", inline(never))] // its frame is not to lie below what it finds
    fn next_guest(&mut self, need: usize, asker: Asker, patience: &mut usize) -> Option<(usize, Run)> {
        let rooms = self.rooms(asker);
        let mut tried = (0, 0);
        for _ in 0..RUNS {
            // The run that lacks least of those that were not tried.
            let (mut best, mut least) = (None, (usize::MAX, usize::MAX));
            self.each_run(asker, |run| {
                spend(patience);
                let order = (need.saturating_sub(run.free), run.start);
                if run.end - run.start >= need && order >= tried && order < least {
                    (best, least) = (Some(run), order);
                }
            });
            let run = best?;
            tried = (least.0, least.1 + 1);
            for order in [Order::Enough, Order::Large, Order::Small] {
                if let Some(first) = self.way_out(run, need, order, &rooms, asker, patience) {
                    return Some(first);
                }
            }
        }
        None
    }

    /// Whether blocks that make up what a run lacks have room elsewhere; the first of them, and where.
    fn way_out(
        &mut self,
        run: Run,
        need: usize,
        order: Order,
        rooms: &Rooms,
        asker: Asker,
        patience: &mut usize,
    ) -> Option<(usize, Run)> {
        let mut left: [usize; ROOMS] = core::array::from_fn(|at| match rooms.runs[at] {
            (room, words) if at < rooms.count && room.start != run.start => words,
            _ => 0,
        });
        let (mut first, mut guests) = (None, 0);
        let enough = self.offer(run, need, order, patience, &mut |core, i, len, _| {
            if guests == GUESTS || core.level(i, asker).is_some() {
                return false;
            }
            let fits = (0..ROOMS).filter(|&at| left[at] >= len).min_by_key(|&at| left[at]);
            if let Some(at) = fits {
                left[at] -= len;
                guests += 1;
                first = first.or(Some((i, rooms.runs[at].0)));
            }
            fits.is_some()
        });
        if enough { first } else { None }
    }

    /// The roomiest runs.
    fn rooms(&self, asker: Asker) -> Rooms {
        let mut rooms = Rooms { runs: [(Run::empty_at(0), 0); ROOMS], count: 0 };
        self.each_run(asker, |run| {
            let at = rooms.runs[..rooms.count].partition_point(|room| room.1 >= run.free);
            if at < ROOMS {
                rooms.count = (rooms.count + 1).min(ROOMS);
                rooms.runs.copy_within(at..rooms.count - 1, at + 1);
                rooms.runs[at] = (run, run.free);
            }
        });
        rooms
    }

    /// Calls `f` with every run between blocks that neither move nor go. What may be purged counts as free.
    fn each_run(&self, asker: Asker, mut f: impl FnMut(Run)) {
        let (mut i, mut run) = (0, Run::empty_at(0));
        while i < self.span() {
            let end = i + self.len(i);
            match self.share(i, LAST_LEVEL, asker) {
                Some((free, _)) => (run.end, run.free) = (end, run.free + free),
                None => {
                    f(run);
                    run = Run::empty_at(end);
                }
            }
            i = end;
        }
        f(run);
    }
}
