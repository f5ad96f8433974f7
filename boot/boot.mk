# boot.mk -- from an image (build/NAME.elf) to what machines boot: build/NAME.efi, .img (raw disk), .iso (CD and USB).
#
# Included by the top Makefile after scripts/flags.mk. The .efi is one file with the image inside. A command line is put
# beside it on the disk and on the ISO: the file CMDLINE_TXT, if set, else CMDLINE, if IMAGE_CMDLINE is set (make iso), else as it was.

# gnu-efi, overridable one by one.
EFI_INC  ?= $(GNUEFI_INC)
EFI_LDS  ?= $(firstword $(wildcard $(GNUEFI_LIB)/elf_x86_64_efi.lds $(GNUEFI_LIB)/*/elf_x86_64_efi.lds) $(GNUEFI_LIB)/elf_x86_64_efi.lds)
EFI_CRT0 ?= $(GNUEFI_LIB)/crt0-efi-x86_64.o
EFI_LIBS ?= -L$(GNUEFI_LIB) -L$(dir $(GNUEFI_LIB)) -lefi -lgnuefi
CMDLINE_TXT   ?=
IMAGE_CMDLINE ?=

# Position independent, 16-bit wide characters, Microsoft calls; -isystem: gnu-efi's headers do not pass -Wextra.
EFI_CFLAGS := -std=gnu11 -O2 -g -Wall -Wextra -Werror -Wno-unused-parameter -ffreestanding -fpic -fshort-wchar \
  -mno-red-zone -mgeneral-regs-only -maccumulate-outgoing-args -fno-stack-protector -fcf-protection=none \
  -fno-strict-aliasing -fno-asynchronous-unwind-tables -DGNU_EFI_USE_MS_ABI -ffile-prefix-map=$(CURDIR)=. \
  -I. -isystem $(EFI_INC) -isystem $(EFI_INC)/x86_64
EFI_LDFLAGS := -nostdlib -znocombreloc -shared -Bsymbolic --no-undefined -z noexecstack
# What the firmware loads; everything else of the .so stays behind.
EFI_SECTIONS := .text .sdata .data .rodata .dynamic .dynsym .rel .rela .rel.* .rela.* .reloc
# Fixed times in PE header, FAT and ISO: the same image gives the same files.
BOOT_EPOCH := SOURCE_DATE_EPOCH=1577836800

LOADER_C_OBJS := $(patsubst %.c,$(B)/%.o,$(wildcard boot/*.c))
LOADER_OBJS := $(LOADER_C_OBJS) $(B)/boot/handoff.asm.o

$(LOADER_C_OBJS): $(B)/%.o: %.c $(B)/flags
	$(call say,EFICC,$<)
	@mkdir -p $(@D)
	$(Q)$(CC) $(EFI_CFLAGS) -MMD -MP -c -o $@ $<

$(B)/boot/handoff.asm.o: boot/handoff.asm $(B)/flags
	@mkdir -p $(@D)
	$(Q)$(NASM) $(NASMFLAGS) -o $@ $<

# $1: the loader's objects. The symbols for the reports are in the image's blob: its ELF symbols and debug sections
# stay behind.
define link_efi
$(call say,EFI,$@)
$(Q)$(OBJCOPY) --strip-all $< $@.elf
$(Q)boot/pack_payload.py $@.elf $@.payload
$(Q)$(NASM) -f elf64 -DPAYLOAD='"$@.payload"' -o $@.o boot/payload.asm
$(Q)$(LD) $(EFI_LDFLAGS) -Map=$@.map -T $(EFI_LDS) $(EFI_CRT0) $1 $@.o -o $@.so $(EFI_LIBS)
$(Q)boot/check_sections.sh $(OBJDUMP) $@.so $(EFI_SECTIONS:%='%')
$(Q)$(BOOT_EPOCH) $(OBJCOPY) $(EFI_SECTIONS:%=-j '%') --target efi-app-x86_64 --subsystem=10 $@.so $@
$(Q)rm -f $@.elf $@.payload $@.o $@.so
endef

$(B)/%.efi: $(B)/%.elf $(LOADER_OBJS) boot/payload.asm boot/pack_payload.py boot/check_sections.sh
	$(call link_efi,$(LOADER_OBJS))

# The same, signed for secure boot: make build/NAME.signed.iso SIGN_KEY=... SIGN_CERT=...
SIGN_KEY  ?=
SIGN_CERT ?=
# Another key makes another file: it comes with another certificate.
$(B)/sign_cert: FORCE
	@mkdir -p $(@D)
	@cat $(call quote,$(SIGN_CERT)) > $@.new 2> /dev/null || true
	@cmp -s $@.new $@ && rm $@.new || mv $@.new $@
$(B)/%.signed.efi: $(B)/%.efi $(B)/sign_cert scripts/sign
	$(call say,SIGN,$@)
	$(Q)scripts/sign --key $(call quote,$(SIGN_KEY)) --cert $(call quote,$(SIGN_CERT)) $< $@

# The command line of the image, empty for none. Written only when it differs; who asks for the image alone, as `make run`
# does, which gives its own, gets the one that it has.
$(B)/%.cmdline: FORCE
	@mkdir -p $(@D)
	@$(if $(CMDLINE_TXT),cat $(call quote,$(CMDLINE_TXT)),$(if $(IMAGE_CMDLINE),printf '%s' "$$CMDLINE",{ test ! -e $@ || cat $@; })) > $@.new
	@cmp -s $@.new $@ && rm $@.new || mv $@.new $@

$(B)/%.esp: $(B)/%.efi $(B)/%.cmdline iso/make_esp.sh
	$(Q)$(BOOT_EPOCH) iso/make_esp.sh $@ $< $$([ ! -s $(B)/$*.cmdline ] || echo $(B)/$*.cmdline)

$(B)/%.img: $(B)/%.esp iso/make_disk.py
	$(call say,DISK,$@)
	$(Q)iso/make_disk.py $< $@

$(B)/%.iso: $(B)/%.esp iso/make_iso.sh
	$(call say,ISO,$@)
	$(Q)$(BOOT_EPOCH) iso/make_iso.sh $@ $<

$(B)/%.qcow2: $(B)/%.img
	$(call say,QCOW2,$@)
	$(Q)$(QEMU_IMG) convert -f raw -O qcow2 $< $@.new && mv $@.new $@

# Whose code is in the image, and under which terms.
$(B)/%.NOTICE: $(B)/%.efi scripts/licences LICENSE
	$(Q)GCCGO=$(call quote,$(GCCGO)) scripts/licences --notice $@ $(B)/$*.elf $(B)/$*.efi $(wildcard $(B)/app/$*/app.o) > $@.list

# The same loader started as by a firmware in LA57 mode: build/NAME.la57.efi.
LA57_OBJS := $(B)/tests/boot/la57.asm.o $(B)/tests/boot/loader_main.o
$(B)/tests/boot/loader_main.o: $(B)/boot/main.o
	@mkdir -p $(@D)
	$(Q)$(OBJCOPY) --redefine-sym efi_main=loader_main $< $@
$(B)/tests/boot/la57.asm.o: tests/boot/la57.asm $(B)/flags
	@mkdir -p $(@D)
	$(Q)$(NASM) $(NASMFLAGS) -DENTER=efi_main -DNEXT=loader_main -o $@ $<
$(B)/%.la57.efi: $(B)/%.elf $(LOADER_OBJS) $(LA57_OBJS) boot/payload.asm boot/pack_payload.py
	$(call link_efi,$(filter-out %/main.o,$(LOADER_OBJS)) $(LA57_OBJS))

# The same loader behind firmware that has done something odd: build/NAME.4k.efi and others (tests/boot/odd_firmware.c).
ODD_4k       := -DODD_4K
ODD_watchdog := -DODD_WATCHDOG=1
ODD_rearmed  := -DODD_WATCHDOG=2
define odd_rules
$(B)/tests/boot/odd_$1.o: tests/boot/odd_firmware.c $(B)/flags
	@mkdir -p $$(@D)
	$$(Q)$(CC) $(EFI_CFLAGS) $(ODD_$1) -MMD -MP -c -o $$@ $$<
$(B)/%.$1.efi: $(B)/%.elf $(LOADER_OBJS) $(B)/tests/boot/loader_main.o $(B)/tests/boot/odd_$1.o boot/payload.asm boot/pack_payload.py
	$$(call link_efi,$(filter-out %/main.o,$(LOADER_OBJS)) $(B)/tests/boot/loader_main.o $(B)/tests/boot/odd_$1.o)
endef
$(foreach kind,4k watchdog rearmed,$(eval $(call odd_rules,$(kind))))

# The same by PVH, where several cores can follow: one program is enough.
LA57_APP := metal-t_machine
$(B)/tests/boot/la57_pvh.asm.o: tests/boot/la57.asm $(B)/flags
	@mkdir -p $(@D)
	$(Q)$(NASM) $(NASMFLAGS) -DENTER=__wrap_kernel_entry -DNEXT=__real_kernel_entry -o $@ $<
$(B)/$(LA57_APP).la57.elf: $(B)/$(LA57_APP).elf $(B)/tests/boot/la57_pvh.asm.o
	$(call say,IMAGE,$@)
	$(Q)scripts/link_twice $@ $(B)/app/$(LA57_APP)/files.blob $(B)/buildid $(LD) $(LDFLAGS_METAL) --wrap=kernel_entry -Lboot/unwind/c -T boot/image.ld \
	  --build-id=$$(scripts/buildid --note) $(B)/app/$(LA57_APP)/app.o $(METAL_OBJS) $(B)/tests/boot/la57_pvh.asm.o $(QRCODEGEN) $(LIBGCC)

# A kernel that only tells what it was handed over, for tests/test_loader.py: the boot stage without the rest.
PROBE_OBJS := $(addprefix $(B)/tests/boot/,probe.o pvh.o pvh.asm.o blobs.o)
$(B)/tests/boot/%.o: tests/boot/%.c $(B)/flags
	@mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS_METAL) -MMD -MP -c -o $@ $<
