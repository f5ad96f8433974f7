#!/usr/bin/python3
"""symbols.py -- makes the symbol blob of a linked ELF: functions, source lines, build id.

    symbols.py --out build/metal/symbols.blob --build-id TEXT [ELF]     no ELF: the empty blob for the first link
    symbols.py --same-code FIRST SECOND                                 exits 1 if a function moved between two links
    symbols.py --lookup build/metal/symbols.blob ADDR...                what rt_symbolize should say

The blob is linked into the image between the symbols blob_symbols and blob_symbols_end (scripts/blobs.asm);
rt/symtab.c reads it in place. It lies behind all code, so the image is linked twice: with an empty blob, then with
the blob made from the first link; --same-code checks that nothing but the blob changed.

Layout: little endian. `SymHeader | SymFunc[] | SymLine[] | files u32[] | SymInlined[] | SymCall[] | strings`. Addresses are u32 offsets from
text_base; every *_off counts bytes from the blob's start, 8-byte aligned; string offsets count from strings_off.

    typedef struct {            // 96 bytes, at offset 0
        char     magic[8];      // "BRWSYMS1", no NUL
        uint32_t version;       // 2
        uint32_t crc;           // CRC-32 (zlib's, polynomial 0xedb88320) of the bytes [16, total_bytes)
        uint64_t total_bytes;   // of the whole blob
        uint64_t text_base;     // lowest code address
        uint64_t text_bytes;    // [text_base, text_base + text_bytes) holds all functions
        uint32_t func_count, line_count, file_count, strings_bytes;
        uint32_t funcs_off, lines_off, files_off, strings_off;
        uint32_t build_id;      // string: commit, "+" and a hash of the changes when the tree was dirty
        uint32_t inlined_count, call_count;
        uint32_t inlined_off, calls_off;
        uint32_t reserved;
    } SymHeader;

    typedef struct {            // 12 bytes; sorted by start, not overlapping
        uint32_t start, end;    // [start, end); gaps between functions belong to none
        uint32_t name;          // string
    } SymFunc;

    typedef struct {            // 8 bytes; sorted by addr; a row holds until the next row's addr
        uint32_t addr;
        uint16_t file;          // index into files
        uint16_t line;          // 0: no line is known from here on (end of a compiled unit); 65535: that or more
    } SymLine;

    typedef struct {            // 8 bytes; sorted by addr; holds until the next one's addr
        uint32_t addr;
        uint32_t call;          // the code from here on was inlined by this call, an index into calls; 0: by none
    } SymInlined;

    typedef struct {            // 12 bytes; calls[0] stands for none
        uint32_t name;          // string: the function that was inlined. Functions of Go alone
        uint16_t file, line;    // where it was called
        uint32_t outer;         // the call that inlined the function in which that is, a lower index; 0: it is the one that SymFunc names
    } SymCall;

    files: u32 string offset each, paths as the compiler was given them ("rt/chan.c"). Strings are UTF-8, NUL-terminated;
    string 0 is "". A blob with func_count = 0 is valid (first link): every address is unknown.
"""
import argparse
import bisect
import os
import re
import struct
import subprocess
import sys
import tempfile
import zlib

MAGIC = b"BRWSYMS1"
VERSION = 2
HEADER = struct.Struct("<8sIIQQQ" + 14 * "I")
FUNC = struct.Struct("<III")
LINE = struct.Struct("<IHH")
INLINED = struct.Struct("<II")
CALL = struct.Struct("<IHHI")
CRC_FROM = 16
RENAMED = {"app_main": "main"}  # the build renames the program's main; a reader knows it as main

assert HEADER.size == 96

# ---- ELF


SHF_EXECINSTR = 4
STT_NOTYPE, STT_FUNC = 0, 2
SHT_PROGBITS, SHT_SYMTAB = 1, 2


def elf_sections(elf):
    """(name offset, type, flags, addr, offset, size, link) of each section header."""
    if elf[:6] != b"\x7fELF\x02\x01":
        raise ValueError("not a 64-bit little-endian ELF file")
    shoff, = struct.unpack_from("<Q", elf, 0x28)
    shentsize, shnum = struct.unpack_from("<HH", elf, 0x3A)
    return [struct.unpack_from("<IIQQQQI", elf, shoff + i * shentsize) for i in range(shnum)]


