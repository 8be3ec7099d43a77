//! Directories, read and changed by the crate `fatfs`.
//!
//! ```text
//!    fatfs ──► Window ──► sectors: reads see all changes, changes wait ──► commit, in an order of ours
//! ```
//!
//! The crate writes field by field, frees a file's clusters before its entry is gone, and renames by deleting first. None
//! of that reaches the disk: it works on the changes that wait in [`Sectors`], and [`Volume`](super::Volume) commits the
//! result so that the one sector which makes the difference goes last, or first.

use core::cell::{Cell, RefCell};
use std::ffi::CStr;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::string::String;
use std::time::{SystemTime, UNIX_EPOCH};
use std::vec::Vec;

use fatfs::{Date, DateTime, Dir, FileSystem, FsOptions, Time, TimeProvider};

use super::sectors::Sectors;
use super::table::Layout;
use crate::port::storage::Errno;

/// Bytes of a directory entry.
pub const ENTRY: usize = 32;

/// The time of day, for the crate.
#[derive(Debug)]
struct Clock;

static CLOCK: Clock = Clock;

impl TimeProvider for Clock {
    fn get_current_date(&self) -> Date {
        self.get_current_date_time().date
    }

    fn get_current_date_time(&self) -> DateTime {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let seconds = since.as_secs();
        // Days to a date, counted in years that begin in March.
        let days = (seconds / 86400) as i64 + 719_468;
        let (era, day) = (days.div_euclid(146_097), days.rem_euclid(146_097));
        let year = (day - day / 1460 + day / 36524 - day / 146_096) / 365;
        let day = day - (365 * year + year / 4 - year / 100);
        let month = (5 * day + 2) / 153;
        let year = year + era * 400 + i64::from(month >= 10);
        let date = Date {
            year: year.clamp(1980, 2107) as u16,
            month: (if month < 10 { month + 3 } else { month - 9 }) as u16,
            day: (day - (153 * month + 2) / 5 + 1) as u16,
        };
        let second = seconds % 86400;
        let (hour, min, sec) = ((second / 3600) as u16, (second / 60 % 60) as u16, (second % 60) as u16);
        DateTime { date, time: Time { hour, min, sec, millis: 0 } }
    }
}

/// Now, as a directory entry has it: time and date.
pub fn now() -> (u16, u16) {
    let DateTime { date, time } = CLOCK.get_current_date_time();
    ((time.hour << 11) | (time.min << 5) | (time.sec / 2), ((date.year - 1980) << 9) | (date.month << 5) | date.day)
}

/// The disk as the crate sees it.
pub struct Window<'a> {
    sectors: &'a RefCell<Sectors>,
    /// Where the crate last read: an iterator that yields an entry has just read it.
    last: &'a Cell<u64>,
    at: u64,
    /// The boot sectors are not the crate's to change.
    floor: u64,
}

impl<'a> Window<'a> {
    /// All of the disk, boot sectors included.
    pub fn whole(sectors: &'a RefCell<Sectors>, last: &'a Cell<u64>) -> Window<'a> {
        Window { sectors, last, at: 0, floor: 0 }
    }
}

fn to_io(error: Errno) -> io::Error {
    io::Error::from_raw_os_error(error.0)
}

/// What the crate means.
fn errno(error: &io::Error) -> Errno {
    match (error.raw_os_error(), error.kind()) {
        (Some(number), _) => Errno(number),
        (None, io::ErrorKind::NotFound) => Errno::NOENT,
        (None, io::ErrorKind::AlreadyExists) => Errno::EXIST,
        (None, io::ErrorKind::InvalidInput) => Errno::INVAL,
        // It has no kind of its own for a full volume, and a full root directory takes no more bytes.
        (None, io::ErrorKind::WriteZero | io::ErrorKind::Other) => Errno::NOSPC,
        _ => Errno::IO,
    }
}

impl Read for Window<'_> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        self.sectors.borrow_mut().read(self.at, buf).map_err(to_io)?;
        self.at += buf.len() as u64;
        self.last.set(self.at);
        Ok(buf.len())
    }
}

impl Write for Window<'_> {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        if self.at >= self.floor {
            self.sectors.borrow_mut().change(self.at, buf).map_err(to_io)?;
        }
        self.at += buf.len() as u64;
        Ok(buf.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Seek for Window<'_> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let target = match to {
            SeekFrom::Start(at) => Some(at),
            SeekFrom::Current(by) => self.at.checked_add_signed(by),
            SeekFrom::End(by) => self.sectors.borrow().bytes().checked_add_signed(by),
        };
        self.at = target.ok_or(io::ErrorKind::InvalidInput)?;
        Ok(self.at)
    }
}

/// An entry of a directory.
#[derive(Clone, Copy, Debug)]
pub struct Found {
    /// Its place on the disk, in bytes.
    pub at: u64,
    /// What it says.
    pub raw: [u8; ENTRY],
}

