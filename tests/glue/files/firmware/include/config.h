#ifndef SMALL_CONFIG_H
#define SMALL_CONFIG_H
#define SMALL_TREE
#define ROCKMEM_THREADS 0 /* as in a tree's own headers: inline functions, no lock */
#define PLATFORM_NATIVE 1
#define PLATFORM_HOSTED 2
#define CONFIG_PLATFORM PLATFORM_NATIVE
#define NUM_CORES 1
#define HAVE_SEMAPHORE_OBJECTS
#define POOL_WORDS (64 * 1024)
#endif
