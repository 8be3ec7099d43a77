/* What a player's files promise, asked of the small tree's own calls with the wrappers of level `cache` around them. A number
 * in the command line is the seed of the work at random. */
#include "config.h"
#include "files.h"
#include "core_alloc.h"
#include "kernel/thread-internal.h"

void work_at_random(unsigned seed, int rounds); /* random.c */
int32_t rmport_open(const char *path, uint32_t how, uint64_t *identity);
int32_t rmport_close(int32_t stream);
int32_t rmport_read_at(int32_t stream, uint64_t offset, uint8_t *buffer, uint32_t bytes);
int32_t rmport_write_at(int32_t stream, uint64_t offset, const uint8_t *buffer, uint32_t bytes);
int32_t rmport_sync(int32_t stream, uint64_t *identity);

#define BIG 100000
static uint8_t bytes[BIG], got[BIG];

static int opened(const char *path, int oflag)
{
    int fd = open(path, oflag);
    CHECK(fd >= 0);
    return fd;
}

static void store(const char *path, size_t size)
{
    int fd = creat(path);
    CHECK(fd >= 0 && write(fd, bytes, size) == (ssize_t)size && close(fd) == 0);
}

static bool holds(const char *path, const uint8_t *what, size_t size)
{
    int fd = opened(path, O_RDONLY);
    bool same = filesize(fd) == (off_t)size && read(fd, got, BIG) == (ssize_t)size && memcmp(got, what, size) == 0;
    CHECK(close(fd) == 0);
    return same;
}

static void remount(void)
{
    CHECK(disk_mount_all() == NUM_VOLUMES);
}

/* The tree's own way to a descriptor, which sees what the disk has and nothing else. */
static off_t on_disk(const char *path)
{
    int fd = open_noiso_internal(path, O_RDONLY);
    off_t size = filesize(fd);
    CHECK(close(fd) == 0);
    return size;
}

static void small_calls_are_few_commands(void)
{
    int fd = opened("/0/small", O_RDWR | O_CREAT);
    reads = writes = lookups = 0;
    for (int n = 0; n < 2000; n++)
        CHECK(write(fd, bytes + n * 10, 10) == 10);
    CHECK(close(fd) == 0 && writes < 20);
    remount();
    reads = lookups = 0;
    fd = opened("/0/small", O_RDONLY);
    for (int n = 0; n < 2000; n++)
        CHECK(read(fd, got, 10) == 10 && memcmp(got, bytes + n * 10, 10) == 0);
    CHECK(read(fd, got, 10) == 0 && reads < 20 && close(fd) == 0 && small_remove("/0/small") == 0);
}

static void what_waits_is_on_disk_after_a_sync_a_close_or_a_moment_when_the_disk_is_awake(void)
{
    int fd = opened("/0/log", O_WRONLY | O_CREAT | O_APPEND);
    CHECK(write(fd, bytes, 700) == 700 && filesize(fd) == 700 && on_disk("/0/log") == 0);
    int other = opened("/0/log", O_RDONLY);
    CHECK(filesize(other) == 700 && lseek(other, 0, SEEK_END) == 700 && close(other) == 0);
    CHECK(fsync(fd) == 0 && on_disk("/0/log") == 700);
    CHECK(write(fd, bytes + 700, 300) == 300 && on_disk("/0/log") == 700);
    run_idle_functions();
    CHECK(on_disk("/0/log") == 1000 && write(fd, bytes + 1000, 10) == 10);
    run_idle_functions();
    CHECK(on_disk("/0/log") == 1010 && write(fd, bytes + 1010, 14) == 14 && fsync(fd) == 0);
    writes = 0;
    CHECK(close(fd) == 0 && writes == 0);
    CHECK(on_disk("/0/log") == 1024 && holds("/0/log", bytes, 1024) && small_remove("/0/log") == 0);
}

