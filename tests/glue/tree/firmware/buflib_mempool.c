/* Stands where a tree has its own pool: no more than the small program calls, and it says so. */
#include "core_alloc.h"

const char *whose_pool = "the tree's";
static struct buflib_context *begun;

void buflib_init(struct buflib_context *ctx, void *memory, size_t bytes)
{
    begun = memory && bytes ? ctx : NULL;
}

int buflib_alloc_ex(struct buflib_context *ctx, size_t bytes, struct buflib_callbacks *ops)
{
    return ctx == begun && bytes && !ops ? 1000 : -2;
}

int buflib_free(struct buflib_context *ctx, int handle)
{
    return ctx == begun && handle == 1000 ? 0 : handle;
}
