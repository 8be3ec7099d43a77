/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The floor under the C tests on a Cortex-M7: the board mps2-an500, without an operating system. What is said and how a
 * program ends goes to the debugger by semihosting, which qemu answers.
 *
 *     0           vectors, code | ...         60000000  data | heap ->    <- stack | kept: memory of the forks
 *
 * A fork has no second memory: the parent's is kept aside, the child runs in its place until it ends, and the parent
 * gets its memory and its registers back. So a child has always ended when fork returns to the parent, and waitpid has
 * nothing to wait for. A pipe lies outside of what is put back.
 */
#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "files.h"

/* Of the linker script. */
extern char memory_start[], bss_start[], bss_end[], heap_start[], stack_end[], kept_start[], kept_end[];
extern void (*__init_array_start[])(void);
extern void (*__init_array_end[])(void);

int main(int argc, char **argv);

/* ---- the debugger ------------------------------------------------------------------------------------------------ */

enum
{
    HOST_OPEN = 0x01,
    HOST_WRITE = 0x05,
    HOST_CLOCK = 0x10, /* hundredths of a second */
    HOST_EXIT = 0x20,
    HOST_EXITED = 0x20026, /* ADP_Stopped_ApplicationExit */
};

static intptr_t host(intptr_t what, const void *with)
{
    register intptr_t r0 __asm__("r0") = what;
    register const void *r1 __asm__("r1") = with;
    __asm__ volatile("bkpt 0xab" : "+r"(r0) : "r"(r1) : "memory");
    return r0;
}

static void host_exit(int status) __attribute__((noreturn));
static void host_exit(int status)
{
    for (;;)
        host(HOST_EXIT, (intptr_t[]){ HOST_EXITED, status });
}

static void host_write(int file, const void *from, size_t bytes)
{
    static intptr_t console[2];
    intptr_t *stream = &console[file == STDERR_FILENO];
    if (!*stream) /* ":tt" to be written is the output, to be appended to is the errors */
        *stream = host(HOST_OPEN, (intptr_t[]){ (intptr_t) ":tt", file == STDERR_FILENO ? 8 : 4, 3 });
    host(HOST_WRITE, (intptr_t[]){ *stream, (intptr_t)from, (intptr_t)bytes });
}

static void host_say(const char *text)
{
    host_write(STDERR_FILENO, text, strlen(text));
}

/* ---- start and faults -------------------------------------------------------------------------------------------- */

#define REGISTER(address) (*(volatile uint32_t *)(address))
#define SYSTICK_CONTROL REGISTER(0xe000e010)
#define SYSTICK_RELOAD REGISTER(0xe000e014)
#define SYSTICK_VALUE REGISTER(0xe000e018)
#define CONFIGURATION REGISTER(0xe000ed14)

enum
{
    HERTZ = 25000000, /* of the board's processor */
    TICKS = 10,       /* a second */
};

static volatile unsigned ticks_left; /* until the alarm; 0: there is none */

static void tick(void)
{
    if (ticks_left && --ticks_left == 0)
    {
        host_say("the test takes too long\n");
        host_exit(1);
    }
}

static void fault(void)
{
    host_say("a fault of the processor\n");
    host_exit(1);
}

void reset(void);
void reset(void)
{
    memset(bss_start, 0, (size_t)(bss_end - bss_start));
    CONFIGURATION |= 1 << 4; /* a division by zero is a fault; an access that is not aligned is none */
    SYSTICK_RELOAD = HERTZ / TICKS - 1;
    SYSTICK_VALUE = 0;
    SYSTICK_CONTROL = 7; /* on, with an interrupt, from the processor's clock */
    for (void (**start)(void) = __init_array_start; start < __init_array_end; start++)
        (*start)();
    char *arguments[] = { "test", NULL };
    exit(main(1, arguments));
}

__attribute__((used, section(".vectors"))) static void (*const vectors[])(void) = {
    (void (*)(void))stack_end, reset, fault, fault, fault, fault, fault, NULL, NULL, NULL, NULL, fault, fault, NULL, fault, tick,
};

/* ---- newlib ------------------------------------------------------------------------------------------------------ */

static char *heap;

void *_sbrk(ptrdiff_t bytes)
{
    char *old = heap ? heap : heap_start;
    if (bytes > (char *)__builtin_frame_address(0) - 65536 - old) /* what the stack may want */
    {
        errno = ENOMEM;
        return (void *)-1;
    }
    heap = old + bytes;
    return old;
}

int _kill(int process, int number)
{
    (void)process;
    host_say("a signal: the program aborts\n");
    host_exit(128 + number);
}

int _getpid(void)
{
    return 1;
}

