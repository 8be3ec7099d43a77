//! The file as mappings see it: one object per file, however often it is open.
//!
//! ```text
//!    descriptors, mappings, handles ──users──┐
//!    mappings and segments ───────mappings───┤
//!                                            ▼
//!                       identity ── size ── stream
//! ```
//!
//! The stream is open while anybody uses the file, and as long as something waits to be written through it. An object
//! outlives its last user as long as it has segments: when the same file is opened again, its identity finds the object
//! and the data is still there. A file that was changed meanwhile gets a new object; the old one is stale, and goes with
//! its last user.

use bitflags::bitflags;

use super::mapping::NONE;
use crate::port::storage::{Errno, Identity, Opened};

/// No stream.
const CLOSED: i32 = -1;

/// One file.
#[derive(Clone, Copy)]
pub struct Object {
    /// Which file it is, as storage last said.
    pub identity: Identity,
    /// Its length now, with what is not written back yet.
    pub size: u64,
    /// Its length in storage.
    pub stored: u64,
    /// The first byte of what is needed next; see `cache::keep`.
    pub keep_from: u64,
    /// The end of it; nothing is kept when it equals `keep_from`.
    pub keep_to: u64,
    /// The bytes of a write that goes past the cache just now; none when both are the same.
    pub direct: (u64, u64),
    /// The end of a write under way that makes it longer, up to which it may count on room; 0 for none.
    pub growing: u64,
    stream: i32,
    users: u32,
    /// Mappings over it, segments included.
    pub mappings: u32,
    /// Bytes of its segments.
    pub cached: u64,
    /// Counts what is in memory no longer: who knew looks again when it has changed.
    pub losses: u32,
    /// Counts the changes of its bytes.
    pub version: u32,
    /// When it was last opened, on the count of opens.
    pub opened: u32,
    /// When the oldest of its dirty bytes became dirty, in ticks.
    pub dirtied: u32,
    /// What it grows by in storage, in bytes; 0 until storage was asked.
    pub unit: u32,
    /// Transfers under way through its stream.
    pub transfers: u16,
    /// Writes by offset under way.
    pub writers: u16,
    /// Lone reads that were not in memory, since it was opened.
    pub lone: u16,
    /// Segments of it that went because memory was short, lately.
    pub lost: u16,
    /// Segments of it that streams need, soon or later.
    pub needed: u16,
    /// Its first region.
    pub regions: u16,
    /// Its first and its last dirty mapping.
    pub dirty: (u16, u16),
    /// The first failure to bring it to the disk that nobody was told of; 0 is none.
    pub error: i32,
    /// What is true of it.
    pub flags: Flags,
}

bitflags! {
    /// What is true of a file.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub struct Flags: u16 {
        /// The slot holds a file.
        const USED = 1;
        /// Another version of the file has taken its place, or its name is gone: nobody finds it again.
        const STALE = 2;
        /// Its stream can write.
        const WRITABLE = 4;
        /// Storage has been changed through it since it was last synced.
        const UNSYNCED = 8;
        /// Somebody is writing it back.
        const SWEPT = 16;
        /// Its last name is gone: what is dirty need not be written when nobody has it open any more.
        const REMOVED = 32;
        /// Its volume is gone: every call fails.
        const GONE = 64;
        /// Somebody is making it longer.
        const GROWING = 256;
        /// Storage has been changed through it since somebody opened it first: size and date are what we made them.
        const WRITTEN = 512;
        /// Somebody is bringing it to the disk.
        const SYNCING = 1024;
        /// Its writes go to storage at once.
        const THROUGH = 128;
        /// Somebody cuts it, or waits for that: no new write by offset begins.
        const CUT = 2048;
    }
}

impl Object {
    /// An empty slot.
    pub const FREE: Object = Object {
        identity: Identity { volume: 0, file: 0, size: 0, stamp: 0 },
        size: 0,
        stored: 0,
        keep_from: 0,
        keep_to: 0,
        direct: (0, 0),
        growing: 0,
        stream: CLOSED,
        users: 0,
        mappings: 0,
        cached: 0,
        losses: 0,
        version: 0,
        opened: 0,
        dirtied: 0,
        unit: 0,
        transfers: 0,
        writers: 0,
        lone: 0,
        lost: 0,
        needed: 0,
        regions: NONE,
        dirty: (NONE, NONE),
        error: 0,
        flags: Flags::empty(),
    };

