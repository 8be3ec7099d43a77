//! What the program does for buffering: it parses tags, decodes pictures, and hears events.
//!
//! ```text
//!   the caller's thread      picture(), twice: how much room, then the picture     BUFFER_RESET
//!   the buffering thread     id3_load()      fill()                                the other events
//! ```
//!
//! Every hook runs without a lock of ours, and may call any function of buffering but `bufclose` of the handle it works
//! for. Only `event` may reset: the others work for a handle, or into memory, that a reset waits for. On the buffering
//! thread nobody waits for data that are not in memory: it is the one that reads.

use core::ffi::{c_char, c_int, c_ushort, c_void};

use super::Buffered;
use super::handle::{Handle, Home, Kind, look};
use super::{BUFFER_EVENT_BUFFER_LOW, BUFFER_EVENT_FINISHED, BUFFER_EVENT_REBUFFER, budget};
use crate::port::kernel::{Channel, HZ};
use crate::port::monitor::{Guard, House};
use crate::port::types::Ssize;

/// How often the level is looked at.
const PULSE: u32 = HZ / 2;

/// What a program does for buffering; any of it may be NULL.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct Hooks {
    /// An event, on the thread that it happens on: BUFFER_EVENT_BUFFER_LOW and BUFFER_EVENT_BUFFER_RESET with NULL, the
    /// others with a pointer to the handle's number.
    pub event: Option<extern "C" fn(event: c_ushort, data: *mut c_void)>,
    /// Bytes of what `id3_load` makes.
    pub id3_size: usize,
    /// Parses the tags of a file. On the buffering thread. Without it TYPE_ID3 cannot be opened.
    pub id3_load: Option<extern "C" fn(path: *const c_char, id3: *mut c_void)>,
    /// Copies tags that `bufalloc` was given with this size. Without it their bytes are copied.
    pub id3_copy: Option<extern "C" fn(id3: *mut c_void, from: *const c_void)>,
    /// Decodes a picture that begins at `offset` of a file; `user` is what `bufopen` was given. With `into` NULL: how many
    /// bytes that may take. Then: how many it took. 0 or less: it cannot be done. On the thread that calls `bufopen`.
    /// Without it TYPE_BITMAP cannot be opened.
    pub picture: Option<
        extern "C" fn(path: *const c_char, offset: u64, user: *mut c_void, into: *mut c_void, room: usize) -> Ssize,
    >,
    /// A burst of reading begins (1), ended (0): where a player raises the processor's clock, and lets the disk sleep.
    pub fill: Option<extern "C" fn(begins: c_int)>,
}

impl Hooks {
    /// None of it.
    pub const NONE: Self = Self { event: None, id3_size: 0, id3_load: None, id3_copy: None, picture: None, fill: None };
}

/// How far the tags of a handle are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tags {
    /// It has none to parse.
    None,
    /// They are to be parsed.
    Due,
    /// They are being parsed.
    Loading,
}

/// Tells the program that something happened; whether anybody listens. The lock is given back meanwhile.
pub fn event<H: House<State: Buffered>>(g: &mut Guard<H>, event: u16, mut id: Option<i32>) -> bool {
    let Some(hook) = g.buffering().hooks.event else { return false };
    let data = id.as_mut().map_or(core::ptr::null_mut(), |id| core::ptr::from_mut(id).cast());
    g.unlocked(|| hook(event, data));
    true
}

/// Has the tags of a handle parsed. The path stands behind the place for them.
pub fn parse<H: House<State: Buffered>>(g: &mut Guard<H>, id: i32) {
    let hooks = g.buffering().hooks;
    let Some(handle) = g.buffering().find(id) else { return };
    let (Home::Memory { data, size, .. }, Tags::Due, Some(load)) = (handle.home, handle.tags, hooks.id3_load) else {
        return;
    };
    let behind = data + size as usize;
    handle.tags = Tags::Loading;
    g.unlocked(|| load(behind as *const c_char, data as *mut c_void));
    // Whoever closes it waits until this is over.
    if let Some(handle) = g.buffering().find(id) {
        handle.tags = Tags::None;
        handle.end = handle.filesize;
    }
    H::wake(Channel::Data);
}

/// Tells the program of every handle that has all of its file since the last time; whether the lock was given back.
pub fn announce<H: House<State: Buffered>>(g: &mut Guard<H>) -> bool {
    let mut told = false;
    loop {
        let due: Option<Handle> = (0..g.buffering().all().len()).find_map(|n| {
            let id = g.buffering().all().get(n).filter(|handle| handle.finish_due)?.id;
            look(g, id).filter(|handle| handle.end >= handle.filesize)
        });
        let Some(handle) = due else { return told };
        if let Some(handle) = g.buffering().find(handle.id) {
            handle.finish_due = false;
        }
        told |= event(g, BUFFER_EVENT_FINISHED, Some(handle.id));
    }
}

/// With nothing to read: looks at the level now and then, and tells the program when it is low. Whether the lock was
/// given back.
pub fn watch_level<H: House<State: Buffered>>(g: &mut Guard<H>) -> bool {
    let now = H::ticks();
    let buffering = g.buffering();
    if buffering.all().is_empty() || now.wrapping_sub(buffering.watched) < PULSE {
        return false;
    }
    buffering.watched = now;
    tell_low(g)
}

/// Tells the program that the level is low, if it is; whether it was told.
pub fn tell_low<H: House<State: Buffered>>(g: &mut Guard<H>) -> bool {
    let mark = budget::watermark(g) as u64;
    mark > 0 && budget::sums(g).useful < mark && event(g, BUFFER_EVENT_BUFFER_LOW, None)
}

/// There is no memory for what a reader waits for: the program may close what it can do without.
pub fn call_for_room<H: House<State: Buffered>>(g: &mut Guard<H>, handle: &Handle) {
    if !handle.steady {
        event(g, BUFFER_EVENT_REBUFFER, Some(handle.id));
    }
    let mark = budget::watermark(g) as u64;
    if mark > 0 && budget::sums(g).useful >= mark {
        event(g, BUFFER_EVENT_BUFFER_LOW, None);
    }
}

/// Whether FINISHED will be sent for a handle that was just opened: not for what is complete by nature.
pub fn will_finish(kind: Kind, start: u64, size: u64) -> bool {
    kind != Kind::Bitmap && size > start
}
