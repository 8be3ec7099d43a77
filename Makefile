# rockmem: `make` builds the library, `make run` plays a song with it, `make test` runs every test.
#
#   make                          build/librockmem.a for this machine, and the headers
#   make PORT=rockbox             build/rockbox/librockmem.a: the players' port, built for this machine
#   make bench [REF=path]         the workloads, beside another archive with the same C names

CARGO   ?= cargo
PORT    ?= host
CFLAGS  ?= -O2 -g
OBJCOPY ?= objcopy
LD      ?= ld
AR      ?= ar

ifeq ($(PORT),host)
  OUT     := build
  PROFILE := release
  CARGO_PORT :=
else ifeq ($(PORT),rockbox)
  OUT     := build/rockbox
  PROFILE := rockbox
  CARGO_PORT := --no-default-features --features rockbox
else
  $(error PORT is host or rockbox)
endif

TARGET_DIR := $(or $(CARGO_TARGET_DIR),target)
ARCHIVE := $(OUT)/librockmem.a
SYMBOLS := symbols/$(PORT).txt
SOURCES := $(shell find src -name '*.rs' -o -name '*.c') Cargo.toml Cargo.lock build.rs

.PHONY: all lib headers test run bench clean

all: lib

lib: $(ARCHIVE)

# One object with nothing global but the names on the checked list: the library never clashes with its users.
$(ARCHIVE): $(SOURCES) $(SYMBOLS)
	@mkdir -p $(OUT)
	@$(CARGO) rustc -q --lib --crate-type staticlib --profile $(PROFILE) $(CARGO_PORT)
	@$(LD) -r --gc-sections $(addprefix -u ,$(shell grep -v '^#' $(SYMBOLS))) -o $(OUT)/rockmem.o $(TARGET_DIR)/$(PROFILE)/librockmem.a
	@$(OBJCOPY) --keep-global-symbols=$(SYMBOLS) $(OUT)/rockmem.o
	@rm -f $@
	@$(AR) crs $@ $(OUT)/rockmem.o
	@echo "$@"

clean:
	@rm -rf build
