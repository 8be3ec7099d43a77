/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The library's own streams: what it reads and writes files with, below the cache. A part of rm_file.c, whose descriptors
 * these are but for the numbers.
 *
 *     stream ──► filestr_desc, on the file's binding ──► fat_filestr: cluster and sector of the last transfer
 *        └─────► runs: where clusters lie that were looked up once
 *
 *     clusters of the file   0 1 2 3 4 5 6 7 8 …
 *     on the volume         │17 18 19│40 41│9 10 11│…     a run is at 0: 17, 3 of them; at 3: 40, 2 of them; …
 *
 * A position in a run costs nothing; any other is looked for from the nearest run before it, cluster by cluster, as the
 * tree does from the file's beginning. Of a file in many pieces the runs become sparse, and are then places to start from.
 * Whole sectors, and the one in which the file ends, go in one command; parts of sectors through a buffer of the disk cache.
 */
#ifndef RM_STREAM_H
#define RM_STREAM_H

#define RM_RUNS 6

struct rm_run
{
    uint32_t at;      /* the first of its clusters, on the count of the file's */
    uint32_t cluster; /* and on the volume's */
    uint32_t count;
};

struct rm_stream
{
    struct filestr_desc file; /* (first!) */
    sector_t base;            /* the sector that a cluster 0 would begin with */
    unsigned per;             /* sectors of a cluster */
    unsigned known;           /* how many runs, by rising `at` */
    struct rm_run runs[RM_RUNS];
};

static struct rm_stream streams[RM_STREAMS];

int32_t rmport_open(const char *path, uint32_t how, uint64_t *identity);
int32_t rmport_claim(int32_t fd, uint32_t *mode, uint64_t *identity);
int32_t rmport_close(int32_t stream);
int32_t rmport_read_at(int32_t stream, uint64_t offset, uint8_t *buffer, uint32_t bytes);
int32_t rmport_write_at(int32_t stream, uint64_t offset, const uint8_t *buffer, uint32_t bytes);
int32_t rmport_truncate(int32_t stream, uint64_t size);
int32_t rmport_sync(int32_t stream, uint64_t *identity);
uint32_t rmport_space(int32_t stream, uint64_t *free);

/* ---- where a file's clusters are ---------------------------------------------------------------------------------- */

/* The last run that begins at or before the n-th cluster; NULL if there is none. */
static const struct rm_run *rm_run_before(const struct rm_stream *s, uint32_t n)
{
    unsigned i = s->known;
    while (i > 0 && s->runs[i - 1].at > n)
        i--;
    return i ? &s->runs[i - 1] : NULL;
}

/* The n-th cluster of the file, if it is known; 0 else. */
static uint32_t rm_cluster(const struct rm_stream *s, uint32_t n)
{
    const struct rm_run *run = rm_run_before(s, n);
    return run && n - run->at < run->count ? run->cluster + (n - run->at) : 0;
}

/* Keeps what was looked up: the n-th cluster of the file. Nothing is known of it yet. */
static void rm_keep(struct rm_stream *s, uint32_t n, uint32_t cluster)
{
    unsigned i = s->known;
    while (i > 0 && s->runs[i - 1].at > n)
        i--;
    if (i > 0)
    {
        struct rm_run *run = &s->runs[i - 1];
        if (run->at + run->count == n && run->cluster + run->count == cluster)
        {
            run->count++;
            return;
        }
    }
    if (s->known == RM_RUNS)
    {
        /* The one goes whose loss makes the shortest way; the first stays. */
        unsigned least = 1;
        uint32_t shortest = UINT32_MAX;
        for (unsigned k = 1; k < RM_RUNS; k++)
        {
            uint32_t end = k + 1 < RM_RUNS ? s->runs[k + 1].at : s->runs[k].at + s->runs[k].count;
            uint32_t way = end - (s->runs[k - 1].at + s->runs[k - 1].count);
            if (way < shortest)
            {
                shortest = way;
                least = k;
            }
        }
        memmove(&s->runs[least], &s->runs[least + 1], (RM_RUNS - least - 1) * sizeof(s->runs[0]));
        s->known--;
        i -= least < i;
    }
    memmove(&s->runs[i + 1], &s->runs[i], (s->known - i) * sizeof(s->runs[0]));
    s->runs[i] = (struct rm_run){ n, cluster, 1 };
    s->known++;
}

