#!/usr/bin/python3
"""layout.py OBJECT... -- structs of a program, C and Go alike, that would be smaller with their fields in another order, and the order.

The order is found here, from the debug information: pahole's own leaves out members that are structs, and every cell is one. pahole (Debian's package of
this name) says where a struct is declared, and lists it. Go's structs have no names there, so what is read of them (names, sizes, alignments) is handed
on as C of the same layout.
"""
import argparse
import os
import re
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from check_cells import DIE, QUALIFIERS, Die

ATTRIBUTE = re.compile(r"    <[0-9a-f]+>   (DW_AT_\w+)\s*: (.*)")
UNITS = {1: "char", 2: "short", 4: "int", 8: "long"}


def debug_information(path):
    """{offset: Die} of one object."""
    text = subprocess.run(["readelf", "--debug-dump=info", path], text=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL).stdout
    dies, open_dies, die = {}, [], None
    for line in text.splitlines():
        if match := DIE.match(line):
            die = dies[match[2]] = Die(match[3])
            del open_dies[int(match[1], 16):]
            if open_dies:
                open_dies[-1].children.append(die)
            open_dies.append(die)
        elif die and (match := ATTRIBUTE.match(line)):
            die.attributes[match[1]] = match[2]
    return dies


def type_of(dies, die):
    match = re.search(r"<0x([0-9a-f]+)>", die.attributes.get("DW_AT_type", ""))
    die = dies.get(match[1]) if match else None
    while die and die.tag in QUALIFIERS and "DW_AT_type" in die.attributes:
        die = dies.get(re.search(r"<0x([0-9a-f]+)>", die.attributes["DW_AT_type"])[1])
    return die


def shape(dies, die):
    """Size and alignment of a type."""
    asked = die.number("DW_AT_alignment", 1)
    if die.tag in ("DW_TAG_structure_type", "DW_TAG_union_type"):
        members = [member_shape(dies, m) for m in die.children if m.tag == "DW_TAG_member"]
        return die.number("DW_AT_byte_size", 0), max([a for _, a in members] + [asked])
    if die.tag == "DW_TAG_array_type":
        size, align = shape(dies, type_of(dies, die))
        for bound in (c for c in die.children if c.tag == "DW_TAG_subrange_type"):
            size *= bound.number("DW_AT_count", bound.number("DW_AT_upper_bound", -1) + 1)
        return size, max(align, asked)
    size = die.number("DW_AT_byte_size", 8)
    is_wide = size == 16 and die.tag == "DW_TAG_base_type" and "complex" not in die.attributes.get("DW_AT_encoding", "")
    return size, max(min(size, 16 if is_wide else 8), asked)


def member_shape(dies, member):
    size, align = shape(dies, type_of(dies, member))
    return size, max(align, member.number("DW_AT_alignment", 1))


