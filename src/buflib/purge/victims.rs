//! Who may go, and where it helps.
//!
//! ```text
//!   seeds: the coldest blocks                      window of a seed, to the right
//!     ● ● ● ●                                        | hole | seed | movable | victim | hole | …  until it is enough
//!                                                    cost: what goes, the warmer the dearer, and what has to move
//! ```

use super::super::effort;
use super::super::table::RESERVE;
use super::super::words::Core;
use super::lists::List;
use super::policy::is_warm;
use super::record::View;
use super::windows::Window;
use crate::port::Asker;
use core::ops::Range;

/// The last level of cached blocks.
pub(super) const LAST_CACHED: usize = 2;
/// The last level.
pub(super) const LAST_LEVEL: usize = 9;
/// Added to the level of a block that was used in the last seconds.
const RECENT: usize = 5;
/// Ticks that a use protects: three seconds.
const RECENT_TICKS: u32 = 300;
/// The level of dirty blocks.
const DIRTY: usize = 4;

/// So many times the request is little to move, for windows of cached blocks.
pub(super) const LITTLE: usize = 1;
/// Blocks looked at on a list in search of seeds: some may not go now.
const PATIENCE: usize = 32;
/// Blocks that the window of a seed may span, and words of the request for each one more.
const SEED_BLOCKS: usize = 64;
const WORDS_PER_BLOCK: usize = 512;

impl Core {
    /// The level on which the block at `i` may be purged for this asker; none if it may not.
    pub(crate) fn level(&self, i: usize, asker: Asker) -> Option<usize> {
        if self.is_used(i) && self.is_purgeable(i) {
            self.victim(i, &self.view(i, self.len(i)), asker).map(|(level, _)| level)
        } else {
            None
        }
    }

    /// The level of the purgeable block at `i`, and what it costs to lose it: its words, more of them the more it is
    /// wanted. Within a level the warmest, or nearest, is twice as dear as the coldest. None if it may not go.
    pub(super) fn victim(&self, i: usize, view: &View, asker: Asker) -> Option<(usize, usize)> {
        if self.is_held(i) || view.is_busy() || view.is_kept() {
            return None;
        }
        // How cold it is, or how far away, and how cold or far it could be.
        let (level, part, of) = match view.list()? {
            List::Disposable => (0, 0, 0),
            List::Soon => (3, view.distance, self.farthest()),
            list => {
                let (coldness, coldest) = (self.coldness(list, view.distance), self.coldest_noted());
                (1 + is_warm(coldness, coldest) as usize, coldness, coldest)
            }
        };
        let level = match view.is_dirty() {
            true if asker == Asker::Anyone && self.can_be_cleaned(i) => DIRTY,
            true => return None,
            false => level,
        };
        let level = if self.is_recent(view.used) { level + RECENT } else { level };
        // In 256ths, without a product that could be too large for a word.
        let wanted = if of == 0 { 0 } else { 256 - (part.min(of) / (of / 256 + 1)).min(256) };
        let loss = view.len + view.len / 256 * wanted + view.len % 256 * wanted / 256;
        Some((level, loss.saturating_mul(1 + level)))
    }

    fn can_be_cleaned(&self, i: usize) -> bool {
        self.purge_callbacks(i).is_some_and(|ops| ops.clean_callback.is_some())
    }

    pub(super) fn is_recent(&self, time: usize) -> bool {
        self.ticks_since(time) < RECENT_TICKS
    }

    /// The cheapest window of `count` seeds on the lowest level that has one, which moves little.
    pub(crate) fn seed_window(&self, need: usize, asker: Asker, count: usize) -> Option<Window> {
        // Where everything was used in the last seconds, the order among such blocks is the same.
        let lowest = if self.is_recent(self.oldest()) { RECENT } else { 0 };
        let (mut best, mut seeds, mut looks) = (None::<Window>, 0, 0);
        let mut offer = |i, most| {
            if seeds == most || looks == PATIENCE {
                return false;
            }
            looks += 1;
            if let Some(level) = self.level(i, asker)
                && (lowest..=lowest + LAST_CACHED).contains(&level)
            {
                seeds += 1;
                let start = if self.prev_free(i) { self.free_before(i) } else { i };
                if let Some(window) = self.window_at(start, need, level, asker)
                    && best.is_none_or(|best| (window.level, window.cost) < (best.level, best.cost))
                {
                    best = Some(window);
                }
            }
            true
        };
        self.each_listed(List::Disposable, |i| offer(i, count / 2));
        // Disposable ones that nothing came of leave half of the windows to the cached ones.
        self.each_cached(|i| offer(i, count));
        best
    }

    /// The window of a level that begins at `start`, if it moves little.
    fn window_at(&self, start: usize, need: usize, level: usize, asker: Asker) -> Option<Window> {
        effort::window();
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
                if moved > need.saturating_mul(LITTLE) {
                    return None;
                }
            }
            if holes >= need {
                return Some(Window { start, level, cost });
            }
            i += self.len(i);
        }
        None
    }

    /// What the block at `i` adds to a window: words of hole, cost. None for a wall.
    pub(super) fn share(&self, i: usize, level: usize, asker: Asker) -> Option<(usize, usize)> {
        let len = self.len(i);
        if self.is_free(i) {
            return Some((len, 0));
        }
        let purgeable = self.is_used(i) && self.is_purgeable(i);
        let victim = if purgeable { self.victim(i, &self.view(i, len), asker) } else { None };
        match victim {
            Some((own, loss)) if own <= level => Some((len, loss)),
            // Nothing moves for a thread inside the file path.
            _ if asker == Asker::FilePath || self.is_fixed(i) => None,
            _ => Some((0, len)),
        }
    }

    /// Calls `f` with the blocks of a list, coldest first, until it answers false.
    pub(super) fn each_listed(&self, list: List, mut f: impl FnMut(usize) -> bool) {
        let mut n = self.coldest(list);
        while n != 0 {
            let i = self.block(n as i32);
            if !f(i) {
                return;
            }
            n = self.warmer(i);
        }
    }

    /// The row between two walls with the most words that are free or may be purged for this asker: where it stands, and
    /// how many.
    pub(crate) fn reclaimable_run(&self, asker: Asker) -> (Range<usize>, usize) {
        let (mut i, mut start, mut words) = (0, 0, 0);
        let (mut best, mut most) = (0..0, 0);
        while i < self.span() {
            let end = i + self.len(i);
            match self.share(i, LAST_LEVEL, asker) {
                Some((hole, _)) => words += hole,
                None => (start, words) = (end, 0),
            }
            if words >= most {
                (best, most) = (start..end, words);
            }
            i = end;
        }
        (best, most)
    }

    /// Whether a request for `words` words could still be had if the handle table took its reserve from the end of the
    /// pool.
    pub(crate) fn fits_beside_the_table(&self, words: usize, asker: Asker) -> bool {
        let (mut i, mut run) = (0, 0);
        while i < self.span() && run < words.saturating_add(RESERVE) {
            let share = self.share(i, LAST_LEVEL, asker);
            if share.is_none() && run >= words {
                return true;
            }
            run = share.map_or(0, |(hole, _)| run + hole);
            i += self.len(i);
        }
        run >= words.saturating_add(RESERVE)
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
