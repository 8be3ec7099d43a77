/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The figures of pool and cache as lines of text. Apart from rm_debug.c, since rockmem's headers and the tree's both tell
 * what a pool is.
 */
#include "rm_figures.h"
#include "rockmem/buflib_stats.h"
#include "rockmem/stats.h"

static unsigned long kb(uint64_t bytes)
{
    return bytes >> 10;
}

static void pool(rm_line line)
{
    struct buflib_stats now;

    core_get_stats(&now);
    size_t purged = now.reclaimed_disposable.blocks + now.reclaimed_cached.blocks + now.reclaimed_soon.blocks;
    size_t bytes = now.reclaimed_disposable.bytes + now.reclaimed_cached.bytes + now.reclaimed_soon.bytes;
    line("Free: %lu KB, hole %lu KB", kb(now.free), kb(now.largest_hole));
    line("Blocks: %lu, purgeable %lu", (unsigned long)now.blocks, (unsigned long)now.purgeable);
    line("Files: %lu KB, again %lu KB", kb(now.probation + now.main), kb(now.main));
    line("Music: %lu KB, played %lu KB", kb(now.soon), kb(now.disposable));
    line("Allocs: %lu, refused %lu", (unsigned long)now.allocs, (unsigned long)now.refused);
    line("Moved: %lu, %lu KB", (unsigned long)now.moved_blocks, kb(now.moved_bytes));
    line("Purged: %lu, %lu KB", (unsigned long)purged, kb(bytes));
    line("Longest: %lu ms", (unsigned long)(now.longest_us / 1000));
}

static void cache(rm_line line)
{
    struct rm_stats now;

    rm_get_stats(&now);
    uint64_t looks = now.hits + now.misses;
    line("Segments: %lu, %lu KB", (unsigned long)now.segments, kb(now.segment_bytes));
    line("Held: %lu, dirty %lu KB", (unsigned long)now.pinned, kb(now.dirty_bytes));
    if (now.last_flush_ms == UINT64_MAX)
        line("Never flushed");
    else
        line("Flushed: %lu s ago", (unsigned long)(now.last_flush_ms / 1000));
    line("Hits: %lu%% of %lu", (unsigned long)(looks ? now.hits * 100 / looks : 0), (unsigned long)looks);
    line("Asked: %lu KB", kb(now.bytes_asked));
    line("Given: %lu KB", kb(now.bytes_given));
    line("Reads: %lu, %lu KB", (unsigned long)now.storage_commands, kb(now.storage_bytes));
    line("Writes: %lu, %lu KB", (unsigned long)now.storage_writes, kb(now.storage_written));
    line("Ahead: %lu KB, used %lu KB", kb(now.readahead_bytes), kb(now.readahead_used));
    line("Evicted: %lu, for others %lu", (unsigned long)now.evictions, (unsigned long)now.given_to_others);
    line("Past the cache: %lu", (unsigned long)now.direct);
    line("Errors: %lu", (unsigned long)now.storage_errors);
    line("Streamed: %lu KB", kb(now.stream_bytes));
    line("Joined: %lu KB", kb(now.bridged_bytes));
    line("Waits: %lu, %lu ms", (unsigned long)now.waits, (unsigned long)now.waited_ms);
    line("Underruns: %lu", (unsigned long)now.underruns);
}

void rm_figures(rm_line line)
{
    pool(line);
    cache(line);
}
