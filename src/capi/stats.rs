//! What the floors count: the cache under files and buffering, and the buffering thread. Counters run from the start
//! of the program.

//#include "prefix.h"
//#include "file_inline.h"

use crate::buffering::Buffered;
use crate::buflib::Line;
use crate::cache::stats::file_line;
use crate::mmap::mapping::Mapped;
use crate::port::System;
use crate::port::kernel::HZ;
use crate::port::monitor::House;
use core::ffi::{c_char, c_int};

/// Figures of the whole library.
#[allow(non_camel_case_types)]
#[derive(Clone, Copy, Debug, Default)]
#[repr(C)]
pub struct rm_stats {
    /// Read commands sent to storage.
    pub storage_commands: u64,
    /// Bytes that storage gave.
    pub storage_bytes: u64,
    /// Commands that failed.
    pub storage_errors: u64,
    /// Bytes asked for, through file descriptors and handles.
    pub bytes_asked: u64,
    /// Lookups that found their bytes in the cache.
    pub hits: u64,
    /// Those that did not.
    pub misses: u64,
    /// Transfers past the cache, to and from buffers of callers: long ones, and those that had no memory.
    pub direct: u64,
    /// Segments given up, for whatever reason.
    pub evictions: u64,
    /// Those of them given up to other users of the pool.
    pub given_to_others: u64,
    /// Times that the pool asked for memory and got none.
    pub refusals: u64,
    /// Segments and mappings that there can be.
    pub segments_most: u64,
    /// Segments now.
    pub segments: u64,
    /// Bytes in segments now.
    pub segment_bytes: u64,
    /// Bytes of them that streams have passed.
    pub played_bytes: u64,
    /// Bytes of them that file reads brought.
    pub cached_bytes: u64,
    /// Bytes of them ahead of streams.
    pub ahead_bytes: u64,
    /// The most bytes there ever were in segments.
    pub segment_bytes_peak: u64,
    /// Blocks of the core pool that were moved, whoever owns them; wraps with size_t.
    pub moves: u64,
    /// Bytes of them; wraps with size_t.
    pub moved_bytes: u64,
    /// Bytes that positions of streams went forward.
    pub stream_bytes: u64,
    /// Bytes copied because two segments met inside a request.
    pub bridged_bytes: u64,
    /// Reads of handles that waited for storage.
    pub waits: u64,
    /// Those of them in the middle of a stream: after an opening or a jump, from the first read on that did not wait.
    pub underruns: u64,
    /// Time waited, in milliseconds.
    pub waited_ms: u64,
    /// Write commands sent to storage.
    pub storage_writes: u64,
    /// Bytes that they took.
    pub storage_written: u64,
    /// Milliseconds that transfers took, whoever waited for them.
    pub storage_ms: u64,
    /// Bytes given to be written, through file descriptors.
    pub bytes_given: u64,
    /// Bytes that wait to be written back.
    pub dirty_bytes: u64,
    /// Milliseconds since something was last written back; the largest number for never.
    pub last_flush_ms: u64,
    /// Segments and mappings that somebody holds in place.
    pub pinned: u64,
    /// Bytes that file reads brought ahead of their readers.
    pub readahead_bytes: u64,
    /// Those of them whose segment was read again.
    pub readahead_used: u64,
    /// Those of them whose segment went before that.
    pub readahead_wasted: u64,
}

/// Fills in the figures.
///
/// # Safety
/// * `stats` is writable.
#[unsafe(export_name = prefix!("rm_get_stats"))]
pub unsafe extern "C" fn rm_get_stats(stats: *mut rm_stats) {
    if stats.is_null() {
        return;
    }
    let mut g = System::monitor().enter();
    let pool = g.maps().pool;
    let floors = crate::cache::stats::stats(&mut g);
    let streams = g.buffering().counts;
    drop(g);
    let (moves, moved_bytes) = pool.map_or((0, 0), |pool| pool.moved());
    let counts = floors.counts;
    let [needed, soon, cached, disposable] = floors.wanted;
    let now = rm_stats {
        storage_commands: floors.reads.0,
        storage_bytes: floors.reads.1,
        storage_errors: floors.errors,
        bytes_asked: counts.asked,
        hits: counts.hits,
        misses: counts.misses,
        direct: counts.direct,
        evictions: counts.evictions,
        given_to_others: counts.given,
        refusals: counts.refusals,
        segments_most: floors.slots,
        segments: floors.segments,
        segment_bytes: needed + soon + cached + disposable,
        played_bytes: disposable,
        cached_bytes: cached,
        ahead_bytes: needed + soon,
        segment_bytes_peak: counts.peak,
        moves: moves as u64,
        moved_bytes: moved_bytes as u64,
        stream_bytes: streams.played,
        bridged_bytes: streams.bridged,
        waits: streams.waits,
        underruns: streams.stalls,
        waited_ms: streams.waited * 1000 / u64::from(HZ),
        storage_writes: floors.writes.0,
        storage_written: floors.writes.1,
        storage_ms: floors.waited_ms,
        bytes_given: counts.taken,
        dirty_bytes: floors.dirty,
        last_flush_ms: floors.flushed_ms,
        pinned: floors.pinned,
        readahead_bytes: floors.ahead.0,
        readahead_used: floors.ahead.1,
        readahead_wasted: floors.ahead.2,
    };
    // SAFETY: writable, by the caller's promise.
    unsafe { stats.write(now) }
}

/// Describes the file with this number among the open ones, in a line of at most 96 bytes, NUL included: stream, users,
/// length, length in storage, bytes cached, bytes dirty, error. False past the last one, with an empty line.
///
/// # Safety
/// * `size` bytes at `text` are writable.
#[unsafe(export_name = prefix!("rm_print_file"))]
pub unsafe extern "C" fn rm_print_file(number: c_int, text: *mut c_char, size: usize) -> bool {
    let line = match size {
        0 => &mut [],
        // SAFETY: the caller's promise.
        _ => unsafe { core::slice::from_raw_parts_mut(text.cast::<u8>(), size) },
    };
    let mut line = Line::new(line);
    let mut g = System::monitor().enter();
    let file = usize::try_from(number).ok().and_then(|n| file_line(&mut g, n));
    if let Some(file) = file {
        for (name, value) in [
            ("", file.stream as u64),
            (": users ", u64::from(file.users)),
            (" size ", file.size),
            (" stored ", file.stored),
            (" cached ", file.cached),
            (" dirty ", file.dirty),
            (" error ", file.error as u64),
        ] {
            line.text(name.as_bytes());
            line.number(usize::try_from(value).unwrap_or(usize::MAX), 10, 0, b"");
        }
    }
    line.end();
    file.is_some()
}
