//! A disk of commands: counted, timed, failing on command, and remembered in the order in which they came.
//!
//! ```text
//!   read / write / flush ──► fault? ──► counts, clocks ──► image
//!                                           │
//!                                           └──► log: write · write · flush · mark · write …
//!                                                       │
//!                                 cut.rs: what is on the disk if power goes here
//! ```

use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use super::image::{Image, SECTOR};
use super::timing::{HDD, SD};

/// What a command is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// Bytes of files.
    Data = 0,
    /// Everything else: allocation tables, directories.
    Metadata = 1,
}

/// Commands and sectors of one purpose.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    pub reads: u64,
    pub writes: u64,
    pub sectors_read: u64,
    pub sectors_written: u64,
}

/// What a disk has done so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// By [`Purpose`].
    pub of: [Tally; 2],
    /// The time it took on a card.
    pub sd: Duration,
    /// The time it took on a hard disk.
    pub hdd: Duration,
    /// Sectors of the longest command.
    pub longest: usize,
    /// Commands that failed.
    pub failed: u64,
    /// Those of them that were writes.
    pub failed_writes: u64,
}

impl Counts {
    pub fn data(&self) -> Tally {
        self.of[Purpose::Data as usize]
    }

    pub fn metadata(&self) -> Tally {
        self.of[Purpose::Metadata as usize]
    }

    /// Commands that were sent since an earlier count.
    pub fn since(&self, earlier: &Counts) -> Counts {
        let less = |n: usize| Tally {
            reads: self.of[n].reads - earlier.of[n].reads,
            writes: self.of[n].writes - earlier.of[n].writes,
            sectors_read: self.of[n].sectors_read - earlier.of[n].sectors_read,
            sectors_written: self.of[n].sectors_written - earlier.of[n].sectors_written,
        };
        Counts {
            of: [less(0), less(1)],
            sd: self.sd - earlier.sd,
            hdd: self.hdd - earlier.hdd,
            longest: self.longest,
            failed: self.failed - earlier.failed,
            failed_writes: self.failed_writes - earlier.failed_writes,
        }
    }

    /// All commands.
    pub fn commands(&self) -> u64 {
        self.of.iter().map(|tally| tally.reads + tally.writes).sum()
    }
}

/// Which commands a fault counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Which {
    Reads,
    Writes,
    All,
}

/// A fault that is to come.
#[derive(Clone, Copy, Debug)]
pub struct Fault {
    /// What it counts.
    pub which: Which,
    /// Commands until it strikes: 1 is the next one.
    pub after: u64,
    /// Whether all later ones fail too.
    pub ever: bool,
    /// Of a write that fails: the sectors at its start that are written all the same.
    pub torn: usize,
}

/// A command did not succeed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Failed;

/// A disk with several users: the volume on it, and the test that watches it.
#[derive(Clone)]
pub struct Shared(Arc<Mutex<Media>>);

impl Shared {
    pub fn new(media: Media) -> Shared {
        Shared(Arc::new(Mutex::new(media)))
    }

    pub fn lock(&self) -> MutexGuard<'_, Media> {
        self.0.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

/// One thing that happened to the disk.
#[derive(Clone)]
pub enum Event {
    /// A write command.
    Write { sector: u64, bytes: Vec<u8> },
    /// Everything before is on the disk before anything after.
    Flush,
    /// The user of the disk was told that operation number so is done.
    Done(usize),
}

/// The disk.
pub struct Media {
    image: Image,
    counts: Counts,
    /// The sector behind the last command.
    head: u64,
    fault: Option<Fault>,
    struck: bool,
    paused: bool,
    present: bool,
    log: Option<Vec<Event>>,
    /// Written bytes are not kept.
    forgets: bool,
}

impl Media {
    /// A disk with these contents, on which nothing has happened.
    pub fn new(image: Image) -> Media {
        Media {
            image,
            counts: Counts::default(),
            head: u64::MAX,
            fault: None,
            struck: false,
            paused: false,
            present: true,
            log: None,
            forgets: false,
        }
    }

    /// What is on it.
    pub fn image(&self) -> &Image {
        &self.image
    }

    /// Puts bytes on it that were always there.
    pub fn preset(&mut self, sector: u64, bytes: &[u8]) {
        self.image.write(sector, bytes);
    }

