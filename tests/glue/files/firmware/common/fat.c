/* Stands where a tree has its FAT code: volumes in memory, whose files are chains of clusters in many pieces. */
#include "files.h"

#define NAMES 64
#define END (-1)

static struct volume
{
    bool mounted;
    long next[CLUSTERS]; /* 0: free */
    long hand;
    struct
    {
        char name[16];
        long first;
        file_size_t size;
    } names[NAMES];
    uint8_t data[CLUSTERS][SECTORS * SECTOR_SIZE];
} volumes[NUM_VOLUMES];

bool present[NUM_VOLUMES];
unsigned long reads, writes, lookups;
bool command_fails, length_fails;

static struct volume *volume_of(const struct fat_file *file)
{
    (void)file;
    struct volume *v = &volumes[IF_MV_VOL(file->volume)];
    return v->mounted ? v : NULL;
}

void format(int volume)
{
    memset(&volumes[volume], 0, sizeof volumes[volume]);
    volumes[volume].next[0] = volumes[volume].next[1] = END; /* no file has these */
}

void mount(int volume, bool mounted)
{
    volumes[volume].mounted = mounted;
}

/* ---- names ---- */

int name_find(int volume, const char *name)
{
    for (int n = 0; volumes[volume].mounted && n < NAMES; n++)
        if (strcmp(volumes[volume].names[n].name, name) == 0)
            return n;
    return -1;
}

/* Makes it if it is not there. */
int name_make(int volume, const char *name, struct file_base_info *info, file_size_t *size)
{
    int n = name_find(volume, name);
    if (n < 0 && (n = name_find(volume, "")) >= 0)
    {
        memset(&volumes[volume].names[n], 0, sizeof volumes[volume].names[n]);
        strcpy(volumes[volume].names[n].name, name);
    }
    if (n < 0)
        return -1;
    *info = (struct file_base_info){ .fatfile = { IF_MV(volume, ) volumes[volume].names[n].first, n } };
    *size = volumes[volume].names[n].size;
    return n;
}

void name_drop(int volume, int entry)
{
    volumes[volume].names[entry].name[0] = 0;
}

/* A file with a new name has another entry. */
int name_change(int volume, int entry, const char *name)
{
    int n = name_find(volume, "");
    CHECK(n >= 0);
    volumes[volume].names[n] = volumes[volume].names[entry];
    strcpy(volumes[volume].names[n].name, name);
    name_drop(volume, entry);
    return n;
}

/* ---- chains ---- */

/* It is taken next. */
static void release(struct volume *v, long cluster)
{
    v->next[cluster] = 0;
    v->hand = cluster + CLUSTERS - 35;
}

void chain_free(int volume, long cluster)
{
    while (cluster > 0)
    {
        long next = volumes[volume].next[cluster];
        CHECK(next != 0);
        release(&volumes[volume], cluster);
        cluster = next;
    }
}

/* Pieces of five clusters, away from the last. 0: the volume is full. */
static long chain_grow(struct volume *v, long last)
{
    long cluster = last && last % 5 != 4 && last + 1 < CLUSTERS && !v->next[last + 1] ? last + 1 : 0;
    for (int n = 0; !cluster && n < CLUSTERS; n++)
    {
        v->hand = (v->hand + 35) % CLUSTERS;
        for (long c = v->hand; !cluster && c < v->hand + 35 && c < CLUSTERS; c++)
            cluster = v->next[c] ? 0 : c;
    }
    if (cluster)
    {
        v->next[cluster] = END;
        if (last)
            v->next[last] = cluster;
    }
    return cluster;
}

static long after(struct volume *v, long cluster)
{
    lookups++;
    CHECK(cluster > 1 && cluster < CLUSTERS && v->next[cluster]);
    return v->next[cluster] == END ? 0 : v->next[cluster];
}

static sector_t sector_of(long cluster)
{
    return 1000 + (sector_t)cluster * SECTORS;
}

void fat_filestr_init(struct fat_filestr *at, struct fat_file *file)
{
    at->fatfilep = file;
    fat_rewind(at);
}

void fat_rewind(struct fat_filestr *at)
{
    *at = (struct fat_filestr){ at->fatfilep, at->fatfilep->firstcluster, 0, 0, -1ul, false };
}

sector_t fat_query_sectornum(const struct fat_filestr *at)
{
    return (sector_t)at->clusternum * SECTORS + at->sectornum + 1;
}

int fat_seek(struct fat_filestr *at, unsigned long sector)
{
    struct volume *v = volume_of(at->fatfilep);
    struct fat_filestr to = *at;
    fat_rewind(&to);
    if (!v || (sector > 0 && !to.lastcluster))
        return -20;
    if (sector > 0)
    {
        long n = (sector - 1) / SECTORS;
        if (at->clusternum > 0 && at->clusternum <= n)
        {
            to.clusternum = at->clusternum;
            to.lastcluster = at->lastcluster;
        }
        for (; to.clusternum < n; to.clusternum++)
            if (!(to.lastcluster = after(v, to.lastcluster)))
                return -20;
        to.sectornum = (sector - 1) % SECTORS;
        to.lastsector = sector_of(to.lastcluster) + to.sectornum;
    }
    *at = to;
    return 0;
}

