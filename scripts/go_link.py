#!/usr/bin/python3
"""go_link.py --out APP.o --doors FILE --runtime OBJECTS INPUT... -- links a Go program with what it needs of the library, and checks it.

Everything is merged into one object (ld -r), all its code in the section app_text. What stays undefined must be offered by rt/go (a function
that gccgo's code or the library calls), or be a door of rt (a program that mixes C and Go). Names of C's library, which libgo's system packages
and musl's mathematics call, are renamed to go_lib_NAME and offered by rt/go/libc.c and rt/go/math.asm: they must not reach the C library of a hosted
process, which knows nothing of goroutines' stacks. A name that nobody offers is an error that says which package needs it.
"""
import argparse
import re
import subprocess
import sys
import os

# What the compiler calls by itself, and rt has.
IMPLICIT = {"_GLOBAL_OFFSET_TABLE_", "__morestack", "__morestack_non_split", "_Unwind_Resume", "__gccgo_personality_v0", "__go_go", "__go_construct_map"}
ARITHMETIC = re.compile(r"__u?(div|mod|divmod)ti[34]$|__(popcount|clz|ctz|ffs|bswap|parity)[sdt]i2$|__(mul|div)[sdx]c3$")


def run(*command):
    return subprocess.run(command, check=True, text=True, stdout=subprocess.PIPE).stdout


def names(nm, flag, paths):
    out = set()
    for line in run(nm, flag, *paths).splitlines():
        words = line.split()
        if len(words) >= 2:
            out.add(words[-1])
    return out


def who_needs(nm, inputs, name):
    """Inputs (and members of archives) that refer to a name."""
    found = []
    for path in inputs:
        for line in run(nm, "-A", "-u", path).splitlines():
            if line.endswith(" U " + name):
                place = line.split(" ")[0].strip(":").split(":")
                found.append(os.path.basename(place[-1]))
    return ", ".join(sorted(set(found))[:4])


def check_c_objects(args):
    """C beside Go is held to what a C program is held to; its functions may call the Go side's."""
    objects = args.c_objects.split()
    if objects:
        both = args.out + ".both"
        subprocess.run([args.ld, "-r", "-o", both, *objects, *(i for i in args.inputs if i.endswith(".o"))], check=True)
        for check in (["scripts/check_app_symbols.sh", "--with-go", args.doors, both, *objects], ["scripts/check_cells.py", *objects]):
            if subprocess.run(check).returncode:
                sys.exit(1)
        os.remove(both)
    return objects


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--ld", default="ld.bfd")
    parser.add_argument("--objcopy", default="objcopy")
    parser.add_argument("--nm", default="nm")
    parser.add_argument("--out", required=True)
    parser.add_argument("--doors", required=True)
    parser.add_argument("--runtime", required=True)
    parser.add_argument("--c-objects", default="", help="of a program in both languages")
    parser.add_argument("inputs", nargs="+")
    args = parser.parse_args()

    merged = args.out + ".all"
    args.inputs = check_c_objects(args) + args.inputs
    link = [args.ld, "-r", "-T", "scripts/go_app.ld", "--force-group-allocation", "-Map=" + args.out + ".map", "-o", merged]
    for closure in ("ffi_go_closure_unix64", "ffi_go_closure_unix64_sse"):  # scripts/go_closure.asm
        link += ["--wrap", closure]
    subprocess.run([*link, *args.inputs], check=True)
    undefined = names(args.nm, "-u", [merged])
    if "runtime.reflectcall" in undefined:  # rt/go/reflect.c calls by libffi
        subprocess.run([*link, "-u", "ffi_prep_cif", "-u", "ffi_call_go", *args.inputs], check=True)
        undefined = names(args.nm, "-u", [merged])
    offered = names(args.nm, "--defined-only", args.runtime.split())
    for path in (args.doors, args.doors + ".data"):
        with open(path) as f:
            offered |= set(f.read().split())
    renames, missing = [], []
    for name in sorted(undefined):
        if name in offered or name in IMPLICIT or ARITHMETIC.match(name):
            continue
        if "go_lib_" + name in offered:
            renames.append(name)
            continue
        missing.append(name)
    for name in missing:
        print(f"{args.out}: {name}: needed by {who_needs(args.nm, args.inputs, name)}, and Burrow does not offer it", file=sys.stderr)
    if "main.main" not in names(args.nm, "--defined-only", [merged]):
        print("function main is undeclared in the main package", file=sys.stderr)
        sys.exit(1)
    if missing:
        sys.exit(1)
    with open(args.out + ".renames", "w") as f:
        f.writelines(f"{name} go_lib_{name}\n" for name in renames)
    # Only what rt calls stays visible; a program's names cannot meet the runtime's.
    keep = ["main.main", "__go_init_main", *(n for n in names(args.nm, "-u", args.runtime.split()))]
    keep_file = args.out + ".keep"
    with open(keep_file, "w") as f:
        f.writelines(n + "\n" for n in sorted(set(keep)))
    subprocess.run([args.objcopy, f"--redefine-syms={args.out}.renames", f"--keep-global-symbols={keep_file}",
                    "--remove-section=.go_export", merged, args.out], check=True)
    os.remove(merged)


if __name__ == "__main__":
    try:
        main()
    except subprocess.CalledProcessError as e:
        sys.exit(f"go_link: {e}")
