//! Handles: one record each, dense, in the order of opening, in a block of the pool.

use super::hooks::Tags;
use super::{Buffered, Buffering, take};
use crate::buflib::Priority;
use crate::mmap::mapping::{Mapped, Maps, NONE, Name};
use crate::mmap::memory::Block;
use crate::port::kernel::Channel;
use crate::port::monitor::{Guard, House};

/// The most handles there can be, in a pool that is large enough.
pub const MOST: usize = 384;

/// `enum data_type`, as C passes it.
pub type DataType = core::ffi::c_uint;

/// What a handle holds, as the program says (`enum data_type`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Kind {
    /// Tags of a track.
    Id3 = 1,
    /// A decoder.
    Codec = 2,
    /// Audio that is decoded piece by piece.
    PacketAudio = 3,
    /// Audio that its decoder wants whole.
    AtomicAudio = 4,
    /// A cue sheet.
    Cuesheet = 5,
    /// A picture.
    Bitmap = 6,
    /// Anything else, whole.
    RawAtomic = 7,
}

impl Kind {
    /// The kind of a number from a program.
    pub fn of(number: DataType) -> Option<Kind> {
        Some(match number {
            1 => Kind::Id3,
            2 => Kind::Codec,
            3 => Kind::PacketAudio,
            4 => Kind::AtomicAudio,
            5 => Kind::Cuesheet,
            6 => Kind::Bitmap,
            7 => Kind::RawAtomic,
            _ => return None,
        })
    }
}

/// Where a handle's bytes are.
#[derive(Clone, Copy)]
pub enum Home {
    /// In the segments of a file.
    Stream {
        /// The file.
        object: u16,
    },
    /// In a mapping of a file that is held.
    Atomic {
        /// The file.
        object: u16,
        /// The mapping; None for an empty range.
        map: Option<Name>,
        /// The offset in the file of its first byte.
        base: u64,
        /// That byte's address.
        data: usize,
    },
    /// In a block that is held.
    Memory {
        /// The block.
        block: Option<Block>,
        /// Its address.
        data: usize,
        /// How many of its bytes were the handle's at first: it may have been stripped since.
        size: u64,
    },
}

/// Bytes that a reader waits for; `from == to` when nobody does.
#[derive(Clone, Copy, Debug, Default)]
pub struct Want {
    /// First byte.
    pub from: u64,
    /// Behind the last byte.
    pub to: u64,
}

/// A buffer that joins bytes of two segments into one piece. What it holds stays where it is while the reader goes on
/// inside it: more is appended, nothing moves.
#[derive(Clone, Copy)]
pub struct Bridge {
    /// The buffer.
    pub block: Block,
    /// How many bytes it has room for.
    pub size: usize,
    /// It is the one that is always there.
    pub reserve: bool,
    /// The offset in the file of its first byte.
    pub from: u64,
    /// How many bytes it holds.
    pub len: usize,
}

impl Bridge {
    /// Whether it holds this byte of the file.
    pub fn covers(&self, offset: u64) -> bool {
        (self.from..self.from + self.len as u64).contains(&offset)
    }
}

/// One handle.
#[derive(Clone, Copy)]
pub struct Handle {
    /// Its number, above 0, never used again in practice.
    pub id: i32,
    /// What it holds.
    pub kind: Kind,
    /// Where.
    pub home: Home,
    /// Where it stands on the line of what will be played: behind all that was opened before it.
    pub line: u64,
    /// Length of the file, or of what is used of it.
    pub filesize: u64,
    /// Where reading began, at opening or at the last jump.
    pub start: u64,
    /// The position.
    pub pos: u64,
    /// Up to here everything from `pos` on is in memory.
    pub end: u64,
    /// The file's count of losses when `end` was looked for; None: it must be looked for.
    pub seen: Option<u32>,
    /// What its reader waits for.
    pub want: Want,
    /// Threads that wait.
    pub waiters: u16,
    /// The segment that `bufgetdata` pointed into.
    pub held: u16,
    /// The bridge, if it ever needed one.
    pub bridge: Option<Bridge>,
    /// The error of the last transfer for it; 0 is none.
    pub failed: i32,
    /// Transfers for its waiting reader that failed in a row.
    pub failures: u8,
    /// When filling ahead may try again after an error.
    pub retry: Option<u32>,
    /// There was no memory for what its reader waits for.
    pub starved: bool,
    /// Its reader goes on from where it was, and has found its bytes in memory since.
    pub steady: bool,
    /// Nobody may wait for it.
    pub signaled: bool,
    /// How far its tags are.
    pub tags: Tags,
    /// The program is to be told when all of it is in memory.
    pub finish_due: bool,
    /// Calls of `buf_pin_handle` that are not taken back.
    pub pins: u8,
}

