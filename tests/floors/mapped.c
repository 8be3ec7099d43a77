/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Mappings for reading and writing, through the C face alone: the same promises whichever engine keeps them. With the
 * argument "image" the files are in a disk image, in the core pool; without, in the current folder.
 */
#include "world.h"

const size_t pool_bytes = 900000;

#define SIZE 100123
#define THREADS 8
#define STRETCH 700
#define ROUNDS 400

static unsigned char *file;
static size_t page;
/* Whether the operating system caches the files. */
static int by_system;

static int open_file(int flags)
{
    int fd = rm_open("mapped", flags, 0666);
    CHECK(fd >= 0);
    return fd;
}

static void expect(int fd, size_t from, const unsigned char *wanted, size_t bytes)
{
    static unsigned char got[SIZE + 1];
    CHECK(rm_lseek(fd, (off_t)from, SEEK_SET) == (off_t)from);
    CHECK(rm_read(fd, got, bytes) == (ssize_t)bytes);
    CHECK(memcmp(got, wanted, bytes) == 0);
}

/* Declares bytes of a mapping and changes them, there and in our copy of the file. */
static void change(int md, size_t base, size_t from, size_t bytes, int value)
{
    mmap_write(md, from, bytes);
    CHECK(mmap_error(md) == 0);
    unsigned char *data = mmap_get(md);
    CHECK(data != NULL);
    memset(data + from, value, bytes);
    mmap_put(md);
    memset(file + base + from, value, bytes);
}

static void a_page_that_was_declared_may_be_changed_in_part(void)
{
    int fd = open_file(O_RDWR);
    int md = mmap_create(fd, MMAP_READWRITE, (off_t)page, 3 * page);
    CHECK(md > 0);
    change(md, page, page + 10, 1, 0xee);
    change(md, page, 2 * page - 3, 6, 0xdd);
    CHECK(mmap_sync_wait(md, 0, 3 * page) == 0);
    CHECK(mmap_destroy_wait(md, 3 * page) == 0);
    expect(fd, 0, file, SIZE);
    CHECK(rm_close(fd) == 0);
}

static void calls_and_mappings_agree(void)
{
    unsigned char some[5000];
    int fd = open_file(O_RDWR);
    int md = mmap_create(fd, MMAP_READWRITE, 0, SIZE);
    int other = mmap_create(fd, MMAP_READ, (off_t)page, 5 * page);
    CHECK(md > 0 && other > 0 && md != other);
    unsigned seed = 7;
    for (int i = 0; i < 200; i++)
    {
        size_t from = dice(&seed, SIZE - sizeof some), bytes = 1 + dice(&seed, sizeof some);
        if (i % 2)
        {
            change(md, 0, from, bytes, i);
        }
        else
        {
            memset(some, i, bytes);
            CHECK(rm_lseek(fd, (off_t)from, SEEK_SET) == (off_t)from);
            CHECK(rm_write(fd, some, bytes) == (ssize_t)bytes);
            memcpy(file + from, some, bytes);
        }
        from = dice(&seed, SIZE - sizeof some);
        expect(fd, from, file + from, sizeof some);
        CHECK(mmap_read_wait(md, from, sizeof some) == 0);
        unsigned char *data = mmap_get(md);
        CHECK(memcmp(data + from, file + from, sizeof some) == 0);
        mmap_put(md);
        CHECK(mmap_read_wait(other, 0, 5 * page) == 0);
        data = mmap_get(other);
        CHECK(memcmp(data, file + page, 5 * page) == 0);
        mmap_put(other);
    }
    CHECK(mmap_destroy_wait(other, 5 * page) == 0);
    CHECK(mmap_destroy_wait(md, SIZE) == 0);
    CHECK(rm_close(fd) == 0);
}

static void what_lies_behind_the_end_is_zero_and_stays_out_of_the_file(void)
{
    size_t last = SIZE / page * page, length = 4 * page, inside = SIZE - last;
    int fd = open_file(O_RDWR);
    int md = mmap_create(fd, MMAP_READWRITE, (off_t)last, length);
    CHECK(md > 0);
    CHECK(mmap_read_wait(md, 0, length) == 0);
    unsigned char *data = mmap_get(md);
    CHECK(memcmp(data, file + last, inside) == 0);
    for (size_t i = inside; i < length; i++)
        CHECK(data[i] == 0);
    CHECK(mmap_write_wait(md, 0, length) == 0);
    memset(data + inside, 0xcc, length - inside);
    mmap_put(md);
    CHECK(mmap_destroy_wait(md, length) == 0);
    CHECK(rm_filesize(fd) == SIZE);
    /* Growing shows zeroes, not what was scribbled there. */
    static const unsigned char zeroes[100];
    CHECK(rm_lseek(fd, 0, SEEK_END) == SIZE);
    CHECK(rm_write(fd, "end", 3) == 3);
    md = mmap_create(fd, MMAP_READ, (off_t)last, length);
    CHECK(md > 0 && mmap_read_wait(md, 0, length) == 0);
    data = mmap_get(md);
    CHECK(memcmp(data + inside, "end", 3) == 0 && memcmp(data + inside + 3, zeroes, sizeof zeroes) == 0);
    mmap_put(md);
    CHECK(mmap_destroy_wait(md, length) == 0);
    CHECK(rm_ftruncate(fd, SIZE) == 0);
    CHECK(rm_close(fd) == 0);
}

