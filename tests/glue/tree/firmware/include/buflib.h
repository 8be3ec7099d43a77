#include <rockmem/buflib.h>
