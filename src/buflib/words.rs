//! All raw access to the memory of a pool. Everything above is safe Rust on word indices.
//!
//! ```text
//!   0                             span            table           limit
//!   | block | block | … | block | reserve | n…2 1 | index         |
//!     ^ indices count from here             ^ handle n is the word table - n
//! ```
//!
//! Every index is compared with `limit` before memory is touched, so that a corrupted header ends in `panicf` and not
//! in somebody else's memory. The comparison is the price of a corrupted pool being found where it happened.

use super::context::{Callbacks, Context, WORD};
use super::index::FIXED;
use super::purge::PurgeCallbacks;
use crate::port::PoolLock;
use crate::port::fault::{self, Fault};

/// The last block is free (what the previous-is-free bit of a block behind it would say).
const LAST_FREE: usize = 1;
/// Requests that are compacting or calling shrink callbacks, one unit each.
const BUSY_UNIT: usize = 2;
const BUSY_MASK: usize = 0x3f << 1;
/// Some block carries a mark that must go when the last request is over.
const MARKED: usize = 1 << 7;
/// The free index's geometry: the logarithm of its parts, its bitmaps, all its words; see `index.rs`.
const PARTS_SHIFT: u32 = 8;
const BITMAPS_SHIFT: u32 = 12;
const INDEX_SHIFT: u32 = 17;

/// A pool under its lock: made by [`Core::enter`], ended by [`Core::leave`]; made anew after every callback, since
/// a callback may have moved the pool itself.
#[derive(Clone, Copy)]
pub(super) struct Core {
    ctx: *mut Context,
    base: *mut usize,
    /// The index of the word above the entry of handle 1.
    pub(super) table: usize,
    limit: usize,
    /// The words that blocks cover.
    span: usize,
    /// The index of the head of the first free list.
    pub(super) heads: usize,
    /// A power of two has 2^`parts` lists.
    pub(super) parts: u32,
    lock: PoolLock,
}

/// The free index: a power of two has 2^`parts` classes, their lists' heads follow `bitmaps` words of bitmaps.
#[derive(Clone, Copy)]
pub(super) struct Geometry {
    pub(super) parts: u32,
    pub(super) bitmaps: usize,
    pub(super) words: usize,
}

impl Core {
    /// Waits for the pool's lock and takes it.
    ///
    /// # Safety
    /// `ctx` is valid, was initialised, and nobody else reads or writes it but through a `Core`.
    #[inline]
    pub(super) unsafe fn enter(ctx: *mut Context) -> Core {
        let lock = PoolLock::of(ctx as usize);
        lock.lock();
        // SAFETY: the caller's promise.
        unsafe { Core::look(ctx, lock) }
    }

    /// # Safety
    /// As [`Core::enter`], with the lock held.
    #[inline]
    unsafe fn look(ctx: *mut Context, lock: PoolLock) -> Core {
        // SAFETY: the caller's promise.
        let (table, base, span, state) = unsafe { ((*ctx).handle_table, (*ctx).base, (*ctx).span, (*ctx).state) };
        let table = (table as usize).wrapping_sub(base as usize) / WORD;
        Core {
            ctx,
            base,
            table,
            limit: table + (state >> INDEX_SHIFT),
            span,
            heads: table + FIXED + (state >> BITMAPS_SHIFT & 0x1f),
            parts: (state >> PARTS_SHIFT) as u32 & 0xf,
            lock,
        }
    }

    /// Gives the lock back.
    #[inline]
    pub(super) fn leave(self) {
        // SAFETY: a Core exists only between enter and leave.
        unsafe { self.lock.unlock() }
    }

    /// Runs `f`, which calls into the program, without the lock.
    #[inline]
    pub(super) fn outside<R>(&mut self, f: impl FnOnce() -> R) -> R {
        let working = self.in_request();
        self.leave();
        let result = f();
        // SAFETY: the context outlives the call that we are in.
        *self = unsafe { Core::enter(self.ctx) };
        if working && !self.in_request() {
            // Nothing that the request knows is there any more, and what is there is not its own.
            self.panic(Fault::Anew, 0);
        }
        result
    }

    /// Gives `words` words to a context. They are not touched before the first allocation.
    ///
    /// # Safety
    /// `ctx` is writable and `base` points to `words` words that are the pool's from the first allocation on.
    pub(super) unsafe fn claim(ctx: *mut Context, base: *mut usize, words: usize) {
        let lock = PoolLock::of(ctx as usize);
        lock.lock();
        // SAFETY: the caller's promise; the lock was taken above.
        unsafe {
            let handle_table = base.wrapping_add(words);
            ctx.write(Context { handle_table, first_free: 0, table_len: 0, base, span: words, state: 0 });
            lock.unlock();
        }
    }

