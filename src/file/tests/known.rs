//! What the parties of `seeds.rs` know of the records that they write, and hold the floors to.
//!
//! ```text
//!   written     the newest version whose writing has ended: nobody reads an older one
//!   tried       the newest that somebody began to write: nobody reads a newer one
//!   confirmed   the newest that a sync or a close has said to be on the disk: it is, and stays there
//!   calls       who has said what of a file, and when: no failed write is forgotten
//! ```
//!
//! What was not confirmed may go when the volume is pulled, and only then: a write that storage refuses waits in memory.

use std::collections::HashMap;
use std::sync::Arc;
use std::vec::Vec;

use parking_lot::Mutex;

use super::path;
use crate::buflib::Pool;
use crate::cache::flush;
use crate::mmap::mapping::Mapped;
use crate::port::model::{Model, failing, named, on_the_disk, pull};
use crate::port::monitor::{Guard, House};
use crate::port::storage::Errno;

pub const RECORD: usize = 64;
/// Records of a whole file.
pub const WHOLE: usize = 1500;
pub const PARTIES: usize = 6;

pub fn enter() -> Guard<Model> {
    Model::monitor().enter()
}

pub fn record(making: u32, place: usize, version: u32) -> [u8; RECORD] {
    let head = u64::from(making) << 48 | (place as u64) << 24 | u64::from(version);
    let mut bytes = [0; RECORD];
    for (n, word) in bytes.chunks_mut(8).enumerate() {
        word.copy_from_slice(&head.wrapping_mul(2 * n as u64 + 1).to_le_bytes());
    }
    bytes
}

/// Making and version of a record, which is whole and belongs there.
pub fn told(bytes: &[u8], place: usize) -> (u32, u32) {
    let head = u64::from_le_bytes(bytes[..8].try_into().expect("8 bytes"));
    let (making, version) = ((head >> 48) as u32, head as u32 & 0xFF_FFFF);
    assert!(
        making > 0 && bytes == record(making, place, version),
        "record {place} is torn, lost or another one's: {head:x}"
    );
    (making, version)
}

/// An open file.
pub struct File {
    pub fd: i32,
    /// One that is cut.
    pub grows: Option<usize>,
    pub making: u32,
    /// Volume and number.
    pub name: (u64, u64),
    /// Something was written through this descriptor that it has not synced.
    pub wrote: bool,
}

impl File {
    /// None: the volume is gone already.
    pub fn new(fd: i32, grows: Option<usize>, making: u32) -> Option<File> {
        let mut g = enter();
        let of = crate::file::object(&mut g, fd).ok()?;
        let identity = g.maps().objects[of].identity;
        Some(File { fd, grows, making, name: (identity.volume, identity.file), wrote: false })
    }

    /// Whether its volume is there still.
    pub fn living(&self) -> bool {
        failing(|failing| failing.volume()) == self.name.0
    }
}

/// Versions of one record.
#[derive(Clone, Copy, Default)]
struct Fate {
    written: u32,
    tried: u32,
    confirmed: u32,
}

/// A call that may tell of a failed write.
#[derive(Debug)]
struct Call {
    file: (u64, u64),
    began: u64,
    ended: u64,
    /// It told of one.
    failed: bool,
    /// It was to bring the file to the disk, or to tell.
    confirms: bool,
}

#[derive(Default)]
struct Known {
    makings: u32,
    /// By making.
    fates: HashMap<u32, Vec<Fate>>,
    calls: Vec<Call>,
}

impl Known {
    fn fate(&mut self, making: u32, place: usize) -> &mut Fate {
        let fates = self.fates.entry(making).or_default();
        if fates.len() <= place {
            fates.resize(place + 1, Fate::default());
        }
        &mut fates[place]
    }
}

/// What fails in a run.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd)]
pub enum Faults {
    None,
    /// Commands, and allocations.
    Commands,
    /// And the volume is pulled.
    Volume,
}

#[derive(Clone)]
pub struct Parts {
    pub pool: Pool,
    pub faults: Faults,
    /// The volume may be full.
    pub full: bool,
    known: Arc<Mutex<Known>>,
}

impl Parts {
    /// So many makings are there already.
    pub fn new(pool: Pool, faults: Faults, makings: u32) -> Parts {
        Parts { pool, faults, full: false, known: Arc::new(Mutex::new(Known { makings, ..Known::default() })) }
    }

    pub fn faulty(&self) -> bool {
        self.faults != Faults::None
    }

    pub fn newest(&self, making: u32, place: usize) -> u32 {
        self.known.lock().fate(making, place).written
    }

    /// A version for these records that nobody has tried before.
    pub fn next_version(&self, making: u32, place: usize, count: usize) -> u32 {
        let mut known = self.known.lock();
        let tried = (place..place + count).map(|place| known.fate(making, place).tried).max().unwrap_or(0) + 1;
        (place..place + count).for_each(|place| known.fate(making, place).tried = tried);
        tried
    }

    /// These records have been written to a file.
    pub fn note(&self, file: &File, place: usize, count: usize, version: u32) {
        // What was on its way when the volume was pulled is lost.
        if file.living() {
            let mut known = self.known.lock();
            (place..place + count).for_each(|place| known.fate(file.making, place).written = version);
        }
    }

