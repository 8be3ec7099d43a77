#include "player.h"
#include "core_alloc.h"
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* a list on a screen */
#define HZ 100
enum { ACTION_NONE, ACTION_REDRAW };
struct gui_synclist;
struct simplelist_info
{
    const char *title;
    bool scroll_all;
    int timeout;
    int (*action_callback)(int action, struct gui_synclist *lists);
};
int lines;

static void simplelist_info_init(struct simplelist_info *info, char *title, int count, void *data)
{
    *info = (struct simplelist_info){ .title = title };
}

static void simplelist_reset_lines(void)
{
    lines = 0;
}

static void simplelist_addline(const char *format, ...)
{
    char text[33];
    va_list list;
    va_start(list, format);
    vsnprintf(text, sizeof(text), format, list);
    va_end(list);
    lines += text[0] != 0;
}

static bool simplelist_show_list(struct simplelist_info *info)
{
    return info->action_callback(ACTION_NONE, NULL) != ACTION_REDRAW;
}

/* the menu */
static bool dbg_buffering_thread(void)
{
    return false;
}

static const struct
{
    const char *name;
    bool (*function)(void);
} items[] = { { "View buffering thread", dbg_buffering_thread } };

bool show_debug_screen(const char *name)
{
    return strcmp(name, items[0].name) == 0 && !items[0].function();
}
