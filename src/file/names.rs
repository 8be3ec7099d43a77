//! Names of files, where directories are ours to change.

use core::ffi::CStr;

use super::Filed;
use crate::cache::names;
use crate::port::monitor::{Guard, House};
use crate::port::storage::{Errno, How, Names};

/// Removes a file. Who has it open keeps it until the last close.
///
/// # Errors
/// As storage's: `ENOENT`, `EISDIR` and its like.
pub fn remove<H: House<State: Filed> + Names>(g: &mut Guard<H>, path: &CStr) -> Result<(), Errno> {
    names::remove(g, path)
}

/// Gives a file another name, in the place of a file that has it. Who has either open keeps what they have.
///
/// # Errors
/// As storage's: `ENOENT`, `EISDIR` and its like.
pub fn rename<H: House<State: Filed> + Names>(g: &mut Guard<H>, from: &CStr, to: &CStr) -> Result<(), Errno> {
    names::rename(g, from, to)
}

/// Whether there is a file or directory of this name.
pub fn exists<H: House<State: Filed>>(g: &mut Guard<H>, path: &CStr) -> bool {
    g.unlocked(|| match H::open(path, How::empty()) {
        Ok(opened) => {
            // Nothing was written through it.
            let _ = H::close(opened.stream);
            true
        }
        Err(error) => matches!(error, Errno::ISDIR | Errno::ACCES),
    })
}
