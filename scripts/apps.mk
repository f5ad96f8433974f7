# apps.mk -- from a program to its image (build/NAME.elf) and its process (build/host/NAME).
#
# The program's objects are linked into one, build/app/NAME/app.o, with all code in the section app_text: "the PC is
# in application text" decides whether a goroutine may be preempted where it stands. The image and the process are
# linked twice, because the symbol table that they carry is made from the first link (scripts/symbols.py).

# A name without a slash is looked up in apps/ too.
app_places = $(if $(filter %.c %.go,$1),$1 apps/$1,apps/$1.c apps/$1.go apps/$1 tests/metal/$1.c tests/go/$1.go)
app_file = $(firstword $(wildcard $(if $(findstring /,$1),,$(app_places)) $(1:%/=%) $1.c $1.go))
app_name = $(if $(filter tests/metal/%,$1),metal-)$(if $(filter tests/go/%,$1),go-)$(if $(filter tests/nightly/%,$1),nightly-)$(if $(filter tests/bench/%,$1),bench-)$(basename $(notdir $(abspath $1)))
# Of a program with Go, packages below its directory come besides (scripts/go_packages.py).
app_srcs = $(if $(filter %.c %.go,$1),$1,$(strip $(wildcard $1/*.c) $(filter-out %_test.go,$(wildcard $1/*.go))))
# Packed into a program's image unless FILES says otherwise: apps/NAME.files beside it, if there.
# The demonstrations read files of the system.
app_files = $(or $(wildcard $(basename $1).files),$(system_files_$(patsubst apps/%,%,$1)))
system_files_sha256sum := /usr/share/common-licenses
system_files_tour      := $(B)/tour.files
system_files_tests/soak := $(wildcard /usr/share/common-licenses)
system_files_wordfreq  := $(firstword $(wildcard /usr/share/perl /usr/share/common-licenses))
system_files_gowordfreq = $(system_files_wordfreq)
# Where the object of a source lies below the program's directory: not outside of it, whatever ".." the source has.
app_place = $(subst ../,__/,$1)

# What is wrong with APP, for a person; empty: nothing. A rule of make cannot hold the odd characters.
odd_characters := ' " $$ % ; & ( ) | < > * ? [ ] \ : =
odd_in     = $(strip $(foreach c,$(odd_characters) \#,$(findstring $c,$1)))
app_wrong  = $(strip $(if $(strip $1),$(or $(app_wrong_path),$(app_wrong_file)),\
  empty; expected a .c or .go file$(comma) a directory of them or a name in apps/))
app_odd    = $(or $(if $(word 2,$1),blanks),$(odd_in))
# Nor can make, the compiler's options and the shell hold them in the place of it all.
$(if $(call app_odd,$(CURDIR)),$(error $(CURDIR): a path with $(call app_odd,$(CURDIR)); build in another place))
app_wrong_path = $(if $(app_odd),a path with $(app_odd); rename it or make a link)
app_wrong_file = $(if $(app_file),$(if $(call app_srcs,$(app_file)),$(app_wrong_name),$(app_wrong_kind)),\
  no such .c or .go file or directory$(comma) here or in apps/)
app_wrong_kind = $(if $(wildcard $(app_file)/.),a directory without .c or .go files,neither a .c or .go file nor a directory of them)
# Names of the build's own.
app_wrong_name = $(if $(filter rt tests probe,$(call app_name,$(app_file))),the name $(call app_name,$(app_file)) is taken; rename it)
comma := ,

ifneq ($(filter run host iso licences debug record replay escape layout trace profile bootchart,$(MAKECMDGOALS)),)
APP_WRONG := $(call app_wrong,$(APP))
$(if $(APP_WRONG),$(error APP=$(APP): $(APP_WRONG)))
endif

APP_FILE := $(call app_file,$(APP))
NAME     := $(call app_name,$(APP_FILE))
FILES ?= $(call app_files,$(APP_FILE))
# The collector's demonstration shows its collections.
ifeq ($(APP_FILE),apps/wordfreq)
app_cmdline := GOGC=10 GODEBUG=gctrace=1
endif

ifeq ($(APP_FILE),apps/tour)
app_cmdline := $(if $(SLOW),slow)
endif

# ---- rules for one program: $1 name, $2 sources, $3 directory of its files ("" for none), $4 its place in the tree
# Programs of one name take turns in one place, and a source or the files may go: app.o and the blob therefore depend on
# "made_of", which holds the list of both and changes only when the list does.
made_of = $(abspath $2) files $3
define app_common_rules
$(B)/app/$1/made_of: FORCE
	@mkdir -p $$(@D)
	@new=$(call quote_in_rule,$(made_of)); old=; [ ! -e $$@ ] || IFS= read -r old < $$@ || :; \
	  [ "$$$$new" = "$$$$old" ] || printf '%s\n' "$$$$new" > $$@

$(B)/app/$1/files.blob: $(B)/app/$1/made_of scripts/pack_blob.py $(if $3,FORCE)
	$$(Q)scripts/pack_blob.py --out $$@.new $(if $3,$(call quote_in_rule,$3))
	@[ $$@ -nt $$< ] && cmp -s $$@.new $$@ && rm $$@.new || mv $$@.new $$@

$(B)/$1.elf $(B)/host/$1: $(B)/app/$1/files.blob $(B)/buildid scripts/link_twice scripts/symbols.py scripts/blobs.asm
endef

define app_rules
$(call app_common_rules,$1,$2,$3,$4)
$(B)/app/$1/app.o: $(foreach s,$2,$(B)/app/$1/$(call app_place,$s).o) scripts/app.ld $(B)/doors scripts/check_app_symbols.sh scripts/check_cells.py $(B)/app/$1/made_of
	$$(call say,APP,$1)
	$$(Q)$(LD) -r -T scripts/app.ld -o $$@.all $$(filter %.o,$$^)
	$$(Q)scripts/check_app_symbols.sh $(if $(filter tests/%,$4),--inside) $(B)/doors $$@.all $$(filter %.o,$$^)
	$$(Q)scripts/check_cells.py $$(filter %.o,$$^)
	$$(Q)$(OBJCOPY) --redefine-sym main=app_main --keep-global-symbol=app_main $$@.all $$@ && rm $$@.all
	@rm -f $$@.map # of a program with Go that had this name: scripts/licences would list its library

$(B)/$1.elf: $(B)/app/$1/app.o $(METAL_OBJS) boot/image.ld boot/unwind/c/unwind.ld
	$$(call say,IMAGE,$$@)
	$$(Q)scripts/link_twice $$@ $(B)/app/$1/files.blob $(B)/buildid $(LD) $(LDFLAGS_METAL) -Lboot/unwind/c -T boot/image.ld \
	  --build-id=$$$$(scripts/buildid --note) $$(filter %.o,$$^) $$(QRCODEGEN) $$(LIBGCC)

$(B)/host/$1: $(B)/app/$1/app.o $(HOST_OBJS)
	$$(call say,PROCESS,$$@)
	$$(Q)scripts/link_twice $$@ $(B)/app/$1/files.blob $(B)/buildid $(CC) -no-pie -pthread -Wl,-z,noexecstack,-z,now $$(filter %.o,$$^)
endef

# What an error of the compiler comes from, where it names only what a macro made; for sed -nE.
error_hints = \
  -e 's/.*Werror=(frame-larger-than|vla).*/what is large, or an array whose size only the run knows, belongs in the heap: make_array(T, n), new (T) (rt\/api\/mem.h)/p' \
  -e "s/.*error: 'type_(\w+)' undeclared.*/\1 has no type descriptor: TYPE_STRUCT(\1, its cells...), TYPE_NOSCAN(\1) without pointers, TYPE_POINTER(\1) for a pointer type (docs\/language.md)/p" \
  -e "s/.*error: 'object_type_(\w+)' undeclared.*/\1 must be an object type, declared by TYPE_STRUCT or TYPE_NOSCAN; pointers are elements by TYPE_CELL(NameCell, \1) (docs\/language.md)/p" \
  -e "s/.*error: '(map_info|struct map)_(\w+)' undeclared.*|.*undefined type 'struct map_(\w+)'.*/TYPE_MAP(K, V) is missing for map \2\3: once, before the first use (docs\/language.md)/p" \
  -e 's/.*static assertion failed: "(\w+)\.(\w+) is not a cell".*/\1.\2: the pointers of a heap object are declared as cells: cell(T) \2; what is no pointer is not listed (docs\/language.md)/p' \
  -e "s/.*error: missing initializer for field 'n' of 'String'.*/a literal is no String: string_of(\"text\") is (docs\/language.md)/p" \
  -e "s/.*error: format '%[^']*' expects argument .* has type 'String'.*/a String is printed by %.*s and str_arg(s) (docs\/language.md)/p" \
  -e "s/.*error: assignment of read-only member .*/a pointer in a heap object is a cell: cell_set(n->next, m) (docs\/language.md)/p" \
  -e "s/.*error: implicit declaration of function '(\w+)'.*/\1: rt\/burrow.h does not declare it; what it includes from rt\/api is all there is, no C library/p" \
  -e "s/.*error: .*(incomplete type|storage size of '\w+' isn't known).*/if this is a slice(T) or map(K, V): TYPE_SLICE(T), TYPE_MAP(K, V) comes once before the first use (docs\/language.md)/p" \
  -e "s/.*error: (.* has no member named|request for member) 'v_'.*/cell_get or cell_set of what is not a cell; declare it as cell(T), or use it as it is (docs\/language.md)/p"

# flags.mk's prefix map takes the repository's path off, with or without a slash behind it: not off /x/burrow-mine for /x/burrow.
app_keep_path = $(if $(filter-out $(CURDIR)/%,$(filter /%,$1)),-ffile-prefix-map=$(dir $1)=$(dir $1))

# Of a source beside Go: $1 the program, $2 set.
app_beside_go = $(if $2,$(UNWIND_RT) -include $(B)/app/$1/go.h)

# A program's own sources, below its own directory in build/, wherever they come from. $3: beside Go.
# What the compiler says of a wrong one is asked for again without the macros between the program's line and the error: they are rt/api's, and say
# the same thing ten times. (Not the first time: it would also find faults in macros that it passes over otherwise.)
define app_object
$(B)/app/$1/$(call app_place,$2).o: $2 $(B)/flags $(if $3,$(B)/app/$1/go.h)
	$$(call say,APPCC,$2)
	@mkdir -p $$(@D)
	$$(Q)$(CC) $(CFLAGS_APP) $(call app_beside_go,$1,$3) $(call app_keep_path,$2) -MMD -MP -MF $$(@:.o=.d) -c -o $$@ $$< 2> $$@.said && \
	  { cat $$@.said >&2; rm $$@.said; } || { \
	  $(CC) $(CFLAGS_APP) -ftrack-macro-expansion=0 $(call app_beside_go,$1,$3) -c -o /dev/null $$< && cat $$@.said >&2; \
	  LC_ALL=C $(CC) $(CFLAGS_APP) $(call app_beside_go,$1,$3) -c -o /dev/null $$< 2>&1 | sed -nE $(error_hints) | sort -u | sed 's|^|$2: |' >&2; exit 1; }

-include $(B)/app/$1/$(call app_place,$2).d
endef

# ---- the programs of the tree, and the one asked for
PROGRAMS := $(wildcard apps/*.c apps/*.go) $(patsubst %/,%,$(dir $(wildcard apps/*/main.c apps/*/main.go)))
SUITES   := $(wildcard tests/metal/*.c tests/go/*.go) $(patsubst %/,%,$(dir $(wildcard tests/go/*/main.go)))
# Long tests: part of the suites when NIGHTLY is set (make nightly).
LONG     := $(wildcard tests/nightly/*.c)
SUITES   += $(if $(NIGHTLY),$(LONG))
SUITES_HOSTED := $(filter-out $(shell grep -ls '^// hosted: no' $(SUITES) /dev/null),$(SUITES))
BENCHES  := $(wildcard tests/bench/*.c) tests/bench/go
program  = $(if $(filter %.go,$(call app_srcs,$1)),$(eval $(call go_app_rules,$2,$(call app_srcs,$1),$3,$1)),\
  $(eval $(call app_rules,$2,$(call app_srcs,$1),$3,$1)))\
  $(foreach s,$(filter %.c,$(call app_srcs,$1)),$(eval $(call app_object,$2,$s,$(filter %.go,$(call app_srcs,$1)))))

# A program from elsewhere takes the place of the tree's of the same name.
$(foreach p,$(sort $(PROGRAMS) $(SUITES) $(LONG) $(BENCHES) tests/soak),$(if $(filter $(NAME),$(call app_name,$p)),,\
  $(call program,$p,$(call app_name,$p),$(call app_files,$p))))
$(if $(APP_FILE),$(call program,$(APP_FILE),$(NAME),$(FILES)))

# The tour tells about its own build.
$(B)/app/tour/files.blob: $(B)/tour.files/made
$(B)/tour.files/made: $(B)/app/tour/app.o scripts/tour_files scripts/go_escape.py apps/tour/escape.go apps/tour/wrong/send.c
	$(Q)$(call go_packages,$(B)/app/tour) --escape apps/tour > $(B)/app/tour/escapes
	$(Q)CC='$(CC)' CFLAGS='$(CFLAGS_APP)' scripts/tour_files $(@D) $< < $(B)/app/tour/escapes
	@touch $@

.PHONY: test-images bench-images bench-go-images
images_of    = $(foreach p,$1,$(B)/$(call app_name,$p).elf)
processes_of = $(foreach p,$1,$(B)/host/$(call app_name,$p))
test-images: $(call images_of,$(PROGRAMS) $(SUITES)) $(call processes_of,$(PROGRAMS) $(SUITES_HOSTED))
bench-images: $(call images_of,$(filter %.c,$(BENCHES))) $(call processes_of,$(filter %.c,$(BENCHES)))
bench-go-images: $(call images_of,$(BENCHES)) $(call processes_of,$(BENCHES))

# For tests that compile a program and expect an error.
.PHONY: print-app-compiler
print-app-compiler:
	@echo '$(CC) $(CFLAGS_APP)'
