/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * In place of the tree's buffering.c: what of buffering only the tree knows. The rest is rockmem's.
 *
 *     tags       get_metadata_ex, on the buffering thread
 *     pictures   the tree's loaders, on the thread that opens
 *     events     send_event, on the thread that they happen on
 *     fill       the processor's clock, and leave for the disk to sleep
 */
#include "config.h"
#include "system.h"
#include "kernel.h"
#include "storage.h"
#include "file.h"
#include "appevents.h"
#include "metadata.h"
#include "bmp.h"
#ifdef HAVE_ALBUMART
#include "albumart.h"
#include "jpeg_load.h"
#include "playback.h"
#endif
#include "buffering.h"
#include "rm_kernel.h"
#include <errno.h>
#include <stdint.h>
#include <string.h>

/* By rockmem's layout: rockmem/buffering_inline.h. */
struct buffering_hooks
{
    void (*event)(unsigned short event, void *data);
    size_t id3_size;
    void (*id3_load)(const char *path, void *id3);
    void (*id3_copy)(void *id3, const void *from);
    ssize_t (*picture)(const char *path, uint64_t offset, void *user, void *into, size_t room);
    void (*fill)(int begins);
};

void buffering_set_hooks(const struct buffering_hooks *hooks);
int32_t rmport_thread_start(void (*entry)(void));

/* rockmem's numbers are the tree's. */
_Static_assert(BUFFER_EVENT_BUFFER_LOW == 0x0401 && BUFFER_EVENT_REBUFFER == 0x0402 &&
               BUFFER_EVENT_FINISHED == 0x0405 && BUFFER_EVENT_BUFFER_RESET == 0x0406, "other events");
_Static_assert(TYPE_ID3 == 1 && TYPE_CODEC == 2 && TYPE_PACKET_AUDIO == 3 && TYPE_ATOMIC_AUDIO == 4 &&
               TYPE_CUESHEET == 5 && TYPE_BITMAP == 6 && TYPE_RAW_ATOMIC == 7, "other types of data");
_Static_assert(ERR_HANDLE_NOT_FOUND == -1 && ERR_BUFFER_FULL == -2 && ERR_INVALID_VALUE == -3 &&
               ERR_FILE_ERROR == -4 && ERR_UNSUPPORTED_TYPE == -6 && ERR_BITMAP_TOO_LARGE == -7, "other errors");

static void event(unsigned short id, void *data)
{
    send_event(id, data);
}

static void load_tags(const char *path, void *id3)
{
    int fd = open(path, O_RDONLY);
    if (fd >= 0)
        get_metadata_ex(id3, fd, path, METADATA_CLOSE_FD_ON_EXIT);
    /* Else it stays empty: no track has tags like that, and playback goes on to the next. */
}

static void copy_tags(void *id3, const void *from)
{
    copy_mp3entry(id3, from);
}

#ifdef HAVE_ALBUMART

/* The most that a picture may take with what its decoder needs beside it: rows of the unscaled one, a decoder's state. */
static size_t room_for(const struct dim *dim)
{
#ifdef HAVE_LCD_COLOR
    size_t row = sizeof(struct uint32_argb) * dim->width;
#else
    size_t row = sizeof(uint32_t) * dim->width;
#endif
    size_t room = sizeof(struct bitmap) + BM_SIZE(dim->width, dim->height, FORMAT_NATIVE, false) + 3 * row;
#ifdef HAVE_JPEG
    room += JPEG_DECODE_OVERHEAD;
#endif
    return room;
}

#ifdef HAVE_JPEG
static bool is_bmp(const char *path)
{
    size_t length = strlen(path);
    return length >= 4 && strcmp(path + length - 4, ".bmp") == 0;
}
#endif

static ssize_t picture(const char *path, uint64_t offset, void *user, void *into, size_t room)
{
    const struct bufopen_bitmap_data *what = user;
    (void)offset; /* an embedded picture says itself where it is */
    if (!into)
        return file_exists(path) ? (ssize_t)room_for(what->dim) : 0;

    int fd = open(path, O_RDONLY);
    if (fd < 0)
        return 0;
    struct bitmap *bmp = into;
    memset(bmp, 0, sizeof(*bmp));
    bmp->width = what->dim->width;
    bmp->height = what->dim->height;
    bmp->data = (void *)(bmp + 1);
    const int format = FORMAT_NATIVE | FORMAT_DITHER | FORMAT_RESIZE | FORMAT_KEEP_ASPECT;
    const int most = room - sizeof(*bmp);
    int got;
#ifdef HAVE_JPEG
    struct mp3_albumart *embedded = what->embedded_albumart;
    if (embedded)
    {
        lseek(fd, embedded->pos, SEEK_SET);
        got = clip_jpeg_fd(fd, embedded->type, embedded->size, bmp, most, format, NULL);
    }
    else if (!is_bmp(path))
        got = read_jpeg_fd(fd, bmp, most, format, NULL);
    else
#endif
        got = read_bmp_fd(fd, bmp, most, format, NULL);
    close(fd);
    return got > 0 ? (ssize_t)sizeof(*bmp) + got : 0;
}

#endif

static void fill(int begins)
{
    if (begins)
        trigger_cpu_boost();
    else
    {
        cancel_cpu_boost();
        storage_sleep();
    }
}

int32_t rmport_thread_start(void (*entry)(void))
{
    /* Tags are parsed on it. */
    static long stack[(DEFAULT_STACK_SIZE + 0x2000) / sizeof(long)];
    unsigned id = create_thread(entry, stack, sizeof(stack), 0, "buffering" IF_PRIO(, PRIORITY_BUFFERING) IF_COP(, CPU));

    return id ? 0 : -ENOMEM;
}

void INIT_ATTR buffering_init(void)
{
    static const struct buffering_hooks hooks =
    {
        .event = event,
        .id3_size = sizeof(struct mp3entry),
        .id3_load = load_tags,
        .id3_copy = copy_tags,
#ifdef HAVE_ALBUMART
        .picture = picture,
#endif
        .fill = fill,
    };
    rm_kernel_init();
    buffering_set_hooks(&hooks);
    /* Takes its tables while the pool is still everybody's: once playback has its buffer, they would be taken from that. */
    buffering_reset(NULL, 0);
}
