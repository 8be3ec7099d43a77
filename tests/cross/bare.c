/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The floor under the C tests where there is no C library for a processor but newlib: an entry, and the calls that
 * newlib and the harness make, as system calls of ARM Linux. qemu's user mode answers them for any ARM processor, also
 * for those that no Linux runs on: ARMv4T in ARM state, Cortex-M in thumb.
 */
#include <errno.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "files.h"

/* The numbers of the EABI. */
enum
{
    SYS_exit_group = 248,
    SYS_fork = 2,
    SYS_read = 3,
    SYS_write = 4,
    SYS_close = 6,
    SYS_kill = 37,
    SYS_getpid = 20,
    SYS_pipe = 42,
    SYS_brk = 45,
    SYS_setitimer = 104,
    SYS_wait4 = 114,
    SYS_clock_gettime = 263,
};

/* The number goes into r7, which is thumb's frame pointer: the call is assembly of its own. */
long bare_call(long a, long b, long c, long d, long number);
__asm__(".syntax unified\n"
        "    .text\n"
        "    .global bare_call\n"
        "    .type bare_call, %function\n"
#ifdef __thumb__
        "    .thumb_func\n"
#endif
        "bare_call:\n"
        "    push {r4, r7, lr}\n"
        "    ldr r7, [sp, #12]\n"
        "    svc 0\n"
#ifdef __thumb__
        "    pop {r4, r7, pc}\n"
#else
        "    pop {r4, r7, lr}\n"
        "    bx lr\n" /* ARMv4T: a pop into pc does not change state */
#endif
        "    .global _start\n"
        "    .type _start, %function\n"
#ifdef __thumb__
        "    .thumb_func\n"
#endif
        "_start:\n"
        "    mov r0, sp\n"
        "    ldr r1, =begin\n"
        "    bx r1\n"
        "    .pool\n");

int main(int argc, char **argv, char **environment);
extern char **environ;
extern void (*__init_array_start[])(void);
extern void (*__init_array_end[])(void);

__attribute__((used, noreturn)) void begin(intptr_t *stack);
void begin(intptr_t *stack)
{
    int argc = (int)stack[0];
    char **argv = (char **)(stack + 1);
    environ = argv + argc + 1;
    for (void (**start)(void) = __init_array_start; start < __init_array_end; start++)
        (*start)();
    exit(main(argc, argv, environ));
}

static int answer(long result)
{
    if (result >= 0)
        return (int)result;
    errno = (int)-result;
    return -1;
}

#define CALL(number, a, b, c, d) answer(bare_call((long)(a), (long)(b), (long)(c), (long)(d), SYS_##number))

void _exit(int status)
{
    for (;;)
        CALL(exit_group, status, 0, 0, 0);
}

int _read(int file, void *into, size_t bytes)
{
    return CALL(read, file, into, bytes, 0);
}

int _write(int file, const void *from, size_t bytes)
{
    return CALL(write, file, from, bytes, 0);
}

int _close(int file)
{
    return CALL(close, file, 0, 0, 0);
}

int _kill(int process, int number)
{
    return CALL(kill, process, number, 0, 0);
}

int _getpid(void)
{
    return CALL(getpid, 0, 0, 0, 0);
}

void *_sbrk(ptrdiff_t bytes)
{
    static uintptr_t end;
    if (!end)
        end = (uintptr_t)bare_call(0, 0, 0, 0, SYS_brk);
    uintptr_t old = end;
    if ((uintptr_t)bare_call((long)(old + (uintptr_t)bytes), 0, 0, 0, SYS_brk) < old + (uintptr_t)bytes)
    {
        errno = ENOMEM;
        return (void *)-1;
    }
    end = old + (uintptr_t)bytes;
    return (void *)old;
}

/* ---- what the harness needs besides ------------------------------------------------------------------------------ */

int pipe(int ends[2])
{
    return CALL(pipe, ends, 0, 0, 0);
}

pid_t fork(void)
{
    return CALL(fork, 0, 0, 0, 0);
}

pid_t waitpid(pid_t child, int *status, int options)
{
    return CALL(wait4, child, status, options, 0);
}

unsigned alarm(unsigned seconds)
{
    long timer[4] = { 0, 0, (long)seconds, 0 }; /* again never, for the first time after so long */
    CALL(setitimer, 0, timer, 0, 0);
    return 0;
}

int clock_gettime(clockid_t clock, struct timespec *now)
{
    (void)clock;
    int32_t found[2]; /* as wide as the system's, which newlib's are not */
    int result = CALL(clock_gettime, 1, found, 0, 0); /* 1: the monotonic clock */
    *now = (struct timespec){ .tv_sec = found[0], .tv_nsec = found[1] };
    return result;
}