/* Looks for the n-th cluster from the nearest one that is known: 0, or the file system's error. */
static int rm_walk(struct rm_stream *s, uint32_t n)
{
    struct fat_filestr *at = &s->file.stream.fatstr;
    const struct rm_run *run = rm_run_before(s, n);
    uint32_t next = 0;

    if (run)
    {
        next = run->at + run->count;
        at->clusternum = next - 1;
        at->lastcluster = run->cluster + run->count - 1;
    }
    for (; next <= n; next++)
    {
        int rc = fat_seek(at, (unsigned long)next * s->per + 1);
        if (rc < 0)
            return rc;
        s->base = at->lastsector - at->sectornum - (sector_t)at->lastcluster * s->per;
        rm_keep(s, next, at->lastcluster);
    }
    return 0;
}

/* Makes `sector` the next one to be transferred: 0, or the file system's error. */
static int rm_place(struct rm_stream *s, unsigned long sector)
{
    struct fat_filestr *at = &s->file.stream.fatstr;

    if (!at->eof && fat_query_sectornum(at) == sector)
        return 0;
    if (sector == 0)
    {
        fat_rewind(at);
        return 0;
    }

    /* The sector before it is the last one transferred: of the same cluster where that one is known, else of the one
       before, behind which the file system looks for the next, or makes one. */
    uint32_t n = sector / s->per, inside = sector % s->per;
    uint32_t cluster = rm_cluster(s, n);
    if (!cluster && inside == 0)
    {
        n--;
        inside = s->per;
        cluster = rm_cluster(s, n);
    }
    if (!cluster)
    {
        int rc = rm_walk(s, n);
        if (rc < 0)
            return rc;
        cluster = at->lastcluster;
    }
    at->lastcluster = cluster;
    at->clusternum = n;
    at->sectornum = inside - 1ul;
    at->lastsector = s->base + (sector_t)cluster * s->per + inside - 1;
    at->eof = false;
    return 0;
}

/* ---- transfers ---------------------------------------------------------------------------------------------------- */

/* Whole sectors: how many, fewer only at the end of the chain or of the volume, or a negative error number. */
static long rm_sectors(struct rm_stream *s, unsigned long sector, unsigned long count, void *buffer, bool write)
{
    struct fat_filestr *at = &s->file.stream.fatstr;

    if (rm_place(s, sector) < 0)
        return -EIO;
    long rc = fat_readwrite(at, count, buffer, write);
    if (rc == FAT_RC_ENOSPC)
    {
        long put = (long)(fat_query_sectornum(at) - sector);
        return put > 0 ? put : -ENOSPC;
    }
    return rc < 0 ? -EIO : rc;
}

/* A part of one sector: how many bytes, or a negative error number. */
static long rm_part(struct rm_stream *s, unsigned size, uint64_t offset, uint8_t *buffer, unsigned bytes, bool write)
{
    unsigned long sector = offset / size;
    unsigned inside = offset % size;
    uint8_t *whole = dc_get_buffer();
    if (!whole)
        return -ENOMEM;

    bytes = MIN(bytes, size - inside);
    long rc = 1;
    if (write && (file_size_t)sector * size >= *s->file.sizep)
        memset(whole, 0, size);
    else
        rc = rm_sectors(s, sector, 1, whole, false);
    if (rc > 0 && write)
    {
        memcpy(whole + inside, buffer, bytes);
        rc = rm_sectors(s, sector, 1, whole, true);
    }
    else if (rc > 0)
        memcpy(buffer, whole + inside, bytes);
    dc_release_buffer(whole);
    return rc > 0 ? (long)bytes : rc;
}

/* Moves `bytes` bytes, which are the file's; the memory goes on for `room` bytes. How many, fewer where the chain or the
 * volume ends, or a negative error number. */
static long rm_move(struct rm_stream *s, uint64_t offset, uint8_t *buffer, uint32_t bytes, uint32_t room, bool write)
{
    unsigned size = fat_file_sector_size(IF_MV(s->file.stream.fatstr.fatfilep));
    uint32_t done = 0;

    while (done < bytes)
    {
        uint64_t at = offset + done;
        unsigned long count = (room - done) / size;
        long rc;
        if (at % size == 0 && count > 0)
        {
            rc = rm_sectors(s, at / size, MIN(count, (bytes - done + size - 1) / size), buffer + done, write);
            rc = rc > 0 ? rc * (long)size : rc;
        }
        else
            rc = rm_part(s, size, at, buffer + done, bytes - done, write);
        if (rc < 0 && (rc != -ENOSPC || done == 0))
            return rc;
        if (rc <= 0)
            break;
        done += MIN((uint32_t)rc, bytes - done);
    }
    return done;
}

