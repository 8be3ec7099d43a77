# `make map [TRACE=file] [SVG=file]`: draws what becomes of a pool over time; without a trace, of a player's.

TRACE ?=
SVG   ?= build/map.svg

.PHONY: map

map:
	@mkdir -p build
	@$(if $(TRACE),,$(CARGO) run -q --example pool_map -- --player build/player.txt >/dev/null)
	@$(CARGO) run -q --example pool_map -- "$(or $(TRACE),build/player.txt)" "$(SVG)"
