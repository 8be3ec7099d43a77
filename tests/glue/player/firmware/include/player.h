/* What the small player's files know of each other and of its kernel. */
#ifndef PLAYER_H
#define PLAYER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* the kernel: threads of the system, of which one runs at a time */
#define SHAREDBSS_ATTR
#define INIT_ATTR
#define IF_PRIO(...)
#define IF_COP(...)
#define DEFAULT_STACK_SIZE 1024
#define TIMEOUT_BLOCK (-1)
#define OBJ_WAIT_SUCCEEDED 1
#define OBJ_WAIT_TIMEDOUT 0
#define MAX(a, b) ((a) > (b) ? (a) : (b))
#define MIN(a, b) ((a) < (b) ? (a) : (b))
#define ALIGN_DOWN(n, a) ((n) / (a) * (a))
#define ALIGN_UP(n, a) ALIGN_DOWN((n) + (a)-1, a)

struct mutex
{
    bool held;
};
struct semaphore
{
    int count, most;
};
extern volatile long current_tick;
void mutex_init(struct mutex *mutex);
void mutex_lock(struct mutex *mutex);
void mutex_unlock(struct mutex *mutex);
void semaphore_init(struct semaphore *semaphore, int most, int count);
int semaphore_wait(struct semaphore *semaphore, int ticks);
void semaphore_release(struct semaphore *semaphore);
unsigned create_thread(void (*entry)(void), void *stack, size_t size, unsigned flags, const char *name);
void yield(void);
void register_storage_idle_func(void (*function)(void));
void run_idle_functions(void);
#define trigger_cpu_boost()
#define cancel_cpu_boost()
#define storage_sleep()

/* files */
#if !defined(RB_FILESYSTEM_OS) && defined(APPLICATION)
#define open app_open
#define remove app_remove
#define filesize os_filesize
int app_open(const char *path, int oflag, ...);
int app_remove(const char *path);
off_t os_filesize(int osfd);
bool file_exists(const char *path);
#include <fcntl.h>
#include <unistd.h>
#elif !defined(RB_FILESYSTEM_OS)
#define open sim_open
#define close sim_close
#define read sim_read
#define write sim_write
#define lseek sim_lseek
#define remove sim_remove
#define filesize sim_filesize
int sim_open(const char *path, int oflag, ...);
int sim_close(int fildes);
ssize_t sim_read(int fildes, void *buf, size_t nbyte);
ssize_t sim_write(int fildes, const void *buf, size_t nbyte);
off_t sim_lseek(int fildes, off_t offset, int whence);
int sim_remove(const char *path);
off_t sim_filesize(int fildes);
bool file_exists(const char *path);
#include <fcntl.h>
#endif

/* buffering */
enum data_type
{
    TYPE_UNKNOWN,
    TYPE_ID3,
    TYPE_CODEC,
    TYPE_PACKET_AUDIO,
    TYPE_ATOMIC_AUDIO,
    TYPE_CUESHEET,
    TYPE_BITMAP,
    TYPE_RAW_ATOMIC
};
enum
{
    BUFFER_EVENT_BUFFER_LOW = 0x401,
    BUFFER_EVENT_REBUFFER,
    BUFFER_EVENT_FINISHED = 0x405,
    BUFFER_EVENT_BUFFER_RESET
};
#define ERR_HANDLE_NOT_FOUND -1
#define ERR_BUFFER_FULL -2
#define ERR_INVALID_VALUE -3
#define ERR_FILE_ERROR -4
#define ERR_UNSUPPORTED_TYPE -6
#define ERR_BITMAP_TOO_LARGE -7
void buffering_init(void);
bool buffering_reset(char *start, size_t size);
int bufopen(const char *path, off_t offset, enum data_type type, void *user);
bool bufclose(int handle);
int bufadvance(int handle, off_t by);
ssize_t bufgetdata(int handle, size_t size, void **data);
bool buf_is_handle(int handle);
size_t buf_length(void);
void send_event(unsigned short id, void *data);

struct mp3entry
{
    char title[40];
};
#define METADATA_CLOSE_FD_ON_EXIT 1
bool get_metadata_ex(struct mp3entry *id3, int fd, const char *path, int flags);
void copy_mp3entry(struct mp3entry *to, const struct mp3entry *from);

struct dim
{
    int width, height;
};
struct bufopen_bitmap_data
{
    struct dim *dim;
    void *embedded_albumart;
};
struct bitmap
{
    int width, height;
    unsigned char *data;
};
#define FORMAT_NATIVE 0
#define FORMAT_DITHER 1
#define FORMAT_RESIZE 2
#define FORMAT_KEEP_ASPECT 4
#define BM_SIZE(width, height, format, remote) ((size_t)(width) * (height))
int read_bmp_fd(int fd, struct bitmap *bitmap, int most, int format, void *none);

/* playback */
#define PLAYBACKS 300000 /* bytes that it needs for itself */
extern int stops;
void play(void);
void audio_hard_stop(void);
size_t audio_buffer_size(void);
size_t audio_buffer_available(void);
size_t pcmbuf_size_reqd(void);
size_t pcmbuf_init(void *end);
void use_playbacks_memory(void);

/* others */
int tagcache_takes(size_t *size);
int tagtree_takes(size_t *size);
int playlist_takes(size_t *size);
void radioart_init(bool entering);
bool show_debug_screen(const char *name);
extern int lines;

#endif
