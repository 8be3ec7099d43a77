/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The file calls and mappings through the C face: bytes, return values, errno.
 */
#include "world.h"

const size_t pool_bytes = 700000;

#define SIZE 500000

static const unsigned char *file;

static void bad_input(void)
{
    char byte;
    errno = 0;
    CHECK(rm_open("nothing", O_RDONLY, 0) == -1 && errno == ENOENT);
    CHECK(rm_open(NULL, O_RDONLY, 0) == -1 && errno == EFAULT);
    CHECK(rm_open("file", O_RDWR, 0) == -1 && errno == EROFS);
    CHECK(rm_open("file", O_CREAT, 0600) == -1 && errno == EROFS);
    CHECK(rm_read(3, &byte, 1) == -1 && errno == EBADF);
    CHECK(rm_close(-1) == -1 && errno == EBADF);
    CHECK(rm_filesize(31) == -1 && errno == EBADF);
    CHECK(mmap_create(0, MMAP_READ, 0, 512) == -1 && errno == EBADF);
    int fd = rm_open("file", O_RDONLY, 0);
    CHECK(fd == 0);
    CHECK(rm_lseek(fd, 0, 9) == -1 && errno == EINVAL);
    CHECK(rm_lseek(fd, SIZE + 1, SEEK_SET) == -1 && errno == EINVAL);
    CHECK(rm_lseek(fd, -1, SEEK_CUR) == -1 && errno == EINVAL);
    CHECK(rm_read(fd, NULL, 1) == -1 && errno == EFAULT);
    CHECK(rm_read(fd, NULL, 0) == 0);
    CHECK(mmap_create(fd, MMAP_WRITE, 0, 512) == -1 && errno == EACCES);
    CHECK(mmap_create(fd, MMAP_READWRITE, 0, 512) == -1 && errno == EACCES);
    CHECK(mmap_create(fd, 3, 0, 512) == -1 && errno == EINVAL);
    CHECK(mmap_create(fd, MMAP_READ, -512, 512) == -1 && errno == EINVAL);
    CHECK(mmap_create(fd, MMAP_READ, 1, 512) == -1 && errno == EINVAL);
    CHECK(mmap_create(fd, MMAP_READ, 0, 0) == -1 && errno == EINVAL);
    CHECK(mmap_create(fd, MMAP_READ, 0, 10000000) == -1 && errno == ENOMEM);
    CHECK(mmap_get(1) == NULL && errno == EBADF);
    CHECK(mmap_error(1) == -1 && errno == EBADF);
    CHECK(mmap_read_wait(1, 0, 0) == -1 && errno == EBADF);
    CHECK(mmap_destroy_wait(1, 512) == -1 && errno == EBADF);
    errno = 0;
    mmap_put(1);
    CHECK(errno == EBADF);
    CHECK(rm_close(fd) == 0);
}

static void random_access(void)
{
    static char got[30000];
    unsigned seed = 1;
    int fd = rm_open("file", O_RDONLY, 0);
    CHECK(rm_filesize(fd) == SIZE);
    for (int i = 0; i < 3000; i++)
    {
        size_t from = dice(&seed, SIZE + 1);
        size_t want = dice(&seed, i % 10 ? 500 : sizeof got);
        size_t there = want < SIZE - from ? want : SIZE - from;
        CHECK(rm_lseek(fd, (off_t)from, SEEK_SET) == (off_t)from);
        CHECK(rm_read(fd, got, want) == (ssize_t)there);
        CHECK(memcmp(got, file + from, there) == 0);
        CHECK(rm_lseek(fd, 0, SEEK_CUR) == (off_t)(from + there));
        if (i % 100 == 0)
            core_free(core_alloc(300000));
    }
    CHECK(rm_close(fd) == 0);
}

static void mappings(void)
{
    const size_t page = mmap_pagesize();
    CHECK(page >= 512 && (page & (page - 1)) == 0);
    int fd = rm_open("file", O_RDONLY, 0);
    int md = mmap_create(fd, MMAP_READ, (off_t)(8 * page), 100000);
    CHECK(md > 0);
    CHECK(rm_close(fd) == 0);
    mmap_read(md, 10, 99990);
    CHECK(mmap_error(md) == 0);
    CHECK(mmap_read_wait(md, 99990, 11) == -1 && errno == EINVAL);
    unsigned char *data = mmap_get(md);
    CHECK(data && mmap_get(md) == data);
    CHECK(memcmp(data + 10, file + 8 * page + 10, 99990) == 0);
    CHECK(mmap_destroy_wait(md, 100000) == -1 && errno == EBUSY);
    mmap_put(md);
    mmap_put(md);
    errno = 0;
    mmap_put(md);
    CHECK(errno == EINVAL);
    CHECK(mmap_destroy_wait(md, 100001) == -1 && errno == EINVAL);
    CHECK(mmap_destroy_wait(md, 100000) == 0);
    CHECK(mmap_destroy_wait(md, 100000) == -1 && errno == EBADF);
}

static void figures(void)
{
    struct rm_stats before, after;
    char byte;
    int fd = rm_open("file", O_RDONLY, 0);
    CHECK(rm_read(fd, &byte, 1) == 1);
    rm_get_stats(&before);
    CHECK(rm_lseek(fd, 0, SEEK_SET) == 0 && rm_read(fd, &byte, 1) == 1);
    rm_get_stats(&after);
    CHECK(after.hits == before.hits + 1 && after.misses == before.misses);
    CHECK(after.storage_commands == before.storage_commands && after.bytes_asked == before.bytes_asked + 1);
    CHECK(after.segments > 0 && after.segment_bytes > 0 && after.segment_bytes_peak >= after.segment_bytes);
    CHECK(after.segment_bytes == after.played_bytes + after.cached_bytes + after.ahead_bytes);
    CHECK(after.storage_bytes > SIZE && after.evictions > 0 && after.given_to_others > 0);
    CHECK(after.storage_errors == 0 && after.underruns == 0);
    CHECK(rm_close(fd) == 0);
}

int main(void)
{
    errno = 0;
    CHECK(rm_open("file", O_RDONLY, 0) == -1 && errno == ENOMEM); /* before there is a core pool */
    core_allocator_init();
    file = make_file("file", SIZE);
    bad_input();
    random_access();
    mappings();
    figures();
    puts("files as promised");
    return 0;
}
