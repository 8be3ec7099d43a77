//! Storage on the host: files of the operating system, read with `pread`.

use core::ffi::CStr;
use core::mem::MaybeUninit;

use super::kernel::System;
use crate::port::storage::{Errno, Identity, Opened, Storage};

/// The error of the C call that just failed.
fn last() -> Errno {
    Errno(std::io::Error::last_os_error().raw_os_error().unwrap_or(5))
}

/// What the operating system says about an open file.
fn identify(stream: i32) -> Result<Identity, Errno> {
    let mut found = MaybeUninit::<libc::stat>::uninit();
    // SAFETY: the pointer is to a `stat` of ours.
    if unsafe { libc::fstat(stream, found.as_mut_ptr()) } != 0 {
        return Err(last());
    }
    // SAFETY: fstat succeeded, so it filled the struct.
    let found = unsafe { found.assume_init() };
    if found.st_mode & libc::S_IFMT == libc::S_IFDIR {
        return Err(Errno(libc::EISDIR));
    }
    #[allow(clippy::unnecessary_cast)] // the number's type differs between systems
    let file = found.st_ino as u64;
    Ok(Identity {
        volume: found.st_dev,
        file,
        size: u64::try_from(found.st_size).unwrap_or(0),
        stamp: (found.st_mtime as u64).wrapping_mul(1_000_000_000).wrapping_add(found.st_mtime_nsec as u64),
    })
}

impl Storage for System {
    const SECTOR: usize = 512;
    const TRANSFER: usize = 256 * 512;

    fn open(path: &CStr) -> Result<Opened, Errno> {
        // SAFETY: the path is a C string.
        let stream = unsafe { libc::open(path.as_ptr(), libc::O_RDONLY | libc::O_CLOEXEC) };
        if stream < 0 {
            return Err(last());
        }
        match identify(stream) {
            Ok(identity) => Ok(Opened { stream, identity }),
            Err(error) => {
                Self::close(stream);
                Err(error)
            }
        }
    }

    fn close(stream: i32) {
        // SAFETY: the stream is a descriptor that `open` above gave; a file that was only read has nothing to lose.
        unsafe { libc::close(stream) };
    }

    fn read_at(stream: i32, offset: u64, into: &mut [u8]) -> Result<usize, Errno> {
        let mut done = 0;
        while done < into.len() {
            let Ok(at) = libc::off_t::try_from(offset + done as u64) else {
                return Err(Errno::OVERFLOW);
            };
            let rest = &mut into[done..];
            // SAFETY: the pointer and the length are the slice's.
            let got = unsafe { libc::pread(stream, rest.as_mut_ptr().cast(), rest.len(), at) };
            match got {
                0 => break,
                1.. => done += got as usize,
                _ => {
                    let error = last();
                    if error.0 != libc::EINTR {
                        return Err(error);
                    }
                }
            }
        }
        Ok(done)
    }
}
