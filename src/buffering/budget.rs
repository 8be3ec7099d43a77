//! How much buffering may hold, and what it holds.
//!
//! ```text
//!   pool  │ blocks of others │ tables, atomic handles │ segments + free                        │
//!                                                     │ limit: what streams may have ahead │1/16│
//!                                                     │◄─ near ─►│
//! ```
//!
//! In a region of its own buffering may have all of it. In the shared pool the limit follows the pool as others take and give memory. `near` is what no allocation may take from a playing
//! stream: a quarter of the limit, at most 2 MB, ten seconds of uncompressed music.

use super::handle::{Handle, Home, look};
use super::{Buffered, PIECE};
use crate::cache::bytes;
use crate::mmap::mapping::Mapped;
use crate::port::monitor::{Guard, House};

/// The most that is kept ahead of a position.
const NEAR: u64 = 2 << 20;
/// The least that is left to others.
const OTHERS: u64 = 256 << 10;

/// Sums over the open handles, in bytes.
#[derive(Clone, Copy, Debug, Default)]
pub struct Sums {
    /// Open handles.
    pub handles: i32,
    /// In memory, played or not.
    pub buffered: u64,
    /// Not in memory yet.
    pub remaining: u64,
    /// In memory from the positions on, of the base handle and those after it.
    pub useful: u64,
    /// In memory from the positions on, of all streams.
    pub ahead: u64,
}

/// Computes the limit anew.
pub fn limit<H: House<State: Buffered>>(g: &mut Guard<H>) -> u64 {
    if g.maps().arena.open().is_some() {
        // It is buffering's alone, but for headers and the ends of windows.
        let capacity = (g.maps().arena.size as u64).saturating_sub(g.buffering().fixed);
        return capacity - capacity / 16;
    }
    let free = g.maps().pool.map_or(0, |pool| pool.free_and_disposable().0) as u64;
    let capacity = bytes(g) + free;
    capacity - (capacity / 16).max(OTHERS.min(capacity / 4))
}

/// Brings limit and `near` up to date.
pub fn refresh<H: House<State: Buffered>>(g: &mut Guard<H>) {
    let limit = limit(g);
    let buffering = g.buffering();
    buffering.limit = limit;
    buffering.near = (limit / 4).clamp(2 * PIECE as u64, NEAR);
}

/// All that buffering may hold: the limit and what atomic handles hold.
pub fn length<H: House<State: Buffered>>(g: &mut Guard<H>) -> u64 {
    if g.buffering().live { limit(g) + g.buffering().fixed } else { 0 }
}

/// What open handles hold from their positions on, and atomic handles as a whole.
pub fn used<H: House<State: Buffered>>(g: &mut Guard<H>) -> u64 {
    sums(g).ahead + g.buffering().fixed
}

/// The low mark as a program sees it: what it set, at most three quarters of the limit.
pub fn watermark<H: House<State: Buffered>>(g: &mut Guard<H>) -> usize {
    let limit = limit(g);
    g.buffering().watermark.min((limit / 4 * 3) as usize)
}

/// Below how many useful bytes filling begins. A program that sets no mark gets a quarter of the limit.
pub fn low_mark<H: House<State: Buffered>>(g: &mut Guard<H>) -> u64 {
    let (limit, set) = (g.buffering().limit, g.buffering().watermark as u64);
    if set == 0 { limit / 4 } else { set.min(limit / 4 * 3) }
}

/// Whether a handle is so near its end in memory that filling should begin.
pub fn low<H: House<State: Buffered>>(g: &mut Guard<H>, handle: &Handle) -> bool {
    !g.buffering().filling && handle.useful() < low_mark(g)
}

/// Adds the handles up.
pub fn sums<H: House<State: Buffered>>(g: &mut Guard<H>) -> Sums {
    let mut sums = Sums::default();
    let base = g.buffering().base;
    let mut useful = g.buffering().find(base).is_none();
    for n in 0..g.buffering().all().len() {
        let Some(id) = g.buffering().all().get(n).map(|handle| handle.id) else {
            break;
        };
        let Some(handle) = look(g, id) else { continue };
        useful |= id == base;
        sums.handles += 1;
        sums.buffered += handle.end.saturating_sub(handle.start.min(handle.pos));
        sums.remaining += handle.filesize.saturating_sub(handle.end);
        sums.useful += if useful { handle.useful() } else { 0 };
        if matches!(handle.home, Home::Stream { .. }) {
            sums.ahead += handle.useful();
        }
    }
    sums
}
