//! The last resort: carrying blocks over walls into runs that are packed for them.
//!
//! ```text
//!   wall | a | hole | b | hole | wall | hole | c | hole | wall       need > both holes of the run together
//!          └──────────────────────────────► b      c slides, b goes behind it, then a slides
//! ```
//!
//! Where no plan with the other runs as they are clears a row (`clearing.rs`), but one would do if each of those runs
//! had but one hole, they are packed one after the other until a plan holds. That is worked out first, in numbers
//! written into the holes, so that a request that fails has moved nothing. Runs are tried from the one that lacks
//! least, and who leaves is tried in several orders.
//!
//! Here too: runs, and offering their blocks by size, for both files.

use super::block::Mark;
use super::context::{HEADER, WORD};
use super::index::NONE;
use super::moving::Moved;
use super::words::Core;

/// Blocks offered as enough by themselves.
const ENOUGH: usize = 4;
/// Blocks whose lengths differ by less than this part of them are taken in the order of addresses.
const ALIKE: usize = 64;
/// Runs tried before the request gives up.
const RUNS: usize = 32;

/// In one hole of a run, behind its links: the words that the run could take in, and the next such hole.
const ROOM: usize = 3;
const NEXT_ROOM: usize = 4;
const ROOM_WORDS: usize = 6;

/// The order in which blocks of a run are offered to leave it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Order {
    /// The smallest that is enough by itself, else large ones first.
    Enough,
    /// Large ones first.
    Large,
    /// Small ones first.
    Small,
}

/// Takes a look at a block off the patience that is left; false when there is none.
pub(super) fn spend(patience: &mut usize) -> bool {
    let left = *patience > 0;
    *patience = patience.saturating_sub(1);
    left
}

/// Takes or refuses the offered block at an index, of a length; takes what it looks at off the last.
pub(super) type Take<'a> = &'a mut dyn FnMut(&mut Core, usize, usize, &mut usize) -> bool;

/// A row of blocks without walls, `free` words of it free.
#[derive(Clone, Copy)]
pub(super) struct Run {
    pub(super) start: usize,
    pub(super) end: usize,
    pub(super) free: usize,
    blocks: usize,
    /// A hole of it that can hold numbers, or [`NONE`].
    note: usize,
}

impl Run {
    /// A row without blocks.
    pub(super) fn empty_at(start: usize) -> Run {
        Run { start, end: start, free: 0, blocks: 0, note: NONE }
    }

    /// Everything there is, walls too.
    pub(super) fn all(span: usize) -> Run {
        Run { end: span, ..Run::empty_at(0) }
    }

    /// The words that would have to go.
    pub(super) fn used(&self) -> usize {
        self.end - self.start - self.free
    }
}

impl Core {
    /// A reserved block of at least `need` words, made by carrying blocks out of a run. `patience`: blocks that may be
    /// looked at before it is given up.
    pub(super) fn evacuate(&mut self, need: usize, patience: &mut usize) -> Option<usize> {
        for order in [Order::Enough, Order::Large, Order::Small] {
            let mut tried = (0, 0);
            for _ in 0..RUNS {
                let Some(run) = self.next_run(need, tried, patience) else { break };
                tried = (need.saturating_sub(run.free), run.start + 1);
                if self.pack_and_go(run, need, order, patience)
                    && let Some((start, _)) = self.cheapest_window(need, 0, self.span())
                    && let Ok(hole) = self.gather(start, need)
                {
                    return Some(hole);
                }
            }
        }
        None
    }

    /// Whether a block begins at `i`.
    pub(super) fn is_boundary(&self, i: usize) -> bool {
        let mut at = 0;
        while at < i && at < self.span() {
            at += self.len(at);
        }
        at == i
    }

    /// The run that begins at `start`, up to the next wall.
    pub(super) fn run_at(&self, start: usize) -> Run {
        let mut run = Run::empty_at(start);
        while run.end < self.span() && !self.is_fixed(run.end) {
            let len = self.len(run.end);
            if self.is_free(run.end) {
                run.free += len;
                if len >= ROOM_WORDS {
                    run.note = run.end;
                }
            }
            run.blocks += 1;
            run.end += len;
        }
        run
    }

    /// Where the run after this one begins, past the wall.
    pub(super) fn after(&self, run: Run) -> usize {
        if run.end < self.span() { run.end + self.len(run.end) } else { run.end }
    }

