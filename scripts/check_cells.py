#!/usr/bin/python3
"""check_cells.py OBJECT... -- every pointer in a heap object is a cell, and its descriptor knows it.

The collector finds what lives by the descriptors that a program writes (rt/api/mem.h: TYPE_STRUCT, TYPE_VALUE, ...). The compiler checks what
is listed there; this checks what is not. From the debug information of each object of a program it takes the members of every type that has a
descriptor there (a variable type_NAME), and refuses

  - a plain pointer in an object type: stores into it would miss the write barrier;
  - a union of a cell and something that is none, for the same reason;
  - a pointer, plain or cell, that the descriptor's bitmap leaves out: what it leads to would be freed;
  - a TYPE_KEY with padding, floating point or pointers: its bytes do not decide equality.

No heap pointers: function pointers, pointers to type descriptors, static_ptr(T). A channel is a function pointer of a form of its own (rt/api/chan.h).
"""
import re
import struct
import subprocess
import sys

VALUE, PLAIN_BYTES = 64, 8  # Type.tflag: TYPE_IS_VALUE, TYPE_PLAIN_BYTES
DIE = re.compile(r" <([0-9a-f]+)><([0-9a-f]+)>: Abbrev Number: \d+ \((\w+)\)")
ATTRIBUTE = re.compile(r"    <[0-9a-f]+>   (DW_AT_(?:name|type|byte_size|data_member_location|upper_bound|count|encoding|bit_size))\s*: (.*)")
QUALIFIERS = {"DW_TAG_typedef", "DW_TAG_const_type", "DW_TAG_volatile_type", "DW_TAG_restrict_type", "DW_TAG_atomic_type"}


class Die:
    __slots__ = ("tag", "attributes", "children")

    def __init__(self, tag):
        self.tag, self.attributes, self.children = tag, {}, []

    def name(self):
        text = self.attributes.get("DW_AT_name", "")
        return text.rsplit(": ", 1)[-1].strip() if "indirect" in text else text.strip()

    def number(self, attribute, default=None):
        text = self.attributes.get(attribute)
        try:
            return int(text.split()[0], 0) if text else default
        except ValueError:
            return default


def debug_information(paths):
    """{path: {offset: Die}}"""
    text = subprocess.run(["readelf", "--debug-dump=info", *paths], text=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL).stdout
    files = {path: {} for path in paths}
    dies, open_dies, die = files[paths[0]], [], None
    for line in text.splitlines():
        match = DIE.match(line)
        if match:
            level = int(match[1], 16)
            die = dies[match[2]] = Die(match[3])
            del open_dies[level:]
            if open_dies:
                open_dies[-1].children.append(die)
            open_dies.append(die)
        elif die and line.startswith("    <"):
            match = ATTRIBUTE.match(line)
            if match:
                die.attributes[match[1]] = match[2]
        elif line.startswith("File: "):
            dies, die = files[line[6:].strip()], None
    return files


def symbols(path):
    """{name: bytes} of the variables of an object file (ELF64), as they are before relocation."""
    with open(path, "rb") as f:
        data = f.read()
    at, = struct.unpack_from("<Q", data, 0x28)
    size, count = struct.unpack_from("<HH", data, 0x3a)
    sections = [struct.unpack_from("<IIQQQQIIQQ", data, at + i * size) for i in range(count)]
    out = {}
    for _, kind, _, _, offset, length, link, *_ in sections:
        if kind != 2:  # SHT_SYMTAB
            continue
        names = sections[link][4]
        for i in range(offset, offset + length, 24):
            name, info, _, index, value, bytes_ = struct.unpack_from("<IBBHQQ", data, i)
            if info & 15 == 1 and 0 < index < count and sections[index][1] == 1:
                start = sections[index][4] + value
                text = data[names + name:data.index(b"\0", names + name)].decode()
                out[text] = data[start:start + bytes_]
    return out


