/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The tree's debug_menu.c, wrapped: whoever leaves the screen "View buffering thread" finds rockmem's figures behind it.
 *
 *     in the menu's table, without parentheses     this file's function
 *     where it is defined, with parentheses        another name
 */
#include "config.h"
#include <stdbool.h>
#include "rm_figures.h"

static bool dbg_buffering_thread(void);
static bool rm_tree_buffering_thread(void);
#define dbg_buffering_thread(none) rm_tree_buffering_thread(none)

#include "../../apps/debug_menu.c"

#undef dbg_buffering_thread

static int rm_show_figures(int action, struct gui_synclist *lists)
{
    (void)lists;
    if (action == ACTION_NONE)
        action = ACTION_REDRAW;
    if (action == ACTION_REDRAW)
    {
        simplelist_reset_lines();
        rm_figures(simplelist_addline);
    }
    return action;
}

static bool dbg_buffering_thread(void)
{
    struct simplelist_info info;

    if (rm_tree_buffering_thread())
        return true;
    simplelist_info_init(&info, "rockmem", 0, NULL);
    info.action_callback = rm_show_figures;
    info.scroll_all = true;
    info.timeout = HZ;
    return simplelist_show_list(&info);
}
