#include "player.h"
#include "core_alloc.h"

int tagcache_takes(size_t *size)
{
    return core_alloc_maximum(size, &buflib_ops_locked);
}
