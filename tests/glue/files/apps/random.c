/* Anything that can be done with files, at random, beside a model that has each of them as an array. */
#include "config.h"
#include "files.h"
#include "core_alloc.h"

#define NAMES 7
#define MOST 40000

struct model
{
    int users; /* descriptors, and its name */
    size_t size;
    uint8_t bytes[MOST];
};

static struct model *named[NAMES];
static struct descriptor
{
    struct model *of; /* NULL: not open; its volume may be gone */
    bool gone;
    int fd, oflag;
    size_t at;
} open_now[MAX_OPEN_FILES];
static unsigned dice;

static unsigned roll(unsigned below)
{
    dice ^= dice << 13;
    dice ^= dice >> 17;
    dice ^= dice << 5;
    return dice % below;
}

static const char *path_of(int name)
{
    static char paths[NAMES][8];
    sprintf(paths[name], "/%d/f%d", name % NUM_VOLUMES, name);
    return paths[name];
}

static void let_go(struct model *model)
{
    if (model && --model->users == 0)
        free(model);
}

static void clip(const struct model *model)
{
    for (int n = 0; n < MAX_OPEN_FILES; n++)
        if (open_now[n].of == model)
            open_now[n].at = MIN(open_now[n].at, model->size);
}

static void open_one(struct descriptor *d)
{
    static const int modes[] = { O_RDONLY,          O_RDWR,           O_WRONLY,
                                 O_RDWR | O_APPEND, O_RDWR | O_TRUNC, O_WRONLY | O_APPEND | O_TRUNC };
    int name = roll(NAMES), oflag = modes[roll(6)] | (roll(4) ? O_CREAT : 0);
    bool there = named[name];
    int fd = open(path_of(name), oflag);
    CHECK((fd >= 0) == (there || (oflag & O_CREAT)));
    if (fd < 0)
        return;
    if (!there)
    {
        named[name] = calloc(1, sizeof(struct model));
        named[name]->users = 1;
    }
    named[name]->users++;
    *d = (struct descriptor){ named[name], false, fd, oflag, 0 };
    if (oflag & O_TRUNC)
    {
        d->of->size = 0;
        clip(d->of);
    }
}

static void close_one(struct descriptor *d)
{
    CHECK(close(d->fd) == 0);
    let_go(d->of);
    d->of = NULL;
}

static void use(struct descriptor *d)
{
    static uint8_t buffer[MOST];
    struct model *m = d->of;
    size_t some = roll(4) ? roll(1500) : roll(MOST), got, from;
    bool reads = (d->oflag & O_ACCMODE) != O_WRONLY, writes = d->oflag & O_ACCMODE;
    switch (roll(8))
    {
    case 0:
    case 1:
        got = MIN(some, m->size - d->at);
        CHECK(read(d->fd, buffer, some) == (reads ? (ssize_t)got : -2));
        CHECK(!reads || memcmp(buffer, m->bytes + d->at, got) == 0);
        d->at += reads ? got : 0;
        break;
    case 2:
    case 3:
        from = writes && d->oflag & O_APPEND ? m->size : d->at;
        some = MIN(some, MOST - from);
        if (some == 0)
            break;
        for (size_t n = 0; n < some; n++)
            buffer[n] = roll(256);
        CHECK(write(d->fd, buffer, some) == (writes ? (ssize_t)some : -2));
        if (writes)
        {
            memcpy(m->bytes + from, buffer, some);
            d->at = from + some;
            m->size = MAX(m->size, d->at);
        }
        break;
    case 4:
        CHECK(lseek(d->fd, some, SEEK_SET) == (some <= m->size ? (off_t)some : -12));
        d->at = some <= m->size ? some : d->at;
        break;
    case 5:
        CHECK(lseek(d->fd, 0, SEEK_CUR) == (off_t)d->at && filesize(d->fd) == (off_t)m->size);
        break;
    case 6:
        CHECK(fsync(d->fd) == (writes ? 0 : -2));
        break;
    default:
        if (roll(4))
            break;
        CHECK(ftruncate(d->fd, some) == (writes ? 0 : -2));
        m->size = writes ? MIN(m->size, some) : m->size;
        clip(m);
    }
}

static void rename_or_remove(int from, int to)
{
    if (roll(2))
    {
        CHECK(small_remove(path_of(from)) == (named[from] ? 0 : -7));
        let_go(named[from]);
        named[from] = NULL;
    }
    else if (from != to && from % NUM_VOLUMES == to % NUM_VOLUMES && named[from])
    {
        CHECK(small_rename(path_of(from), path_of(to)) == 0);
        let_go(named[to]);
        named[to] = named[from];
        named[from] = NULL;
    }
}

/* Descriptors stay, of which most were closed before; a file without a name is not left to an unmounting. */
static void mount_again(void)
{
    for (int n = 0; n < MAX_OPEN_FILES; n++)
        if (open_now[n].of && !open_now[n].gone)
        {
            bool has_name = false;
            for (int name = 0; name < NAMES; name++)
                has_name |= named[name] == open_now[n].of;
            if (!has_name || roll(4))
                close_one(&open_now[n]);
            else
                open_now[n].gone = true;
        }
    disk_unmount_all();
    for (int n = 0, files = 0; n < NUM_VOLUMES; n++, files = 0)
    {
        for (int name = 0; name < NAMES; name++)
            files += named[name] && name % NUM_VOLUMES == n;
        CHECK(volume_check(n) == files);
    }
    CHECK(disk_mount_all() == NUM_VOLUMES);
}

void work_at_random(unsigned seed, int rounds)
{
    int taken = 0;
    dice = seed * 2654435761u | 1;
    for (int round = 0; round < rounds; round++)
    {
        struct descriptor *d = &open_now[roll(MAX_OPEN_FILES)];
        unsigned what = roll(1000);
        if (what < 20)
            rename_or_remove(roll(NAMES), roll(NAMES));
        else if (what < 22)
            mount_again();
        else if (what < 30)
            run_idle_functions();
        else if (what < 45)
        {
            core_free(taken);
            taken = core_alloc(roll(POOL_WORDS * sizeof(intptr_t)));
        }
        else if (!d->of)
            open_one(d);
        else if (d->gone)
        {
            errno = 0;
            CHECK(filesize(d->fd) < 0 && errno == ENXIO);
            close_one(d);
        }
        else if (what < 150)
            close_one(d);
        else
            use(d);
    }
    core_free(taken);
    for (int n = 0; n < MAX_OPEN_FILES; n++)
        if (open_now[n].of)
            close_one(&open_now[n]);
    for (int name = 0; name < NAMES; name++)
        if (named[name])
        {
            CHECK(small_remove(path_of(name)) == 0);
            let_go(named[name]);
            named[name] = NULL;
        }
    mount_again();
}
