struct thread_entry
{
    const char *name;
};
extern struct thread_entry *running;
#define __running_self_entry() running