class Types:
    def __init__(self, dies):
        self.dies = dies
        self.typedefs = {}
        for die in dies.values():
            if die.tag == "DW_TAG_typedef":
                self.typedefs.setdefault(die.name(), []).append(die)

    def target(self, die):
        return self.dies.get(die.attributes.get("DW_AT_type", "<0x>").strip("<>")[2:])

    def strip(self, die):
        while die is not None and die.tag in QUALIFIERS:
            die = self.target(die)
        return die

    def size(self, die):
        die = self.strip(die)
        if die is None:
            return 0
        if die.tag == "DW_TAG_array_type":
            return self.count(die) * self.size(self.target(die))
        return die.number("DW_AT_byte_size", 8 if die.tag == "DW_TAG_pointer_type" else 0)

    @staticmethod
    def count(die):
        n = 1
        for child in die.children:
            if child.tag == "DW_TAG_subrange_type":
                upper = child.number("DW_AT_upper_bound", child.number("DW_AT_count", 0) - 1)
                n *= upper + 1 if upper < 1 << 40 else 0
        return n

    def is_heap_pointer(self, die):
        to = self.target(die)
        while to is not None and to.tag in QUALIFIERS:
            if to.tag == "DW_TAG_typedef" and to.name() == "Type":
                return False
            to = self.target(to)
        if to is None or to.tag != "DW_TAG_subroutine_type":
            return True
        given = [child for child in to.children if child.tag == "DW_TAG_formal_parameter"]
        first = self.strip(self.target(given[0])) if len(given) == 1 else None
        named = self.strip(self.target(first)) if first is not None and first.tag == "DW_TAG_pointer_type" else None
        return named is not None and named.name() == "Chan"

    def words(self, die, offset=0, path="", in_cell=False):
        """(offset, path, in a cell?) of each pointer."""
        die = self.strip(die)
        if die is None:
            return
        if die.tag == "DW_TAG_pointer_type":
            if self.is_heap_pointer(die):
                yield offset, path, in_cell
        elif die.tag == "DW_TAG_array_type":
            element = self.target(die)
            size = self.size(element)
            one = list(self.words(element, 0, "", in_cell))
            if one:
                for i in range(self.count(die)):
                    for at, sub, cell in one:
                        yield offset + i * size + at, f"{path}[{i}]{sub}", cell
        elif die.tag in ("DW_TAG_structure_type", "DW_TAG_union_type"):
            members = [child for child in die.children if child.tag == "DW_TAG_member"]
            names = [member.name() for member in members]
            if "static_ptr_" in names:
                return
            for member, name in zip(members, names):
                at = offset + member.number("DW_AT_data_member_location", 0)
                cell = in_cell or names == ["v_"]
                yield from self.words(self.target(member), at, path if name == "v_" or not name else f"{path}.{name}", cell)

    def mixed_unions(self, die, path=""):
        """Unions in which a cell shares its place with something that is none: stores into that would miss the barrier."""
        die = self.strip(die)
        if die is None or die.tag not in ("DW_TAG_structure_type", "DW_TAG_union_type", "DW_TAG_array_type"):
            return
        if die.tag == "DW_TAG_array_type":
            yield from self.mixed_unions(self.target(die), f"{path}[]")
            return
        members = [child for child in die.children if child.tag == "DW_TAG_member"]
        if die.tag == "DW_TAG_union_type":
            cells = [{at for at, _, cell in self.words(self.target(m)) if cell} for m in members]
            for at in set().union(*cells):
                if any(at not in mine and self.size(self.target(m)) > at for m, mine in zip(members, cells)):
                    yield path
                    break
        for member in members:
            name = member.name()
            if name != "v_":
                yield from self.mixed_unions(self.target(member), f"{path}.{name}" if name else path)

    def listed_name(self, die, member):
        """The member as a descriptor lists it: a String's or a slice's pointer by the name of the whole."""
        at, out = self.strip(die), ""
        for part in re.findall(r"\.\w+|\[\d+\]", member):
            if part[0] == "[":
                at = self.strip(self.target(at))
            else:
                at = self.strip(self.member(at, part[1:]))
            out += part
            if at is None or at.name() == "String" or at.name().startswith("slice_"):
                return out if at is not None else member
        return member

    def member(self, die, name):
        """The type of a struct's member; that of a cell's value for a cell. None: not found."""
        for child in die.children if die is not None else ():
            if child.tag == "DW_TAG_member":
                if child.name() == name:
                    to = self.strip(self.target(child))
                    inner = [c for c in to.children if c.tag == "DW_TAG_member"] if to is not None else []
                    return self.target(inner[0]) if [c.name() for c in inner] == ["v_"] else to
                inside = self.member(self.strip(self.target(child)), name) if not child.name() else None
                if inside is not None:
                    return inside
        return None

    def plain_bytes(self, die):
        """Bytes that matter for equality; None: they do not decide it."""
        die = self.strip(die)
        if die.tag in ("DW_TAG_structure_type", "DW_TAG_union_type"):
            parts = [self.plain_bytes(self.target(child)) for child in die.children if child.tag == "DW_TAG_member"]
            if None in parts or any(child.number("DW_AT_bit_size") for child in die.children):
                return None
            return sum(parts) if die.tag == "DW_TAG_structure_type" else (max(parts, default=0) if len(set(parts)) < 2 else None)
        if die.tag == "DW_TAG_array_type":
            one = self.plain_bytes(self.target(die))
            return None if one is None else one * self.count(die)
        if die.tag == "DW_TAG_base_type" and die.attributes.get("DW_AT_encoding", "").strip().split()[0] in ("3", "4"):
            return None  # complex, float
        return None if die.tag == "DW_TAG_pointer_type" else self.size(die)


