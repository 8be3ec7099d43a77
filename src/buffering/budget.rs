//! How much buffering may hold, and what it holds.
//!
//! ```text
//!   pool  │ blocks of others │ tables, atomic handles │ segments + free                        │
//!                                                     │ limit: what streams may have ahead │1/16│
//!                                                     │◄─ near ─►│
//! ```
//!
//! In a region of its own buffering may have all of it. In the shared pool the limit follows the pool as others take and give memory. `near` is what no allocation may take from a playing
//! stream: a quarter of the limit, at most 1 MB, six seconds of uncompressed music.
//!
//! What somebody takes from far ahead is read twice. So that this stays little, filling ahead goes no farther afterwards
//! than to what was left, and a sixty-fourth of what is played from then on: what can be lost again was earned before. When
//! nobody has taken anything for a while, everything is filled again; if that is lost too, the next while is four times as
//! long.

use super::handle::{Handle, Home, look};
use super::{Buffered, PIECE};
use crate::cache::{Cached, bytes};
use crate::mmap::mapping::Mapped;
use crate::port::kernel::HZ;
use crate::port::monitor::{Guard, House};

/// The most that is kept ahead of a position.
const NEAR: u64 = 1 << 20;
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
        return (g.maps().arena.size as u64).saturating_sub(g.buffering().fixed);
    }
    let free = g.maps().pool.map_or(0, |pool| pool.free_and_disposable().0) as u64;
    let capacity = bytes(g) + free;
    capacity - (capacity / 16).max(OTHERS.min(capacity / 4))
}

/// How far ahead streams fill after others have taken memory from them.
#[derive(Clone, Copy, Debug)]
pub struct Squeeze {
    /// What they had ahead after the last loss.
    left: u64,
    /// What they may lose again.
    credit: u64,
    /// Losses and played bytes that are accounted for.
    lost: u64,
    played: u64,
    /// The limit at last: when it falls, somebody took memory.
    limit: u64,
    /// Since when nobody has, in ticks.
    calm: u32,
    /// For how long nobody must, until everything is filled again; whether it is.
    patience: u32,
    again: bool,
}

impl Squeeze {
    /// Nobody has taken anything.
    pub const NONE: Squeeze =
        Squeeze { left: u64::MAX, credit: 0, lost: 0, played: 0, limit: 0, calm: 0, patience: PATIENCE, again: false };

    /// How much may be ahead.
    fn most(&self) -> u64 {
        self.left.saturating_add(self.credit)
    }
}

/// The part of what is played that may be lost, and read twice, as a shift.
const LOSS: u32 = 6;
/// How long nobody must have taken anything, at first and at most, in ticks, until everything is filled again.
const PATIENCE: u32 = 10 * HZ;
const LONGEST: u32 = 3600 * HZ;
/// The part of the limit that somebody takes who counts, as a shift.
const TAKEN: u32 = 6;

/// Brings limit and `near` up to date.
pub fn refresh<H: House<State: Buffered>>(g: &mut Guard<H>) {
    let limit = limit(g);
    let (lost, played) = (g.cache().counts.lost, g.buffering().counts.played);
    let mut squeeze = g.buffering().squeeze;
    if played - squeeze.played >= 1 << LOSS {
        squeeze.credit = limit.min(squeeze.credit + ((played - squeeze.played) >> LOSS));
        squeeze.played = played;
    }
    let now = H::ticks();
    let calm = now.wrapping_sub(squeeze.calm);
    if limit + (squeeze.limit >> TAKEN) < squeeze.limit {
        squeeze.calm = now;
    }
    squeeze.limit = limit;
    if lost > squeeze.lost {
        if squeeze.again {
            // It was too early, unless it went well for long.
            squeeze.patience = match calm / 16 < squeeze.patience {
                true => squeeze.patience.saturating_mul(4).min(LONGEST),
                false => PATIENCE,
            };
        }
        squeeze.again = false;
        squeeze.credit = squeeze.credit.saturating_sub(lost - squeeze.lost);
        squeeze.left = sums(g).ahead;
        squeeze.lost = lost;
        squeeze.calm = now;
    } else if squeeze.left < u64::MAX && calm >= squeeze.patience {
        squeeze.left = u64::MAX;
        squeeze.again = true;
    }
    let buffering = g.buffering();
    buffering.squeeze = squeeze;
    buffering.limit = limit;
    buffering.near = (limit / 4).clamp(2 * PIECE as u64, NEAR);
}

/// There is no handle that could lose anything: what was lost and played so far is accounted for.
pub fn forget<H: House<State: Buffered>>(g: &mut Guard<H>) {
    let (lost, played) = (g.cache().counts.lost, g.buffering().counts.played);
    g.buffering().squeeze = Squeeze { lost, played, ..Squeeze::NONE };
}

/// How much streams may have ahead just now: the limit, or less after a loss.
pub fn most<H: House<State: Buffered>>(g: &mut Guard<H>) -> u64 {
    let buffering = g.buffering();
    buffering.limit.min(buffering.squeeze.most()).max(buffering.near)
}

/// Whether nobody has taken anything from streams lately.
pub fn ample<H: House<State: Buffered>>(g: &mut Guard<H>) -> bool {
    g.buffering().squeeze.most() >= g.buffering().limit
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
    let most = most(g);
    let (limit, set) = (g.buffering().limit, g.buffering().watermark as u64);
    let mark = if set == 0 { limit / 4 } else { set };
    mark.min(most / 4 * 3)
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
