//! Sectors of metadata: a small write-through cache, and changes that go out together.
//!
//! ```text
//!    read ──► changed, in the order of their first change ──► lines ──► disk
//!    change ──► changed
//!    commit(rank) ──► disk, one sector after the other, by rank and then in that order; neighbours join
//! ```
//!
//! Whoever changes metadata makes all of one operation's changes first, looks at the result through the same functions,
//! and commits: each sector is written once, in an order chosen so that a cut between any two leaves a sound volume. What
//! fails before the commit is forgotten without a trace. Nothing stays unwritten after it.

use std::boxed::Box;
use std::vec;
use std::vec::Vec;

use super::blocks::Blocks;
use crate::port::storage::Errno;

/// Lines of the cache; a miss fills eight neighbours in one command.
const LINES: usize = 128;
const AHEAD: u64 = 8;

/// The most bytes of one command.
pub const TRANSFER: usize = 128 * 1024;

struct Line {
    sector: u64,
    used: u64,
    bytes: Box<[u8]>,
}

/// The metadata of a disk, and the disk.
pub struct Sectors {
    disk: Box<dyn Blocks>,
    size: usize,
    lines: Vec<Line>,
    clock: u64,
    changed: Vec<(u64, Box<[u8]>)>,
    /// Something was written since the last flush.
    unflushed: bool,
}

impl Sectors {
    /// Nothing cached, nothing changed.
    pub fn new(disk: Box<dyn Blocks>) -> Sectors {
        let size = disk.sector();
        Sectors { disk, size, lines: Vec::new(), clock: 0, changed: Vec::new(), unflushed: false }
    }

    /// Bytes of a sector.
    pub fn size(&self) -> usize {
        self.size
    }

    /// Bytes of the disk.
    pub fn bytes(&self) -> u64 {
        self.disk.sectors() * self.size as u64
    }

    /// The disk itself, when nothing needs it any more.
    pub fn into_disk(self) -> Box<dyn Blocks> {
        self.disk
    }

    fn line(&mut self, sector: u64) -> Result<usize, Errno> {
        self.clock += 1;
        if let Some(found) = self.lines.iter().position(|line| line.sector == sector) {
            self.lines[found].used = self.clock;
            return Ok(found);
        }
        let count = AHEAD.min(self.disk.sectors().saturating_sub(sector)).max(1);
        let mut bytes = vec![0; count as usize * self.size];
        let count = match self.disk.read(sector, &mut bytes) {
            Ok(()) => count,
            Err(error) if count == 1 => return Err(error),
            // A neighbour may be what cannot be read.
            Err(_) => self.disk.read(sector, &mut bytes[..self.size]).map(|()| 1)?,
        };
        for (n, bytes) in bytes.chunks(self.size).take(count as usize).enumerate().rev() {
            let sector = sector + n as u64;
            if n > 0 && self.lines.iter().any(|line| line.sector == sector) {
                continue;
            }
            if self.lines.len() >= LINES {
                let oldest = self.lines.iter().enumerate().min_by_key(|(_, line)| line.used).map(|(n, _)| n);
                self.lines.swap_remove(oldest.unwrap_or(0));
            }
            self.lines.push(Line { sector, used: self.clock, bytes: bytes.into() });
        }
        Ok(self.lines.len() - 1)
    }

    /// Reads bytes of the disk as they are after all changes.
    pub fn read(&mut self, at: u64, into: &mut [u8]) -> Result<(), Errno> {
        let mut done = 0;
        while done < into.len() {
            let (sector, from) = self.place(at + done as u64);
            let len = (self.size - from).min(into.len() - done);
            let into = &mut into[done..done + len];
            if let Some((_, bytes)) = self.changed.iter().rev().find(|(changed, _)| *changed == sector) {
                into.copy_from_slice(&bytes[from..from + len]);
            } else {
                let line = self.line(sector)?;
                into.copy_from_slice(&self.lines[line].bytes[from..from + len]);
            }
            done += len;
        }
        Ok(())
    }

