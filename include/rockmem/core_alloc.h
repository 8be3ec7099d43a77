/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Made from src/capi by `make headers`. Edit there. */

/* core_alloc: the one pool of the program, `core_ctx`. Each function is the one of buflib.h with that context.
 */

#ifndef ROCKMEM_CORE_ALLOC_H
#define ROCKMEM_CORE_ALLOC_H

#include "buflib.h"
#include "core_alloc_inline.h"

#ifdef __cplusplus
extern "C" {
#endif // __cplusplus

/*
 `buflib_alloc` in the core pool.

 The caller sees to it that:
 * `core_allocator_init` was called.
 */
int core_alloc(size_t size);

/*
 `buflib_alloc_ex` in the core pool.

 The caller sees to it that:
 * `ops` is NULL, or points to callbacks that stay valid until the allocation is freed.
 */
int core_alloc_ex(size_t size, struct buflib_callbacks *ops);

/*
 `buflib_alloc_maximum` in the core pool.

 The caller sees to it that:
 * `size` is writable.
 * `ops` is NULL, or points to callbacks that stay valid until the allocation is freed.
 */
int core_alloc_maximum(size_t *size, struct buflib_callbacks *ops);

/*
 `buflib_shrink` in the core pool.

 The caller sees to it that:
 * `handle` is an allocation of the core pool.
 */
bool core_shrink(int handle, void *new_start, size_t new_size);

/*
 `buflib_pin` in the core pool.

 The caller sees to it that:
 * `handle` is an allocation of the core pool.
 */
void core_pin(int handle);

/*
 `buflib_unpin` in the core pool.

 The caller sees to it that:
 * `handle` is an allocation of the core pool.
 */
void core_unpin(int handle);

/*
 `buflib_pin_count` in the core pool.

 The caller sees to it that:
 * `handle` is an allocation of the core pool.
 */
unsigned int core_pin_count(int handle);

/*
 `buflib_free` in the core pool.

 The caller sees to it that:
 * `handle` is an allocation of the core pool, or not above 0.
 */
int core_free(int handle);

/*
 `buflib_available` of the core pool.

 The caller sees to it that:
 * `core_allocator_init` was called.
 */
size_t core_available(void);

/*
 `buflib_allocatable` of the core pool.

 The caller sees to it that:
 * `core_allocator_init` was called.
 */
size_t core_allocatable(void);

#if defined(BUFLIB_DEBUG_PRINT)
/*
 `buflib_get_num_blocks` of the core pool.

 The caller sees to it that:
 * `core_allocator_init` was called.
 */
int core_get_num_blocks(void);
#endif

#if defined(BUFLIB_DEBUG_PRINT)
/*
 `buflib_print_block_at` of the core pool.

 The caller sees to it that:
 * `bufsize` bytes at `buf` are writable.
 */
bool core_print_block_at(int block_num, char *buf, size_t bufsize);
#endif

#if defined(BUFLIB_DEBUG_CHECK_VALID)
/*
 `buflib_check_valid` of the core pool.

 The caller sees to it that:
 * `core_allocator_init` was called.
 */
void core_check_valid(void);
#endif

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

#endif  /* ROCKMEM_CORE_ALLOC_H */
