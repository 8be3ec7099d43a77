//! What files promise, and what the tests of it share: files opened, read and written in a world of the model port.
//!
//! ```text
//!   reading     files through the cache            meanwhile   others, at the moments when the lock is away
//!   writing     descriptors for writing            scarce      every allocation fails
//!   hooks       the points at which the tree       seeds       six parties, in orders by seed
//!               would notice a cache                 known       what they know
//! ```

mod hooks;
mod known;
mod meanwhile;
mod reading;
mod scarce;
mod seeds;
mod writing;

use std::ffi::CString;
use std::vec;
use std::vec::Vec;

use crate::file::{Mode, open, read, write};
use crate::port::model::World;
use crate::port::storage::Errno;

/// For reading and writing.
const RW: Mode = Mode::READ.union(Mode::WRITE);
/// The same, and made if it is not there.
const MAKE: Mode = RW.union(Mode::CREATE);

/// A world whose volume has room for a gigabyte.
fn world(bytes: usize) -> World {
    let world = World::new(bytes);
    world.limit(1 << 30);
    world
}

/// A path, as C has it.
fn path(path: &str) -> CString {
    CString::new(path).unwrap()
}

/// Opens a file.
fn open_as(world: &World, name: &str, mode: Mode) -> Result<i32, Errno> {
    open(&mut world.enter(), world.pool(), &path(name), mode)
}

/// Writes at the offset.
fn put(world: &World, fd: i32, bytes: &[u8]) -> Result<usize, Errno> {
    write(&mut world.enter(), fd, bytes)
}

/// Reads at the offset: what came, with nothing written behind it.
fn get(world: &World, fd: i32, len: usize) -> Result<Vec<u8>, Errno> {
    let mut bytes = vec![0xAA; len];
    let got = read(&mut world.enter(), fd, &mut bytes)?;
    assert!(bytes[got..].iter().all(|byte| *byte == 0xAA), "bytes behind the count were written");
    bytes.truncate(got);
    Ok(bytes)
}
