#!/usr/bin/python3
"""make_corpus.py -- writes the fuzzers' seed inputs, one small valid example of each kind: tests/fuzz/corpus/NAME/.

    tests/fuzz/make_corpus.py        run from the top of the source tree; the files are committed

Inputs that once broke something are added by hand under telling names; this script leaves them alone.
"""
import os
import struct
import sys
import tempfile

sys.path.insert(0, "scripts")
import pack_blob
import symbols

HERE = "tests/fuzz/corpus"
BASE = 0x1000  # where fuzz_acpi.c's memory begins


def put(name, seed, data):
    os.makedirs(f"{HERE}/{name}", exist_ok=True)
    with open(f"{HERE}/{name}/{seed}", "wb") as f:
        f.write(data)


# ---- PCI: first bus, last bus, then what each read of the configuration space says

def pci():
    words = [0x12378086, 0x06000002, 0x00000000] + [0xffffffff] * 5 + [0x000d1b36, 0x0c033001, 0x00800000, 0x00100000, 0x00000040, 0x00120011] + [0xffffffff] * 40
    put("pci", "host-bridge-and-usb", struct.pack("<BH", 0, 1) + b"".join(struct.pack("<I", word) for word in words))


# ---- ACPI

def summed(data, at, n=None):
    data = bytearray(data)
    data[at] = -sum(data[:n]) & 0xff
    return bytes(data)


def table(sig, revision, body):
    return summed(struct.pack("<4sIBB6s8sIII", sig, 36 + len(body), revision, 0, b"BURROW", b"FUZZ", 1, 0, 0) + body, 9)


def fadt():
    body = bytearray(244 - 36)
    struct.pack_into("<I", body, 64 - 36, 0x604)
    struct.pack_into("<I", body, 76 - 36, 0x608)
    body[89 - 36], body[91 - 36], body[108 - 36] = 2, 4, 0x32
    struct.pack_into("<HxI", body, 109 - 36, 2, 1 << 8 | 1 << 10)
    struct.pack_into("<BBBBQB", body, 116 - 36, 1, 8, 0, 0, 0xcf9, 0x0f)
    return bytes(body)


def acpi(revision):
    lapic = b"".join(struct.pack("<BBBBI", 0, 8, i, i, flags) for i, flags in ((0, 1), (1, 0), (2, 1)))
    madt = struct.pack("<II", 0xfee00000, 1) + lapic + struct.pack("<BBBBII", 1, 12, 0, 0, 0xfec00000, 0) + \
        struct.pack("<BBHIII", 9, 16, 0, 300, 1, 300) + struct.pack("<BBHQ", 5, 12, 0, 0xfee00000)
    srat = bytes(12) + struct.pack("<BBBBI8x", 0, 16, 1, 2, 1) + struct.pack("<BBHIII8x", 2, 24, 0, 7, 300, 1) + \
        struct.pack("<BBIHQQII8x", 1, 40, 2, 0, 1 << 30, 1 << 20, 0, 1)
    tables = [table(b"SRAT", 3, srat), table(b"APIC", 4, madt), table(b"FACP", 4, fadt()),
              table(b"HPET", 1, bytes(4) + struct.pack("<BBBBQ4x", 0, 64, 0, 0, 0xfed00000)),
              table(b"MCFG", 1, bytes(8) + struct.pack("<QHBB4x", 0xb0000000, 0, 0, 255))]
    roots = 36 + (36 + 4 * len(tables)) + (36 + 8 * len(tables))
    at, addresses, blob = BASE + roots + -roots % 4, [], b""
    for t in tables:
        addresses.append(at + len(blob))
        blob += t + bytes(-len(t) % 4)
    rsdt = table(b"RSDT", 1, struct.pack(f"<{len(tables)}I", *addresses))
    xsdt = table(b"XSDT", 1, struct.pack(f"<{len(tables)}Q", *addresses))
    rsdp = struct.pack("<8sB6sBIIQB3x", b"RSD PTR ", 0, b"BURROW", revision, BASE + 36, 36, BASE + 36 + len(rsdt), 0)
    memory = summed(summed(rsdp, 8, 20), 32) + rsdt + xsdt
    return memory + bytes(-len(memory) % 4) + blob


