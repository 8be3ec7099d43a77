//! Reading through the cache.
//!
//! ```text
//!   lone read       4 KB window, only the sectors that it touches
//!   a run           windows that grow with it: 4, 16, 64, 128 KB, filled to their end in one command
//!   no memory       straight into the caller's buffer
//! ```

use super::Cached;
use super::evict::{Asker, segment};
use super::index::List;
use crate::mmap::mapping::{Mapped, populate, release};
use crate::port::monitor::{Guard, House};
use crate::port::storage::Errno;

/// What is known about the way in which somebody reads a file.
#[derive(Clone, Copy, Debug, Default)]
pub struct Pattern {
    /// Where the last read ended.
    next: u64,
    /// Bytes read in sequence up to there.
    run: u64,
}

impl Pattern {
    /// A new reader.
    pub const fn new() -> Self {
        Pattern { next: 0, run: 0 }
    }

    /// Takes note of a read: the class of window that it deserves, and whether it continues the last one.
    fn note(&mut self, offset: u64, len: usize) -> (u8, bool) {
        self.run = if offset == self.next { self.run } else { 0 };
        self.run = self.run.saturating_add(len as u64);
        self.next = offset.saturating_add(len as u64);
        let class = match self.run {
            0..4096 => 0,
            4096..16384 => 1,
            16384..65536 => 2,
            _ => 3,
        };
        (class, self.run > len as u64 || len >= 4096)
    }
}

/// Reads from an open file at an offset: how many bytes, fewer than asked only at the end of the file or before an
/// error.
///
/// # Errors
/// The device's, when no byte could be read.
pub fn read<H: House<State: Cached>>(
    g: &mut Guard<H>,
    object: u16,
    offset: u64,
    into: &mut [u8],
    pattern: &mut Pattern,
) -> Result<usize, Errno> {
    let (class, run) = pattern.note(offset, into.len());
    g.cache().counts.asked += into.len() as u64;
    let mut done = 0usize;
    let mut fresh = false;
    loop {
        let (maps, cache) = g.parts();
        let at = offset + done as u64;
        let left = maps.objects[object].size.saturating_sub(at);
        let end = into.len().min(done.saturating_add(usize::try_from(left).unwrap_or(usize::MAX)));
        if done >= end {
            return Ok(done);
        }
        if let Some(slot) = cache.index.find(maps, object, at) {
            let inside = (at - maps.at(slot).offset) as usize;
            let got = maps.copy_out(slot, inside, &mut into[done..end], H::SECTOR);
            if got > 0 {
                done += got;
                cache.counts.hits += u64::from(!fresh);
                fresh = false;
                if cache.index.list(slot) == List::Cached {
                    cache.index.place(maps, slot, List::Cached, None);
                }
                continue;
            }
        }
        cache.counts.misses += 1;
        let result = match segment(g, object, at, class, Asker::Reader) {
            Some(name) => {
                let map = g.maps().at(name.slot);
                let inside = (at - map.offset) as usize;
                let len = if run { map.length as usize - inside } else { end - done };
                populate(g, name, inside, len).map(drop)
            }
            None => direct(g, object, at, &mut into[done..end]).map(|got| done += got),
        };
        fresh = true;
        if let Err(error) = result {
            return if done > 0 { Ok(done) } else { Err(error) };
        }
    }
}

/// Reads into the caller's buffer without a segment.
///
/// # Errors
/// The device's.
pub fn direct<H: House<State: Cached>>(
    g: &mut Guard<H>,
    object: u16,
    offset: u64,
    into: &mut [u8],
) -> Result<usize, Errno> {
    let file = &mut g.maps().objects[object];
    file.hold();
    let stream = file.stream();
    let result = g.unlocked(|| H::read_at(stream, offset, into));
    let (maps, cache) = g.parts();
    cache.counts.direct += 1;
    maps.counts.commands += 1;
    match result {
        Ok(got) => {
            maps.counts.bytes += got as u64;
            if got < into.len() {
                maps.objects[object].shorten(offset + got as u64);
            }
        }
        Err(_) => maps.counts.errors += 1,
    }
    release(g, object);
    result
}
