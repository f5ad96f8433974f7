#!/usr/bin/python3
"""check_layers.py -- checks the include rules: boot passes data to kernel, kernel calls rt, rt calls the app; never upwards.

A rule lists what the files of a folder may include, as patterns of paths from the root. Headers in <> must be the
compiler's own (freestanding) unless the folder runs on a host system or under firmware. Headers say #pragma once.
"""
import fnmatch
import os
import re
import sys

FREESTANDING = {"float.h", "iso646.h", "limits.h", "stdalign.h", "stdarg.h", "stdatomic.h", "stdbool.h", "stddef.h",
                "stdint.h", "stdnoreturn.h"}
ANY_SYSTEM = None

# folder: (what it may include, which headers in <>)
RULES = {
    "boot": (["boot/*"], FREESTANDING | {"efi.h", "efilib.h", "elf.h"}),
    # What the kernel sees of rt: the machine's contract, rt's offers to the machine, the page allocator's door, its locks.
    "kernel": (["kernel/*", "boot/*.h", "drivers/driver.h", "rt/plat.h", "rt/rt.h", "rt/mem.h", "rt/lock.h", "rt/atomic.h"],
               FREESTANDING),
    "drivers": (["drivers/*", "kernel/*.h", "rt/plat.h", "rt/rt.h", "rt/input.h", "rt/atomic.h"], FREESTANDING | {"qrcodegen/qrcodegen.h"}),
    "rt": (["rt/*"], FREESTANDING),
    "apps": (["rt/burrow.h", "apps/*"], FREESTANDING),
    "tests/host": (["tests/host/*", "rt/*"], ANY_SYSTEM),
    "tests/metal": (["tests/*", "rt/*", "kernel/*", "drivers/*", "boot/*.h"], FREESTANDING),
    "tests/nightly": (["tests/*", "rt/*"], FREESTANDING),
    "tests/bench": (["tests/bench/*", "rt/burrow.h"], FREESTANDING),
    "tests/bench/linux": (["tests/bench/linux/*"], ANY_SYSTEM), # the other side of the comparison
    "tests/bench/profile": (["tests/bench/profile/*"], ANY_SYSTEM), # a plugin of QEMU
}
# The public headers see each other and the type descriptor, nothing else of the runtime.
PUBLIC = (["rt/api/*.h", "rt/type.h"], {"stdarg.h", "stdatomic.h", "stdbool.h", "stddef.h", "stdint.h", "float.h", "limits.h"})
# Files that may see more than their folder, each with its reason.
EXCEPTIONS = {
    "tests/bench/heap.c": ["rt/gc.h"],    # what a store costs while marking: it must know when that is
    "kernel/plat.c": ["rt/core.h"],       # plat_idle reads P.wake
    "kernel/string.c": ["rt/api/str.h"],  # implements its memory functions, as libc does for the hosted build
}

INCLUDE = re.compile(r'^\s*#\s*include\s*(["<])([^">]+)[">]', re.M)


def sources(folder):
    for where, folders, files in os.walk(folder):
        folders[:] = sorted(f for f in folders if f"{where}/{f}" not in RULES)  # those have rules of their own
        for name in sorted(files):
            if name.endswith((".c", ".h")):
                yield os.path.normpath(os.path.join(where, name))


def resolve(source, name):
    """The file that the compiler finds: beside the source, at the root, in rt/ (the build's -I. -Irt)."""
    for base in (os.path.dirname(source), ".", "rt"):
        path = os.path.normpath(os.path.join(base, name))
        if os.path.exists(path):
            return path
    return None


def check_file(source, allowed, system):
    with open(source) as f:
        text = f.read()
    problems = []
    if source.endswith(".h") and "#pragma once" not in text:
        problems.append(f"{source}: no #pragma once")
    for match in INCLUDE.finditer(text):
        line, name = text.count("\n", 0, match.start(2)) + 1, match[2]
        if match[1] == "<":
            if system is not ANY_SYSTEM and name not in system:
                problems.append(f"{source}:{line}: <{name}> is not for this layer")
            continue
        path = resolve(source, name)
        if path is None:
            problems.append(f'{source}:{line}: "{name}" is not found')
        elif not any(fnmatch.fnmatch(path, pattern) for pattern in allowed + EXCEPTIONS.get(source, [])):
            problems.append(f"{source}:{line}: includes {path}, above or beside its layer")
    return problems


def main():
    problems, count = [], 0
    for folder, (allowed, system) in RULES.items():
        for source in sources(folder):
            public = source == "rt/burrow.h" or source.startswith("rt/api/")
            problems += check_file(source, *(PUBLIC if public else (allowed, system)))
            count += 1
    for problem in problems:
        print(f"check_layers: {problem}", file=sys.stderr)
    print(f"check_layers: {count} files, {len(problems)} problems")
    return bool(problems) or not count


if __name__ == "__main__":
    sys.exit(main())
