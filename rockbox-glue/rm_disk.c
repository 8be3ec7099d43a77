/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The tree's disk.c, wrapped: before it unmounts a volume, for USB, a card that goes, or a new mounting of everything, what
 * is dirty of it is written. That happens before disk.c takes the file system's lock, since others may be waiting for it
 * with a transfer begun. Nobody gets new streams of a volume until it is gone.
 */
#include "config.h"
#include "system.h"
#include <stdbool.h>
#include "kernel.h"
#include "storage.h"
#include "disk.h"
#include "rm_below.h"
#include "rockmem/tree.h"

static int rm_below_mount_all(void);
static int rm_below_unmount(int drive);
static int rm_below_unmount_all(void);

#define disk_mount_all rm_below_mount_all
#define disk_unmount rm_below_unmount
#define disk_unmount_all rm_below_unmount_all

#include "../common/disk.c"

#undef disk_mount_all
#undef disk_unmount
#undef disk_unmount_all

/* `drive`: below 0 for all of them. */
static void rm_leave(int drive)
{
    for (int volume = 0; volume < NUM_VOLUMES; volume++)
    {
        int on = volumes[volume].drive;
        if (on < 0 || (drive >= 0 && on != drive))
            continue;
        rm_leaving(volume, true);
        if (storage_present(on))
            rm_tree_unmount(rm_volume(volume));
        else
            rm_tree_gone(rm_volume(volume));
    }
}

static void rm_left(void)
{
    for (int volume = 0; volume < NUM_VOLUMES; volume++)
        rm_leaving(volume, false);
}

int disk_mount_all(void)
{
    rm_leave(-1);
    int mounted = rm_below_mount_all();
    rm_left();
    return mounted;
}

int disk_unmount(int drive)
{
    rm_leave(drive);
    int unmounted = rm_below_unmount(drive);
    rm_left();
    return unmounted;
}

int disk_unmount_all(void)
{
    rm_leave(-1);
    int unmounted = rm_below_unmount_all();
    rm_left();
    return unmounted;
}
