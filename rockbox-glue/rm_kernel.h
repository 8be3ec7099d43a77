/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What the wrappers of files ask of rm_kernel.c, and what the library asks of it.
 */
#ifndef RM_KERNEL_H
#define RM_KERNEL_H

#include <stdint.h>

/* Before the first file is opened, or buffering begins; once more does nothing. */
void rm_kernel_init(void);
/* After a write: what it made dirty is to be written when the disk is awake anyway. */
void rm_wants_idle(void);

void rmport_lock(void);
void rmport_unlock(void);
void rmport_wait(uint32_t channel, int32_t ticks);
void rmport_wake(uint32_t channel);
const void *rmport_thread(void);
void rmport_set_errno(int32_t error);

#endif /* RM_KERNEL_H */