    /// The run that lacks least of those not tried yet, in the order (what lacks, place), that could be helped.
    fn next_run(&self, need: usize, tried: (usize, usize), patience: &mut usize) -> Option<Run> {
        let (mut best, mut least) = (None, (usize::MAX, usize::MAX));
        let mut start = 0;
        while start < self.span() {
            let run = self.run_at(start);
            *patience = patience.checked_sub(run.blocks)?;
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

    /// Offers blocks of the run to `take` until those taken make up what lacks; whether they do, before `patience` ends.
    pub(super) fn offer(&mut self, run: Run, need: usize, order: Order, patience: &mut usize, take: Take) -> bool {
        let enough = self.offer_by_size(run, need, order, patience, take);
        let mut i = run.start;
        while i < run.end {
            if self.is_used(i) {
                self.unmark(i, Mark::PLANNED);
            }
            i += self.len(i);
        }
        enough
    }

    fn offer_by_size(&mut self, run: Run, need: usize, order: Order, patience: &mut usize, take: Take) -> bool {
        let mut lacks = need.saturating_sub(run.free);
        // A block longer than `need` fits nowhere: its place would have served the request itself.
        let (mut from, mut to) = (HEADER, need);
        while lacks > 0 {
            if order == Order::Enough && self.offer_enough(run, lacks, patience, take) {
                return true;
            }
            // Lengths that are nearly the same count as one: many blocks take few passes.
            let Some((least, most)) = self.lengths(run, from, to, patience) else { return false };
            if order == Order::Small {
                (from, to) = (least, least + least / ALIKE);
            } else {
                (from, to) = (most - most / ALIKE, most);
            }
            let mut i = run.start;
            while i < run.end && lacks > 0 && spend(patience) {
                let len = self.len(i);
                let small = order != Order::Enough || len < lacks;
                if (from..=to).contains(&len) && small && self.can_go(i) && take(self, i, len, patience) {
                    self.mark(i, Mark::PLANNED);
                    lacks = lacks.saturating_sub(len);
                }
                i += len;
            }
            (from, to) = if order == Order::Small { (to + 1, need) } else { (HEADER, from - 1) };
        }
        true
    }

    /// The lengths of the shortest and the longest used block of a run that has between `from` and `to` words.
    fn lengths(&self, run: Run, from: usize, to: usize, patience: &mut usize) -> Option<(usize, usize)> {
        let mut found = None;
        let mut i = run.start;
        while i < run.end {
            if !spend(patience) {
                return None;
            }
            let len = self.len(i);
            if (from..=to).contains(&len) && self.is_used(i) {
                let (least, most) = found.unwrap_or((len, len));
                found = Some((least.min(len), most.max(len)));
            }
            i += len;
        }
        found
    }

    /// Offers the blocks that are enough by themselves, the smallest first; whether one was taken.
    fn offer_enough(&mut self, run: Run, lacks: usize, patience: &mut usize, take: Take) -> bool {
        let mut above = (lacks, 0);
        for _ in 0..ENOUGH {
            let (mut best, mut least) = (None, (usize::MAX, usize::MAX));
            let mut i = run.start;
            while i < run.end && spend(patience) {
                let len = self.len(i);
                if (len, i) >= above && (len, i) < least && self.can_go(i) {
                    (best, least) = (Some(i), (len, i));
                }
                i += len;
            }
            let Some(i) = best else { return false };
            if take(self, i, least.0, patience) {
                return true;
            }
            above = (least.0, i + 1);
        }
        false
    }

    /// Whether the block at `i` may be planned away: not free, not planned already.
    fn can_go(&self, i: usize) -> bool {
        self.is_used(i) && !self.marked(i, Mark::PLANNED) && self.alignment(i) <= WORD
    }

    /// If the other runs could take enough in with one hole each: packs them, one after the other, until a plan holds.
    fn pack_and_go(&mut self, run: Run, need: usize, order: Order, patience: &mut usize) -> bool {
        if !self.would_fit_packed(run, need, order, patience) {
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
                && self.clear(run, need, usize::MAX, order) == Moved::Yes
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
    fn would_fit_packed(&mut self, run: Run, need: usize, order: Order, patience: &mut usize) -> bool {
        let mut rooms = NONE;
        let mut start = 0;
        while start < self.span() {
            let other = self.run_at(start);
            *patience = patience.saturating_sub(other.blocks);
            if other.start != run.start && other.note != NONE {
                self.set(other.note + ROOM, other.free);
                self.set(other.note + NEXT_ROOM, rooms);
                rooms = other.note;
            }
            start = self.after(other);
        }
        self.offer(run, need, order, patience, &mut |core, _, len, _| {
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