static void a_wrong_call_has_the_trees_error_and_changes_nothing(void)
{
    store("/0/f", 100);
    int fd = opened("/0/f", O_RDONLY), out = opened("/0/f", O_WRONLY);
    errno = 0;
    CHECK(lseek(fd, 101, SEEK_SET) < 0 && errno == EINVAL && lseek(fd, -1, SEEK_SET) < 0 && lseek(fd, 100, SEEK_SET) == 100);
    CHECK(write(fd, bytes, 1) < 0 && errno == EBADF && ftruncate(fd, 1) < 0 && fsync(fd) < 0);
    errno = 0;
    CHECK(read(out, got, 1) < 0 && errno == EBADF && ftruncate(out, -1) < 0 && errno == EINVAL);
    CHECK(ftruncate(out, 5000) == 0 && filesize(out) == 100);
    CHECK(open("/0/none", O_RDWR) < 0 && errno == ENOENT && open("/0/f", O_RDWR | O_CREAT | O_EXCL) < 0 && errno == EEXIST);
    CHECK(close(out) == 0 && close(out) < 0 && errno == EBADF && read(out, got, 1) < 0 && lseek(out, 0, SEEK_SET) < 0);
    CHECK(close(fd) == 0 && close(-1) < 0 && close(MAX_OPEN_FILES) < 0 && filesize(-1) < 0);
    int folder = opened("/0", O_RDONLY);
    CHECK(filesize(folder) == 4096 && read(folder, got, 512) == 512 && close(folder) == 0);
    CHECK(holds("/0/f", bytes, 100) && small_remove("/0/f") == 0);
}

static void who_is_behind_a_new_end_is_moved_to_it(void)
{
    store("/0/f", BIG);
    int fd = opened("/0/f", O_RDWR), other = opened("/0/f", O_RDONLY);
    CHECK(lseek(other, 0, SEEK_END) == BIG && lseek(fd, 600, SEEK_SET) == 600);
    CHECK(ftruncate(fd, 700) == 0 && lseek(other, 0, SEEK_CUR) == 700 && lseek(fd, 0, SEEK_CUR) == 600);
    CHECK(write(fd, bytes + 600, 200) == 200 && read(other, got, 200) == 100 && memcmp(got, bytes + 700, 100) == 0);
    int third = opened("/0/f", O_WRONLY | O_TRUNC);
    CHECK(filesize(other) == 0 && lseek(other, 0, SEEK_CUR) == 0 && lseek(fd, 0, SEEK_CUR) == 0);
    CHECK(write(third, bytes, 5) == 5 && close(third) == 0 && close(fd) == 0 && close(other) == 0);
    CHECK(holds("/0/f", bytes, 5) && small_remove("/0/f") == 0);
}

static void a_file_without_a_name_lives_until_its_last_close(void)
{
    store("/0/f", 3000);
    int fd = opened("/0/f", O_RDWR);
    CHECK(read(fd, got, 1000) == 1000 && small_remove("/0/f") == 0 && open("/0/f", O_RDONLY) < 0);
    store("/0/f", 10);
    CHECK(write(fd, bytes + 50, 100) == 100 && lseek(fd, 0, SEEK_SET) == 0 && read(fd, got, BIG) == 3000);
    CHECK(memcmp(got + 1000, bytes + 50, 100) == 0 && memcmp(got + 1100, bytes + 1100, 1900) == 0 && close(fd) == 0);
    CHECK(holds("/0/f", bytes, 10));
    store("/0/g", 2000);
    fd = opened("/0/g", O_RDWR);
    int victim = opened("/0/f", O_RDWR);
    CHECK(write(fd, bytes + 9, 9) == 9 && write(victim, bytes + 7, 7) == 7 && small_rename("/0/g", "/0/f") == 0);
    CHECK(filesize(victim) == 10 && lseek(victim, 0, SEEK_SET) == 0 && read(victim, got, 10) == 10);
    CHECK(memcmp(got, bytes + 7, 7) == 0 && close(victim) == 0 && close(fd) == 0);
    memcpy(got, bytes + 9, 9);
    fd = opened("/0/f", O_RDWR);
    CHECK(filesize(fd) == 2000 && read(fd, got + 9, 9) == 9 && memcmp(got + 9, bytes + 9, 9) == 0 && close(fd) == 0);
    CHECK(small_remove("/0/f") == 0);
}

/* More files than the library has streams: who writes, and who only reads. A song's file is opened nevertheless, and what the
 * library remembers of a file that others change is not believed later. */