impl Handle {
    /// An unused record.
    pub const FREE: Handle = Handle {
        id: 0,
        kind: Kind::RawAtomic,
        home: Home::Memory { block: None, data: 0, size: 0 },
        line: 0,
        filesize: 0,
        start: 0,
        pos: 0,
        end: 0,
        seen: None,
        want: Want { from: 0, to: 0 },
        waiters: 0,
        held: NONE,
        bridge: None,
        failed: 0,
        failures: 0,
        retry: None,
        starved: false,
        steady: false,
        signaled: false,
        tags: Tags::None,
        finish_due: false,
        pins: 0,
    };

    /// Bytes from the position on that are in memory.
    pub fn useful(&self) -> u64 {
        self.end.saturating_sub(self.pos)
    }
}

impl Buffering {
    /// The open handles, in the order of their opening.
    pub fn all(&self) -> &[Handle] {
        &self.handles.all()[..usize::from(self.count)]
    }

    /// The handle of a number.
    pub fn find(&mut self, id: i32) -> Option<&mut Handle> {
        let count = usize::from(self.count);
        let handles = &mut self.handles.all_mut()[..count];
        let last = usize::from(self.last);
        let n = match handles.get(last) {
            Some(handle) if handle.id == id => last,
            _ => handles.iter().position(|handle| handle.id == id)?,
        };
        self.last = n as u16;
        handles.get_mut(n)
    }

    /// Whether another one fits.
    pub fn has_room(&self) -> bool {
        usize::from(self.count) < self.handles.count()
    }

    /// Enters a handle: its number. None when the table is full.
    pub fn add(&mut self, handle: Handle) -> Option<i32> {
        if !self.has_room() {
            return None;
        }
        loop {
            self.next_id = if self.next_id == i32::MAX { 1 } else { self.next_id + 1 };
            let next = self.next_id;
            if self.find(next).is_none() {
                break;
            }
        }
        let place = self.handles.all_mut().get_mut(usize::from(self.count))?;
        *place = Handle { id: self.next_id, ..handle };
        self.count += 1;
        Some(self.next_id)
    }

    /// Takes a handle out.
    pub fn take(&mut self, id: i32) -> Option<Handle> {
        let handle = *self.find(id)?;
        let count = usize::from(self.count);
        let last = usize::from(self.last);
        self.handles.all_mut().copy_within(last + 1..count, last);
        self.count -= 1;
        self.last = 0;
        Some(handle)
    }
}

/// Looks how far everything from the position on is in memory, and brings what was found into the order of going: the
/// farthest goes first.
pub fn look<H: House<State: Buffered>>(g: &mut Guard<H>, id: i32) -> Option<Handle> {
    let mut handle = *g.buffering().find(id)?;
    match handle.home {
        Home::Memory { .. } => {}
        Home::Atomic { object, map, base, .. } => {
            let maps = g.maps();
            handle.filesize = handle.filesize.min(maps.objects[object].size);
            if let Some(map) = map {
                let from = (handle.end - base) as usize;
                handle.end += maps.valid_run(map.slot, from) as u64;
            }
            handle.end = handle.end.min(handle.filesize);
        }
        Home::Stream { object } => {
            let maps = g.maps();
            handle.filesize = handle.filesize.min(maps.objects[object].size);
            let losses = maps.objects[object].losses;
            let known = handle.seen == Some(losses) && handle.end >= handle.pos;
            let mut at = if known { handle.end } else { handle.pos };
            while at < handle.filesize {
                let Some((slot, _, run)) = maps.run_at(object, at).filter(|(_, _, run)| *run > 0) else { break };
                want(maps, slot, handle.line);
                at += run as u64;
            }
            handle.end = at.min(handle.filesize).max(handle.pos.min(handle.filesize));
            handle.seen = Some(losses);
        }
    }
    *g.buffering().find(id)? = handle;
    Some(handle)
}

/// Lets go of what `bufgetdata` gave: the segment, not the bridge.
pub fn let_go<H: House<State: Buffered>>(g: &mut Guard<H>, id: i32) {
    let Some(handle) = g.buffering().find(id) else {
        return;
    };
    let (held, pos) = (core::mem::replace(&mut handle.held, NONE), handle.pos);
    if held != NONE {
        let maps = g.maps();
        maps.put(held);
        let map = maps.at(held);
        if map.loose() && map.end().min(maps.objects[map.object].size) <= pos {
            maps.want(held, Priority::Disposable, 0);
        }
        H::wake(Channel::Data);
    }
}

