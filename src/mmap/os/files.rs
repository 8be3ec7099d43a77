//! The files under the mappings, and what becomes of mappings when a file gets another length.
//!
//! ```text
//!   Registry   files: key, writable ──► our own descriptor; slots of the mappings over it
//!              errors of mappings that are gone ──► the next fsync of the file
//!              free slots
//!   ORDER      locks, by hash of the file: whoever makes or ends a mapping or changes a length
//! ```
//!
//! Order of locks: a file's, then the registry's, then a slot's. The registry's is held over no transfer, a file's only
//! over calls that change its length.

use core::sync::atomic::{AtomicUsize, Ordering};
use std::sync::Arc;
use std::vec::Vec;

use parking_lot::{Mutex, MutexGuard};

use super::held::Held;
use super::slot::{SLOTS, Slot};
use crate::port::region::{Key, Stream, look, truncate};
use crate::port::storage::Errno;

/// One file that is mapped, by one kind of descriptor.
struct File {
    key: Key,
    writable: bool,
    stream: Arc<Stream>,
    slots: Vec<u16>,
}

/// An error that a mapping left behind.
struct Owed {
    key: Key,
    error: Errno,
    /// Keeps the file's number from being another file's.
    _file: Arc<Stream>,
}

struct Registry {
    files: Vec<File>,
    owed: Vec<Owed>,
    /// Slots that were used and are free, in the order of their last use.
    free: Ring,
    /// The first slot that was never used.
    fresh: usize,
}

/// A queue of slots.
struct Ring {
    slots: [u16; SLOTS],
    first: usize,
    count: usize,
}

static REGISTRY: Mutex<Registry> = Mutex::new(Registry {
    files: Vec::new(),
    owed: Vec::new(),
    free: Ring { slots: [0; SLOTS], first: 0, count: 0 },
    fresh: 0,
});

/// How many mappings there are, being made ones too: most programs that write files have none.
static LIVE: AtomicUsize = AtomicUsize::new(0);
/// How many errors are owed.
static OWED: AtomicUsize = AtomicUsize::new(0);

static ORDER: [Mutex<()>; 16] = [const { Mutex::new(()) }; 16];

/// Takes the lock of a file.
pub fn order(key: Key) -> MutexGuard<'static, ()> {
    ORDER[key.hash() % ORDER.len()].lock()
}

/// Slots are taken fresh up to here before old ones come again, so that no number comes again soon.
const SPREAD: usize = 256;

impl Registry {
    fn slot(&mut self) -> Option<u16> {
        if self.fresh < SPREAD || (self.free.count == 0 && self.fresh < SLOTS) {
            self.fresh += 1;
            return Some((self.fresh - 1) as u16);
        }
        let ring = &mut self.free;
        let slot = *ring.slots.get(ring.first)?;
        ring.count = ring.count.checked_sub(1)?;
        ring.first = (ring.first + 1) % SLOTS;
        Some(slot)
    }

    fn give(&mut self, slot: u16) {
        let ring = &mut self.free;
        ring.slots[(ring.first + ring.count) % SLOTS] = slot;
        ring.count += 1;
    }

    fn file(&mut self, key: Key, writable: bool) -> Option<&mut File> {
        self.files.iter_mut().find(|file| file.key == key && file.writable == writable)
    }
}

/// The stream of a file for mappings: the one they have already, or this one. The file's lock is held.
pub fn stream(key: Key, writable: bool, own: Stream) -> Arc<Stream> {
    let known = REGISTRY.lock().file(key, writable).map(|file| file.stream.clone());
    known.unwrap_or_else(|| Arc::new(own))
}

/// Gives a mapping its number. The file's lock is held.
///
/// # Errors
/// `EMFILE`, `ENOMEM`.
pub fn join(held: Held) -> Result<i32, Errno> {
    let mut registry = REGISTRY.lock();
    let (key, writable) = (held.key, held.mode.writes());
    if registry.file(key, writable).is_none() {
        registry.files.try_reserve(1).map_err(|_| Errno::NOMEM)?;
        registry.files.push(File { key, writable, stream: held.file.clone(), slots: Vec::new() });
    }
    let joined = registry
        .file(key, writable)
        .map_or(Err(Errno::NOMEM), |file| file.slots.try_reserve(1).map_err(|_| Errno::NOMEM))
        .and_then(|()| registry.slot().ok_or(Errno::MFILE));
    let Some(file) = registry.file(key, writable) else { return Err(Errno::NOMEM) };
    match joined {
        Ok(slot) => {
            file.slots.push(slot);
            LIVE.fetch_add(1, Ordering::Relaxed);
            Ok(Slot::at(slot).open(slot, held))
        }
        Err(error) => {
            registry.files.retain(|file| !file.slots.is_empty());
            Err(error)
        }
    }
}

