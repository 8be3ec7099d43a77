//! What owners of purgeable blocks can say.

use super::super::block::Mark;
use super::super::context::{Callbacks, HEADER, WORD};
use super::super::index::ALLOCS;
use super::super::pool::Pool;
use super::super::request::{NO_HANDLE, NO_SPACE};
use super::super::words::Core;
use super::lists::List;
use super::record::{Priority, RECORD};
use crate::port;
use core::ffi::{c_int, c_void};

/// The largest alignment, in bytes.
const ALIGN_MAX: usize = 4096;

/// What an owner lets the pool do with a purgeable block. Stays the owner's, and must live as long as the block.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct PurgeCallbacks {
    /// As for any block; no shrink callback.
    pub base: Callbacks,
    /// The pool wants the memory: [`CB_OK`](super::super::CB_OK) and the pool frees the handle; anything else refuses
    /// for the time of the request. It must not block, and may itself free this or other blocks, or allocate. None:
    /// always agreed.
    pub free_callback: Option<unsafe extern "C" fn(handle: c_int, start: *mut c_void, size: usize) -> c_int>,
    /// The pool wants the memory of a dirty block: write it back, say so with `buflib_set_dirty`, and answer
    /// [`CB_OK`](super::super::CB_OK). May block. Called for threads that may wait only. None: a dirty block is kept.
    pub clean_callback: Option<unsafe extern "C" fn(handle: c_int) -> c_int>,
}

impl Core {
    fn alloc_purgeable(
        &mut self,
        size: usize,
        align: usize,
        priority: Priority,
        key: usize,
        ops: *const PurgeCallbacks,
    ) -> i32 {
        if !self.ready() {
            return NO_HANDLE;
        }
        match self.make_purgeable(size, align, priority, key, ops) {
            Ok(n) => {
                self.count_one::<ALLOCS>();
                n as i32
            }
            Err(why) => self.count_refused(why),
        }
    }

    fn make_purgeable(
        &mut self,
        size: usize,
        align: usize,
        priority: Priority,
        key: usize,
        ops: *const PurgeCallbacks,
    ) -> Result<usize, i32> {
        let align = align.max(1);
        if !align.is_power_of_two() || align > ALIGN_MAX {
            return Err(NO_SPACE);
        }
        let Some(words) = size.div_ceil(WORD).checked_add(HEADER + RECORD) else { return Err(NO_SPACE) };
        let slack = (align / WORD).saturating_sub(1);
        let Some(n) = self.slot().or_else(|| self.find_slot(words.saturating_add(slack))) else {
            return Err(NO_HANDLE);
        };
        if !self.hold_purge_block() {
            self.unslot(n);
            return Err(NO_SPACE);
        }
        let Some((i, prev_free)) = self.place_or_find(words.saturating_add(slack), false) else {
            // Lists that were made for a block which is not made would hold their memory for nothing.
            self.let_purge_block_go();
            self.unslot(n);
            return Err(NO_SPACE);
        };
        self.write_reserved(i, words + slack, prev_free);
        let i = self.trim_to_alignment(i, words, align);
        let prev_free = self.prev_free(i);
        self.write_used(i, words, prev_free, n, ops as usize);
        self.mark(i, Mark::PURGEABLE);
        self.set_entry(n, self.address(i + HEADER));
        self.write_record(i, align.ilog2(), key);
        self.count_purgeable(1);
        self.let_purge_block_go();
        self.file(i, priority);
        Ok(n)
    }

    /// Cuts a reserved block down to `words` words whose data is aligned; answers where it begins.
    fn trim_to_alignment(&mut self, i: usize, words: usize, align: usize) -> usize {
        let start = self.aligned_from(i, align);
        let end = i + self.len(i);
        let prev_free = self.prev_free(i);
        if start > i {
            self.write_reserved(start, end - start, false);
            self.release(i, start - i, prev_free);
        }
        if start + words < end {
            let prev_free = self.prev_free(start);
            self.write_reserved(start, words, prev_free);
            self.release(start + words, end - start - words, false);
        }
        start
    }

    /// The first place from `i` on where a block's data would be aligned.
    pub(crate) fn aligned_from(&self, i: usize, align: usize) -> usize {
        let data = self.address(i + HEADER);
        i + (data.next_multiple_of(align.max(1)) - data).div_ceil(WORD)
    }

    /// Puts a block that is on no list where its priority says.
    fn file(&mut self, i: usize, priority: Priority) {
        match priority {
            Priority::Now => {}
            Priority::Soon => self.enlist(i, List::Soon),
            Priority::Cached => self.admit(i),
            Priority::Disposable => self.enlist(i, List::Disposable),
        }
    }

