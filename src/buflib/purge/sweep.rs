//! Taking victims, and gathering the hole that they leave.

use super::super::block::Mark;
use super::super::context::CB_OK;
use super::super::index::DECLINED;
use super::super::moving::Moved;
use super::super::stats::Class;
use super::super::table::PENDING;
use super::super::words::Core;
use super::lists::{Counter, List};
use super::record::RECORD;
use super::victims::{LAST_CACHED, LAST_LEVEL};
use crate::port::Asker;
use core::ffi::c_void;

/// Windows that callbacks may spoil before the request looks for another way.
const SPOILT: usize = 16;

/// So many times the request is little to move.
const LITTLE: usize = 1;

impl Core {
    /// A reserved block of at least `need` words, made by purging; none where that cannot be.
    pub(crate) fn purge_hole(&mut self, need: usize, asker: Asker) -> Option<usize> {
        if self.purgeable_blocks() == 0 {
            return None;
        }
        self.judge_warmth();
        let mut spoilt = 0;
        // First where little has to move; what is needed later goes only after all that is cached, wherever it stands.
        let little = (0..=LAST_CACHED).map(|level| (level, need.saturating_mul(LITTLE)));
        for (level, most) in little.chain((0..=LAST_LEVEL).map(|level| (level, usize::MAX))) {
            while spoilt < SPOILT
                && let Some(start) = self.seed_window(need, most, level, asker)
            {
                match self.purge_window(start, need, level, asker) {
                    Some(hole) => return Some(hole),
                    None => spoilt += 1,
                }
            }
        }
        // Nothing goes for a request that all of it would not satisfy.
        if self.reclaimable(asker) < need {
            return None;
        }
        while spoilt < 2 * SPOILT
            && let Some(start) = self.victim_window(need, LAST_LEVEL, asker)
        {
            match self.purge_window(start, need, LAST_LEVEL, asker) {
                Some(hole) => return Some(hole),
                None => spoilt += 1,
            }
        }
        if asker == Asker::FilePath { None } else { self.purge_apart(need, asker) }
    }

    /// Where no window between two walls would do: victims go one by one, coldest first, until blocks can be carried
    /// over a wall into the space that they leave.
    fn purge_apart(&mut self, need: usize, asker: Asker) -> Option<usize> {
        if !self.could_be_cleared(need, asker) {
            return None;
        }
        for level in 0..=LAST_LEVEL {
            while let Some(i) = self.first_victim(level, asker) {
                if self.purge_block_at(i, asker).is_some_and(|hole| {
                    self.unreserve(hole);
                    self.free_words() >= need
                }) && let Some(hole) = self.make_hole(need)
                {
                    return Some(hole);
                }
            }
        }
        None
    }

    /// Purges and slides from `start` on until one hole holds `need` words; reserved. On failure what was gathered is
    /// free.
    fn purge_window(&mut self, start: usize, need: usize, level: usize, asker: Asker) -> Option<usize> {
        let mut hole = if self.is_free(start) { self.reserve(start) } else { self.purge_block_at(start, asker)? };
        loop {
            if self.len(hole) >= need {
                return Some(hole);
            }
            let next = hole + self.len(hole);
            if next == self.span() {
                break;
            }
            if self.is_free(next) {
                self.absorb(hole, next);
            } else if self.level(next, asker).is_some_and(|own| own <= level) {
                match self.purge_block_at(next, asker) {
                    Some(more) => self.join(hole, more),
                    // It refused, or went by itself: a wall now, or free.
                    None if self.is_free(hole + self.len(hole)) => {}
                    None => break,
                }
            } else if asker == Asker::FilePath || self.is_wall(next) {
                break;
            } else {
                let (behind, moved) = self.slide(hole);
                hole = behind;
                if moved != Moved::Yes {
                    break;
                }
            }
        }
        self.unreserve(hole);
        None
    }

    /// Adds the reserved block `more` to the reserved one before it.
    fn join(&mut self, hole: usize, more: usize) {
        let len = self.len(hole) + self.len(more);
        self.set_len(hole, len);
    }

    /// Purges the block at `i`: has it cleaned if it is dirty, asks its owner, and makes a reserved block of it. None
    /// if the owner refused, which this request will remember, or the callbacks changed what there was.
    pub(crate) fn purge_block_at(&mut self, i: usize, asker: Asker) -> Option<usize> {
        let n = self.owner(i);
        let data = self.entry(n);
        let list = self.list_of(i);
        let (clean_callback, free_callback) =
            self.purge_callbacks(i).map_or((None, None), |ops| (ops.clean_callback, ops.free_callback));
        self.mark(i, Mark::MOVING);
        let mut agreed = true;
        let dirty = self.is_dirty(i);
        if dirty {
            agreed = asker == Asker::Anyone
                && clean_callback.is_some_and(|clean| {
                    // SAFETY: the owner's callback, called as documented, on a live handle.
                    self.outside(|| unsafe { clean(n as i32) }) == CB_OK
                });
            agreed = agreed && self.still_purgeable(n, i, data) && !self.is_dirty(i);
        }
        if agreed && let Some(free) = free_callback {
            let size = self.address(i + self.len(i) - RECORD) - data;
            // SAFETY: as above; the data is still there.
            agreed = self.outside(|| unsafe { free(n as i32, data as *mut c_void, size) }) == CB_OK;
        }
        if self.entry(n) == PENDING {
            // Freed by its own callback: what it left is free space already.
            self.unslot(n);
            return None;
        }
        let i = self.block(n as i32);
        self.unmark(i, Mark::MOVING);
        if !agreed || !self.still_purgeable(n, i, data) || self.is_dirty(i) {
            self.keep(i);
            self.count_one::<DECLINED>();
            return None;
        }
        self.take_block(n, i, list, dirty);
        Some(i)
    }

    /// Makes a reserved block of a victim.
    fn take_block(&mut self, n: usize, i: usize, list: Option<List>, dirty: bool) {
        let (len, prev_free, key) = (self.len(i), self.prev_free(i), self.key(i));
        self.delist(i);
        if let Some(list @ (List::Probation | List::Main)) = list {
            self.remember(key, list == List::Main);
        }
        self.count(Counter::Words, len);
        let class = match list {
            _ if dirty => Class::Dirty,
            Some(List::Disposable) => Class::Disposable,
            Some(List::Soon) => Class::Soon,
            _ => Class::Cached,
        };
        self.count_reclaimed(class, len);
        self.count_purgeable(-1);
        self.write_reserved(i, len, prev_free);
        self.unslot(n);
        self.drop_purge_block();
    }

    /// Whether handle `n` still has the block at `i`, and nobody has begun to use it.
    fn still_purgeable(&self, n: usize, i: usize, data: usize) -> bool {
        self.entry(n) == data && self.block(n as i32) == i && self.pins(i) == 0 && self.transfers(i) == 0
    }

    /// Purges whatever may go, coldest first, until at most `keep` words of purgeable blocks are left.
    pub(crate) fn purge_down_to(&mut self, keep: usize, asker: Asker) {
        self.judge_warmth();
        for level in 0..=LAST_LEVEL {
            while self.listed_words() > keep
                && let Some(i) = self.first_victim(level, asker)
            {
                if let Some(hole) = self.purge_block_at(i, asker) {
                    self.unreserve(hole);
                }
            }
        }
    }

    fn listed_words(&self) -> usize {
        [List::Probation, List::Main, List::Soon, List::Disposable].map(|list| self.list_words(list)).iter().sum()
    }
}
