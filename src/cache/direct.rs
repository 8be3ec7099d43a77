//! Transfers between storage and a caller's buffer, past the cache: for what memory would not hold, and when there is
//! no memory.
//!
//! What is in memory wins: a direct read stops where somebody has the bytes valid, and the caller copies those.

use super::Cached;
use crate::mmap::mapping::Mapped;
use crate::mmap::transfer::{begin, end};
use crate::port::kernel::Channel;
use crate::port::monitor::{Guard, House};
use crate::port::storage::Errno;

/// From this many bytes on a request may go past the cache.
const LARGE: usize = 64 * 1024;

/// Whether a request goes past the cache: it is large, begins with a sector, and belongs to a file of which the cache
/// would keep only a part until it is asked for again.
pub fn passes_by<H: House<State: Cached>>(g: &mut Guard<H>, object: u16, at: u64, len: usize) -> bool {
    if len < LARGE || !at.is_multiple_of(H::SECTOR as u64) {
        return false;
    }
    let memory = g.cache().size as u64;
    g.maps().objects[object].size > memory / 4
}

/// Reads into the caller's buffer up to where somebody has the bytes valid: how many bytes; 0 when that is here, or when
/// something was in the way. The caller looks again.
///
/// # Errors
/// The device's.
pub fn direct<H: House<State: Cached>>(
    g: &mut Guard<H>,
    object: u16,
    offset: u64,
    into: &mut [u8],
) -> Result<usize, Errno> {
    let maps = g.maps();
    let stored = maps.objects[object].stored;
    let until = maps.gap(object, offset, (offset + into.len() as u64).min(stored));
    if until <= offset {
        return Ok(0);
    }
    if maps.objects[object].written_past(offset, until) {
        g.wait(Channel::Data, None);
        return Ok(0);
    }
    let into = &mut into[..(until - offset) as usize];
    let stream = begin(maps, object);
    let began = H::ticks();
    let result = g.unlocked(|| H::read_at(stream, offset, into));
    g.cache().counts.direct += 1;
    let maps = g.maps();
    maps.counts.commands += 1;
    maps.counts.ticks += u64::from(H::ticks().wrapping_sub(began));
    match result {
        Ok(got) => {
            maps.counts.bytes += got as u64;
            if got < into.len() {
                maps.shorten(object, offset + got as u64);
            }
        }
        Err(_) => maps.counts.errors += 1,
    }
    end(g, object);
    result
}

/// Reads bytes of a file from memory and past it, without making segments: how many, fewer than asked only at the end of
/// the file or before an error.
///
/// # Errors
/// The device's, when no byte could be read.
pub fn past<H: House<State: Cached>>(
    g: &mut Guard<H>,
    object: u16,
    offset: u64,
    into: &mut [u8],
) -> Result<usize, Errno> {
    let mut done = 0usize;
    loop {
        let maps = g.maps();
        let at = offset + done as u64;
        let left = maps.objects[object].size.saturating_sub(at);
        let end = into.len().min(done.saturating_add(usize::try_from(left).unwrap_or(usize::MAX)));
        if done >= end {
            return Ok(done);
        }
        if let Some((slot, inside, run)) = maps.run_at(object, at).filter(|(_, _, run)| *run > 0) {
            let most = run.min(end - done);
            done += maps.copy_out(slot, inside, &mut into[done..done + most]);
            continue;
        }
        match direct(g, object, at, &mut into[done..end]) {
            Ok(got) => done += got,
            Err(_) if done > 0 => return Ok(done),
            Err(error) => return Err(error),
        }
    }
}