/// Ends what `join` began, with the error that the mapping leaves behind. The file's lock is held.
pub fn leave(slot: u16, held: Held, result: Result<(), Errno>) {
    let mut registry = REGISTRY.lock();
    if let Some(file) = registry.file(held.key, held.mode.writes()) {
        file.slots.retain(|other| *other != slot);
    }
    registry.files.retain(|file| !file.slots.is_empty());
    registry.give(slot);
    LIVE.fetch_sub(1, Ordering::Relaxed);
    if let Err(error) = result
        && !registry.owed.iter().any(|owed| owed.key == held.key)
        && registry.owed.try_reserve(1).is_ok()
    {
        registry.owed.push(Owed { key: held.key, error, _file: held.file.clone() });
        OWED.store(registry.owed.len(), Ordering::Release);
    }
    drop(registry);
    drop(held);
}

/// The error that a mapping of this file left behind, once: for the next fsync or close of a descriptor.
///
/// # Errors
/// That one.
pub fn owed(fd: i32) -> Result<(), Errno> {
    if OWED.load(Ordering::Acquire) == 0 {
        return Ok(());
    }
    let (key, _) = look(fd)?;
    let mut registry = REGISTRY.lock();
    let Some(at) = registry.owed.iter().position(|owed| owed.key == key) else { return Ok(()) };
    let owed = registry.owed.swap_remove(at);
    OWED.store(registry.owed.len(), Ordering::Release);
    drop(registry);
    Err(owed.error)
}

/// Does something with every mapping of a file, with nobody else using them. The file's lock is held.
fn each(key: Key, mut work: impl FnMut(&mut Held)) {
    let mut n = 0;
    // Looked up anew each time: a slot's lock is not taken with the registry's held. None joins or leaves meanwhile.
    while let Some(slot) = {
        let registry = REGISTRY.lock();
        registry.files.iter().filter(|file| file.key == key).flat_map(|file| &file.slots).nth(n).copied()
    } {
        if let Some(held) = Slot::at(slot).held.write().as_mut().filter(|held| held.key == key) {
            work(held);
        }
        n += 1;
    }
}

/// Fits one mapping to the file's length now.
///
/// # Errors
/// `EBADF`; the system's.
pub fn refit(md: i32) -> Result<(), Errno> {
    let slot = Slot::of(md);
    let key = slot.held.read().as_ref().filter(|_| slot.is(md)).map(|held| held.key).ok_or(Errno::BADF)?;
    let _order = order(key);
    let mut held = slot.held.write();
    let held = held.as_mut().filter(|_| slot.is(md)).ok_or(Errno::BADF)?;
    held.fit(held.file.size()?)
}

/// Fits every mapping of a file to its length now. What cannot be fitted is tried again when pages are declared.
fn refit_all(key: Key) {
    each(key, |held| {
        if let Ok(size) = held.file.size() {
            let _ = held.fit(size);
        }
    });
}

/// Gives the file of a descriptor another length, as `ftruncate`. Mappings read as zero behind it, never as a signal,
/// and what they wrote there does not become the file's.
///
/// # Errors
/// The system's.
pub fn resize(fd: i32, size: u64) -> Result<(), Errno> {
    let (key, _) = look(fd)?;
    let _order = order(key);
    if LIVE.load(Ordering::Relaxed) == 0 {
        return truncate(fd, size);
    }
    let (_, old) = look(fd)?;
    each(key, |held| {
        held.clear_behind(old);
        if size < old {
            // Before the pages go: nobody may find a hole meanwhile.
            let _ = held.fit(size);
        }
    });
    let done = truncate(fd, size);
    refit_all(key);
    done
}

/// Runs a write to the end of a file, one at a time: the end that it found is still the end when it writes.
pub fn at_the_end<R>(write: impl FnOnce() -> R) -> R {
    static TURN: Mutex<()> = Mutex::new(());
    let _turn = TURN.lock();
    write()
}

/// Runs a write to a descriptor that may make its file longer: up to `end`.
pub fn extending<R>(fd: i32, end: u64, write: impl FnOnce() -> R) -> R {
    if LIVE.load(Ordering::Relaxed) == 0 {
        return write();
    }
    let key = match look(fd) {
        Ok((key, size)) if end > size => key,
        _ => return write(),
    };
    let _order = order(key);
    if let Ok((_, old)) = look(fd) {
        each(key, |held| held.clear_behind(old));
    }
    let result = write();
    refit_all(key);
    result
}
