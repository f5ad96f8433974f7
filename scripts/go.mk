# go.mk -- programs written in Go: gccgo compiles, rt/go supplies the runtime, Debian's libgo.a without its own runtime the library.
#
# A program's objects and what it needs of the library are linked into one object, app.o, like a program in C; what that leaves undefined must be a
# function of rt/go or rt (scripts/go_link.py says what is missing, and who needs it). rt/go is linked into these programs only.

GCCGO_LIB := $(shell $(GCCGO) -print-file-name=libgo.a 2>/dev/null)
# The math functions of C that package math calls.
GOFLAGS_APP := -O2 -g -fsplit-stack -maccumulate-outgoing-args -fno-omit-frame-pointer -fno-pic -fno-pie -fcf-protection=none \
  -ffile-prefix-map=$(CURDIR)=. -I $(B)/go/import

FPU_SRCS += rt/go/print.c

# What libgo.a has of a runtime of its own.
GO_LIBGO_RUNTIME := runtime.o aeshash.o go-assert.o go-caller.o go-callers.o go-cgo.o go-ffi.o go-fieldtrack.o go-matherr.o go-memclr.o \
  go-memmove.o go-memequal.o go-nanotime.o go-now.o go-nosys.o go-reflect-call.o go-setenv.o go-signal.o go-unsetenv.o go-unwind.o \
  env_posix.o panic.o print.o proc.o runtime_c.o stack.o yield.o go-context.o go-construct-map.o

$(B)/go/libgo.a: $(GCCGO_LIB) scripts/go.mk
	$(call say,GOLIB,$@)
	@mkdir -p $(@D)
	$(Q)cp $< $@.new && ar d $@.new $(GO_LIBGO_RUNTIME) && mv $@.new $@

$(B)/go/libm.a: $(MUSL_LIB) scripts/go_libm scripts/go_libm.asm scripts/go_closure.asm
	$(call say,GOLIBM,$@)
	@mkdir -p $(@D)
	$(Q)scripts/go_libm $@ $<

