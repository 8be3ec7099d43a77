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
     Reads that went past the cache for want of memory.
     */
    uint64_t direct_reads;
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

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

#endif  /* ROCKMEM_STATS_H */