impl Found {
    /// The first cluster; 0 if there is none.
    pub fn first(&self) -> u32 {
        let half = |at: usize| u32::from(u16::from_le_bytes([self.raw[at], self.raw[at + 1]]));
        half(26) | half(20) << 16
    }

    /// The length in bytes.
    pub fn size(&self) -> u64 {
        u64::from(u32::from_le_bytes([self.raw[28], self.raw[29], self.raw[30], self.raw[31]]))
    }

    /// Whether it is a directory.
    pub fn is_directory(&self) -> bool {
        self.raw[11] & 0x10 != 0
    }

    /// Whether it may only be read.
    pub fn is_read_only(&self) -> bool {
        self.raw[11] & 1 != 0
    }
}

/// A path in its parts; `.` and empty ones left out. `ENOENT` for a path of nothing, as a system has it.
pub fn parts(path: &CStr) -> Result<Vec<&str>, Errno> {
    if path.is_empty() {
        return Err(Errno::NOENT);
    }
    let mut parts = Vec::new();
    for part in path.to_str().map_err(|_| Errno::INVAL)?.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    Ok(parts)
}

/// The directories of a volume, for one operation.
pub struct Tree<'a> {
    fs: FileSystem<Window<'a>>,
    sectors: &'a RefCell<Sectors>,
    last: &'a Cell<u64>,
}

/// One directory.
pub type Directory<'a, 'b> = Dir<'b, Window<'a>>;

impl<'a> Tree<'a> {
    /// Opens it. `last` is a cell for its use.
    pub fn new(sectors: &'a RefCell<Sectors>, layout: &Layout, last: &'a Cell<u64>) -> Result<Tree<'a>, Errno> {
        let window = Window { sectors, last, at: 0, floor: layout.table };
        let options = FsOptions::new().time_provider(&CLOCK);
        let fs = FileSystem::new(window, options).map_err(|error| errno(&error))?;
        Ok(Tree { fs, sectors, last })
    }

    /// The directory of these parts, and the entries that lead there.
    pub fn walk(&self, parts: &[&str]) -> Result<(Directory<'a, '_>, Vec<Found>), Errno> {
        let mut dir = self.fs.root_dir();
        let mut way = Vec::new();
        for part in parts {
            let found = self.look(&dir, part)?.ok_or(Errno::NOENT)?;
            if !found.is_directory() {
                return Err(Errno(libc::ENOTDIR));
            }
            way.push(found);
            dir = dir.open_dir(part).map_err(|error| errno(&error))?;
        }
        Ok((dir, way))
    }

    /// Looks a name up.
    pub fn look(&self, dir: &Directory<'a, '_>, name: &str) -> Result<Option<Found>, Errno> {
        let upper = |name: &str| name.chars().flat_map(char::to_uppercase).collect::<String>();
        let wanted = upper(name);
        for entry in dir.iter() {
            let entry = entry.map_err(|error| errno(&error))?;
            if upper(&entry.file_name()) != wanted && upper(&entry.short_file_name()) != wanted {
                continue;
            }
            let at = self.last.get() - ENTRY as u64;
            let mut raw = [0; ENTRY];
            self.sectors.borrow_mut().read(at, &mut raw)?;
            let found = Found { at, raw };
            // It was the last that the crate read: else this is no volume that we understand.
            let same = found.size() == entry.len() && raw[11] & 0x3F == entry.attributes().bits();
            return if same { Ok(Some(found)) } else { Err(Errno::IO) };
        }
        Ok(None)
    }

    /// Makes an empty file or a directory, in the waiting changes.
    ///
    /// # Errors
    /// `EINVAL` for a name that cannot be, `ENAMETOOLONG`, `ENOSPC`; the device's.
    pub fn make(&self, dir: &Directory<'a, '_>, name: &str, directory: bool) -> Result<Found, Errno> {
        if name.len() > 255 {
            return Err(Errno(libc::ENAMETOOLONG));
        }
        if name.chars().any(|c| !(' '..='\u{FFFF}').contains(&c) || "\"*/:<>?\\|\x7F".contains(c)) {
            return Err(Errno::INVAL);
        }
        let made = if directory { dir.create_dir(name).map(drop) } else { dir.create_file(name).map(drop) };
        made.map_err(|error| errno(&error))?;
        self.look(dir, name)?.ok_or(Errno::IO)
    }

    /// Takes a name out of a directory, in the waiting changes. Its clusters stay as they are.
    pub fn unlink(&self, dir: &Directory<'a, '_>, name: &str, found: &Found) -> Result<(), Errno> {
        // Without clusters there is nothing that the crate could free; without the mark it is no full directory.
        self.sectors.borrow_mut().change(found.at + 20, &[0; 2])?;
        self.sectors.borrow_mut().change(found.at + 26, &[0; 2])?;
        self.sectors.borrow_mut().change(found.at + 11, &[found.raw[11] & !0x10])?;
        dir.remove(name).map_err(|error| errno(&error))
    }
}
