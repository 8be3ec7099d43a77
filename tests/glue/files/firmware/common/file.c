/* Stands where a tree has its file.c: descriptors, and what POSIX says of them, as far as a player keeps to it. No byte waits
 * here: each goes to its volume at once. */
#include "files.h"
#include "kernel/thread-internal.h"

static struct filestr_desc
{
    struct filestr_base stream; /* (first!) */
    file_size_t offset;
    file_size_t *sizep;
} open_streams[MAX_OPEN_FILES];

/* ---- the lock: many readers or one writer, who may take it again ----
 *
 * New readers let a writer go first who waits. A reader who became a writer would wait for himself. */

static struct
{
    const void *writer;
    unsigned depth, readers, waiting;
} all;
static __thread unsigned reading;

void file_internal_lock_READER(void)
{
    if (all.writer == __running_self_entry())
    {
        all.depth++;
        return;
    }
    while (all.writer || (all.waiting && !reading))
        yield();
    all.readers++;
    reading++;
}

void file_internal_unlock_READER(void)
{
    if (all.writer == __running_self_entry())
    {
        file_internal_unlock_WRITER();
        return;
    }
    CHECK(reading > 0);
    all.readers--;
    reading--;
}

void file_internal_lock_WRITER(void)
{
    CHECK(reading == 0);
    all.waiting++;
    while (all.readers > 0 || (all.writer && all.writer != __running_self_entry()))
        yield();
    all.waiting--;
    all.writer = __running_self_entry();
    all.depth++;
}

void file_internal_unlock_WRITER(void)
{
    CHECK(all.writer == __running_self_entry() && all.depth > 0);
    if (--all.depth == 0)
        all.writer = NULL;
}

/* ---- what others of this tree use ---- */

static int fails(int error, int answer)
{
    errno = error;
    return answer;
}

static struct filestr_desc *get_filestr(int fildes)
{
    struct filestr_desc *file = &open_streams[fildes];
    if ((unsigned)fildes < MAX_OPEN_FILES && (file->stream.flags & FDO_BUSY))
        return file;
    errno = (unsigned)fildes < MAX_OPEN_FILES && (file->stream.flags & FD_NONEXIST) ? ENXIO : EBADF;
    return NULL;
}

static struct filestr_desc *begin(int fildes)
{
    file_internal_lock_READER();
    struct filestr_desc *file = get_filestr(fildes);
    if (file)
        filestr_lock(&file->stream);
    else
        file_internal_unlock_READER();
    return file;
}

static void end(struct filestr_desc *file)
{
    filestr_unlock(&file->stream);
    file_internal_unlock_READER();
}

int close_stream_internal(struct filestr_base *stream)
{
    unsigned flags = fileobj_get_flags(stream);
    if ((flags & FO_SINGLE) && (flags & FO_REMOVED))
        chain_free(BASEINFO_VOL(stream->infop), stream->infop->fatfile.firstcluster);
    fileobj_fileop_close(stream);
    return 0;
}

static off_t lseek_internal(struct filestr_desc *file, off_t offset, int whence)
{
    int64_t size = *file->sizep > FILE_SIZE_MAX ? FILE_SIZE_MAX : *file->sizep;
    int64_t to = offset + (whence == SEEK_CUR ? (int64_t)file->offset : whence == SEEK_END ? size : 0);
    if (to < 0 || to > size || whence < SEEK_SET || whence > SEEK_END)
        return fails(EINVAL, -1);
    return file->offset = to;
}

static int ftruncate_internal(struct filestr_desc *file, file_size_t size, bool write_now)
{
    unsigned long sectors = (size + SECTOR_SIZE - 1) / SECTOR_SIZE;
    if (write_now)
    {
        if (fat_seek(&file->stream.fatstr, sectors) < 0 || fat_truncate(&file->stream.fatstr) < 0)
            return fails(EIO, -12);
        fileobj_change_flags(&file->stream, 0, FO_TRUNC);
    }
    if (size < *file->sizep)
    {
        *file->sizep = size;
        for (struct filestr_base *s = NULL; (s = fileobj_get_next_stream(&file->stream, s));)
        {
            struct filestr_desc *f = (struct filestr_desc *)s;
            f->offset = MIN(f->offset, size);
            if (fat_query_sectornum(&s->fatstr) > sectors)
                fat_seek_to_stream(&s->fatstr, &file->stream.fatstr);
        }
    }
    return 0;
}

