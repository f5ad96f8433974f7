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
# What runs: programs that judge no times, count no asynchronous preemptions, and do not measure stacks.
SAN_PROGRAMS := $(addsuffix .c,$(addprefix tests/metal/t_,chan select sync timer spawn steal park wake fair prio pin procs \
  owncore lockthread rtloop sleepspin roots recover lang) apps/sieve apps/pingpong) apps/sha256sum
# The collector, with arguments behind @: the random mutator plainly, verified, and with a cycle at every second slow allocation; the other programs verified. Not
# t_gc_regs (vector registers, red zone), _refill (fills the machine), _share, _stop (count asynchronous preemptions), _deadlock, _unbarriered (end badly).
SAN_GC := $(addprefix tests/metal/t_,gc_mutator@1@3000 gc_mutator@GODEBUG=gcverify=1@2@3000 gc_mutator@GODEBUG=gcverify=1,gcstress=2@3@400 \
  gc_mutator@GODEBUG=gcpoison=1,gcstress=2@4@800 gc_cycle@GODEBUG=gcverify=1 gc_force@GODEBUG=gcforce=40,gcverify=1 gc_limit@GODEBUG=gcforce=0 \
  gc_lists@GODEBUG=gcverify=1@4@100@50 gc_map@GODEBUG=gcverify=1@8@20 gc_trace@GODEBUG=gctrace=1 gc_trees@GODEBUG=gcverify=1@8@1 \
  gc_words@GODEBUG=gcverify=1 gc_stacks@GODEBUG=gcverify=1@500@200 final@GODEBUG=gcverify=1@4000 memstats@GODEBUG=gcverify=1)
