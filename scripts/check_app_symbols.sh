#!/bin/bash
# check_app_symbols.sh [--inside|--with-go] DOORS PROGRAM.o OBJECT... -- a program may use the runtime's doors and nothing else.
#
# Everything else that could be linked (libc, prebuilt archives, the runtime's inside) is not split-stack code: on a goroutine's
# small stack it would overrun silently, which no linker notices. Also refused: thread-local variables (a goroutine
# changes cores; a compiler may keep the address of the old core's copy), objects compiled without -fsplit-stack, a missing
# main. --inside: the runtime's own tests, which may call the inside of the runtime. --with-go: the C part of a program whose main is Go's.
set -eu
inside= with_go=
case $1 in --inside) inside=1; shift ;; --with-go) with_go=1; shift ;; esac
doors=$1 data=$1.data program=$2
shift 2
nm=${NM:-nm}
failed=0
complain() { echo "$1" >&2; failed=1; }
# build/app/NAME/apps/x.c.o -> apps/x.c
source_of() { local s=${1#build/}; s=${s#debug/}; s=${s#app/*/}; s=${s//__\//..\/}; echo "${s%.o}"; }

# What the compiler calls by itself: these four are rt's; the arithmetic of libgcc needs little stack.
implicit='memcpy|memmove|memset|memcmp|__morestack|__u?(div|mod|divmod)ti[34]|__(popcount|clz|ctz|ffs|bswap|parity)[sdt]i2'
implicit+='|__(mul|div)[sdx]c3|__mulo?ti4|__fix(uns)?[sdx]fti|__float(un)?ti[sdx]f|__powi[sdx]f2'

for object in "$@"; do
    sections=$(readelf -SW "$object")
    source=$(source_of "$object")
    case $sections in *.note.GNU-split-stack*) ;; *)
        complain "$source: not compiled with -fsplit-stack: its calls would overrun a goroutine's stack" ;;
    esac
    case $sections in *.note.GNU-no-split-stack*)
        [ -n "$inside" ] || complain "$source: a function with the attribute no_split_stack: it would overrun a goroutine's stack" ;;
    esac
    if grep -q '\.t\(bss\|data\)' <<< "$sections"; then
        complain "$source: thread-local variables are refused: a goroutine changes cores. Pass a pointer, or keep it in the heap"
    fi
done

if [ -n "$with_go" ]; then
    for object in "$@"; do
        ! $nm "$object" | grep -q ' T main$' || complain "$(source_of "$object"): main: in a program of C and Go it is Go's"
    done
elif ! $nm "$program" | grep -q ' T main$'; then
    complain "$(source_of "$1"): no main: a program is int main(int argc, char **argv)"
fi
if [ -z "$inside" ]; then
    unknown=$($nm -u "$program" | sed 's/^ *U //' | grep -vxE "$implicit" | grep -vxFf "$doors" | grep -vxFf "$data" || true)
    for symbol in $unknown; do
        [ "$symbol" != _GLOBAL_OFFSET_TABLE_ ] || continue # the linker's own; what leads to it, thread-local variables, is refused above
        for object in "$@"; do
            if $nm -u "$object" | grep -qx " *U $symbol"; then
                case $symbol in __morestack_allocate_stack_space)
                    complain "$(source_of "$object"): alloca of a size that only the run knows is refused; make_array(char, n) takes memory from the heap (rt/api/mem.h)"
                    continue ;;
                esac
                complain "$(source_of "$object") uses $symbol, which rt/burrow.h does not offer: other code is not split-stack code and would overrun a goroutine's stack"
            fi
        done
    done
fi
exit $failed
