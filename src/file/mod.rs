//! Floor 5: descriptors.
//!
//! ```text
//!    fd 0 … 30 ──► { object, offset, pattern } ──► floor 4
//! ```
//!
//! A descriptor is an offset into a file and how its owner reads it. The size is the file's: all descriptors see the
//! same. This floor reads only; a program that asks for writing gets `EROFS`.

use core::ffi::CStr;

use crate::buflib::Pool;
use crate::cache::open::{open as open_file, release};
use crate::cache::pattern::Pattern;
use crate::cache::read::read as read_file;
use crate::cache::{Cached, prepare};
use crate::mmap::mapping::Mapped;
use crate::port::monitor::{Guard, House};
use crate::port::storage::{Errno, How};

/// How many descriptors there are, as in the tree.
pub const DESCRIPTORS: usize = 31;

/// One descriptor.
#[derive(Clone, Copy)]
struct Descriptor {
    object: u16,
    open: bool,
    /// Counts its uses, so that a read that comes back finds whether it is still the same.
    generation: u16,
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

/// What a seek counts from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Whence {
    /// The start of the file.
    Set,
    /// The offset.
    Current,
    /// The end of the file.
    End,
}

impl Files {
    /// None open.
    pub const fn new() -> Self {
        Files {
            table: [Descriptor { object: 0, open: false, generation: 0, offset: 0, pattern: Pattern::new() };
                DESCRIPTORS],
        }
    }

    fn at(&mut self, fd: i32) -> Result<&mut Descriptor, Errno> {
        usize::try_from(fd)
            .ok()
            .and_then(|fd| self.table.get_mut(fd))
            .filter(|descriptor| descriptor.open)
            .ok_or(Errno::BADF)
    }
}

/// Opens a file for reading: the lowest free descriptor.
///
/// # Errors
/// Storage's; `EMFILE`; `ENOMEM` when the pool has no room for the cache's tables.
pub fn open<H: House<State: Filed>>(g: &mut Guard<H>, pool: Pool, path: &CStr) -> Result<i32, Errno> {
    prepare(g, pool)?;
    let object = open_file(g, path, How::empty())?;
    let table = &mut g.files().table;
    let Some(fd) = table.iter().position(|descriptor| !descriptor.open) else {
        let _ = release(g, object);
        return Err(Errno::MFILE);
    };
    table[fd] = Descriptor {
        object,
        open: true,
        generation: table[fd].generation.wrapping_add(1),
        offset: 0,
        pattern: Pattern::new(),
    };
    Ok(fd as i32)
}

/// Closes a descriptor. Mappings of the file, and what is cached of it, stay.
///
/// # Errors
/// `EBADF`.
pub fn close<H: House<State: Filed>>(g: &mut Guard<H>, fd: i32) -> Result<(), Errno> {
    let descriptor = g.files().at(fd)?;
    descriptor.open = false;
    let object = descriptor.object;
    release(g, object)
}

/// Reads from the offset on and moves it: fewer bytes than asked only at the end of the file or before an error, which
/// the next call reports.
///
/// # Errors
/// `EBADF`; the device's.
pub fn read<H: House<State: Filed>>(g: &mut Guard<H>, fd: i32, into: &mut [u8]) -> Result<usize, Errno> {
    let descriptor = *g.files().at(fd)?;
    let mut pattern = descriptor.pattern;
    // A use of our own: the descriptor may be closed while we wait for the disk.
    g.maps().objects[descriptor.object].hold();
    let result = read_file(g, descriptor.object, descriptor.offset, into, &mut pattern);
    let _ = release(g, descriptor.object);
    if let Ok(now) = g.files().at(fd)
        && now.generation == descriptor.generation
    {
        now.pattern = pattern;
        now.offset = descriptor.offset + *result.as_ref().unwrap_or(&0) as u64;
    }
    result
}

/// Moves the offset: where it is now.
///
/// # Errors
/// `EBADF`; `EINVAL` for a place before the start or beyond the end.
pub fn seek<H: House<State: Filed>>(g: &mut Guard<H>, fd: i32, offset: i64, whence: Whence) -> Result<u64, Errno> {
    let descriptor = *g.files().at(fd)?;
    let size = g.maps().objects[descriptor.object].size;
    let base = match whence {
        Whence::Set => 0,
        Whence::Current => descriptor.offset,
        Whence::End => size,
    };
    let target = base.checked_add_signed(offset).filter(|target| *target <= size);
    let target = target.ok_or(Errno::INVAL)?;
    g.files().at(fd)?.offset = target;
    Ok(target)
}

/// The length of the file in bytes.
///
/// # Errors
/// `EBADF`.
pub fn size<H: House<State: Filed>>(g: &mut Guard<H>, fd: i32) -> Result<u64, Errno> {
    let object = object(g, fd)?;
    Ok(g.maps().objects[object].size)
}

/// The object of a descriptor's file.
///
/// # Errors
/// `EBADF`.
pub fn object<H: House<State: Filed>>(g: &mut Guard<H>, fd: i32) -> Result<u16, Errno> {
    Ok(g.files().at(fd)?.object)
}

#[cfg(test)]
mod tests;
