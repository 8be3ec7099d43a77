# `make run [AUDIO=file] [ARGS=options]`: the example player, linked as the README says, plays and checks a song.

AUDIO ?=
ARGS  ?=

PLAYER_OUT     := build/player
PLAYER         := $(PLAYER_OUT)/player
PLAYER_CFLAGS  := -std=gnu11 -Wall -Wextra
PLAYER_SOURCES := $(sort $(wildcard examples/player/*.c))
PLAYER_ARCHIVE := build/librockmem.a

.PHONY: run player player-needs

run: player
	@$(PLAYER) $(ARGS) $(if $(AUDIO),-- "$$AUDIO")

player: player-needs
	@$(MAKE) -s $(PLAYER) PORT=host LEVEL= AUDIO_POOL=1 PREFIXED= TARGET=

player-needs:
	@tools/need.sh cc sndfile

ifeq ($(ARCHIVE),$(PLAYER_ARCHIVE))
$(PLAYER): $(PLAYER_ARCHIVE) $(PLAYER_SOURCES) $(wildcard examples/player/*.h include/rockmem/*.h)
	@mkdir -p $(@D)
	@$(CC) $(CFLAGS) $(PLAYER_CFLAGS) -Iinclude $(PLAYER_SOURCES) $< -lpthread -ldl -lm \
	    $$(pkg-config --cflags --libs sndfile) -o $@
endif
