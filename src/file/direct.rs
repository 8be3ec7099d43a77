//! Files that the system below caches: bytes pass straight, and mappings of the system's kind hear of a length that
//! changes.

use crate::port::storage::{Errno, Storage};

#[cfg(feature = "host")]
use crate::mmap::os;

/// Writes: how many bytes, and where the next one would go.
pub fn write<H: Storage>(stream: i32, append: bool, at: u64, from: &[u8]) -> Result<(usize, u64), Errno> {
    let write = || {
        // Somebody else may have shortened the file: no write leaves a hole.
        let size = H::identify(stream)?.size;
        let at = if append { size } else { at.min(size) };
        let put = growing(stream, at.saturating_add(from.len() as u64), || H::write_at(stream, at, from))?;
        Ok((put, at + put as u64))
    };
    if append { in_turn(write) } else { write() }
}

#[cfg(feature = "host")]
fn in_turn<R>(write: impl FnOnce() -> R) -> R {
    os::at_the_end(write)
}

#[cfg(not(feature = "host"))]
fn in_turn<R>(write: impl FnOnce() -> R) -> R {
    write()
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
    let owed = owed(stream);
    H::sync(stream).and(owed)
}

/// What a mapping of the file could not bring to the disk when it ended, once.
pub fn owed(stream: i32) -> Result<(), Errno> {
    #[cfg(feature = "host")]
    return os::owed(stream);
    #[cfg(not(feature = "host"))]
    {
        let _ = stream;
        Ok(())
    }
}

#[cfg(all(test, feature = "host"))]
mod tests {
    use std::ffi::CString;
    use std::os::unix::ffi::OsStrExt;

    use super::*;
    use crate::file::{Mode, Under, close, open, sync, under};
    use crate::mmap::mode::{Access, Mode as Mapping};
    use crate::port::System;
    use crate::port::monitor::House;
    use crate::port::region::faults::SYNC;

    #[test]
    fn the_next_fsync_or_close_reports_what_a_mapping_could_not_write() {
        let path = std::env::temp_dir().join(std::format!("rockmem-owed-{}", std::process::id()));
        std::fs::write(&path, [1; 5000]).unwrap();
        let name = CString::new(path.as_os_str().as_bytes()).unwrap();
        let enter = || System::monitor().enter();
        // No image is mounted: the core pool is not asked for anything.
        let pool = crate::buflib::Pool::core();
        let fd = open(&mut enter(), pool, &name, Mode::READ | Mode::WRITE).unwrap();
        let (Under::Passed(stream), _) = under(&mut enter(), fd).unwrap() else { panic!("the system caches it") };
        let fail = || {
            let file = os::Stream::duplicate(stream).unwrap();
            let mapping = os::Mapping::create(file, Access::all(), Mapping::Write, 0, 5000).unwrap();
            mapping.write(0, 1).unwrap();
            SYNC.set(Errno::IO.0);
            assert_eq!(mapping.destroy(5000, true), Err(Errno::IO));
        };
        fail();
        assert_eq!(sync(&mut enter(), fd), Err(Errno::IO));
        assert_eq!(sync(&mut enter(), fd), Ok(()));
        fail();
        assert_eq!(close(&mut enter(), fd), Err(Errno::IO));
        assert_eq!(close(&mut enter(), fd), Err(Errno::BADF));
        std::fs::remove_file(path).unwrap();
    }
}
