//! Moving one block, with its owner's consent.
//!
//! ```text
//!   slide       | hole (reserved) | block |      →   | block | hole (reserved) |
//!   relocate    | hole … | … | block | …         →   | block | rest | … | free | …
//! ```
//!
//! The place a block will move to is reserved before its callbacks run, and the block itself marked as moving, which
//! makes it a wall to everybody else. The callbacks run without the lock: they may allocate, free (this very block
//! too), shrink, block and yield. What they left is looked at again before a byte is moved.
//!
//! Order, as the tree's users know it: sync(true), move callback while the handle still has its old address, the move,
//! sync(false), also where the owner refused.

use super::block::Mark;
use super::context::{CB_CANNOT_MOVE, HEADER};
use super::index::DECLINED;
use super::table::PENDING;
use super::words::Core;
use core::ffi::c_void;

/// How an attempt to move a block ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Moved {
    /// It stands in its new place.
    Yes,
    /// The owner refused, and is remembered as a wall for this request.
    Refused,
    /// The callbacks changed the pool so that the move makes no sense any more.
    Overtaken,
}

impl Core {
    /// Moves the block behind the reserved block at `hole` down to the hole's start. Answers where the hole is then:
    /// behind it on `Yes`, otherwise where it was.
    pub(super) fn slide(&mut self, hole: usize) -> (usize, Moved) {
        let i = hole + self.len(hole);
        let Some(hole) = self.align_hole(hole, i) else {
            // It cannot go down by a multiple of its alignment: a wall.
            self.mark(i, Mark::REFUSED);
            return (hole, Moved::Refused);
        };
        let room = i - hole;
        // Not to be found by the moved block's length later: its owner may cut it while it unlocks.
        let mut behind = hole;
        let moved = self.ask(i, hole, |core| behind = core.finish_slide(hole, room));
        (behind, moved)
    }

    /// Leaves so much of the reserved hole before the block at `i` free that its rest begins where the block may.
    fn align_hole(&mut self, hole: usize, i: usize) -> Option<usize> {
        let start = self.aligned_from(hole, self.alignment(i));
        if start >= i {
            return None;
        }
        if start > hole {
            let prev_free = self.prev_free(hole);
            self.write_reserved(start, i - start, false);
            self.release(hole, start - hole, prev_free);
        }
        Some(start)
    }

    fn finish_slide(&mut self, hole: usize, room: usize) -> usize {
        let i = hole + room;
        let len = self.len(i);
        let prev_free = self.prev_free(hole);
        self.copy(i, hole, len);
        self.set_len(hole, len);
        self.set_prev_free(hole, prev_free);
        self.move_entry(hole, room, false);
        self.write_reserved(hole + len, room, false);
        self.count_move(len);
        hole + len
    }

    /// Moves the block at `i` into the reserved block at `place`, which is exactly as long as the block was. Free
    /// space is left where it stood. On anything but `Yes` the place is free again.
    pub(super) fn relocate_block(&mut self, i: usize, place: usize) -> Moved {
        let len = self.len(i);
        let moved = self.ask(i, place, |core| {
            // It may have been shrunk meanwhile: the place keeps what is too much.
            let now = core.len(i);
            let prev_free = core.prev_free(place);
            core.copy(i, place, now);
            core.set_len(place, now);
            core.set_prev_free(place, prev_free);
            if place > i {
                core.move_entry(place, place - i, true);
            } else {
                core.move_entry(place, i - place, false);
            }
            if now < len {
                core.write_reserved(place + now, len - now, false);
                core.release(place + now, len - now, false);
            }
            let prev_free = core.prev_free(i);
            core.release(i, now, prev_free);
            core.count_move(now);
        });
        if moved != Moved::Yes {
            let (len, prev_free) = (self.len(place), self.prev_free(place));
            self.release(place, len, prev_free);
        }
        moved
    }

    /// Runs the callbacks of the block at `i` around `finish`, which moves it to `to`.
    fn ask(&mut self, i: usize, to: usize, finish: impl FnOnce(&mut Core)) -> Moved {
        let n = self.owner(i);
        let Some(ops) = self.ops(i) else {
            finish(self);
            return Moved::Yes;
        };
        let old = self.entry(n);
        let offset = old - self.address(i + HEADER);
        let new = self.address(to + HEADER) + offset;
        self.mark(i, Mark::MOVING);
        if let Some(sync) = ops.sync_callback {
            // SAFETY: the owner's callback, called as documented.
            self.outside(|| unsafe { sync(n as i32, true) });
        }
        let mut moved = Moved::Overtaken;
        if self.stands(n, i, old)
            && let Some(agree) = ops.move_callback
        {
            let (from, to) = (old as *mut c_void, new as *mut c_void);
            // SAFETY: the owner's callback, called as documented: the data is at `old`, the handle is alive.
            let agreed = self.outside(|| unsafe { agree(n as i32, from, to) }) != CB_CANNOT_MOVE;
            if !agreed {
                moved = Moved::Refused;
                self.count_one::<DECLINED>();
            } else if self.stands(n, i, old) {
                moved = Moved::Yes;
            }
        }
        let alive = self.entry(n) != PENDING;
        if alive {
            // It may have been cut at its front, and stand elsewhere.
            let i = self.block(n as i32);
            self.unmark(i, Mark::MOVING);
            if moved == Moved::Refused {
                self.mark(i, Mark::REFUSED);
            }
        }
        if moved == Moved::Yes {
            finish(self);
        }
        if let Some(sync) = ops.sync_callback {
            // SAFETY: the owner's callback, called as documented.
            self.outside(|| unsafe { sync(n as i32, false) });
        }
        if !alive {
            self.unslot(n);
        }
        moved
    }

    /// Whether a block marked as moving is still the one that its callbacks were told of, and free to move. Until the
    /// mark goes its handle is not given to another, even if it is freed.
    fn stands(&self, n: usize, i: usize, data: usize) -> bool {
        self.entry(n) == data && self.block(n as i32) == i && self.pins(i) == 0
    }

    /// Corrects the table for the block that now stands at `i`, `words` words from its old place.
    fn move_entry(&mut self, i: usize, words: usize, up: bool) {
        let n = self.number(i);
        let bytes = words * super::context::WORD;
        let entry = self.entry(n);
        self.set_entry(n, if up { entry + bytes } else { entry - bytes });
    }
}