void fat_seek_to_stream(struct fat_filestr *at, const struct fat_filestr *other)
{
    struct fat_file *file = at->fatfilep;
    *at = *other;
    at->fatfilep = file;
}

static bool once(bool *fault)
{
    bool was = *fault;
    *fault = false;
    return was;
}

/* One command for what lies together. While storage is at work others run. */
long fat_readwrite(struct fat_filestr *at, unsigned long count, void *buffer, bool write)
{
    struct volume *v = volume_of(at->fatfilep);
    struct fat_filestr to = *at;
    unsigned long done = 0;
    if (!v || !present[v - volumes])
        return -1;
    if (to.eof && !write)
        return 0;
    if (once(&command_fails))
        return -1;
    for (to.eof = false; done < count; done++)
    {
        if (to.lastsector == 0 || to.sectornum + 1 == SECTORS)
        {
            long next = to.lastsector ? after(v, to.lastcluster) : to.fatfilep->firstcluster;
            if (!next && write)
                next = chain_grow(v, to.lastsector ? to.lastcluster : 0);
            if ((to.eof = !next))
                break;
            to.clusternum += to.lastsector != 0;
            if (to.lastsector == 0)
                to.fatfilep->firstcluster = next;
            to.lastcluster = next;
            to.sectornum = -1ul;
        }
        to.sectornum++;
        sector_t sector = sector_of(to.lastcluster) + to.sectornum;
        if (done == 0 || sector != to.lastsector + 1)
            write ? writes++ : reads++;
        to.lastsector = sector;
        uint8_t *here = v->data[to.lastcluster] + to.sectornum * SECTOR_SIZE, *there = (uint8_t *)buffer + done * SECTOR_SIZE;
        memcpy(write ? here : there, write ? there : here, SECTOR_SIZE);
    }
    *at = to;
    yield();
    return to.eof && write ? FAT_RC_ENOSPC : (long)done;
}

/* Frees what is behind the last cluster transferred. */
int fat_truncate(const struct fat_filestr *at)
{
    struct volume *v = volume_of(at->fatfilep);
    if (!v)
        return -1;
    if (at->lastcluster)
    {
        long next = after(v, at->lastcluster);
        v->next[at->lastcluster] = END;
        chain_free(v - volumes, next);
    }
    return 1;
}

/* Length and first cluster go to the file's entry; an empty file gives its cluster back. */
int fat_closewrite(struct fat_filestr *at, uint32_t size)
{
    struct fat_file *file = at->fatfilep;
    struct volume *v = volume_of(file);
    if (!v || !present[v - volumes] || once(&length_fails))
        return -1;
    if (size == 0 && file->firstcluster)
    {
        release(v, file->firstcluster);
        file->firstcluster = 0;
        fat_rewind(at);
    }
    if (file->entry >= 0)
    {
        v->names[file->entry].first = file->firstcluster;
        v->names[file->entry].size = size;
    }
    writes++;
    return 0;
}

unsigned fat_get_cluster_size(IF_MV_NONVOID(int volume))
{
    IF_MV((void)volume;)
    return SECTORS * SECTOR_SIZE;
}

bool fat_size(IF_MV(int volume, ) sector_t *kilobytes, sector_t *free)
{
    if (kilobytes)
        *kilobytes = CLUSTERS * SECTORS / 2;
    *free = 0;
    for (int n = 0; n < CLUSTERS; n++)
        *free += volumes[IF_MV_VOL(volume)].next[n] ? 0 : SECTORS * SECTOR_SIZE / 1024;
    return true;
}

int volume_check(int volume)
{
    struct volume *v = &volumes[volume];
    static bool seen[CLUSTERS];
    int files = 0, used = 2;
    memset(seen, 0, sizeof seen);
    for (int n = 0; n < NAMES; n++)
    {
        if (!v->names[n].name[0])
            continue;
        long length = 0;
        for (long c = v->names[n].first; c > 0; c = v->next[c], length++)
        {
            CHECK(v->next[c] && !seen[c]);
            seen[c] = true;
        }
        CHECK(length == ((long)v->names[n].size + SECTORS * SECTOR_SIZE - 1) / (SECTORS * SECTOR_SIZE));
        used += length;
        files++;
    }
    for (int n = 0; n < CLUSTERS; n++)
        used -= v->next[n] != 0;
    CHECK(used == 0);
    return files;
}

/* ---- buffers of the disk cache ---- */

static uint8_t buffers[4][SECTOR_SIZE];
static bool taken[4];

void *dc_get_buffer(void)
{
    for (int n = 0; n < 4; n++)
        if (!taken[n])
        {
            taken[n] = true;
            return buffers[n];
        }
    return NULL;
}

void dc_release_buffer(void *buffer)
{
    long n = (uint8_t(*)[SECTOR_SIZE])buffer - buffers;
    CHECK(n >= 0 && n < 4 && taken[n]);
    taken[n] = false;
}