static void a_file_that_shrinks_reads_as_zero_behind_its_new_end(void)
{
    int fd = open_file(O_RDWR);
    int md = mmap_create(fd, MMAP_READ, 0, SIZE);
    CHECK(mmap_read_wait(md, 0, SIZE) == 0);
    CHECK(rm_ftruncate(fd, 1000) == 0);
    CHECK(mmap_read_wait(md, 0, SIZE) == 0);
    unsigned char *data = mmap_get(md);
    CHECK(memcmp(data, file, 1000) == 0);
    for (size_t i = 1000; i < SIZE; i++)
        CHECK(data[i] == 0);
    mmap_put(md);
    CHECK(mmap_destroy_wait(md, SIZE) == 0);
    CHECK(rm_lseek(fd, 1000, SEEK_SET) == 1000);
    CHECK(rm_write(fd, file + 1000, SIZE - 1000) == SIZE - 1000);
    CHECK(rm_close(fd) == 0);
}

static void a_mapping_lives_past_the_close_of_its_descriptor(void)
{
    int fd = open_file(O_RDWR);
    int md = mmap_create(fd, MMAP_READWRITE, 0, 3 * page);
    CHECK(md > 0 && rm_close(fd) == 0);
    change(md, 0, 5, 2 * page, 0x11);
    CHECK(mmap_destroy_wait(md, 3 * page) == 0);
    fd = open_file(O_RDONLY);
    expect(fd, 0, file, SIZE);
    CHECK(rm_close(fd) == 0);
}

static void every_byte_may_be_promised(void)
{
    int fd = open_file(O_RDWR);
    int md = mmap_create(fd, MMAP_WRITE, 0, 4 * page);
    CHECK(md > 0);
    CHECK(mmap_overwrite(md, 100, 3 * page) == 0);
    unsigned char *data = mmap_get(md);
    memset(data + 100, 0x22, 3 * page);
    memset(file + 100, 0x22, 3 * page);
    mmap_put(md);
    CHECK(mmap_destroy_wait(md, 4 * page) == 0);
    expect(fd, 0, file, SIZE);
    CHECK(rm_close(fd) == 0);
}

static void modes_are_those_of_the_descriptor(void)
{
    int reader = open_file(O_RDONLY), writer = open_file(O_WRONLY);
    CHECK(mmap_create(reader, MMAP_WRITE, 0, page) == -1 && errno == EACCES);
    CHECK(mmap_create(reader, MMAP_READWRITE, 0, page) == -1 && errno == EACCES);
    CHECK(mmap_create(writer, MMAP_READ, 0, page) == -1 && errno == EACCES);
    CHECK(mmap_create(writer, MMAP_READWRITE, 0, page) == -1 && errno == EACCES);
    /* The system's mmap cannot write what it may not read. */
    int md = mmap_create(writer, MMAP_WRITE, 0, page);
    CHECK(by_system ? md == -1 && errno == EACCES : md > 0);
    if (md > 0)
    {
        change(md, 0, 1, 2, 0x33);
        CHECK(mmap_destroy_wait(md, page) == 0);
        expect(reader, 0, file, page);
    }
    CHECK(rm_close(writer) == 0 && rm_close(reader) == 0);

    int fd = open_file(O_RDWR);
    int read = mmap_create(fd, MMAP_READ, 0, page), write = mmap_create(fd, MMAP_WRITE, 0, page);
    CHECK(read > 0 && write > 0);
    CHECK(mmap_write_wait(read, 0, 1) == -1 && errno == EACCES);
    CHECK(mmap_overwrite(read, 0, 1) == -1 && errno == EACCES);
    CHECK(mmap_read_wait(write, 0, 1) == -1 && errno == EACCES);
    errno = 0;
    mmap_write(read, 0, 1);
    CHECK(errno == EACCES);
    errno = 0;
    mmap_read(write, 0, 1);
    CHECK(errno == EACCES);
    CHECK(mmap_sync_wait(read, 0, page) == 0);
    CHECK(mmap_error(read) == 0 && mmap_error(write) == 0);
    CHECK(mmap_destroy_wait(read, page) == 0 && mmap_destroy_wait(write, page) == 0);
    CHECK(rm_close(fd) == 0);
}

