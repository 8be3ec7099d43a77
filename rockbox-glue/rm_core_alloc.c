/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The tree's core_alloc.c, wrapped: of it stays what only the tree knows, where the pool's memory begins and ends on
 * each model (core_allocator_init) and the debug screen's test allocation. Everything else is the library's.
 *
 *     core_alloc.c says             it becomes
 *     core_ctx                      *rm_context, which points to the library's core_ctx
 *     core_alloc and so on          functions of this file, which nobody outside calls and the compiler leaves out
 *
 * Nothing of core_alloc.c is copied, so it follows its tree.
 */
#include "config.h"
#include "system.h"
#include "core_alloc.h" /* before any name changes: the declarations and the inline functions stay as they are */
#include "buflib.h"

#define RM_OWN static __attribute__((unused))
RM_OWN int rm_alloc(size_t size);
RM_OWN int rm_alloc_ex(size_t size, struct buflib_callbacks *ops);
RM_OWN int rm_alloc_maximum(size_t *size, struct buflib_callbacks *ops);
RM_OWN bool rm_shrink(int handle, void *new_start, size_t new_size);
RM_OWN void rm_pin(int handle);
RM_OWN void rm_unpin(int handle);
RM_OWN unsigned rm_pin_count(int handle);
RM_OWN int rm_free(int handle);
RM_OWN size_t rm_available(void);
RM_OWN size_t rm_allocatable(void);
#ifdef BUFLIB_DEBUG_CHECK_VALID
RM_OWN void rm_check_valid(void);
#endif
#ifdef BUFLIB_DEBUG_PRINT
RM_OWN int rm_get_num_blocks(void);
RM_OWN bool rm_print_block_at(int block, char *text, size_t size);
#endif

/* A definition of core_ctx in the file becomes one of a pointer: this one, whose value stands below. */
#define core_ctx (*rm_context)

#define core_alloc rm_alloc
#define core_alloc_ex rm_alloc_ex
#define core_alloc_maximum rm_alloc_maximum
#define core_shrink rm_shrink
#define core_pin rm_pin
#define core_unpin rm_unpin
#define core_pin_count rm_pin_count
#define core_free rm_free
#define core_available rm_available
#define core_allocatable rm_allocatable
#define core_check_valid rm_check_valid
#define core_get_num_blocks rm_get_num_blocks
#define core_print_block_at rm_print_block_at

#include "../core_alloc.c"

#undef core_ctx
extern struct buflib_context core_ctx;
struct buflib_context *rm_context = &core_ctx;
