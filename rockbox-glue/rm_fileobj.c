/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The tree's fileobj_mgr.c, wrapped. Every opening, removing and unmounting passes it, whoever asks for it: so this is
 * where files get their identity and lose it.
 *
 *     fileobj_fileop_open      a binding that is new has no number yet
 *     fileobj_fileop_remove    the library forgets a file whose name is gone
 *     fileobj_mgr_unmount      the next mounting is another volume
 */
#include "config.h"
#include "system.h"
#include <errno.h>
#include <string.h>
#include "debug.h"
#include "file.h"
#include "dir.h"
#include "disk_cache.h"
#include "fileobj_mgr.h"
#include "rb_namespace.h"
#include "rm_below.h"
#include "rockmem/tree.h"

/* A file that only the library has open needs a binding as well. */
enum { RM_AUX_FILEOBJS = AUX_FILEOBJS + RM_STREAMS };
#undef AUX_FILEOBJS
#define AUX_FILEOBJS RM_AUX_FILEOBJS

static void rm_below_open(struct filestr_base *stream, const struct file_base_info *srcinfop, unsigned int callflags);
static void rm_below_create(struct filestr_base *stream, const struct file_base_info *srcinfop, unsigned int callflags);
static void rm_below_remove(struct filestr_base *stream, const struct file_base_info *oldinfop);
static void rm_below_unmount(IF_MV_NONVOID(int volume));
static void rm_below_init(void);

#define fileobj_fileop_open rm_below_open
#define fileobj_fileop_create rm_below_create
#define fileobj_fileop_remove rm_below_remove
#define fileobj_mgr_unmount rm_below_unmount
#define fileobj_mgr_init rm_below_init

#include "../common/fileobj_mgr.c"

#undef fileobj_fileop_open
#undef fileobj_fileop_create
#undef fileobj_fileop_remove
#undef fileobj_mgr_unmount
#undef fileobj_mgr_init

/* Numbers of files that have no cluster; cluster numbers have 28 bits. */
#define RM_NO_CLUSTER 0x80000000u

static struct rm_beside beside[MAX_FILEOBJS];
static uint32_t serial;
static uint32_t mounting[NUM_VOLUMES];
static bool leaving[NUM_VOLUMES];

static struct fileobj_binding *rm_binding(const struct filestr_base *stream)
{
    return (struct fileobj_binding *)stream->bindp;
}

struct rm_beside *rm_beside(const struct filestr_base *stream)
{
    return stream->bindp ? &beside[rm_binding(stream) - fobindings] : NULL;
}

void rm_join(struct filestr_base *stream, const struct filestr_base *of)
{
    struct fileobj_binding *fobp = rm_binding(of);

    filestr_base_init(stream);
    fat_filestr_init(&stream->fatstr, &fobp->bind.info.fatfile);
    stream->flags = FDO_BUSY; /* no writer: bytes never wait in the file's sector buffer */
    stream->infop = &fobp->bind.info;
    stream->bindp = &fobp->bind;
    stream->mtx = of->mtx;
    ll_insert_last(&fobp->list, &stream->node);
    fobp->flags &= ~FO_SINGLE;
    if (fobp->writers)
        filestr_assign_cache(stream, &fobp->cache);
    beside[fobp - fobindings].streams++;
}

/* Whether another open file of the volume goes by this number: one that was renamed or emptied, and is to keep it. */
static bool rm_taken(const struct fileobj_binding *self, uint32_t number)
{
    FOR_EACH_BINDING(self->bind.info.fatfile.volume, fobp)
    {
        if (fobp != self && beside[fobp - fobindings].number == number)
            return true;
    }
    return false;
}

uint32_t rm_number(const struct filestr_base *stream, bool renew)
{
    const struct fileobj_binding *fobp = rm_binding(stream);
    uint32_t *number = &beside[fobp - fobindings].number;
    uint32_t cluster = fobp->bind.info.fatfile.firstcluster;

    if (*number && (!renew || *number == cluster || (fobp->flags & FO_REMOVED)))
        return *number;
    if (cluster && !(fobp->flags & FO_REMOVED) && !rm_taken(fobp, cluster))
        *number = cluster;
    else if (!(*number & RM_NO_CLUSTER))
        *number = RM_NO_CLUSTER | ++serial;
    return *number;
}

bool rm_is_nameless(const struct filestr_base *stream)
{
    return stream->bindp && (rm_binding(stream)->flags & FO_REMOVED);
}

uint64_t rm_volume(int volume)
{
    return (uint64_t)mounting[volume] << 8 | (uint64_t)(volume + 1);
}

void rm_leaving(int volume, bool is)
{
    leaving[volume] = is;
}

bool rm_is_leaving(int volume)
{
    return leaving[volume];
}

/* A binding that only just got its first stream is another file's than before. */
static void rm_opened(const struct filestr_base *stream)
{
    if (rm_binding(stream)->flags & FO_SINGLE)
        memset(rm_beside(stream), 0, sizeof(struct rm_beside));
}

void fileobj_fileop_open(struct filestr_base *stream, const struct file_base_info *srcinfop, unsigned int callflags)
{
    rm_below_open(stream, srcinfop, callflags);
    rm_opened(stream);
}

void fileobj_fileop_create(struct filestr_base *stream, const struct file_base_info *srcinfop, unsigned int callflags)
{
    rm_below_create(stream, srcinfop, callflags);
    rm_opened(stream);
}

void fileobj_fileop_remove(struct filestr_base *stream, const struct file_base_info *oldinfop)
{
    rm_below_remove(stream, oldinfop);
    if (rm_binding(stream)->flags & FO_DIRECTORY)
        return;

    uint32_t number = rm_beside(stream)->number;
    if (!number)
        number = stream->infop->fatfile.firstcluster;
    if (number)
        rm_tree_removed(rm_volume(BASEINFO_VOL(stream->infop)), number);
}

void fileobj_mgr_unmount(IF_MV_NONVOID(int volume))
{
    rm_below_unmount(IF_MV(volume));
    FOR_EACH_VOLUME(volume, v)
    {
        mounting[v]++;
    }
}

void fileobj_mgr_init(void)
{
    rm_below_init();
    rm_kernel_init();
}
