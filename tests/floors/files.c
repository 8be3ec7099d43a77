/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The file calls and mappings through the C face: bytes, return values, errno.
 */
#include "world.h"

#ifdef COOPERATIVE
#include <rockmem/tree.h>
#endif

const size_t pool_bytes = 700000;

#define SIZE 500000

static const unsigned char *file;

static void bad_input(void)
{
    char byte;
    errno = 0;
    CHECK(rm_open("nothing", O_RDONLY, 0) == -1 && errno == ENOENT);
    CHECK(rm_open(NULL, O_RDONLY, 0) == -1 && errno == EFAULT);
    CHECK(rm_open("file", O_RDONLY | O_TRUNC) == -1 && errno == EINVAL);
    CHECK(rm_open("file", O_RDWR | O_CREAT | O_EXCL, 0600) == -1 && errno == EEXIST);
    CHECK(rm_creat(NULL, 0) == -1 && errno == EFAULT);
    CHECK(rm_remove(NULL) == -1 && errno == EFAULT);
    CHECK(rm_rename("file", NULL) == -1 && errno == EFAULT);
    CHECK(rm_remove("nothing") == -1 && errno == ENOENT);
    CHECK(rm_rename("nothing", "other") == -1 && errno == ENOENT);
    CHECK(rm_file_exists("file") && !rm_file_exists("nothing"));
    CHECK(rm_write(3, &byte, 1) == -1 && errno == EBADF);
    CHECK(rm_ftruncate(3, 0) == -1 && errno == EBADF);
    CHECK(rm_fsync(3) == -1 && errno == EBADF);
    CHECK(rm_fsamefile(3, 3) == -1 && errno == EBADF);
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
    CHECK(rm_write(fd, "x", 1) == -1 && errno == EBADF);
    CHECK(rm_ftruncate(fd, 0) == -1 && errno == EBADF);
    CHECK(rm_fsync(fd) == -1 && errno == EINVAL);
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
#ifdef COOPERATIVE
    uint32_t before = skewed;
#endif
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
#ifdef COOPERATIVE
    CHECK(skewed == before);
#endif
}

static void writing(void)
{
    static char got[3000];
    int log = rm_open("log", O_WRONLY | O_CREAT | O_APPEND, 0600);
    int fd = rm_open("log", O_RDWR);
    CHECK(log >= 0 && fd >= 0 && rm_fsamefile(log, fd) == 1);
    CHECK(rm_read(log, got, 1) == -1 && errno == EBADF);
    CHECK(rm_write(fd, NULL, 1) == -1 && errno == EFAULT);
    CHECK(rm_ftruncate(fd, -1) == -1 && errno == EINVAL);
    for (int i = 0; i < 200; i++)
        CHECK(rm_write(log, file + i * 100, 100) == 100 && rm_filesize(fd) == (i + 1) * 100);
    CHECK(rm_fsync(log) == 0);
    CHECK(rm_lseek(fd, 5000, SEEK_SET) == 5000 && rm_write(fd, "changed", 7) == 7);
    CHECK(rm_lseek(fd, 4990, SEEK_SET) == 4990 && rm_read(fd, got, 30) == 30);
    CHECK(memcmp(got, file + 4990, 10) == 0 && memcmp(got + 10, "changed", 7) == 0);
    CHECK(memcmp(got + 17, file + 5007, 13) == 0);
    CHECK(rm_lseek(fd, 0, SEEK_END) == 20000 && rm_ftruncate(log, 30000) == 0 && rm_filesize(fd) == 20000);
    CHECK(rm_ftruncate(log, 15000) == 0 && rm_lseek(fd, 0, SEEK_CUR) == 15000);
    CHECK(rm_rename("log", "kept") == 0 && rm_file_exists("kept") && !rm_file_exists("log"));
    CHECK(rm_write(log, "end", 3) == 3 && rm_close(log) == 0);
    CHECK(rm_remove("kept") == 0 && !rm_file_exists("kept"));
    CHECK(rm_lseek(fd, -3, SEEK_END) == 15000 && rm_read(fd, got, 10) == 3 && memcmp(got, "end", 3) == 0);
    CHECK(rm_close(fd) == 0 && rm_flush() == 0);
    fd = rm_creat("log", 0600);
    CHECK(rm_write(fd, "new", 3) == 3 && rm_close(fd) == 0);
    fd = rm_open("log", O_RDWR | O_TRUNC);
    CHECK(rm_filesize(fd) == 0 && rm_close(fd) == 0);
    CHECK(rm_remove("log") == 0);
}

