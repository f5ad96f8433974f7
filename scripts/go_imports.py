#!/usr/bin/python3
"""go_imports.py ARCHIVE DIRECTORY -- writes what each package in libgo.a exports to DIRECTORY/<package path>.gox.

Debian installs the export data of the public packages only; the internal ones, which the library's own tests import, have it in their objects
(section .go_export). An object's package path stands in its first lines. Archives repeat member names (text/template, html/template), so they are
read here rather than by ar.
"""
import os
import re
import struct
import sys

EXPORT = re.compile(rb"\Av\d;\npackage [^\n]*\npkgpath ([^\n;]+)")


def members(data):
    """Content of each member of an archive (common format: 60 bytes of header, even lengths)."""
    at = 8
    while at + 60 <= len(data):
        size = int(data[at + 48:at + 58])
        yield data[at + 60:at + 60 + size]
        at += 60 + size + (size & 1)


def export_section(elf):
    """Section .go_export of an ELF64 object, or None."""
    if elf[:4] != b"\x7fELF":
        return None
    shoff, = struct.unpack_from("<Q", elf, 40)
    size, count, names = struct.unpack_from("<HHH", elf, 58)
    sections = [struct.unpack_from("<IIQQQQ", elf, shoff + i * size) for i in range(count)]
    strings = sections[names][4]
    for name, _, _, _, offset, length in sections:
        start = strings + name
        if elf[start:elf.index(b"\0", start)] == b".go_export":
            return elf[offset:offset + length]
    return None


def main():
    archive, directory = sys.argv[1:]
    with open(archive, "rb") as f:
        data = f.read()
    found = 0
    for member in members(data):
        section = export_section(member)
        match = EXPORT.match(section) if section else None
        if not match:
            continue
        path = os.path.join(directory, match[1].decode() + ".gox")
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as f:
            f.write(section)
        found += 1
    if not found:
        sys.exit(f"{archive}: no package with export data")


if __name__ == "__main__":
    main()
