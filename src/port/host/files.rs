//! Files of the operating system as storage, with `pread` and `pwrite`.

use core::ffi::CStr;
use core::mem::MaybeUninit;

use crate::port::storage::{Errno, How, Identity, Opened, Space};

/// The unit where the system tells none.
const SECTOR: u32 = 512;

/// The error of the C call that just failed.
fn last() -> Errno {
    Errno(std::io::Error::last_os_error().raw_os_error().unwrap_or(5))
}

/// What a C call that answers 0 or -1 said.
fn done(answer: libc::c_int) -> Result<(), Errno> {
    if answer == 0 { Ok(()) } else { Err(last()) }
}

/// Opens a path, with the permissions that the process's mask leaves.
fn descriptor(path: &CStr, flags: libc::c_int) -> Result<i32, Errno> {
    const MODE: libc::c_uint = 0o666;
    // SAFETY: the path is a C string.
    let stream = unsafe { libc::open(path.as_ptr(), flags, MODE) };
    if stream < 0 { Err(last()) } else { Ok(stream) }
}

/// What the operating system's numbers of a file are to us.
fn identity(found: &libc::stat) -> Identity {
    #[allow(clippy::unnecessary_cast)] // the numbers' types differ between systems
    let (volume, file) = (found.st_dev as u64, found.st_ino as u64);
    Identity {
        volume,
        file,
        size: u64::try_from(found.st_size).unwrap_or(0),
        stamp: (found.st_mtime as u64).wrapping_mul(1_000_000_000).wrapping_add(found.st_mtime_nsec as u64),
    }
}

/// What the operating system says about an open file.
pub fn identify(stream: i32) -> Result<Identity, Errno> {
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
    Ok(identity(&found))
}

/// [`Storage::open`](crate::port::storage::Storage::open).
pub fn open(path: &CStr, how: How) -> Result<Opened, Errno> {
    let mut flags = libc::O_CLOEXEC;
    flags |= if how.contains(How::CREATE) { libc::O_CREAT } else { 0 };
    flags |= if how.contains(How::EXCLUSIVE) { libc::O_EXCL } else { 0 };
    let (stream, writable) = match (descriptor(path, flags | libc::O_RDWR), how.contains(How::WRITE)) {
        // Only reading was asked for, and only reading may be allowed.
        (Err(_), false) => (descriptor(path, flags | libc::O_RDONLY)?, false),
        (stream, _) => (stream?, true),
    };
    match identify(stream) {
        Ok(identity) => Ok(Opened { stream, identity, writable }),
        Err(error) => {
            // What the caller hears is why it could not be opened.
            let _ = close(stream);
            Err(error)
        }
    }
}

/// [`Storage::close`](crate::port::storage::Storage::close).
pub fn close(stream: i32) -> Result<(), Errno> {
    // SAFETY: the stream is a descriptor that `open` above gave.
    done(unsafe { libc::close(stream) })
}

/// [`Storage::read_at`](crate::port::storage::Storage::read_at).
pub fn read_at(stream: i32, offset: u64, into: &mut [u8]) -> Result<usize, Errno> {
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

/// [`Storage::write_at`](crate::port::storage::Storage::write_at).
pub fn write_at(stream: i32, offset: u64, from: &[u8]) -> Result<usize, Errno> {
    let mut done = 0;
    while done < from.len() {
        let Ok(at) = libc::off_t::try_from(offset + done as u64) else {
            return Err(Errno::FBIG);
        };
        let rest = &from[done..];
        // SAFETY: the pointer and the length are the slice's.
        let put = unsafe { libc::pwrite(stream, rest.as_ptr().cast(), rest.len(), at) };
        if put >= 0 {
            done += put as usize;
            continue;
        }
        match last() {
            Errno(libc::EINTR) => {}
            Errno::NOSPC if done > 0 => break,
            error => return Err(error),
        }
    }
    Ok(done)
}

/// [`Storage::truncate`](crate::port::storage::Storage::truncate).
pub fn truncate(stream: i32, size: u64) -> Result<(), Errno> {
    let size = libc::off_t::try_from(size).map_err(|_| Errno::FBIG)?;
    // SAFETY: a number; a stream that is none is an error of the call.
    done(unsafe { libc::ftruncate(stream, size) })
}

/// [`Storage::sync`](crate::port::storage::Storage::sync).
pub fn sync(stream: i32) -> Result<Identity, Errno> {
    // SAFETY: as above.
    done(unsafe { libc::fsync(stream) })?;
    identify(stream)
}

/// [`Storage::space`](crate::port::storage::Storage::space).
pub fn space(stream: i32) -> Space {
    let mut found = MaybeUninit::<libc::statvfs>::uninit();
    // SAFETY: the pointer is to a `statvfs` of ours.
    if unsafe { libc::fstatvfs(stream, found.as_mut_ptr()) } != 0 {
        return Space { unit: SECTOR, free: None };
    }
    // SAFETY: fstatvfs succeeded, so it filled the struct.
    let found = unsafe { found.assume_init() };
    #[allow(clippy::unnecessary_cast)] // the types differ between systems
    let (unit, blocks) = (found.f_frsize as u64, found.f_bavail as u64);
    Space { unit: u32::try_from(unit).unwrap_or(SECTOR), free: Some(blocks.saturating_mul(unit)) }
}

/// Which file a name leads to, as far as that file has no other one; nothing if it leads nowhere.
fn only_name_of(path: &CStr) -> Option<Identity> {
    let mut found = MaybeUninit::<libc::stat>::uninit();
    // SAFETY: a C string, and the pointer is to a `stat` of ours.
    if unsafe { libc::lstat(path.as_ptr(), found.as_mut_ptr()) } != 0 {
        return None;
    }
    // SAFETY: lstat succeeded, so it filled the struct.
    let found = unsafe { found.assume_init() };
    (found.st_nlink == 1).then(|| identity(&found))
}

/// [`Names::remove`](crate::port::storage::Names::remove).
pub fn remove(path: &CStr) -> Result<Option<Identity>, Errno> {
    let victim = only_name_of(path);
    // SAFETY: a C string.
    done(unsafe { libc::unlink(path.as_ptr()) })?;
    Ok(victim)
}

/// [`Names::rename`](crate::port::storage::Names::rename).
pub fn rename(from: &CStr, to: &CStr) -> Result<Option<Identity>, Errno> {
    let (mover, victim) = (only_name_of(from), only_name_of(to));
    // SAFETY: C strings.
    done(unsafe { libc::rename(from.as_ptr(), to.as_ptr()) })?;
    let file = |identity: &Identity| (identity.volume, identity.file);
    Ok(victim.filter(|victim| mover.as_ref().map(file) != Some(file(victim))))
}
