//! Floor 6: buffering. What a player opens, reads ahead, decodes from, and closes.
//!
//! ```text
//!   bufopen ─► handle ── stream ──► position over the file's segments (floor 4)      packet audio, codecs
//!                     ├─ atomic ──► a mapping of the file that never moves (floor 3) atomic audio, raw, cue sheets
//!                     └─ memory ──► a block that never moves, filled by the program  tags, pictures
//!   bufalloc ► handle ── memory ──► the same                                         copies of the caller's data
//!
//!   one stream:
//!        start            pos                       end                    filesize
//!          │▒▒▒▒ played ▒▒▒│███ kept ███│▓▓▓ ahead ▓▓▓│ not read yet          │
//!                          └ bufgetdata points here; a bridge buffer only where two segments meet
//!
//!   reader ── Work ──► the buffering thread ── Data ──► reader
//!                      what a reader waits for first, then the playing track, then those after it,
//!                      in bursts from the low mark to the budget
//! ```
//!
//! There is no ring. Data lies in the segment cache of the shared pool: an allocation by anybody takes played data
//! first and far-ahead data next, never what is kept, and playback goes on. After such a loss the filler stays close
//! to the position for a second, so that it does not fight whoever needs memory, and goes not much farther than to what was
//! left for long, so that little is read twice (`budget`).

pub mod budget;
pub mod fill;
pub mod handle;
pub mod hooks;
pub mod open;
pub mod parsed;
pub mod position;
pub mod stream;

use crate::buflib::Pool;
use crate::cache::{Cached, prepare};
use crate::mmap::arena;
use crate::mmap::mapping::Mapped;
use crate::mmap::memory::{Block, Region, Table};
use crate::port::kernel::Channel;
use crate::port::monitor::{Guard, House};

use handle::Handle;
use hooks::Hooks;

/// No handle of this number, or its wait was called off.
pub const ERR_HANDLE_NOT_FOUND: i32 = -1;
/// No room for another handle, or for what it must hold at once.
pub const ERR_BUFFER_FULL: i32 = -2;
/// A value outside its range.
pub const ERR_INVALID_VALUE: i32 = -3;
/// The file cannot be opened, or storage failed.
pub const ERR_FILE_ERROR: i32 = -4;
/// This type of data cannot be opened in this way.
pub const ERR_UNSUPPORTED_TYPE: i32 = -6;

/// The picture would fill the buffer.
pub const ERR_BITMAP_TOO_LARGE: i32 = -7;

/// Little is left to play, or a reader waits and there is no room: more can be opened, or something closed.
pub const BUFFER_EVENT_BUFFER_LOW: u16 = 0x0401;
/// A handle jumped, and others are in the way of its data.
pub const BUFFER_EVENT_REBUFFER: u16 = 0x0402;
/// All of a handle's file is in memory, or its tags are parsed.
pub const BUFFER_EVENT_FINISHED: u16 = 0x0405;
/// Everything is about to be closed.
pub const BUFFER_EVENT_BUFFER_RESET: u16 = 0x0406;

/// The most that `bufgetdata` promises in one piece for a stream.
pub const PIECE: usize = 32 * 1024;

/// Files that streams hold open at the most: a player's storage has few streams, and others want some of them.
pub const FILES: usize = 16;

/// What buffering counts.
#[derive(Clone, Copy, Debug, Default)]
pub struct Counts {
    /// Bytes that positions went forward.
    pub played: u64,
    /// Bytes copied into bridge buffers.
    pub bridged: u64,
    /// Reads that waited for storage.
    pub waits: u64,
    /// Those among them in the middle of a stream: underruns.
    pub stalls: u64,
    /// Ticks waited.
    pub waited: u64,
}

/// The state of floor 6.
pub struct Buffering {
    /// Open handles, in the order of their opening.
    handles: Table<Handle>,
    count: u16,
    /// Where the last one was found.
    last: u16,
    next_id: i32,
    base: i32,
    watermark: usize,
    /// `buffering_reset` has given it memory.
    live: bool,
    started: bool,
    filling: bool,
    /// No filling ahead before this tick.
    rest_until: Option<u32>,
    /// Bytes that streams may hold ahead; see `budget`.
    limit: u64,
    /// What of it is filled while others take memory from streams; see `budget`.
    squeeze: budget::Squeeze,
    /// How much ahead of a position is kept.
    near: u64,
    /// Whose reader was seen last.
    reading: i32,
    /// A bridge that is always there, and whether a handle has it.
    reserve: Option<Block>,
    reserve_taken: bool,
    /// How large a bridge is: where windows are large, twice what is promised, so that a reader who goes on in small
    /// steps crosses from one window to the next with a single bridge.
    bridge: usize,
    /// Bytes in atomic and memory handles.
    fixed: u64,
    /// What the program does for us.
    pub hooks: Hooks,
    /// When the level was last looked at.
    watched: u32,
    /// Figures.
    pub counts: Counts,
    /// Tells the thread to end; for tests, which end the world under it.
    #[cfg(test)]
    pub stop: bool,
}

