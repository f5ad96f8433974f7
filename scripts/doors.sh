#!/bin/bash
# doors.sh OUT -- lists what rt/burrow.h declares: OUT the functions, the runtime's doors; OUT.data the variables. A program
# may use these and nothing else.
#
# The compiler lists the functions (-aux-info), so any way to write a declaration is understood. Variables are those of
# "extern" declarations in the preprocessed text.
set -eu
out=$1
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
echo '#include "rt/burrow.h"' > "$tmp/doors.c"
${CC:-gcc} $CFLAGS -fsyntax-only -aux-info "$tmp/list" "$tmp/doors.c"
# /* rt/api/base.h:16:NC */ extern void go (void (*) (void *), void *);
# /* rt/api/time.h:37:NC */ extern long (*time_after (long)) (struct Chan *);      a channel is a pointer to function
sed -n 's|^/\* \(\./\)\?rt/[^ ]* \*/ extern \(.*\)$|\2|p' "$tmp/list" |
    sed -n 's|^[^(]*(\*\([A-Za-z_][A-Za-z0-9_]*\) (.*|\1|p; s|^[^(]*[ *]\([A-Za-z_][A-Za-z0-9_]*\) (.*|\1|p' | sort -u > "$tmp/doors"
[ -s "$tmp/doors" ] || { echo "doors.sh: rt/burrow.h declares no function" >&2; exit 1; }
${CC:-gcc} $CFLAGS -E -P "$tmp/doors.c" | tr '\n' ' ' | tr ';{}' '\n\n\n' |
    sed -n '/(/d; s/^ *extern //p' | tr ',' '\n' | sed 's/\[.*//; s/ *$//; s/.*[ *]//' | sort -u > "$tmp/data"
cp "$tmp/data" "$out.data"
cp "$tmp/doors" "$out"
