/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Made from src/capi by `make headers`. Edit there. */

/* buflib: a pool of memory whose blocks may move, so that it never stays fragmented.
 *
 * An allocation is a handle, an int above 0. `buflib_get_data` answers where its data is now; any allocation in the
 * same pool may move it, unless it is pinned or its callbacks forbid that. A callback runs in the thread that
 * asked for memory, may call every function here, and may block.
 *
 * A handle that was never given, was freed or belongs to another pool ends in `panicf`, which does not come back.
 */

#ifndef ROCKMEM_BUFLIB_H
#define ROCKMEM_BUFLIB_H

#include "buflib_inline.h"

#ifdef __cplusplus
extern "C" {
#endif // __cplusplus

/*
 Callbacks for an allocation that may neither move nor shrink: all NULL. Such blocks divide the pool; pinning a
 movable one for as long as it takes is nearly always better.
 */
extern struct buflib_callbacks buflib_ops_locked;

/*
 Makes a pool of the `size` bytes at `buf`, empty, with `ctx` as its context. Neither needs an alignment; what lies
 before the first whole word and after the last one is not used. No memory at all ends in `panicf`.

 The caller sees to it that:
 * `ctx` is writable, and stays where it is while the pool is in use.
 * The `size` bytes at `buf` are the pool's alone until the last use of it, and nobody uses `ctx` meanwhile.
 */
void buflib_init(struct buflib_context *ctx, void *buf, size_t size);

/*
 The bytes of the pool that nobody holds, less the words that one allocation takes beside its data. They need not lie
 together.

 The caller sees to it that:
 * `ctx` is the context of a pool.
 */
size_t buflib_available(struct buflib_context *ctx);

/*
 The size of the largest allocation that would succeed without shrinking anything, in bytes. May move blocks to
 find out, and run their move callbacks.

 The caller sees to it that:
 * `ctx` is the context of a pool.
 */
size_t buflib_allocatable(struct buflib_context *ctx);

/*
 Prepares the pool for being moved as a whole to `buf`: for the move callback of a pool that lives inside another
 pool's block. True: everything that points into the pool now points to its copy at `buf`, and the caller moves the
 bytes next, before it calls anything else here. False, and nothing changed: `buf` is not aligned to a word.
 No callback is run for the blocks inside.

 The caller sees to it that:
 * `ctx` is the context of a pool.
 * After true the caller moves the pool's whole memory to `buf`, which has room for it.
 */
bool buflib_context_relocate(struct buflib_context *ctx, void *buf);

/*
 Allocates `size` bytes that may be moved at any time while they are not pinned: `buflib_alloc_ex` without
 callbacks.

 The caller sees to it that:
 * `ctx` is the context of a pool.
 */
int buflib_alloc(struct buflib_context *ctx, size_t size);

/*
 Allocates `size` bytes, aligned to a word and not cleared. `ops` says what may be done with them: NULL, they may
 be moved; else see `struct buflib_callbacks`. The struct is not copied. A size of 0 is a valid request.

 Answers the handle, above 0; -1 when no handle is left, -2 when the memory is not there even after moving and
 shrinking what may be moved and shrunk.

 The caller sees to it that:
 * `ctx` is the context of a pool.
 * `ops` is NULL, or points to callbacks that stay valid until the allocation is freed.
 */
int buflib_alloc_ex(struct buflib_context *ctx, size_t size, struct buflib_callbacks *ops);

/*
 Asks every other allocation to give up what it can, allocates the largest piece there is then and leaves its size
 in `size`. Answers as `buflib_alloc_ex`; on an error `size` means nothing.

 The caller sees to it that:
 * `ctx` is the context of a pool; `size` is writable.
 * `ops` is NULL, or points to callbacks that stay valid until the allocation is freed.
 */
int buflib_alloc_maximum(struct buflib_context *ctx, size_t *size, struct buflib_callbacks *ops);

/*
 Makes an allocation smaller: what is left is the `newsize` bytes at `newstart`, or at the present start if that is
 NULL. Neither needs an alignment, and no byte moves. False, and nothing changed, if they do not lie within the
 allocation. Runs no callback and does not block.

 The caller sees to it that:
 * `ctx` is the context of a pool and `handle` one of its allocations.
 */
bool buflib_shrink(struct buflib_context *ctx, int handle, void *newstart, size_t newsize);

/*
 Pins an allocation: it is not moved, and its move and sync callbacks are not run, until as many unpins have
 followed. It may still be asked to shrink.

 The caller sees to it that:
 * `ctx` is the context of a pool and `handle` one of its allocations.
 */
void buflib_pin(struct buflib_context *ctx, int handle);

/*
 Takes one pin back. One too many ends in `panicf`.

 The caller sees to it that:
 * `ctx` is the context of a pool and `handle` one of its allocations.
 */
void buflib_unpin(struct buflib_context *ctx, int handle);

/*
 How often an allocation is pinned; 0, it may move.

 The caller sees to it that:
 * `ctx` is the context of a pool and `handle` one of its allocations.
 */
unsigned int buflib_pin_count(struct buflib_context *ctx, int handle);

/*
 Frees an allocation, pinned or not, and answers 0, which is no handle: `h = buflib_free(ctx, h)`. A `handle` of 0
 or below, as a failed allocation leaves it, is nothing to free. Runs no callback and does not block.

 The caller sees to it that:
 * `context` is the context of a pool; `handle` is one of its allocations, or not above 0.
 * Nobody uses the data any more.
 */
int buflib_free(struct buflib_context *context, int handle);

#if defined(ROCKMEM_GET_DATA_CHECKED)
/*
 Where the data of an allocation is now. The next allocation in the pool may move it, so the answer is good until
 the caller blocks, yields or allocates; pin it to keep it longer. This is the checked form: a bad handle ends in
 `panicf`.

 The caller sees to it that:
 * `ctx` is the context of a pool and `handle` one of its allocations.
 */
void *buflib_get_data(struct buflib_context *ctx, int handle);
#endif

#if defined(ROCKMEM_PINS_LOCKED)
/*
 Pins an allocation and answers where its data is: `buflib_pin` and `buflib_get_data` with nothing in between. Give
 the pointer back with `buflib_put_data_pinned`.

 The caller sees to it that:
 * `ctx` is the context of a pool and `handle` one of its allocations.
 */
void *buflib_get_data_pinned(struct buflib_context *ctx, int handle);
#endif

#if defined(ROCKMEM_PINS_LOCKED)
/*
 Takes one pin back, of the allocation whose data is at `data`.

 The caller sees to it that:
 * `ctx` is the context of a pool, and `data` what `buflib_get_data_pinned` answered for one of its allocations,
   which was not freed or shrunk from the front since.
 */
void buflib_put_data_pinned(struct buflib_context *ctx, void *data);
#endif

/*
 Takes memory out of the pool at its start, which everything in it slides up for: `size` bytes of it, or all that is
 free when `size` is 0. Answers where it begins and leaves in `size` how much it is, which may be less than was
 asked. Calling it again takes what lies right before the data then. Blocks are moved without their move callbacks,
 so this is for pools whose owner is the only user.

 The caller sees to it that:
 * `ctx` is the context of a pool in which nobody holds a pointer; `size` is readable and writable.
 */
void *buflib_buffer_out(struct buflib_context *ctx, size_t *size);

/*
 Gives `size` bytes, taken with `buflib_buffer_out`, back to the pool: everything in it slides down over them,
 without move callbacks.

 The caller sees to it that:
 * `ctx` is the context of a pool in which nobody holds a pointer, and the `size` bytes before its data came from it.
 */
void buflib_buffer_in(struct buflib_context *ctx, int size);

#if defined(BUFLIB_DEBUG_PRINT)
/*
 How many blocks the pool consists of, free ones included.

 The caller sees to it that:
 * `ctx` is the context of a pool.
 */
int buflib_get_num_blocks(struct buflib_context *ctx);
#endif

#if defined(BUFLIB_DEBUG_PRINT)
/*
 Writes a line about block `block_num`, counted from 0 in the order of addresses, into `buf`: cut to `bufsize`
 bytes and always ended by a zero; 40 are enough for any. False, and an empty line, if there is no such block.

 The caller sees to it that:
 * `ctx` is the context of a pool; `bufsize` bytes at `buf` are writable.
 */
bool buflib_print_block_at(struct buflib_context *ctx, int block_num, char *buf, size_t bufsize);
#endif

#if defined(BUFLIB_DEBUG_CHECK_VALID)
/*
 Walks the whole pool and ends in `panicf` at the first thing that cannot be.

 The caller sees to it that:
 * `ctx` is the context of a pool.
 */
void buflib_check_valid(struct buflib_context *ctx);
#endif

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

#endif  /* ROCKMEM_BUFLIB_H */
