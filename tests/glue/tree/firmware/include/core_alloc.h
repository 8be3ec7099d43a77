#include <rockmem/core_alloc.h>
