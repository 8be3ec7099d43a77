//! Files without a cache above the storage but one sector, as players have it: the reference that every figure and every
//! cut is held against.
//!
//! ```text
//!   write(100 B) ──► sector of the descriptor ──► storage      one sector at a time
//!   write(4 KB)  ─────────────────────────────► storage      whole sectors at once, past it
//! ```
//!
//! Every descriptor has one sector; while somebody writes to a file, all its descriptors share one. A sector that was
//! changed is written when another one is needed, and by sync and close.

use std::collections::HashMap;
use std::ffi::CString;
use std::marker::PhantomData;

use rockmem::port::storage::{Errno, How, Names};

use super::files::{Files, Mode};
use super::image::SECTOR;

#[derive(Clone)]
struct Sector {
    number: u64,
    dirty: bool,
    bytes: [u8; SECTOR],
}

struct File {
    stream: i32,
    size: u64,
    users: u32,
    writers: u32,
    shared: Option<Sector>,
}

struct Descriptor {
    file: u64,
    offset: u64,
    mode: Mode,
    own: Option<Sector>,
}

/// The reference over any storage.
pub struct Uncached<H> {
    files: HashMap<u64, File>,
    descriptors: Vec<Option<Descriptor>>,
    /// Sectors of the buffer through which unaligned transfers go.
    pub bounce: Option<usize>,
    /// Sync does nothing: a fault, for tests that must see it.
    pub lazy: bool,
    storage: PhantomData<H>,
}

fn c(path: &str) -> CString {
    CString::new(path).expect("a path without zeros")
}

impl<H: Names> Uncached<H> {
    pub fn new() -> Self {
        Uncached { files: HashMap::new(), descriptors: Vec::new(), bounce: None, lazy: false, storage: PhantomData }
    }

    fn parts(&mut self, fd: i32) -> Result<(&mut File, &mut Descriptor), Errno> {
        let descriptor = self.descriptors.get_mut(fd as usize).and_then(Option::as_mut).ok_or(Errno::BADF)?;
        let file = self.files.get_mut(&descriptor.file).ok_or(Errno::BADF)?;
        Ok((file, descriptor))
    }

    /// Makes the cached sector this one; None for none. What it was is written if it was changed.
    fn turn_to(&mut self, fd: i32, number: Option<u64>, load: bool) -> Result<&mut Option<Sector>, Errno> {
        let (file, descriptor) = self.parts(fd)?;
        let slot = if file.writers > 0 { &mut file.shared } else { &mut descriptor.own };
        if let (Some(sector), Some(number)) = (&slot, number)
            && sector.number == number
        {
            return Ok(slot);
        }
        if let Some(sector) = slot.as_ref().filter(|sector| sector.dirty) {
            Self::store(file.stream, file.size, sector)?;
        }
        *slot = None;
        if let Some(number) = number {
            let mut bytes = [0; SECTOR];
            if load {
                H::read_at(file.stream, number * SECTOR as u64, &mut bytes)?;
            }
            *slot = Some(Sector { number, dirty: false, bytes });
        }
        Ok(slot)
    }

    fn store(stream: i32, size: u64, sector: &Sector) -> Result<(), Errno> {
        let at = sector.number * SECTOR as u64;
        let length = size.saturating_sub(at).min(SECTOR as u64) as usize;
        if length == 0 {
            return Ok(());
        }
        let put = H::write_at(stream, at, &sector.bytes[..length])?;
        if put < length { Err(Errno::NOSPC) } else { Ok(()) }
    }

    /// Whole sectors, as many as go past the cached one in one transfer.
    fn whole(&mut self, fd: i32, offset: u64, length: usize) -> Result<usize, Errno> {
        let bounce = self.bounce;
        let (file, descriptor) = self.parts(fd)?;
        let slot = if file.writers > 0 { &file.shared } else { &descriptor.own };
        let first = offset / SECTOR as u64;
        let mut count = (length / SECTOR).min(super::extents::LONGEST).min(bounce.unwrap_or(usize::MAX));
        if let Some(cached) = slot.as_ref().filter(|sector| sector.number >= first) {
            count = count.min((cached.number - first) as usize);
        }
        Ok(count)
    }

    /// Writes the changed sector of a file, wherever it is.
    fn settle(&mut self, fd: i32) -> Result<(), Errno> {
        let (file, descriptor) = self.parts(fd)?;
        let (stream, size) = (file.stream, file.size);
        for slot in [&mut file.shared, &mut descriptor.own] {
            if let Some(sector) = slot.as_mut().filter(|sector| sector.dirty) {
                Self::store(stream, size, sector)?;
                sector.dirty = false;
            }
        }
        Ok(())
    }

    /// Writes from an offset on; counts what was taken.
    fn put(&mut self, fd: i32, start: u64, from: &[u8], done: &mut usize) -> Result<(), Errno> {
        while *done < from.len() {
            let at = start + *done as u64;
            let (number, skip) = (at / SECTOR as u64, (at % SECTOR as u64) as usize);
            let count = if skip == 0 { self.whole(fd, at, from.len() - *done)? * SECTOR } else { 0 };
            if count > 0 {
                // The sector before goes first: storage grows from front to back.
                self.settle(fd)?;
                let stream = self.parts(fd)?.0.stream;
                let put = H::write_at(stream, at, &from[*done..*done + count])?;
                *done += put;
                let file = self.parts(fd)?.0;
                file.size = file.size.max(start + *done as u64);
                if put < count {
                    break;
                }
                continue;
            }
            let count = (SECTOR - skip).min(from.len() - *done);
            let size = self.parts(fd)?.0.size;
            // A sector that is written whole, or that nothing was in, is not read.
            let load = number * (SECTOR as u64) < size && count < SECTOR;
            if let Some(sector) = self.turn_to(fd, Some(number), load)? {
                sector.bytes[skip..skip + count].copy_from_slice(&from[*done..*done + count]);
                sector.dirty = true;
            }
            *done += count;
            let file = self.parts(fd)?.0;
            file.size = file.size.max(start + *done as u64);
        }
        Ok(())
    }
}

