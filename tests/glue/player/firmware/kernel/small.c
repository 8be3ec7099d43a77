/* Threads of the system, of which one runs at a time: whoever has `processor`. It goes to another one only in a wait. */
#include "player.h"
#include "panic.h"
#include "kernel/thread-internal.h"
#include <pthread.h>
#include <sched.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

volatile long current_tick = 4711;
static pthread_mutex_t processor = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static __thread struct thread_entry self = { "main" };
static void (*idle_function)(void);

__attribute__((constructor)) static void boot(void)
{
    pthread_mutex_lock(&processor);
}

struct thread_entry *__running_self_entry(void)
{
    return &self;
}

void panicf(const char *format, ...)
{
    va_list list;
    va_start(list, format);
    vfprintf(stderr, format, list);
    va_end(list);
    abort();
}

/* How many want the processor, and how often it was taken. */
static atomic_uint wanting, turn;

static void take_turn(void)
{
    wanting++;
    pthread_mutex_lock(&processor);
    wanting--;
    turn++;
}

/* Whoever wants it has it first. */
void yield(void)
{
    unsigned mine = turn;
    pthread_mutex_unlock(&processor);
    while (wanting > 0 && turn == mine)
        sched_yield();
    take_turn();
}

void mutex_init(struct mutex *mutex)
{
    mutex->held = false;
}

void mutex_lock(struct mutex *mutex)
{
    while (mutex->held)
        pthread_cond_wait(&changed, &processor);
    mutex->held = true;
}

void mutex_unlock(struct mutex *mutex)
{
    mutex->held = false;
    pthread_cond_broadcast(&changed);
}

void semaphore_init(struct semaphore *semaphore, int most, int count)
{
    *semaphore = (struct semaphore){ count, most };
}

int semaphore_wait(struct semaphore *semaphore, int ticks)
{
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += ticks / 100;
    until.tv_nsec += ticks % 100 * 10000000L;
    until.tv_sec += until.tv_nsec / 1000000000;
    until.tv_nsec %= 1000000000;
    while (semaphore->count == 0)
    {
        if (ticks < 0)
            pthread_cond_wait(&changed, &processor);
        else if (pthread_cond_timedwait(&changed, &processor, &until))
            return OBJ_WAIT_TIMEDOUT;
    }
    semaphore->count--;
    return OBJ_WAIT_SUCCEEDED;
}

void semaphore_release(struct semaphore *semaphore)
{
    if (semaphore->count < semaphore->most)
        semaphore->count++;
    pthread_cond_broadcast(&changed);
}

static void (*first)(void);
static const char *its_name;

static void *run(void *none)
{
    take_turn();
    self.name = its_name;
    first();
    abort(); /* it does not return */
    return none;
}

unsigned create_thread(void (*entry)(void), void *stack, size_t size, unsigned flags, const char *name)
{
    pthread_t thread;
    (void)stack, (void)size, (void)flags; /* the system's threads have their own */
    first = entry;
    its_name = name;
    return pthread_create(&thread, NULL, run, NULL) == 0;
}

void register_storage_idle_func(void (*function)(void))
{
    idle_function = function;
}

void run_idle_functions(void)
{
    void (*function)(void) = idle_function;
    idle_function = NULL; /* once */
    if (function)
        function();
}
