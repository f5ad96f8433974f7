#!/usr/bin/python3
"""layout.py OBJECT... -- structs of a program, C and Go alike, that would be smaller with their fields in another order, and the order.

pahole (Debian's package of this name) finds and reorders. It knows C's structs from the debug information; those of Go have no names there, so what is
read of them (names, sizes, alignments) is handed to pahole as C of the same layout.
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
    if die.tag in ("DW_TAG_structure_type", "DW_TAG_union_type"):
        members = [shape(dies, type_of(dies, m)) for m in die.children if m.tag == "DW_TAG_member"]
        return die.number("DW_AT_byte_size", 0), max([a for _, a in members], default=1)
    if die.tag == "DW_TAG_array_type":
        size, align = shape(dies, type_of(dies, die))
        for bound in (c for c in die.children if c.tag == "DW_TAG_subrange_type"):
            size *= bound.number("DW_AT_count", bound.number("DW_AT_upper_bound", -1) + 1)
        return size, align
    size = die.number("DW_AT_byte_size", 8)
    return size, min(size, 8)


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
    lines = []
    for row in pahole("-P", path).splitlines():
        name, size, smaller, saved = row.split()
        where = place(name)
        if not where:
            continue
        text = pahole("-R", "-C", name, path)
        order = re.findall(r"^\t[^\t/}].*?[\s*]\(?\*?(\w+)(?:\[[^;]*|\)\(.*)?;\s+/\*\s+\d+\s+\d+ \*/", text, re.M)
        lines.append(f"{where}: {name} has {size} bytes, {smaller} in this order: {', '.join(order)}")
        if verbose:
            lines.append(text.rstrip())
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
