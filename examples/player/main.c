/* A music player on top of librockmem: `make run`, or build/player/player --help. */
#include "player.h"

#include <rockmem/buffering.h>
#include <rockmem/core_alloc.h>

#include <errno.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define TRACKS_MAX 64
#define POOL_MIN_KB 512
#define POOL_MAX_KB (1024 * 1024)

static struct options options = { .pool = 4096 * 1024, .seconds = 120, .out = "build/player", .seed = 1 };

_Noreturn void usage_error(const char *format, ...)
{
    va_list ap;
    va_start(ap, format);
    fputs("player: ", stderr);
    vfprintf(stderr, format, ap);
    fputc('\n', stderr);
    va_end(ap);
    exit(2);
}

/* The library calls this when the pool is damaged or a caller broke its contract: nothing can go on. */
void panicf(const char *format, ...)
{
    va_list ap;
    va_start(ap, format);
    fputs("\nplayer: panic: ", stderr);
    vfprintf(stderr, format, ap);
    fputc('\n', stderr);
    va_end(ap);
    abort();
}

/* The pool is the program's to give: on a player all memory that is left, here as much as was asked for. */
void core_allocator_init(void)
{
    void *pool = malloc(options.pool);
    if (!pool)
        usage_error("no memory for a pool of %zu KB", options.pool / 1024);
    buflib_init(&core_ctx, pool, options.pool);
}

static void help(void)
{
    printf("player [options] [music files]\n"
           "\n"
           "Plays the files one after the other through bufopen and the memory pool into WAV files, with the next ones\n"
           "opened ahead, while a second thread allocates and frees core_alloc blocks of up to a quarter of the pool; jumps\n"
           "about in each; then compares every sample with a direct decode. A cover.bmp beside a track is shown with it.\n"
           "Without files it makes three pieces itself: FLAC, Ogg Vorbis and a chiptune.\n"
           "\n"
           "  --pool KB      size of the pool (4096)\n"
           "  --seconds N    length of each piece it makes itself (120)\n"
           "  --out DIR      where everything is written (build/player)\n"
           "  --seed N       another row of allocations (1)\n"
           "\n"
           "Exit status: 0 when everything was played and verified without an underrun, no block was damaged and at\n"
           "least nine in ten requests for memory were met; 1 when not; 2 when called with something it cannot use.\n"
           "\n%s", clock_definition);
}

static unsigned long number(const char *name, const char *text, unsigned long low, unsigned long high)
{
    char *end;
    errno = 0;
    unsigned long value = strtoul(text, &end, 10);
    if (errno || end == text || *end || *text == '-' || value < low || value > high)
        usage_error("%s must be a number from %lu to %lu, not \"%s\"", name, low, high, text);
    return value;
}

static void read_options(int argc, char **argv)
{
    static const struct option names[] = { { "pool", 1, 0, 'p' }, { "seconds", 1, 0, 's' }, { "out", 1, 0, 'o' },
                                           { "seed", 1, 0, 'r' }, { "help", 0, 0, 'h' }, { 0 } };
    int option;
    while ((option = getopt_long(argc, argv, "", names, NULL)) != -1)
        switch (option) {
        case 'p': options.pool = number("--pool", optarg, POOL_MIN_KB, POOL_MAX_KB) * 1024; break;
        case 's': options.seconds = (double)number("--seconds", optarg, 1, 3600); break;
        case 'o': options.out = optarg; break;
        case 'r': options.seed = (uint32_t)number("--seed", optarg, 0, UINT32_MAX); break;
        case 'h': help(); exit(0);
        default: exit(2); /* getopt has said why */
        }
}

/* Every folder on the way to options.out. */
static void make_folder(void)
{
    char path[256];
    if (snprintf(path, sizeof path, "%s", options.out) >= (int)sizeof path)
        usage_error("the name of the folder is too long: %s", options.out);
    for (char *at = path + 1;; at++)
        if (*at == '/' || !*at) {
            char kept = *at;
            *at = 0;
            if (mkdir(path, 0777) != 0 && errno != EEXIST)
                usage_error("cannot make the folder %s: %s", path, strerror(errno));
            if (!kept)
                return;
            *at = kept;
        }
}

/* Something a player can play, or one line and exit status 2. */
static void check_file(const char *path)
{
    FILE *file = fopen(path, "rb");
    struct stat status;
    if (!file)
        usage_error("cannot open %s: %s", path, strerror(errno));
    if (fstat(fileno(file), &status) == 0 && !S_ISREG(status.st_mode))
        usage_error("%s is not a regular file", path);
    fclose(file);
    SF_INFO info = { 0 };
    struct music *music = music_open_file(path, &info);
    if (!music)
        usage_error("%s is not music that libsndfile reads: %s", path, sf_strerror(NULL));
    music_close(music);
}

/* build/player/tune.wav for music/tune.flac, with a number in front when there are several. */
static void name_wav(struct track *track, size_t number, size_t count)
{
    const char *name = strrchr(track->path, '/');
    name = name ? name + 1 : track->path;
    const char *dot = strrchr(name, '.');
    int length = dot && dot > name ? (int)(dot - name) : (int)strlen(name);
    if (count > 1)
        snprintf(track->wav, sizeof track->wav, "%s/%zu-%.*s.wav", options.out, number, length > 200 ? 200 : length, name);
    else
        snprintf(track->wav, sizeof track->wav, "%s/%.*s.wav", options.out, length > 200 ? 200 : length, name);
}

int main(int argc, char **argv)
{
    static struct track tracks[TRACKS_MAX];
    static char made[PIECES][512];
    struct totals totals = { 0 };
    read_options(argc, argv);
    size_t count = (size_t)(argc - optind);
    if (count > TRACKS_MAX)
        usage_error("at most %d files at once", TRACKS_MAX);
    make_folder();
    for (size_t i = 0; i < count; i++) {
        tracks[i].path = argv[optind + i];
        check_file(tracks[i].path);
    }
    if (count == 0) {
        if (!tune_make(&options, made))
            return 1;
        for (; count < PIECES; count++)
            tracks[count].path = made[count];
    }

    core_allocator_init();
    buffering_init();
    hooks_start();
    if (!buffering_reset(NULL, 0))
        usage_error("a pool of %zu KB is too small for the tables of buffering", options.pool / 1024);
    hog_start(&options);
    bool good = true;
    playlist_start(tracks, count);
    for (size_t i = 0; i < count; i++) {
        struct track *track = &tracks[i];
        name_wav(track, i + 1, count);
        track->clock = &totals.clock;
        bool played = track_play(track);
        size_t ahead = playlist_opened() - i - 1;
        totals.ahead = ahead > totals.ahead ? ahead : totals.ahead;
        track_close(track);
        if (!played) {
            fprintf(stderr, "player: %s: %s\n", track->path, track->error);
            good = false;
        }
    }
    for (size_t i = 0; i < count; i++) {
        if (*tracks[i].error || track_seek_storm(&tracks[i], options.seed + (uint32_t)i, &totals.seeks))
            continue;
        fprintf(stderr, "player: %s: %s\n", tracks[i].path, tracks[i].error);
        good = false;
    }
    struct hog_result hog = hog_stop();
    for (size_t i = 0; i < count; i++) {
        char why[256];
        if (*tracks[i].error || track_verify(&tracks[i], why, sizeof why))
            continue;
        fprintf(stderr, "player: %s: %s\n", tracks[i].wav, why);
        snprintf(tracks[i].error, sizeof tracks[i].error, "%s", why);
        good = false;
    }
    return report(&options, tracks, count, &totals, &hog) && good ? 0 : 1;
}
