#!/usr/bin/python3
"""pack_blob.py -- packs a directory of the host into the read-only file tree blob of an image.

    pack_blob.py --out build/files.blob [DIR]        no DIR: the empty tree (a root directory and nothing else)
    pack_blob.py --list build/files.blob             prints the index of a blob, after checking it

The blob is linked into the image between the symbols blob_files and blob_files_end (scripts/blobs.asm);
rt/file.c reads it in place. Idea: one sorted index, so that open() is a binary search; sibling links, so that
readdir() needs no search; lengths and checksums, so that a truncated or damaged tree is named and never read.

Layout: little endian, every part 8-byte aligned. `FilesHeader | FileEntry[entry_count] | names | data`.

    typedef struct {            // 64 bytes, at offset 0
        char     magic[8];      // "BRWFILES", no NUL
        uint32_t version;       // 1
        uint32_t index_crc;     // CRC-32 (zlib's, polynomial 0xedb88320) of the bytes [16, data_off)
        uint64_t total_bytes;   // of the whole blob; fewer in memory: truncated
        uint64_t data_off;      // where the contents start; all offsets count from the blob's start
        uint32_t data_crc;      // CRC-32 of the bytes [data_off, total_bytes)
        uint32_t entry_count;   // at least 1: entry 0 is the root directory, path ""
        uint32_t entry_size;    // 40
        uint32_t names_bytes;
        uint64_t entries_off;
        uint64_t names_off;
    } FilesHeader;

    typedef struct {            // 40 bytes
        uint64_t data;          // file: offset of its bytes, 16-byte aligned; symlink: of its target; directory: 0
        uint64_t size;          // file: bytes; symlink: bytes of the target; directory: 0
        uint32_t name;          // offset of the path from names_off
        uint32_t name_len;      // bytes of the path without the NUL that follows it
        uint32_t mode;          // permission bits, st_mode & 07777
        uint32_t kind;          // 1 file, 2 directory, 3 symbolic link (recorded, not followed)
        uint32_t first_child;   // directory: index of its first entry; 0: empty
        uint32_t next_sibling;  // index of the next entry of the same directory; 0: last
    } FileEntry;

Paths are relative to DIR, without a leading "/" or "./", components joined by "/"; any bytes but NUL. Entries are
sorted by path as unsigned bytes (memcmp, then the shorter first: the C locale's order); siblings are linked in
that order too. No two paths are equal. The same directory always gives the same bytes: no times, no owners.
"""
import argparse
import os
import stat
import struct
import sys
import zlib
from dataclasses import dataclass

MAGIC = b"BRWFILES"
VERSION = 1
HEADER = struct.Struct("<8sIIQQIIIIQQ")
ENTRY = struct.Struct("<QQIIIIII")
FILE, DIRECTORY, SYMLINK = 1, 2, 3
CRC_FROM = 16  # the index checksum covers everything behind itself
DATA_ALIGN = 16

assert HEADER.size == 64 and ENTRY.size == 40


@dataclass
class Node:
    path: bytes
    kind: int
    mode: int
    data: bytes = b""


def align(n, to):
    return (n + to - 1) & ~(to - 1)


def read_node(root, path):
    """One entry of the tree; None for what a tree of files cannot hold (said aloud)."""
    full = os.path.join(root, path) if path else root
    st = os.lstat(full)
    mode = stat.S_IMODE(st.st_mode)
    if path and stat.S_ISLNK(st.st_mode):
        return Node(path, SYMLINK, mode, os.readlink(full))
    if stat.S_ISDIR(st.st_mode) or not path:
        return Node(path, DIRECTORY, mode)
    if stat.S_ISREG(st.st_mode):
        with open(full, "rb") as f:
            return Node(path, FILE, mode, f.read())
    print(f"pack_blob: {os.fsdecode(full)} is neither file, directory nor link: left out", file=sys.stderr)
    return None


