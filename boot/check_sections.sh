#!/bin/bash
# check_sections.sh OBJDUMP FILE SECTION... -- refuses a linked loader of which firmware would load a part only.
#
# The sections that go into the .efi are named (patterns allowed). Which there are is said by gnu-efi's linker script, and that changes: since
# 3.0.18 .rodata is one of its own. A loader without it starts, and ends without a word.
set -eu
objdump=$1 file=$2
shift 2
status=0
while read -r name; do
    found=no
    # What only a dynamic linker or a debugger reads, besides those that are taken.
    for pattern in "$@" .hash .gnu.hash .dynstr .eh_frame .gcc_except_table '.note*'; do
        # shellcheck disable=SC2254
        case $name in $pattern) found=yes ;; esac
    done
    if [ $found = no ]; then
        echo "$file: section $name is not taken into the .efi: add it to EFI_SECTIONS in boot/boot.mk" >&2
        status=1
    fi
done < <("$objdump" -h "$file" | awk '$1 ~ /^[0-9]+$/ && $3 !~ /^0+$/ {name = $2} /CONTENTS/ && /ALLOC/ && name {print name} /CONTENTS|ALLOC|READONLY/ {name = ""}')
exit $status