# Without what reads other goroutines' stacks whole, and not as the collector does.
SAN_RUNS_asan  := $(basename $(filter-out tests/metal/t_roots.c,$(SAN_PROGRAMS))) $(SAN_GC)
SAN_RUNS_ubsan := $(basename $(SAN_PROGRAMS)) $(SAN_GC)
SAN_RUNS_tsan  := $(SAN_RUNS_ubsan)
$(foreach k,$(SAN_KINDS),$(eval SAN_PROGRAMS_$k := $(sort $(foreach r,$(SAN_RUNS_$k),$(firstword $(subst @, ,$r))))))
SAN_UNITS_asan     := $(UNIT_TESTS)
SAN_UNITS_tsan     := $(patsubst tests/unit/%.c,$(B)/tsan/unit/%,$(shell grep -l pthread_create tests/unit/*.c))
SAN_CPUS     ?= 4
SAN_TIMEOUT  ?= 120
SAN_ENV := BURROW_CPUS=$(SAN_CPUS) BURROW_MEM=2G BURROW_FILES=$(B)/san.blob ASAN_OPTIONS=detect_leaks=0:detect_stack_use_after_return=0 \
  UBSAN_OPTIONS=print_stacktrace=1 TSAN_OPTIONS=halt_on_error=1:report_signal_unsafe=0:history_size=2

SAN_COMMON := $(filter-out -O2 -fno-strict-aliasing,$(CFLAGS_COMMON)) -O1 -fno-strict-aliasing -Wno-maybe-uninitialized -Wno-missing-braces \
  -include tests/host/san/hooks.h -DRT_HOSTED
# Programs call __sanitizer_cov_trace_pc in each basic block: there they are preempted (tests/host/san/switch.c).
# They are slow, too: long loops of the tests are shorter (SOME_TIMES, tests/metal/check.h).
SAN_PREEMPT := -fsanitize-coverage=trace-pc -DSANITIZED
# From tests/host: what does not touch signals, cores and time. switch.c is not instrumented.
SAN_LINUX := tests/host/main.c tests/host/plat_console.c tests/host/plat_input.c tests/host/plat_side.c tests/host/plat_mem.c $(wildcard tests/host/san/*.c)

# A program's objects are linked into one, with all code in app_text, as in scripts/apps.mk. $1 kind
san_link = mkdir -p $(@D) && $(LD) -r -T scripts/app.ld -o $@.app.o $(filter $(B)/$1/obj/app/%,$^) && \
  $(OBJCOPY) --redefine-sym main=app_main $@.app.o && \
  $(CC) -no-pie -pthread -Wl,-z,noexecstack,-z,now $(SAN_$1) -o $@ $@.app.o $(filter-out $(B)/$1/obj/app/%,$(filter %.o,$^))

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
$(B)/$1/obj/app/%.c.o: %.c scripts/sanitize.mk
	$$(call say,$1,$$<)
	@mkdir -p $$(@D)
	$$(Q)$$(CC) $$(SAN_COMMON) $$(SAN_$1) $$(SAN_PREEMPT) -MMD -MP -c -o $$@ $$<
$(B)/$1/obj/%.asm.o: %.asm $(B)/$1/offsets.inc
	@mkdir -p $$(@D)
	$$(Q)$$(NASM) $$(filter-out -I$(B)/,$$(NASMFLAGS)) -I$(B)/$1/ -DHOSTED -o $$@ $$<
$(B)/$1/offsets.inc: rt/offsets.c scripts/asm_offsets.sh tests/host/san/hooks.h
	@mkdir -p $$(@D)
	$$(Q)CFLAGS='$$(SAN_COMMON)' scripts/asm_offsets.sh $$@ $$<
$(B)/$1/%: $(B)/$1/obj/app/%.c.o $(patsubst %,$(B)/$1/obj/%.o,$(RT_SRCS) $(SAN_LINUX)) scripts/app.ld
	$$(Q)$$(call san_link,$1)
$(B)/$1/apps/sha256sum: $(patsubst %,$(B)/$1/obj/app/%.o,$(wildcard apps/sha256sum/*.c)) \
  $(patsubst %,$(B)/$1/obj/%.o,$(RT_SRCS) $(SAN_LINUX)) scripts/app.ld
	$$(Q)$$(call san_link,$1)
.PRECIOUS: $(B)/$1/obj/app/%.c.o
$(B)/$1/unit/%: tests/unit/%.c scripts/build_unit $(B)/flags $(B)/offsets.inc
	$$(call say,$1,$$<)
	$$(Q)CFLAGS='$$(CFLAGS_UNIT)' SANITIZE='$$(SAN_$1)' NASMFLAGS='$$(NASMFLAGS)' scripts/build_unit $$@ $$<
$1-build: $(SAN_UNITS_$1) $(addprefix $(B)/$1/,$(SAN_PROGRAMS_$1)) $(B)/san.sums
.PHONY: $1 $1-build
-include $(wildcard $(B)/$1/obj/*/*.d $(B)/$1/obj/*/*/*.d $(B)/$1/obj/*/*/*/*.d)
endef
$(foreach k,$(SAN_KINDS),$(eval $(call san_rules,$k)))

# What apps/sha256sum reads, and what it must say.
$(B)/san.blob: scripts/pack_blob.py $(wildcard rt/*.c)
	$(Q)scripts/pack_blob.py --out $@ rt
$(B)/san.sums: $(B)/san.blob
	$(Q)(cd rt && find . -type f | LC_ALL=C sort | xargs sha256sum) > $@

asan: ## Run unit tests and hosted programs under the address sanitizer
ubsan: ## Run hosted programs under the undefined behaviour sanitizer
tsan: ## Run hosted programs under the thread sanitizer
$(SAN_KINDS):
	$(call need,build)
	@$(BUILD) $@-build
	@failed=; for run in $(SAN_UNITS_$@) $(addprefix $(B)/$@/,$(SAN_RUNS_$@)); do run=$$(echo "$$run" | tr @ ' '); p=$${run%% *}; printf '  %s: ' "$$run"; \
	  $(SAN_ENV) nice timeout $(SAN_TIMEOUT) $$run > $(B)/$@/log 2>&1; status=$$?; \
	  case $$p in */sha256sum) [ $$status != 0 ] || cmp $(B)/$@/log $(B)/san.sums >> $(B)/$@/log 2>&1 || status="0, sums differ" ;; esac; \
	  if [ "$$status" = 0 ]; then tail -1 $(B)/$@/log; \
	  else echo "FAILED, status $$status"; head -40 $(B)/$@/log; [ $$(wc -l < $(B)/$@/log) -le 40 ] || { echo ...; tail -40 $(B)/$@/log; }; failed=1; fi; done; test -z "$$failed"
