//! When what is dirty is written back.
//!
//! ```text
//!   at once        write-behind is off; room on the volume is short (space.rs)
//!   at the write   more is dirty than a share of the memory: the oldest file, by whoever writes
//!   tick, idle     something has been dirty for 30 s; the disk is awake anyway
//!   close, fsync   that file, with length and date
//!   all, unmount   everything
//! ```

use super::{Cached, open, write};
use crate::mmap::mapping::{Mapped, NONE};
use crate::mmap::object::Flags;
use crate::mmap::transfer::release as let_go;
use crate::mmap::writeback::{Sweep, write_back};
use crate::port::kernel::HZ;
use crate::port::monitor::{Guard, House};
use crate::port::storage::Errno;

/// What can be set.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// Whether writes may wait in memory.
    pub write_behind: bool,
    /// How long something may be dirty, in ticks.
    pub age: u32,
    /// Which part of the memory may be dirty: one in so many bytes.
    pub share: u32,
}

impl Settings {
    /// What is set at first.
    pub const fn new() -> Self {
        Settings { write_behind: true, age: 30 * HZ, share: 4 }
    }
}

/// The file that has been dirty for the longest time, and for how many ticks.
fn oldest<H: House<State: Cached>>(g: &mut Guard<H>) -> Option<(u16, u32)> {
    let now = H::ticks();
    let objects = g.maps().objects.all().iter().enumerate();
    let dirty = objects
        .filter(|(_, file)| file.used() && file.dirty.0 != NONE && !file.flags.intersects(Flags::SWEPT | Flags::GONE));
    dirty.map(|(n, file)| (n as u16, now.wrapping_sub(file.dirtied))).max_by_key(|(_, age)| *age)
}

/// After a write: what may not wait is written back now.
///
/// # Errors
/// Of a write that goes through at once.
pub fn after_write<H: House<State: Cached>>(g: &mut Guard<H>, object: u16) -> Result<(), Errno> {
    let behind = g.cache().settings.write_behind;
    if !behind || g.maps().objects[object].flags.contains(Flags::THROUGH) {
        return write_back(g, object, 0, u64::MAX, Sweep::Background);
    }
    let cache = g.cache();
    cache.writes = cache.writes.wrapping_add(1);
    if cache.writes.is_multiple_of(64) {
        tick(g);
    }
    let share = g.cache().settings.share.max(1) as usize;
    let limit = (g.cache().size / share) as u64;
    while u64::from(g.maps().dirty) << g.maps().shift > limit {
        let before = g.maps().dirty;
        let Some((oldest, _)) = oldest(g) else { break };
        // A failure is remembered by the file, and told to whoever closes it.
        if write_back(g, oldest, 0, u64::MAX, Sweep::Background).is_err() || g.maps().dirty >= before {
            break;
        }
    }
    Ok(())
}

/// There is no memory: writes something back, so that it can go. False if nothing became clean.
pub fn make_clean<H: House<State: Cached>>(g: &mut Guard<H>) -> bool {
    let before = g.maps().dirty;
    let Some((oldest, _)) = oldest(g) else { return false };
    // As above.
    let _ = write_back(g, oldest, 0, u64::MAX, Sweep::Background);
    g.maps().dirty < before
}

/// Brings a file that nobody has open any more to the disk, and lets go of its stream.
fn settle<H: House<State: Cached>>(g: &mut Guard<H>, object: u16) -> Result<(), Errno> {
    // A use of our own, whose end lets go of the stream. Nobody but the next opener can be told of a failure.
    g.maps().objects[object].hold();
    let result = write::settle(g, object);
    let_go(g, object);
    let maps = g.maps();
    let file = &maps.objects[object];
    if file.used() && file.stale() && !file.open() {
        open::forget(maps, object);
    }
    result
}

/// Looks whether something has been dirty for too long, and writes that back with everything else, since the disk is
/// awake then. Cheap when there is nothing to do.
pub fn tick<H: House<State: Cached>>(g: &mut Guard<H>) {
    let limit = g.cache().settings.age;
    if oldest(g).is_some_and(|(_, age)| age >= limit) {
        // Failures are the files'.
        let _ = each(g, |_| true, false);
    }
}

/// The disk is awake and nobody needs it: writes everything back. `forced`: it will be switched off, so it is brought to the
/// disk with lengths and dates.
///
/// # Errors
/// The first one; the files remember theirs.
pub fn idle<H: House<State: Cached>>(g: &mut Guard<H>, forced: bool) -> Result<(), Errno> {
    each(g, |_| true, forced)
}

/// Brings everything to the disk.
///
/// # Errors
/// The first one; the others are tried all the same.
pub fn all<H: House<State: Cached>>(g: &mut Guard<H>) -> Result<(), Errno> {
    each(g, |_| true, true)
}

/// Writes files back; `sync`: to the disk.
fn each<H: House<State: Cached>>(g: &mut Guard<H>, which: impl Fn(u64) -> bool, sync: bool) -> Result<(), Errno> {
    let mut result = Ok(());
    for n in 0..g.maps().objects.count() as u16 {
        let file = &g.maps().objects[n];
        if !file.used() || file.settled() || file.flags.contains(Flags::GONE) || !which(file.identity.volume) {
            continue;
        }
        let one = if file.users() == 0 {
            settle(g, n)
        } else if sync {
            // The descriptors' owners are still to be told.
            g.maps().objects[n].hold();
            let one = write::settle(g, n);
            let_go(g, n);
            one
        } else {
            write_back(g, n, 0, u64::MAX, Sweep::Background)
        };
        result = result.and(one);
    }
    result
}

/// A volume is unmounted: everything of it goes to the disk, and then all that is known of it is dropped. Files that are
/// open on it are gone for their users.
///
/// # Errors
/// The first one. What could not be written is lost.
pub fn unmount<H: House<State: Cached>>(g: &mut Guard<H>, volume: u64) -> Result<(), Errno> {
    let result = each(g, |of| of == volume, true);
    gone(g, volume);
    result
}

/// A volume has vanished: what is dirty of it is lost, its files fail every call but their close, and nobody finds them
/// again.
pub fn gone<H: House<State: Cached>>(g: &mut Guard<H>, volume: u64) {
    // Whoever is opening a file just now may have it from there.
    g.maps().epoch = g.maps().epoch.wrapping_add(1);
    for n in 0..g.maps().objects.count() as u16 {
        let maps = g.maps();
        let file = &mut maps.objects[n];
        if !file.used() || file.identity.volume != volume {
            continue;
        }
        file.flags |= Flags::STALE | Flags::GONE;
        if !file.settled() {
            // Its last close tells.
            file.error = Errno::NXIO.0;
        }
        let stream = if file.users() == 0 { file.abandon() } else { None };
        maps.drop_behind(n, 0);
        maps.drop_segments(n);
        if maps.objects[n].idle() {
            maps.objects[n] = crate::mmap::object::Object::FREE;
        }
        if let Some(stream) = stream {
            let _ = g.unlocked(|| H::close(stream));
        }
    }
}