static void a_file_for_which_no_stream_is_left_goes_the_trees_own_way(void)
{
    int fd[MAX_OPEN_FILES];
    uint64_t identity[4];
    char path[] = "/0/a";
    store("/0/a~", 2000);
    for (int n = 0; n < MAX_OPEN_FILES - 1; n++, path[3]++)
    {
        fd[n] = opened(path, O_RDWR | O_CREAT);
        CHECK(write(fd[n], bytes + n, 1500) == 1500);
    }
    int32_t song = rmport_open("/0/song", 2, identity);
    CHECK(song >= 0);
    int last = fd[MAX_OPEN_FILES - 1] = opened("/0/a~", O_RDWR);
    CHECK(write(last, bytes + 3, 2000) == 2000 && open("/0/more", O_RDWR | O_CREAT) < 0 && errno == EMFILE);
    CHECK(lseek(last, 0, SEEK_SET) == 0 && read(last, got, BIG) == 2000 && memcmp(got, bytes + 3, 2000) == 0);
    for (int n = 0; n < MAX_OPEN_FILES - 1; n++)
        CHECK(ftruncate(fd[n], 1400 + n) == 0 && lseek(fd[n], 1000, SEEK_SET) == 1000 && write(fd[n], bytes, 50) == 50);
    for (int n = 0; n < MAX_OPEN_FILES - 1; n++)
    {
        CHECK(filesize(fd[n]) == 1400 + n && lseek(fd[n], 0, SEEK_SET) == 0 && read(fd[n], got, BIG) == 1400 + n);
        CHECK(memcmp(got, bytes + n, 1000) == 0 && memcmp(got + 1000, bytes, 50) == 0);
        CHECK(memcmp(got + 1050, bytes + n + 1050, 350 + n) == 0 && close(fd[n]) == 0);
    }
    CHECK(close(last) == 0 && rmport_close(song) == 0 && holds("/0/a~", bytes + 3, 2000));
    remount();
    for (int n = 0, name = 'a'; n < MAX_OPEN_FILES - 1; n++, name++)
    {
        path[3] = name;
        fd[n] = opened(path, O_RDONLY);
        CHECK(read(fd[n], got, BIG) == 1400 + n && memcmp(got, bytes + n, 1000) == 0);
    }
    for (int n = 0, name = 'a'; n < MAX_OPEN_FILES - 1; n++, name++)
    {
        path[3] = name;
        CHECK(close(fd[n]) == 0 && on_disk(path) == 1400 + n && small_remove(path) == 0);
    }
    CHECK(small_remove("/0/song") == 0 && small_remove("/0/a~") == 0);
}

static void a_volume_that_is_unmounted_has_everything_and_its_descriptors_answer_enxio(void)
{
    int fd = opened("/0/f", O_RDWR | O_CREAT), other = opened("/0/f", O_RDONLY);
    CHECK(write(fd, bytes, 5000) == 5000 && read(other, got, 100) == 100);
    remount();
    errno = 0;
    CHECK(write(fd, bytes, 10) < 0 && errno == ENXIO && read(other, got, 10) < 0 && lseek(fd, 0, SEEK_SET) < 0 && fsync(fd) < 0);
    CHECK(filesize(other) < 0 && ftruncate(fd, 0) < 0 && close(fd) == 0 && close(other) == 0);
    CHECK(on_disk("/0/f") == 5000 && holds("/0/f", bytes, 5000));
    fd = opened("/0/f", O_RDWR);
    CHECK(write(fd, bytes + 1, 1000) == 1000 && disk_unmount(0) == 1 && close(fd) == 0);
    remount();
    fd = opened("/0/f", O_RDONLY);
    CHECK(read(fd, got, 1000) == 1000 && memcmp(got, bytes + 1, 1000) == 0 && close(fd) == 0);
    /* Somebody else writes there meanwhile; what was read before is not believed. */
    CHECK(disk_unmount(0) == 1 && open("/0/f", O_RDONLY) < 0);
    format(0);
    remount();
    CHECK(open("/0/f", O_RDONLY) < 0);
    store("/0/f", 6000);
    CHECK(holds("/0/f", bytes, 6000) && small_remove("/0/f") == 0);
}

static void a_volume_that_stays_does_not_notice_another_that_goes(void)
{
    if (NUM_VOLUMES < 2)
        return;
    int fd = opened("/1/f", O_RDWR | O_CREAT);
    CHECK(write(fd, bytes, 5000) == 5000 && disk_unmount(0) == 1 && lseek(fd, 0, SEEK_SET) == 0);
    CHECK(read(fd, got, BIG) == 5000 && memcmp(got, bytes, 5000) == 0 && close(fd) == 0);
    remount();
    CHECK(small_remove("/1/f") == 0);
}

/* It keeps its number while it is open, though its cluster may be another's by then. */
static void a_file_that_was_emptied_is_not_the_one_that_got_its_cluster(void)
{
    store("/0/f", 2000);
    int fd = opened("/0/f", O_RDWR);
    CHECK(read(fd, got, 100) == 100 && ftruncate(fd, 0) == 0 && fsync(fd) == 0);
    int other = opened("/0/g", O_RDWR | O_CREAT);
    CHECK(write(other, bytes + 5, 2000) == 2000 && close(other) == 0);
    other = opened("/0/g", O_RDWR);
    CHECK(read(other, got, BIG) == 2000 && write(fd, bytes + 9, 500) == 500 && filesize(other) == 2000 && filesize(fd) == 500);
    CHECK(close(other) == 0 && close(fd) == 0 && holds("/0/g", bytes + 5, 2000) && holds("/0/f", bytes + 9, 500));
    CHECK(small_remove("/0/f") == 0 && small_remove("/0/g") == 0);
}

