#include "player.h"
#include "core_alloc.h"

static char *buf;

static int shrink_callback(int handle, unsigned hints, void *start, size_t size)
{
    buffering_reset(start, size);
    core_shrink(handle, start, size);
    core_free(handle);
    return BUFLIB_CB_OK;
}

static struct buflib_callbacks radioart_ops = { .shrink_callback = shrink_callback };

void radioart_init(bool entering)
{
    size_t size;
    int handle = entering ? core_alloc_maximum(&size, &radioart_ops) : 0;
    if (handle <= 0)
        return;
    buffering_reset(core_get_data(handle), size);
    buf = core_get_data(handle);
}
