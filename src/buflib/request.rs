//! Requests for memory, from the quick way to the last resort.
//!
//! ```text
//!   alloc    slot ──► place ─────────────────────────────────► done      constant time, nothing moves
//!              │        └► make a hole ► purge ► ask an owner to shrink ┐
//!              │              ▲─────────────────────────────────────────┘   again after each answer, until all
//!              │                                                            were asked
//!              └► clear the table's end ► extension ► ask an owner …
//! ```
//!
//! How far a request goes depends on who asks ([`Asker`]): inside the file path it stops after purging without moving
//! anything, on playback's threads before owners are asked.

use super::block::LEN_MAX;
use super::context::{Callbacks, HEADER, SHRINK_POS_BACK, SHRINK_POS_FRONT, WORD};
use super::effort;
use super::extension::LEAST_WORDS;
use super::hole::Looks;
use super::index::{ALLOCS, MAXIMUMS};
use super::reclaim::{BOTH_ENDS, hint};
use super::table::RESERVE;
use super::words::Core;
use crate::port::{Asker, asker};

/// What [`Core::cache_share`] leaves at least, in bytes, and what it leaves in a small pool.
const SHARE: usize = 256 << 10;
const SMALL_SHARE: usize = 64 << 10;
const SMALL_POOL: usize = 4 << 20;

/// No handle could be had.
pub(super) const NO_HANDLE: i32 = -1;
/// No space could be had.
pub(super) const NO_SPACE: i32 = -2;

impl Core {
    /// A block of `size` bytes, by whatever it takes; its handle, or [`NO_HANDLE`] or [`NO_SPACE`].
    #[cfg_attr(feature = "host", inline(always))]
    pub(super) fn alloc(&mut self, size: usize, ops: *const Callbacks) -> i32 {
        self.alloc_by::<false>(size, ops)
    }

    /// The same from a hole that is there: nothing moves and nobody is called.
    #[inline(never)]
    pub(super) fn alloc_still(&mut self, size: usize, ops: *const Callbacks) -> i32 {
        self.alloc_by::<true>(size, ops)
    }

    #[cfg_attr(feature = "host", inline(always))]
    fn alloc_by<const STILL: bool>(&mut self, size: usize, ops: *const Callbacks) -> i32 {
        if !self.ready() {
            return NO_HANDLE;
        }
        let words = (size / WORD + usize::from(!size.is_multiple_of(WORD))).saturating_add(HEADER);
        let slot = self.slot().or_else(|| if STILL { None } else { self.find_slot(words) });
        let Some(n) = slot else { return self.count_refused(NO_HANDLE) };
        let locked = self.callbacks(ops as usize).is_some_and(|ops| ops.move_callback.is_none());
        let placed = match words > self.table.min(LEN_MAX) {
            true => None,
            false if STILL => self.place_still(words, locked),
            false => self.place_or_find(words, locked),
        };
        let Some((i, prev_free)) = placed else {
            self.unslot(n);
            return self.count_refused(NO_SPACE);
        };
        self.count_one::<ALLOCS>();
        self.write_used(i, words, prev_free, n, ops as usize);
        self.set_entry(n, self.address(i + HEADER));
        n as i32
    }

    /// A block of `words` words, not written yet, by whatever it takes; and whether the block before it is free.
    #[inline]
    pub(super) fn place_or_find(&mut self, words: usize, locked: bool) -> Option<(usize, bool)> {
        self.place(words, locked).or_else(|| self.find_place(words, locked))
    }

    /// The same from a hole that is there.
    fn place_still(&mut self, words: usize, locked: bool) -> Option<(usize, bool)> {
        self.place(words, locked).or_else(|| {
            let hole = self.find_surely(words)?;
            self.reserve(hole);
            Some(self.cut(hole, words, locked))
        })
    }

    #[cold]
    #[inline(never)]
    fn find_place(&mut self, words: usize, locked: bool) -> Option<(usize, bool)> {
        if words > self.table {
            return None;
        }
        let begun = self.begin_request();
        let asker = asker();
        let hint = hint(SHRINK_POS_FRONT, words);
        let mut looks = Looks::new();
        let found = loop {
            if let Some(place) = self.place(words, locked) {
                break Some(place);
            }
            if let Some(hole) = self.hole_for(words, asker, &mut looks) {
                break Some(self.cut(hole, words, locked));
            }
            if asker != Asker::Anyone {
                break None;
            }
            // Owners who gave nothing changed nothing: no need to look again before the next is asked.
            let mut answer = self.ask_to_shrink(hint);
            while answer == Some(false) {
                answer = self.ask_to_shrink(hint);
            }
            if answer.is_none() {
                // One of them may have freed something and denied it.
                break self.place(words, locked);
            }
        };
        self.finish_request(begun);
        found
    }

