"""test_symbolize.py -- scripts/symbolize.py on made-up and real log lines; and the line tables that it and the image's own reports use."""
import re
import subprocess

import pytest

import qemu
import symbols


@pytest.fixture(scope="module")
def image(build):
    return build.path("build/metal-t_trace.elf")


def symbolize(tmp_path, text, image):
    (tmp_path / "log").write_text(text)
    result = subprocess.run(["scripts/symbolize.py", tmp_path / "log", image], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert result.returncode == 0, result.stderr
    return result.stdout, result.stderr


def test_addresses_are_named(tmp_path, image):
    functions = {name: (start, end) for start, end, name in symbols.elf_functions(symbols.read(image))}
    start, end = functions["f3"]
    text, _ = symbolize(tmp_path, f"at {start:#x}, rip={start:016x} rax=0000000000000007 {end - 1:#x}\nno 0x10 0xffff800000001000 {start:#x} f3+0x0 x\n",
                        image)
    first, second = text.splitlines()
    name = r"<f3\+0x0 tests/metal/t_trace.c:\d+>"
    assert re.fullmatch(rf"at {start:#x} {name}, rip={start:016x} {name} rax=0{{15}}7 {end - 1:#x} <f3\+0x[0-9a-f]+ \S+:\d+>", first), first
    assert second == f"no 0x10 0xffff800000001000 {start:#x} f3+0x0 x"


def test_return_address_gives_the_line_of_the_call(tmp_path, image):
    """What the image's own report says about a frame is what the script says about its address."""
    result = qemu.run(image, "pvh", "", 30, smp=1, mem="128M")
    functions = {name: start for start, _, name in symbols.elf_functions(symbols.read(image))}
    frames = re.findall(r"^(f\d)\(\.\.\.\)\n\t(\S+:\d+) \+0x([0-9a-f]+)$", result.text, re.M)
    assert len(frames) == 8, result.text
    for name, line, offset in frames:
        address = functions[name] + int(offset, 16)
        text, _ = symbolize(tmp_path, f"{address:#x}\n", image)
        assert text == f"{address:#x} <{name}+0x{offset} {line}>\n"


def test_another_image_is_mentioned(tmp_path, image):
    _, errors = symbolize(tmp_path, "burrow: build 0123456789ab+77, booted by PVH\n", image)
    assert "written by build 0123456789ab+77" in errors


SOURCE = """
#include "part.h"
#define TWICE(name) __attribute__((noinline)) int name(int x) { return part(x) * 3; }
TWICE(one) TWICE(two)
__attribute__((noinline, section(".text.other"))) int other(int x)
{
    return part(x) + 1;
}
__attribute__((noinline)) int app_main(int x)
{
    return one(x) + two(x) + other(x);
}
"""


def test_lines_behind_a_header_and_on_one_line(tmp_path):
    """Each row has its own file, also where objdump prints no heading; functions on one line each have it."""
    (tmp_path / "part.h").write_text("static inline int part(int x)\n{\n    return x ^ 85;\n}\n")
    (tmp_path / "a.c").write_text(SOURCE)
    elf = tmp_path / "x"
    subprocess.run(["gcc", "-g", "-O2", "-ffunction-sections", "-fno-asynchronous-unwind-tables", "-fcf-protection=none", "-c", "-o", "a.o", "a.c"],
                   check=True, cwd=tmp_path)
    subprocess.run(["ld.bfd", "-e", "app_main", "-o", elf, tmp_path / "a.o"], check=True)
    functions = symbols.elf_functions(elf.read_bytes())
    blob = symbols.make(functions, symbols.dwarf_lines(elf, "objdump", {f[0] for f in functions}), "id")
    last = {}
    for start, end, name in functions:
        rows = [(path.rpartition("/")[2], line) for _, _, path, line in (symbols.lookup(blob, a) for a in range(start, end))]
        assert all(path in ("a.c", "part.h") and 1 <= line <= (12 if path == "a.c" else 4) for path, line in rows), (name, rows)
        last[name] = rows[-1]
    assert last == {"one": ("a.c", 4), "two": ("a.c", 4), "other": ("a.c", 8), "main": ("a.c", 12)}
