/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a read of one byte that hits costs in the players' port, built for this machine: a glue whose file is in memory
 * and whose one mutex nobody else wants.
 */
#include "bench.h"

#include <rockmem/core_alloc.h>
#include <rockmem/tree.h>

#include <stdio.h>
#include <string.h>

#define BYTES (1 << 20)

static unsigned char file[BYTES];
static int locked;

void rmport_lock(void) { locked = 1; }
void rmport_unlock(void) { locked = 0; }
void rmport_wait(uint32_t channel, int32_t ticks) { (void)channel, (void)ticks; }
void rmport_wake(uint32_t channel) { (void)channel; }
uint32_t rmport_ticks(void) { return 0; }
uint32_t rmport_asker(void) { return 2; }
int32_t rmport_thread_start(void (*entry)(void)) { (void)entry; return -1; }
const void *rmport_thread(void) { return file; }
void rmport_set_errno(int32_t error) { (void)error; }

static int32_t opened(uint64_t *identity)
{
    memcpy(identity, (uint64_t[]){ 1, 1, BYTES, 1 }, 4 * sizeof *identity);
    return 0;
}

int32_t rmport_open(const char *path, uint32_t how, uint64_t *identity) { (void)path, (void)how; return opened(identity); }
int32_t rmport_claim(int32_t fd, uint32_t *mode, uint64_t *identity) { (void)fd; *mode = 1; return opened(identity); }
int32_t rmport_close(int32_t stream) { (void)stream; return 0; }
int32_t rmport_truncate(int32_t stream, uint64_t size) { (void)stream, (void)size; return -5; }
int32_t rmport_sync(int32_t stream, uint64_t *identity) { (void)stream; return opened(identity); }
uint32_t rmport_space(int32_t stream, uint64_t *free) { (void)stream; *free = 0; return 512; }

int32_t rmport_read_at(int32_t stream, uint64_t offset, uint8_t *buffer, uint32_t bytes)
{
    (void)stream;
    uint32_t got = offset >= BYTES ? 0 : BYTES - offset < bytes ? (uint32_t)(BYTES - offset) : bytes;
    memcpy(buffer, file + offset, got);
    return (int32_t)got;
}

int32_t rmport_write_at(int32_t stream, uint64_t offset, const uint8_t *buffer, uint32_t bytes)
{
    (void)stream, (void)offset, (void)buffer, (void)bytes;
    return -5;
}

int main(void)
{
    size_t size = 4 << 20;
    buflib_init(&core_ctx, pool_get(size), size);
    double best = 1e9;
    for (int run = 0; run < 9; run++) {
        double start = cpu_ns();
        for (uint64_t at = 0; at < BYTES; at++) {
            uint8_t byte;
            if (rm_tree_read(0, at, &byte, 1) != 1)
                give_up("hit: nothing read at %d", (int)at);
        }
        double took = (cpu_ns() - start) / BYTES;
        best = took < best ? took : best;
    }
    printf("players' port, read of 1 byte that hits: %.1f ns\n%s at most 16 ns\n", best, best <= 16 ? "ok    " : "MISSED");
    return 0;
}
