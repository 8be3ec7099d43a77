/* What the user sees: one line while a track plays, one table at the end. */
#include "player.h"

#include <rockmem/stats.h>

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

/* On a terminal the line is written over itself, ten times a second; elsewhere a new line at every quarter. */
static void show(double part, bool last, const char *format, ...) __attribute__((format(printf, 3, 4)));
static void show(double part, bool last, const char *format, ...)
{
    static double shown_at;
    static int quarter = -1;
    static int terminal = -1;
    if (terminal < 0)
        terminal = isatty(STDOUT_FILENO);
    double now = seconds_now();
    int reached = (int)(part * 4);
    if (!last && (terminal ? now - shown_at < 0.1 : (reached == quarter || reached > 3)))
        return;
    shown_at = now;
    quarter = last ? -1 : reached;
    va_list ap;
    va_start(ap, format);
    vprintf(format, ap);
    va_end(ap);
    fputs(!terminal ? "\n" : last ? "\033[K\n" : "\033[K\r", stdout);
    fflush(stdout);
}

static const char *file_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

void progress(const struct track *track, bool last)
{
    struct hog_result hog = hog_now();
    double rate = track->info.samplerate ? track->info.samplerate : 1, done = (double)track->frames / rate;
    double all = (double)track->info.frames / rate;
    show(all > 0 ? done / all : 0, last, "%-24.40s %3d:%02d / %d:%02d   ahead %.1f s   requests met %" PRIu64 " of %" PRIu64,
         *track->title ? track->title : file_name(track->path), (int)done / 60, (int)done % 60, (int)all / 60, (int)all % 60, track->clock->ahead,
         hog.granted, hog.requests);
}

void progress_word(const char *what, double part)
{
    show(part, part >= 1, "%-24s %3.0f %%", what, 100 * part);
}

static void row(const char *name, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void row(const char *name, const char *format, ...)
{
    va_list ap;
    va_start(ap, format);
    printf("  %-18s ", name);
    vprintf(format, ap);
    va_end(ap);
    putchar('\n');
}

static double percent(uint64_t part, uint64_t all)
{
    return all ? 100.0 * (double)part / (double)all : 0;
}

/* The most memory that the process ever had, libsndfile and the making of the music included. */
static long process_peak_kb(void)
{
    struct rusage usage;
    return getrusage(RUSAGE_SELF, &usage) == 0 ? usage.ru_maxrss : 0;
}

bool report(const struct options *options, const struct track *tracks, size_t count, const struct totals *totals,
            const struct hog_result *hog)
{
    struct rm_stats stats;
    rm_get_stats(&stats);
    uint64_t bytes = 0, uncached = 0;
    unsigned underruns = totals->clock.underruns;
    size_t whole = 0, covers = 0, covered = 0;
    double longest = totals->clock.longest_wait, seconds = 0;
    struct frame_figures buffers = { 0 };
    for (const struct track *t = tracks; t < tracks + count; t++) {
        bytes += t->bytes;
        uncached += t->uncached.commands;
        covers += t->has_cover;
        covered += t->covered;
        seconds += t->info.samplerate ? (double)t->frames / t->info.samplerate : 0;
        whole += !*t->error;
        buffers.gets += t->buffers.gets;
        buffers.hits += t->buffers.hits;
        buffers.lost += t->buffers.lost;
    }
    bool verified = whole == count && covered == covers, fed = hog->granted * 10 >= hog->requests * 9;

    putchar('\n');
    row("bytes played", "%" PRIu64 " of %zu %s, %d:%02d of music", bytes, count, count == 1 ? "file" : "files",
        (int)seconds / 60, (int)seconds % 60);
    row("verified", "%zu of %zu, every sample as in a direct decode", whole, count);
    row("jumps", "%u, each as in a direct decode", totals->seeks);
    row("covers", "%zu of %zu", covered, covers);
    row("opened ahead", "up to %zu %s", totals->ahead, totals->ahead == 1 ? "track" : "tracks");
    row("underruns", "%u, longest wait %.1f ms", underruns, 1000 * longest);
    row("storage commands", "%" PRIu64 " with the cache, %" PRIu64 " without", stats.storage_commands, uncached);
    row("hits", "%" PRIu64 ", %.2f %% of %" PRIu64 " lookups", stats.hits, percent(stats.hits, stats.hits + stats.misses),
        stats.hits + stats.misses);
    row("given up", "%" PRIu64 " segments, %" PRIu64 " of them to other users of the pool", stats.evictions,
        stats.given_to_others);
    row("audio buffers", "%" PRIu64 " gets, hit rate %.2f %%, %" PRIu64 " not put back", buffers.gets,
        percent(buffers.hits, buffers.gets), buffers.lost);
    row("moves", "%" PRIu64 " blocks, %" PRIu64 " KB", stats.moves, stats.moved_bytes / 1024);
    row("peak memory", "%" PRIu64 " KB of file data in a pool of %zu KB, process %ld KB", stats.segment_bytes_peak / 1024,
        options->pool / 1024, process_peak_kb());
    row("requests met", "%" PRIu64 " of %" PRIu64 ", %.1f %%, up to %" PRIu64 " KB", hog->granted, hog->requests,
        percent(hog->granted, hog->requests), hog->largest / 1024);
    row("blocks damaged", "%" PRIu64 " of %" PRIu64, hog->damaged, hog->checked);
    fflush(stdout);

    if (!verified)
        fputs("player: not every file was played and verified\n", stderr);
    if (underruns)
        fputs("player: the music stopped\n", stderr);
    if (hog->damaged)
        fputs("player: a block of memory was damaged\n", stderr);
    if (buffers.lost)
        fputs("player: an audio buffer was lost\n", stderr);
    if (!fed)
        fputs("player: fewer than nine in ten requests for memory were met\n", stderr);
    return verified && !underruns && !hog->damaged && !buffers.lost && fed;
}
