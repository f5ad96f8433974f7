# flags.mk -- tools, paths and compiler flags; the only place where they are written.

# ---- tools, overridable: make CC=gcc-12 OVMF=/path/to/OVMF.fd
ifeq ($(origin CC),default)
CC := gcc
endif
ifeq ($(origin LD),default)
LD := ld.bfd
endif
NASM    ?= nasm
OBJCOPY ?= objcopy
OBJDUMP ?= objdump
NM      ?= nm
CLANG   ?= clang
# Firmware, gnu-efi's headers, start code and libraries, gccgo, archives: where this system has them, or from the environment (scripts/find).
$(foreach f,$(shell scripts/find),$(eval $(subst =, ?= ,$f)))
# gccgo's go command: it says which files a program consists of.
GO_COMMAND ?= $(filter-out ./,$(dir $(GCCGO)))$(subst gccgo,go,$(notdir $(GCCGO)))
PYTHON  ?= /usr/bin/python3
QEMU    ?= qemu-system-x86_64
QEMU_IMG ?= qemu-img
export CC NASM NM OBJDUMP OBJCOPY OVMF QEMU PYTHON GNUEFI_INC GNUEFI_LIB GCCGO QRCODEGEN MUSL_LIB

# ---- where things go
ifeq ($(DEBUG),1)
B := build/debug
else ifeq ($(BLIND),1)
B := build/blind
else
B := build
endif

ifeq ($(V),1)
Q :=
say = @:
else
Q := @
say = @printf '  %-7s %s\n' '$1' '$2'
endif

# Any text as one word of a shell, in a recipe; and the same in the text of a rule that $(eval) reads.
quote = '$(subst ','\'',$1)'
quote_in_rule = $(subst $$,$$$$,$(call quote,$1))

# ---- compiler flags
# No pic, no unwind tables, no stack protector: the image runs where it is linked, and unwinds by frame pointers.
# No loop distribution: memcpy and memset are compiled by these flags too and must not become calls of themselves.
CFLAGS_COMMON := -std=gnu11 -O2 -g -Wall -Wextra -Werror -Wno-unused-parameter -fno-stack-protector \
  -fcf-protection=none -fno-omit-frame-pointer -fno-pic -fno-pie -fno-asynchronous-unwind-tables \
  -fno-strict-aliasing -fno-tree-loop-distribute-patterns -ffile-prefix-map=$(CURDIR)=. -I. -Irt
ifeq ($(DEBUG),1)
CFLAGS_COMMON += -DRT_DEBUG
endif
ifeq ($(BLIND),1)
CFLAGS_COMMON += -DRT_BLIND
endif

# Kernel, drivers and runtime: general registers only, so that handlers need not save the others. Each object leaves a call
# graph with stack sizes (.ci) for scripts/check_stack.py.
CFLAGS_METAL := $(CFLAGS_COMMON) -ffreestanding -mno-red-zone -mgeneral-regs-only -mcmodel=small -fcallgraph-info=su
CFLAGS_HOST  := $(CFLAGS_COMMON) -mno-red-zone -mgeneral-regs-only -DRT_HOSTED
# Sources of the runtime that need floating point and that no interrupt handler reaches.
FPU_SRCS := rt/fmt.c
# A panic of a Go program that is recovered needs the registers that rt's functions have saved (rt/go/unwind.c); an image of a C program
# leaves the tables out again (boot/unwind).
UNWIND_RT := -fasynchronous-unwind-tables
# The process under the hosted runtime: ordinary Linux code. <sched.h> must be libc's there, not rt's.
CFLAGS_PLAT_LINUX := $(filter-out -I. -Irt,$(CFLAGS_COMMON)) -iquote . -iquote rt -DRT_HOSTED -D_GNU_SOURCE -pthread

# Programs: split stacks, SSE and red zone. What a compiler for Go would move to the heap, the build refuses.
# (No missing-braces: a value that initialises a cell needs none.)
CFLAGS_APP := $(CFLAGS_COMMON) -Wno-missing-braces -fno-builtin -fsplit-stack -maccumulate-outgoing-args -Wframe-larger-than=4096 -Wvla -Werror=vla -Wtrampolines -Wreturn-local-addr

# (From 2.16.02 on "all" includes a warning of each address that is in another section, which is what a linker is for; before, it has no name.)
NASMFLAGS := -f elf64 -g -F dwarf -w+all -Werror -w-unknown-warning -w-reloc -I. -I$(B)/
LDFLAGS_METAL := -nostdlib -static -z max-page-size=0x1000 -z noexecstack --fatal-warnings
# Hosted unit tests: ordinary programs around a few files of the runtime, under the sanitizers.
CFLAGS_UNIT := $(CFLAGS_COMMON) -DRT_HOSTED -Itests/unit -pthread
# (gcc's maybe-uninitialized raises false alarms in instrumented code.)
SANITIZE    := -fsanitize=address,undefined -fno-sanitize-recover=undefined -Wno-maybe-uninitialized
LIBGCC = $(shell $(CC) -print-libgcc-file-name)
