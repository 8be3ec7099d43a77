/* Stands where a tree has its disk.c: which volumes there are, of which drive. */
#include "files.h"

static struct
{
    int drive; /* below 0: none */
} volumes[NUM_VOLUMES] = { [0 ... NUM_VOLUMES - 1] = { -1 } };

bool storage_present(int drive)
{
    return present[drive];
}

int disk_unmount(int drive)
{
    int count = 0;
    file_internal_lock_WRITER();
    for (int n = 0; n < NUM_VOLUMES; n++)
        if (volumes[n].drive >= 0 && volumes[n].drive == drive)
        {
            volumes[n].drive = -1;
            fileobj_mgr_unmount(IF_MV(n));
            mount(n, false);
            count++;
        }
    file_internal_unlock_WRITER();
    return count;
}

int disk_unmount_all(void)
{
    int count = 0;
    for (int n = 0; n < NUM_VOLUMES; n++)
        count += disk_unmount(n);
    return count;
}

int disk_mount_all(void)
{
    file_internal_lock_WRITER();
    int count = 0;
    disk_unmount_all();
    for (int n = 0; n < NUM_VOLUMES; n++)
        if (present[n])
        {
            volumes[n].drive = n;
            mount(n, true);
            count++;
        }
    file_internal_unlock_WRITER();
    return count;
}
