//! Bytes between a descriptor and its owner.

use super::open::{begin, finish};
use super::{Filed, LARGEST, Mode, Under, direct, living};
use crate::cache::read::{hit, read as read_file};
use crate::cache::write::{APPEND, write as write_file};
use crate::port::monitor::{Guard, House};
use crate::port::storage::Errno;

/// What a seek counts from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Whence {
    /// The start of the file.
    Set,
    /// The offset.
    Current,
    /// The end of the file.
    End,
}

/// Reads from the offset on and moves it: fewer bytes than asked only at the end of the file or before an error, which
/// the next call reports.
///
/// # Errors
/// `EBADF`, also for a descriptor that only writes; `ENXIO`; `EOVERFLOW` behind the largest offset; the device's.
pub fn read<H: House<State: Filed>>(g: &mut Guard<H>, fd: i32, into: &mut [u8]) -> Result<usize, Errno> {
    let offset = g.files().at(fd)?.offset;
    if goes_on(g, fd, offset, into) {
        return Ok(into.len());
    }
    let offset = living(g, fd)?.offset;
    read_from(g, fd, offset, into)
}

/// Most reads go on in the segment where the last one was: nothing waits, so no use of the file is needed. Whether this one
/// did; if not, nothing has changed.
#[inline]
pub(super) fn goes_on<H: House<State: Filed>>(g: &mut Guard<H>, fd: i32, offset: u64, into: &mut [u8]) -> bool {
    let Ok(descriptor) = g.files().at(fd) else { return false };
    let (under, last, reads) = (descriptor.under, descriptor.pattern.last, descriptor.mode.contains(Mode::READ));
    let Under::Cached(object) = under else { return false };
    if !reads || !hit(g, object, offset, into, last) {
        return false;
    }
    if let Ok(descriptor) = g.files().at(fd) {
        descriptor.offset = offset + into.len() as u64;
        descriptor.pattern.goes_on_or_jumps(offset, into.len());
    }
    true
}

/// The same, from this offset on.
pub(super) fn read_from<H: House<State: Filed>>(
    g: &mut Guard<H>,
    fd: i32,
    offset: u64,
    into: &mut [u8],
) -> Result<usize, Errno> {
    let descriptor = living(g, fd)?;
    if !descriptor.mode.contains(Mode::READ) {
        return Err(Errno::BADF);
    }
    if into.is_empty() {
        return Ok(0);
    }
    if offset > LARGEST {
        return Err(Errno::OVERFLOW);
    }
    let len = into.len().min((LARGEST - offset) as usize);
    let into = &mut into[..len];
    let descriptor = begin(g, fd)?;
    let mut pattern = descriptor.pattern;
    let result = match descriptor.under {
        Under::Cached(object) => read_file(g, object, offset, into, &mut pattern),
        Under::Passed(stream) => g.unlocked(|| H::read_at(stream, offset, into)),
    };
    if let Some(now) = g.files().again(fd, &descriptor) {
        now.pattern = pattern;
        now.offset = offset + *result.as_ref().unwrap_or(&0) as u64;
    }
    finish(g, fd, &descriptor);
    result
}

/// Writes at the offset, or at the end of the file, and moves the offset behind it: fewer bytes than given only when the
/// volume is full, the file as long as one can be, or before an error, which the next call reports.
///
/// # Errors
/// `EBADF`, also for a descriptor that only reads; `ENXIO`; `ENOSPC`; `EFBIG`; the device's.
pub fn write<H: House<State: Filed>>(g: &mut Guard<H>, fd: i32, from: &[u8]) -> Result<usize, Errno> {
    let descriptor = living(g, fd)?;
    let offset = if descriptor.mode.contains(Mode::APPEND) { APPEND } else { descriptor.offset };
    write_from(g, fd, offset, from).map(|(put, _)| put)
}

/// The same, at this offset or at the end of the file ([`APPEND`]): also where the next byte would go.
pub(super) fn write_from<H: House<State: Filed>>(
    g: &mut Guard<H>,
    fd: i32,
    offset: u64,
    from: &[u8],
) -> Result<(usize, u64), Errno> {
    let descriptor = living(g, fd)?;
    if !descriptor.mode.contains(Mode::WRITE) {
        return Err(Errno::BADF);
    }
    let append = offset == APPEND;
    if from.is_empty() {
        return Ok((0, if append { descriptor.offset } else { offset }));
    }
    let descriptor = begin(g, fd)?;
    let mut pattern = descriptor.pattern;
    let at = if append { super::length::size_of(g, fd) } else { Ok(offset) };
    let result = match at {
        Ok(LARGEST..) => Err(Errno::FBIG),
        Err(error) => Err(error),
        Ok(at) => {
            let from = &from[..from.len().min((LARGEST - at) as usize)];
            match descriptor.under {
                Under::Cached(object) => write_file(g, object, if append { APPEND } else { at }, from, &mut pattern),
                Under::Passed(stream) => g.unlocked(|| direct::write::<H>(stream, append, at, from)),
            }
        }
    };
    if let Some(now) = g.files().again(fd, &descriptor) {
        now.pattern = pattern;
        if let Ok((_, end)) = result {
            now.offset = end;
            now.wrote = true;
        }
    }
    finish(g, fd, &descriptor);
    result
}

/// Moves the offset: where it is now.
///
/// # Errors
/// `EBADF`; `ENXIO`; `EINVAL` for a place before the start or beyond the end.
pub fn seek<H: House<State: Filed>>(g: &mut Guard<H>, fd: i32, offset: i64, whence: Whence) -> Result<u64, Errno> {
    let descriptor = living(g, fd)?;
    let size = super::length::size_of(g, fd)?;
    let base = match whence {
        Whence::Set => 0,
        // Another descriptor may have cut the file.
        Whence::Current => descriptor.offset.min(size),
        Whence::End => size,
    };
    let target = base.checked_add_signed(offset).filter(|target| *target <= size);
    let target = target.ok_or(Errno::INVAL)?;
    g.files().at(fd)?.offset = target;
    Ok(target)
}
