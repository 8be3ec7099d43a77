/* What the files of the small player know of each other, by the names that a tree has for it. */
#ifndef FILES_H
#define FILES_H

#include "player.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHECK(what)                                                                                                   \
    do                                                                                                                \
    {                                                                                                                 \
        if (!(what))                                                                                                  \
        {                                                                                                             \
            fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #what);                                                \
            abort();                                                                                                  \
        }                                                                                                             \
    } while (0)

/* fs_defines.h, mv.h: how much of everything; a model with one volume has no number of it anywhere */
#define MAX_OPEN_FILES 31
#define MAX_OPEN_HANDLES (MAX_OPEN_FILES + 4)
#define AUX_FILEOBJS 3
#define FILE_SIZE_MAX 0x7fffffffu
#define O_TRUNC_THRESH 65536
#ifndef SECTOR_SIZE
#define SECTOR_SIZE 512
#endif
#ifdef ONE_VOLUME
#define NUM_VOLUMES 1
#define IF_MV(...)
#define IF_MV_VOL(volume) 0
#define IF_MV_NONVOID(...) void
#else
#define NUM_VOLUMES 2
#define HAVE_MULTIVOLUME
#define IF_MV(...) __VA_ARGS__
#define IF_MV_VOL(volume) (volume)
#define IF_MV_NONVOID(...) __VA_ARGS__
#endif
#define FOR_EACH_VOLUME(volume, n)                                                                                    \
    for (int n = 0; n < NUM_VOLUMES; n++)                                                                             \
        if (IF_MV_VOL(volume) == n || IF_MV_VOL(volume) < 0)
typedef uint32_t file_size_t;
typedef unsigned long sector_t;

/* linked_list.h */
struct ll_node
{
    struct ll_node *next;
};
struct ll_head
{
    struct ll_node *head;
};
void ll_insert_last(struct ll_head *list, struct ll_node *node);
void ll_remove(struct ll_head *list, struct ll_node *node);

/* fat.h: a file of a volume, and what was transferred last of it: a sector of a cluster; before the first, none */
#define FAT_RC_ENOSPC (-10)
struct fat_file
{
#ifdef HAVE_MULTIVOLUME
    int volume;
#endif
    long firstcluster; /* 0: empty */
    int entry;
};
struct fat_filestr
{
    struct fat_file *fatfilep;
    long lastcluster;
    sector_t lastsector; /* of the volume; 0: none yet */
    long clusternum;     /* of the file */
    unsigned long sectornum;
    bool eof;
};
#define fat_file_sector_size(file) SECTOR_SIZE
void fat_filestr_init(struct fat_filestr *at, struct fat_file *file);
void fat_rewind(struct fat_filestr *at);
sector_t fat_query_sectornum(const struct fat_filestr *at);
int fat_seek(struct fat_filestr *at, unsigned long sector);
void fat_seek_to_stream(struct fat_filestr *at, const struct fat_filestr *other);
long fat_readwrite(struct fat_filestr *at, unsigned long count, void *buffer, bool write);
int fat_truncate(const struct fat_filestr *at);
int fat_closewrite(struct fat_filestr *at, uint32_t size);
unsigned fat_get_cluster_size(IF_MV_NONVOID(int volume));
bool fat_size(IF_MV(int volume, ) sector_t *kilobytes, sector_t *free);

/* disk_cache.h */
void *dc_get_buffer(void);
void dc_release_buffer(void *buffer);

