//! What `mmap_create` and its family mean over the system's `mmap`.

use super::files::{join, leave, order, refit, stream};
use super::held::Held;
use super::slot::{FIRST, Slot, Will};
use crate::mmap::mode::{Access, Mode};
use crate::port::storage::Errno;
use crate::port::types::Off;

pub use crate::port::region::{Stream, page};

/// A mapping of this engine, by its number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mapping(i32);

/// Whether a number is a mapping of this engine, and pages of it were declared for reading before: all that a call for
/// such pages has to find out. False says nothing.
#[inline(always)]
pub fn readable(md: i32, offset: usize, length: usize) -> bool {
    Slot::of(md).declared(md, Will::Read, offset, length)
}

/// The same for writing.
#[inline(always)]
pub fn writable(md: i32, offset: usize, length: usize) -> bool {
    Slot::of(md).declared(md, Will::Write, offset, length)
}

/// How often a declaration is begun anew because the file's length changes.
const TRIES: usize = 4;

impl Mapping {
    /// The mapping of a number, if the number is of this engine.
    #[inline]
    pub fn of(md: i32) -> Option<Mapping> {
        (md >= FIRST).then_some(Mapping(md))
    }

    /// Its number.
    pub fn number(self) -> i32 {
        self.0
    }

    /// Maps `length` bytes of a file from `offset` on. The mapping keeps the file open by the stream, or by one that
    /// other mappings of the same file have already.
    ///
    /// # Errors
    /// `EACCES` for what is no ordinary file, or was not opened for reading, or not for writing where the mode needs it:
    /// this engine cannot write what it cannot read; `EINVAL` for no length, an offset that is no multiple of the page, a
    /// range that no file has; `ENOMEM`; `EMFILE`.
    pub fn create(file: Stream, access: Access, mode: Mode, offset: u64, length: usize) -> Result<Mapping, Errno> {
        let key = file.key()?;
        let needed = if mode.writes() { Access::all() } else { Access::READ };
        if !access.contains(needed) {
            return Err(Errno::ACCES);
        }
        let end = offset.checked_add(length as u64).filter(|end| Off::try_from(*end).is_ok());
        if length == 0 || end.is_none() || !offset.is_multiple_of(page() as u64) {
            return Err(Errno::INVAL);
        }
        let _order = order(key);
        let file = stream(key, mode.writes(), file);
        join(Held::new(key, file, offset, length, mode)?).map(Mapping)
    }

    /// Declares that a range will be read: afterwards its bytes are there, and can be touched.
    ///
    /// # Errors
    /// `EBADF`; `EINVAL` for a range outside the mapping; `EACCES` in a mapping for writing; the device's.
    pub fn read(self, offset: usize, length: usize) -> Result<(), Errno> {
        self.declare(Will::Read, offset, length)
    }

    /// Declares that a range will be changed: afterwards its bytes are there, and can be changed.
    ///
    /// # Errors
    /// `EBADF`; `EINVAL` for a range outside the mapping; `EACCES` in a mapping for reading; `ENOSPC` when the volume
    /// has no room for a part of the file that had none; the device's.
    pub fn write(self, offset: usize, length: usize) -> Result<(), Errno> {
        self.declare(Will::Write, offset, length)
    }

    fn declare(self, will: Will, offset: usize, length: usize) -> Result<(), Errno> {
        let slot = Slot::of(self.0);
        if slot.declared_all(self.0, will, offset, length) {
            return Ok(());
        }
        for tries in (0..TRIES).rev() {
            {
                let held = slot.held.read();
                let held = held.as_ref().filter(|_| slot.is(self.0)).ok_or(Errno::BADF)?;
                if !held.contains(offset, length) {
                    return Err(Errno::INVAL);
                }
                if !(if will == Will::Read { held.mode.reads() } else { held.mode.writes() }) {
                    return Err(Errno::ACCES);
                }
                // The end of the file may have moved, by us or by another process; if it moves while we populate, what
                // failed is judged anew.
                let fits = || held.file.size().map(|size| held.fits(size));
                let answer = match fits() {
                    Ok(false) if tries > 0 => None,
                    Ok(_) => match held.populate(will, offset, length) {
                        Err(_) if tries > 0 && fits() == Ok(false) => None,
                        answer => Some(answer),
                    },
                    Err(error) => Some(Err(error)),
                };
                if let Some(answer) = answer {
                    return answer.inspect_err(|error| slot.remember(*error));
                }
            }
            refit(self.0)?;
        }
        Ok(())
    }

    /// Writes what was changed in a range to the disk, and waits.
    ///
    /// # Errors
    /// `EBADF`; `EINVAL` for a range outside the mapping; the device's.
    pub fn sync(self, offset: usize, length: usize) -> Result<(), Errno> {
        let slot = Slot::of(self.0);
        let held = slot.held.read();
        let held = held.as_ref().filter(|_| slot.is(self.0)).ok_or(Errno::BADF)?;
        if !held.contains(offset, length) {
            return Err(Errno::INVAL);
        }
        held.sync(offset, length).inspect_err(|error| slot.remember(*error))
    }

    /// Where the mapping's first byte is; it stays there, but must be given back with [`Mapping::put`].
    ///
    /// # Errors
    /// `EBADF`; `EBUSY` after 65,535 gets.
    #[inline]
    pub fn get(self) -> Result<*mut u8, Errno> {
        Slot::of(self.0).get(self.0)
    }

    /// Ends one get.
    ///
    /// # Errors
    /// `EBADF`; `EINVAL` for one too many.
    #[inline]
    pub fn put(self) -> Result<(), Errno> {
        Slot::of(self.0).put(self.0)
    }

    /// The first error since the last call; None if there was none.
    ///
    /// # Errors
    /// `EBADF`.
    pub fn error(self) -> Result<Option<Errno>, Errno> {
        Slot::of(self.0).error(self.0)
    }

    /// Ends a mapping. Its changes are the system's, which writes them in its own time; with `wait` they are on the disk
    /// when this returns. If that fails the mapping ends all the same, and the file's next fsync or close fails too.
    ///
    /// # Errors
    /// `EBADF`; `EINVAL` when `length` is not the length it was made with; `EBUSY` while a get is outstanding: the
    /// mapping stays as it was. With `wait`, the device's: the mapping has ended.
    pub fn destroy(self, length: usize, wait: bool) -> Result<(), Errno> {
        let slot = Slot::of(self.0);
        let (key, written) = {
            let held = slot.held.read();
            let held = held.as_ref().filter(|_| slot.is(self.0)).ok_or(Errno::BADF)?;
            if held.length != length {
                return Err(Errno::INVAL);
            }
            if slot.gets() > 0 {
                return Err(Errno::BUSY);
            }
            (held.key, if wait { held.sync_all() } else { Ok(()) })
        };
        let _order = order(key);
        let held = slot.close(self.0, length)?;
        if let Ok(size) = held.file.size() {
            held.clear_behind(size);
        }
        leave(Slot::index(self.0), held, written);
        written
    }
}
