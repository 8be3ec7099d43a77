void panicf(const char *format, ...) __attribute__((noreturn));
