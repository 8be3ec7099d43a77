//! Storage in the tree: the file calls below the segment cache, as functions of the glue.

use core::ffi::{CStr, c_char};

use super::kernel::System;
use crate::port::storage::{Claim, Errno, How, Identity, Opened, Space, Storage};

/// What `rmport_open` tells about a file. Fixed widths: the layout is the same in every tree.
#[repr(C)]
#[derive(Clone, Copy, Default)]
struct PortIdentity {
    /// Volume and mount generation.
    volume: u64,
    /// The file on it: first cluster and directory entry.
    file: u64,
    /// Length in bytes.
    size: u64,
    /// Time of the last change.
    stamp: u64,
}

impl From<PortIdentity> for Identity {
    fn from(from: PortIdentity) -> Self {
        Identity { volume: from.volume, file: from.file, size: from.size, stamp: from.stamp }
    }
}

/// What a function of the glue that answers 0 or a negative error number said.
fn done(answer: i32) -> Result<(), Errno> {
    if answer < 0 { Err(Errno(answer.wrapping_neg())) } else { Ok(()) }
}

unsafe extern "C" {
    /// Opens a file below the cache, and says what it is. `how`: 1 for writing too, 2 to make it, 4 only if there is
    /// none. The stream from 0 up, or a negative error number.
    fn rmport_open(path: *const c_char, how: u32, identity: *mut PortIdentity) -> i32;
    /// Closes such a stream: 0, or a negative error number; it is closed in any case.
    fn rmport_close(stream: i32) -> i32;
    /// Reads `bytes` bytes at `offset` into `buffer`: the count (less than asked only where the file ends), or a
    /// negative error number. Whole sectors go from the disk to the buffer without a copy.
    fn rmport_read_at(stream: i32, offset: u64, buffer: *mut u8, bytes: u32) -> i32;
    /// Writes `bytes` bytes at `offset`, which is at most the length that the disk has of the file: the count (less than
    /// given only where the volume is full), or a negative error number. `buffer` goes on to the end of the sector of
    /// `SECTOR` bytes in which they end; whatever is there may go to the disk behind the end of the file.
    fn rmport_write_at(stream: i32, offset: u64, buffer: *const u8, bytes: u32) -> i32;
    /// Makes the file shorter: 0, or a negative error number.
    fn rmport_truncate(stream: i32, size: u64) -> i32;
    /// Brings what was written, with length and date, to the disk and says what the file is now: 0, or a negative error
    /// number.
    fn rmport_sync(stream: i32, identity: *mut PortIdentity) -> i32;
    /// Opens a stream, below the cache, of the file that file.c's descriptor is of, and says what it is, and whether the
    /// descriptor reads (1) and writes (2). The stream from 0 up, or a negative error number.
    fn rmport_claim(fd: i32, mode: *mut u32, identity: *mut PortIdentity) -> i32;
    /// Bytes of a cluster of the stream's volume; its free bytes go to `free`, all ones where nobody has counted.
    fn rmport_space(stream: i32, free: *mut u64) -> u32;
}

/// A part of a sector, from a buffer that holds a whole one: apart, since stacks are small and nobody does this often.
#[cold]
#[inline(never)]
fn last_sector(stream: i32, offset: u64, from: &[u8]) -> Result<usize, Errno> {
    let mut sector = [0; System::SECTOR];
    sector[..from.len()].copy_from_slice(from);
    System::write_sectors(stream, offset, &sector, from.len())
}

impl Storage for System {
    const SECTOR: usize = 512;
    const TRANSFER: usize = 256 * 512;

    fn open(path: &CStr, how: How) -> Result<Opened, Errno> {
        let mut identity = PortIdentity::default();
        // SAFETY: a C string, and a struct of ours that the glue fills.
        let stream = unsafe { rmport_open(path.as_ptr(), u32::from(how.bits()), &raw mut identity) };
        if stream < 0 {
            return Err(Errno(stream.wrapping_neg()));
        }
        Ok(Opened { stream, identity: identity.into(), writable: how.contains(How::WRITE) })
    }

    fn close(stream: i32) -> Result<(), Errno> {
        // SAFETY: a stream that `rmport_open` gave.
        done(unsafe { rmport_close(stream) })
    }

    fn read_at(stream: i32, offset: u64, into: &mut [u8]) -> Result<usize, Errno> {
        let mut done = 0;
        while done < into.len() {
            let rest = &mut into[done..];
            let bytes = rest.len().min(Self::TRANSFER);
            // SAFETY: the pointer and the length are the slice's.
            let got = unsafe { rmport_read_at(stream, offset + done as u64, rest.as_mut_ptr(), bytes as u32) };
            if got < 0 {
                return Err(Errno(got.wrapping_neg()));
            }
            let got = (got as usize).min(bytes);
            done += got;
            if got < bytes {
                break;
            }
        }
        Ok(done)
    }

    fn write_at(stream: i32, offset: u64, from: &[u8]) -> Result<usize, Errno> {
        let whole = from.len() & !(Self::SECTOR - 1);
        if from.len() == whole {
            return Self::write_sectors(stream, offset, from, whole);
        }
        let put = if whole > 0 { Self::write_sectors(stream, offset, &from[..whole], whole)? } else { 0 };
        if put < whole {
            return Ok(put);
        }
        match last_sector(stream, offset + whole as u64, &from[whole..]) {
            Ok(more) => Ok(put + more),
            Err(Errno::NOSPC) if put > 0 => Ok(put),
            Err(error) => Err(error),
        }
    }

    fn write_sectors(stream: i32, offset: u64, from: &[u8], len: usize) -> Result<usize, Errno> {
        let mut done = 0;
        while done < len {
            let rest = &from[done..];
            let bytes = (len - done).min(Self::TRANSFER);
            // SAFETY: the pointer is the slice's, which goes on to the end of the sector in which these bytes end.
            let put = unsafe { rmport_write_at(stream, offset + done as u64, rest.as_ptr(), bytes as u32) };
            if put < 0 {
                let error = Errno(put.wrapping_neg());
                return if error == Errno::NOSPC && done > 0 { Ok(done) } else { Err(error) };
            }
            let put = (put as usize).min(bytes);
            done += put;
            if put < bytes {
                break;
            }
        }
        Ok(done)
    }

    fn truncate(stream: i32, size: u64) -> Result<(), Errno> {
        // SAFETY: a stream that `rmport_open` gave.
        done(unsafe { rmport_truncate(stream, size) })
    }

    fn sync(stream: i32) -> Result<Identity, Errno> {
        let mut identity = PortIdentity::default();
        // SAFETY: such a stream, and a struct of ours that the glue fills.
        done(unsafe { rmport_sync(stream, &raw mut identity) })?;
        Ok(identity.into())
    }

    fn claim(fd: i32) -> Result<(Opened, Claim), Errno> {
        let (mut identity, mut mode) = (PortIdentity::default(), 0);
        // SAFETY: a number and a struct of ours that the glue fills.
        let stream = unsafe { rmport_claim(fd, &raw mut mode, &raw mut identity) };
        if stream < 0 {
            return Err(Errno(stream.wrapping_neg()));
        }
        let claim = Claim::from_bits_truncate(mode as u8);
        Ok((Opened { stream, identity: identity.into(), writable: claim.contains(Claim::WRITE) }, claim))
    }

    fn space(stream: i32) -> Space {
        let mut free = u64::MAX;
        // SAFETY: such a stream, and a number of ours.
        let unit = unsafe { rmport_space(stream, &raw mut free) };
        Space { unit, free: (free != u64::MAX).then_some(free) }
    }
}
