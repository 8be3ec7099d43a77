/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What C code looks into of a pool, and the functions it does without a call. Included by buflib.h; written by hand,
 * because cbindgen knows neither unions of pointers nor inline functions.
 *
 *   struct buflib_context             six words; its owner keeps it, the library fills it
 *     handle_table ──────────────┐
 *                                ▼
 *   ... | entry 3 | entry 2 | entry 1 |        entry n is the word n words below: where the data of handle n is
 *
 *   a block      |  len  | index |  ops  |  pin  | data ...
 *                                           └ the word below the data, the data rounded down to a word
 *
 * Both are ABI: programs compiled against another buflib.h of the same layout work with the library unchanged.
 */
#ifndef ROCKMEM_BUFLIB_INLINE_H
#define ROCKMEM_BUFLIB_INLINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "prefix.h"

/* ROCKMEM_THREADS 1: several threads use a pool at the same time, so reading the handle table and counting pins are
 * functions that take the pool's lock. 0: threads are cooperative, as in a player, and both are inline. */
#ifndef ROCKMEM_THREADS
#ifdef ROCKBOX
#define ROCKMEM_THREADS 0
#else
#define ROCKMEM_THREADS 1
#endif
#endif

/* Switches, to be defined before the first include:
 *   BUFLIB_DEBUG_GET_DATA      buflib_get_data checks its handle
 *   BUFLIB_DEBUG_CHECK_VALID   declares the functions that check a whole pool
 *   BUFLIB_DEBUG_PRINT         declares the functions that list a pool's blocks
 * The archive has all of them in any case. */
#if ROCKMEM_THREADS
#define ROCKMEM_PINS_LOCKED 1
#endif
#if ROCKMEM_THREADS || defined(BUFLIB_DEBUG_GET_DATA)
#define ROCKMEM_GET_DATA_CHECKED 1
#endif

/* What a callback answers. */
#define BUFLIB_CB_OK 0
#define BUFLIB_CB_CANNOT_MOVE 1
#define BUFLIB_CB_CANNOT_SHRINK 1

/* The hints of a shrink callback: two bits that say at which end memory is of use, and how many bytes are wanted. */
#define BUFLIB_SHRINK_POS_FRONT (1u << 31)
#define BUFLIB_SHRINK_POS_BACK (1u << 30)
#define BUFLIB_SHRINK_POS_MASK (BUFLIB_SHRINK_POS_FRONT | BUFLIB_SHRINK_POS_BACK)
#define BUFLIB_SHRINK_SIZE_MASK (~BUFLIB_SHRINK_POS_MASK)

