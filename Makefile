# Burrow -- builds, boots and tests programs on the runtime. `make` alone lists what it can do.
#
# This file holds the commands; scripts/*.mk hold the rules: flags.mk the tools and flags, objects.mk the runtime and the
# kernel, apps.mk a program and its image, boot/boot.mk the loader and the disk images. All output goes to build/.

.DEFAULT_GOAL := help
.SUFFIXES:
.DELETE_ON_ERROR:
SHELL := /bin/bash
MAKEFLAGS += --no-builtin-rules --no-print-directory

# What to run, and how. A program is a .c or .go file, a directory of them, or a bare name looked up in apps/.
APP     ?= apps/wordfreq
SMP     ?= 4
MEM     ?= 512M
# Command line of the machine: knobs, then the program's arguments.
ARGS    ?=
CMDLINE ?= $(or $(ARGS),$(app_cmdline))
BOOT    ?= uefi
ACCEL   ?= auto
# Seconds until a run is given up; 0: never.
TIMEOUT ?= 0
# Further options for QEMU.
QEMU_ARGS ?=
# "no": a missing package is named, not installed.
DEPS    ?= yes
# For `make test`, for example: PYTEST_ARGS='-k boot -x'
PYTEST_ARGS ?= --durations=8
# 1: lock rank checks and assertions, in build/debug.
DEBUG   ?=
JOBS    ?= $(shell nproc)
export CMDLINE QEMU_ARGS

include scripts/flags.mk
include scripts/objects.mk
include scripts/go.mk
include scripts/go_std.mk
include scripts/apps.mk
-include boot/boot.mk
include scripts/sim.mk
include scripts/sanitize.mk
include scripts/fuzz.mk
include scripts/mutants.mk
include scripts/glass.mk
include scripts/given.mk

# One build at a time in a tree: two would write the same files.
BUILD = mkdir -p $(B) && flock $(B)/.lock $(MAKE) $(if $(V),,-s) $(if $(findstring -j,$(MAKEFLAGS)),,-j$(JOBS))
# A program in Go needs its compiler.
GO_PACKAGES = $(if $(filter %.go,$(call app_srcs,$(APP_FILE))), go)
need = @scripts/deps --install=$(DEPS) $1
run_options = --boot $(call quote,$(BOOT)) --smp=$(call quote,$(SMP)) --mem=$(call quote,$(MEM)) \
  --accel $(call quote,$(ACCEL)) --timeout $(call quote,$(TIMEOUT))
report = status=$$?; echo "exit status $$status"; exit $$status
# The file each way to boot needs.
boot_file_uefi := $(B)/$(NAME).img
boot_file_iso  := $(B)/$(NAME).iso
boot_file_pvh  := $(B)/$(NAME).elf
boot_file = $(or $(boot_file_$(BOOT)),$(error BOOT=$(BOOT): expected uefi, iso or pvh; as a process of this system: make host$(comma) and BOOT=host for make trace and make profile))

.PHONY: help run host iso licences debug record replay test nightly soak fuzz check bench bench-vs-go images clean deps
help: ## List the commands
	@echo 'Burrow: make COMMAND [NAME=value ...]'
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1 \t\2/p' $(filter Makefile %.mk,$(MAKEFILE_LIST)) | expand -t 18
	@echo 'Variables, with their present values:'
	@printf '  %s\n' $(call quote,APP=$(APP)) $(call quote,SMP=$(SMP)  MEM=$(MEM)) \
	  $(call quote,CMDLINE="$(CMDLINE)"  (knobs$(comma) then arguments)) \
	  $(call quote,FILES=$(FILES)  (directory packed into the image)) 'BOOT=uefi|iso|pvh  ACCEL=auto|kvm|tcg  TIMEOUT=seconds' \
	  $(call quote,QEMU_ARGS="$(QEMU_ARGS)"  (further options of QEMU)) 'CMDLINE_TXT=FILE  (for iso: a command line from a file)' \
	  'DEBUG=1  (assertions, lock checks)  BLIND=1  (no hooks for traces)  V=1  (show commands)  DEPS=no  (never install packages)'

run: ## Boot a program in QEMU (APP, SMP, MEM, CMDLINE, FILES, BOOT)
	$(call need,build run$(GO_PACKAGES))
	@$(BUILD) $(sort $(boot_file) $(B)/$(NAME).elf)
	@scripts/run $(run_options) $(boot_file); $(report)

