/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Types and error codes of buffering, with the values that the tree's have. Included by buffering.h.
 */
#ifndef ROCKMEM_BUFFERING_INLINE_H
#define ROCKMEM_BUFFERING_INLINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "file_inline.h"

/* What a handle holds. */
enum data_type
{
    TYPE_UNKNOWN = 0,
    TYPE_ID3 = 1,          /* tags */
    TYPE_CODEC = 2,        /* a decoder */
    TYPE_PACKET_AUDIO = 3, /* audio that is decoded piece by piece */
    TYPE_ATOMIC_AUDIO = 4, /* audio that its decoder wants whole */
    TYPE_CUESHEET = 5,
    TYPE_BITMAP = 6,
    TYPE_RAW_ATOMIC = 7 /* anything else, whole */
};

#define ERR_HANDLE_NOT_FOUND (-1)
#define ERR_BUFFER_FULL (-2)
#define ERR_INVALID_VALUE (-3)
#define ERR_FILE_ERROR (-4)
#define ERR_HANDLE_NOT_DONE (-5)
#define ERR_UNSUPPORTED_TYPE (-6)
#define ERR_BITMAP_TOO_LARGE (-7)

/* Events. */
enum
{
    BUFFER_EVENT_BUFFER_LOW = 0x0401, /* little is left to play, or a reader waits for room: open more, or close some */
    BUFFER_EVENT_REBUFFER = 0x0402,   /* a handle jumped, and others are in the way of its data; &handle */
    BUFFER_EVENT_FINISHED = 0x0405,   /* all of a handle's file is in memory, or its tags are parsed; &handle */
    BUFFER_EVENT_BUFFER_RESET = 0x0406 /* everything is about to be closed */
};

/* What a program does for buffering; any of it may be NULL. Every function may call any of buffering's but bufclose of
 * the handle it works for. Only event may call buffering_reset, which waits for the others; another thread may at any
 * time. On the buffering thread bufread and bufgetdata are for what is in memory (buf_handle_remaining): they would wait
 * for this very thread. */
struct buffering_hooks
{
    /* An event, on the thread that it happens on: the buffering thread, for BUFFER_RESET the one that resets. */
    void (*event)(unsigned short event, void *data);
    /* Bytes of what id3_load makes. */
    size_t id3_size;
    /* Parses the tags of a file, on the buffering thread. */
    void (*id3_load)(const char *path, void *id3);
    /* Copies tags that bufalloc was given with this size; without it their bytes are copied. */
    void (*id3_copy)(void *id3, const void *from);
    /* Decodes a picture that begins at an offset of a file, on the thread that calls bufopen; user is its user_data. With
     * into NULL: how many bytes that may take. Then: how many it took. 0 or less: it cannot be done. */
    ssize_t (*picture)(const char *path, uint64_t offset, void *user, void *into, size_t room);
    /* A burst of reading begins (1), ended (0), on the buffering thread. */
    void (*fill)(int begins);
};

#endif /* ROCKMEM_BUFFERING_INLINE_H */
