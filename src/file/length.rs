//! What there is about a file beside its bytes: length, being on the disk, being the same.

use super::open::{begin, clip, finish};
use super::{Filed, LARGEST, Mode, Under, direct, living};
use crate::cache::write as cached;
use crate::mmap::mapping::Mapped;
use crate::port::monitor::{Guard, House};
use crate::port::storage::Errno;

/// The length of the file in bytes.
///
/// # Errors
/// `EBADF`; `ENXIO`; `EOVERFLOW` for a file that is too long for this layer; the system's.
pub fn size<H: House<State: Filed>>(g: &mut Guard<H>, fd: i32) -> Result<u64, Errno> {
    match size_of(g, fd)? {
        size @ ..=LARGEST => Ok(size),
        _ => Err(Errno::OVERFLOW),
    }
}

/// The same, however long it is.
pub(super) fn size_of<H: House<State: Filed>>(g: &mut Guard<H>, fd: i32) -> Result<u64, Errno> {
    let descriptor = living(g, fd)?;
    match descriptor.under {
        Under::Cached(object) => Ok(g.maps().objects[object].size),
        Under::Passed(stream) => {
            let descriptor = begin(g, fd)?;
            let identity = g.unlocked(|| H::identify(stream));
            finish(g, fd, &descriptor);
            identity.map(|identity| identity.size)
        }
    }
}

/// Makes a file shorter; never longer. Whoever is behind its end then is at it.
///
/// # Errors
/// `EBADF`, also for a descriptor that only reads; `ENXIO`; `EINVAL` below 0; the device's: the file keeps its length.
pub fn truncate<H: House<State: Filed>>(g: &mut Guard<H>, fd: i32, size: i64) -> Result<(), Errno> {
    if !living(g, fd)?.mode.contains(Mode::WRITE) {
        return Err(Errno::BADF);
    }
    let size = u64::try_from(size).map_err(|_| Errno::INVAL)?;
    if size >= size_of(g, fd)? {
        return Ok(());
    }
    let descriptor = begin(g, fd)?;
    let result = match descriptor.under {
        Under::Cached(object) => cached::truncate(g, object, size),
        Under::Passed(stream) => g.unlocked(|| direct::truncate::<H>(stream, size)),
    };
    if result.is_ok() {
        clip(g, descriptor.under, size);
        if let Some(now) = g.files().again(fd, &descriptor) {
            now.wrote = true;
        }
    }
    finish(g, fd, &descriptor);
    result
}

/// Brings the file to the disk: bytes, length, date.
///
/// # Errors
/// `EBADF`; `ENXIO`; `EINVAL` for a descriptor that only reads; the device's, for a write that failed earlier too: the
/// next call tries again.
pub fn sync<H: House<State: Filed>>(g: &mut Guard<H>, fd: i32) -> Result<(), Errno> {
    if !living(g, fd)?.mode.contains(Mode::WRITE) {
        return Err(Errno::INVAL);
    }
    let descriptor = begin(g, fd)?;
    let result = match descriptor.under {
        Under::Cached(object) => cached::sync(g, object),
        Under::Passed(stream) => g.unlocked(|| direct::sync::<H>(stream)),
    };
    if result.is_ok()
        && let Some(now) = g.files().again(fd, &descriptor)
    {
        now.wrote = false;
    }
    finish(g, fd, &descriptor);
    result
}

/// Whether two descriptors are of the same file.
///
/// # Errors
/// `EBADF`; `ENXIO`; the system's.
pub fn same<H: House<State: Filed>>(g: &mut Guard<H>, one: i32, other: i32) -> Result<bool, Errno> {
    match (living(g, one)?.under, living(g, other)?.under) {
        (Under::Cached(one), Under::Cached(other)) => Ok(one == other),
        (Under::Passed(a), Under::Passed(b)) => {
            let (first, second) = (begin(g, one)?, begin(g, other)?);
            let both = g.unlocked(|| Ok((H::identify(a)?, H::identify(b)?)));
            finish(g, one, &first);
            finish(g, other, &second);
            both.map(|(a, b)| (a.volume, a.file) == (b.volume, b.file))
        }
        _ => Ok(false),
    }
}