def up(offset, align):
    return -(-offset // align) * align


def laid_out(fields):
    """Offsets of (name, size, align), and the size of the struct."""
    offsets, at = [], 0
    for _, size, align in fields:
        at = up(at, align)
        offsets.append(at)
        at += size
    return offsets, up(at, max(align for _, _, align in fields))


def packed(first, rest):
    """first, then always the field with the least padding before it, of several the first."""
    order, at = [first], first[1]
    while rest := [f for f in rest if f is not order[-1]]:
        field = min(rest, key=lambda f: up(at, f[2]) - at)
        order.append(field)
        at = up(at, field[2]) + field[1]
    return order


def reordered(fields):
    """The fields in an order with the least padding: near to what is written if that suffices."""
    last = [f for f in fields[-1:] if f[1] == 0]  # a flexible array stays where it is
    rest = fields[:len(fields) - len(last)]
    least = up(sum(size for _, size, _ in fields), max(align for _, _, align in fields))
    orders = []
    for first in rest:
        orders.append(packed(first, rest) + last)
        if laid_out(orders[-1])[1] == least:
            return orders[-1]
    # By falling alignment: where each size is a multiple of its alignment, there is no padding but at the end.
    orders.append(sorted(rest, key=lambda f: -f[2]) + last)
    return min(orders, key=lambda order: laid_out(order)[1])


def fields_of(dies, struct):
    """(name, size, align) of each member; None where the compiler did not choose the places alone (bit fields, packed)."""
    fields, offsets = [], []
    for member in (c for c in struct.children if c.tag == "DW_TAG_member"):
        if "DW_AT_bit_size" in member.attributes or "DW_AT_data_bit_offset" in member.attributes:
            return None
        fields.append((member.name() or "(unnamed)", *member_shape(dies, member)))
        offsets.append(member.number("DW_AT_data_member_location", 0))
    return fields if fields and laid_out(fields) == (offsets, struct.number("DW_AT_byte_size")) else None


def as_c(path, wanted):
    """C structs like those that Go's source declares; {name: its line there}."""
    dies, text, lines = debug_information(path), "", {}
    for die in dies.values():
        name = die.name()
        if die.tag != "DW_TAG_typedef" or die.number("DW_AT_decl_line", 0) == 0 or not re.fullmatch(r"\w+", name) or name in lines:
            continue
        struct = type_of(dies, die)
        if not struct or struct.tag != "DW_TAG_structure_type" or name not in wanted:
            continue
        fields = []
        for member in struct.children:
            size, align = shape(dies, type_of(dies, member))
            fields.append(f"{UNITS[align]} {member.name() if member.name() != '_' else 'blank'}[{size // align}];" if size else "")
        lines[name] = True
        text += f"struct {name} {{ {' '.join(fields)} }} use_{name};\n"
    return text


def go_types(sources):
    """{name: FILE:LINE} of the structs that Go files declare."""
    found = {}
    for source in sources:
        with open(source, errors="replace") as f:
            for number, line in enumerate(f, 1):
                if match := re.match(r"\s*(?:type\s+)?(\w+)\s+struct\s*\{", line):
                    found.setdefault(match[1], f"{source}:{number}")
    return found


def pahole(*words):
    return subprocess.run(["pahole", *words], text=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL).stdout


def better(path, place, verbose):
    """Lines for the structs of an object; place(name, text): where it is declared, None: not the program's."""
    lines, dies = [], debug_information(path)
    for struct in dies.values():
        name = struct.name()
        where = place(name) if struct.tag == "DW_TAG_structure_type" and name else None
        fields = fields_of(dies, struct) if where else None
        if not fields:
            continue
        size, order = laid_out(fields)[1], reordered(fields)
        smaller = laid_out(order)[1]
        if smaller >= size:
            continue
        lines.append(f"{where}: {name} has {size} bytes, {smaller} in this order: {', '.join(f for f, _, _ in order)}")
        if verbose:
            lines.append(pahole("-C", name, path).rstrip())
    return lines


def c_place(path):
    text = pahole("-I", path)
    places = {m[2]: m[1] for m in re.finditer(r"^/\* <\w+> (\S+:\d+) \*/\n(?:typedef )?struct (\w+) ", text, re.M)}

    def place(name):
        where = places.get(name, "")
        return None if not where or where.startswith(("./rt/", "rt/", "/usr/")) or "/rt/api/" in where else where.removeprefix("./")
    return place


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--go", nargs="*", default=[], help="sources of the Go objects")
    parser.add_argument("--verbose", action="store_true")
    parser.add_argument("objects", nargs="+")
    args = parser.parse_args()
    lines, declared = [], go_types(args.go)
    for path in args.objects:
        if path.endswith(".c.o"):
            lines += better(path, c_place(path), args.verbose)
            continue
        with tempfile.TemporaryDirectory() as folder:
            source = os.path.join(folder, "go.c")
            with open(source, "w") as f:
                f.write(as_c(path, declared))
            subprocess.run([os.environ.get("CC", "gcc"), "-g", "-c", "-o", source + ".o", source], check=True)
            lines += better(source + ".o", declared.get, args.verbose)
    print("\n".join(dict.fromkeys(lines)) or "no struct would be smaller in another order")


if __name__ == "__main__":
    main()
