# rockmem: `make` builds the library, `make run` plays a song with it, `make test` runs every test.
#
#   make                          build/librockmem.a for this machine
#   make PORT=rockbox             build/rockbox/librockmem.a: the players' port, built for this machine
#   make AUDIO_POOL=0             the library without the audio buffer pool
#   make PREFIXED=1               build/prefixed/…: every name begins with rockmem_; compile with -DROCKMEM_PREFIX
#   make TARGET=triple            build/…/triple/…: for another machine; players: docs/native.md. Where the Rust target is not
#                                 installed, its core is built from source with whichever rustc has the source beside it
#   make PLACES=1 …               players: a panic of the library's own tells its line
#   make headers                  remakes include/rockmem/*.h after a change in src/capi or symbols
#   make test                     everything there is to check; installs what it misses (as root) or says what to install
#   make cross                    of that, what runs on other processors, in qemu: C and Rust tests on ARM and MIPS
#   make size                     how large the players' archives are, beside their limits
#   make fsx                      the file system exerciser over our files, 200,000 operations for each of five seeds
#   make run [AUDIO=file]         the example player
#   make LEVEL=buflib             …/buflib/librockmem.a: the pool alone, for a program that keeps its own of the rest;
#                                 LEVEL=cache: with mappings and files, without buffering
#   make map [TRACE=file]         build/map.svg: what became of a pool over time, of a player's or of the trace's
#   make bench [REF=archive]      the workloads, beside another archive with the same C names
#   make clean

CARGO   ?= cargo
PORT    ?= host
CFLAGS  ?= -O2 -g

# The binary tools for a TARGET: the first set that is there. This machine's know their 32-bit sibling.
first-tools = $(firstword $(foreach prefix,$1,$(if $(shell command -v $(prefix)ld),$(prefix))) $1)
ifneq ($(filter arm% thumb%,$(TARGET)),)
  CROSS ?= $(call first-tools,arm-none-eabi- arm-elf-eabi- arm-linux-gnueabi-)
else ifneq ($(filter mipsel-%,$(TARGET)),)
  CROSS ?= $(call first-tools,mipsel-elf- mipsel-linux-gnu-)
endif
OBJCOPY ?= $(CROSS)objcopy
NM      ?= $(CROSS)nm
ifeq ($(origin LD),default)
  LD    := $(CROSS)ld
endif
ifeq ($(origin AR),default)
  AR    := $(CROSS)ar
endif

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
  STRIP    := --strip-debug --remove-section=.eh_frame --remove-section=.ARM.exidx* --remove-section=.comment
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

