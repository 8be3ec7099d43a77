/* Stands where a tree has its fileobj_mgr.c: what the streams of one file have in common. */
#include "files.h"

#define MAX_FILEOBJS (MAX_OPEN_HANDLES + AUX_FILEOBJS)

static struct fileobj_binding
{
    struct file_base_binding bind; /* what others point to: begins where the whole begins */
    uint16_t flags;
    uint16_t writers;
    struct filestr_cache cache;
    file_size_t size;
    struct ll_head list;
} fobindings[MAX_FILEOBJS];
static struct mutex stream_mutexes[MAX_FILEOBJS];

static struct fileobj_binding *busy(int n, int volume)
{
    (void)volume;
    for (; n < MAX_FILEOBJS; n++)
        if ((fobindings[n].flags & FDO_BUSY) && BASEINFO_VOL(&fobindings[n].bind.info) == volume)
            return &fobindings[n];
    return NULL;
}

#define FOR_EACH_BINDING(volume, fobp)                                                                                \
    for (struct fileobj_binding *fobp = busy(0, IF_MV_VOL(volume)); fobp;                                             \
         fobp = busy(fobp - fobindings + 1, IF_MV_VOL(volume)))

void ll_insert_last(struct ll_head *list, struct ll_node *node)
{
    struct ll_node **end = &list->head;
    while (*end)
        end = &(*end)->next;
    *end = node;
    node->next = NULL;
}

void ll_remove(struct ll_head *list, struct ll_node *node)
{
    struct ll_node **at = &list->head;
    while (*at != node)
        at = &(*at)->next;
    *at = node->next;
}

void filestr_base_init(struct filestr_base *stream)
{
    memset(stream, 0, sizeof *stream);
}

void filestr_assign_cache(struct filestr_base *stream, struct filestr_cache *cache)
{
    if (stream->cachep)
        stream->cachep->users--;
    stream->cachep = cache;
    if (cache)
        cache->users++;
}

static struct fileobj_binding *of(const struct filestr_base *stream)
{
    return (struct fileobj_binding *)stream->bindp;
}

void fileobj_fileop_open(struct filestr_base *stream, const struct file_base_info *info, unsigned flags)
{
    struct fileobj_binding *found = NULL;
    FOR_EACH_BINDING(info->fatfile.volume, fobp)
    {
        if (!(fobp->flags & FO_REMOVED) && fobp->bind.info.fatfile.entry == info->fatfile.entry)
            found = fobp;
    }
    if (!found)
    {
        for (found = fobindings; found->flags; found++)
            CHECK(found < fobindings + MAX_FILEOBJS - 1);
        memset(found, 0, sizeof *found);
        found->bind.info = *info;
        found->flags = FDO_BUSY | FO_SINGLE | (flags & FO_DIRECTORY);
    }
    else
        found->flags &= ~FO_SINGLE;
    found->flags |= flags & FO_TRUNC;
    stream->flags = FDO_BUSY | (flags & (FD_WRITE | FD_WRONLY | FD_APPEND));
    stream->infop = &found->bind.info;
    stream->fatstr.fatfilep = &found->bind.info.fatfile;
    stream->bindp = &found->bind;
    stream->mtx = &stream_mutexes[found - fobindings];
    ll_insert_last(&found->list, &stream->node);
    /* Where there is a writer, all share a cache. */
    if (stream->flags & FD_WRITE)
        found->writers++;
    for (struct filestr_base *s = NULL; found->writers && (s = fileobj_get_next_stream(stream, s));)
        filestr_assign_cache(s, &found->cache);
}

void fileobj_fileop_create(struct filestr_base *stream, const struct file_base_info *info, unsigned flags)
{
    fileobj_fileop_open(stream, info, flags);
}

void fileobj_fileop_remove(struct filestr_base *stream, const struct file_base_info *old)
{
    (void)old;
    of(stream)->flags |= FO_REMOVED;
}

void fileobj_fileop_close(struct filestr_base *stream)
{
    struct fileobj_binding *fobp = of(stream);
    if (stream->flags & FDO_BUSY)
    {
        CHECK(!stream->mtx->held && (fobp->writers == 0 || stream->cachep == &fobp->cache));
        filestr_assign_cache(stream, NULL);
        ll_remove(&fobp->list, &stream->node);
        fobp->writers -= stream->flags & FD_WRITE ? 1 : 0;
        if (fobp->writers == 0)
            for (struct filestr_base *s = NULL; (s = fileobj_get_next_stream(stream, s));)
                filestr_assign_cache(s, NULL);
        if (!fobp->list.head)
            fobp->flags = 0;
        else if (!fobp->list.head->next)
            fobp->flags |= FO_SINGLE;
    }
    filestr_base_init(stream);
}

file_size_t *fileobj_get_sizep(const struct filestr_base *stream)
{
    return stream->bindp ? &of(stream)->size : NULL;
}

unsigned fileobj_get_flags(const struct filestr_base *stream)
{
    return stream->bindp ? of(stream)->flags : 0;
}

struct filestr_base *fileobj_get_next_stream(const struct filestr_base *stream, const struct filestr_base *last)
{
    return (struct filestr_base *)(last ? last->node.next : of(stream)->list.head);
}

void fileobj_change_flags(struct filestr_base *stream, unsigned flags, unsigned mask)
{
    CHECK(mask == FO_TRUNC);
    of(stream)->flags = (of(stream)->flags & ~mask) | (flags & mask);
}

/* Every stream of the volume ends: a writer's file as if it were closed. */
void fileobj_mgr_unmount(IF_MV_NONVOID(int volume))
{
    FOR_EACH_VOLUME(volume, v)
    {
        for (struct fileobj_binding *fobp; (fobp = busy(0, v));)
            for (struct filestr_base *s; (fobp->flags & FDO_BUSY) && (s = (void *)fobp->list.head);)
            {
                if (s->flags & FD_WRITE)
                    force_close_writer_internal(s);
                else
                    fileobj_fileop_close(s);
                s->flags = FD_NONEXIST;
            }
    }
}

void fileobj_mgr_init(void)
{
    for (int n = 0; n < MAX_FILEOBJS; n++)
        mutex_init(&stream_mutexes[n]);
}
