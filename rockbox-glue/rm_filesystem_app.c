/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The tree's filesystem-app.c, of applications that run on a system of somebody else's, with the library's streams beside it.
 * Files are the system's, which caches them itself: the tree's calls stay as they are, and only buffering reads through
 * the library.
 *
 *     read(fd), write(fd) …      ──► the system
 *     buffering ──► rmport_…     ──► the system, by descriptors of its own
 */
#include "../target/hosted/filesystem-app.c"

#include "rm_posix.h"

int32_t rmport_open(const char *path, uint32_t how, struct identity *identity)
{
    return stream_of(app_open(path, flags_of(how), 0666), identity);
}

/* The tree's descriptors are the system's, which does not tell when one is closed: none can be mapped. */
int32_t rmport_claim(int32_t fd, uint32_t *mode, struct identity *identity)
{
    (void)fd;
    (void)mode;
    (void)identity;
    return -EBADF;
}
