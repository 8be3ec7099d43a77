/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The tree's tagtree.c, wrapped for level "shared": where it asks for as much memory as there is, it gets what playback can
 * spare (rm_playback.c), and the music goes on.
 */
#define core_alloc_maximum rm_core_alloc_spare /* which the header then declares */

#include "../../apps/tagtree.c"