def source_of(path):
    path = re.sub(r"^build/(debug/)?app/[^/]*/", "", path)
    return path.replace("__/", "../").removesuffix(".o")


def check(path, dies):
    variables, types = symbols(path), Types(dies)
    for symbol, descriptor in sorted(variables.items()):
        if not symbol.startswith("type_") or len(descriptor) != 64:
            continue
        name = re.sub(r"\.\d+$", "", symbol[5:])
        if name not in types.typedefs:
            continue
        if name != symbol[5:]:  # several functions may have a type of this name, and the bitmaps would be anybody's
            yield f"{name}: the type and its descriptor must be declared outside of functions, where the build can check them"
            continue
        size, = struct.unpack_from("<Q", descriptor)
        flags = descriptor[20]
        bits = int.from_bytes(variables.get(f"type_bits_{name}", b""), "little")
        for die in types.typedefs[name]:
            if types.strip(die) is None or types.strip(die).tag == "DW_TAG_pointer_type" or types.size(die) != size:
                continue
            if flags & PLAIN_BYTES and types.plain_bytes(die) != size:
                yield f"TYPE_KEY({name}): padding, floating point or a pointer; use TYPE_KEY_WITH or TYPE_KEY_BY (rt/api/map.h)"
                continue
            if not flags & VALUE:
                for place in types.mixed_unions(die):
                    yield f"{name}{place}: a union of a cell and of something else: a store into that would miss the write barrier"
            for offset, member, in_cell in types.words(die):
                listed = types.listed_name(die, member)
                if not in_cell and not flags & VALUE:
                    yield f"{name}{member} is a plain pointer in a heap object: make it a cell(T), or static_ptr(T) if it never points into the heap"
                elif not bits >> (offset // 8) & 1:
                    yield f"{name}{listed} is not listed in {'TYPE_VALUE' if flags & VALUE else 'TYPE_STRUCT'}({name}, ...): the collector would not follow it"


def main():
    paths = sys.argv[1:]
    if not paths:
        sys.exit("usage: check_cells.py OBJECT...")
    failed = False
    for path, dies in debug_information(paths).items():
        for problem in dict.fromkeys(check(path, dies)):
            print(f"{source_of(path)}: {problem}" + ("" if "(rt/" in problem else " (rt/api/mem.h)"), file=sys.stderr)
            failed = True
    return failed


if __name__ == "__main__":
    sys.exit(main())
