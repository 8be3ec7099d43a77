//! What lies under one mapping: a region of address space, the file it shows, and which pages were declared.
//!
//! ```text
//!   the file     ├──────────────────────────────┤ its end, now
//!   the region        ├─────────────────────────┼──┬───────────────┤
//!                     offset          shown: whole pages of the file │ zero pages
//!                     └──────────── length ──────────────────────────┘
//! ```
//!
//! Past its last page a file has nothing to show: a touch there would end the program. So zero pages lie there, and
//! [`Held::fit`] moves the border when the file's end moves.

use core::ops::Deref;
use core::sync::atomic::{AtomicBool, Ordering};
use std::sync::Arc;

use super::slot::Will;
use crate::mmap::mode::Mode;
use crate::port::granules::Granules;
use crate::port::region::{Key, Region, Stream, page};
use crate::port::storage::Errno;

/// Granules that go back when the mapping ends.
#[derive(Debug)]
pub struct Bits(&'static Granules);

impl Deref for Bits {
    type Target = Granules;

    fn deref(&self) -> &Granules {
        self.0
    }
}

impl Bits {
    /// The granules, to be shown to those who do not lock.
    pub fn shown(&self) -> &'static Granules {
        self.0
    }
}

impl Drop for Bits {
    fn drop(&mut self) {
        self.0.give();
    }
}

/// What lies under a mapping.
#[derive(Debug)]
pub struct Held {
    /// Its addresses.
    pub region: Region,
    /// Which file.
    pub key: Key,
    /// The file, kept open.
    pub file: Arc<Stream>,
    /// Where in the file it starts.
    pub offset: u64,
    /// Its length as its maker said it.
    pub length: usize,
    /// What it is for.
    pub mode: Mode,
    /// Pages that were declared for reading; none in a mapping for writing.
    pub read: Option<Bits>,
    /// Pages that were declared for writing; none in a mapping for reading.
    pub write: Option<Bits>,
    /// Bytes of the region that show pages of the file.
    shown: usize,
    /// Whether a page was ever declared for writing.
    wrote: AtomicBool,
}

impl Held {
    /// A mapping of `length` bytes, above 0, from a multiple of the page on.
    ///
    /// # Errors
    /// `ENOMEM`; the system's.
    pub fn new(key: Key, file: Arc<Stream>, offset: u64, length: usize, mode: Mode) -> Result<Held, Errno> {
        let bytes = length.checked_next_multiple_of(page()).ok_or(Errno::NOMEM)?;
        let bits = |wanted: bool| wanted.then(|| Granules::take(length, page()).map(Bits)).transpose();
        let (read, write) = (bits(mode.reads())?, bits(mode.writes())?);
        let region = Region::new(bytes, mode.writes())?;
        let wrote = AtomicBool::new(false);
        let mut held = Held { region, key, file, offset, length, mode, read, write, shown: 0, wrote };
        held.fit(held.file.size()?)?;
        Ok(held)
    }

    /// How much of the region a file of this size fills, in whole pages.
    fn filled(&self, size: u64) -> usize {
        let inside = size.saturating_sub(self.offset).min(self.region.bytes() as u64) as usize;
        inside.next_multiple_of(page())
    }

    /// Whether the border lies where a file of this size has its end.
    pub fn fits(&self, size: u64) -> bool {
        self.shown == self.filled(size)
    }

    /// Shows the pages of a file of this size, and zero pages behind them.
    ///
    /// # Errors
    /// `ENOMEM`; the system's.
    pub fn fit(&mut self, size: u64) -> Result<(), Errno> {
        let to = self.filled(size);
        if to > self.shown {
            self.region.show(&self.file, self.offset + self.shown as u64, self.shown, to - self.shown)?;
        }
        if to < self.shown {
            for bits in [&self.read, &self.write].into_iter().flatten() {
                bits.clear(to);
            }
            self.region.cover(to, self.shown - to)?;
        }
        self.shown = to;
        Ok(())
    }

    /// Whether a range lies in the mapping.
    pub fn contains(&self, offset: usize, length: usize) -> bool {
        offset <= self.length && length <= self.length - offset
    }

    /// Brings a range into memory and marks it declared, as far as it shows the file.
    ///
    /// # Errors
    /// `EIO`, `ENOSPC`: what a touch would have ended the program for.
    pub fn populate(&self, will: Will, offset: usize, length: usize) -> Result<(), Errno> {
        let write = will == Will::Write;
        let Some(bits) = (if write { &self.write } else { &self.read }) else {
            return Err(Errno::ACCES);
        };
        if write {
            self.wrote.store(true, Ordering::Relaxed);
        }
        let until = (offset + length).min(self.shown);
        if until <= offset {
            return Ok(());
        }
        let granule = bits.size();
        let from = offset & !(granule - 1);
        let to = until.checked_next_multiple_of(granule).map_or(self.shown, |to| to.min(self.shown));
        match self.bring(from, to, write) {
            Ok(()) => {}
            // Beside what was asked for something failed: only what was asked for counts.
            Err(_) if granule > page() => {
                return self.bring(offset & !(page() - 1), until.next_multiple_of(page()), write);
            }
            failed => return failed,
        }
        let whole = if to == self.region.bytes() { to } else { to & !(granule - 1) };
        bits.set(from, whole);
        if let (true, Some(read)) = (write, &self.read) {
            read.set(from, whole);
        }
        Ok(())
    }

    fn bring(&self, from: usize, to: usize, write: bool) -> Result<(), Errno> {
        match self.region.populate(from, to - from, write) {
            Err(Errno::FAULT) if write => {
                // A page that cannot be written: the volume may have no room for it, which this call says.
                let at = self.offset + from as u64;
                let inside = self.file.size()?.saturating_sub(at).min((to - from) as u64) as usize;
                if inside > 0 {
                    self.file.reserve(at, inside)?;
                }
                self.region.populate(from, to - from, write).map_err(|_| Errno::IO)
            }
            Err(Errno::FAULT) => Err(Errno::IO),
            answer => answer,
        }
    }

    /// Writes what is dirty in a range to the disk, and waits.
    ///
    /// # Errors
    /// The device's.
    pub fn sync(&self, offset: usize, length: usize) -> Result<(), Errno> {
        let from = offset & !(page() - 1);
        let to = (offset + length).min(self.shown).next_multiple_of(page());
        if !self.mode.writes() || to <= from {
            return Ok(());
        }
        self.region.sync(from, to - from)
    }

    /// Writes what is dirty to the disk if anything can be.
    ///
    /// # Errors
    /// The device's.
    pub fn sync_all(&self) -> Result<(), Errno> {
        if self.wrote.load(Ordering::Relaxed) { self.sync(0, self.length) } else { Ok(()) }
    }

    /// Clears what was written behind the end of a file of this size, in its last page: it must not become part of the
    /// file when that grows. Nobody of this process may change the size meanwhile.
    pub fn clear_behind(&self, size: u64) {
        let Some(from) = size.checked_sub(self.offset).filter(|from| *from < self.shown as u64) else { return };
        let from = from as usize;
        let rest = from.next_multiple_of(page()) - from;
        // Present, or the file was truncated by somebody else.
        if rest > 0
            && self.wrote.load(Ordering::Relaxed)
            && self.region.populate(from + rest - page(), page(), true).is_ok()
        {
            self.region.clear(from, rest, || self.file.size() == Ok(size));
        }
    }
}
