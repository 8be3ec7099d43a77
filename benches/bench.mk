# `make bench [REF=path] [ONLY=program]`: the workloads of benches/c in one table.
#
# The same programs are linked with our archive and with REF, any archive or object with the same C
# names. Both are compiled with the inline accessors (ROCKMEM_THREADS=0), which is the layout that
# the C original has too; where the host's locks show, the default header is measured as well. BENCH_ALONE has no
# counterpart there.
# REF_INCLUDE: another folder of headers for REF, with rockmem/buflib.h in it.

REF         ?=
REF_INCLUDE ?= include
ONLY        ?=
OURS        ?= build/librockmem.a

BENCH_OUT      := build/bench
BENCH_PROGRAMS := churn shrink pin holes room trace heap
BENCH_ALONE    := mmap
BENCH_LOCKS    := pin
BENCH_CFLAGS   := -std=gnu11 -O2 -g -Wall -Wextra -fno-builtin-logf
BENCH_LIBS     := -lpthread -ldl -lm

bench_sources = benches/c/$(1).c benches/c/bench.c $(if $(filter holes room trace,$(1)),benches/c/world.c) \
                $(if $(filter mmap,$(1)),benches/c/nothing.c)
bench_files   := $(wildcard benches/c/*.c benches/c/*.h include/rockmem/*.h)
bench_targets := $(patsubst %,$(BENCH_OUT)/ours/%,$(BENCH_PROGRAMS) $(BENCH_ALONE)) \
                 $(BENCH_LOCKS:%=$(BENCH_OUT)/locks/%) \
                 $(if $(REF),$(BENCH_PROGRAMS:%=$(BENCH_OUT)/ref/%))

.PHONY: bench bench-ref-may-be-another

bench: $(bench_targets)
	@BENCH_OURS=$(BENCH_OUT)/ours BENCH_LOCKS=$(BENCH_OUT)/locks BENCH_REF=$(if $(REF),$(BENCH_OUT)/ref) \
	    ONLY=$(ONLY) $(CARGO) bench -q --bench driver
	@$(if $(filter-out audio_pool,$(ONLY)),,$(CARGO) bench -q --bench audio_pool)
	@$(if $(filter-out files,$(ONLY)),,$(CARGO) bench -q --bench files)
	@$(if $(filter-out buffering,$(ONLY)),,$(CARGO) bench -q --bench buffering)
	@$(if $(filter-out files,$(ONLY)),,$(MAKE) -s $(BENCH_OUT)/player/hit PORT=rockbox OURS=build/rockbox/librockmem.a)
	@$(if $(filter-out files,$(ONLY)),,$(BENCH_OUT)/player/hit)

# The players' port, for this machine: its program brings the glue.
$(BENCH_OUT)/player/hit: $(OURS) $(bench_files)
	@mkdir -p $(@D)
	@$(CC) $(BENCH_CFLAGS) -DROCKMEM_THREADS=0 -Iinclude benches/c/hit.c benches/c/bench.c $(OURS) $(BENCH_LIBS) -o $@

$(BENCH_OUT)/ours/%: $(OURS) $(bench_files)
	@mkdir -p $(@D)
	@$(CC) $(BENCH_CFLAGS) -DROCKMEM_THREADS=0 -Iinclude $(call bench_sources,$*) $(OURS) $(BENCH_LIBS) -o $@

$(BENCH_OUT)/locks/%: $(OURS) $(bench_files)
	@mkdir -p $(@D)
	@$(CC) $(BENCH_CFLAGS) -Iinclude $(call bench_sources,$*) $(OURS) $(BENCH_LIBS) -o $@

$(BENCH_OUT)/ref/%: bench-ref-may-be-another $(bench_files)
	@mkdir -p $(@D)
	@$(CC) $(BENCH_CFLAGS) -DROCKMEM_THREADS=0 -I$(REF_INCLUDE) $(call bench_sources,$*) $(REF) $(BENCH_LIBS) -o $@