# The compiler describes every function of the package as a value. That of MemProfile is taken out: it would link the heap profile, which slows allocation
# down, into every program (rt/go/pprof_heap.c has another).
$(B)/go/runtime.o: $(wildcard rt/go/runtime/*.go) $(B)/flags scripts/go.mk
	$(call say,GO,$@)
	@mkdir -p $(B)/go/import
	$(Q)$(GCCGO) $(GOFLAGS_APP) -fgo-pkgpath=runtime -fgo-compiling-runtime -c -o $@ $(filter %.go,$^)
	$(Q)$(OBJCOPY) -j .go_export $@ $(B)/go/import/runtime.gox
	$(Q)$(OBJCOPY) -R .rodata.runtime.MemProfile..f -R .rela.rodata.runtime.MemProfile..f -N runtime.MemProfile -N runtime.MemProfile..f $@

# Package burrow, for programs that want more than Go says.
$(B)/go/burrow.o: $(wildcard rt/go/burrow/*.go) $(B)/go/runtime.o $(B)/flags
	$(call say,GO,$@)
	@mkdir -p $(B)/go/import
	$(Q)$(GCCGO) $(GOFLAGS_APP) -fgo-pkgpath=burrow -c -o $@ $(filter %.go,$^)
	$(Q)$(OBJCOPY) -j .go_export $@ $(B)/go/import/burrow.gox

# A program of this system: it reads Go.
$(B)/go/header: scripts/go_header/main.go
	$(call say,GOHOST,$@)
	@mkdir -p $(@D)
	$(Q)$(GCCGO) -O -g -o $@ $<

# rt/go as archives: a program gets the files that it needs, and those that rt asks for when they are there (weak names).
GO_ROOTS := rt_go_raise rt_go_fault rt_go_walk_up rt_go_name rt_go_is_body rt_go_cycle_begins rt_go_panic
$(B)/go/rt-metal.a: $(GO_METAL_OBJS)
	@mkdir -p $(@D)
	$(Q)rm -f $@ && ar rcs $@ $^
$(B)/go/rt-host.a: $(GO_HOST_OBJS)
	@mkdir -p $(@D)
	$(Q)rm -f $@ && ar rcs $@ $^

go_packages = scripts/go_packages.py --gccgo $(GCCGO) --go $(GO_COMMAND) --objcopy $(OBJCOPY) --flags '$(GOFLAGS_APP)' \
  --our-import $(B)/go/import --our-objects $(B)/go --out $1

# ---- rules for one program: $1 name, $2 sources, $3 directory of its files ("" for none), $4 its place in the tree
define go_app_rules
$(call app_common_rules,$1,$2,$3,$4)
$(B)/app/$1/objects: $(if $(filter %.c,$2),$(B)/go/header $(B)/doors) $(B)/go/runtime.o $(B)/go/burrow.o $(B)/flags $(B)/app/$1/made_of FORCE
	$$(Q)$(call go_packages,$$(@D)) $(if $(V),,--verbose) \
	  $(if $(filter %.c,$2),--c-header-tool $(B)/go/header --doors $(B)/doors) $4

$(B)/app/$1/go.h: $(B)/app/$1/objects FORCE
	@test -e $$@

$(B)/app/$1/app.o: $(B)/app/$1/objects $(patsubst %,$(B)/app/$1/%.o,$(call app_place,$(filter %.c,$2))) $(B)/go/runtime.o $(B)/go/libgo.a $(B)/go/libm.a \
  scripts/go_app.ld scripts/go_link.py scripts/check_app_symbols.sh scripts/check_cells.py $(GO_HOST_OBJS) $(B)/doors $(B)/app/$1/made_of
	$$(call say,APP,$1)
	$$(Q)scripts/go_link.py --ld $(LD) --objcopy $(OBJCOPY) --nm $(NM) --out $$@ --doors $(B)/doors --runtime '$(GO_HOST_OBJS)' \
	  --c-objects '$$(filter $(B)/app/$1/%.c.o,$$^)' $$$$(cat $$<) $(B)/go/runtime.o $(B)/go/libgo.a $(B)/go/libm.a

$(B)/$1.elf: $(B)/app/$1/app.o $(METAL_OBJS) $(B)/go/rt-metal.a boot/image.ld boot/unwind/go/unwind.ld
	$$(call say,IMAGE,$$@)
	$$(Q)scripts/link_twice $$@ $(B)/app/$1/files.blob $(B)/buildid $(LD) $(LDFLAGS_METAL) -Lboot/unwind/go --eh-frame-hdr -T boot/image.ld \
	  --build-id=$$$$(scripts/buildid --note) $$(GO_ROOTS:%=-u %) $$(filter %.o,$$^) $$(filter %.a,$$^) $$(QRCODEGEN) $$(LIBGCC)

$(B)/host/$1: $(B)/app/$1/app.o $(HOST_OBJS) $(B)/go/rt-host.a
	$$(call say,PROCESS,$$@)
	$$(Q)scripts/link_twice $$@ $(B)/app/$1/files.blob $(B)/buildid $(CC) -no-pie -pthread -Wl,-z,noexecstack,-z,now \
	  $$(GO_ROOTS:%=-Wl,-u,%) $$(filter %.o,$$^) $$(filter %.a,$$^)
endef

# ---- for scripts/go_tests.py
$(B)/go/blobs.o: scripts/blobs.asm
	@mkdir -p $(@D)
	$(Q)$(NASM) -f elf64 -DPROGRAM='"test"' -DSYMBOLS_BLOB='"/dev/null"' -DFILES_BLOB='"/dev/null"' -o $@ $<
$(B)/go/libgo-bare.a: $(B)/go/libgo.a
	$(Q)cp $< $@.new && $(OBJCOPY) --strip-debug $@.new && mv $@.new $@
$(B)/go/no_files: scripts/pack_blob.py
	@mkdir -p $(@D)
	$(Q)scripts/pack_blob.py --out $@
.PHONY: print-go-tests go-test-objects conformance
# Each of GO_STRESS's words: knobs of a further round.
GO_STRESS ?= GODEBUG=gcstress=200,gcverify=1
conformance: ## Boot Go's own tests, on 1 and 4 cores, and under the collector's stress (ARGS: names of tests)
	$(call need,build run test go)
	@$(BUILD) go-test-objects
	@status=0; for smp in 1 4; do for knobs in '' '$(GO_STRESS)'; do \
	  echo "Go's tests, $$smp cores $$knobs"; scripts/go_tests.py --smp $$smp --knobs "$$knobs" $(ARGS) || { [ $$? = 2 ] && exit 2; status=1; }; done; done; exit $$status
go-test-objects: $(B)/go/runtime.o $(B)/go/libgo.a $(B)/go/libm.a $(B)/go/blobs.o $(B)/go/libgo-bare.a $(B)/go/no_files $(B)/buildid $(B)/doors $(HOST_OBJS) $(GO_HOST_OBJS) \
  $(METAL_OBJS) $(B)/go/rt-metal.a
print-go-tests:
	@echo 'GCCGO=$(GCCGO)'
	@echo 'CC=$(CC)'
	@echo 'GOFLAGS=$(GOFLAGS_APP)'
	@echo 'GO_OBJS=$(GO_HOST_OBJS)'
	@echo 'HOST_OBJS=$(HOST_OBJS)'
	@echo 'METAL_OBJS=$(METAL_OBJS)'
	@echo 'APPCC=$(CC) $(CFLAGS_APP)'
	@echo 'LD=$(LD)'
	@echo 'NM=$(NM)'
	@echo 'OBJCOPY=$(OBJCOPY)'
	@echo 'LIBGCC=$(QRCODEGEN) $(LIBGCC)'
	@echo 'LDFLAGS_METAL=$(LDFLAGS_METAL) -Lboot/unwind/go --eh-frame-hdr -T boot/image.ld $(GO_ROOTS:%=-u %)'

# What Go code calls, for the stack proof: the functions that rt/go defines under names of Go (* is gcc's mark for them), and for C's library.
$(B)/go/doors: $(GO_METAL_OBJS)
	@mkdir -p $(@D)
	$(Q)$(NM) --defined-only $(filter %.c.o,$^) | awk '$$2 == "T" && $$3 ~ /\.|^__go_/ {print "*" $$3} \
	  $$2 == "T" && $$3 ~ /^go_lib_/ {print $$3}' | sort -u > $@

# ---- what a program's memory looks like
.PHONY: escape layout
escape: ## Say what of a Go program escapes to the heap, and why (APP)
	@$(if $(GO_PACKAGES),,echo "APP=$(APP): no Go; in C, what a compiler would move to the heap does not compile" >&2; exit 2)
	$(call need,build go)
	@$(BUILD) $(B)/app/$(NAME)/objects
	@$(call go_packages,$(B)/app/$(NAME)) --escape $(APP_FILE)

layout: ## Say which structs of a program would be smaller in another order (APP; V=1: with pahole's listing)
	$(call need,build layout$(GO_PACKAGES))
	@$(BUILD) $(B)/app/$(NAME)/app.o
	@scripts/layout.py $(if $(V),--verbose) --go $(if $(GO_PACKAGES),$$(find $(APP_FILE) -name '*.go')) -- \
	  $(patsubst %,$(B)/app/$(NAME)/%.o,$(call app_place,$(filter %.c,$(call app_srcs,$(APP_FILE))))) \
	  $(if $(GO_PACKAGES),$$(grep ^$(B)/app/ $(B)/app/$(NAME)/objects))
