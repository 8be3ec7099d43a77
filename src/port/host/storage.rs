//! Storage on the host: files of the operating system, or of a disk image while one is mounted.
//!
//! ```text
//!    path ──► an image is mounted? ──► image.rs   a FAT volume in a file: cached by the floors above
//!                   └ no ───────────► files.rs   the system's files: cached by the system
//!    stream ─► its number says which
//! ```

use core::ffi::CStr;

use super::kernel::System;
use super::{files, image};
use crate::port::storage::{Errno, How, Identity, Names, Opened, Space, Storage};

impl Storage for System {
    const SECTOR: usize = 512;
    const TRANSFER: usize = 256 * 512;

    fn open(path: &CStr, how: How) -> Result<Opened, Errno> {
        image::named(|volume| volume.open(path, how)).unwrap_or_else(|| files::open(path, how))
    }

    fn close(stream: i32) -> Result<(), Errno> {
        image::stream(stream, |volume, n| volume.close(n)).unwrap_or_else(|| files::close(stream))
    }

    fn read_at(stream: i32, offset: u64, into: &mut [u8]) -> Result<usize, Errno> {
        if image::has(stream) {
            return image::stream(stream, |volume, n| volume.read_at(n, offset, into)).unwrap_or(Err(Errno::NXIO));
        }
        files::read_at(stream, offset, into)
    }

    fn write_at(stream: i32, offset: u64, from: &[u8]) -> Result<usize, Errno> {
        image::stream(stream, |volume, n| volume.write_at(n, offset, from))
            .unwrap_or_else(|| files::write_at(stream, offset, from))
    }

    fn truncate(stream: i32, size: u64) -> Result<(), Errno> {
        image::stream(stream, |volume, n| volume.truncate(n, size)).unwrap_or_else(|| files::truncate(stream, size))
    }

    fn sync(stream: i32) -> Result<Identity, Errno> {
        image::stream(stream, |volume, n| volume.sync(n)).unwrap_or_else(|| files::sync(stream))
    }

    fn space(stream: i32) -> Space {
        match image::stream(stream, |volume, n| Ok(volume.space(n))) {
            Some(space) => space.unwrap_or(Space { unit: Self::SECTOR as u32, free: None }),
            None => files::space(stream),
        }
    }

    fn cached_below(stream: i32) -> bool {
        !image::has(stream)
    }

    fn identify(stream: i32) -> Result<Identity, Errno> {
        image::stream(stream, |volume, n| volume.identify(n)).unwrap_or_else(|| files::identify(stream))
    }
}

impl Names for System {
    fn remove(path: &CStr) -> Result<Option<Identity>, Errno> {
        image::named(|volume| volume.remove(path)).unwrap_or_else(|| files::remove(path))
    }

    fn rename(from: &CStr, to: &CStr) -> Result<Option<Identity>, Errno> {
        image::named(|volume| volume.rename(from, to)).unwrap_or_else(|| files::rename(from, to))
    }
}
