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
use super::windows::Window;
use crate::port::Asker;
use core::ffi::c_void;

impl Core {
    /// Purges and slides from where the window begins until one hole holds `need` words; reserved. On failure what was
    /// gathered is free.
    pub(crate) fn purge_window(&mut self, window: Window, need: usize, asker: Asker) -> Option<usize> {
        let Window { start, level, .. } = window;
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

    /// Purges what may go of the run that has most to give, list by list and coldest first, until at most `keep` words
    /// of purgeable blocks are left in the pool.
    pub(crate) fn purge_run_down_to(&mut self, keep: usize, asker: Asker) {
        if self.purgeable_blocks() == 0 {
            return;
        }
        self.judge();
        let (run, _) = self.reclaimable_run(asker);
        for (recent, dirty) in [(false, false), (false, true), (true, false), (true, true)] {
            for list in [List::Disposable, List::Probation, List::Main, List::Soon] {
                let mut n = self.coldest(list);
                while n != 0 && self.listed_words() > keep {
                    let i = self.block(n as i32);
                    let next = self.warmer(i);
                    n = next;
                    if !run.contains(&i)
                        || self.level(i, asker).is_none()
                        || self.is_recent(self.view(i, self.len(i)).used) != recent
                        || self.is_dirty(i) != dirty
                    {
                        continue;
                    }
                    if let Some(hole) = self.purge_block_at(i, asker) {
                        self.unreserve(hole);
                    }
                    // Callbacks may have taken the next one off its list.
                    let there = next != 0 && self.is_slot(next) && self.is_live(next) && {
                        let i = self.block(next as i32);
                        self.is_purgeable(i) && self.list_of(i) == Some(list)
                    };
                    if !there {
                        n = if next == 0 { 0 } else { self.coldest(list) };
                    }
                }
            }
        }
    }

    fn listed_words(&self) -> usize {
        [List::Probation, List::Main, List::Soon, List::Disposable].map(|list| self.list_words(list)).iter().sum()
    }
}
