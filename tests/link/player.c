/* The smallest program that uses the library: tests/link.rs builds it with the README's link line. */
#include <stdio.h>
#include <string.h>

#include <rockmem/core_alloc.h>

static unsigned char memory[256 * 1024];

/* The program decides what memory the core pool has. */
void core_allocator_init(void)
{
    buflib_init(&core_ctx, memory, sizeof(memory));
}

int main(void)
{
    int handle;
    char *data;

    core_allocator_init();
    handle = core_alloc(1000);
    if (handle <= 0)
        return 1;
    data = core_get_data_pinned(handle);
    if ((unsigned char *)data < memory || (unsigned char *)data + 1000 > memory + sizeof(memory))
        return 2;
    strcpy(data, "a song");
    core_put_data_pinned(data);
    if (strcmp((char *)core_get_data(handle), "a song") != 0)
        return 3;
    handle = core_free(handle);
    printf("%s, handle %d, %s\n", "C", handle, core_available() > 200 * 1024 ? "free again" : "lost");
    return 0;
}