# What gcc calls a function that it has specialised, and a part of one that it has split off. The number is what tells the first kind from a Go function's name.
SPECIALISED = re.compile(r"(?:\.(?:constprop|isra|part)\.\d+)+$")
COLD = re.compile(r"\.cold(?:\.\d+)?$")


def source_name(symbol, known):
    """The function's name in its source. known: all symbols, for a part of a function is not alone."""
    whole = COLD.sub("", symbol)
    if whole != symbol and whole not in known:
        return symbol
    return SPECIALISED.sub("", whole)


def elf_functions(elf):
    """Sorted [start, end, name] of all code symbols: C functions, under their names in the source, and nasm labels that are not local to a routine."""
    sections = elf_sections(elf)
    best = {}  # start -> (rank, end, name): one name for each address
    for table in (s for s in sections if s[1] == SHT_SYMTAB):
        strings = sections[table[6]][4]
        for at in range(table[4], table[4] + table[5], 24):
            st_name, info, _, shndx, value, size = struct.unpack_from("<IBBHQQ", elf, at)
            if shndx == 0 or shndx >= len(sections) or not sections[shndx][2] & SHF_EXECINSTR:
                continue
            name = elf[strings + st_name:elf.index(b"\0", strings + st_name)].decode()
            section_end = sections[shndx][3] + sections[shndx][5]
            kind, is_global = info & 15, info >> 4
            label = kind == STT_NOTYPE and name and not re.search(r"[.$]", name)
            if not (kind == STT_FUNC or label) or value >= section_end:
                continue
            rank = (kind == STT_FUNC, is_global, size, name)
            if value not in best or rank > best[value][0]:
                best[value] = (rank, value + size if size else section_end, name)
    starts, known = sorted(best), {name for _, _, name in best.values()}
    functions = []
    for i, start in enumerate(starts):
        _, end, name = best[start]
        if i + 1 < len(starts):
            end = min(end, starts[i + 1])
        name = source_name(name, known)
        functions.append((start, end, RENAMED.get(name, name)))
    return functions


# ---- DWARF line table, as objdump prints it


HEADING = re.compile(r"^(?:CU: )?(\S.*?):(?:\[\+\+\])?$")
ROW = re.compile(r"^(\S.*?)\s+(\d+|-)\s+0x([0-9a-f]+)(?:\s|$)")


# The public header's inline functions: a program's trace names the line that calls them.
INLINE_HEADERS = "rt/api/"


def callers_of_inlined(path, addresses):
    """{address: (file, line)} of the innermost place outside INLINE_HEADERS that was inlined into, for those that have one."""
    if not addresses:
        return {}
    text = subprocess.run(["addr2line", "-a", "-i", "-e", path], input="\n".join(map(hex, addresses)), check=True, text=True,
                          errors="replace", stdout=subprocess.PIPE, stderr=subprocess.DEVNULL).stdout
    cwd = os.getcwd() + "/"
    found, address = {}, None
    for line in text.splitlines():
        if line.startswith("0x"):
            address = int(line, 16)
            continue
        name, _, number = line.split(" (")[0].rpartition(":")
        name = os.path.normpath(name).removeprefix(cwd)
        if address not in found and not name.startswith(INLINE_HEADERS) and number.isdigit() and name != "??":
            found[address] = (name, int(number))
    return found


def dwarf_rows(path, objdump):
    """{address: (file, line)}; line 0 ends a stretch."""
    text = subprocess.run([objdump, "--dwarf=decodedline", "-w", path], check=True, text=True, errors="replace",
                          stdout=subprocess.PIPE, stderr=subprocess.DEVNULL).stdout
    cwd = os.getcwd() + "/"
    headings = {m[1].removeprefix(cwd).removeprefix("./") for m in map(HEADING.match, text.splitlines()) if m}
    names = {os.path.basename(name): name for name in sorted(headings)}
    rows = {}
    for line in text.splitlines():
        heading = HEADING.match(line)
        if heading:
            name = heading[1].removeprefix(cwd).removeprefix("./")
            names[os.path.basename(name)] = name
            continue
        row = ROW.match(line)
        if row:
            # The row's own base name, not the last heading: a unit's first file, and behind the end of a stretch
            # any file, comes without a heading.
            address, name = int(row[3], 16), names.get(row[1], row[1])
            # A stretch that begins where another ended wins over the end; later rows of one address win.
            if row[2] != "-":
                rows[address] = (name, int(row[2]))
            else:
                rows.setdefault(address, ("", 0))
    rows.update(callers_of_inlined(path, [a for a, (name, _) in rows.items() if name.startswith(INLINE_HEADERS)]))
    return rows