/* ---- streams ------------------------------------------------------------------------------------------------------ */

/* Where the library uses a stream that its volume no longer has, this is what it is told. */
static bool rm_lives(const struct rm_stream *s)
{
    return s->file.stream.flags & FDO_BUSY;
}

static struct rm_stream *rm_begin(int32_t stream)
{
    struct rm_stream *s = &streams[stream];
    file_internal_lock_READER();
    if (rm_lives(s))
    {
        filestr_lock(&s->file.stream);
        return s;
    }
    file_internal_unlock_READER();
    return NULL;
}

static void rm_end(struct rm_stream *s)
{
    filestr_unlock(&s->file.stream);
    file_internal_unlock_READER();
}

static void rm_identify(const struct rm_stream *s, bool renew, uint64_t *identity)
{
    identity[0] = rm_volume(BASEINFO_VOL(s->file.stream.infop));
    identity[1] = rm_number(&s->file.stream, renew);
    identity[2] = *s->file.sizep;
    identity[3] = 0; /* nobody but us changes a mounted volume */
}

/* One more stream of the file that an open descriptor is of; for a file that has none, only where more than `kept` are free.
 * With the file system's lock as writer. */
static int32_t rm_stream_of(const struct filestr_desc *file, int kept, uint64_t *identity)
{
    const struct rm_beside *beside = rm_beside(&file->stream);
    bool first = beside->streams == 0;
    if (fileobj_get_flags(&file->stream) & FO_DIRECTORY)
        return -EISDIR;
    if (rm_is_leaving(BASEINFO_VOL(file->stream.infop)))
        return -ENXIO;

    int32_t n = -1;
    for (int32_t i = RM_STREAMS - 1; i >= 0; i--)
    {
        if (!streams[i].file.stream.flags)
        {
            n = i;
            kept--;
        }
    }
    if (n < 0 || beside->past || (first && kept >= 0))
        return -EMFILE;

    struct rm_stream *s = &streams[n];
    rm_join(&s->file.stream, &file->stream);
    s->file.sizep = fileobj_get_sizep(&s->file.stream);
    s->file.offset = 0;
    s->per = fat_get_cluster_size(IF_MV(BASEINFO_VOL(s->file.stream.infop))) /
             fat_file_sector_size(IF_MV(s->file.stream.fatstr.fatfilep));
    s->known = 0;
    rm_identify(s, first, identity);
    return n;
}

/* After -EMFILE for a descriptor: whether its file's bytes go past the library from now on. They do unless it has a stream of
 * the file; what it remembers of it is forgotten, for nobody tells it what is written now. */
static bool rm_goes_past(int fildes)
{
    bool past = false;
    file_internal_lock_WRITER();
    const struct filestr_base *stream = &open_streams[fildes].stream;
    struct rm_beside *beside = stream->flags ? rm_beside(stream) : NULL;
    if (beside && beside->streams == 0)
    {
        if (!beside->past)
            rm_tree_removed(rm_volume(BASEINFO_VOL(stream->infop)), rm_number(stream, false));
        beside->past = past = true;
    }
    file_internal_unlock_WRITER();
    return past;
}

int32_t rmport_claim(int32_t fd, uint32_t *mode, uint64_t *identity)
{
    int32_t stream = -EBADF;
    file_internal_lock_WRITER();
    int before = errno;
    const struct filestr_desc *file = get_filestr(fd);
    if (!file)
        stream = -errno;
    else if (!(closing & (1u << fd)))
    {
        *mode = !(file->stream.flags & FD_WRITE) ? 1 : (file->stream.flags & FD_WRONLY) ? 2 : 3;
        *mode |= rm_is_nameless(&file->stream) ? 4 : 0;
        stream = rm_stream_of(file, RM_KEPT_FOR_OPEN + RM_KEPT_FOR_NAMES, identity);
    }
    errno = before;
    file_internal_unlock_WRITER();
    return stream;
}

