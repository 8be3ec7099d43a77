/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The inline functions of the core pool, and what the linking program brings. Included by core_alloc.h.
 */
#ifndef ROCKMEM_CORE_ALLOC_INLINE_H
#define ROCKMEM_CORE_ALLOC_INLINE_H

#include "buflib.h"

#ifdef __cplusplus
extern "C" {
#endif

/* The core pool's context, in the archive. */
extern struct buflib_context core_ctx;

/* Both are the linking program's, not the archive's. The first gives the core pool its memory before anything
 * allocates: buflib_init(&core_ctx, start, size). The second frees a block that the first has allocated for a debug
 * screen to play with, and says whether there was one; only a program that calls it needs it. */
void core_allocator_init(void);
#ifdef BUFLIB_DEBUG_PRINT
bool core_test_free(void);
#endif

/* buflib_get_data in the core pool. */
static inline void *core_get_data(int handle)
{
    return buflib_get_data(&core_ctx, handle);
}

/* buflib_get_data_pinned in the core pool. */
static inline void *core_get_data_pinned(int handle)
{
    return buflib_get_data_pinned(&core_ctx, handle);
}

/* buflib_put_data_pinned in the core pool. */
static inline void core_put_data_pinned(void *data)
{
    buflib_put_data_pinned(&core_ctx, data);
}

/* chunk_alloc in the core pool. A macro, because chunk_alloc.h is not ours: it stays the tree's, works on any buflib,
 * and whoever uses this includes it. */
#define core_chunk_alloc_init(hdr, chunk_size, max_chunks) \
    chunk_alloc_init((hdr), &core_ctx, (chunk_size), (max_chunks))

#ifdef __cplusplus
} /* extern "C" */
#endif

#endif /* ROCKMEM_CORE_ALLOC_INLINE_H */
