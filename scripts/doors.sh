#!/bin/bash
# doors.sh OUT -- lists the functions that rt/burrow.h declares: the runtime's doors, all that a program may call.
# The compiler lists them (-aux-info), so any way to write a declaration is understood.
set -eu
out=$1
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
echo '#include "rt/burrow.h"' > "$tmp/doors.c"
${CC:-gcc} $CFLAGS -fsyntax-only -aux-info "$tmp/list" "$tmp/doors.c"
# /* rt/api/base.h:16:NC */ extern void go (void (*) (void *), void *);
sed -n 's|^/\* \(\./\)\?rt/[^ ]* \*/ extern [^(]*[ *]\([A-Za-z_][A-Za-z0-9_]*\) (.*|\2|p' "$tmp/list" | sort -u > "$tmp/doors"
[ -s "$tmp/doors" ] || { echo "doors.sh: rt/burrow.h declares no function" >&2; exit 1; }
cp "$tmp/doors" "$out"