/// What was transferred counts, even before an error.
fn short(done: usize, error: Errno) -> Result<usize, Errno> {
    if done > 0 { Ok(done) } else { Err(error) }
}

impl<H: Names> Files for Uncached<H> {
    fn open(&mut self, path: &str, mode: Mode) -> Result<i32, Errno> {
        let how = if mode == Mode::Read { How::empty() } else { How::WRITE | How::CREATE };
        let opened = H::open(&c(path), how)?;
        let key = opened.identity.file;
        let writes = u32::from(mode != Mode::Read);
        let fresh = !self.files.contains_key(&key);
        let file = self.files.entry(key).or_insert(File {
            stream: opened.stream,
            size: opened.identity.size,
            users: 0,
            writers: 0,
            shared: None,
        });
        if !fresh {
            H::close(opened.stream)?;
        }
        file.users += 1;
        file.writers += writes;
        let fd = self.descriptors.iter().position(Option::is_none).unwrap_or_else(|| {
            self.descriptors.push(None);
            self.descriptors.len() - 1
        });
        self.descriptors[fd] = Some(Descriptor { file: key, offset: 0, mode, own: None });
        if mode == Mode::Create {
            self.truncate(fd as i32, 0)?;
        }
        Ok(fd as i32)
    }

    fn close(&mut self, fd: i32) -> Result<(), Errno> {
        let result = self.settle(fd);
        let (file, descriptor) = self.parts(fd)?;
        let writes = descriptor.mode != Mode::Read;
        let result = match writes {
            true => result.and(H::sync(file.stream).map(drop)),
            false => result,
        };
        file.writers -= u32::from(writes);
        file.users -= 1;
        if file.writers == 0 {
            file.shared = None;
        }
        let key = descriptor.file;
        self.descriptors[fd as usize] = None;
        if self.files[&key].users == 0
            && let Some(file) = self.files.remove(&key)
        {
            return result.and(H::close(file.stream));
        }
        result
    }

    fn read(&mut self, fd: i32, into: &mut [u8]) -> Result<usize, Errno> {
        let (file, descriptor) = self.parts(fd)?;
        let start = descriptor.offset;
        let length = into.len().min(file.size.saturating_sub(start) as usize);
        let mut done = 0;
        while done < length {
            let at = start + done as u64;
            let (number, skip) = (at / SECTOR as u64, (at % SECTOR as u64) as usize);
            let count = if skip == 0 { self.whole(fd, at, length - done)? * SECTOR } else { 0 };
            if count > 0 {
                let stream = self.parts(fd)?.0.stream;
                if let Err(error) = H::read_at(stream, at, &mut into[done..done + count]) {
                    self.parts(fd)?.1.offset = at;
                    return short(done, error);
                }
                done += count;
                continue;
            }
            let count = (SECTOR - skip).min(length - done);
            match self.turn_to(fd, Some(number), true) {
                Ok(Some(sector)) => into[done..done + count].copy_from_slice(&sector.bytes[skip..skip + count]),
                Ok(None) => {}
                Err(error) => {
                    self.parts(fd)?.1.offset = at;
                    return short(done, error);
                }
            }
            done += count;
        }
        self.parts(fd)?.1.offset = start + done as u64;
        Ok(done)
    }

    fn write(&mut self, fd: i32, from: &[u8]) -> Result<usize, Errno> {
        let (file, descriptor) = self.parts(fd)?;
        if descriptor.mode == Mode::Read {
            return Err(Errno::BADF);
        }
        if descriptor.mode == Mode::Append {
            descriptor.offset = file.size;
        }
        let start = descriptor.offset;
        let mut done = 0;
        let result = self.put(fd, start, from, &mut done);
        self.parts(fd)?.1.offset = start + done as u64;
        result.map_or_else(|error| short(done, error), |()| Ok(done))
    }

    fn seek(&mut self, fd: i32, to: u64) -> Result<(), Errno> {
        let (file, descriptor) = self.parts(fd)?;
        if to > file.size {
            return Err(Errno::INVAL);
        }
        descriptor.offset = to;
        Ok(())
    }

    fn truncate(&mut self, fd: i32, size: u64) -> Result<(), Errno> {
        let (file, _) = self.parts(fd)?;
        if size >= file.size {
            return Ok(());
        }
        let stream = file.stream;
        let last = size / SECTOR as u64;
        if let Some(sector) = &mut file.shared {
            match sector.number {
                number if number > last || number == last && size.is_multiple_of(SECTOR as u64) => file.shared = None,
                number if number == last => sector.bytes[(size % SECTOR as u64) as usize..].fill(0),
                _ => {}
            }
        }
        file.size = size;
        self.settle(fd)?;
        H::truncate(stream, size)
    }

    fn sync(&mut self, fd: i32) -> Result<(), Errno> {
        if self.lazy {
            return Ok(());
        }
        self.settle(fd)?;
        H::sync(self.parts(fd)?.0.stream).map(drop)
    }

    fn remove(&mut self, path: &str) -> Result<(), Errno> {
        H::remove(&c(path)).map(drop)
    }

    fn rename(&mut self, from: &str, to: &str) -> Result<(), Errno> {
        H::rename(&c(from), &c(to)).map(drop)
    }
}