    /// Divides a pool not used so far: the index at the top, `reserve` words for handles, blocks in the rest.
    pub(super) fn lay_out(&mut self, index: Geometry, reserve: usize) {
        let table = self.span - index.words;
        // SAFETY: the context is ours under the lock, and `table` is inside the memory that it was given.
        unsafe {
            (*self.ctx).handle_table = self.base.add(table);
            (*self.ctx).span = table - reserve;
            (*self.ctx).state =
                index.words << INDEX_SHIFT | index.bitmaps << BITMAPS_SHIFT | (index.parts as usize) << PARTS_SHIFT;
            *self = Core::look(self.ctx, self.lock);
        }
    }

    /// Ends in `panicf`.
    #[cold]
    #[inline(never)]
    pub(super) fn panic(self, fault: Fault, handle: i32) -> ! {
        self.leave();
        fault::panic(fault, handle, self.ctx as usize)
    }

    #[cold]
    #[inline(never)]
    fn outside_pool(&self) -> ! {
        self.panic(Fault::Length, 0)
    }

    /// The word at `i`.
    #[inline]
    pub(super) fn get(&self, i: usize) -> usize {
        if i >= self.limit {
            self.outside_pool();
        }
        // SAFETY: inside the pool, compared above.
        unsafe { self.base.add(i).read() }
    }

    /// Writes the word at `i`.
    #[inline]
    pub(super) fn set(&mut self, i: usize, value: usize) {
        if i >= self.limit {
            self.outside_pool();
        }
        // SAFETY: inside the pool, compared above.
        unsafe { self.base.add(i).write(value) }
    }

    /// Word `I` of the index. Every pool but a void one has them, and a void one is turned away before.
    #[inline]
    pub(super) fn top<const I: usize>(&self) -> usize {
        const { assert!(I < FIXED) };
        // SAFETY: the first FIXED words above the table are the index's.
        unsafe { self.base.add(self.table + I).read() }
    }

    /// Writes word `I` of the index.
    #[inline]
    pub(super) fn set_top<const I: usize>(&mut self, value: usize) {
        const { assert!(I < FIXED) };
        // SAFETY: as above.
        unsafe { self.base.add(self.table + I).write(value) }
    }

    /// The `N` words from `i` on, with one comparison.
    #[inline]
    pub(super) fn row<const N: usize>(&self, i: usize) -> [usize; N] {
        if i > self.limit.wrapping_sub(N) || N > self.limit {
            self.outside_pool();
        }
        // SAFETY: inside the pool, compared above.
        unsafe { self.base.add(i).cast::<[usize; N]>().read() }
    }

    /// Writes the `N` words from `i` on.
    #[inline]
    pub(super) fn set_row<const N: usize>(&mut self, i: usize, words: [usize; N]) {
        if i > self.limit.wrapping_sub(N) || N > self.limit {
            self.outside_pool();
        }
        // SAFETY: inside the pool, compared above.
        unsafe { self.base.add(i).cast::<[usize; N]>().write(words) }
    }

    /// The pin count in the word at `i`: inline code in callers counts it as an `unsigned` at the word's address.
    #[inline]
    pub(super) fn pin_at(&self, i: usize) -> u32 {
        if i >= self.limit {
            self.outside_pool();
        }
        // SAFETY: inside the pool, compared above; volatile, for the callers' inline code writes it too.
        unsafe { self.base.add(i).cast::<u32>().read_volatile() }
    }

    /// Writes the pin count in the word at `i`.
    #[inline]
    pub(super) fn set_pin_at(&mut self, i: usize, pins: u32) {
        if i >= self.limit {
            self.outside_pool();
        }
        // SAFETY: as above.
        unsafe { self.base.add(i).cast::<u32>().write_volatile(pins) }
    }

    /// Moves `words` words; the two places may overlap.
    pub(super) fn copy(&mut self, from: usize, to: usize, words: usize) {
        if from.max(to) > self.limit || words > self.limit - from.max(to) {
            self.outside_pool();
        }
        // SAFETY: both ranges are inside the pool, compared above.
        unsafe { core::ptr::copy(self.base.add(from), self.base.add(to), words) }
    }

    /// The address of the word at `i`, as callers see it.
    #[inline]
    pub(super) fn address(&self, i: usize) -> usize {
        self.base as usize + i * WORD
    }

    /// The word index of an address inside the blocks' span, rounded down; none outside.
    #[inline]
    pub(super) fn index_of(&self, address: usize) -> Option<usize> {
        let offset = address.wrapping_sub(self.base as usize);
        let i = offset / WORD;
        // The end counts: the data of an allocation of size 0 begins where its block ends.
        (i <= self.span()).then_some(i)
    }