def read_tree(root):
    """All nodes under root, the root first, in C-locale order."""
    if root is None:
        return [Node(b"", DIRECTORY, 0o755)]
    root = os.fsencode(root)
    if not os.path.isdir(root):
        raise NotADirectoryError(f"{os.fsdecode(root)}: not a directory")
    paths = [b""]
    for path in paths:  # grows while it is walked
        full = os.path.join(root, path) if path else root
        if os.path.isdir(full) and (not path or not os.path.islink(full)):
            paths += [os.path.join(path, name) for name in os.listdir(full)]
    return [node for node in (read_node(root, path) for path in sorted(paths)) if node]


def link_siblings(nodes):
    """(first_child, next_sibling) for each node; index 0 stands for "none", the root being nobody's child."""
    first, following = [0] * len(nodes), [0] * len(nodes)
    index = {node.path: i for i, node in enumerate(nodes)}
    last_child = {}
    for i, node in enumerate(nodes[1:], 1):
        parent = index[os.path.dirname(node.path)]
        if parent in last_child:
            following[last_child[parent]] = i
        else:
            first[parent] = i
        last_child[parent] = i
    return first, following


def pack(nodes):
    names, name_offsets = bytearray(), []
    for node in nodes:
        name_offsets.append(len(names))
        names += node.path + b"\0"
    entries_off = HEADER.size
    names_off = entries_off + ENTRY.size * len(nodes)
    data_off = align(names_off + len(names), DATA_ALIGN)

    first, following = link_siblings(nodes)
    index, data = bytearray(), bytearray()
    for i, node in enumerate(nodes):
        has_data = node.kind != DIRECTORY
        where = data_off + len(data) if has_data else 0
        size = len(node.data) if has_data else 0
        index += ENTRY.pack(
            where, size, name_offsets[i], len(node.path), node.mode, node.kind, first[i], following[i])
        data += node.data
        data += bytes(align(len(data), DATA_ALIGN) - len(data))
    index += names
    index += bytes(data_off - entries_off - len(index))

    total = data_off + len(data)
    header = HEADER.pack(MAGIC, VERSION, 0, total, data_off, zlib.crc32(data), len(nodes), ENTRY.size,
                         len(names), entries_off, names_off)
    crc = zlib.crc32(header[CRC_FROM:] + index)
    return header[:12] + struct.pack("<I", crc) + header[CRC_FROM:] + bytes(index) + bytes(data)


def check(blob):
    """The entries of a blob as tuples of ENTRY, after every test that the runtime makes too."""
    if len(blob) < HEADER.size or blob[:8] != MAGIC:
        raise ValueError("not a file tree blob")
    _, version, index_crc, total, data_off, data_crc, count, entry_size, _, entries_off, names_off = \
        HEADER.unpack_from(blob)
    if version != VERSION or entry_size != ENTRY.size:
        raise ValueError(f"version {version}, expected {VERSION}")
    if total != len(blob):
        raise ValueError(f"truncated: {len(blob)} of {total} bytes")
    if zlib.crc32(blob[CRC_FROM:data_off]) != index_crc or zlib.crc32(blob[data_off:]) != data_crc:
        raise ValueError("checksum mismatch")
    entries = [ENTRY.unpack_from(blob, entries_off + i * ENTRY.size) for i in range(count)]
    return [(blob[names_off + e[2]:names_off + e[2] + e[3]], e) for e in entries]


def main():
    parser = argparse.ArgumentParser(description="pack a directory into a file tree blob")
    parser.add_argument("--out")
    parser.add_argument("--list", action="store_true")
    parser.add_argument("dir", nargs="?")
    args = parser.parse_args()
    if args.list:
        with open(args.dir, "rb") as f:
            for path, entry in check(f.read()):
                print(f"{'?fdl'[entry[5]]} {entry[4]:04o} {entry[1]:10d} {os.fsdecode(path)}")
        return
    blob = pack(read_tree(args.dir))
    check(blob)
    with open(args.out, "wb") as f:
        f.write(blob)


if __name__ == "__main__":
    try:
        main()
    except (OSError, ValueError) as e:
        sys.exit(f"pack_blob: {e}")