def dwarf_lines(path, objdump, starts=(), rows=None):
    """Sorted (address, file, line); line 0 ends a stretch. Rows that repeat the one before are left out, but at `starts`."""
    rows = dwarf_rows(path, objdump) if rows is None else rows
    out = []
    for address in sorted(rows):
        if not out or out[-1][1:] != rows[address] or address in starts:
            out.append((address, *rows[address]))
    return out


def without_symbols(elf):
    """The same without its symbol table: where there is one, addr2line prefers its names to those of inlined functions."""
    out = bytearray(elf)
    shoff, = struct.unpack_from("<Q", elf, 0x28)
    shentsize, shnum = struct.unpack_from("<HH", elf, 0x3A)
    for at in range(shoff, shoff + shnum * shentsize, shentsize):
        if struct.unpack_from("<I", elf, at + 4)[0] == SHT_SYMTAB:
            struct.pack_into("<I", out, at + 4, SHT_PROGBITS)
    return bytes(out)


def inlined_calls(path, functions, addresses):
    """Sorted (address, calls), calls: (function, file, line of the call) of what the code from address on was inlined by, innermost first; of functions of Go, whose names have dots.

    The outermost function, which addr2line names last, is that of the symbol table."""
    starts = [f[0] for f in functions]

    def of_go(address):
        i = bisect.bisect_right(starts, address) - 1
        return i >= 0 and address < functions[i][1] and "." in functions[i][2]
    wanted = sorted({a for a in addresses if of_go(a)} | {end for start, end, name in functions if "." in name})
    if not wanted:
        return []
    with tempfile.NamedTemporaryFile(suffix=".elf") as bare:
        bare.write(without_symbols(read(path)))
        bare.flush()
        text = subprocess.run(["addr2line", "-a", "-i", "-f", "-e", bare.name], input="\n".join(map(hex, wanted)), check=True, text=True,
                              errors="replace", stdout=subprocess.PIPE, stderr=subprocess.DEVNULL).stdout
    cwd = os.getcwd() + "/"
    chains, frames = {}, []
    for line in text.splitlines():
        if line.startswith("0x"):
            frames = chains.setdefault(int(line, 16), [])
        else:
            frames.append(line)
    out = []
    for address in wanted:
        names, places = chains[address][::2], []
        for place in chains[address][1::2]:
            file, _, number = place.split(" (")[0].rpartition(":")
            places.append((os.path.normpath(file).removeprefix(cwd), int(number) if number.isdigit() else 0))
        calls = tuple((name, *place) for name, place in zip(names, places[1:])) if of_go(address) and all("." in n for n in names) else ()
        if calls != (out[-1][1] if out else ()):
            out.append((address, calls))
    return out


# ---- the blob


class Strings:
    """A string table that holds each string once; 0 is the empty string."""

    def __init__(self):
        self.bytes = bytearray(b"\0")
        self.offsets = {"": 0}

    def add(self, text):
        if text not in self.offsets:
            self.offsets[text] = len(self.bytes)
            self.bytes += text.encode() + b"\0"
        return self.offsets[text]


def padded(b):
    return bytes(b) + bytes(-len(b) % 8)


