//! Carrying blocks over walls, when no window between two walls holds what a request needs.
//!
//! ```text
//!   wall | a | hole | b | hole | wall | c | hole | wall          need > both holes of the run together
//!          └──────────────────────────────► b     b goes where it fits best elsewhere, then the run is packed
//! ```
//!
//! Runs are tried from the one that lacks least. A plan comes before any byte moves: places are reserved for the
//! blocks that are to go, large ones first, each in the smallest class of holes that takes it; if they do not make up
//! what lacks, the places are given back. Where the holes of the other runs are too small as they are, but would do if
//! each run had but one, the others are packed one after the other until the plan holds. That too is worked out first,
//! in numbers written into the holes.

use super::block::Mark;
use super::context::{HEADER, WORD};
use super::index::NONE;
use super::moving::Moved;
use super::words::Core;

/// Blocks offered as enough by themselves.
const ENOUGH: usize = 4;
/// Runs tried before the request gives up.
const RUNS: usize = 32;

/// In a place reserved by a plan: the handle of the block that is to go there, and the next place.
const GUEST: usize = 1;
const NEXT: usize = 2;

/// In one hole of a run, behind its links: the words that the run could take in, and the next such hole.
const ROOM: usize = 3;
const NEXT_ROOM: usize = 4;
const ROOM_WORDS: usize = 6;

/// A row of blocks without walls, `free` words of it free.
#[derive(Clone, Copy)]
pub(super) struct Run {
    pub(super) start: usize,
    pub(super) end: usize,
    pub(super) free: usize,
    /// A hole of it that can hold numbers, or [`NONE`].
    note: usize,
}

impl Run {
    /// A row without blocks.
    pub(super) fn empty_at(start: usize) -> Run {
        Run { start, end: start, free: 0, note: NONE }
    }

    /// The words that would have to go.
    pub(super) fn used(&self) -> usize {
        self.end - self.start - self.free
    }
}

impl Core {
    /// A reserved block of at least `need` words, made by carrying blocks out of a run.
    pub(super) fn evacuate(&mut self, need: usize) -> Option<usize> {
        let mut tried = (0, 0);
        for _ in 0..RUNS {
            let run = self.next_run(need, tried)?;
            tried = (need.saturating_sub(run.free), run.start + 1);
            if !self.plan_and_go(run, need) && !self.pack_and_go(run, need) {
                continue;
            }
            if let Some((start, _)) = self.best_window(need)
                && let Ok(hole) = self.gather(start, need)
            {
                return Some(hole);
            }
        }
        None
    }

    /// Carries every block out of a window into holes elsewhere, if all of them fit as those are.
    pub(super) fn clear(&mut self, window: Run) -> bool {
        self.free_words() - window.free >= window.used() && self.plan_and_go(window, window.end - window.start)
    }

    /// Whether a block begins at `i`.
    fn is_boundary(&self, i: usize) -> bool {
        let mut at = 0;
        while at < i && at < self.span() {
            at += self.len(at);
        }
        at == i
    }

    /// The run that begins at `start`, up to the next wall.
    fn run_at(&self, start: usize) -> Run {
        let mut run = Run::empty_at(start);
        while run.end < self.span() && !self.is_wall(run.end) {
            let len = self.len(run.end);
            if self.is_free(run.end) {
                run.free += len;
                if len >= ROOM_WORDS {
                    run.note = run.end;
                }
            }
            run.end += len;
        }
        run
    }

    /// Where the run after this one begins, past the wall.
    fn after(&self, run: Run) -> usize {
        if run.end < self.span() { run.end + self.len(run.end) } else { run.end }
    }

    /// The run that lacks least of those not tried yet, in the order (what lacks, place), that could be helped.
    fn next_run(&self, need: usize, tried: (usize, usize)) -> Option<Run> {
        let (mut best, mut least) = (None, (usize::MAX, usize::MAX));
        let mut start = 0;
        while start < self.span() {
            let run = self.run_at(start);
            let lacks = need.saturating_sub(run.free);
            let possible = run.end - run.start >= need && self.free_words() - run.free >= lacks;
            let order = (lacks, run.start);
            if possible && order >= tried && order < least {
                (best, least) = (Some(run), order);
            }
            start = self.after(run);
        }
        best
    }

    /// Offers blocks of the run to `take` until those taken make up what lacks; whether they do. The smallest block
    /// that is enough by itself first, else large ones first.
    fn offer(&mut self, run: Run, need: usize, mut take: impl FnMut(&mut Core, usize, usize) -> bool) -> bool {
        let enough = self.offer_by_size(run, need, &mut take);
        let mut i = run.start;
        while i < run.end {
            if !self.is_free(i) {
                self.unmark(i, Mark::PLANNED);
            }
            i += self.len(i);
        }
        enough
    }

