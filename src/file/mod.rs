//! Floor 5: descriptors.
//!
//! ```text
//!    fd 0 … 30 ──► { under, mode, offset, pattern }
//!                      │
//!                      ├ Cached(object)   floor 4: the segment cache       image, model
//!                      └ Passed(stream)   direct.rs: straight to storage   files that the system below caches
//! ```
//!
//! A descriptor is an offset into a file, what it may be used for, and how its owner reads it. The size is the file's: all
//! descriptors see the same. What the calls mean is what the tree's own mean: seeking beyond the end is an error, shortening
//! never lengthens, a file has at most 2^31 - 1 bytes, and whoever transfers some bytes before an error hears of the error
//! from the next call.
//!
//! `open.rs` makes and ends descriptors, `transfer.rs` moves bytes, `length.rs` and `names.rs` the rest. In the tree the
//! descriptors are its own file.c's: `tree.rs`.

mod direct;
mod length;
mod names;
mod open;
mod transfer;
pub mod tree;

use bitflags::bitflags;

use crate::cache::Cached;
use crate::cache::pattern::Pattern;
use crate::mmap::mapping::Mapped;
use crate::mmap::object::Flags;
use crate::port::monitor::{Guard, House};
use crate::port::storage::Errno;

pub use length::{same, size, sync, truncate};
pub use names::{exists, remove, rename};
pub use open::{close, open};
pub use transfer::{Whence, read, seek, write};

/// How many descriptors there are, as in the tree.
pub const DESCRIPTORS: usize = 31;

/// The largest size of a file.
pub const LARGEST: u64 = 0x7FFF_FFFF;

bitflags! {
    /// How a descriptor is opened.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub struct Mode: u8 {
        /// For reading.
        const READ = 1;
        /// For writing.
        const WRITE = 2;
        /// Every write goes to the end of the file.
        const APPEND = 4;
        /// An empty file is made where there is none.
        const CREATE = 8;
        /// With `CREATE`: a file that exists is an error.
        const EXCLUSIVE = 16;
        /// What is in the file goes.
        const TRUNCATE = 32;
    }
}

/// Where the bytes of a descriptor's file are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Under {
    /// In the segment cache: the file's object.
    Cached(u16),
    /// In storage that caches by itself: its stream.
    Passed(i32),
}

/// One descriptor.
#[derive(Clone, Copy)]
struct Descriptor {
    under: Under,
    open: bool,
    /// Calls under way; the slot is free when it is closed and they are gone.
    uses: u16,
    /// Counts its openings, so that a call that comes back finds whether it is still the same.
    generation: u16,
    mode: Mode,
    /// Something was written through it that nobody has synced.
    wrote: bool,
    offset: u64,
    pattern: Pattern,
}

/// All descriptors.
pub struct Files {
    table: [Descriptor; DESCRIPTORS],
}

/// A state with descriptors in it.
pub trait Filed: Cached {
    /// The descriptors.
    fn files(&mut self) -> &mut Files;
}

impl Files {
    /// None open.
    pub const fn new() -> Self {
        const CLOSED: Descriptor = Descriptor {
            under: Under::Cached(0),
            open: false,
            uses: 0,
            generation: 0,
            mode: Mode::empty(),
            wrote: false,
            offset: 0,
            pattern: Pattern::new(),
        };
        Files { table: [CLOSED; DESCRIPTORS] }
    }

    fn at(&mut self, fd: i32) -> Result<&mut Descriptor, Errno> {
        usize::try_from(fd)
            .ok()
            .and_then(|fd| self.table.get_mut(fd))
            .filter(|descriptor| descriptor.open)
            .ok_or(Errno::BADF)
    }

    /// The descriptor of a call that has come back, if it is still the same.
    fn again(&mut self, fd: i32, before: &Descriptor) -> Option<&mut Descriptor> {
        self.at(fd).ok().filter(|now| now.generation == before.generation)
    }
}

/// A descriptor whose volume is there.
///
/// # Errors
/// `EBADF`; `ENXIO`.
fn living<H: House<State: Filed>>(g: &mut Guard<H>, fd: i32) -> Result<Descriptor, Errno> {
    let descriptor = *g.files().at(fd)?;
    match descriptor.under {
        Under::Cached(object) if g.maps().objects[object].flags.contains(Flags::GONE) => Err(Errno::NXIO),
        _ => Ok(descriptor),
    }
}

/// Where the bytes of a descriptor's file are, and what the descriptor was opened for.
///
/// # Errors
/// `EBADF`; `ENXIO`: its volume is gone.
pub fn under<H: House<State: Filed>>(g: &mut Guard<H>, fd: i32) -> Result<(Under, Mode), Errno> {
    living(g, fd).map(|descriptor| (descriptor.under, descriptor.mode))
}

/// The object of a descriptor's file.
///
/// # Errors
/// `EBADF`, also for a file that is cached below; `ENXIO`.
pub fn object<H: House<State: Filed>>(g: &mut Guard<H>, fd: i32) -> Result<u16, Errno> {
    match living(g, fd)?.under {
        Under::Cached(object) => Ok(object),
        Under::Passed(_) => Err(Errno::BADF),
    }
}

#[cfg(test)]
mod tests;