# ---- the image's ELF file

def elf():
    def segment(kind, flags, offset, address, filesz, memsz):
        return struct.pack("<IIQQQQQQ", kind, flags, offset, address, address, filesz, memsz, 4096)
    segments = [segment(4, 4, 64, 0x200040, 16, 16), segment(1, 5, 0, 0x200000, 400, 400), segment(1, 4, 400, 0x201000, 32, 32),
                segment(1, 6, 432, 0x202000, 16, 0x3000)]
    head = struct.pack("<16sHHIQQQIHHHHHH", b"\x7fELF\2\1\1", 2, 62, 1, 0x200010, 64, 0, 0, 64, 56, len(segments), 0, 0, 0)
    return (head + b"".join(segments)).ljust(448, b"\x90")


# ---- blobs

def file_tree():
    with tempfile.TemporaryDirectory() as root:
        os.makedirs(f"{root}/d/e")
        for path, text in (("a", "one"), ("d/b", "two" * 9), ("d/e/c", ""), ("d-x", "beside")):
            with open(f"{root}/{path}", "w") as f:
                f.write(text)
            os.chmod(f"{root}/{path}", 0o644)
        for path in ("", "d", "d/e"):
            os.chmod(f"{root}/{path}", 0o755)
        os.symlink("../d/b", f"{root}/d/link")
        os.symlink("loop", f"{root}/loop")
        return pack_blob.pack(pack_blob.read_tree(root))


def symbol_blob():
    functions = [(0x200000, 0x200010, "main"), (0x200010, 0x200020, "leaf"), (0x200030, 0x200031, "far")]
    lines = [(0x200000, "a/b.c", 7), (0x200004, "rt/x.c", 8), (0x200010, "", 0), (0x200018, "rt/x.c", 99)]
    return symbols.make(functions, lines, "abc+1234")


def memory_map(ranges, image=0x200, pages=0x80, capacity=23, spare=2):
    head = image.to_bytes(3, "little") + bytes([pages, capacity, spare])
    return head + b"".join(struct.pack("<QQB", base << 1, size << 1, kind) for base, size, kind in ranges)


def main():
    put("acpi", "xsdt", acpi(2))
    put("acpi", "rsdt", acpi(0))
    for seed, line in (("empty", b""), ("knobs", b'GOMAXPROCS=2 GODEBUG=trapstep=3,gctrace=1 SLICE=5ms MAXSTACK=256MiB -- FOO=1 "a b" c\\"'),
                       ("kernel", b"MAXCPUS=3 TESTDEADAP=1 GOGC=off GOMEMLIMIT=1GiB x y"), ("bad", b'GOMAXPROCS=0 NO=1 "open')):
        put("cmdline", seed, line)
    put("loadopts", "utf16", b"\x40\0" + "\\EFI\\x.efi GOMAXPROCS=2 \u00e4\U0001f600".encode("utf-16-le") + b"\0\0")
    put("loadopts", "ascii", b"@x.efi a b\r\n\0")
    put("loadopts", "utf8", b"\xef\xbb\xbfGOGC=50\n-- \xc3\xa4\r\n")
    put("elf", "image", elf())
    put("memmap", "pc", memory_map([(0, 0x9fc00, 1), (0x9fc00, 0x400, 5), (0xf0000, 0x10000, 5), (0xc0000, 0x30000, 4), (0xfffff, 1, 1)]))
    put("memmap", "full", memory_map([(0x10000 * i, 0x1000 * i, 1 + i % 3) for i in range(1, 20)], capacity=9))
    put("memmap", "overlap", memory_map([(0x40000, 0x40000, 1), (0x50800, 0x1000, 2), (0x60000, 0x80000, 6), (0x48000, 8, 9)], image=0x44, pages=4))
    put("filetree", "tree", file_tree())
    put("symtab", "table", symbol_blob())
    pci()


if __name__ == "__main__":
    main()