static void bad_input_changes_nothing(void)
{
    int fd = open_file(O_RDWR);
    CHECK(mmap_create(-1, MMAP_READ, 0, 1) == -1 && errno == EBADF);
    CHECK(mmap_create(30, MMAP_READ, 0, 1) == -1 && errno == EBADF);
    CHECK(mmap_create(fd, 3, 0, 1) == -1 && errno == EINVAL);
    CHECK(mmap_create(fd, -1, 0, 1) == -1 && errno == EINVAL);
    CHECK(mmap_create(fd, MMAP_READ, 0, 0) == -1 && errno == EINVAL);
    CHECK(mmap_create(fd, MMAP_READ, 1, 1) == -1 && errno == EINVAL);
    CHECK(mmap_create(fd, MMAP_READ, -(off_t)page, 1) == -1 && errno == EINVAL);
    CHECK(mmap_create(fd, MMAP_READ, 0, (size_t)-1) == -1 && errno == EINVAL);
    CHECK(mmap_create(fd, MMAP_READ, (off_t)page, (size_t)-1 - page) == -1 && errno == EINVAL);

    int md = mmap_create(fd, MMAP_READWRITE, 0, 6000);
    CHECK(md > 0);
    int (*const judges[])(int, size_t, size_t) = { mmap_read_wait, mmap_write_wait, mmap_overwrite, mmap_sync_wait };
    for (size_t i = 0; i < sizeof judges / sizeof *judges; i++)
    {
        CHECK(judges[i](md, 6000, 1) == -1 && errno == EINVAL);
        CHECK(judges[i](md, 1, (size_t)-1) == -1 && errno == EINVAL);
        CHECK(judges[i](md, (size_t)-1, 0) == -1 && errno == EINVAL);
        CHECK(judges[i](md, (size_t)-1, 2) == -1 && errno == EINVAL);
        CHECK(judges[i](md, 6000, 0) == 0);
        CHECK(judges[i](md, 0, 6000) == 0 || judges[i] == mmap_overwrite);
    }
    /* It was promised, and must be kept. */
    unsigned char *data = mmap_get(md);
    memcpy(data, file, 6000);
    CHECK(mmap_get(md) == data);
    CHECK(mmap_destroy_wait(md, 6000) == -1 && errno == EBUSY);
    mmap_put(md);
    errno = 0;
    mmap_destroy(md, 6000);
    CHECK(errno == EBUSY);
    CHECK(memcmp(data, file, 6000) == 0);
    mmap_put(md);
    errno = 0;
    mmap_put(md);
    CHECK(errno == EINVAL);
    CHECK(mmap_destroy_wait(md, 5999) == -1 && errno == EINVAL);
    CHECK(mmap_destroy_wait(md, 6001) == -1 && errno == EINVAL);
    CHECK(mmap_destroy_wait(md, 6000) == 0);
    CHECK(mmap_destroy_wait(md, 6000) == -1 && errno == EBADF);
    CHECK(mmap_get(md) == NULL && errno == EBADF);
    CHECK(mmap_read_wait(md, 0, 1) == -1 && errno == EBADF);
    CHECK(mmap_write_wait(md, 0, 1) == -1 && errno == EBADF);
    CHECK(mmap_sync_wait(md, 0, 1) == -1 && errno == EBADF);
    CHECK(mmap_error(md) == -1 && errno == EBADF);
    int again = mmap_create(fd, MMAP_READWRITE, 0, 6000);
    CHECK(again > 0 && again != md);
    CHECK(mmap_destroy_wait(again, 6000) == 0);
    expect(fd, 0, file, SIZE);
    CHECK(rm_close(fd) == 0);
}

static void there_is_an_end_to_mappings_and_gets(void)
{
    static int all[70000];
    int fd = open_file(O_RDWR), count = 0;
    while (count < 70000 && (all[count] = mmap_create(fd, MMAP_READ, 0, page)) > 0)
        count++;
    CHECK(count > 20 && count < 70000 && (errno == EMFILE || errno == ENOMEM));
    CHECK(mmap_read_wait(all[0], 0, page) == 0 && mmap_read_wait(all[count - 1], 0, page) == 0);
    for (int i = 0; i < count; i++)
        CHECK(mmap_destroy_wait(all[i], page) == 0);

    int md = mmap_create(fd, MMAP_READ, 0, page);
    void *data = mmap_get(md);
    CHECK(md > 0 && data != NULL);
    for (int i = 1; i < 65535; i++)
        CHECK(mmap_get(md) == data);
    CHECK(mmap_get(md) == NULL && errno == EBUSY);
    for (int i = 0; i < 65535; i++)
        mmap_put(md);
    errno = 0;
    mmap_put(md);
    CHECK(errno == EINVAL);
    CHECK(mmap_destroy_wait(md, page) == 0);
    CHECK(rm_close(fd) == 0);
}

