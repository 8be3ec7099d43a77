//! The record at the end of a purgeable block.

use super::super::block::Mark;
use super::super::words::Core;
use super::lists::List;

/// Words of a record.
pub(crate) const RECORD: usize = 6;

const PREV: usize = 0;
const NEXT: usize = 1;
const STATE: usize = 2;
const DISTANCE: usize = 3;
const STAMP: usize = 4;
const KEY: usize = 5;

/// STATE, from the low bits: list (3), dirty (1), log2 of the alignment (4), transfers under way (8), refused to go in
/// this request (1).
const LIST: (u32, usize) = (0, 0x7);
const DIRTY: (u32, usize) = (3, 0x1);
const ALIGN: (u32, usize) = (4, 0xf);
const BUSY: (u32, usize) = (8, 0xff);
const KEPT: (u32, usize) = (16, 0x1);

/// How much a purgeable block is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Priority {
    /// Playback needs it within the next seconds: never taken.
    Now = 0,
    /// Playback will need it, the farther the later (see the distance).
    Soon = 1,
    /// It may be asked for again.
    Cached = 2,
    /// Nobody would miss it.
    Disposable = 3,
}

/// A record as a search reads it, once.
pub(super) struct View {
    /// Words of the block.
    pub(super) len: usize,
    state: usize,
    pub(super) distance: usize,
    /// When it was last used.
    pub(super) used: usize,
}

impl View {
    fn field(&self, (shift, mask): (u32, usize)) -> usize {
        self.state >> shift & mask
    }

    pub(super) fn list(&self) -> Option<List> {
        List::from_number(self.field(LIST))
    }

    pub(super) fn is_dirty(&self) -> bool {
        self.field(DIRTY) != 0
    }

    pub(super) fn is_kept(&self) -> bool {
        self.field(KEPT) != 0
    }

    pub(super) fn is_busy(&self) -> bool {
        self.field(BUSY) != 0
    }
}

impl Core {
    /// The record of a purgeable block of `len` words.
    pub(super) fn view(&self, i: usize, len: usize) -> View {
        let [_, _, state, distance, used, _] = self.row(i + len - RECORD);
        View { len, state, distance, used }
    }

    /// Whether the used block at `i` is purgeable.
    #[inline]
    pub(crate) fn is_purgeable(&self, i: usize) -> bool {
        self.marked(i, Mark::PURGEABLE)
    }

    /// Words at the end of the used block at `i` that are not its owner's.
    #[inline]
    pub(crate) fn record_words(&self, i: usize) -> usize {
        if self.is_purgeable(i) { RECORD } else { 0 }
    }

    fn record(&self, i: usize) -> usize {
        i + self.len(i) - RECORD
    }

    /// Writes the record of a block just made.
    pub(super) fn write_record(&mut self, i: usize, align: u32, key: usize) {
        let at = self.record(i);
        self.set_row(at, [0, 0, (align as usize) << ALIGN.0, 0, self.now(), key]);
    }

    /// What the owner calls the data of the block, the same whenever it holds the same.
    pub(super) fn key(&self, i: usize) -> usize {
        self.get(self.record(i) + KEY)
    }

    /// Carries the record to the end of the block, which was `old` words long.
    pub(crate) fn carry_record(&mut self, i: usize, old: usize) {
        let words: [usize; RECORD] = self.row(i + old - RECORD);
        let at = self.record(i);
        self.set_row(at, words);
    }

    fn field(&self, i: usize, (shift, mask): (u32, usize)) -> usize {
        self.get(self.record(i) + STATE) >> shift & mask
    }

    fn set_field(&mut self, i: usize, (shift, mask): (u32, usize), value: usize) {
        let at = self.record(i) + STATE;
        self.set(at, self.get(at) & !(mask << shift) | (value & mask) << shift);
    }

    pub(super) fn list_of(&self, i: usize) -> Option<List> {
        List::from_number(self.field(i, LIST))
    }

    pub(super) fn set_list(&mut self, i: usize, list: Option<List>) {
        self.set_field(i, LIST, list.map_or(0, List::number));
    }

    pub(super) fn links(&self, i: usize) -> (usize, usize) {
        let [prev, next] = self.row(self.record(i) + PREV);
        (prev, next)
    }

    pub(super) fn set_prev(&mut self, i: usize, handle: usize) {
        self.set(self.record(i) + PREV, handle);
    }

    pub(super) fn set_next(&mut self, i: usize, handle: usize) {
        self.set(self.record(i) + NEXT, handle);
    }

    /// The list of a block that may be an ordinary one.
    pub(crate) fn list_of_used(&self, i: usize) -> Option<List> {
        if self.is_purgeable(i) { self.list_of(i) } else { None }
    }

    /// Whether a block that may be an ordinary one is dirty, and whether a transfer is under way.
    pub(crate) fn dirty_and_busy(&self, i: usize) -> (bool, bool) {
        if self.is_purgeable(i) { (self.is_dirty(i), self.transfers(i) != 0) } else { (false, false) }
    }

    pub(super) fn is_dirty(&self, i: usize) -> bool {
        self.field(i, DIRTY) != 0
    }

    pub(super) fn set_dirty(&mut self, i: usize, dirty: bool) {
        self.set_field(i, DIRTY, dirty as usize);
    }

    /// Notes that its owner refused to let it go, in this request. It may be moved all the same, as one that may not be
    /// moved may go.
    pub(super) fn keep(&mut self, i: usize) {
        self.set_field(i, KEPT, 1);
        self.note_marks();
    }

    /// Forgets that the owner refused, once the request is over.
    pub(crate) fn unkeep(&mut self, i: usize) {
        if self.is_purgeable(i) {
            self.set_field(i, KEPT, 0);
        }
    }

    pub(super) fn transfers(&self, i: usize) -> usize {
        self.field(i, BUSY)
    }

    /// Counts transfers under way; answers false where the count does not allow it.
    pub(super) fn count_transfer(&mut self, i: usize, by: isize) -> bool {
        match self.transfers(i).checked_add_signed(by) {
            Some(count) if count <= BUSY.1 => {
                self.set_field(i, BUSY, count);
                true
            }
            _ => false,
        }
    }

    /// The alignment of the data in bytes; a word for blocks that asked for none.
    pub(crate) fn alignment(&self, i: usize) -> usize {
        if self.is_purgeable(i) { 1 << self.field(i, ALIGN) } else { 1 }
    }

    /// How far away the need of a block is that is needed later; of a cached one, the policy's clock when it was last used.
    pub(super) fn distance(&self, i: usize) -> usize {
        self.get(self.record(i) + DISTANCE)
    }

    pub(super) fn set_distance(&mut self, i: usize, distance: usize) {
        self.set(self.record(i) + DISTANCE, distance);
    }

    /// The clock, as records keep it.
    pub(super) fn now(&self) -> usize {
        crate::port::ticks() as usize
    }

    /// Notes that the block was used just now.
    pub(super) fn stamp(&mut self, i: usize) {
        let now = self.now();
        self.set(self.record(i) + STAMP, now);
    }

    /// Ticks from a time to that of the request under way; 0 if it is later.
    pub(super) fn ticks_since(&self, time: usize) -> u32 {
        let ticks = (self.time_noted() as u32).wrapping_sub(time as u32);
        if ticks > u32::MAX / 2 { 0 } else { ticks }
    }
}
