# objects.mk -- objects of the kernel, the drivers and the runtime, for the machine (build/metal) and for a process of
# the host system (build/host). One source tree, two sets of flags; plat.h is kernel/ there and tests/host/ here.

RT_SRCS     := $(filter-out rt/offsets.c,$(wildcard rt/*.c rt/x86_64/*.c)) $(wildcard rt/x86_64/*.asm)
KERNEL_SRCS := $(filter-out kernel/offsets.c,$(wildcard kernel/*.c kernel/*/*.c)) $(wildcard kernel/*.asm kernel/*/*.asm) \
               $(wildcard drivers/*.c drivers/*.asm)
LINUX_SRCS  := $(filter-out tests/host/plat_sim%,$(wildcard tests/host/*.c tests/host/*.asm))

objects = $(patsubst %,$(B)/$1/%.o,$2)
METAL_OBJS := $(call objects,metal,$(RT_SRCS) $(KERNEL_SRCS))
HOST_OBJS  := $(call objects,host,$(RT_SRCS) $(LINUX_SRCS))
# Linked into programs with Go code only (scripts/go.mk).
GO_RT_SRCS    := $(wildcard rt/go/*.c rt/go/*.asm)
GO_METAL_OBJS := $(call objects,metal,$(GO_RT_SRCS))
GO_HOST_OBJS  := $(call objects,host,$(GO_RT_SRCS))

# ---- C
$(B)/metal/%.c.o: %.c
	$(call say,CC,$<)
	@mkdir -p $(@D)
	$(Q)$(CC) $(if $(filter $<,$(FPU_SRCS)),$(filter-out -mgeneral-regs-only,$(CFLAGS_METAL)),$(CFLAGS_METAL)) $(if $(filter rt/%,$<),$(UNWIND_RT)) \
	  -MMD -MP -c -o $@ $<

$(B)/host/rt/%.c.o: rt/%.c
	$(call say,HOSTCC,$<)
	@mkdir -p $(@D)
	$(Q)$(CC) $(if $(filter $<,$(FPU_SRCS)),$(filter-out -mgeneral-regs-only,$(CFLAGS_HOST)),$(CFLAGS_HOST)) $(UNWIND_RT) \
	  -MMD -MP -c -o $@ $<

$(B)/host/tests/%.c.o: tests/%.c
	$(call say,HOSTCC,$<)
	@mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS_PLAT_LINUX) -MMD -MP -c -o $@ $<

# ---- assembly; offsets of C fields come from the compiler
$(B)/metal/%.asm.o: %.asm $(B)/offsets.inc
	$(call say,NASM,$<)
	@mkdir -p $(@D)
	$(Q)$(NASM) $(NASMFLAGS) -MD $(@:.o=.d) -MP -o $@ $<

$(B)/host/%.asm.o: %.asm $(B)/offsets.inc
	$(call say,NASM,$<)
	@mkdir -p $(@D)
	$(Q)$(NASM) $(NASMFLAGS) -DHOSTED -MD $(@:.o=.d) -MP -o $@ $<

$(B)/offsets.inc: $(wildcard rt/offsets.c kernel/offsets.c) scripts/asm_offsets.sh
	$(call say,OFFSETS,$@)
	@mkdir -p $(@D)
	$(Q)CFLAGS='$(CFLAGS_METAL)' scripts/asm_offsets.sh $@ $(filter %.c,$^)
-include $(B)/offsets.d

# A changed flag or compiler rebuilds everything.
$(B)/flags: FORCE
	@mkdir -p $(@D)
	@printf '%s\n' '$(CC) $(CFLAGS_METAL) $(CFLAGS_HOST) $(CFLAGS_APP) $(NASMFLAGS)' | cmp -s - $@ || \
	  printf '%s\n' '$(CC) $(CFLAGS_METAL) $(CFLAGS_HOST) $(CFLAGS_APP) $(NASMFLAGS)' > $@
$(METAL_OBJS) $(HOST_OBJS) $(GO_METAL_OBJS) $(GO_HOST_OBJS) $(B)/offsets.inc: $(B)/flags

# Which sources these are: the commit, and a hash of what differs from it. No dates, so that a build can be repeated.
$(B)/buildid: FORCE
	@mkdir -p $(@D)
	@new=$$(mktemp $@.XXXXXX); scripts/buildid > $$new; cmp -s $$new $@ && rm $$new || mv $$new $@

# ---- unit tests: build/unit/test_X from tests/unit/test_X.c and the files that its line "// units:" names
UNIT_TESTS := $(patsubst tests/unit/%.c,$(B)/unit/%,$(wildcard tests/unit/test_*.c))
$(B)/unit/%: tests/unit/%.c scripts/build_unit $(B)/flags $(B)/offsets.inc
	$(call say,UNIT,$<)
	$(Q)CFLAGS='$(CFLAGS_UNIT)' SANITIZE='$(SANITIZE)' NASMFLAGS='$(NASMFLAGS)' scripts/build_unit $@ $<
-include $(UNIT_TESTS:=.d)
.PHONY: unit-tests
unit-tests: $(UNIT_TESTS)

# ---- checks of what was built
.PHONY: checks FORCE
FORCE:
checks: check-layers check-regs check-stack
check-layers:
	$(call say,CHECK,layers)
	$(Q)scripts/check_layers.py
check-regs: $(METAL_OBJS) $(GO_METAL_OBJS)
	$(call say,CHECK,registers)
	$(Q)scripts/check_regs.py --except '$(FPU_SRCS)' $^
check-stack: $(METAL_OBJS) $(GO_METAL_OBJS) $(B)/doors $(B)/go/doors
	$(call say,CHECK,stack use)
	$(Q)cat $(B)/doors $(B)/go/doors > $(B)/all_doors
	$(Q)scripts/check_stack.py --doors $(B)/all_doors --table scripts/stack_indirect.txt $(filter %.o,$^)
.PHONY: check-layers check-regs check-stack

# The runtime's doors: what the public header declares. Programs may call these and nothing else.
$(B)/doors: rt/burrow.h $(wildcard rt/api/*.h) scripts/doors.sh $(B)/flags
	@mkdir -p $(@D)
	$(Q)CFLAGS='$(CFLAGS_APP)' scripts/doors.sh $@

-include $(METAL_OBJS:.o=.d) $(HOST_OBJS:.o=.d) $(GO_METAL_OBJS:.o=.d) $(GO_HOST_OBJS:.o=.d)

# ---- other compilations of the same sources
.PHONY: debug-objects clang-syntax
debug-objects: $(METAL_OBJS)
# clang sees other mistakes; it makes no object that is used. (Of tables by index, whose rows leave out their last fields on purpose, it would complain row by row.)
CLANG_SRCS := $(filter %.c,$(RT_SRCS) $(KERNEL_SRCS))
clang-syntax: $(CLANG_SRCS:%=clang-syntax/%)
clang-syntax/%: FORCE
	$(Q)$(CLANG) $(filter-out -fcallgraph-info=su -fno-tree-loop-distribute-patterns $(if $(filter $*,$(FPU_SRCS)),-mgeneral-regs-only),$(CFLAGS_METAL)) \
	  -Wno-unknown-warning-option -Wno-unknown-attributes -Wno-missing-field-initializers -fsyntax-only $*
