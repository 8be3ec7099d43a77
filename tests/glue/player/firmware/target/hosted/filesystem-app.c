/* Stands where a tree has the files of applications: the system's own, below one folder. */
#define RB_FILESYSTEM_OS
#include "player.h"
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define os_open open
#define os_close close
#define os_ftruncate ftruncate

static const char *under_disk(char buffer[300], const char *path)
{
    snprintf(buffer, 300, "%s%s", getenv("DISK"), path);
    return buffer;
}

int app_open(const char *path, int oflag, ...);
int app_open(const char *path, int oflag, ...)
{
    char buffer[300];
    return os_open(under_disk(buffer, path), oflag, 0666);
}

int app_remove(const char *path);
int app_remove(const char *path)
{
    char buffer[300];
    return remove(under_disk(buffer, path));
}

off_t os_filesize(int osfd);
off_t os_filesize(int osfd)
{
    struct stat found;
    return fstat(osfd, &found) < 0 ? -1 : found.st_size;
}

bool file_exists(const char *path);
bool file_exists(const char *path)
{
    char buffer[300];
    return access(under_disk(buffer, path), F_OK) == 0;
}