    fn offer_by_size(&mut self, run: Run, need: usize, take: &mut impl FnMut(&mut Core, usize, usize) -> bool) -> bool {
        let mut lacks = need.saturating_sub(run.free);
        // A block longer than `need` fits nowhere: its place would have served the request itself.
        for power in (HEADER.ilog2()..=need.ilog2()).rev() {
            if lacks == 0 || self.offer_enough(run, lacks, take) {
                return true;
            }
            let mut i = run.start;
            while i < run.end && lacks > 0 {
                let len = self.len(i);
                if len.ilog2() == power && len < lacks && self.can_go(i) && take(self, i, len) {
                    self.mark(i, Mark::PLANNED);
                    lacks -= len;
                }
                i += len;
            }
        }
        lacks == 0 || self.offer_enough(run, lacks, take)
    }

    /// Offers the blocks that are enough by themselves, the smallest first; whether one was taken.
    fn offer_enough(&mut self, run: Run, lacks: usize, take: &mut impl FnMut(&mut Core, usize, usize) -> bool) -> bool {
        let mut above = (lacks, 0);
        for _ in 0..ENOUGH {
            let (mut best, mut least) = (None, (usize::MAX, usize::MAX));
            let mut i = run.start;
            while i < run.end {
                let len = self.len(i);
                if (len, i) >= above && (len, i) < least && self.can_go(i) {
                    (best, least) = (Some(i), (len, i));
                }
                i += len;
            }
            let Some(i) = best else { return false };
            if take(self, i, least.0) {
                return true;
            }
            above = (least.0, i + 1);
        }
        false
    }

    /// Whether the block at `i` may be planned away: not free, not planned already.
    fn can_go(&self, i: usize) -> bool {
        !self.is_free(i) && !self.marked(i, Mark::PLANNED) && self.alignment(i) <= WORD
    }

    /// Plans who leaves the run for the holes as they are, and carries them out if that makes `need` words.
    fn plan_and_go(&mut self, run: Run, need: usize) -> bool {
        let mut places = NONE;
        let mut gone = self.offer(run, need, |core, i, len| {
            let Some(hole) = core.find_outside(len, run.start, run.end) else { return false };
            let place = core.carve_low(hole, len);
            core.write_reserved(place, len, false);
            core.set(place + GUEST, core.number(i));
            core.set(place + NEXT, places);
            places = place;
            true
        });
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

    /// If the other runs could take enough in with one hole each: packs them, one after the other, until a plan holds.
    fn pack_and_go(&mut self, run: Run, need: usize) -> bool {
        if !self.unchanged(run) || !self.would_fit_packed(run, need) {
            return false;
        }
        let mut start = 0;
        // Callbacks may have changed anything: what is left of the plan must still stand where it stood.
        while start < self.span() && self.unchanged(run) {
            let other = self.run_at(start);
            if other.start != run.start
                && other.free > 0
                && self.pack_run(other)
                && self.unchanged(run)
                && self.plan_and_go(run, need)
            {
                return true;
            }
            if !self.is_boundary(start) {
                return false;
            }
            start = self.after(self.run_at(start));
        }
        false
    }

    /// Whether a run is still what it was.
    fn unchanged(&self, run: Run) -> bool {
        self.is_boundary(run.start) && {
            let now = self.run_at(run.start);
            (now.end, now.free) == (run.end, run.free)
        }
    }

    /// Slides the blocks of a run down over its holes; whether anything moved.
    fn pack_run(&mut self, run: Run) -> bool {
        let mut i = run.start;
        while i < run.end && !self.is_free(i) {
            i += self.len(i);
        }
        i + self.len(i) < run.end && self.gather(i, usize::MAX) != Err(Moved::Refused)
    }

    /// Whether blocks of the run that make up what lacks would fit the other runs, if each of those had its free
    /// words in one hole.
    fn would_fit_packed(&mut self, run: Run, need: usize) -> bool {
        let mut rooms = NONE;
        let mut start = 0;
        while start < self.span() {
            let other = self.run_at(start);
            if other.start != run.start && other.note != NONE {
                self.set(other.note + ROOM, other.free);
                self.set(other.note + NEXT_ROOM, rooms);
                rooms = other.note;
            }
            start = self.after(other);
        }
        self.offer(run, need, |core, _, len| {
            let (mut best, mut least) = (NONE, usize::MAX);
            let mut at = rooms;
            while at != NONE {
                let room = core.get(at + ROOM);
                if room >= len && room < least {
                    (best, least) = (at, room);
                }
                at = core.get(at + NEXT_ROOM);
            }
            if best != NONE {
                core.set(best + ROOM, least - len);
            }
            best != NONE
        })
    }
}
