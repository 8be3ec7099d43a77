//! Our files, floor 5 and mappings, over any port.

use std::ffi::CString;
use std::marker::PhantomData;

use rockmem::buflib::Pool;
use rockmem::cache::flush;
use rockmem::file::{self, Filed, Mode as Flags, Under, Whence};
use rockmem::mmap::callers;
use rockmem::mmap::mode::Mode as Access;
use rockmem::port::monitor::{Guard, House};
use rockmem::port::storage::{Errno, Names};

use super::files::{Files, Mode};

/// Our files.
pub struct Ours<H> {
    pool: Pool,
    house: PhantomData<H>,
}

fn c(path: &str) -> CString {
    CString::new(path).expect("a path without zeros")
}

impl<H: House<State: Filed> + Names> Ours<H> {
    pub fn new(pool: Pool) -> Ours<H> {
        Ours { pool, house: PhantomData }
    }

    pub fn enter(&self) -> Guard<H> {
        H::monitor().enter()
    }

    /// Declares, holds and changes a range of a mapping.
    fn change(&self, md: i32, at: usize, bytes: &[u8]) -> Result<(), Errno> {
        let mut g = self.enter();
        callers::write(&mut g, md, at, bytes.len())?;
        let start = callers::get(&mut g, md)?;
        drop(g);
        // SAFETY: the mapping reaches as far, is held, and nobody else maps this range.
        unsafe { start.add(at).copy_from(bytes.as_ptr(), bytes.len()) }
        callers::put(&mut self.enter(), md)
    }

    /// Somebody takes all memory that is left, and holds it: what was taken.
    pub fn fill(&mut self) -> Vec<i32> {
        // The tables of the floors and the reserve are theirs before.
        rockmem::cache::prepare(&mut self.enter(), self.pool).expect("a pool that has room for them");
        let mut taken = Vec::new();
        loop {
            let mut size = 0;
            let handle = self.pool.alloc_maximum(&mut size, rockmem::mmap::memory::fixed());
            if handle <= 0 {
                return taken;
            }
            taken.push(handle);
        }
    }
}

impl<H: House<State: Filed> + Names> Files for Ours<H> {
    fn open(&mut self, path: &str, mode: Mode) -> Result<i32, Errno> {
        let flags = match mode {
            Mode::Read => Flags::READ,
            Mode::Write => Flags::READ | Flags::WRITE | Flags::CREATE,
            Mode::Create => Flags::READ | Flags::WRITE | Flags::CREATE | Flags::TRUNCATE,
            Mode::Append => Flags::READ | Flags::WRITE | Flags::CREATE | Flags::APPEND,
        };
        file::open(&mut self.enter(), self.pool, &c(path), flags)
    }

    fn close(&mut self, fd: i32) -> Result<(), Errno> {
        file::close(&mut self.enter(), fd)
    }

    fn read(&mut self, fd: i32, into: &mut [u8]) -> Result<usize, Errno> {
        file::read(&mut self.enter(), fd, into)
    }

    fn write(&mut self, fd: i32, from: &[u8]) -> Result<usize, Errno> {
        file::write(&mut self.enter(), fd, from)
    }

    fn seek(&mut self, fd: i32, to: u64) -> Result<(), Errno> {
        file::seek(&mut self.enter(), fd, to as i64, Whence::Set).map(drop)
    }

    fn truncate(&mut self, fd: i32, size: u64) -> Result<(), Errno> {
        file::truncate(&mut self.enter(), fd, size as i64)
    }

    fn sync(&mut self, fd: i32) -> Result<(), Errno> {
        file::sync(&mut self.enter(), fd)
    }

    fn remove(&mut self, path: &str) -> Result<(), Errno> {
        file::remove(&mut self.enter(), &c(path))
    }

    fn rename(&mut self, from: &str, to: &str) -> Result<(), Errno> {
        file::rename(&mut self.enter(), &c(from), &c(to))
    }

    fn map_write(&mut self, fd: i32, at: u64, bytes: &[u8]) -> Result<(), Errno> {
        let sector = H::SECTOR as u64;
        let (from, skip) = (at - at % sector, (at % sector) as usize);
        let (object, length) = {
            let (under, _) = file::under(&mut self.enter(), fd)?;
            let Under::Cached(object) = under else { return Err(Errno::BADF) };
            (object, skip + bytes.len())
        };
        let md = callers::create(&mut self.enter(), self.pool, object, Access::Both, from, length)?;
        let changed = self.change(md, skip, bytes);
        let ended = callers::destroy(&mut self.enter(), md, length);
        changed.and(ended)
    }

    fn evict(&mut self) {
        for handle in self.fill() {
            self.pool.free(handle);
        }
    }

    fn idle(&mut self) {
        // What fails is the files', and told by their next sync or close.
        let _ = flush::idle(&mut self.enter(), false);
    }
}
