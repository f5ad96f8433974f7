# sim.mk -- the simulated machine (tests/host/sim): build/sim/CASE for each tests/sim/CASE.c, and `make sim`.
#
# The runtime is compiled once more, with assertions, with an interleaving point in front of every atomic operation
# (tests/host/sim/point.h) and with its variables in sections of their own (see tests/host/sim/world.c).

# Random schedules for each case, and the first seed.
SEEDS ?= 2000
SEED  ?= 1
# Search: deviations from the default schedule, and schedules for each case at most.
BOUND ?= 2
LIMIT ?= 50000
# Names of some cases only.
CASE  ?=

SIM       := $(B)/sim
SIM_CASES := $(patsubst tests/sim/%.c,$(SIM)/%,$(wildcard tests/sim/*.c))
# Programs that must fail, and those of which few schedules are of interest or affordable: for tests/test_sim.py.
SIM_BAD   := $(patsubst tests/sim/%.c,$(SIM)/%,$(wildcard tests/sim/bad/*.c tests/sim/turns/*.c))
SIM_OBJS  := $(patsubst %,$(SIM)/obj/%.o,$(wildcard tests/host/sim/*.c tests/host/sim/*.asm))
SIM_RT    := $(patsubst %,$(SIM)/obj/%.o,$(RT_SRCS))
SIM_SMALL      := -DRT_DEBUG -DRUNQ_SIZE=256u
SIM_POINTS     := $(SIM_SMALL) -include tests/host/sim/point.h
CFLAGS_SIM     := $(CFLAGS_HOST) $(SIM_POINTS)
CFLAGS_SIM_APP := $(filter-out -Wframe-larger-than=4096,$(CFLAGS_APP)) $(SIM_POINTS) -Itests/host/sim

$(SIM)/obj/rt/%.c.o: rt/%.c
	$(call say,SIMCC,$<)
	@mkdir -p $(@D)
	$(Q)$(CC) $(if $(filter $<,$(FPU_SRCS)),$(filter-out -mgeneral-regs-only,$(CFLAGS_SIM)),$(CFLAGS_SIM)) -MMD -MP -c -o $@ $<
$(SIM)/obj/tests/host/sim/%.c.o: tests/host/sim/%.c
	$(call say,SIMCC,$<)
	@mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS_PLAT_LINUX) $(SIM_SMALL) -MMD -MP -c -o $@ $<
$(SIM)/obj/tests/sim/%.c.o: tests/sim/%.c
	$(call say,SIMCC,$<)
	@mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS_SIM_APP) -MMD -MP -c -o $@ $<
$(SIM)/obj/%.asm.o: %.asm $(SIM)/offsets.inc
	$(call say,NASM,$<)
	@mkdir -p $(@D)
	$(Q)$(NASM) $(filter-out -I$(B)/,$(NASMFLAGS)) -I$(SIM)/ -DHOSTED -MD $(@:.o=.d) -MP -o $@ $<
$(SIM)/offsets.inc: rt/offsets.c scripts/asm_offsets.sh tests/host/sim/point.h
	@mkdir -p $(@D)
	$(Q)CFLAGS='$(CFLAGS_SIM)' scripts/asm_offsets.sh $@ $<

# What a run changes, in one object: the runtime and the program.
$(SIM)/obj/%.world.o: $(SIM)/obj/tests/sim/%.c.o $(SIM_RT) scripts/app.ld
	@mkdir -p $(@D)
	$(Q)$(LD) -r -T scripts/app.ld -o $@.app $<
	$(Q)$(OBJCOPY) --redefine-sym main=app_main $@.app
	$(Q)$(LD) -r -o $@.all $@.app $(SIM_RT)
	$(Q)$(OBJCOPY) --rename-section .data=world_data --rename-section .bss=world_bss $@.all $@ && rm $@.app $@.all
$(SIM_CASES) $(SIM_BAD): $(SIM)/%: $(SIM)/obj/%.world.o $(SIM_OBJS)
	$(call say,SIM,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) -no-pie -Wl,-z,noexecstack,-z,now -o $@ $^

$(SIM_RT) $(SIM_OBJS) $(SIM)/offsets.inc: $(B)/flags scripts/sim.mk
.PRECIOUS: $(SIM)/obj/%.world.o $(SIM)/obj/tests/sim/%.c.o
-include $(SIM_RT:.o=.d) $(SIM_OBJS:.o=.d) $(SIM)/offsets.d $(patsubst $(SIM)/%,$(SIM)/obj/tests/sim/%.c.d,$(SIM_CASES) $(SIM_BAD))

sim_chosen = $(foreach case,$(CASE),$(or $(filter $(SIM)/$(case),$(SIM_CASES)),$(error CASE=$(case): no such case; known are $(notdir $(SIM_CASES)))))

.PHONY: sim sim-build
sim-build: $(SIM_CASES) $(SIM_BAD)
sim: ## Run the runtime on simulated cores: all small schedules, then SEEDS random ones (CASE: names; SEED, BOUND, LIMIT)
	$(call need,build)
	@$(BUILD) $(or $(sim_chosen),sim-build)
	@set -e; for c in $(or $(sim_chosen),$(SIM_CASES)); do nice $$c --bound=$(BOUND) --limit=$(LIMIT); \
	  nice $$c --seeds=$(SEEDS) --seed=$(SEED); done
