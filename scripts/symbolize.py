#!/usr/bin/python3
"""symbolize.py -- names the code addresses in a log: function, offset, file and line, from the image that wrote it.

    scripts/symbolize.py LOG build/NAME.elf          LOG "-": standard input

An address is 0x and hexadecimal digits, or a register's 16 digits. Those outside the image's code, and those that the log names
already ("0x2066a2 idle_until_work+0x112"), stay as they are. Behind a call instruction the address is a return address: then
the line is the call's. A log tells its image by "build ..."; a different one is mentioned.
"""
import argparse
import bisect
import os
import re
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import symbols

ADDRESS = re.compile(r"\b(?:0x([0-9a-f]{4,16})|(?<==)([0-9a-f]{16}))\b(?! [A-Za-z_][\w.]*\+0x)")
BUILD = re.compile(r"\bbuild ([0-9a-f]{12}(?:\+[0-9a-f]+)?)\b")
SECTIONS_WITH_BYTES = 1  # SHT_PROGBITS


class Image:
    def __init__(self, path, objdump="objdump"):
        self.elf = symbols.read(path)
        self.functions = symbols.elf_functions(self.elf)
        self.lines = symbols.dwarf_lines(path, objdump, {start for start, _, _ in self.functions})
        self.starts = [f[0] for f in self.functions]
        self.rows = [row[0] for row in self.lines]
        self.code = [(addr, self.elf[offset:offset + size]) for _, kind, flags, addr, offset, size, _ in symbols.elf_sections(self.elf)
                     if kind == SECTIONS_WITH_BYTES and flags & symbols.SHF_EXECINSTR]

    def is_return_address(self, address):
        """Does a call instruction end here?"""
        for start, code in self.code:
            at = address - start
            if 7 <= at <= len(code):
                return code[at - 5] == 0xe8 or any(code[at - n] == 0xff and code[at - n + 1] >> 3 & 7 == 2 for n in (2, 3, 4, 6, 7))
        return False

    def name(self, address):
        """'chan_recv+0x40 rt/chan.c:120', or None."""
        i = bisect.bisect_right(self.starts, address) - 1
        if i < 0 or address >= self.functions[i][1]:
            return None
        start, _, function = self.functions[i]
        at = address - 1 if address > start and self.is_return_address(address) else address
        _, path, line = self.lines[bisect.bisect_right(self.rows, at) - 1] if self.lines else (0, "", 0)
        return f"{function}+{address - start:#x}" + (f" {path}:{line}" if line else "")


def annotate(line, image):
    def replace(match):
        name = image.name(int(match[1] or match[2], 16))
        return f"{match[0]} <{name}>" if name else match[0]
    return ADDRESS.sub(replace, line)


def main():
    parser = argparse.ArgumentParser(description="name the code addresses in a log")
    parser.add_argument("log")
    parser.add_argument("image")
    args = parser.parse_args()
    image = Image(args.image)
    with sys.stdin if args.log == "-" else open(args.log, errors="replace") as log:
        for line in log:
            for build in BUILD.findall(line):
                if build.encode() + b"\0" not in image.elf:
                    print(f"symbolize: this log was written by build {build}, and {args.image} is another", file=sys.stderr)
            print(annotate(line.rstrip("\n"), image))
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except (OSError, ValueError) as e:
        sys.exit(f"symbolize: {e}")