# The default is of machines; a process has 1 GiB if nothing else is said.
host_mem = $(if $(filter command environment,$(origin MEM)),BURROW_MEM=$(call quote,$(MEM)))
host: ## Run a program as a process of this system (APP, SMP, MEM, CMDLINE, FILES)
	$(call need,build$(GO_PACKAGES))
	@$(BUILD) $(B)/host/$(NAME)
	@$(host_mem) scripts/run --boot host --smp=$(call quote,$(SMP)) --timeout $(call quote,$(TIMEOUT)) $(B)/host/$(NAME); $(report)

image_files = $(foreach kind,efi iso img qcow2 NOTICE,$(B)/$(NAME).$(kind))
iso: ## Leave build/<app>.efi, .iso, .img, .qcow2 for real and virtual machines, and NOTICE (APP, FILES, CMDLINE)
	$(call need,build image$(GO_PACKAGES))
	@$(BUILD) IMAGE_CMDLINE=yes $(image_files)
	@ls -l $(image_files)

licences: ## List what is linked into a program's image, under which licence; texts in build/<app>.NOTICE (APP)
	$(call need,build$(GO_PACKAGES))
	@$(BUILD) $(B)/$(NAME).NOTICE
	@cat $(B)/$(NAME).NOTICE.list

debug: ## Boot by PVH and wait for gdb (APP, SMP, MEM, CMDLINE)
	$(call need,build run$(GO_PACKAGES))
	@$(BUILD) $(B)/$(NAME).elf
	@scripts/run $(run_options) --boot pvh --accel tcg --gdb $(B)/$(NAME).elf; $(report)

record: ## Boot by PVH on one core and write down what makes the run repeatable (APP, MEM, CMDLINE)
	$(call need,build run$(GO_PACKAGES))
	@$(BUILD) $(B)/$(NAME).elf
	@scripts/run --boot pvh --smp 1 --mem=$(call quote,$(MEM)) --timeout $(call quote,$(TIMEOUT)) --record $(B)/$(NAME).run $(B)/$(NAME).elf; $(report)

replay: ## Repeat the recorded run exactly (APP; GDB=1: wait for gdb)
	$(call need,run)
	@scripts/run --timeout '$(TIMEOUT)' --replay $(B)/$(NAME).run $(if $(GDB),--gdb); $(report)

test: ## Do everything that CI checks
	$(call need,build run test)
	@env -u CMDLINE -u QEMU_ARGS $(PYTHON) -m pytest tests $(PYTEST_ARGS) # exported above, for others: empty is not the same as not given

nightly: ## Do the long tests, two hours or more; summary in build/nightly.log (ARGS: options of scripts/nightly)
	$(call need,build run test nightly)
	@env -u ARGS -u MAKEFLAGS -u MAKEOVERRIDES -u MFLAGS scripts/nightly $(ARGS)

soak: ## Everything in one machine, round after round, until MINUTES are over; counters must return (SMP, MEM)
	$(call need,build run)
	@$(BUILD) $(B)/soak.elf
	@scripts/run --boot pvh --accel $(call quote,$(ACCEL)) --smp=$(call quote,$(SMP)) --mem=$(call quote,$(MEM)) --cmdline '$(or $(MINUTES),60)' $(B)/soak.elf; $(report)

fuzz: ## Run every fuzzer (FUZZ_SECONDS, FUZZ: names)
	$(call need,build fuzz)
	@$(BUILD) fuzzers
	@scripts/fuzz --build $(B) --seed $(FUZZ_SEED) $(if $(FUZZ_SECONDS),--seconds $(FUZZ_SECONDS)) $(FUZZ)

check: ## Check layers, registers and stack use of the runtime and the kernel
	$(call need,build$(GO_PACKAGES))
	@$(BUILD) checks

bench: ## Print instructions per operation and native times (ARGS: some names only)
	$(call need,build run$(GO_PACKAGES))
	@$(BUILD) bench-images $(B)/hello.elf $(B)/hello.efi
	@scripts/bench $(B) $(ARGS)

bench-vs-go: ## Count and time the same work on Burrow and on Linux (ARGS: names; --record: into docs)
	$(call need,build run versus)
	@$(BUILD) bench-go-images
	@scripts/bench_vs_go $(B) $(ARGS)

images: ## Build every program, test image and unit test
	@$(BUILD) test-images unit-tests

deps: ## Install the packages that building, running and testing need
	$(call need,build run test)

clean: ## Remove build/
	rm -rf build