static void through(void)
{
#ifdef COOPERATIVE
#define write_behind rm_tree_write_behind
#else
#define write_behind rm_write_behind
#endif
    struct rm_stats before, after;
    CHECK(write_behind(false) == 0);
    int fd = rm_open("log", O_RDWR | O_CREAT, 0600);
    rm_get_stats(&before);
    CHECK(rm_write(fd, file, 1000) == 1000);
    rm_get_stats(&after);
    CHECK(after.storage_writes > before.storage_writes);
    CHECK(write_behind(true) == 0);
    rm_get_stats(&before);
    CHECK(rm_write(fd, file, 1000) == 1000);
    rm_get_stats(&after);
    CHECK(after.storage_writes == before.storage_writes);
    CHECK(rm_close(fd) == 0 && rm_remove("log") == 0);
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
    CHECK(after.segments <= after.segments_most && after.segment_bytes <= pool_bytes);
    CHECK(after.readahead_used > 0 && after.readahead_bytes >= after.readahead_used + after.readahead_wasted);
    CHECK(rm_close(fd) == 0);
}

/* What is held, what waits to be written, and a line about each open file. */
static void figures_of_writing(void)
{
    struct rm_stats before, after;
    char line[96];
    int fd = rm_open("file", O_RDWR);
    CHECK(fd == 0 && rm_fsync(fd) == 0);
    int md = mmap_create(fd, MMAP_READ, 0, 512);
    CHECK(md > 0);
    rm_get_stats(&before);
    CHECK(mmap_get(md));
    rm_get_stats(&after);
    CHECK(after.pinned == before.pinned + 1);
    mmap_put(md);
    CHECK(mmap_destroy_wait(md, 512) == 0);

    CHECK(rm_lseek(fd, 512, SEEK_SET) == 512 && rm_write(fd, file + 512, 600) == 600);
    rm_get_stats(&after);
    CHECK(after.dirty_bytes == 1024 && after.bytes_given == before.bytes_given + 600 && after.pinned == before.pinned);
    CHECK(after.storage_writes == before.storage_writes);
    CHECK(rm_print_file(0, line, sizeof line) && strstr(line, "users 1 ") && strstr(line, " dirty 1024 error 0"));
    CHECK(rm_fsync(fd) == 0);
    rm_get_stats(&after);
    CHECK(after.dirty_bytes == 0 && after.storage_writes == before.storage_writes + 1);
    CHECK(after.storage_written == before.storage_written + 1024 && after.last_flush_ms < 60000);
    CHECK(rm_print_file(0, line, sizeof line) && strstr(line, " dirty 0 error 0"));
    CHECK(!rm_print_file(1, line, sizeof line) && line[0] == 0);
    CHECK(!rm_print_file(-1, line, sizeof line));
    CHECK(rm_close(fd) == 0 && !rm_print_file(0, line, sizeof line));
}

/* The host's files are in an image: the system's own would not be cached here. */
static void image(void)
{
#ifndef COOPERATIVE
    CHECK(rm_unmount() == -1 && errno == ENXIO);
    CHECK(rm_mount_image("nothing") == -1 && errno == ENOENT);
    CHECK(rm_mount_image("file") == -1 && errno == EINVAL);
    CHECK(rm_mount_image(NULL) == -1 && errno == EFAULT);
    CHECK(rm_make_image("image", 8 << 20, 1000, 16) == -1 && errno == EINVAL);
    CHECK(rm_make_image("image", 8 << 20, 512, 12) == -1 && errno == EINVAL);
    CHECK(rm_make_image("file", 8 << 20, 512, 16) == -1 && errno == EEXIST);
    CHECK(rm_make_image("image", 8 << 20, 512, 16) == 0);
    CHECK(rm_mount_image("image") == 0);
    CHECK(rm_mount_image("image") == -1 && errno == EBUSY);
    CHECK(rm_mount_image("nothing") == -1 && errno == EBUSY);
    CHECK(rm_open("", O_RDONLY) == -1 && errno == ENOENT);
    CHECK(rm_rename("", "other") == -1 && errno == ENOENT);
    CHECK(rm_open("early", O_RDWR | O_CREAT, 0) == -1 && errno == ENOMEM); /* before there is a core pool */
#endif
}

