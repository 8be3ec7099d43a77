//! What a mapping is for, and what a descriptor allows.

use bitflags::bitflags;

use crate::port::storage::Errno;

bitflags! {
    /// What a descriptor was opened for.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub struct Access: u8 {
        /// Reading.
        const READ = 1;
        /// Writing.
        const WRITE = 2;
    }
}

/// What a mapping was made for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// `MMAP_READ`: pages are declared for reading only.
    Read,
    /// `MMAP_WRITE`: for writing only.
    Write,
    /// `MMAP_READWRITE`: for both.
    Both,
}

impl Mode {
    /// The mode of C's number.
    ///
    /// # Errors
    /// `EINVAL`.
    pub fn of(number: i32) -> Result<Mode, Errno> {
        match number {
            0 => Ok(Mode::Read),
            1 => Ok(Mode::Write),
            2 => Ok(Mode::Both),
            _ => Err(Errno::INVAL),
        }
    }

    /// Whether pages may be declared for reading.
    #[inline]
    pub fn reads(self) -> bool {
        self != Mode::Write
    }

    /// Whether pages may be declared for writing.
    #[inline]
    pub fn writes(self) -> bool {
        self != Mode::Read
    }
}

impl Access {
    /// Whether a mapping of this mode asks for no more.
    pub fn allows(self, mode: Mode) -> bool {
        (!mode.reads() || self.contains(Access::READ)) && (!mode.writes() || self.contains(Access::WRITE))
    }
}
