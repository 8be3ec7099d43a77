//! A disk of numbered sectors: an image file, or whatever a test puts in its place.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;

use crate::port::storage::Errno;

/// A device that reads, writes and flushes. Each call is one command.
pub trait Blocks: Send {
    /// Bytes of a sector: a power of two from 512 to 4096.
    fn sector(&self) -> usize;

    /// How many sectors there are.
    fn sectors(&self) -> u64;

    /// Reads whole sectors from this one on.
    ///
    /// # Errors
    /// The device failed: nothing in the buffer counts.
    fn read(&mut self, sector: u64, into: &mut [u8]) -> Result<(), Errno>;

    /// Writes whole sectors from this one on. What was written is on the disk after the next flush, and may be before.
    ///
    /// # Errors
    /// The device failed: what these sectors hold is unknown.
    fn write(&mut self, sector: u64, from: &[u8]) -> Result<(), Errno>;

    /// Brings everything written to the disk.
    ///
    /// # Errors
    /// The device failed: nothing is promised.
    fn flush(&mut self) -> Result<(), Errno>;
}

/// The error number of an I/O error.
pub(super) fn errno(error: &io::Error) -> Errno {
    Errno(error.raw_os_error().unwrap_or(Errno::IO.0))
}

/// An image file as a disk.
#[derive(Debug)]
pub struct Image {
    file: File,
    sector: usize,
    sectors: u64,
}

impl Image {
    /// The image in this file, in sectors of so many bytes.
    ///
    /// # Errors
    /// It cannot be opened for reading and writing.
    pub fn open(path: &Path, sector: usize) -> Result<Image, Errno> {
        let file = OpenOptions::new().read(true).write(true).open(path).map_err(|error| errno(&error))?;
        let bytes = file.metadata().map_err(|error| errno(&error))?.len();
        Ok(Image { file, sector, sectors: bytes / sector as u64 })
    }

    fn at(&self, sector: u64, bytes: usize) -> Result<u64, Errno> {
        let end = sector.checked_add((bytes / self.sector) as u64).filter(|end| *end <= self.sectors);
        end.map(|_| sector * self.sector as u64).ok_or(Errno::IO)
    }
}

impl Blocks for Image {
    fn sector(&self) -> usize {
        self.sector
    }

    fn sectors(&self) -> u64 {
        self.sectors
    }

    fn read(&mut self, sector: u64, into: &mut [u8]) -> Result<(), Errno> {
        let at = self.at(sector, into.len())?;
        self.file.read_exact_at(into, at).map_err(|error| errno(&error))
    }

    fn write(&mut self, sector: u64, from: &[u8]) -> Result<(), Errno> {
        let at = self.at(sector, from.len())?;
        self.file.write_all_at(from, at).map_err(|error| errno(&error))
    }

    fn flush(&mut self) -> Result<(), Errno> {
        self.file.sync_data().map_err(|error| errno(&error))
    }
}
