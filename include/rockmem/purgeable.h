/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Made from src/capi by `make headers`. Edit there. */

/* purgeable: memory of a pool that may be taken back when somebody needs it for something better.
 *
 * Such a block belongs to its owner until the pool asks for it; then its free callback agrees or refuses. Under
 * pressure blocks go in this order: disposable; cached, by a policy that keeps what is used again; needed later,
 * farthest first; dirty ones of these, which are asked to clean themselves first; then those used in the last seconds, in
 * the same order. Never: needed now, pinned, or with a transfer under way. Nothing goes that would not help the
 * request, and no owner is asked to shrink while purging would do.
 *
 * What may be purged counts as available.
 */

#ifndef ROCKMEM_PURGEABLE_H
#define ROCKMEM_PURGEABLE_H

#include "buflib.h"
#include "purgeable_inline.h"

#ifdef __cplusplus
extern "C" {
#endif // __cplusplus

/*
 Allocates `size` bytes that the pool may take back. `align`: of the data, a power of two up to 4096, kept when the
 block moves; 0 for none. `priority`: BUFLIB_NOW, BUFLIB_SOON, BUFLIB_CACHED or BUFLIB_DISPOSABLE. `key`: what you
 call the data, the same whenever it is the same, 0 for nothing: the pool knows by it what comes back soon after it
 went. Above 0 a handle; -1 if there is none, -2 if there is no space or the alignment is none.

 The caller sees to it that:
 * `ctx` is the context of a pool.
 * `ops` is NULL, or points to callbacks that stay valid until the block is freed.
 */
int buflib_alloc_purgeable(struct buflib_context *ctx,
                           size_t size,
                           size_t align,
                           int priority,
                           size_t key,
                           const struct buflib_purge_callbacks *ops);

/*
 Notes that a purgeable block was used. The pool keeps it longer.

 The caller sees to it that:
 * `ctx` is the context of a pool. An ordinary handle ends in `panicf`, here and below.
 */
void buflib_touch(struct buflib_context *ctx, int handle);

/*
 Changes how much a purgeable block is wanted. `distance`, for BUFLIB_SOON: how far away the need is, in a unit that
 all such blocks of the pool share.

 The caller sees to it that:
 * `ctx` is the context of a pool.
 */
void buflib_set_priority(struct buflib_context *ctx, int handle, int priority, unsigned int distance);

/*
 Notes that a purgeable block holds the only copy of something, or no longer does. A dirty block is never purged
 before its clean callback has made it clean.

 The caller sees to it that:
 * `ctx` is the context of a pool.
 */
void buflib_set_dirty(struct buflib_context *ctx, int handle, bool dirty);

/*
 A transfer to or from a purgeable block begins: until `buflib_io_end` it neither moves nor goes. Answers where its
 data is. Up to 255 at a time.

 The caller sees to it that:
 * `ctx` is the context of a pool.
 */
void *buflib_io_begin(struct buflib_context *ctx, int handle);

/*
 A transfer is over.

 The caller sees to it that:
 * `ctx` is the context of a pool.
 */
void buflib_io_end(struct buflib_context *ctx, int handle);

/*
 Moves a block of any kind to the end of the pool, where blocks that stay long are in nobody's way; for those who
 will pin it for long. Its callbacks are asked. False if it stays where it is.

 The caller sees to it that:
 * `ctx` is the context of a pool.
 */
bool buflib_move_high(struct buflib_context *ctx, int handle);

/*
 Says what the calling thread is to every pool from now on: BUFLIB_ASKER_FILE, BUFLIB_ASKER_PLAYBACK or
 BUFLIB_ASKER_ANYONE, which a thread is at first. What its allocations may do follows from that. Answers what it was,
 to be set again; -1 for any other number, which changes nothing. For hosted programs: a player's port knows its
 threads.
 */
int buflib_set_asker(int asker);

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

#endif  /* ROCKMEM_PURGEABLE_H */
