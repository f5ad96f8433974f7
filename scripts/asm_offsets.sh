#!/bin/bash
# asm_offsets.sh OUT SOURCE... -- turns C field offsets into nasm %defines, so that nobody types an offset.
#
# A source consists of includes and lines at file scope:
#   OFFSET(P_G, P, g)                  %define P_G 8                 offset of a field
#   CONSTANT(STACK_SLACK_, STACK_SLACK) %define STACK_SLACK_ 768     any constant expression >= 0
# Each becomes an array of that size (plus one) in an object file, whose symbol table is then read. So the
# compiler computes the numbers, with the flags of the build (CFLAGS), and no assembly output is parsed.
set -eu
out=$1
shift
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
cat > "$tmp/macros.h" <<'END'
#include <stddef.h>
#define CONSTANT(name, value) char asm_offset__##name[(value) + 1];
#define OFFSET(name, type, field) CONSTANT(name, offsetof(type, field))
END
echo "; made by scripts/asm_offsets.sh from $*" > "$tmp/inc"
for source in "$@"; do
    object=$tmp/$(echo "$source" | tr / _).o
    ${CC:-gcc} $CFLAGS -fno-common -include "$tmp/macros.h" -MMD -MP -MF "$object.d" -MT "$out" -c -o "$object" "$source"
    grep -v macros.h "$object.d" | sed "s|$tmp/macros.h||" >> "$tmp/d" || true
    ${NM:-nm} -S "$object" | sed -n 's/^[0-9a-f]* \([0-9a-f]*\) [A-Za-z] asm_offset__\(.*\)/\1 \2/p' |
        while read -r size name; do
            echo "%define $name $((16#$size - 1))"
        done | sort >> "$tmp/inc"
done
cmp -s "$tmp/inc" "$out" || cp "$tmp/inc" "$out"
touch "$out"
[ ! -e "$tmp/d" ] || cp "$tmp/d" "${out%.inc}.d"