    /// The purgeable block of a live handle; an ordinary one ends in `panicf`.
    fn purgeable(&self, handle: i32) -> usize {
        let i = self.block(handle);
        if !self.is_purgeable(i) {
            self.panic(port::fault::Fault::Ordinary, handle);
        }
        i
    }

    /// Forgets a purgeable block that its owner frees.
    pub(crate) fn forget(&mut self, i: usize) {
        self.delist(i);
        self.count_purgeable(-1);
        self.drop_purge_block();
    }
}

impl Pool {
    /// Allocates a block that the pool may take back when memory is short. `align`: of the data, in bytes, a power of
    /// two up to 4096, kept when the block moves; 0 or 1 for none. `key`: what the owner calls the data, the same
    /// whenever it holds the same, 0 for nothing: how a block that comes back soon is known. A handle above 0, -1 when
    /// no handle can be had, -2 when no space, or for a bad alignment.
    pub fn alloc_purgeable(
        self,
        size: usize,
        align: usize,
        priority: Priority,
        key: usize,
        ops: *const PurgeCallbacks,
    ) -> i32 {
        self.with(|core| core.alloc_purgeable(size, align, priority, key, ops))
    }

    /// Notes that a purgeable block was used: the pool keeps it longer.
    pub fn touch(self, handle: i32) {
        self.with(|core| {
            let i = core.purgeable(handle);
            core.stamp(i);
            if let Some(list @ (List::Probation | List::Main)) = core.list_of(i) {
                core.reuse(i, list);
            }
        });
    }

    /// Changes how much a purgeable block is wanted. `distance`: of one that is needed soon, how far away that is, in
    /// any unit that all such blocks of the pool share.
    pub fn set_priority(self, handle: i32, priority: Priority, distance: usize) {
        self.with(|core| {
            let i = core.purgeable(handle);
            if priority == Priority::Soon {
                core.set_distance(i, distance);
                // With the first of its kind the scale begins anew.
                let others = if core.list_words(List::Soon) > 0 { core.farthest() } else { 0 };
                core.set_farthest(others.max(distance));
            }
            let now = match core.list_of(i) {
                None => Priority::Now,
                Some(List::Soon) => Priority::Soon,
                Some(List::Disposable) => Priority::Disposable,
                Some(List::Probation | List::Main) => Priority::Cached,
            };
            if now != priority {
                core.delist(i);
                core.file(i, priority);
            }
        });
    }

    /// How far away the need is for a purgeable block that is needed soon, as [`Pool::set_priority`] was told.
    pub(crate) fn distance(self, handle: i32) -> usize {
        self.with(|core| {
            let i = core.purgeable(handle);
            core.distance(i)
        })
    }

    /// Notes that a purgeable block holds the only copy of something, or that it does no longer.
    pub fn set_dirty(self, handle: i32, dirty: bool) {
        self.with(|core| {
            let i = core.purgeable(handle);
            core.set_dirty(i, dirty);
        });
    }

    /// A transfer to or from a purgeable block begins: it stays where it is and is not purged until as many
    /// [`Pool::io_end`]. Answers where its data is.
    pub fn io_begin(self, handle: i32) -> *mut u8 {
        self.with(|core| {
            let i = core.purgeable(handle);
            if !core.count_transfer(i, 1) {
                core.panic(port::fault::Fault::Transfers, handle);
            }
            core.change_pins(handle, 1);
            core.stamp(i);
            core.entry(handle as usize) as *mut u8
        })
    }

    /// A transfer is over.
    pub fn io_end(self, handle: i32) {
        self.with(|core| {
            let i = core.purgeable(handle);
            if core.transfers(i) == 0 {
                core.panic(port::fault::Fault::Transfers, handle);
            }
            core.change_pins(handle, -1);
            core.count_transfer(i, -1);
            core.stamp(i);
        });
    }

    /// Moves a block to the end of the pool, where blocks that stay for long are in nobody's way; for those who will
    /// pin it for long. Its callbacks are asked. Whether it moved.
    pub fn move_high(self, handle: i32) -> bool {
        self.with(|core| core.move_high(handle))
    }
}

impl Core {
    fn move_high(&mut self, handle: i32) -> bool {
        let i = self.block(handle);
        let len = self.len(i);
        if self.is_wall(i) || self.alignment(i) > WORD {
            return false;
        }
        let Some(hole) = self.hole_for_wall(len) else { return false };
        if hole < i {
            return false;
        }
        // A request like others: a refusal is forgotten with it, and the pool's front stays while callbacks run.
        let begun = self.begin_request();
        let place = self.carve_high(hole, len);
        self.set_top_hole(if place > hole { hole } else { super::super::index::NONE });
        let moved = self.relocate_block(i, place);
        self.finish_request(begun);
        moved == super::super::moving::Moved::Yes
    }
}
