//! Who may go, and where it helps.
//!
//! ```text
//!   seeds: the eight coldest of a level            window of a seed, to the right
//!     ● ● ● ●                                        | hole | seed | movable | victim | hole | …  until it is enough
//!                                                    cost: what goes, the warmer the dearer, and what has to move
//! ```

use super::super::index::NONE;
use super::super::words::Core;
use super::lists::List;
use crate::port::Asker;

/// The last level.
pub(super) const LAST_LEVEL: usize = 9;
/// The last level of cached blocks.
pub(super) const LAST_CACHED: usize = 2;
/// Added to the level of a block that was used in the last seconds.
const RECENT: usize = 5;
/// Ticks that a use protects: three seconds.
const RECENT_TICKS: u32 = 300;
/// The level of dirty blocks.
const DIRTY: usize = 4;

/// Windows looked at for a level.
const SEEDS: usize = 8;
/// Blocks that the window of a seed may span, and words of the request for each one more.
const SEED_BLOCKS: usize = 64;
const WORDS_PER_BLOCK: usize = 512;

impl Core {
    /// The level on which the block at `i` may be purged for this asker; none if it may not.
    pub(crate) fn level(&self, i: usize, asker: Asker) -> Option<usize> {
        if !self.is_used(i) || !self.is_purgeable(i) || self.is_held(i) || self.transfers(i) != 0 {
            return None;
        }
        if self.is_kept(i) {
            return None;
        }
        let level = match self.list_of(i)? {
            List::Disposable => 0,
            List::Probation | List::Main => 1 + self.is_warm(i) as usize,
            List::Soon => 3,
        };
        let level = match self.is_dirty(i) {
            true if asker == Asker::Anyone => DIRTY,
            true => return None,
            false => level,
        };
        Some(if self.age(i) < RECENT_TICKS { level + RECENT } else { level })
    }

    /// What it costs to lose a victim: its words, more of them the more it is wanted.
    fn loss(&self, i: usize, level: usize) -> usize {
        self.len(i).saturating_mul(1 + level)
    }

    /// What the block at `i` adds to a window: words of hole, cost. None for a wall.
    pub(super) fn share(&self, i: usize, level: usize, asker: Asker) -> Option<(usize, usize)> {
        let len = self.len(i);
        if self.is_free(i) {
            return Some((len, 0));
        }
        match self.level(i, asker) {
            Some(own) if own <= level => Some((len, self.loss(i, own))),
            // Nothing moves for a thread inside the file path.
            _ if asker == Asker::FilePath || self.is_fixed(i) => None,
            _ => Some((0, len)),
        }
    }

    /// Where the cheapest window of a level's seeds begins that moves at most so many words.
    pub(super) fn seed_window(&self, need: usize, most: usize, level: usize, asker: Asker) -> Option<usize> {
        let (mut best, mut cheapest, mut seeds) = (None, usize::MAX, 0);
        self.each_coldest(level, asker, |i| {
            let start = if self.prev_free(i) { self.free_before(i) } else { i };
            if let Some((cost, moved)) = self.seed_cost(start, need, level, asker)
                && cost < cheapest
                && moved <= most
            {
                (best, cheapest) = (Some(start), cost);
            }
            seeds += 1;
            seeds < SEEDS
        });
        best
    }

    /// What a window costs, and the words that it moves.
    fn seed_cost(&self, start: usize, need: usize, level: usize, asker: Asker) -> Option<(usize, usize)> {
        let (mut i, mut holes, mut cost, mut moved) = (start, 0, 0_usize, 0);
        for _ in 0..SEED_BLOCKS + need / WORDS_PER_BLOCK {
            if i == self.span() {
                return None;
            }
            let (hole, price) = self.share(i, level, asker)?;
            holes += hole;
            cost = cost.saturating_add(price);
            if hole == 0 {
                moved += price;
            }
            if holes >= need {
                return Some((cost, moved));
            }
            i += self.len(i);
        }
        None
    }