static int fsync_internal(struct filestr_desc *file)
{
    int rc = 0;
    if (fileobj_get_flags(&file->stream) & FO_TRUNC)
        rc = ftruncate_internal(file, *file->sizep, true);
    if (fat_closewrite(&file->stream.fatstr, *file->sizep) < 0)
        rc = fails(EIO, -13);
    return rc;
}

static int close_internal(struct filestr_desc *file)
{
    int rc = (file->stream.flags & (FD_WRITE | FD_NONEXIST)) == FD_WRITE ? fsync_internal(file) : 0;
    int closed = close_stream_internal(&file->stream);
    return rc < 0 ? rc : closed;
}

void force_close_writer_internal(struct filestr_base *stream)
{
    close_internal((struct filestr_desc *)stream);
}

/* ---- the calls ---- */

/* "/1/name" is a file of volume 1; "/1" is the volume's folder, which can be read. */
static int open_as(struct filestr_base *stream, const char *path, int oflag, file_size_t *size)
{
    struct file_base_info info;
    int volume = path[1] - '0', accmode = oflag & O_ACCMODE;
    const char *name = path + 3;
    bool folder = path[2] == 0;
    unsigned flags = (accmode ? FD_WRITE : 0) | (accmode == O_WRONLY ? FD_WRONLY : 0) | (oflag & O_APPEND ? FD_APPEND : 0) |
                     (oflag & O_TRUNC ? FO_TRUNC : 0) | (folder ? FO_DIRECTORY : 0);
    int entry = folder ? 0 : name_find(volume, name);
    if (folder && accmode)
        return fails(EISDIR, -3);
    if (entry < 0 && !(oflag & O_CREAT))
        return fails(ENOENT, -7);
    if (entry >= 0 && (oflag & O_CREAT) && (oflag & O_EXCL))
        return fails(EEXIST, -2);
    if (folder)
        info = (struct file_base_info){ .fatfile = { IF_MV(volume, ) 0, -1 } };
    else if (name_make(volume, name, &info, size) < 0)
        return fails(ENOSPC, -6);
    filestr_base_init(stream);
    (entry < 0 ? fileobj_fileop_create : fileobj_fileop_open)(stream, &info, entry < 0 ? flags & ~FO_TRUNC : flags);
    fat_filestr_init(&stream->fatstr, &stream->infop->fatfile);
    if (fileobj_get_flags(stream) & FO_SINGLE)
        *fileobj_get_sizep(stream) = folder ? 4096 : *size;
    return 0;
}

static int open_at(const char *path, int oflag)
{
    file_size_t size = 0;
    int fildes = 0;
    file_internal_lock_WRITER();
    while (fildes < MAX_OPEN_FILES && open_streams[fildes].stream.flags)
        fildes++;
    struct filestr_desc *file = &open_streams[fildes];
    int rc = fildes == MAX_OPEN_FILES ? fails(EMFILE, -1) : open_as(&file->stream, path, oflag, &size);
    if (rc == 0)
    {
        file->offset = 0;
        file->sizep = fileobj_get_sizep(&file->stream);
        if (fileobj_get_flags(&file->stream) & FO_TRUNC && oflag & O_TRUNC)
            ftruncate_internal(file, 0, *file->sizep >= O_TRUNC_THRESH);
    }
    file_internal_unlock_WRITER();
    return rc < 0 ? rc : fildes;
}

int open_noiso_internal(const char *path, int oflag)
{
    return open_at(path, oflag);
}

int open(const char *path, int oflag)
{
    return open_at(path, oflag);
}

int creat(const char *path)
{
    return open(path, O_WRONLY | O_CREAT | O_TRUNC);
}

int close(int fildes)
{
    file_internal_lock_WRITER();
    struct filestr_desc *file = (unsigned)fildes < MAX_OPEN_FILES ? &open_streams[fildes] : NULL;
    int rc = file && file->stream.flags ? close_internal(file) : fails(EBADF, -2);
    file_internal_unlock_WRITER();
    return rc;
}

