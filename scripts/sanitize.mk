# sanitize.mk -- `make asan ubsan tsan`: the hosted runtime and programs under a sanitizer, in build/asan and so on.
#
# Goroutines have large stacks, switches are announced (tests/host/san/switch.c), there are no signals (tests/host/san/san.h).
# The unit tests are built with ASan and UBSan in any case (make test); here they run, too, those with threads under TSan.

SAN_KINDS := asan ubsan tsan
SAN_asan  := -fsanitize=address
SAN_ubsan := -fsanitize=undefined -fno-sanitize-recover=undefined
# The scheduler never returns from most of its calls: the record of calls would grow without end.
SAN_tsan  := -fsanitize=thread -Wno-tsan
SAN_tsan_rt := --param=tsan-instrument-func-entry-exit=0
# What runs: programs that give way by themselves, and under the thread sanitizer, which is slow, those without time limits.
SAN_PROGRAMS_tsan  := $(addsuffix .c,$(addprefix tests/metal/t_,chan select) apps/sieve)
SAN_PROGRAMS_ubsan := $(SAN_PROGRAMS_tsan) $(addsuffix .c,$(addprefix tests/metal/t_,sync timer steal spawn park lang))
SAN_PROGRAMS_asan  := $(SAN_PROGRAMS_ubsan)
SAN_UNITS_asan     := $(UNIT_TESTS)
SAN_UNITS_tsan     := $(patsubst tests/unit/%.c,$(B)/tsan/unit/%,$(shell grep -l pthread_create tests/unit/*.c))
SAN_CPUS     ?= 4
SAN_TIMEOUT  ?= 60
SAN_ENV := BURROW_CPUS=$(SAN_CPUS) BURROW_MEM=2G ASAN_OPTIONS=detect_leaks=0:detect_stack_use_after_return=0 \
  UBSAN_OPTIONS=print_stacktrace=1 TSAN_OPTIONS=halt_on_error=1:report_signal_unsafe=0:history_size=2

SAN_COMMON := $(filter-out -O2 -fno-strict-aliasing,$(CFLAGS_COMMON)) -O1 -fno-strict-aliasing -Wno-maybe-uninitialized -Wno-missing-braces \
  -include tests/host/san/hooks.h -DRT_HOSTED
# From tests/host: what does not touch signals, cores and time. switch.c is not instrumented.
SAN_LINUX := tests/host/main.c tests/host/plat_console.c tests/host/plat_mem.c $(wildcard tests/host/san/*.c)

# $1 kind
define san_rules
$(B)/$1/obj/rt/%.c.o: rt/%.c
	$$(call say,$1,$$<)
	@mkdir -p $$(@D)
	$$(Q)$$(CC) $$(SAN_COMMON) $$(SAN_$1) $$(SAN_$1_rt) -MMD -MP -c -o $$@ $$<
$(B)/$1/obj/tests/host/%.c.o: tests/host/%.c
	$$(call say,$1,$$<)
	@mkdir -p $$(@D)
	$$(Q)$$(CC) $$(CFLAGS_PLAT_LINUX) $$(if $$(filter tests/host/san/switch.c,$$<),,$$(SAN_$1) $$(SAN_$1_rt)) -MMD -MP -c -o $$@ $$<
$(B)/$1/obj/app/%.c.o: %.c
	$$(call say,$1,$$<)
	@mkdir -p $$(@D)
	$$(Q)$$(CC) $$(SAN_COMMON) $$(SAN_$1) -MMD -MP -c -o $$@ $$<
$(B)/$1/obj/%.asm.o: %.asm $(B)/$1/offsets.inc
	@mkdir -p $$(@D)
	$$(Q)$$(NASM) $$(filter-out -I$(B)/,$$(NASMFLAGS)) -I$(B)/$1/ -DHOSTED -o $$@ $$<
$(B)/$1/offsets.inc: rt/offsets.c scripts/asm_offsets.sh tests/host/san/hooks.h
	@mkdir -p $$(@D)
	$$(Q)CFLAGS='$$(SAN_COMMON)' scripts/asm_offsets.sh $$@ $$<
$(B)/$1/%: $(B)/$1/obj/app/%.c.o $(patsubst %,$(B)/$1/obj/%.o,$(RT_SRCS) $(SAN_LINUX)) scripts/app.ld
	@mkdir -p $$(@D)
	$$(Q)$$(LD) -r -T scripts/app.ld -o $$@.app.o $$<
	$$(Q)$$(OBJCOPY) --redefine-sym main=app_main $$@.app.o
	$$(Q)$$(CC) -no-pie -pthread -Wl,-z,noexecstack,-z,now $$(SAN_$1) -o $$@ $$@.app.o $$(filter-out $$<,$$(filter %.o,$$^))
.PRECIOUS: $(B)/$1/obj/app/%.c.o
$(B)/$1/unit/%: tests/unit/%.c scripts/build_unit $(B)/flags $(B)/offsets.inc
	$$(call say,$1,$$<)
	$$(Q)CFLAGS='$$(CFLAGS_UNIT)' SANITIZE='$$(SAN_$1)' NASMFLAGS='$$(NASMFLAGS)' scripts/build_unit $$@ $$<
$1-build: $(SAN_UNITS_$1) $(patsubst %.c,$(B)/$1/%,$(SAN_PROGRAMS_$1))
.PHONY: $1 $1-build
-include $(wildcard $(B)/$1/obj/*/*.d $(B)/$1/obj/*/*/*.d $(B)/$1/obj/*/*/*/*.d)
endef
$(foreach k,$(SAN_KINDS),$(eval $(call san_rules,$k)))

asan: ## Run unit tests and hosted programs under the address sanitizer
ubsan: ## Run hosted programs under the undefined behaviour sanitizer
tsan: ## Run hosted programs under the thread sanitizer
$(SAN_KINDS):
	$(call need,build)
	@$(BUILD) $@-build
	@failed=; for p in $(SAN_UNITS_$@) $(patsubst %.c,$(B)/$@/%,$(SAN_PROGRAMS_$@)); do printf '  %s: ' $$p; \
	  if $(SAN_ENV) nice timeout $(SAN_TIMEOUT) $$p > $(B)/$@/log 2>&1; then tail -1 $(B)/$@/log; \
	  else echo "FAILED, status $$?"; tail -60 $(B)/$@/log; failed=1; fi; done; test -z "$$failed"