    /// Calls `f` with the victims of exactly this level, coldest first, until it answers false.
    fn each_coldest(&self, level: usize, asker: Asker, mut f: impl FnMut(usize) -> bool) {
        let mut offer = |i| self.level(i, asker) != Some(level) || f(i);
        let _ = match level % RECENT {
            0 => self.each_listed(List::Disposable, &mut offer),
            1 | 2 => self.each_cached(&mut offer),
            3 => return self.each_farthest(level, asker, f),
            _ => {
                self.each_listed(List::Disposable, &mut offer)
                    && self.each_cached(&mut offer)
                    && self.each_listed(List::Soon, &mut offer)
            }
        };
    }

    /// Calls `f` with the blocks of a list, coldest first, until it answers false; whether it never did.
    fn each_listed(&self, list: List, f: &mut impl FnMut(usize) -> bool) -> bool {
        let mut n = self.coldest(list);
        while n != 0 {
            let i = self.block(n as i32);
            if !f(i) {
                return false;
            }
            n = self.warmer(i);
        }
        true
    }

    /// The same for blocks that are needed later: the farthest first.
    fn each_farthest(&self, level: usize, asker: Asker, mut f: impl FnMut(usize) -> bool) {
        let mut below = (usize::MAX, usize::MAX);
        loop {
            let (mut next, mut farthest) = (NONE, (0, 0));
            let mut n = self.coldest(List::Soon);
            while n != 0 {
                let i = self.block(n as i32);
                let rank = (self.distance(i), n);
                if rank < below && rank > farthest && self.level(i, asker) == Some(level) {
                    (next, farthest) = (i, rank);
                }
                n = self.warmer(i);
            }
            if next == NONE || !f(next) {
                return;
            }
            below = farthest;
        }
    }

    /// The victim that goes first of a level, wherever it stands.
    pub(super) fn first_victim(&self, level: usize, asker: Asker) -> Option<usize> {
        let mut first = None;
        self.each_coldest(level, asker, |i| {
            first = Some(i);
            false
        });
        first
    }

    /// One pass over the blocks: where the cheapest window of holes and victims up to `level` begins.
    pub(super) fn victim_window(&self, need: usize, level: usize, asker: Asker) -> Option<usize> {
        let (mut best, mut cheapest) = (None, usize::MAX);
        let (mut i, mut left, mut holes, mut cost) = (0, 0, 0, 0_usize);
        while i < self.span() {
            let next = i + self.len(i);
            let Some((hole, price)) = self.share(i, level, asker) else {
                (left, holes, cost) = (next, 0, 0);
                i = next;
                continue;
            };
            holes += hole;
            cost += price;
            // The window begins with a hole or a victim, and with no more of them than it takes.
            while left < next {
                let Some((hole, price)) = self.share(left, level, asker) else { break };
                if hole > 0 && holes - hole < need {
                    break;
                }
                holes -= hole;
                cost -= price;
                left += self.len(left);
            }
            if holes >= need && cost < cheapest {
                (best, cheapest) = (Some(left), cost);
            }
            i = next;
        }
        best
    }

    /// The most words between two walls that are free or may be purged for this asker.
    pub(crate) fn reclaimable_run(&self, asker: Asker) -> usize {
        let (mut i, mut words, mut most) = (0, 0, 0);
        while i < self.span() {
            match self.share(i, LAST_LEVEL, asker) {
                Some((hole, _)) => words += hole,
                None => words = 0,
            }
            most = most.max(words);
            i += self.len(i);
        }
        most
    }

    /// Whether some run is long enough for `need` words, were it empty.
    pub(super) fn could_be_cleared(&self, need: usize, asker: Asker) -> bool {
        let (mut i, mut words) = (0, 0);
        while i < self.span() && words < need {
            words = self.share(i, LAST_LEVEL, asker).map_or(0, |_| words + self.len(i));
            i += self.len(i);
        }
        words >= need
    }

    /// Words of free space and of all that this asker may have purged.
    pub(crate) fn reclaimable(&self, asker: Asker) -> usize {
        let mut words = self.free_words();
        if self.purgeable_blocks() > 0 {
            let mut i = 0;
            while i < self.span() {
                if self.level(i, asker).is_some() {
                    words += self.len(i);
                }
                i += self.len(i);
            }
        }
        words
    }
}