int ftruncate(int fildes, off_t length)
{
    struct filestr_desc *file = begin(fildes);
    if (!file)
        return -1;
    int rc = !(file->stream.flags & FD_WRITE) ? fails(EBADF, -2) : length < 0 ? fails(EINVAL, -3) : 0;
    if (rc == 0 && (file_size_t)length < *file->sizep)
        rc = ftruncate_internal(file, length, true);
    end(file);
    return rc;
}

int fsync(int fildes)
{
    file_internal_lock_WRITER();
    struct filestr_desc *file = get_filestr(fildes);
    int rc = !file ? -1 : !(file->stream.flags & FD_WRITE) ? fails(EINVAL, -2) : fsync_internal(file);
    file_internal_unlock_WRITER();
    return rc;
}

off_t lseek(int fildes, off_t offset, int whence)
{
    struct filestr_desc *file = get_filestr(fildes);
    return file ? lseek_internal(file, offset, whence) : -1;
}

off_t filesize(int fildes)
{
    struct filestr_desc *file = get_filestr(fildes);
    return file ? (off_t)*file->sizep : -1;
}

static ssize_t transfer(struct filestr_desc *file, uint8_t *buf, size_t nbyte, bool write)
{
    uint8_t sector[SECTOR_SIZE];
    size_t done = 0;
    while (done < nbyte)
    {
        unsigned long number = file->offset / SECTOR_SIZE;
        size_t inside = file->offset % SECTOR_SIZE, part = MIN(nbyte - done, SECTOR_SIZE - inside);
        memset(sector, 0, sizeof sector);
        long rc = fat_seek(&file->stream.fatstr, number);
        if (rc == 0 && (!write || number * SECTOR_SIZE < *file->sizep))
            rc = fat_readwrite(&file->stream.fatstr, 1, sector, false);
        if (rc >= 0 && write)
        {
            memcpy(sector + inside, buf + done, part);
            rc = fat_seek(&file->stream.fatstr, number);
            rc = rc < 0 ? rc : fat_readwrite(&file->stream.fatstr, 1, sector, true);
        }
        if (rc < 0)
            return done ? (ssize_t)done : fails(rc == FAT_RC_ENOSPC ? ENOSPC : EIO, -14);
        if (!write)
            memcpy(buf + done, sector + inside, part);
        file->offset += part;
        *file->sizep = write ? MAX(*file->sizep, file->offset) : *file->sizep;
        done += part;
    }
    return done;
}

ssize_t read(int fildes, void *buf, size_t nbyte)
{
    struct filestr_desc *file = begin(fildes);
    if (!file)
        return -1;
    ssize_t rc = file->stream.flags & FD_WRONLY ? fails(EBADF, -2) : 0;
    if (rc == 0)
        rc = transfer(file, buf, MIN(nbyte, *file->sizep - MIN(file->offset, *file->sizep)), false);
    end(file);
    return rc;
}

ssize_t write(int fildes, const void *buf, size_t nbyte)
{
    struct filestr_desc *file = begin(fildes);
    if (!file)
        return -1;
    ssize_t rc = !(file->stream.flags & FD_WRITE) ? fails(EBADF, -2) : 0;
    if (file->stream.flags & FD_APPEND)
        file->offset = *file->sizep;
    if (rc == 0)
        rc = transfer(file, (uint8_t *)buf, nbyte, true);
    end(file);
    return rc;
}

int small_remove(const char *path)
{
    struct filestr_base stream;
    file_size_t size;
    file_internal_lock_WRITER();
    int rc = open_as(&stream, path, O_RDONLY, &size);
    if (rc == 0)
    {
        struct file_base_info old = *stream.infop;
        name_drop(path[1] - '0', old.fatfile.entry);
        stream.infop->fatfile.entry = -1;
        fileobj_fileop_remove(&stream, &old);
        rc = close_stream_internal(&stream);
    }
    file_internal_unlock_WRITER();
    return rc;
}

int small_rename(const char *path, const char *newpath)
{
    struct filestr_base stream;
    file_size_t size;
    file_internal_lock_WRITER();
    int rc = open_as(&stream, path, O_RDONLY, &size);
    if (rc == 0)
    {
        if (name_find(newpath[1] - '0', newpath + 3) >= 0)
            small_remove(newpath);
        struct fat_file *file = &stream.infop->fatfile;
        file->entry = name_change(path[1] - '0', file->entry, newpath + 3);
        rc = close_stream_internal(&stream);
    }
    file_internal_unlock_WRITER();
    return rc;
}
