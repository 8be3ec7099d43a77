//! What the floors count: the cache under files and buffering, and the buffering thread. Counters run from the start
//! of the program.

//#include "prefix.h"
//#include "file_inline.h"

use crate::buffering::Buffered;
use crate::cache::Cached;
use crate::mmap::mapping::Mapped;
use crate::port::System;
use crate::port::kernel::HZ;
use crate::port::monitor::House;

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
    /// Reads that went past the cache for want of memory.
    pub direct_reads: u64,
    /// Segments given up, for whatever reason.
    pub evictions: u64,
    /// Those of them given up to other users of the pool.
    pub given_to_others: u64,
    /// Times that the pool asked for memory and got none.
    pub refusals: u64,
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
    let (storage, pool) = (g.maps().counts, g.maps().pool);
    let counts = g.cache().counts;
    let (segments, wanted) = (g.maps().index.count(), g.maps().index.bytes);
    let segment_bytes = wanted.iter().sum();
    let streams = g.buffering().counts;
    drop(g);
    let (moves, moved_bytes) = pool.map_or((0, 0), |pool| pool.moved());
    let now = rm_stats {
        storage_commands: storage.commands,
        storage_bytes: storage.bytes,
        storage_errors: storage.errors,
        bytes_asked: counts.asked,
        hits: counts.hits,
        misses: counts.misses,
        direct_reads: counts.direct,
        evictions: counts.evictions,
        given_to_others: counts.given,
        refusals: counts.refusals,
        segments: u64::from(segments),
        segment_bytes,
        played_bytes: wanted[3],
        cached_bytes: wanted[2],
        ahead_bytes: wanted[0] + wanted[1],
        segment_bytes_peak: counts.peak,
        moves: moves as u64,
        moved_bytes: moved_bytes as u64,
        stream_bytes: streams.played,
        bridged_bytes: streams.bridged,
        waits: streams.waits,
        underruns: streams.stalls,
        waited_ms: streams.waited * 1000 / u64::from(HZ),
    };
    // SAFETY: writable, by the caller's promise.
    unsafe { stats.write(now) }
}
