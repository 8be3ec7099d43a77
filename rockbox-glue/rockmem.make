# rockmem in this tree's builds. firmware.make includes this file; the installer put both there.
#
#   ROCKMEM=LEVEL           none, buflib, cache, arena or shared; what was installed unless it says otherwise
#   ROCKMEM_TARGET=triple   the archive to link, lib/LEVEL/triple/librockmem.a, where the choice below is wrong
#
# The lists of sources ask ROCKMEM_LEVEL: 0 or nothing is the C originals.

include $(FIRMDIR)/rockmem/installed.make

ROCKMEM ?= $(ROCKMEM_INSTALLED)

# Bootloaders keep the C originals, and so does ColdFire, which no Rust compiler targets.
ifneq ($(findstring -DBOOTLOADER,$(EXTRA_DEFINES))$(filter arch_m68k,$(ARCH)),)
  override ROCKMEM := none
endif

ROCKMEM_LEVEL_none   := 0
ROCKMEM_LEVEL_buflib := 1
ROCKMEM_LEVEL_cache  := 2
ROCKMEM_LEVEL_arena  := 3
ROCKMEM_LEVEL_shared := 4
ROCKMEM_LEVEL := $(ROCKMEM_LEVEL_$(ROCKMEM))
ifeq ($(ROCKMEM_LEVEL),)
  $(error ROCKMEM=$(ROCKMEM): it is none, buflib, cache, arena or shared)
endif

# Two megabytes leave nothing for a cache. The files of hosted applications are their system's, which caches them: they have
# buffering, if any, and nothing at level cache. One of their systems is not of a kind that rm_posix.h knows.
ROCKMEM_HOSTED := $(filter-out sdl-sim,$(APP_TYPE))
ifneq ($(filter 2,$(MEMORYSIZE))$(if $(ROCKMEM_HOSTED),$(filter 2,$(ROCKMEM_LEVEL)))$(filter ctru-app,$(APP_TYPE)),)
  ROCKMEM_LEVEL := $(if $(filter 0,$(ROCKMEM_LEVEL)),0,1)
  override ROCKMEM := $(if $(filter 0,$(ROCKMEM_LEVEL)),none,buflib)
endif

override EXTRA_DEFINES += -DROCKMEM_LEVEL=$(ROCKMEM_LEVEL)

ifneq ($(ROCKMEM_LEVEL),0)
  ifdef APP_TYPE
    # The compiler's name for what it compiles for, as Rust spells it.
    ROCKMEM_MACHINE := $(subst -pc-linux-,-linux-,$(subst -unknown-linux-,-linux-,$(shell $(CC) -dumpmachine)))
    ROCKMEM_MACHINE := $(if $(filter -m32,$(GCCOPTS)),$(patsubst x86_64-%,i686-%,$(ROCKMEM_MACHINE)),$(ROCKMEM_MACHINE))
    ROCKMEM_TARGET ?= $(subst -linux-,-unknown-linux-,$(ROCKMEM_MACHINE))
  else ifeq ($(ARCH),arch_mips)
    ROCKMEM_TARGET ?= mipsel-unknown-none
  else ifeq ($(ARCH)$(ARCH_VERSION),arch_arm4)
    ROCKMEM_TARGET ?= thumbv4t-none-eabi
  else ifeq ($(ARCH)$(ARCH_VERSION)$(ARCH_PROFILE),arch_arm7micro)
    ROCKMEM_TARGET ?= thumbv7em-none-eabi
  else ifeq ($(ARCH),arch_arm)
    ROCKMEM_TARGET ?= thumbv5te-none-eabi
  endif

  ROCKMEM_ARCHIVE := $(FIRMDIR)/rockmem/lib/$(ROCKMEM)/$(ROCKMEM_TARGET)/librockmem.a
  ifeq ($(wildcard $(ROCKMEM_ARCHIVE)),)
    $(error no $(ROCKMEM_ARCHIVE): build it in rockmem (README, "Archives"), install again; or build with ROCKMEM=none)
  endif

  override EXTRA_DEFINES += -DROCKMEM_LEVEL=$(ROCKMEM_LEVEL)
  # For programs of the tree that map files: <rockmem/mmap.h>.
  INCLUDES += -I$(FIRMDIR)/rockmem/include

  # The archive's one object becomes a member of the tree's library, which it needs and which needs it: whoever links the
  # one links the other, in any order.
  ROCKMEM_OBJECT := $(BUILDDIR)/firmware/rockmem/rockmem.o
  $(BUILDDIR)/firmware/libfirmware.a: $(ROCKMEM_OBJECT)
  $(ROCKMEM_OBJECT): $(ROCKMEM_ARCHIVE)
	$(SILENT)mkdir -p $(dir $@)
	$(call PRINTS,AR $(@F))$(AR) p $< rockmem.o > $@
endif
