struct thread_entry
{
    const char *name;
};
struct thread_entry *__running_self_entry(void);
