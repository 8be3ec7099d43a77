/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Made from src/capi by `make headers`. Edit there. */

/* What the floors count: the cache under files and buffering, and the buffering thread. Counters run from the start
 * of the program.
 */

#ifndef ROCKMEM_STATS_H
#define ROCKMEM_STATS_H

#include "prefix.h"
#include "file_inline.h"

/*
 Figures of the whole library.
 */
struct rm_stats
{
    /*
     Read commands sent to storage.
     */
    uint64_t storage_commands;
    /*
     Bytes that storage gave.
     */
    uint64_t storage_bytes;
    /*
     Commands that failed.
     */
    uint64_t storage_errors;
    /*
     Bytes asked for, through file descriptors and handles.
     */
    uint64_t bytes_asked;
    /*
     Lookups that found their bytes in the cache.
     */
    uint64_t hits;
    /*
     Those that did not.
     */
    uint64_t misses;
    /*
     Transfers past the cache, to and from buffers of callers: long ones, and those that had no memory.
     */
    uint64_t direct;
    /*
     Segments given up, for whatever reason.
     */
    uint64_t evictions;
    /*
     Those of them given up to other users of the pool.
     */
    uint64_t given_to_others;
    /*
     Times that the pool asked for memory and got none.
     */
    uint64_t refusals;
    /*
     Segments and mappings that there can be.
     */
    uint64_t segments_most;
    /*
     Segments now.
     */
    uint64_t segments;
    /*
     Bytes in segments now.
     */
    uint64_t segment_bytes;
    /*
     Bytes of them that streams have passed.
     */
    uint64_t played_bytes;
    /*
     Bytes of them that file reads brought.
     */
    uint64_t cached_bytes;
    /*
     Bytes of them ahead of streams.
     */
    uint64_t ahead_bytes;
    /*
     The most bytes there ever were in segments.
     */
    uint64_t segment_bytes_peak;
    /*
     Blocks of the core pool that were moved, whoever owns them; wraps with size_t.
     */
    uint64_t moves;
    /*
     Bytes of them; wraps with size_t.
     */
    uint64_t moved_bytes;
    /*
     Bytes that positions of streams went forward.
     */
    uint64_t stream_bytes;
    /*
     Bytes copied because two segments met inside a request.
     */
    uint64_t bridged_bytes;
    /*
     Reads of handles that waited for storage.
     */
    uint64_t waits;
    /*
     Those of them in the middle of a stream: after an opening or a jump, from the first read on that did not wait.
     */
    uint64_t underruns;
    /*
     Time waited, in milliseconds.
     */
    uint64_t waited_ms;
    /*
     Write commands sent to storage.
     */
    uint64_t storage_writes;
    /*
     Bytes that they took.
     */
    uint64_t storage_written;
    /*
     Milliseconds that transfers took, whoever waited for them.
     */
    uint64_t storage_ms;
    /*
     Bytes given to be written, through file descriptors.
     */
    uint64_t bytes_given;
    /*
     Bytes that wait to be written back.
     */
    uint64_t dirty_bytes;
    /*
     Milliseconds since something was last written back; the largest number for never.
     */
    uint64_t last_flush_ms;
    /*
     Segments and mappings that somebody holds in place.
     */
    uint64_t pinned;
    /*
     Bytes that file reads brought ahead of their readers.
     */
    uint64_t readahead_bytes;
    /*
     Those of them whose segment was read again.
     */
    uint64_t readahead_used;
    /*
     Those of them whose segment went before that.
     */
    uint64_t readahead_wasted;
};

#ifdef __cplusplus
extern "C" {
#endif // __cplusplus

/*
 Fills in the figures.

 The caller sees to it that:
 * `stats` is writable.
 */
void rm_get_stats(struct rm_stats *stats);

/*
 Describes the file with this number among the open ones, in a line of at most 96 bytes, NUL included: stream, users,
 length, length in storage, bytes cached, bytes dirty, error. False past the last one, with an empty line.

 The caller sees to it that:
 * `size` bytes at `text` are writable.
 */
bool rm_print_file(int number, char *text, size_t size);

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

#endif  /* ROCKMEM_STATS_H */
