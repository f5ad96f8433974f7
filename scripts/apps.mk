# apps.mk -- from a program to its image (build/NAME.elf) and its process (build/host/NAME).
#
# The program's objects are linked into one, build/app/NAME/app.o, with all code in the section app_text: "the PC is
# in application text" decides whether a goroutine may be preempted where it stands. The image and the process are
# linked twice, because the symbol table that they carry is made from the first link (scripts/symbols.py).

# ---- which program
app_file = $(firstword $(wildcard $(if $(findstring /,$1)$(filter %.c,$1),,apps/$1.c apps/$1 tests/metal/$1.c) $(1:%/=%) $1.c))
app_name = $(if $(filter tests/metal/%,$1),metal-)$(if $(filter tests/nightly/%,$1),nightly-)$(if $(filter tests/bench/%,$1),bench-)$(basename $(notdir $1))
app_srcs = $(if $(filter %.c,$1),$1,$(wildcard $1/*.c))
# Packed into a program's image unless FILES says otherwise: apps/NAME.files beside it, if there.
app_files = $(wildcard $(basename $1).files)

APP_FILE := $(call app_file,$(APP))
NAME     ?= $(call app_name,$(APP_FILE))
ifeq ($(APP_FILE),apps/sha256sum)
FILES ?= /usr/share/common-licenses
else ifeq ($(APP_FILE),apps/sha256sum.c)
FILES ?= /usr/share/common-licenses
else
FILES ?= $(call app_files,$(APP_FILE))
endif

ifeq ($(APP_FILE),)
ifneq ($(filter run host iso debug record replay,$(MAKECMDGOALS)),)
$(error APP=$(APP): no such .c file or directory, here or in apps/)
endif
endif

# ---- rules for one program: $1 name, $2 sources, $3 directory of its files ("" for none), $4 its place in the tree
define app_rules
$(B)/app/$1/app.o: $(patsubst %,$(B)/app/$1/%.o,$2) scripts/app.ld $(B)/doors scripts/check_app_symbols.sh
	$$(call say,APP,$1)
	$$(Q)$(LD) -r -T scripts/app.ld -o $$@.all $$(filter %.o,$$^)
	$$(Q)scripts/check_app_symbols.sh $(if $(filter tests/%,$4),--inside) $(B)/doors $$@.all $$(filter %.o,$$^)
	$$(Q)$(OBJCOPY) --redefine-sym main=app_main --keep-global-symbol=app_main $$@.all $$@ && rm $$@.all

$(B)/app/$1/files.blob: $(if $3,FORCE,scripts/pack_blob.py)
	@mkdir -p $$(@D)
	$$(Q)scripts/pack_blob.py --out $$@.new $(if $3,'$3')
	@cmp -s $$@.new $$@ && rm $$@.new || mv $$@.new $$@

$(B)/$1.elf: $(B)/app/$1/app.o $(METAL_OBJS) boot/image.ld
	$$(call say,IMAGE,$$@)
	$$(Q)scripts/link_twice $$@ $(B)/app/$1/files.blob $(B)/buildid $(LD) $(LDFLAGS_METAL) -T boot/image.ld \
	  --build-id=$$$$(scripts/buildid --note) $$(filter %.o,$$^) $$(LIBGCC)

$(B)/host/$1: $(B)/app/$1/app.o $(HOST_OBJS)
	$$(call say,PROCESS,$$@)
	$$(Q)scripts/link_twice $$@ $(B)/app/$1/files.blob $(B)/buildid $(CC) -no-pie -pthread -Wl,-z,noexecstack,-z,now $$(filter %.o,$$^)

$(B)/$1.elf $(B)/host/$1: $(B)/app/$1/files.blob $(B)/buildid scripts/link_twice scripts/symbols.py scripts/blobs.asm

-include $(patsubst %,$(B)/app/$1/%.d,$2)
endef

# A program's own sources, below its own directory in build/, wherever they come from.
define app_object
$(B)/app/$1/$2.o: $2 $(B)/flags
	$$(call say,APPCC,$2)
	@mkdir -p $$(@D)
	$$(Q)$(CC) $(CFLAGS_APP) -MMD -MP -MF $$(@:.o=.d) -c -o $$@ $$<
endef

# ---- the programs of the tree, and the one asked for
PROGRAMS := $(wildcard apps/*.c) $(patsubst %/,%,$(dir $(wildcard apps/*/main.c)))
SUITES   := $(wildcard tests/metal/*.c)
# Long tests: part of the suites when NIGHTLY is set (make nightly).
LONG     := $(wildcard tests/nightly/*.c)
SUITES   += $(if $(NIGHTLY),$(LONG))
SUITES_HOSTED := $(filter-out $(shell grep -ls '^// hosted: no' $(SUITES) /dev/null),$(SUITES))
BENCHES  := $(wildcard tests/bench/*.c)
program  = $(eval $(call app_rules,$2,$(call app_srcs,$1),$3,$1))$(foreach s,$(call app_srcs,$1),$(eval $(call app_object,$2,$s)))

# A program from elsewhere takes the place of the tree's of the same name.
$(foreach p,$(sort $(PROGRAMS) $(SUITES) $(LONG) $(BENCHES)),$(if $(filter $(NAME),$(call app_name,$p)),,\
  $(call program,$p,$(call app_name,$p),$(call app_files,$p))))
$(if $(APP_FILE),$(call program,$(APP_FILE),$(NAME),$(FILES)))

.PHONY: test-images bench-images
images_of    = $(foreach p,$1,$(B)/$(call app_name,$p).elf)
processes_of = $(foreach p,$1,$(B)/host/$(call app_name,$p))
test-images: $(call images_of,$(PROGRAMS) $(SUITES)) $(call processes_of,$(PROGRAMS) $(SUITES_HOSTED))
bench-images: $(call images_of,$(BENCHES)) $(call processes_of,$(BENCHES))

# For tests that compile a program and expect an error.
.PHONY: print-app-compiler
print-app-compiler:
	@echo '$(CC) $(CFLAGS_APP)'
