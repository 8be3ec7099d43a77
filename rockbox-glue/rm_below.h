/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What the wrappers of file.c, fileobj_mgr.c and disk.c know of each other.
 *
 *     open descriptors ─┐
 *                       ├──► fileobj_binding: one per open file ──► what stands beside it (struct rm_beside)
 *     the library's ────┘        its size is what the disk has
 *     own streams
 */
#ifndef RM_BELOW_H
#define RM_BELOW_H

#include "file_internal.h"
#include "rm_kernel.h"
#include <stdbool.h>
#include <stdint.h>

/* How many streams the library may have open: sixteen songs, and some more. Each takes 240 bytes. Where there are no more, a
 * file's bytes go past the library (struct rm_beside). The last ones are for files that are opened by name, as songs are,
 * and the very last for files that have a stream already: the library asks for one more before it knows which file it is. */
#define RM_STREAMS (MAX_OPEN_FILES < 24 ? MAX_OPEN_FILES + 4 : 28)
#define RM_KEPT_FOR_NAMES 2
#define RM_KEPT_FOR_OPEN 4

/* What is known of an open file beside its binding, as long as the binding lives. */
struct rm_beside
{
    uint32_t number; /* which file it is to the library, 0 until it asked; see rm_number() */
    uint8_t streams; /* how many of the streams are the library's */
    bool clean;      /* the disk has it, with length and date, as the last rmport_sync left it */
    bool past;       /* there was no stream for it: until all have closed it, nobody has it through the library */
};

struct rm_beside *rm_beside(const struct filestr_base *stream);

/* Makes `stream` one more stream of the file that another is of, below the cache. With the file system's lock as writer. */
void rm_join(struct filestr_base *stream, const struct filestr_base *of);

/* Which file a stream is of, for as long as its volume stays mounted: its first cluster, which no other file has and which
 * neither a new name nor a new length changes. An empty file has none, and gets a number that no cluster has; so does one
 * that is known only after its name is gone. `renew`: nobody relies on the number that it had. */
uint32_t rm_number(const struct filestr_base *stream, bool renew);

/* Whether a file's last name is gone. */
bool rm_is_nameless(const struct filestr_base *stream);

/* Which volume, and which mounting of it. */
uint64_t rm_volume(int volume);

/* Between these nobody gets new streams of a volume. */
void rm_leaving(int volume, bool leaving);
bool rm_is_leaving(int volume);

#endif /* RM_BELOW_H */
