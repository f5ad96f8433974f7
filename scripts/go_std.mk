# go_std.mk -- the Go library's own tests: make conformance-std PKG=strings. Debian's gcc-12-source has their source; scripts/go_std.py runs them.

GO_STD_SOURCE := $(B)/go/std/src
# Only for compiling tests: optimised less than libgo itself, which takes half the time; one set of objects for both runtimes, so with the library's own
# package runtime. Nothing is inlined, nor in package testing, which is compiled anew: a list of callers that begins among inlined functions is wrong with stock's runtime.
GOFLAGS_STD := $(filter-out -I $(B)/go/import,$(subst -O2,-O1 -fno-inline,$(GOFLAGS_APP)))
# As libgo compiles it.
GOFLAGS_STD_math := -ffp-contract=off -fno-math-errno -fno-trapping-math
LINK_GO_METAL = $(LD) $(LDFLAGS_METAL) -Lboot/unwind/go --eh-frame-hdr -T boot/image.ld $(GO_ROOTS:%=-u %)
LINK_GO_HOST  = $(CC) -no-pie -pthread -Wl,-z,noexecstack,-z,now $(GO_ROOTS:%=-Wl,-u,%)

.PHONY: conformance-std go-std-objects print-go-std
conformance-std: ## Run the Go library's own tests on a machine (PKG: some packages; HOSTED=1: as a process; ARGS: of scripts/go_std.py)
	$(call need,build run go)
	@$(BUILD) go-std-objects
	@scripts/go_std.py $(if $(HOSTED),,--machine) $(ARGS) $(PKG)

go-std-objects: go-test-objects $(B)/go/rt-metal.a $(B)/go/rt-host.a $(METAL_OBJS) $(B)/go/std/source $(B)/go/std/imports $(B)/go/std/testing.o

$(B)/go/std/source: scripts/go_std_source
	$(call say,SOURCE,$(GO_STD_SOURCE))
	@mkdir -p $(@D)
	$(Q)scripts/go_std_source $(GO_STD_SOURCE) && touch $@
$(B)/go/std/imports: $(GCCGO_LIB) scripts/go_imports.py
	$(call say,IMPORTS,$(B)/go/std/import)
	@mkdir -p $(@D)
	$(Q)scripts/go_imports.py $< $(B)/go/std/import && touch $@

$(B)/go/std/testing.o: $(B)/go/std/source $(B)/go/std/imports scripts/go_std.mk
	$(call say,GO,testing)
	$(Q)$(GCCGO) $(GOFLAGS_STD) -I $(B)/go/std/import -fgo-pkgpath=testing -c -o $@ \
	  $$(cd scripts && $(PYTHON) -c 'import go_package_tests as t; d = "$(CURDIR)/$(GO_STD_SOURCE)/testing/"; print(*(d + n for n in t.Sources(d).own))')

print-go-std:
	@echo 'B=$(B)'
	@echo 'GO_STD_SOURCE=$(GO_STD_SOURCE)'
	@echo 'GCCGO=$(GCCGO)'
	@echo 'OBJCOPY=$(OBJCOPY)'
	@echo 'GOFLAGS=$(GOFLAGS_STD)'
	@echo 'GOFLAGS_math=$(GOFLAGS_STD_math)'
	@echo 'HOST_OBJS=$(HOST_OBJS)'
	@echo 'METAL_OBJS=$(METAL_OBJS)'
	@echo 'GO_HOST_OBJS=$(GO_HOST_OBJS)'
	@echo 'LINK_METAL=$(LINK_GO_METAL)'
	@echo 'LINK_HOST=$(LINK_GO_HOST)'
	@echo 'LIBGCC=$(QRCODEGEN) $(LIBGCC)'
