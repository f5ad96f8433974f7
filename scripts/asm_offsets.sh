#!/bin/bash
# asm_offsets.sh OUT SOURCE... -- turns C field offsets into nasm %defines, so that nobody types an offset.
#
# A source (rt/offsets.c) holds a function whose asm statements print "->NAME VALUE" into the compiler's assembly output, VALUE being
# an immediate operand: the compiler itself computes the numbers, with the flags of the build (CFLAGS). Each becomes
# "%define NAME VALUE" in OUT. Beside OUT, a .d file lists the headers, for make.
set -eu
out=$1
shift
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
{
    echo "; made by scripts/asm_offsets.sh from $*"
    for source in "$@"; do
        ${CC:-gcc} $CFLAGS -MMD -MP -MF "$tmp/one.d" -MT "$out" -S -o "$tmp/s" "$source"
        cat "$tmp/one.d" >> "$tmp/d"
        sed -n 's/.*->\([A-Za-z_][A-Za-z0-9_]*\) \$\{0,1\}\(-\{0,1\}[0-9]*\).*/%define \1 \2/p' "$tmp/s"
    done
} > "$tmp/inc"
cp "$tmp/inc" "$out"
if [ -e "$tmp/d" ]; then cp "$tmp/d" "${out%.inc}.d"; fi