    /// How many files can be known at once, open or remembered, beside so many mappings.
    pub fn how_many(mappings: u16) -> usize {
        usize::from(mappings / 3).clamp(64, 448)
    }

    /// The file turned out to be shorter than it was when it was opened: this object ends there, and the next opening
    /// makes a new one.
    pub fn shorten(&mut self, size: u64) {
        self.size = size;
        self.stored = size;
        self.flags |= Flags::STALE;
    }

    /// An object for a file that was just opened, with one user.
    pub fn new(opened: Opened) -> Object {
        let writable = if opened.writable { Flags::WRITABLE } else { Flags::empty() };
        let (size, stream) = (opened.identity.size, opened.stream);
        let flags = Flags::USED | writable;
        Object { identity: opened.identity, size, stored: size, stream, users: 1, flags, ..Self::FREE }
    }

    /// Whether the slot holds a file.
    pub fn used(&self) -> bool {
        self.flags.contains(Flags::USED)
    }

    /// Whether nobody finds it again.
    pub fn stale(&self) -> bool {
        self.flags.contains(Flags::STALE)
    }

    /// Whether anybody has it open, or storage waits for what is dirty.
    pub fn open(&self) -> bool {
        self.users > 0 || self.stream != CLOSED
    }

    /// Who has it open.
    pub fn users(&self) -> u32 {
        self.users
    }

    /// Storage's number for it, while it is open.
    pub fn stream(&self) -> i32 {
        self.stream
    }

    /// Bytes of it have changed: whoever knew them looks again.
    pub fn change(&mut self) {
        self.version = self.version.wrapping_add(1);
    }

    /// Something could not be brought to the disk, and whoever is to know asks later.
    pub fn remember(&mut self, error: Errno) {
        if self.error == 0 {
            self.error = error.0;
        }
    }

    /// One user more of an open file.
    pub fn hold(&mut self) {
        self.users += 1;
    }

    /// One user more, who brings a stream. The stream that is not needed comes back, for closing. No transfer is under
    /// way.
    pub fn reopen(&mut self, opened: Opened) -> Option<i32> {
        self.users += 1;
        let better = opened.writable && !self.flags.contains(Flags::WRITABLE);
        if self.stream != CLOSED && !better {
            return Some(opened.stream);
        }
        self.flags.set(Flags::WRITABLE, opened.writable);
        Some(core::mem::replace(&mut self.stream, opened.stream)).filter(|stream| *stream != CLOSED)
    }

    /// One user less. The last one gets the stream, for closing, unless something waits to be written through it, and can
    /// be.
    pub fn release(&mut self) -> Option<i32> {
        self.users = self.users.saturating_sub(1);
        if self.users == 0 {
            self.flags -= Flags::WRITTEN;
        }
        (self.users == 0 && (self.settled() || self.flags.contains(Flags::GONE)))
            .then(|| core::mem::replace(&mut self.stream, CLOSED))
            .filter(|s| *s != CLOSED)
    }

    /// Takes the stream away from a file that nobody uses, whatever waits to be written: for closing.
    pub fn abandon(&mut self) -> Option<i32> {
        Some(core::mem::replace(&mut self.stream, CLOSED)).filter(|stream| *stream != CLOSED)
    }

    /// Whether storage has all of it.
    pub fn settled(&self) -> bool {
        self.dirty.0 == NONE && !self.flags.contains(Flags::UNSYNCED)
    }

    /// Whether nothing hangs on it any more.
    pub fn idle(&self) -> bool {
        self.used() && !self.open() && self.mappings == 0
    }

    /// Whether some of these bytes are being written past the cache.
    pub fn written_past(&self, from: u64, to: u64) -> bool {
        from < self.direct.1 && to > self.direct.0
    }

    /// Whether storage is cutting it just now: it may end as before.
    pub fn being_cut(&self) -> bool {
        self.direct.1 == u64::MAX
    }

    /// Bytes of clusters that it will take and has not yet.
    pub fn reserved(&self) -> u64 {
        match u64::from(self.unit) {
            0 => 0,
            unit => {
                let size = self.size.max(self.growing);
                size.next_multiple_of(unit).saturating_sub(self.stored.next_multiple_of(unit))
            }
        }
    }
}