/// A state with buffering in it.
pub trait Buffered: Cached {
    /// Buffering.
    fn buffering(&mut self) -> &mut Buffering;
}

impl Buffering {
    /// Before the first reset.
    pub const fn new() -> Self {
        Buffering {
            handles: Table::empty(),
            count: 0,
            last: 0,
            next_id: 0,
            base: -1,
            watermark: 0,
            live: false,
            started: false,
            filling: false,
            rest_until: None,
            limit: 0,
            squeeze: budget::Squeeze::NONE,
            near: 0,
            reading: -1,
            reserve: None,
            reserve_taken: false,
            bridge: PIECE,
            fixed: 0,
            hooks: Hooks::NONE,
            watched: 0,
            counts: Counts { played: 0, bridged: 0, waits: 0, stalls: 0, waited: 0 },
            #[cfg(test)]
            stop: false,
        }
    }
}

#[cfg(test)]
impl Buffering {
    /// The first open handle.
    pub fn first(&self) -> Option<i32> {
        self.all().first().map(|handle| handle.id)
    }

    /// Whether the thread runs.
    pub fn running(&self) -> bool {
        self.started
    }
}

/// The least region that is worth having.
const LEAST: usize = PIECE + 4096;

/// Takes memory for a handle where handles live, with the lock given back meanwhile: in the arena, if there is one, else in
/// the shared pool. A reset waits until `work` has ended, and what it took in the arena is given back then. None before
/// the first reset.
pub fn take<H: House<State: Buffered>, T>(
    g: &mut Guard<H>,
    work: impl FnOnce(Pool) -> Option<T>,
    block: impl FnOnce(&T) -> Block,
) -> Option<T> {
    if !g.buffering().live {
        return None;
    }
    if g.maps().arena.open().is_none() {
        let pool = g.maps().pool?;
        return g.unlocked(|| work(pool));
    }
    let taken = arena::take(g, work)?;
    let block = block(&taken);
    if arena::too_late(g.maps(), block) {
        block.give();
        return None;
    }
    Some(taken)
}

/// Closes every handle and starts anew: in a region that is lent until the next reset, else in the shared pool. Starts the
/// thread the first time. False for a region that is too small, without memory for the tables, or without a thread; then
/// nothing can be opened.
pub fn reset<H: House<State: Buffered>>(g: &mut Guard<H>, pool: Pool, region: Option<Region>) -> bool {
    hooks::event(g, BUFFER_EVENT_BUFFER_RESET, None);
    end(g);
    if region.is_some_and(|region| region.bytes() < LEAST) || prepare(g, pool).is_err() || !furnish(g, pool) {
        return false;
    }
    if let Some(region) = region {
        arena::lend(g, region);
    }
    let buffering = g.buffering();
    buffering.live = true;
    if !buffering.started {
        buffering.started = true;
        if H::start(fill::run::<H>).is_err() {
            g.buffering().started = false;
            return false;
        }
        g.cache().ahead.served = true;
    }
    budget::forget(g);
    budget::refresh(g);
    true
}

/// Closes every handle and gives the region back, if there is one: what is dirty there is written. Nothing can be opened
/// until the next reset.
pub fn end<H: House<State: Buffered>>(g: &mut Guard<H>) {
    while let Some(id) = g.buffering().all().first().map(|handle| handle.id) {
        open::close(g, id);
    }
    g.buffering().base = -1;
    g.buffering().live = false;
    // What could not be written back is told by the files.
    let _ = arena::give_back(g);
}

/// Takes the table of handles and the reserve, once.
fn furnish<H: House<State: Buffered>>(g: &mut Guard<H>, pool: Pool) -> bool {
    if g.buffering().handles.count() == 0 {
        let most = (pool.available() / 16384).clamp(32, handle::MOST);
        let Some(mut table) = g.unlocked(|| Table::take(pool, most, Handle::FREE)) else {
            return false;
        };
        let buffering = g.buffering();
        if buffering.handles.count() == 0 {
            buffering.handles = table;
        } else {
            table.give(pool);
        }
    }
    if g.buffering().reserve.is_none() {
        let size = if g.cache().window() > PIECE { 2 * PIECE } else { PIECE };
        let Some(block) = g.unlocked(|| Block::take_fixed(pool, size)) else {
            return false;
        };
        let buffering = g.buffering();
        buffering.bridge = size;
        if buffering.reserve.is_none() {
            buffering.reserve = Some(block);
        } else {
            block.give();
        }
    }
    g.maps().pool.is_some()
}

/// Says which handle plays.
pub fn set_base<H: House<State: Buffered>>(g: &mut Guard<H>, id: i32) {
    g.buffering().base = id;
    H::wake(Channel::Work);
}

/// Sets the low mark.
pub fn set_watermark<H: House<State: Buffered>>(g: &mut Guard<H>, bytes: usize) {
    g.buffering().watermark = bytes;
    H::wake(Channel::Work);
}

#[cfg(test)]
mod tests;
