#!/usr/bin/python3
"""pack_payload.py -- puts a header with length and checksum before an image, for boot/payload.asm.

    pack_payload.py IMAGE.elf OUT

Layout: little endian; magic "BURROWPL", u64 length of the image, u32 CRC-32 (zlib's) of it, u32 zero, the image.
boot/image.c checks the same.
"""
import struct
import sys
import zlib


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    source, out = sys.argv[1:]
    try:
        with open(source, "rb") as f:
            image = f.read()
        if image[:4] != b"\x7fELF":
            sys.exit(f"pack_payload.py: {source}: not an ELF file")
        with open(out, "wb") as f:
            f.write(struct.pack("<8sQII", b"BURROWPL", len(image), zlib.crc32(image), 0))
            f.write(image)
    except OSError as e:
        sys.exit(f"pack_payload.py: {e.filename}: {e.strerror}")


main()
