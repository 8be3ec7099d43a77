/* What rockbox-glue/rm_aeabi.c asks of a tree's configuration: the machine is a player. */
#define PLATFORM_NATIVE 1
#define CONFIG_PLATFORM PLATFORM_NATIVE