static void a_card_that_was_pulled_costs_what_waited_and_no_more(void)
{
    store("/0/f", 5000);
    int fd = opened("/0/f", O_RDWR);
    size_t before = core_available();
    CHECK(write(fd, bytes + 1, 20000) == 20000);
    present[0] = false;
    CHECK(disk_unmount(0) == 1);
    int all = core_alloc(before - 4096); /* nobody keeps memory for what cannot be written */
    CHECK(all > 0 && core_free(all) == 0);
    CHECK(write(fd, bytes, 1) < 0 && errno == ENXIO);
    CHECK(close(fd) < 0 && errno == ENXIO); /* which tells of the loss */
    present[0] = true;
    remount();
    CHECK(holds("/0/f", bytes, 5000) && small_remove("/0/f") == 0);
}

static void a_full_volume_is_told_of_and_everything_before_is_kept(void)
{
    int fd = opened("/0/fill", O_WRONLY | O_CREAT);
    off_t size = 0;
    ssize_t put;
    while ((put = write(fd, bytes, BIG)) == BIG)
        size += put;
    CHECK((put > 0 || errno == ENOSPC) && size > (CLUSTERS - 60) * SECTORS * SECTOR_SIZE);
    int other = opened("/0/other", O_WRONLY | O_CREAT);
    put = write(other, bytes, BIG);
    CHECK(put < BIG && (put >= 0 || errno == ENOSPC));
    close(other);
    close(fd);
    uint64_t identity[4];
    int32_t stream = rmport_open("/0/other", 0, identity);
    int32_t wrote = rmport_write_at(stream, identity[2], bytes, BIG);
    CHECK(wrote == -ENOSPC || (wrote >= 0 && rmport_write_at(stream, identity[2] + wrote, bytes, 4096) == -ENOSPC));
    CHECK(rmport_sync(stream, identity) == 0 && rmport_close(stream) == 0);
    fd = opened("/0/fill", O_RDONLY);
    CHECK(filesize(fd) >= size);
    for (off_t at = 0; at < size; at += BIG)
        CHECK(read(fd, got, BIG) == BIG && memcmp(got, bytes, BIG) == 0);
    CHECK(close(fd) == 0 && small_remove("/0/fill") == 0 && small_remove("/0/other") == 0);
}

static void a_command_that_fails_is_told_of_and_can_be_tried_again(void)
{
    store("/0/f", 6000);
    remount();
    int fd = opened("/0/f", O_RDWR);
    command_fails = true;
    CHECK(read(fd, got, 100) < 0 && errno == EIO && lseek(fd, 0, SEEK_CUR) == 0 && !command_fails);
    CHECK(read(fd, got, BIG) == 6000 && memcmp(got, bytes, 6000) == 0);
    CHECK(write(fd, bytes, 6000) == 6000 && lseek(fd, 1, SEEK_SET) == 1 && write(fd, bytes + 9, 50) == 50);
    command_fails = true;
    CHECK(fsync(fd) < 0 && errno == EIO && !command_fails && fsync(fd) == 0 && on_disk("/0/f") == 12000);
    CHECK(lseek(fd, -500, SEEK_END) == 11500 && write(fd, bytes, 500) == 500);
    command_fails = true;
    CHECK(close(fd) < 0 && errno == EIO && !command_fails);
    fd = opened("/0/f", O_RDONLY);
    CHECK(filesize(fd) == 12000 && read(fd, got, 51) == 51 && memcmp(got + 1, bytes + 9, 50) == 0);
    CHECK(lseek(fd, 6000, SEEK_SET) == 6000 && read(fd, got, BIG) == 6000 && memcmp(got, bytes, 5500) == 0 &&
          memcmp(got + 5500, bytes, 500) == 0);
    CHECK(close(fd) == 0 && (fd = opened("/0/f", O_WRONLY | O_APPEND)) >= 0 && write(fd, bytes, 600) == 600);
    length_fails = true;
    CHECK(fsync(fd) < 0 && errno == EIO && !length_fails && on_disk("/0/f") == 12600 && fsync(fd) == 0);
    CHECK(write(fd, bytes, 400) == 400);
    length_fails = true;
    CHECK(close(fd) < 0 && errno == EIO && !length_fails);
    fd = opened("/0/f", O_RDONLY);
    CHECK(filesize(fd) == 13000 && close(fd) == 0);
    remount();
    CHECK(on_disk("/0/f") == 13000 && small_remove("/0/f") == 0);
}