    /// Changes bytes of the disk, as far as `read` can see.
    pub fn change(&mut self, at: u64, from: &[u8]) -> Result<(), Errno> {
        let mut done = 0;
        while done < from.len() {
            let (sector, start) = self.place(at + done as u64);
            let len = (self.size - start).min(from.len() - done);
            // From the end: most changes go on where the last one was.
            let found = self.changed.iter().rposition(|(changed, _)| *changed == sector);
            let n = match found {
                Some(n) => n,
                None if sector >= self.disk.sectors() => return Err(Errno::IO),
                None => {
                    let bytes = if len == self.size {
                        vec![0; len].into_boxed_slice()
                    } else {
                        let line = self.line(sector)?;
                        self.lines[line].bytes.clone()
                    };
                    self.changed.push((sector, bytes));
                    self.changed.len() - 1
                }
            };
            self.changed[n].1[start..start + len].copy_from_slice(&from[done..done + len]);
            done += len;
        }
        Ok(())
    }

    /// The sectors that were changed and not committed.
    pub fn changes(&self) -> impl Iterator<Item = u64> {
        self.changed.iter().map(|(sector, _)| *sector)
    }

    /// What a sector holds on the disk, without the changes.
    pub fn before(&mut self, sector: u64) -> Result<&[u8], Errno> {
        let line = self.line(sector)?;
        Ok(&self.lines[line].bytes)
    }

    /// Forgets all changes.
    pub fn discard(&mut self) {
        self.changed.clear();
    }

    /// Writes all changes: the lowest rank first, and within a rank in the order in which they were made. `settled`: a rank
    /// is on the disk before the next one begins, whatever order the disk likes.
    ///
    /// # Errors
    /// The device failed; what was not written yet is forgotten.
    pub fn commit(&mut self, rank: impl Fn(u64) -> u32, settled: bool) -> Result<(), Errno> {
        let mut changed = core::mem::take(&mut self.changed);
        changed.sort_by_key(|(sector, _)| rank(*sector));
        let mut rest = &changed[..];
        let mut before = None;
        while let [(first, _), ..] = rest {
            // A sector whose rank is its own goes alone: it is what makes the others count.
            let joined = rest
                .iter()
                .enumerate()
                .take_while(|(n, (sector, _))| {
                    *sector == first + *n as u64 && rank(*sector) == rank(*first) && (n + 1) * self.size <= TRANSFER
                })
                .count();
            let bytes: Vec<u8> = rest[..joined].iter().flat_map(|(_, bytes)| bytes.iter().copied()).collect();
            self.lines.retain(|line| !(*first..first + joined as u64).contains(&line.sector));
            if settled && before.replace(rank(*first)).is_some_and(|before| before != rank(*first)) {
                self.flush()?;
            }
            self.unflushed = true;
            self.disk.write(*first, &bytes)?;
            for (sector, bytes) in rest[..joined].iter().take(LINES / 2) {
                if self.lines.len() < LINES {
                    self.lines.push(Line { sector: *sector, used: self.clock, bytes: bytes.clone() });
                }
            }
            rest = &rest[joined..];
        }
        Ok(())
    }

    /// Brings everything written so far to the disk, if there is anything.
    pub fn flush(&mut self) -> Result<(), Errno> {
        if self.unflushed {
            self.disk.flush()?;
            self.unflushed = false;
        }
        Ok(())
    }

    /// Reads data straight: whole sectors, at most a transfer.
    pub fn read_data(&mut self, at: u64, into: &mut [u8]) -> Result<(), Errno> {
        self.disk.read(at / self.size as u64, into)
    }

    /// Writes data straight: whole sectors, at most a transfer.
    pub fn write_data(&mut self, at: u64, from: &[u8]) -> Result<(), Errno> {
        let first = at / self.size as u64;
        let end = first + (from.len() / self.size) as u64;
        // Neighbours of metadata may have come along.
        self.lines.retain(|line| !(first..end).contains(&line.sector));
        self.unflushed = true;
        self.disk.write(first, from)
    }

    fn place(&self, at: u64) -> (u64, usize) {
        (at / self.size as u64, (at % self.size as u64) as usize)
    }
}