    /// Moves the start of the blocks by whole words, down (into memory given back) or up (given away). Indices of
    /// everything change by as much; the caller mends them.
    pub(super) fn move_base(&mut self, by: isize) {
        // SAFETY: the caller moves inside the memory that `buflib_init` was given; the context is ours under the lock.
        unsafe {
            (*self.ctx).base = self.base.offset(by);
            (*self.ctx).span = (*self.ctx).span.wrapping_sub(by as usize);
            *self = Core::look(self.ctx, self.lock);
        }
    }

    /// Moves the whole pool to `new`, in name: the caller moves the memory later. Answers the distance in bytes.
    pub(super) fn move_pool(self, new: *mut usize) -> usize {
        let distance = (new as usize).wrapping_sub(self.base as usize);
        // SAFETY: the context is ours under the lock; only pointers change here.
        unsafe {
            (*self.ctx).base = new;
            (*self.ctx).handle_table = (*self.ctx).handle_table.wrapping_byte_add(distance);
        }
        distance
    }

    /// The callbacks that an OPS word names.
    #[inline]
    pub(super) fn callbacks(&self, ops: usize) -> Option<Callbacks> {
        let ops = ops as *const Callbacks;
        // SAFETY: not null, and whoever allocated promised that it lives as long as the allocation.
        (!ops.is_null()).then(|| unsafe { *ops })
    }

    /// The same for the larger struct that the owner of a purgeable block gave.
    pub(super) fn purge_callbacks_at(&self, ops: usize) -> Option<PurgeCallbacks> {
        let ops = ops as *const PurgeCallbacks;
        // SAFETY: not null, and `alloc_purgeable` took a pointer to one that lives as long as the allocation.
        (!ops.is_null()).then(|| unsafe { *ops })
    }

    #[inline]
    pub(super) fn span(&self) -> usize {
        self.span
    }

    /// The end of the pool, behind the index.
    #[inline]
    pub(super) fn limit(&self) -> usize {
        self.limit
    }

    #[inline]
    pub(super) fn set_span(&mut self, span: usize) {
        self.span = span;
        // SAFETY: ours under the lock.
        unsafe { (*self.ctx).span = span }
    }

    #[inline]
    pub(super) fn table_len(&self) -> usize {
        // SAFETY: ours under the lock.
        unsafe { (*self.ctx).table_len }
    }

    #[inline]
    pub(super) fn set_table_len(&mut self, len: usize) {
        // SAFETY: ours under the lock.
        unsafe { (*self.ctx).table_len = len }
    }

    #[inline]
    pub(super) fn first_free(&self) -> usize {
        // SAFETY: ours under the lock.
        unsafe { (*self.ctx).first_free }
    }

    #[inline]
    pub(super) fn set_first_free(&mut self, superblock: usize) {
        // SAFETY: ours under the lock.
        unsafe { (*self.ctx).first_free = superblock }
    }

    #[inline]
    fn state(&self) -> usize {
        // SAFETY: ours under the lock.
        unsafe { (*self.ctx).state }
    }

    #[inline]
    fn set_state(&mut self, state: usize) {
        // SAFETY: ours under the lock.
        unsafe { (*self.ctx).state = state }
    }

    /// Whether the pool has no index and no blocks: it was not used so far, or is too small to hold anything.
    #[inline]
    pub(super) fn is_void(&self) -> bool {
        self.limit == self.table
    }

    #[inline]
    pub(super) fn last_free(&self) -> bool {
        self.state() & LAST_FREE != 0
    }

    #[inline]
    pub(super) fn set_last_free(&mut self, free: bool) {
        self.set_state(self.state() & !LAST_FREE | free as usize);
    }

    /// One more request compacts or calls shrink callbacks; answers when it begins, for `finish_request`.
    #[must_use]
    pub(super) fn begin_request(&mut self) -> u32 {
        if self.state() & BUSY_MASK != BUSY_MASK {
            self.set_state(self.state() + BUSY_UNIT);
        }
        crate::port::micros()
    }

    /// Whether a request is in the middle of its work.
    pub(super) fn in_request(&self) -> bool {
        self.state() & BUSY_MASK != 0
    }

    /// Remembers that marks were made.
    pub(super) fn note_marks(&mut self) {
        self.set_state(self.state() | MARKED);
    }

    /// Whether an owner refused something in a request that is not over.
    pub(super) fn has_marks(&self) -> bool {
        self.state() & MARKED != 0
    }

    /// One less; answers whether it was the last and marks are to be taken off.
    pub(super) fn end_request(&mut self) -> bool {
        if self.state() & BUSY_MASK != 0 {
            self.set_state(self.state() - BUSY_UNIT);
        }
        let clear = self.state() & (BUSY_MASK | MARKED) == MARKED;
        if clear {
            self.set_state(self.state() & !MARKED);
        }
        clear
    }
}
