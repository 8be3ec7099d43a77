//! Names of files, where directories are ours to change.
//!
//! What is cached belongs to files, not to names: a rename changes nothing of it. A file whose last name goes lives on
//! for those who have it open, and nobody finds it again.

use core::ffi::CStr;

use super::{Cached, open};
use crate::mmap::mapping::Mapped;
use crate::mmap::object::Flags;
use crate::mmap::transfer::discard;
use crate::port::monitor::{Guard, House};
use crate::port::storage::{Errno, Identity, Names};

/// The last name of a file is gone.
pub fn bury<H: House<State: Cached>>(g: &mut Guard<H>, identity: &Identity) {
    let maps = g.maps();
    maps.epoch = maps.epoch.wrapping_add(1);
    if let Some(n) = open::known(maps, identity) {
        maps.objects[n].flags |= Flags::REMOVED;
        if !maps.objects[n].open() || maps.objects[n].users() == 0 {
            let stream = maps.objects[n].abandon();
            discard(maps, n);
            // Before the lock is given back: nobody finds it again.
            open::forget(maps, n);
            if let Some(stream) = stream {
                let _ = g.unlocked(|| H::close(stream));
            }
        } else {
            open::forget(maps, n);
        }
    }
}

/// Removes a file's name. Who has it open keeps it.
///
/// # Errors
/// As `remove()` of the system.
pub fn remove<H: House<State: Cached> + Names>(g: &mut Guard<H>, path: &CStr) -> Result<(), Errno> {
    // Storage says which file it was, for the names may have changed until a moment ago.
    if let Some(victim) = g.unlocked(|| H::remove(path))? {
        bury(g, &victim);
    }
    Ok(())
}

/// Gives a file another name; a file that had it is removed.
///
/// # Errors
/// As `rename()` of the system.
pub fn rename<H: House<State: Cached> + Names>(g: &mut Guard<H>, from: &CStr, to: &CStr) -> Result<(), Errno> {
    if let Some(victim) = g.unlocked(|| H::rename(from, to))? {
        bury(g, &victim);
    }
    Ok(())
}