def make(functions, lines, build_id, inlined=()):
    base = functions[0][0] if functions else 0
    size = functions[-1][1] - base if functions else 0
    if size >= 1 << 32:
        raise ValueError(f"code spans {size} bytes; offsets have 32 bits")
    lines = [row for row in lines if base <= row[0] < base + size]
    inlined = [row for row in inlined if base <= row[0] < base + size]
    names = sorted({row[1] for row in lines} | {file for _, calls in inlined for _, file, _ in calls})
    if len(names) > 0xFFFF:
        raise ValueError(f"{len(names)} source files; the table holds 65535")
    number = {name: i for i, name in enumerate(names)}

    strings = Strings()
    build = strings.add(build_id)
    funcs = padded(b"".join(FUNC.pack(start - base, end - base, strings.add(name)) for start, end, name in functions))
    rows = padded(b"".join(LINE.pack(at - base, number[name], min(line, 0xFFFF)) for at, name, line in lines))
    files = padded(b"".join(struct.pack("<I", strings.add(name)) for name in names))
    numbers = {(): 0}  # of calls and all outer ones
    calls = [CALL.pack(0, 0, 0, 0)]
    for _, chain in inlined:
        for at in range(len(chain) - 1, -1, -1):
            if chain[at:] not in numbers:
                name, file, line = chain[at]
                calls.append(CALL.pack(strings.add(name), number[file], min(line, 0xFFFF), numbers[chain[at + 1:]]))
                numbers[chain[at:]] = len(calls) - 1
    places = padded(b"".join(INLINED.pack(at - base, numbers[chain]) for at, chain in inlined))
    tree = padded(b"".join(calls))
    text = padded(strings.bytes)

    offsets = [HEADER.size]
    for part in (funcs, rows, files, places, tree):
        offsets.append(offsets[-1] + len(part))
    total = offsets[-1] + len(text)
    funcs_at, lines_at, files_at, inlined_at, calls_at, strings_at = offsets
    header = HEADER.pack(MAGIC, VERSION, 0, total, base, size, len(functions), len(lines), len(names),
                         len(strings.bytes), funcs_at, lines_at, files_at, strings_at, build, len(inlined), len(calls), inlined_at, calls_at, 0)
    body = header[CRC_FROM:] + funcs + rows + files + places + tree + text
    return header[:12] + struct.pack("<I", zlib.crc32(body)) + body


def lookup(blob, address):
    """(function, offset, file, line) of an address: the reference for rt_symbolize."""
    (_, _, _, _, base, _, nfuncs, nlines, _, _, funcs, lines, files, strings, *_) = HEADER.unpack_from(blob)
    text = lambda at: blob[strings + at:blob.index(b"\0", strings + at)].decode()
    offset = address - base
    starts = [FUNC.unpack_from(blob, funcs + i * FUNC.size) for i in range(nfuncs)]
    i = bisect.bisect_right([f[0] for f in starts], offset) - 1
    if i < 0 or offset >= starts[i][1]:
        return None
    rows = [LINE.unpack_from(blob, lines + i * LINE.size) for i in range(nlines)]
    j = bisect.bisect_right([r[0] for r in rows], offset) - 1
    name, line = ("", 0)
    if j >= 0 and rows[j][2]:
        name, line = text(struct.unpack_from("<I", blob, files + 4 * rows[j][1])[0]), rows[j][2]
    return text(starts[i][2]), offset - starts[i][0], name, line


def read(path):
    with open(path, "rb") as f:
        return f.read()


def moved(first, second):
    """The first function that is not at the same place in both links, or None."""
    a, b = elf_functions(read(first)), elf_functions(read(second))
    for x, y in zip(a, b):
        if x != y:
            return f"{x[2]} {x[0]:#x}..{x[1]:#x} became {y[2]} {y[0]:#x}..{y[1]:#x}"
    return None if len(a) == len(b) else f"{len(a)} functions became {len(b)}"


def main():
    parser = argparse.ArgumentParser(description="make the symbol blob of an ELF file")
    parser.add_argument("--out")
    parser.add_argument("--build-id", default="")
    parser.add_argument("--objdump", default="objdump")
    parser.add_argument("--same-code", action="store_true")
    parser.add_argument("--lookup", metavar="BLOB")
    parser.add_argument("args", nargs="*")
    args = parser.parse_args()

    if args.same_code:
        difference = moved(*args.args)
        if difference:
            sys.exit(f"symbols: code moved between the two links: {difference}")
    elif args.lookup:
        for address in args.args:
            print(address, lookup(read(args.lookup), int(address, 0)))
    else:
        functions, lines, inlined = [], [], []
        for path in args.args:
            functions = elf_functions(read(path))
            all_rows = dwarf_rows(path, args.objdump)
            lines = dwarf_lines(path, args.objdump, {start for start, _, _ in functions}, all_rows)
            inlined = inlined_calls(path, functions, all_rows)
        with open(args.out, "wb") as f:
            f.write(make(functions, lines, args.build_id, inlined))


if __name__ == "__main__":
    try:
        main()
    except (OSError, ValueError, subprocess.CalledProcessError) as e:
        sys.exit(f"symbols: {e}")
