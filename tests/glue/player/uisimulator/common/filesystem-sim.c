/* Stands where a tree has its simulator's files: descriptors of its own over the system's, below one folder. */
#define RB_FILESYSTEM_OS
#include "player.h"
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SIM_TMPBUF_MAX_PATH 300
#define MAX_OPEN_FILES 8
#define O_BINARY 0
#define os_open open
#define os_close close
#define os_ftruncate ftruncate

static struct filestr_desc
{
    int osfd;
} openfiles[MAX_OPEN_FILES] = { [0 ... MAX_OPEN_FILES - 1] = { -1 } };

static struct filestr_desc *get_filestr(int fildes)
{
    if ((unsigned)fildes < MAX_OPEN_FILES && openfiles[fildes].osfd >= 0)
        return &openfiles[fildes];
    errno = EBADF;
    return NULL;
}

int sim_get_os_path(char *buffer, const char *path, size_t size);
int sim_get_os_path(char *buffer, const char *path, size_t size)
{
    return snprintf(buffer, size, "%s%s", getenv("DISK"), path);
}

int sim_open(const char *path, int oflag, ...)
{
    char ospath[SIM_TMPBUF_MAX_PATH];
    sim_get_os_path(ospath, path, sizeof(ospath));
    for (int n = 0; n < MAX_OPEN_FILES; n++)
        if (openfiles[n].osfd < 0)
        {
            openfiles[n].osfd = open(ospath, oflag, 0666);
            return openfiles[n].osfd < 0 ? -3 : n;
        }
    errno = EMFILE;
    return -1;
}

int sim_creat(const char *path, mode_t mode)
{
    return sim_open(path, O_WRONLY | O_CREAT | O_TRUNC, mode);
}

int sim_close(int fildes)
{
    struct filestr_desc *file = get_filestr(fildes);
    if (!file)
        return -1;
    int rc = close(file->osfd);
    file->osfd = -1;
    return rc;
}

int sim_ftruncate(int fildes, off_t length)
{
    struct filestr_desc *file = get_filestr(fildes);
    return file ? ftruncate(file->osfd, length) : -1;
}

int sim_fsync(int fildes)
{
    struct filestr_desc *file = get_filestr(fildes);
    return file ? fsync(file->osfd) : -1;
}

off_t sim_lseek(int fildes, off_t offset, int whence)
{
    struct filestr_desc *file = get_filestr(fildes);
    return file ? lseek(file->osfd, offset, whence) : -1;
}

ssize_t sim_read(int fildes, void *buf, size_t nbyte)
{
    struct filestr_desc *file = get_filestr(fildes);
    return file ? read(file->osfd, buf, nbyte) : -1;
}

ssize_t sim_write(int fildes, const void *buf, size_t nbyte)
{
    struct filestr_desc *file = get_filestr(fildes);
    return file ? write(file->osfd, buf, nbyte) : -1;
}

off_t sim_filesize(int fildes)
{
    struct filestr_desc *file = get_filestr(fildes);
    return file ? lseek(file->osfd, 0, SEEK_END) : -1;
}

int sim_remove(const char *path)
{
    char ospath[SIM_TMPBUF_MAX_PATH];
    sim_get_os_path(ospath, path, sizeof(ospath));
    return remove(ospath);
}

int sim_rename(const char *old, const char *new)
{
    char osold[SIM_TMPBUF_MAX_PATH], osnew[SIM_TMPBUF_MAX_PATH];
    sim_get_os_path(osold, old, sizeof(osold));
    sim_get_os_path(osnew, new, sizeof(osnew));
    return rename(osold, osnew);
}

bool file_exists(const char *path);
bool file_exists(const char *path)
{
    char ospath[SIM_TMPBUF_MAX_PATH];
    sim_get_os_path(ospath, path, sizeof(ospath));
    return access(ospath, F_OK) == 0;
}