# A target folder of their own: no path of this machine stays in the archives, and cargo would build what it shares with
# tests and benches anew each time that changes.
TARGET_DIR := $(or $(CARGO_TARGET_DIR),target)/archives
REMAPPED   := --remap-path-prefix=$(or $(CARGO_HOME),$(HOME)/.cargo)=cargo --remap-path-prefix=$(CURDIR)=rockmem
BUILT      := $(TARGET_DIR)/$(PROFILE)
ifdef TARGET
  OUT      := $(OUT)/$(TARGET)
  LDFLAGS  += $(if $(filter i686-%,$(TARGET)),-m elf_i386)
  ifneq ($(filter %-none %-none-eabi,$(TARGET)),)
    BARE := yes
    # That nobody runs code on the stack is for a system to know: the tree's objects do not say it, and a linker that finds
    # it said by one warns of all others.
    STRIP += --remove-section=.note.GNU-stack
    # Where nothing else was asked: the smallest code; on x86-64 that would cost more time than it saves room.
    CARGO_ENV := CARGO_PROFILE_ROCKBOX_OPT_LEVEL=$(or $(CARGO_PROFILE_ROCKBOX_OPT_LEVEL),z)
    # Not every MIPS player has the instructions of the second release.
    RUSTFLAGS_OF_TARGET := $(if $(filter mipsel-%,$(TARGET)),-Ctarget-cpu=mips32 -Ctarget-feature=-mips32r2)
  endif
  sysroot-of = $(shell $1 --print sysroot 2>/dev/null)
  INSTALLED := $(wildcard $(call sysroot-of,$(or $(RUSTC),rustc))/lib/rustlib/$(TARGET))
  RUSTC_SRC := $(firstword $(foreach rustc,$(RUSTC) rustc /usr/bin/rustc,\
      $(if $(wildcard $(call sysroot-of,$(rustc))/lib/rustlib/src/rust/library/Cargo.lock),$(rustc))))
  # For a player the core, too, is made as small as can be; the one that Rust brings will do where its source is not there.
  ifeq ($(or $(if $(BARE),$(RUSTC_SRC)),$(if $(INSTALLED),,$(RUSTC_SRC))),)
    ifeq ($(INSTALLED),)
      $(error $(TARGET) is not installed (rustup target add), nor is the source of its core (rustup component add rust-src, \
          or Debian's packages rustc-web and rust-web-src))
    endif
    BUILT   := $(TARGET_DIR)/$(TARGET)/$(PROFILE)
  else
    # A folder of its own: another compiler, and tests may be building meanwhile.
    TARGET_DIR := $(TARGET_DIR)/from-source
    BUILT      := $(TARGET_DIR)/$(TARGET)/$(PROFILE)
    CARGO_ENV  += RUSTC=$(RUSTC_SRC) RUSTC_BOOTSTRAP=1
    CARGO_STD  := -Zbuild-std=core
    # A panic of ours tells no place unless it is asked to: the table of places is 6 % of the whole.
    RUSTFLAGS_OF_TARGET += $(if $(BARE),-Zlocation-detail=$(if $(PLACES),line,none))
    # Rust's ARM targets without a system keep a frame pointer, which nobody follows on a player: it costs a register, code
    # and stack.
    ifneq ($(and $(BARE),$(filter arm% thumb%,$(TARGET))),)
      SPEC      := $(TARGET_DIR)/$(TARGET).json
      CARGO_STD += $(if $(findstring json-target-spec,$(shell RUSTC_BOOTSTRAP=1 $(CARGO) -Z help 2>/dev/null)),-Zjson-target-spec)
    endif
  endif
endif

# A player has its own mem*, and on ARM all of the compiler's helpers: tools/helpers.sh.
HELPERS := $(if $(filter arm% thumb%,$(TARGET)),none,$(if $(BARE),no-mem,all))
ARCHIVE := $(OUT)/librockmem.a
NAMES   := $(OUT)/names.txt
SOURCES := $(shell find src -name '*.rs' -o -name '*.c') Cargo.toml Cargo.lock build.rs

.PHONY: all lib headers test cross size fsx clean

all: lib

lib: $(ARCHIVE)

# The names on the checked list, as they leave this archive. panicf and _logf are the program's: never prefixed.
$(NAMES): $(SYMBOLS) Makefile
	@mkdir -p $(OUT)
	@sed -e '/^#/d' $(DROP) -e '/^panicf$$/b' -e '/^_logf$$/b' -e 's/^/$(PREFIX)/' $< > $@

# One object with nothing global but those names: the library never clashes with its users. What only the parts that were
# left out needed is not asked of them either.
$(ARCHIVE): $(SOURCES) $(NAMES)
	@$(if $(SPEC),mkdir -p $(TARGET_DIR) && RUSTC_BOOTSTRAP=1 $(RUSTC_SRC) -Zunstable-options --print target-spec-json \
	    --target $(TARGET) | sed 's/"frame-pointer": *"always"/"frame-pointer": "may-omit"/' > $(SPEC))
	@CARGO_TARGET_DIR='$(TARGET_DIR)' $(CARGO_ENV) RUSTFLAGS='$(strip $(RUSTFLAGS) $(RUSTFLAGS_OF_TARGET) $(REMAPPED))' \
	    $(CARGO) rustc -q $(CARGO_STD) --lib \
	    --crate-type staticlib --profile $(PROFILE) --no-default-features --features $(FEATURES) \
	    $(if $(TARGET),--target $(or $(SPEC),$(TARGET)) -- -C relocation-model=static) 2>$(OUT)/cargo.log || { cat $(OUT)/cargo.log; exit 1; }
	@$(OBJCOPY) --remove-section=.llvmbc --remove-section=.llvmcmd $(BUILT)/librockmem.a $(OUT)/whole.a
	@[ $(HELPERS) = all ] || tools/helpers.sh $(HELPERS) $(OUT)/whole.a '$(AR)' '$(OBJCOPY)'
	@$(LD) -r $(LDFLAGS) --gc-sections $$(sed 's/^/-u /' $(NAMES)) -o $(OUT)/rockmem.o $(OUT)/whole.a
	@$(OBJCOPY) $(STRIP) --keep-global-symbols=$(NAMES) $(OUT)/rockmem.o
	@$(OBJCOPY) --strip-unneeded $(OUT)/rockmem.o $(OUT)/needed.o
	@$(NM) -u $(OUT)/rockmem.o $(OUT)/needed.o | awk 'NF == 2 { print $$2 }' | sort | uniq -u > $(OUT)/unused.txt
	@[ ! -s $(OUT)/unused.txt ] || $(OBJCOPY) --strip-symbols=$(OUT)/unused.txt $(OUT)/rockmem.o
	@rm -f $@ $(OUT)/needed.o $(OUT)/whole.a
	@$(AR) crs $@ $(OUT)/rockmem.o
	@echo "$@"

headers:
	@mkdir -p build
	@$(CARGO) test -q --test headers -- --ignored --exact write_headers --nocapture >build/headers.log 2>&1 \
	    || { cat build/headers.log; exit 1; }
	@grep '^include/' build/headers.log || echo "the headers are up to date"

CROSS_TOOLS := qemu-arm qemu-mipsel qemu-system-arm arm-none-eabi-gcc arm-linux-gnueabi-gcc mipsel-linux-gnu-gcc rust-source

cross:
	@tools/need.sh cc flock $(CROSS_TOOLS)
	@tools/test.sh cross

size:
	@tools/need.sh flock arm-none-eabi-gcc mipsel-linux-gnu-gcc rust-source
	@tools/size.sh

test:
	@tools/need.sh cc c++ flock
	@tools/need.sh --try fsx valgrind sndfile cc32 rust32 fsck.vfat
	@tools/need.sh --try $(CROSS_TOOLS)
	@$(MAKE) -s lib PORT=host
	@$(MAKE) -s lib PORT=rockbox
	@tools/test.sh

fsx:
	@tools/need.sh cc flock fsx
	@FSX_OPERATIONS=200000 FSX_SEEDS=5 $(CARGO) test -q --test fsx

# The examples' and the benches' own rules: `run`, `map` and `bench`.
-include examples/player.mk
-include examples/pool_map.mk
-include benches/bench.mk

clean:
	@rm -rf build
