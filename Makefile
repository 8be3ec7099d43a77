# rockmem: `make` builds the library, `make run` plays a song with it, `make test` runs every test.
#
#   make                          build/librockmem.a for this machine
#   make PORT=rockbox             build/rockbox/librockmem.a: the players' port, built for this machine
#   make AUDIO_POOL=0             the library without the audio buffer pool
#   make PREFIXED=1               build/prefixed/…: every name begins with rockmem_; compile with -DROCKMEM_PREFIX
#   make TARGET=triple            build/…/triple/…: for another machine, whose Rust target is installed
#   make headers                  remakes include/rockmem/*.h after a change in src/capi or symbols
#   make test                     everything there is to check; installs what it misses (as root) or says what to install
#   make run [AUDIO=file]         the example player
#   make LEVEL=buflib             …/buflib/librockmem.a: the pool alone, for a program that keeps its own of the rest;
#                                 LEVEL=cache: with mappings and files, without buffering
#   make bench [REF=archive]      the workloads, beside another archive with the same C names
#   make clean

CARGO   ?= cargo
PORT    ?= host
CFLAGS  ?= -O2 -g
OBJCOPY ?= objcopy
LD      ?= ld
AR      ?= ar
NM      ?= nm

ifeq ($(PORT),host)
  OUT      := build
  PROFILE  := release
  FEATURES := host
  STRIP    := --strip-debug
else ifeq ($(PORT),rockbox)
  OUT      := build/rockbox
  PROFILE  := rockbox
  FEATURES := rockbox
  # Nobody unwinds on a player, and no linker script of the tree has a place for the tables.
  STRIP    := --strip-debug --remove-section=.eh_frame --remove-section=.ARM.exidx* --remove-section=.comment \
              --remove-section=.llvmbc --remove-section=.llvmcmd
else
  $(error PORT is host or rockbox)
endif

SYMBOLS := symbols/$(PORT).txt
ifeq ($(AUDIO_POOL),0)
  OUT      := $(OUT)/no-audio-pool
  DROP     := -e '/^audio_/d'
else
  FEATURES := $(FEATURES),audio_pool
endif
ifdef LEVEL
  OUT          := $(OUT)/$(LEVEL)
  LEVEL_buflib := ^\(buflib\|core\)_
  LEVEL_cache  := ^\(buflib\|core\|mmap\|rm\)_
  $(if $(LEVEL_$(LEVEL)),,$(error LEVEL is buflib or cache; without it everything is there))
  DROP         += -e '/$(LEVEL_$(LEVEL))\|^panicf$$\|^_logf$$/!d'
endif
ifdef PREFIXED
  OUT      := $(OUT)/prefixed
  FEATURES := $(FEATURES),prefixed
  PREFIX   := rockmem_
endif

TARGET_DIR := $(or $(CARGO_TARGET_DIR),target)
BUILT      := $(TARGET_DIR)/$(PROFILE)
ifdef TARGET
  OUT   := $(OUT)/$(TARGET)
  BUILT := $(TARGET_DIR)/$(TARGET)/$(PROFILE)
  # The linker of this machine knows its 32-bit sibling by this name; for others, bring LD, AR, NM and OBJCOPY.
  LDFLAGS += $(if $(filter i686-%,$(TARGET)),-m elf_i386)
endif
ARCHIVE := $(OUT)/librockmem.a
NAMES   := $(OUT)/names.txt
SOURCES := $(shell find src -name '*.rs' -o -name '*.c') Cargo.toml Cargo.lock build.rs

.PHONY: all lib headers test clean

all: lib

lib: $(ARCHIVE)

# The names on the checked list, as they leave this archive. panicf and _logf are the program's: never prefixed.
$(NAMES): $(SYMBOLS) Makefile
	@mkdir -p $(OUT)
	@sed -e '/^#/d' $(DROP) -e '/^panicf$$/b' -e '/^_logf$$/b' -e 's/^/$(PREFIX)/' $< > $@

# One object with nothing global but those names: the library never clashes with its users. What only the parts that were
# left out needed is not asked of them either.
$(ARCHIVE): $(SOURCES) $(NAMES)
	@$(CARGO) rustc -q --lib --crate-type staticlib --profile $(PROFILE) \
	    --no-default-features --features $(FEATURES) $(if $(TARGET),--target $(TARGET) -- -C relocation-model=static)
	@$(LD) -r $(LDFLAGS) --gc-sections $$(sed 's/^/-u /' $(NAMES)) -o $(OUT)/rockmem.o $(BUILT)/librockmem.a
	@$(OBJCOPY) $(STRIP) --keep-global-symbols=$(NAMES) $(OUT)/rockmem.o
	@$(OBJCOPY) --strip-unneeded $(OUT)/rockmem.o $(OUT)/needed.o
	@$(NM) -u $(OUT)/rockmem.o $(OUT)/needed.o | awk 'NF == 2 { print $$2 }' | sort | uniq -u > $(OUT)/unused.txt
	@[ ! -s $(OUT)/unused.txt ] || $(OBJCOPY) --strip-symbols=$(OUT)/unused.txt $(OUT)/rockmem.o
	@rm -f $@ $(OUT)/needed.o
	@$(AR) crs $@ $(OUT)/rockmem.o
	@echo "$@"

headers:
	@mkdir -p build
	@$(CARGO) test -q --test headers -- --ignored --exact write_headers --nocapture >build/headers.log 2>&1 \
	    || { cat build/headers.log; exit 1; }
	@grep '^include/' build/headers.log || echo "the headers are up to date"

test:
	@tools/need.sh cc c++ flock
	@tools/need.sh --try valgrind sndfile cc32 rust32 fsck.vfat
	@$(MAKE) -s lib PORT=host
	@$(MAKE) -s lib PORT=rockbox
	@tools/test.sh

# The example's and the benches' own rules: `run` and `bench`.
-include examples/player.mk
-include benches/bench.mk

clean:
	@rm -rf build