    pub fn next_making(&self) -> u32 {
        let mut known = self.known.lock();
        known.makings += 1;
        known.makings
    }

    /// Looks at a record that was read of a file.
    pub fn look(&self, making: u32, place: usize, oldest: u32, bytes: &[u8]) {
        let (of, version) = told(bytes, place);
        let newest = self.known.lock().fate(making, place).tried;
        assert_eq!(of, making, "record {place} is of another making");
        assert!(oldest <= version && version <= newest, "record {place} of {making} is {version}: {oldest}, {newest}");
    }

    /// The result of a call, where only what was made to fail may have failed.
    pub fn fine<T>(&self, result: Result<T, Errno>) -> Option<T> {
        match result {
            Ok(value) => Some(value),
            Err(error) => {
                let due = match error {
                    Errno::IO | Errno::NOMEM => self.faults >= Faults::Commands,
                    Errno::NXIO => self.faults >= Faults::Volume,
                    _ => false,
                };
                assert!(due, "{error:?}");
                None
            }
        }
    }

    /// A call that tells if a write of the file has failed; `confirms`: it brings records from `place` on to the disk, so
    /// many.
    pub fn call(
        &self,
        file: &File,
        confirms: Option<(usize, usize)>,
        work: impl FnOnce() -> Result<(), Errno>,
    ) -> Option<()> {
        let (place, count) = confirms.unwrap_or_default();
        let before: Vec<u32> = {
            let known = self.known.lock();
            let fates = known.fates.get(&file.making).into_iter().flatten();
            fates.skip(place).take(count).map(|fate| fate.written).collect()
        };
        let began = self.begin();
        let result = work();
        let there = named(file.name.1).filter(|_| file.living());
        let whole = confirms.is_some_and(|(_, count)| count > 1);
        self.end(file, began, result.is_err(), whole && there.is_some());
        if whole && result.is_ok() && there.is_some() {
            let changed = failing(|failing| failing.unsynced.get(&file.name.1).copied());
            assert!(
                changed.is_none_or(|changed| changed > began),
                "changed at {changed:?}, and not synced since {began}"
            );
        }
        if let (Ok(()), Some(bytes)) = (result, there) {
            let records = bytes.chunks(RECORD).enumerate().skip(place);
            for ((place, bytes), before) in records.zip(&before) {
                self.look(file.making, place, *before, bytes);
                let mut known = self.known.lock();
                let fate = known.fate(file.making, place);
                fate.confirmed = fate.confirmed.max(*before);
            }
        }
        self.fine(result)
    }

    /// A call begins.
    pub fn begin(&self) -> u64 {
        failing(|failing| failing.moment())
    }

    /// It ends, and says that something has failed, or does not.
    pub fn end(&self, file: &File, began: u64, failed: bool, confirms: bool) {
        let ended = self.begin();
        self.known.lock().calls.push(Call { file: file.name, began, ended, failed, confirms });
    }

    /// The volume is pulled and put back. What is read from now on is what was on the disk, and that is at least what was
    /// confirmed.
    pub fn pull(&self) {
        let mut g = enter();
        let volume = pull();
        let mine = (0..PARTIES).map(|me| std::format!("t{me}"));
        for name in ["f0", "f1", "g0", "g1"].map(std::string::String::from).into_iter().chain(mine) {
            let bytes = on_the_disk(&name).unwrap_or_default();
            for (place, bytes) in bytes.chunks(RECORD).enumerate() {
                let (making, version) = told(bytes, place);
                let mut known = self.known.lock();
                let fate = known.fate(making, place);
                assert!(fate.confirmed <= version, "record {place} of {name} was confirmed: {}", fate.confirmed);
                fate.written = version;
            }
        }
        flush::gone(&mut g, volume);
    }

    /// How many writes and syncs have failed, how many calls have told so, and how many have brought a file to the disk.
    pub fn counts(&self) -> [usize; 3] {
        let known = self.known.lock();
        let count = |which: fn(&&Call) -> bool| known.calls.iter().filter(which).count();
        [
            failing(|failing| failing.record().len()),
            count(|call| call.failed),
            count(|call| call.confirms && !call.failed),
        ]
    }

    /// Whoever brought a file to the disk after a write of it had failed was told, unless somebody else was.
    pub fn all_were_told(&self, seed: u64) {
        let known = self.known.lock();
        let failures = failing(|failing| failing.record().to_vec());
        for failure in failures {
            let calls = || known.calls.iter().filter(|call| call.file == failure.file);
            let good = calls().filter(|call| call.confirms && !call.failed && call.began > failure.moment);
            let Some(first) = good.map(|call| call.ended).min() else { continue };
            let told = calls().any(|call| call.failed && call.ended > failure.moment && call.began < first);
            let all: Vec<&Call> = calls().collect();
            assert!(told, "seed {seed}: nobody was told what failed at {} among {all:?}", failure.moment);
        }
    }
}

/// The names of files that all know.
pub fn whole(n: usize) -> std::ffi::CString {
    path(&std::format!("f{n}"))
}

/// As [`whole`], of those that are cut.
pub fn growing(n: usize) -> std::ffi::CString {
    path(&std::format!("g{n}"))
}