int clock_gettime(clockid_t clock, struct timespec *now)
{
    (void)clock;
    intptr_t hundredths = host(HOST_CLOCK, NULL);
    *now = (struct timespec){ .tv_sec = hundredths / 100, .tv_nsec = hundredths % 100 * 10000000 };
    return 0;
}

unsigned alarm(unsigned seconds)
{
    ticks_left = seconds * TICKS;
    return 0;
}

/* ---- forks ------------------------------------------------------------------------------------------------------- */

enum
{
    DEEPEST = 4, /* forks of forks */
    PIPE = 1024,
    PIPE_READ = 3, /* its two descriptors */
    PIPE_WRITE = 4,
};

/* What no fork puts back. */
struct kept
{
    int depth;
    int status; /* the last child's, as exit has it */
    size_t piped, unread;
    char pipe[PIPE];
    struct
    {
        char *stack; /* the parent's, with its registers on it */
        char *heap, *copy;
    } parents[DEEPEST];
    char copies[];
};

#define KEPT ((struct kept *)kept_start)

__attribute__((noreturn)) void fork_resume(char *stack);
__asm__(".syntax unified\n"
        "    .text\n"
        "    .global fork\n"
        "    .type fork, %function\n"
        "    .thumb_func\n"
        "fork:\n"
        "    push {r4-r11, r12, lr}\n"
        "    mov r0, sp\n"
        "    bl fork_child\n" /* 0, on the child's way */
        "    pop {r4-r11, r12, pc}\n"
        "    .global fork_resume\n"
        "    .type fork_resume, %function\n"
        "    .thumb_func\n"
        "fork_resume:\n"
        "    mov sp, r0\n"
        "    movs r0, #2\n" /* the child's number, on the parent's way */
        "    pop {r4-r11, r12, pc}\n"
        "    .global fork_end\n"
        "    .type fork_end, %function\n"
        "    .thumb_func\n"
        "fork_end:\n"
        "    ldr r1, =kept_end\n" /* no stack that is about to be put back */
        "    mov sp, r1\n"
        "    b fork_parent\n"
        "    .pool\n");

__attribute__((used)) int fork_child(char *stack);
int fork_child(char *stack)
{
    struct kept *kept = KEPT;
    char *end = heap ? heap : heap_start;
    char *copy = kept->depth ? kept->parents[kept->depth - 1].copy : kept->copies;
    if (kept->depth)
        copy += (kept->parents[kept->depth - 1].heap - memory_start) + (stack_end - kept->parents[kept->depth - 1].stack);
    size_t data = (size_t)(end - memory_start), pushed = (size_t)(stack_end - stack);
    if (kept->depth == DEEPEST || data + pushed + 4096 > (size_t)(kept_end - copy))
    {
        host_say("no room for a fork\n");
        host_exit(1);
    }
    kept->parents[kept->depth].stack = stack;
    kept->parents[kept->depth].heap = end;
    kept->parents[kept->depth].copy = copy;
    memcpy(copy, memory_start, data);
    memcpy(copy + data, stack, pushed);
    kept->depth++;
    return 0;
}

__attribute__((used, noreturn)) void fork_parent(int status);
void fork_parent(int status)
{
    struct kept *kept = KEPT;
    int depth = --kept->depth;
    char *copy = kept->parents[depth].copy, *stack = kept->parents[depth].stack;
    size_t data = (size_t)(kept->parents[depth].heap - memory_start);
    kept->status = status;
    memcpy(memory_start, copy, data);
    memcpy(stack, copy + data, (size_t)(stack_end - stack));
    fork_resume(stack);
}

__attribute__((noreturn)) void fork_end(int status);

void _exit(int status)
{
    if (KEPT->depth)
        fork_end(status & 0xff);
    host_exit(status);
}

pid_t waitpid(pid_t child, int *status, int options)
{
    (void)options;
    *status = KEPT->status << 8;
    return child;
}

int pipe(int ends[2])
{
    ends[0] = PIPE_READ;
    ends[1] = PIPE_WRITE;
    KEPT->piped = KEPT->unread = 0;
    return 0;
}

int _close(int file)
{
    (void)file;
    return 0;
}

int _write(int file, const void *from, size_t bytes)
{
    struct kept *kept = KEPT;
    if (file != PIPE_WRITE)
    {
        host_write(file, from, bytes);
        return (int)bytes;
    }
    if (bytes > PIPE - kept->piped)
        bytes = PIPE - kept->piped;
    memcpy(kept->pipe + kept->piped, from, bytes);
    kept->piped += bytes;
    return (int)bytes;
}

int _read(int file, void *into, size_t bytes)
{
    struct kept *kept = KEPT;
    if (file != PIPE_READ)
        return 0;
    if (bytes > kept->piped - kept->unread)
        bytes = kept->piped - kept->unread;
    memcpy(into, kept->pipe + kept->unread, bytes);
    kept->unread += bytes;
    return (int)bytes;
}
