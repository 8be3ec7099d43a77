/* Stands where a tree has its core_alloc.c: the context, the place of its memory, and thin functions. */
#include "core_alloc.h"

struct buflib_context core_ctx;
#ifndef POOL_WORDS
#define POOL_WORDS (8 * 1024)
#endif
static union buflib_data memory[POOL_WORDS];
#ifdef BUFLIB_DEBUG_PRINT
int taken_at_start;
#endif

void core_allocator_init(void)
{
    buflib_init(&core_ctx, memory, sizeof(memory));
#ifdef BUFLIB_DEBUG_PRINT
    taken_at_start = core_alloc(64);
#endif
}

int core_alloc(size_t bytes)
{
    return buflib_alloc_ex(&core_ctx, bytes, NULL);
}

int core_alloc_ex(size_t bytes, struct buflib_callbacks *ops)
{
    return buflib_alloc_ex(&core_ctx, bytes, ops);
}

int core_alloc_maximum(size_t *bytes, struct buflib_callbacks *ops)
{
    return buflib_alloc_maximum(&core_ctx, bytes, ops);
}

bool core_shrink(int handle, void *start, size_t bytes)
{
    return buflib_shrink(&core_ctx, handle, start, bytes);
}

void core_pin(int handle)
{
    buflib_pin(&core_ctx, handle);
}

void core_unpin(int handle)
{
    buflib_unpin(&core_ctx, handle);
}

unsigned core_pin_count(int handle)
{
    return buflib_pin_count(&core_ctx, handle);
}

int core_free(int handle)
{
    return buflib_free(&core_ctx, handle);
}

size_t core_available(void)
{
    return buflib_available(&core_ctx);
}

size_t core_allocatable(void)
{
    return buflib_allocatable(&core_ctx);
}

#ifdef BUFLIB_DEBUG_PRINT
int core_get_num_blocks(void)
{
    return buflib_get_num_blocks(&core_ctx);
}

bool core_print_block_at(int block, char *text, size_t bytes)
{
    return buflib_print_block_at(&core_ctx, block, text, bytes);
}
#endif
