//! Storage in the tree: the file calls below the segment cache, as functions of the glue.

use core::ffi::{CStr, c_char};
use core::mem::MaybeUninit;

use super::kernel::System;
use crate::port::storage::{Errno, Identity, Opened, Storage};

/// What `rmport_open` tells about a file. Fixed widths: the layout is the same in every tree.
#[repr(C)]
#[derive(Clone, Copy)]
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

unsafe extern "C" {
    /// Opens a file for reading, below the cache, and says what it is. The stream from 0 up, or a negative error
    /// number.
    fn rmport_open(path: *const c_char, identity: *mut PortIdentity) -> i32;
    /// Closes such a stream.
    fn rmport_close(stream: i32);
    /// Reads `bytes` bytes at `offset` into `buffer`: the count (less than asked only where the file ends), or a
    /// negative error number. Whole sectors go from the disk to the buffer without a copy.
    fn rmport_read_at(stream: i32, offset: u64, buffer: *mut u8, bytes: u32) -> i32;
}

impl Storage for System {
    const SECTOR: usize = 512;
    const TRANSFER: usize = 256 * 512;

    fn open(path: &CStr) -> Result<Opened, Errno> {
        let mut identity = MaybeUninit::<PortIdentity>::zeroed();
        // SAFETY: a C string, and a struct of ours that the glue fills.
        let stream = unsafe { rmport_open(path.as_ptr(), identity.as_mut_ptr()) };
        if stream < 0 {
            return Err(Errno(stream.wrapping_neg()));
        }
        // SAFETY: all integers, zeroed before: valid whatever the glue wrote.
        let identity = unsafe { identity.assume_init() };
        Ok(Opened {
            stream,
            identity: Identity {
                volume: identity.volume,
                file: identity.file,
                size: identity.size,
                stamp: identity.stamp,
            },
        })
    }

    fn close(stream: i32) {
        // SAFETY: a stream that `rmport_open` gave.
        unsafe { rmport_close(stream) }
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
}