int32_t rmport_open(const char *path, uint32_t how, uint64_t *identity)
{
    int32_t stream;
    file_internal_lock_WRITER();
    int before = errno;
    /* Nothing is written through the descriptor: closing it leaves date and length alone. */
    int fd = rm_below_open(path, O_RDONLY | (how & 2 ? O_CREAT : 0) | (how & 4 ? O_EXCL : 0));
    if (fd >= 0)
    {
        stream = rm_stream_of(&open_streams[fd], RM_KEPT_FOR_OPEN, identity);
        rm_below_close(fd);
    }
    else
        stream = errno ? -errno : -EIO;
    errno = before;
    file_internal_unlock_WRITER();
    return stream;
}

int32_t rmport_close(int32_t stream)
{
    struct rm_stream *s = &streams[stream];
    file_internal_lock_WRITER();
    struct rm_beside *beside = rm_beside(&s->file.stream);
    if (beside)
        beside->streams--;
    /* The last one of a file without a name removes its data. */
    int rc = close_stream_internal(&s->file.stream);
    file_internal_unlock_WRITER();
    return rc < 0 ? -EIO : 0;
}

int32_t rmport_read_at(int32_t stream, uint64_t offset, uint8_t *buffer, uint32_t bytes)
{
    struct rm_stream *s = rm_begin(stream);
    if (!s)
        return -ENXIO;
    file_size_t size = *s->file.sizep;
    uint32_t inside = offset < size ? MIN(bytes, size - (file_size_t)offset) : 0;
    long got = rm_move(s, offset, buffer, inside, bytes, false);
    rm_end(s);
    return got;
}

/* The buffer goes on to the end of the 512 bytes in which the bytes end. */
int32_t rmport_write_at(int32_t stream, uint64_t offset, const uint8_t *buffer, uint32_t bytes)
{
    struct rm_stream *s = rm_begin(stream);
    if (!s)
        return -ENXIO;
    rm_beside(&s->file.stream)->clean = false;
    long put = rm_move(s, offset, (uint8_t *)buffer, bytes, (bytes + 511) & ~511u, true);
    if (put > 0 && offset + put > *s->file.sizep)
        *s->file.sizep = offset + put;
    rm_end(s);
    return put;
}

int32_t rmport_truncate(int32_t stream, uint64_t size)
{
    struct rm_stream *s = rm_begin(stream);
    if (!s)
        return -ENXIO;

    int rc = 0;
    file_size_t now = *s->file.sizep;
    if (size < now)
    {
        rm_beside(&s->file.stream)->clean = false;
        /* As O_TRUNC has it: a small file that is emptied keeps its clusters until it is synced with a new length. */
        bool at_once = size > 0 || now >= O_TRUNC_THRESH;
        if (!at_once)
            fileobj_change_flags(&s->file.stream, FO_TRUNC, FO_TRUNC);
        rc = ftruncate_internal(&s->file, size, at_once);
        for (int n = 0; n < RM_STREAMS; n++)
        {
            if (rm_lives(&streams[n]) && streams[n].file.stream.bindp == s->file.stream.bindp)
                streams[n].known = 0;
        }
    }
    rm_end(s);
    return rc < 0 ? -EIO : 0;
}

int32_t rmport_sync(int32_t stream, uint64_t *identity)
{
    struct rm_stream *s = &streams[stream];
    int32_t answer = -ENXIO;
    file_internal_lock_WRITER();
    int before = errno;
    if (rm_lives(s))
    {
        int rc = fsync_internal(&s->file);
        answer = rc >= 0 ? 0 : errno ? -errno : -EIO;
        if (rc >= 0)
        {
            rm_beside(&s->file.stream)->clean = true;
            rm_identify(s, true, identity);
        }
        if (*s->file.sizep == 0)
            s->known = 0; /* its cluster is free now */
    }
    errno = before;
    file_internal_unlock_WRITER();
    return answer;
}

uint32_t rmport_space(int32_t stream, uint64_t *free)
{
    uint32_t cluster = 0;
    *free = UINT64_MAX;
    struct rm_stream *s = rm_begin(stream);
    if (s)
    {
        sector_t kilobytes = 0;
        IF_MV(int volume = BASEINFO_VOL(s->file.stream.infop);)
        cluster = fat_get_cluster_size(IF_MV(volume));
        if (fat_size(IF_MV(volume,) NULL, &kilobytes))
            *free = (uint64_t)kilobytes << 10;
        rm_end(s);
    }
    return cluster;
}

#endif /* RM_STREAM_H */
