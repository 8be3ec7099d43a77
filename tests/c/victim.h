/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A block that has to move, and a record of what its callbacks were told.
 *
 *     ... | pinned |  hole  | victim |  hole  | pinned | ...
 *
 * A request for more than either hole can be served only by moving the victim, whichever way
 * the allocator prefers. One pool, one victim: the callbacks get a handle and nothing else.
 */
#ifndef ROCKMEM_TESTS_VICTIM_H
#define ROCKMEM_TESTS_VICTIM_H

#include "pool.h"

enum { SIZE = 1000, BOTH = 2 * SIZE };

extern struct pool pool;
extern struct strip strip;

struct seen {
    int moves, locks, unlocks;
    bool locked;
    bool refuse;  /* what the move callback answers */
    char *target; /* where the last move said the block would go */
    void (*during)(int handle, char *current);
};

extern struct seen seen;

/* These check all they are told; the data must still be the handle's pattern of SIZE bytes. */
int on_move(int handle, void *current, void *target);
int on_move_locked(int handle, void *current, void *target); /* and that sync has locked */
void on_sync(int handle, bool lock);

extern struct buflib_callbacks moving;    /* on_move */
extern struct buflib_callbacks synced;    /* on_move_locked and on_sync */
extern struct buflib_callbacks immovable; /* on_sync alone */

/*
 * Builds the picture above, every block with these callbacks, and returns the victim's handle.
 * Three handles are free, and besides the holes room for one block of size 0.
 */
int victim_with(struct buflib_callbacks *ops);

/* Takes the free handles, with blocks of size 0: the next one is new. */
void victim_use_up_handles(void);

void victim_lets(size_t size);    /* a request of this size is served, no block is damaged */
void victim_forbids(size_t size); /* it is refused with -2, no block is damaged */

#endif