    /// Cuts a reserved hole down to `words` words at the end where the block belongs, and frees the rest.
    pub(super) fn cut(&mut self, hole: usize, words: usize, locked: bool) -> (usize, bool) {
        let (len, prev_free) = (self.len(hole), self.prev_free(hole));
        let rest = len - words;
        if rest == 0 {
            return (hole, prev_free);
        }
        if locked {
            self.write_reserved(hole + rest, words, false);
            self.release(hole, rest, prev_free);
            (hole + rest, true)
        } else {
            self.write_reserved(hole, words, prev_free);
            let trail = self.release(hole + words, rest, false);
            self.set_trail(trail);
            (hole, prev_free)
        }
    }

    /// A slot of the handle table where none is free, for a block of `words` words: see the drawing.
    #[cold]
    #[inline(never)]
    pub(super) fn find_slot(&mut self, words: usize) -> Option<usize> {
        effort::slot();
        let begun = self.begin_request();
        let asker = asker();
        let found = loop {
            if let Some(n) = self.clear_slot(asker, Some(words)) {
                break Some(n);
            }
            if asker != Asker::Anyone {
                break None;
            }
            let hint = self.slot_hint();
            if self.ask_to_shrink(hint).is_none() {
                break None;
            }
        };
        self.finish_request(begun);
        found
    }

    /// A slot, by moving what stands in the table's way, or else in an extension. Something is purged for it only where
    /// `words` words for its block can be had too; nothing for those who say none.
    fn clear_slot(&mut self, asker: Asker, words: Option<usize>) -> Option<usize> {
        if let Some(n) = self.slot() {
            return Some(n);
        }
        self.clear_end(asker, words);
        if let Some(n) = self.slot() {
            return Some(n);
        }
        let Some(words) = words else {
            self.make_extension(0, 0..0)?;
            return self.take_extension_slot();
        };
        let fits = self.find_surely(words).is_some();
        if !fits || self.make_extension(words, 0..0).is_none() {
            // One hole for both. Else the extension stays away from where the block will find its place.
            if let Some(hole) = self.hole_for(words.saturating_add(LEAST_WORDS), asker, &mut Looks::pass_only()) {
                self.unreserve(hole);
                // Callbacks may have given a slot back: an extension that nobody needs would stay for good.
                if let Some(n) = self.slot() {
                    return Some(n);
                }
                self.make_extension(words, 0..0)?;
            } else {
                let (run, _) = self.reclaimable_run(asker);
                self.make_extension(words, run)?;
            }
        }
        self.take_extension_slot()
    }

    /// Makes the last block free: by purging it, by carrying it to a hole, or by sliding the last run down.
    fn clear_end(&mut self, asker: Asker, words: Option<usize>) {
        effort::pass();
        let (mut i, mut last, mut hole, mut behind) = (0, 0, None, 0);
        while i < self.span() {
            let len = self.len(i);
            if self.is_free(i) {
                (hole, behind) = (Some(i), 0);
            } else {
                behind += len;
                if self.is_wall(i) {
                    hole = None;
                }
            }
            last = i;
            i += len;
        }
        if self.span() == 0 || self.is_free(last) {
            return;
        }
        if self.purge_block() == Some(last) && self.shift_lists() {
            return;
        }
        let len = self.len(last);
        let stays = asker == Asker::FilePath || self.is_wall(last) || self.alignment(last) > WORD;
        // While there is memory for its block elsewhere, or for an extension, nothing is purged for a handle.
        let spare = if stays { super::extension::ROOMY_WORDS } else { len };
        if self.level(last, asker).is_some() && self.find_surely(spare).is_none() {
            if words.is_some_and(|words| self.fits_beside_the_table(words, asker))
                && let Some(freed) = self.purge_block_at(last, asker)
            {
                self.unreserve(freed);
            }
            return;
        }
        if stays {
            return;
        }
        if (hole.is_none() || len < behind)
            && let Some(place) = self.find_surely(len)
        {
            let place = self.carve_low(place, len);
            self.write_reserved(place, len, false);
            self.relocate_block(last, place);
            return;
        }
        if let Some(hole) = hole {
            // It never gets that much: it gathers until the end, and stays free there.
            let _ = self.gather(hole, usize::MAX);
        }
    }

    /// What owners are asked for when the handle table is stuck: room at the end from the one that stands there,
    /// else room in front of a block, to move the last one to.
    fn slot_hint(&self) -> u32 {
        let (mut i, mut last) = (0, None);
        while i < self.span() {
            if !self.is_free(i) {
                last = Some(i);
            }
            i += self.len(i);
        }
        match last {
            Some(i) if self.is_used(i) && self.ops(i).is_some_and(|ops| ops.shrink_callback.is_some()) => {
                hint(SHRINK_POS_BACK, RESERVE)
            }
            Some(i) => hint(SHRINK_POS_FRONT, self.len(i)),
            None => hint(SHRINK_POS_FRONT, RESERVE),
        }
    }

