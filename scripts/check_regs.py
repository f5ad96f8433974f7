#!/usr/bin/python3
"""check_regs.py [--except SOURCES] OBJECT... -- the kernel and the runtime use general registers only.

Interrupt handlers and the context switch do not save vector and x87 registers, so no code they reach may touch one. The
compiler is told (-mgeneral-regs-only); this looks at what came out, assembly included. Save and restore
instructions (fxsave, xsave, ldmxcsr, fldcw) name no such register and pass.
"""
import argparse
import re
import subprocess
import sys

# These routines may use the registers, each with its reason.
ALLOWED = {
    # "routine": "reason",
    "vectors_clear": "clears them before a goroutine goes on that has nothing in them: gcverify only",
    # rt/alloc_fast.h: clear what they allocate by xmm0
    **dict.fromkeys(("heap_alloc", "slot_make", "slot_make_mixed", "alloc_at_hand", "alloc_rest", "object_new", "object_new_try", "array_new", "array_new_try"), "allocate"),
}
FUNCTION = re.compile(r"^[0-9a-f]+ <(.+)>:$")
REGISTER = re.compile(r"%(?:[xyz]?mm\d+|st(?:\(\d\))?|k[0-7])\b")


def offenders(path, objdump):
    text = subprocess.run([objdump, "-d", "--no-show-raw-insn", path], check=True, text=True, stdout=subprocess.PIPE).stdout
    function = "?"
    for line in text.splitlines():
        match = FUNCTION.match(line)
        if match:
            function = match[1]
        elif REGISTER.search(line) and function.split(".")[0] not in ALLOWED:
            yield function, line.strip()


def main():
    parser = argparse.ArgumentParser(description="look for vector and x87 registers in kernel and runtime objects")
    parser.add_argument("--except", dest="exempt", default="", help="sources that may use floating point")
    parser.add_argument("--objdump", default="objdump")
    parser.add_argument("objects", nargs="*")
    args = parser.parse_args()
    exempt = tuple(f"/{source}.o" for source in args.exempt.split())  # below any build directory

    bad, count = 0, 0
    for path in args.objects:
        if exempt and f"/{path}".endswith(exempt):
            continue
        count += 1
        for function, instruction in offenders(path, args.objdump):
            print(f"check_regs: {path}: {function}: {instruction}", file=sys.stderr)
            bad += 1
    print(f"check_regs: {count} objects, {bad} instructions with registers that handlers do not save")
    return bool(bad) or not count


if __name__ == "__main__":
    sys.exit(main())