#ifdef __cplusplus
extern "C" {
#endif

/* What may be done with an allocation. The library keeps the pointer to the struct, not a copy. Callbacks run in the
 * thread that asked for memory, with no lock held; they may call every function of the pool, and block. */
struct buflib_callbacks
{
    /* The data is about to move from `current` to `destination`, which may overlap. It is still at `current`, and
     * both buflib_get_data and writing there are allowed: this is the time to adjust pointers into it. Answers
     * BUFLIB_CB_OK, or BUFLIB_CB_CANNOT_MOVE to be left alone this time. NULL: never moved. */
    int (*move_callback)(int handle, void *current, void *destination);

    /* Memory is short. Gives up what it can with buflib_shrink or buflib_free, of this allocation or of others, and
     * answers BUFLIB_CB_OK; or BUFLIB_CB_CANNOT_SHRINK. `start` and `size` are the allocation as the pool sees it, its
     * size rounded up. NULL: never asked. */
    int (*shrink_callback)(int handle, unsigned hints, void *start, size_t size);

    /* Called with true before the move callback, and with false when the move is over or was refused: the place for a
     * lock that keeps other threads from the data. May be NULL. */
    void (*sync_callback)(int handle, bool lock);
};

/* The library's unit: every block starts at a multiple of it and is a multiple of it long. */
union buflib_data
{
    intptr_t val;
    volatile unsigned pincount;
    struct buflib_callbacks *ops;
    char *alloc;
    union buflib_data *handle;
};

/* The words in front of a block's data. Only the pin count has a meaning outside the library. */
enum
{
    BUFLIB_IDX_LEN,
    BUFLIB_IDX_HANDLE,
    BUFLIB_IDX_OPS,
    BUFLIB_IDX_PIN,
    BUFLIB_NUM_FIELDS
};

/* What an allocation takes beside its data, in bytes; the data itself is rounded up to a multiple of a word. */
#define BUFLIB_ALLOC_OVERHEAD (BUFLIB_NUM_FIELDS * sizeof(union buflib_data))

/* A pool. Only its size and the first member have a meaning outside the library. */
struct buflib_context
{
    union buflib_data *handle_table;
    uintptr_t rockmem_private[5];
};

/* Holds where a pointer is a word, which is everywhere. */
#if defined(__cplusplus) && __cplusplus >= 201103L
#define ROCKMEM_STATIC_ASSERT(what, why) static_assert(what, why)
#elif !defined(__cplusplus) && defined(__STDC_VERSION__) && __STDC_VERSION__ >= 201112L
#define ROCKMEM_STATIC_ASSERT(what, why) _Static_assert(what, why)
#else
#define ROCKMEM_STATIC_ASSERT(what, why) \
    struct rockmem_assert_unused /* the same incomplete type each time: C99 has no assertion */
#endif
ROCKMEM_STATIC_ASSERT(sizeof(union buflib_data) == sizeof(void *), "a pool's unit is a pointer");
ROCKMEM_STATIC_ASSERT(sizeof(uintptr_t) == sizeof(void *), "a pool's unit is a pointer");
ROCKMEM_STATIC_ASSERT(sizeof(struct buflib_context) == 6 * sizeof(void *), "callers embed the context by value");
ROCKMEM_STATIC_ASSERT(offsetof(struct buflib_context, handle_table) == 0, "inline code reads the table's address first");
ROCKMEM_STATIC_ASSERT(sizeof(struct buflib_callbacks) == 3 * sizeof(void *), "three callbacks");
ROCKMEM_STATIC_ASSERT(offsetof(struct buflib_callbacks, shrink_callback) == sizeof(void *), "shrink is the second");
ROCKMEM_STATIC_ASSERT(offsetof(struct buflib_callbacks, sync_callback) == 2 * sizeof(void *), "sync is the third");
ROCKMEM_STATIC_ASSERT(BUFLIB_ALLOC_OVERHEAD == 4 * sizeof(void *), "four words in front of the data");
ROCKMEM_STATIC_ASSERT(sizeof(unsigned) == 4, "a pin count and the hints are 32 bits");

#ifndef ROCKMEM_GET_DATA_CHECKED
/* Where the data of an allocation is now, unchecked. The next allocation in the pool may move it: the answer is good
 * until the caller blocks, yields or allocates. */
static inline void *buflib_get_data(struct buflib_context *ctx, int handle)
{
    return ctx->handle_table[-handle].alloc;
}
#endif

#ifndef ROCKMEM_PINS_LOCKED
#ifdef ROCKMEM_GET_DATA_CHECKED
void *buflib_get_data(struct buflib_context *ctx, int handle);
#endif

/* The pin count of the block whose data is at `data`, aligned or not. */
static inline volatile unsigned *rockmem_pincount(void *data)
{
    union buflib_data *words = (union buflib_data *)((uintptr_t)data & ~(uintptr_t)(sizeof(union buflib_data) - 1));
    return &words[BUFLIB_IDX_PIN - BUFLIB_NUM_FIELDS].pincount;
}

/* Pins an allocation and answers where its data is. Give the pointer back with buflib_put_data_pinned. */
static inline void *buflib_get_data_pinned(struct buflib_context *ctx, int handle)
{
    void *data = buflib_get_data(ctx, handle);
    volatile unsigned *pins = rockmem_pincount(data);
    *pins = *pins + 1;
    return data;
}

/* Takes one pin back, of the allocation whose data is at `data`. */
static inline void buflib_put_data_pinned(struct buflib_context *ctx, void *data)
{
    volatile unsigned *pins = rockmem_pincount(data);
    (void)ctx;
    *pins = *pins - 1;
}
#endif

#ifdef __cplusplus
} /* extern "C" */
#endif

#endif /* ROCKMEM_BUFLIB_INLINE_H */