    /// The largest block that can be had, after every owner gave what it would; its size in bytes.
    pub(super) fn alloc_maximum(&mut self, size: &mut usize, ops: *const Callbacks) -> i32 {
        *size = 0;
        if !self.ready() {
            return NO_HANDLE;
        }
        self.count_one::<MAXIMUMS>();
        let begun = self.begin_request();
        let hint = hint(BOTH_ENDS, self.table);
        let asker = asker();
        let shrinks = self.callbacks(ops as usize).is_some_and(|ops| ops.shrink_callback.is_some());
        if asker == Asker::Anyone {
            while self.ask_to_shrink(hint).is_some() {}
        }
        let mut handle = NO_HANDLE;
        let mut slot = self.clear_slot(asker, Some(HEADER + 1));
        if let Some(n) = slot {
            self.purge_run_down_to(if shrinks { self.cache_share() } else { 0 }, asker);
            // The handles of those that went are smaller, perhaps, and the table with them.
            self.unslot(n);
            slot = self.clear_slot(asker, Some(HEADER + 1));
        }
        if let Some(n) = slot {
            self.keep_reserve();
            match self.largest_hole(asker) {
                Some((hole, words)) if words > HEADER => {
                    let locked = self.callbacks(ops as usize).is_some_and(|ops| ops.move_callback.is_none());
                    let (i, prev_free) = self.cut(hole, words, locked);
                    self.count_one::<ALLOCS>();
                    self.write_used(i, words, prev_free, n, ops as usize);
                    self.set_entry(n, self.address(i + HEADER));
                    *size = (words - HEADER) * WORD;
                    handle = n as i32;
                }
                Some((hole, _)) => {
                    self.unreserve(hole);
                    self.unslot(n);
                }
                None => self.unslot(n),
            }
        }
        self.finish_request(begun);
        if handle > 0 { handle } else { self.count_refused(handle) }
    }

    /// Gathers the largest hole that movement can make, or for whom nothing moves takes the largest there is; reserved,
    /// with the words that a block may have of it.
    fn largest_hole(&mut self, asker: Asker) -> Option<(usize, usize)> {
        let mut tries = self.span();
        loop {
            let (start, words) = if asker == Asker::FilePath { self.largest_as_is() } else { self.freest_run() }?;
            match self.gather(start, words) {
                Ok(hole) => {
                    // A little is left for handles where the hole is all that the table can grow into.
                    let spare = self.table_room() - self.table_len();
                    let at_end = hole + words == self.span();
                    let keep = if at_end { RESERVE.saturating_sub(spare) } else { 0 };
                    return Some((hole, words.saturating_sub(keep)));
                }
                Err(_) if tries == 0 => return None,
                Err(_) => tries -= 1,
            }
        }
    }

    /// The largest hole and its words.
    fn largest_as_is(&self) -> Option<(usize, usize)> {
        let mut best = None;
        self.largest(|i| {
            best = best.max(Some((self.len(i), i)));
            true
        });
        best.map(|(words, i)| (i, words))
    }

    /// The bytes of the largest block that an allocation would get, without asking anybody to shrink. Moves blocks,
    /// as upstream does, for only then is the answer sure.
    pub(super) fn allocatable(&mut self) -> usize {
        if self.is_void() {
            // As below: handles to come keep a reserve.
            let (words, reserve) = self.unused_words();
            return words.saturating_sub(HEADER + (RESERVE + 1).saturating_sub(reserve)) * WORD;
        }
        let begun = self.begin_request();
        let asker = asker();
        let mut bytes = 0;
        let slot = self.clear_slot(asker, None);
        if self.purgeable_blocks() > 0 {
            // Without a slot room for an extension of the table is purged as well.
            let extension = if slot.is_none() { LEAST_WORDS } else { 0 };
            bytes = self.reclaimable_run(asker).1.saturating_sub(HEADER + extension) * WORD;
        } else if slot.is_some()
            && let Some((hole, words)) = self.largest_hole(asker)
        {
            bytes = words.saturating_sub(HEADER) * WORD;
            self.unreserve(hole);
        }
        if let Some(n) = slot {
            self.unslot(n);
        }
        self.finish_request(begun);
        bytes
    }

    /// The bytes that are free or could be purged, in blocks of any size, less a header.
    pub(super) fn available(&self) -> usize {
        let words = if self.is_void() { self.unused_words().0 } else { self.reclaimable(asker()) };
        words.saturating_sub(HEADER) * WORD
    }

    /// Words of purgeable blocks that an allocation of the maximum leaves, where the asker can shrink again: files stay
    /// cached while playback holds its buffer.
    fn cache_share(&self) -> usize {
        let least = if self.table < SMALL_POOL / WORD { SMALL_SHARE } else { SHARE };
        (self.table / 16).max(least / WORD)
    }
}