/* file_internal.h: streams of open files, and the lock of everything */
enum
{
    FDO_BUSY = 0x1,
    FD_WRITE = 0x4,
    FD_WRONLY = 0x8,
    FD_APPEND = 0x10,
    FO_DIRECTORY = 0x20,
    FO_TRUNC = 0x40,
    FO_REMOVED = 0x80,
    FO_SINGLE = 0x100,
    FD_NONEXIST = 0x8000
};
struct file_base_info
{
    union
    {
#ifdef HAVE_MULTIVOLUME
        int volume;
#endif
        struct fat_file fatfile;
    };
};
#define BASEINFO_VOL(infop) IF_MV_VOL((infop)->volume)
struct file_base_binding
{
    struct ll_node node;
    struct file_base_info info;
};
struct filestr_cache
{
    int users;
};
struct filestr_base
{
    struct ll_node node;
    uint32_t flags;
    struct filestr_cache *cachep; /* none keeps a sector here, but which one a stream has is counted */
    struct file_base_info *infop;
    struct fat_filestr fatstr;
    struct file_base_binding *bindp;
    struct mutex *mtx;
};
void filestr_base_init(struct filestr_base *stream);
void filestr_assign_cache(struct filestr_base *stream, struct filestr_cache *cache);
int close_stream_internal(struct filestr_base *stream);
int open_noiso_internal(const char *path, int oflag);
void force_close_writer_internal(struct filestr_base *stream);
void file_internal_lock_READER(void);
void file_internal_unlock_READER(void);
void file_internal_lock_WRITER(void);
void file_internal_unlock_WRITER(void);
#define filestr_lock(stream) mutex_lock((stream)->mtx)
#define filestr_unlock(stream) mutex_unlock((stream)->mtx)

/* fileobj_mgr.h: one binding for all streams of a file */
void fileobj_fileop_open(struct filestr_base *stream, const struct file_base_info *info, unsigned flags);
void fileobj_fileop_create(struct filestr_base *stream, const struct file_base_info *info, unsigned flags);
void fileobj_fileop_remove(struct filestr_base *stream, const struct file_base_info *old);
void fileobj_fileop_close(struct filestr_base *stream);
file_size_t *fileobj_get_sizep(const struct filestr_base *stream);
unsigned fileobj_get_flags(const struct filestr_base *stream);
struct filestr_base *fileobj_get_next_stream(const struct filestr_base *stream, const struct filestr_base *last);
void fileobj_change_flags(struct filestr_base *stream, unsigned flags, unsigned mask);
void fileobj_mgr_unmount(IF_MV_NONVOID(int volume));
void fileobj_mgr_init(void);

/* file.h; what is not wrapped has a name of its own here */
enum
{
    O_RDONLY,
    O_WRONLY,
    O_RDWR,
    O_ACCMODE,
    O_CREAT,
    O_APPEND = 8,
    O_EXCL = 16,
    O_TRUNC = 32
};
int open(const char *path, int oflag);
int creat(const char *path);
int close(int fildes);
int ftruncate(int fildes, off_t length);
int fsync(int fildes);
off_t lseek(int fildes, off_t offset, int whence);
ssize_t read(int fildes, void *buf, size_t nbyte);
ssize_t write(int fildes, const void *buf, size_t nbyte);
off_t filesize(int fildes);
int small_remove(const char *path);
int small_rename(const char *path, const char *newpath);

/* disk.h, storage.h: every drive has one volume, of the same number */
int disk_mount_all(void);
int disk_unmount(int drive);
int disk_unmount_all(void);
bool storage_present(int drive);

/* the volumes themselves, for those who look at them */
#define SECTORS 4 /* of a cluster */
#define CLUSTERS 1500
extern bool present[NUM_VOLUMES];
extern unsigned long reads, writes, lookups; /* commands to storage, and steps along chains */
extern bool command_fails, length_fails;     /* the next that moves sectors, or brings a length to its entry; only that one */
void format(int volume);
void mount(int volume, bool mounted);
int name_find(int volume, const char *name);
int name_make(int volume, const char *name, struct file_base_info *info, file_size_t *size);
void name_drop(int volume, int entry);
int name_change(int volume, int entry, const char *name);
void chain_free(int volume, long cluster);
void free_file(const struct file_base_info *info);
/* Every chain ends, none meets another, none is lost, and each has the clusters of its length. How many files there are. */
int volume_check(int volume);

#endif
