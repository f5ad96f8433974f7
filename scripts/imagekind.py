"""imagekind.py -- what a file is, by its first bytes, and whether it can be booted in a given way.

Firmware that finds nothing to boot in a file waits for ever, without a word; so scripts/run looks first.
"""
import os
import stat
import struct

ISO_MARK = 0x8001  # "CD001" of the first volume descriptor (ECMA-119, 8.4)
PT_INTERP, PT_NOTE = 3, 4
NOTE_PVH = 18  # XEN_ELFNOTE_PHYS32_ENTRY
NAMES = {"pvh": "an image for PVH (build/NAME.elf)", "uefi": "a disk image (build/NAME.img)", "iso": "a CD image (build/NAME.iso)",
         "host": "a process of this system (build/host/NAME)"}


def elf_notes(data):
    """Types of the notes of owner "Xen" in an ELF file of 32 or 64 bits, little-endian."""
    wide = data[4] == 2
    offset, = struct.unpack_from("<Q" if wide else "<I", data, 32 if wide else 28)
    size, count = struct.unpack_from("<HH", data, 54 if wide else 42)
    for i in range(count):
        at = offset + i * size
        kind, = struct.unpack_from("<I", data, at)
        begin, _, _, length = struct.unpack_from("<4Q" if wide else "<4I", data, at + (8 if wide else 4))
        end = begin + length if kind == PT_NOTE else begin
        while begin + 12 <= end:
            name, text, note = struct.unpack_from("<III", data, begin)
            if data[begin + 12:begin + 12 + name] == b"Xen\0":
                yield note
            begin += 12 + (name + 3 & ~3) + (text + 3 & ~3)


def boots_by(path):
    """(ways to boot this file, what it is)."""
    with open(path, "rb") as f:
        data = f.read(4 << 20)
    if data.startswith(b"\x7fELF"):
        try:
            pvh = NOTE_PVH in elf_notes(data)
        except (struct.error, IndexError):
            return (), "a damaged ELF file"
        return (("pvh",), NAMES["pvh"]) if pvh else (("host",), NAMES["host"])
    if data[ISO_MARK:ISO_MARK + 5] == b"CD001":
        return ("iso", "uefi"), NAMES["iso"]  # also a stick
    if data.startswith(b"MZ"):
        return (), "an EFI program, which boots from a disk or CD image only: build/NAME.img, build/NAME.iso"
    if data.startswith(b"QFI\xfb"):
        return (), "a qcow2 image; give the same disk as build/NAME.img"
    if data[510:512] == b"\x55\xaa":
        return ("uefi",), NAMES["uefi"]
    if data.startswith(b"#!"):
        return ("host",), "a script"
    return (), "nothing that boots" if data else "empty"


def wrong(path, boot):
    """Why this file cannot be booted so; "" if it can, as far as its first bytes tell."""
    try:
        if stat.S_ISDIR(os.stat(path).st_mode):
            return f"{path} is a directory; --boot {boot} wants {NAMES[boot]}"
        ways, what = boots_by(path)
    except OSError as e:
        return f"{path}: {e.strerror}"
    return "" if boot in ways else f"{path} is {what}; --boot {boot} wants {NAMES[boot]}"
