# fuzz.mk -- the fuzzers: build/fuzz/fuzz_NAME from tests/fuzz/fuzz_NAME.c, as unit tests are built, but by clang.

# Seconds over all fuzzers; empty: the short run with a fixed seed. FUZZ: some names only.
FUZZ_SECONDS ?=
FUZZ_SEED    ?= 1
FUZZ         ?=

FUZZERS     := $(patsubst tests/fuzz/%.c,$(B)/fuzz/%,$(wildcard tests/fuzz/fuzz_*.c))
CFLAGS_FUZZ := $(filter-out -fno-tree-loop-distribute-patterns,$(CFLAGS_UNIT)) -Wno-unknown-warning-option
FUZZ_CHECKS := -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=undefined

$(B)/fuzz/%: tests/fuzz/%.c tests/fuzz/fuzz.h scripts/build_unit $(B)/flags
	$(call say,FUZZER,$<)
	$(Q)CC='$(CLANG)' CFLAGS='$(CFLAGS_FUZZ)' SANITIZE='$(FUZZ_CHECKS)' scripts/build_unit $@ $<
-include $(FUZZERS:=.d)

.PHONY: fuzzers
fuzzers: $(FUZZERS)
