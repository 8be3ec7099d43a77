/* What the same reads would cost with one sector of 512 bytes per open file and nothing else, which is what a player
 * does today. The rule, for a request of `size` bytes at `offset`:
 *
 *   | part of a sector | whole sectors ............ | part of a sector |
 *     1 command, unless   1 command for each run of   1 command, and the
 *     it is the sector    at most 256 sectors         sector is held
 *     held
 *
 * Directory and FAT reads are not counted, neither here nor with the cache. */
#include "player.h"

#define SECTOR 512
#define TRANSFER 256 /* sectors in one command at most */

static void part(struct uncached *cost, uint64_t sector)
{
    if (cost->held != sector + 1)
        cost->commands++;
    cost->held = sector + 1;
}

void uncached_read(struct uncached *cost, uint64_t offset, uint64_t size)
{
    if (size == 0)
        return;
    uint64_t end = offset + size, first = offset / SECTOR, last = end / SECTOR;
    if (offset % SECTOR) {
        part(cost, first);
        if (end <= (first + 1) * SECTOR)
            return;
        first++;
    }
    cost->commands += (last - first + TRANSFER - 1) / TRANSFER;
    if (end % SECTOR)
        part(cost, last);
}
