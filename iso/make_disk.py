#!/usr/bin/python3
"""make_disk.py -- a raw GPT disk image with one EFI system partition.

    make_disk.py ESP OUT.img

For QEMU, for cloud images and for writing to a disk. Layout (UEFI specification, chapter 5), in blocks of 512 bytes:

    0 protective MBR | 1 header | 2..33 entries | 2048.. the partition | entries | header (the copy, at the end)

The GUIDs are derived from the partition's bytes: equal inputs give equal images, different disks differ.
"""
import hashlib
import os
import struct
import sys
import uuid
import zlib

BLOCK = 512
FIRST = 2048  # 1 MiB: aligned for every medium
ENTRIES = 128
ENTRY_BYTES = 128
TABLE_BLOCKS = ENTRIES * ENTRY_BYTES // BLOCK
ESP_TYPE = uuid.UUID("C12A7328-F81F-11D2-BA4B-00C93EC93B3B")


def guid(seed):
    return uuid.UUID(bytes=seed[:16], version=4)


def protective_mbr(blocks):
    entry = struct.pack("<B3sB3sII", 0, b"\x00\x02\x00", 0xEE, b"\xff\xff\xff", 1, min(blocks - 1, 0xFFFFFFFF))
    return bytes(446) + entry + bytes(48) + b"\x55\xaa"


def header(at, other, table_at, blocks, disk, table):
    def pack(crc):
        return struct.pack("<8sIIIIQQQQ16sQIII", b"EFI PART", 0x10000, 92, crc, 0, at, other, 2 + TABLE_BLOCKS,
                           blocks - TABLE_BLOCKS - 2, disk.bytes_le, table_at, ENTRIES, ENTRY_BYTES, zlib.crc32(table))
    return pack(zlib.crc32(pack(0))).ljust(BLOCK, b"\0")


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    source, out = sys.argv[1:]
    try:
        with open(source, "rb") as f:
            esp = f.read()
        if not esp or len(esp) % BLOCK or esp[510:512] != b"\x55\xaa":
            sys.exit(f"make_disk.py: {source}: not a FAT image of whole blocks")
        seed = hashlib.sha256(esp).digest()
        esp_blocks = len(esp) // BLOCK
        tail = -(-(FIRST + esp_blocks) // 2048) * 2048  # the copies start on the next MiB
        blocks = tail + 2048
        name = "EFI system partition".encode("utf-16-le").ljust(72, b"\0")
        entry = struct.pack("<16s16sQQQ", ESP_TYPE.bytes_le, guid(seed[16:]).bytes_le, FIRST,
                            FIRST + esp_blocks - 1, 0) + name
        table = entry.ljust(ENTRIES * ENTRY_BYTES, b"\0")
        disk = guid(seed)
        with open(out + ".new", "wb") as f:
            f.write(protective_mbr(blocks))
            f.write(header(1, blocks - 1, 2, blocks, disk, table))
            f.write(table)
            f.seek(FIRST * BLOCK)
            f.write(esp)
            f.seek((blocks - 1 - TABLE_BLOCKS) * BLOCK)
            f.write(table)
            f.write(header(blocks - 1, 1, blocks - 1 - TABLE_BLOCKS, blocks, disk, table))
        os.rename(out + ".new", out)
    except OSError as e:
        sys.exit(f"make_disk.py: {e.filename}: {e.strerror}")


main()