/* What is open when an image goes, and what is there when it comes back. */
static void remount(void)
{
#ifndef COOPERATIVE
    char byte;
    int fd = rm_open("file", O_RDWR);
    CHECK(rm_write(fd, "R", 1) == 1 && rm_unmount() == 0);
    CHECK(rm_read(fd, &byte, 1) == -1 && errno == ENXIO);
    CHECK(rm_write(fd, "x", 1) == -1 && errno == ENXIO);
    CHECK(rm_lseek(fd, 0, SEEK_SET) == -1 && errno == ENXIO);
    CHECK(rm_filesize(fd) == -1 && errno == ENXIO);
    CHECK(rm_mount_image("image") == 0);
    CHECK(rm_read(fd, &byte, 1) == -1 && errno == ENXIO);
    CHECK(rm_close(fd) == 0 && rm_close(fd) == -1 && errno == EBADF);
    fd = rm_open("file", O_RDONLY);
    CHECK(rm_read(fd, &byte, 1) == 1 && byte == 'R' && rm_filesize(fd) == SIZE);
    CHECK(rm_close(fd) == 0 && rm_unmount() == 0);

    /* And without one: the system's files, with the same meaning. */
    fd = rm_open("file", O_RDWR);
    CHECK(fd >= 0 && rm_filesize(fd) == SIZE && rm_lseek(fd, SIZE + 1, SEEK_SET) == -1 && errno == EINVAL);
    CHECK(rm_lseek(fd, 100, SEEK_SET) == 100 && rm_read(fd, &byte, 1) == 1 && byte == (char)file[100]);
    CHECK(rm_ftruncate(fd, 0x7fffffffL) == 0 && rm_filesize(fd) == SIZE);
    CHECK(rm_write(fd, "x", 1) == 1 && rm_fsync(fd) == 0 && rm_ftruncate(fd, 102) == 0 && rm_filesize(fd) == 102);
    int log = rm_open("file", O_WRONLY | O_APPEND);
    CHECK(rm_fsamefile(fd, log) == 1 && rm_write(log, "yz", 2) == 2 && rm_lseek(log, 0, SEEK_CUR) == 104);
    CHECK(rm_read(log, &byte, 1) == -1 && errno == EBADF);
    CHECK(rm_read(fd, &byte, 1) == 1 && byte == 'y');
    CHECK(rm_ftruncate(log, 102) == 0 && rm_lseek(fd, 0, SEEK_CUR) == 102); /* as on an image: no offset is behind the end */
    CHECK(rm_close(log) == 0 && truncate("file", 0x7ffffffe) == 0);
    CHECK(rm_lseek(fd, 0, SEEK_END) == 0x7ffffffe && rm_write(fd, "ab", 2) == 1);
    CHECK(rm_write(fd, "c", 1) == -1 && errno == EFBIG);
    CHECK(truncate("file", 0x80000000L) == 0 && rm_filesize(fd) == -1 && errno == EOVERFLOW);
    CHECK(rm_close(fd) == 0 && rm_remove("file") == 0 && rm_open("file", O_RDONLY) == -1 && errno == ENOENT);
#endif
}

int main(void)
{
    file = make_file("file", SIZE);
    image();
    core_allocator_init();
    int fd = rm_creat("file", 0600);
    CHECK(fd == 0 && rm_write(fd, file, SIZE) == SIZE && rm_close(fd) == 0);
    bad_input();
    random_access();
    writing();
    through();
    mappings();
    figures();
    figures_of_writing();
    remount();
    puts("files as promised");
    return 0;
}
