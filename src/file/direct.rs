//! Files that the system below caches: bytes pass straight, and mappings of the system's kind hear of a length that
//! changes.

use crate::port::storage::{Errno, Storage};

#[cfg(feature = "host")]
use crate::mmap::os;

/// Writes: how many bytes, and where the next one would go.
pub fn write<H: Storage>(stream: i32, append: bool, at: u64, from: &[u8]) -> Result<(usize, u64), Errno> {
    // Somebody else may have shortened the file: no write leaves a hole.
    let size = H::identify(stream)?.size;
    let at = if append { size } else { at.min(size) };
    let put = growing(stream, at.saturating_add(from.len() as u64), || H::write_at(stream, at, from))?;
    Ok((put, at + put as u64))
}

#[cfg(feature = "host")]
fn growing<R>(stream: i32, end: u64, write: impl FnOnce() -> R) -> R {
    os::extending(stream, end, write)
}

#[cfg(not(feature = "host"))]
fn growing<R>(_stream: i32, _end: u64, write: impl FnOnce() -> R) -> R {
    write()
}

/// Makes the file shorter.
pub fn truncate<H: Storage>(stream: i32, size: u64) -> Result<(), Errno> {
    if size >= H::identify(stream)?.size {
        return Ok(());
    }
    #[cfg(feature = "host")]
    return os::resize(stream, size);
    #[cfg(not(feature = "host"))]
    H::truncate(stream, size)
}

/// Brings the file to the disk, and reports what a mapping of it could not.
pub fn sync<H: Storage>(stream: i32) -> Result<(), Errno> {
    #[cfg(feature = "host")]
    let owed = os::owed(stream);
    #[cfg(not(feature = "host"))]
    let owed = Ok(());
    H::sync(stream).and(owed)
}