$(B)/tests/boot/%.o: kernel/x86/%.c $(B)/flags
	@mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS_METAL) -MMD -MP -c -o $@ $<
$(B)/tests/boot/%.asm.o: kernel/x86/%.asm $(B)/flags
	@mkdir -p $(@D)
	$(Q)$(NASM) $(NASMFLAGS) -o $@ $<
$(B)/tests/boot/blobs.o: scripts/blobs.asm
	@mkdir -p $(@D)
	$(Q)$(PYTHON) -c 'import sys; sys.stdout.buffer.write(bytes(i * 7 & 255 for i in range(300000)))' > $(@D)/files.blob
	$(Q)$(NASM) -f elf64 -DSYMBOLS_BLOB='"/dev/null"' -DFILES_BLOB='"$(@D)/files.blob"' -o $@ $<
$(B)/probe.elf: $(PROBE_OBJS) boot/image.ld boot/unwind/c/unwind.ld
	$(call say,IMAGE,$@)
	$(Q)$(LD) $(LDFLAGS_METAL) --build-id=none --orphan-handling=error -Lboot/unwind/c -T boot/image.ld -o $@ $(PROBE_OBJS)

.PRECIOUS: $(B)/%.efi $(B)/%.img $(B)/%.signed.efi $(B)/%.esp $(B)/%.cmdline
-include $(LOADER_OBJS:.o=.d) $(PROBE_OBJS:.o=.d)
