/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a mapping of a file in a host directory costs once its pages were declared: beside a call of nothing, in the
 * same loop.
 */
#include "bench.h"
#include "nothing.h"

#include <rockmem/core_alloc.h>
#include <rockmem/file.h>
#include <rockmem/mmap.h>

#include <stdio.h>
#include <unistd.h>

#define PAGES 256
#define CALLS 4000000

static const char name[] = "build/bench/mapped";

void core_allocator_init(void)
{
    size_t size = 1 << 20;
    buflib_init(&core_ctx, pool_get(size), size);
}

/* One declaration of a page, in turn all of them, as `declare` does it: the best of some runs. */
static double each(void (*declare)(int md, size_t offset, size_t length), int md, size_t first, size_t page)
{
    double best = 1e9;
    for (int run = 0; run < 5; run++) {
        double start = cpu_ns();
        for (int i = 0; i < CALLS; i++)
            declare(md, first + i % (PAGES - 1) * page, page);
        double took = (cpu_ns() - start) / CALLS;
        best = took < best ? took : best;
    }
    return best;
}

int main(void)
{
    core_allocator_init();
    size_t page = mmap_pagesize(), length = PAGES * page;
    FILE *file = fopen(name, "wb");
    if (!file || fseek(file, (long)length - 1, SEEK_SET) || fputc(1, file) == EOF || fclose(file))
        give_up("mmap: cannot make %s", name);
    int fd = rm_open(name, O_RDONLY, 0);
    int md = mmap_create(fd, MMAP_READ, 0, length);
    if (md <= 0)
        give_up("mmap: cannot map %s", name);
    /* One with a gap at its start: what was declared is not found by one comparison then. */
    int gap = mmap_create(fd, MMAP_READ, 0, length + page);
    if (gap <= 0 || mmap_read_wait(md, 0, length) != 0 || mmap_read_wait(gap, page, length - page) != 0)
        give_up("mmap: cannot read %s", name);

    double nothing = each(call_of_nothing, md, 0, page);
    double read = each(mmap_read, md, 0, page), lone = each(mmap_read, gap, page, page);
    emit(read, "ns", "mmap.read");
    emit(lone, "ns", "mmap.lone");
    emit(nothing, "ns", "mmap.read.peer");
    emit(nothing, "ns", "mmap.lone.peer");

    double start = cpu_ns();
    for (int i = 0; i < CALLS; i++) {
        void *data = mmap_get(md);
        __asm__ volatile("" : : "r"(data) : "memory");
        mmap_put(md);
    }
    emit((cpu_ns() - start) / CALLS, "ns", "mmap.get");

    if (mmap_destroy_wait(gap, length + page) != 0 || mmap_destroy_wait(md, length) != 0 || rm_close(fd) != 0)
        give_up("mmap: something was left");
    unlink(name);
    return 0;
}