    /// What it has done.
    pub fn counts(&self) -> Counts {
        self.counts
    }

    /// From now on, writes are counted and forgotten.
    pub fn forget_writes(&mut self) {
        self.forgets = true;
    }

    /// From now on, what happens is remembered. What had been remembered is forgotten.
    pub fn record(&mut self) {
        self.log = Some(Vec::new());
    }

    /// What happened since [`Media::record`].
    pub fn take_log(&mut self) -> Vec<Event> {
        self.log.take().unwrap_or_default()
    }

    /// Notes that an operation was confirmed.
    pub fn done(&mut self, operation: usize) {
        if let Some(log) = &mut self.log {
            log.push(Event::Done(operation));
        }
    }

    /// Sets or ends a fault.
    pub fn fail(&mut self, fault: Option<Fault>) {
        self.fault = fault;
        self.struck = false;
    }

    /// No fault strikes or counts for a while.
    pub fn pause(&mut self, paused: bool) {
        self.paused = paused;
    }

    /// Whether the fault has struck.
    pub fn struck(&self) -> bool {
        self.struck
    }

    /// Pulls the volume out, or puts it back: without it every command fails.
    pub fn set_present(&mut self, present: bool) {
        self.present = present;
    }

    /// Reads whole sectors in one command.
    ///
    /// # Errors
    /// The fault that was set, a disk that is not there, a range that is not on it.
    pub fn read(&mut self, sector: u64, into: &mut [u8], purpose: Purpose) -> Result<(), Failed> {
        let count = into.len() / SECTOR;
        self.admit(false, sector, count, purpose).map_err(|_| Failed)?;
        self.image.read(sector, into);
        Ok(())
    }

    /// Writes whole sectors in one command.
    ///
    /// # Errors
    /// As [`Media::read`].
    pub fn write(&mut self, sector: u64, bytes: &[u8], purpose: Purpose) -> Result<(), Failed> {
        let count = bytes.len() / SECTOR;
        match self.admit(true, sector, count, purpose) {
            Ok(()) => {
                self.store(sector, bytes);
                Ok(())
            }
            Err(torn) => {
                if torn > 0 {
                    self.store(sector, &bytes[..torn.min(count) * SECTOR]);
                }
                Err(Failed)
            }
        }
    }

    /// What was written is on the disk.
    pub fn flush(&mut self) {
        if let Some(log) = &mut self.log {
            log.push(Event::Flush);
        }
    }

    fn store(&mut self, sector: u64, bytes: &[u8]) {
        if self.forgets {
            return;
        }
        self.image.write(sector, bytes);
        if let Some(log) = &mut self.log {
            log.push(Event::Write { sector, bytes: bytes.to_vec() });
        }
    }

    /// Counts a command and says whether it succeeds; if not, how many sectors of it are written all the same.
    fn admit(&mut self, writes: bool, sector: u64, count: usize, purpose: Purpose) -> Result<(), usize> {
        let continues = self.head == sector;
        self.head = sector + count as u64;
        let tally = &mut self.counts.of[purpose as usize];
        let (commands, sectors) = match writes {
            true => (&mut tally.writes, &mut tally.sectors_written),
            false => (&mut tally.reads, &mut tally.sectors_read),
        };
        *commands += 1;
        *sectors += count as u64;
        self.counts.longest = self.counts.longest.max(count);
        self.counts.sd += SD.of(writes, count * SECTOR, continues);
        self.counts.hdd += HDD.of(writes, count * SECTOR, continues);
        let verdict = match () {
            () if !self.present || !self.image.has(sector, count) => Err(0),
            () => self.strike(writes),
        };
        self.counts.failed += u64::from(verdict.is_err());
        self.counts.failed_writes += u64::from(writes && verdict.is_err());
        verdict
    }

    fn strike(&mut self, writes: bool) -> Result<(), usize> {
        let Some(fault) = self.fault.as_mut().filter(|_| !self.paused) else { return Ok(()) };
        let counted = match fault.which {
            Which::Reads => !writes,
            Which::Writes => writes,
            Which::All => true,
        };
        if !counted {
            return Ok(());
        }
        fault.after -= 1;
        if fault.after > 0 {
            return Ok(());
        }
        let torn = fault.torn;
        self.struck = true;
        match fault.ever {
            true => fault.after = 1,
            false => self.fault = None,
        }
        Err(torn)
    }
}