/* Threads: each owns every THREADS-th stretch of the file, changes it one way and looks at it the other. */
static int everybodys;

static void *worker(void *argument)
{
    size_t me = *(size_t *)argument;
    unsigned seed = (unsigned)me + 1;
    unsigned char mine[STRETCH];
    int fd = open_file(O_RDWR);
    for (int i = 0; i < ROUNDS; i++)
    {
        size_t n = me + THREADS * dice(&seed, SIZE / STRETCH / THREADS), from = n * STRETCH;
        size_t base = i % 3 ? 0 : from / page * page;
        int md = i % 3 ? everybodys : mmap_create(fd, MMAP_READWRITE, (off_t)base, 4 * page);
        if (md < 0)
        {
            /* In the pool: the region is everybody's, or there is no room just now. */
            CHECK(!by_system && (errno == EBUSY || errno == ENOMEM));
            continue;
        }
        if (i % 2)
        {
            CHECK(mmap_write_wait(md, from - base, STRETCH) == 0);
            unsigned char *data = mmap_get(md);
            memset(data + from - base, i, STRETCH);
            mmap_put(md);
            memset(file + from, i, STRETCH);
        }
        else
        {
            memset(mine, i, STRETCH);
            CHECK(rm_lseek(fd, (off_t)from, SEEK_SET) == (off_t)from);
            CHECK(rm_write(fd, mine, STRETCH) == STRETCH);
            memcpy(file + from, mine, STRETCH);
        }
        if (i % 5 == 0)
            other_threads();
        CHECK(rm_lseek(fd, (off_t)from, SEEK_SET) == (off_t)from);
        CHECK(rm_read(fd, mine, STRETCH) == STRETCH);
        CHECK(memcmp(mine, file + from, STRETCH) == 0);
        CHECK(mmap_read_wait(md, from - base, STRETCH) == 0);
        unsigned char *data = mmap_get(md);
        CHECK(memcmp(data + from - base, file + from, STRETCH) == 0);
        mmap_put(md);
        if (i % 3 == 0)
            CHECK(mmap_destroy_wait(md, 4 * page) == 0);
    }
    CHECK(rm_close(fd) == 0);
    return NULL;
}

static void threads_agree(void)
{
    static size_t names[THREADS];
    pthread_t threads[THREADS];
    int fd = open_file(O_RDWR);
    everybodys = mmap_create(fd, MMAP_READWRITE, 0, SIZE);
    CHECK(everybodys > 0);
    for (size_t i = 0; i < THREADS; i++)
    {
        names[i] = i;
        threads[i] = thread_start(worker, &names[i]);
    }
    for (size_t i = 0; i < THREADS; i++)
        thread_join(threads[i]);
    expect(fd, 0, file, SIZE);
    CHECK(mmap_destroy_wait(everybodys, SIZE) == 0);
    expect(fd, 0, file, SIZE);
    CHECK(rm_close(fd) == 0);
}

int main(int argc, char **argv)
{
    core_allocator_init();
    page = mmap_pagesize();
    file = make_file("seed", SIZE);
#ifndef COOPERATIVE
    by_system = 1;
    if (argc > 1 && strcmp(argv[1], "image") == 0)
    {
        by_system = 0;
        CHECK(rm_make_image("image", 8 << 20, 1024, 16) == 0 && rm_mount_image("image") == 0);
    }
#else
    (void)argc;
    (void)argv;
#endif
    int fd = open_file(O_RDWR | O_CREAT | O_TRUNC);
    CHECK(rm_write(fd, file, SIZE) == SIZE && rm_close(fd) == 0);

    a_page_that_was_declared_may_be_changed_in_part();
    calls_and_mappings_agree();
    what_lies_behind_the_end_is_zero_and_stays_out_of_the_file();
    a_file_that_shrinks_reads_as_zero_behind_its_new_end();
    a_mapping_lives_past_the_close_of_its_descriptor();
    every_byte_may_be_promised();
    modes_are_those_of_the_descriptor();
    bad_input_changes_nothing();
    there_is_an_end_to_mappings_and_gets();
    threads_agree();

    fd = open_file(O_RDONLY);
    CHECK(rm_filesize(fd) == SIZE);
    expect(fd, 0, file, SIZE);
    CHECK(rm_close(fd) == 0);
#ifndef COOPERATIVE
    CHECK(by_system || rm_unmount() == 0);
#endif
    puts("mappings as promised");
    return 0;
}