/// Says of a segment ahead of a stream how much it is wanted: what somebody needs now already, he needs still.
pub fn want(maps: &mut Maps, slot: u16, line: u64) {
    let (map, file) = (maps.at(slot), &maps.objects[maps.at(slot).object]);
    let near = map.offset < file.keep_to && map.end() > file.keep_from || map.want == Priority::Now as u8;
    maps.want(slot, if near { Priority::Now } else { Priority::Soon }, line);
}

/// Gives a bridge back.
pub fn drop_bridge<H: House<State: Buffered>>(g: &mut Guard<H>, bridge: Option<Bridge>) {
    match bridge {
        Some(bridge) if bridge.reserve => g.buffering().reserve_taken = false,
        Some(bridge) => bridge.block.give(),
        None => {}
    }
}

/// The bridge of a handle, taken out of it: its own, else the reserve, else a new one, else one that another handle has
/// crossed: nobody relies on what lies before a position. Whoever takes it puts it back.
pub fn take_bridge<H: House<State: Buffered>>(g: &mut Guard<H>, id: i32) -> Option<Bridge> {
    let buffering = g.buffering();
    let own = buffering.find(id)?.bridge.take();
    if own.is_some() {
        return own;
    }
    let size = buffering.bridge;
    let empty = |block, reserve| Bridge { block, size, reserve, from: 0, len: 0 };
    if let Some(block) = buffering.reserve.filter(|_| !buffering.reserve_taken) {
        buffering.reserve_taken = true;
        return Some(empty(block, true));
    }
    let clean = |g: &mut Guard<H>| take(g, |pool| Block::take_clean(pool, size), |block| *block);
    let mut block = clean(g);
    if block.is_none() {
        if let Some(bridge) = crossed(g) {
            return Some(bridge);
        }
        yield_near(g);
        block = clean(g);
        keep_near(g);
    }
    Some(empty(block?, false))
}

/// A bridge that its handle has crossed, or jumped away from.
fn crossed<H: House<State: Buffered>>(g: &mut Guard<H>) -> Option<Bridge> {
    let buffering = g.buffering();
    let count = usize::from(buffering.count);
    let crossed = |handle: &mut Handle| handle.bridge.take_if(|bridge| !bridge.covers(handle.pos));
    let bridge = buffering.handles.all_mut()[..count].iter_mut().find_map(crossed)?;
    Some(Bridge { from: 0, len: 0, ..bridge })
}

/// Somebody waits and there is no memory for him: what streams need within seconds may go, but for what a reader waits
/// for just now. Otherwise streams that nobody reads from would have it all, and he might wait for ever.
pub fn yield_near<H: House<State: Buffered>>(g: &mut Guard<H>) {
    each_near(g, |g, slot, handle| {
        let (object, start, end) = (g.maps().at(slot).object, g.maps().at(slot).offset, g.maps().at(slot).end());
        let wants = |other: &Handle| {
            let same = matches!(other.home, Home::Stream { object: o } if o == object);
            same && other.waiters > 0 && other.want.from < end && other.want.to > start
        };
        if !g.buffering().all().iter().any(wants) {
            g.maps().want(slot, Priority::Soon, handle.line);
        }
    });
}

/// What is left of it is needed as before.
pub fn keep_near<H: House<State: Buffered>>(g: &mut Guard<H>) {
    each_near(g, |g, slot, _| g.maps().want(slot, Priority::Now, 0));
}

/// Calls `f` with the segments that streams need within seconds.
fn each_near<H: House<State: Buffered>>(g: &mut Guard<H>, mut f: impl FnMut(&mut Guard<H>, u16, &Handle)) {
    for n in 0..g.buffering().all().len() {
        let Some(handle) = g.buffering().all().get(n).copied() else { return };
        let Home::Stream { object } = handle.home else { continue };
        let file = &g.maps().objects[object];
        let (mut at, to) = (file.keep_from, file.keep_to.min(file.size));
        while let Some((slot, end)) = g.maps().next_segment(object, at, to) {
            f(g, slot, &handle);
            at = end;
        }
    }
}

/// Gives a handle its bridge back; if it was closed meanwhile, or has got another, the pool gets it.
pub fn put_bridge<H: House<State: Buffered>>(g: &mut Guard<H>, id: i32, bridge: Bridge) {
    let spare = match g.buffering().find(id) {
        Some(handle) => handle.bridge.replace(bridge),
        None => Some(bridge),
    };
    drop_bridge(g, spare);
}
