//! The file as mappings see it: one object per file, however often it is open.
//!
//! ```text
//!    descriptors, mappings, handles ──users──┐
//!    mappings and segments ───────mappings───┤
//!                                            ▼
//!                       identity ── size ── stream
//! ```
//!
//! The stream is open while anybody uses the file. An object outlives its last user as long as it has segments: when
//! the same file is opened again, its identity finds the object and the data is still there. A file that was changed
//! meanwhile gets a new object; the old one is stale, and goes with its last user.

use crate::port::storage::Identity;

/// No stream.
const CLOSED: i32 = -1;

/// One file.
#[derive(Clone, Copy)]
pub struct Object {
    /// Which file it is.
    pub identity: Identity,
    /// Its length now; shorter than the identity's when storage had less.
    pub size: u64,
    /// The first byte of what is needed next, for eviction; see `cache::keep`.
    pub keep_from: u64,
    /// The end of it; nothing is kept when it equals `keep_from`.
    pub keep_to: u64,
    stream: i32,
    users: u32,
    /// Mappings over it, segments included.
    pub mappings: u32,
    /// Counts the mappings that ended: who knew what was in memory looks again when it has changed.
    pub losses: u32,
    /// When it was last opened, on the count of opens.
    pub opened: u32,
    used: bool,
    /// Another version of the file has taken its place.
    pub stale: bool,
}

impl Object {
    /// An empty slot.
    pub const FREE: Object = Object {
        identity: Identity { volume: 0, file: 0, size: 0, stamp: 0 },
        size: 0,
        keep_from: 0,
        keep_to: 0,
        stream: CLOSED,
        users: 0,
        mappings: 0,
        losses: 0,
        opened: 0,
        used: false,
        stale: false,
    };

    /// How many files can be known at once, open or remembered, beside so many mappings.
    pub fn how_many(mappings: u16) -> usize {
        usize::from(mappings / 4).clamp(64, 448)
    }

    /// The file turned out to be shorter than it was when it was opened: this object ends there, and the next opening
    /// makes a new one.
    pub fn shorten(&mut self, size: u64) {
        self.size = size;
        self.stale = true;
    }

    /// An object for a file that was just opened, with one user.
    pub fn new(identity: Identity, stream: i32) -> Object {
        Object { identity, size: identity.size, stream, users: 1, used: true, ..Self::FREE }
    }

    /// Whether the slot holds a file.
    pub fn used(&self) -> bool {
        self.used
    }

    /// Whether anybody has it open.
    pub fn open(&self) -> bool {
        self.users > 0
    }

    /// Storage's number for it, while it is open.
    pub fn stream(&self) -> i32 {
        self.stream
    }

    /// One user more of an open file.
    pub fn hold(&mut self) {
        self.users += 1;
    }

    /// One user more, who brings a stream. A stream that is not needed comes back, for closing.
    pub fn reopen(&mut self, stream: i32) -> Option<i32> {
        self.users += 1;
        if self.stream == CLOSED {
            self.stream = stream;
            None
        } else {
            Some(stream)
        }
    }

    /// One user less. The last one gets the stream, for closing.
    pub fn release(&mut self) -> Option<i32> {
        self.users = self.users.saturating_sub(1);
        (self.users == 0).then(|| core::mem::replace(&mut self.stream, CLOSED))
    }

    /// Whether nothing hangs on it any more.
    pub fn idle(&self) -> bool {
        self.used && self.users == 0 && self.mappings == 0
    }
}
