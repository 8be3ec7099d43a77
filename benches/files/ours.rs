//! Our files over the model port.

use std::ffi::CString;

use rockmem::buflib::Pool;
use rockmem::file::{self, Whence};
use rockmem::port::monitor::{Guard, House};
use rockmem::port::storage::Errno;

use crate::disk::files::{Files, Mode};
use crate::disk::plain::Plain;

pub const WRITES: bool = false;

/// Floor 5.
pub struct Ours {
    pool: Pool,
}

impl Ours {
    pub fn new(pool: Pool) -> Ours {
        Ours { pool }
    }

    /// Somebody takes all memory that is left, and holds it.
    pub fn fill(&mut self) {
        // The first open takes the tables of the floors.
        let _ = self.open("nothing", Mode::Read);
        loop {
            let mut size = 0;
            let handle = self.pool.alloc_maximum(&mut size, rockmem::mmap::memory::fixed());
            if handle <= 0 {
                break;
            }
            self.pool.pin(handle);
        }
    }

    fn enter(&self) -> Guard<Plain> {
        Plain::monitor().enter()
    }
}

impl Files for Ours {
    fn open(&mut self, path: &str, mode: Mode) -> Result<i32, Errno> {
        if mode != Mode::Read {
            return Err(Errno::ROFS);
        }
        let path = CString::new(path).expect("a path without zeros");
        file::open(&mut self.enter(), self.pool, &path, file::Mode::READ)
    }

    fn close(&mut self, fd: i32) -> Result<(), Errno> {
        file::close(&mut self.enter(), fd)
    }

    fn read(&mut self, fd: i32, into: &mut [u8]) -> Result<usize, Errno> {
        file::read(&mut self.enter(), fd, into)
    }

    fn write(&mut self, _fd: i32, _from: &[u8]) -> Result<usize, Errno> {
        Err(Errno::ROFS)
    }

    fn seek(&mut self, fd: i32, to: u64) -> Result<(), Errno> {
        file::seek(&mut self.enter(), fd, to as i64, Whence::Set).map(drop)
    }

    fn truncate(&mut self, _fd: i32, _size: u64) -> Result<(), Errno> {
        Err(Errno::ROFS)
    }

    fn sync(&mut self, _fd: i32) -> Result<(), Errno> {
        Err(Errno::ROFS)
    }

    fn remove(&mut self, _path: &str) -> Result<(), Errno> {
        Err(Errno::ROFS)
    }

    fn rename(&mut self, _from: &str, _to: &str) -> Result<(), Errno> {
        Err(Errno::ROFS)
    }
}