/* The library's own streams, as buffering opens them. */
static void a_stream_by_name_is_the_same_file_as_a_descriptor(void)
{
    uint64_t first[4], second[4];
    store("/0/f", 3000);
    int32_t a = rmport_open("/0/f", 0, first), b = rmport_open("/0/f", 0, second);
    CHECK(a >= 0 && b >= 0 && a != b && memcmp(first, second, sizeof first) == 0 && first[2] == 3000);
    CHECK(rmport_read_at(b, 100, got, 50) == 50 && memcmp(got, bytes + 100, 50) == 0);
    CHECK(rmport_read_at(a, 2999, got, 50) == 1 && rmport_read_at(a, 3000, got, 50) == 0);
    CHECK(rmport_open("/0/none", 0, second) < 0 && rmport_open("/0", 0, second) == -EISDIR);
    CHECK(rmport_close(a) == 0 && rmport_close(b) == 0);
    remount(); /* it may be another card */
    a = rmport_open("/0/f", 0, second);
    CHECK(a >= 0 && second[0] != first[0] && second[2] == 3000 && rmport_close(a) == 0 && small_remove("/0/f") == 0);
    int32_t c = rmport_open("/0/new", 2, second);
    CHECK(c >= 0 && second[2] == 0 && (second[0] != first[0] || second[1] != first[1]));
    CHECK(rmport_close(c) == 0 && small_remove("/0/new") == 0);
}

/* While one thread reads from a descriptor, another closes it and gets its number for a file of its own. */
static int shared_number = -1;
static bool inside, taken_over, over;

static void other_thread(void)
{
    while (!over)
    {
        while (!inside && !over)
            yield();
        if (inside && !taken_over)
        {
            CHECK(close(shared_number) == 0 && opened("/0/second", O_RDONLY) == shared_number);
            taken_over = true;
        }
        yield();
    }
    for (over = false;;)
        yield();
}

static void a_call_that_ends_after_the_close_moves_nobodys_offset(void)
{
    store("/0/first", BIG);
    store("/0/second", BIG);
    CHECK(create_thread(other_thread, NULL, 0, 0, "other"));
    for (int n = 0; n < 20; n++)
    {
        remount();
        shared_number = opened("/0/first", O_RDONLY);
        inside = true;
        read(shared_number, got, BIG);
        while (!taken_over)
            yield();
        inside = taken_over = false;
        CHECK(lseek(shared_number, 0, SEEK_CUR) == 0 && filesize(shared_number) == BIG && close(shared_number) == 0);
    }
    for (over = true; over;)
        yield();
    CHECK(small_remove("/0/first") == 0 && small_remove("/0/second") == 0);
}

int main(int count, char **seeds)
{
    for (unsigned n = 0; n < BIG; n++)
        bytes[n] = n * 7 + n / 251;
    core_allocator_init();
    fileobj_mgr_init();
    for (int n = 0; n < NUM_VOLUMES; n++)
    {
        present[n] = true;
        format(n);
    }
    remount();

    small_calls_are_few_commands();
    what_waits_is_on_disk_after_a_sync_a_close_or_a_moment_when_the_disk_is_awake();
    a_wrong_call_has_the_trees_error_and_changes_nothing();
    who_is_behind_a_new_end_is_moved_to_it();
    a_file_without_a_name_lives_until_its_last_close();
    a_file_for_which_no_stream_is_left_goes_the_trees_own_way();
    a_volume_that_is_unmounted_has_everything_and_its_descriptors_answer_enxio();
    a_volume_that_stays_does_not_notice_another_that_goes();
    a_file_that_was_emptied_is_not_the_one_that_got_its_cluster();
    a_card_that_was_pulled_costs_what_waited_and_no_more();
    a_full_volume_is_told_of_and_everything_before_is_kept();
    a_command_that_fails_is_told_of_and_can_be_tried_again();
    a_stream_by_name_is_the_same_file_as_a_descriptor();
    a_call_that_ends_after_the_close_moves_nobodys_offset();
    disk_unmount_all();
    CHECK(volume_check(0) == 0);
    remount();
    for (int n = 0; n < 5; n++)
        work_at_random(count > 1 ? atoi(seeds[1]) : n + 1, 20000);
    puts("a player's files");
    return 0;
}
