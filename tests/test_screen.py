"""test_screen.py -- what a person before the machine sees: text, older text by Shift-PageUp, a crash report and its QR code.

The pictures are QMP's; text is read off them cell by cell (screen.py), the code by zbarimg.
"""
import os
import re
import subprocess
import time

import pytest

import qemu
from conftest import make
from machine import Machine
from screen import Picture

LINES = 300
TEXT = "line {} of 300: The quick brown fox jumps over the lazy dog, 0123456789 {{[(<>)]}} #$%&*+-/=?@^_|~"
CODE_BYTES = 1000  # kernel/log.c


def wait_for_picture(machine, what, seconds=30):
    """Takes pictures until what(lines of text) is true; fails with the last one."""
    end = time.monotonic() + seconds
    while True:
        picture = Picture(machine)
        lines = picture.text()
        if what(lines):
            return picture, lines
        if time.monotonic() > end:
            pytest.fail("the screen shows:\n" + "\n".join(lines), pytrace=False)
        time.sleep(0.2)


def last(lines):
    return [line for line in lines if line][-1:]


def test_text_and_older_text(build):
    make("build/metal-t_screen.img")
    with Machine("build/metal-t_screen.img", boot="uefi", smp=2, extra=["-device", "VGA"]) as m:
        m.wait_for(r"^ready\n", 90)
        picture, lines = wait_for_picture(m, lambda lines: last(lines) == ["ready"])
        assert (picture.width, picture.height, picture.scale()) == (1280, 800, 2)
        shown = len(lines)
        assert lines[:-2] == [TEXT.format(i) for i in range(LINES - shown + 2, LINES)], lines

        m.keys("shift", "pgup")  # half a screen back
        _, lines = wait_for_picture(m, lambda lines: "ready" not in lines)
        assert lines[0] == TEXT.format(LINES - shown + 2 - shown // 2), lines
        for _ in range(40):  # to the oldest, and not beyond
            m.keys("shift", "pgup")
        _, lines = wait_for_picture(m, lambda lines: any(line.startswith("burrow: build") for line in lines))
        assert TEXT.format(0) in lines, lines
        m.keys("shift", "pgdn")
        wait_for_picture(m, lambda lines: lines[-1] == TEXT.format(int(re.match(r"line (\d+)", lines[-1])[1])) and "burrow:" not in lines[0])
        m.keys("x")  # typing shows what is typed
        wait_for_picture(m, lambda lines: last(lines) == ["x"])
        m.keys("ret")
        wait_for_picture(m, lambda lines: last(lines) == ["typed: x"])


@pytest.mark.skipif("NIGHTLY" not in os.environ, reason="another boot by firmware: part of make nightly")
def test_text_on_4k(build):
    """Firmware left a screen of 3840 by 2160 (tests/boot/odd_firmware.c): the text has the size that a person can read, five pixels a dot."""
    make("build/metal-t_screen.4k.img")
    with Machine("build/metal-t_screen.4k.img", boot="uefi", smp=2, extra=["-device", "VGA,vgamem_mb=64"]) as m:
        m.wait_for(r"^ready\n", 90)
        picture, lines = wait_for_picture(m, lambda lines: last(lines) == ["ready"])
        assert (picture.width, picture.height, picture.scale()) == (3840, 2160, 5)
        shown = len(lines)
        assert shown == 48 and lines[:-2] == [TEXT.format(i) for i in range(LINES - shown + 2, LINES)], lines
        m.keys("shift", "pgup")
        _, lines = wait_for_picture(m, lambda lines: "ready" not in lines)
        assert lines[0] == TEXT.format(LINES - shown + 2 - shown // 2), lines


def without_debug_exit(args):
    at = next(i for i, arg in enumerate(args) if arg.startswith("isa-debug-exit"))
    return args[:at - 1] + args[at + 1:]


def until_shown(machine, line):
    """A picture with this line. The serial port tells it first: the screen is painted behind it."""
    end = time.monotonic() + 8
    while True:
        picture = Picture(machine)
        if line in picture.text() or time.monotonic() > end:
            return picture


# image, argument, where the report begins on the console, what the code must say, what the screen must show beside it
REPORTS = {
    "crash": ("metal-t_fault", "bad_opcode", "==== burrow crash report", "cause: invalid opcode", "==== end of crash report ===="),
    "panic of a Go program": ("go-endings", "index", "panic: ", "panic: runtime error: index out of range [3] with length 3\n\ngoroutine 1 [running]:", ""),
}


@pytest.mark.parametrize("name", REPORTS)
def test_report_as_code(build, monkeypatch, tmp_path, name):
    """On a machine that QEMU's own device does not end: the report stays on the screen for a time, and beside it its code."""
    program, argument, begin, says, beside = REPORTS[name]
    make(f"build/{program}.img")
    command = qemu.command
    monkeypatch.setattr(qemu, "command", lambda *args, **options: without_debug_exit(command(*args, **options)))
    with Machine(f"build/{program}.img", f"HOLD=10 -- {argument}", boot="uefi", smp=2, extra=["-device", "VGA"]) as m:
        m.wait_for(r"The machine switches off in 10 seconds", 90)
        picture = until_shown(m, "The machine switches off in 10 seconds.")
        console = m.text
        path = str(tmp_path / "screen.ppm")
        with open(path, "wb") as f:
            f.write(b"P6\n%d %d\n255\n" % (picture.width, picture.height) + picture.pixels)
        read = subprocess.run(["zbarimg", "--quiet", "--raw", "-Sdisable", "-Sqrcode.enable", path], capture_output=True)
        assert read.returncode == 0, read.stderr
        code = read.stdout.decode()
        report = console[console.index(begin):console.index("The machine switches off")]
        assert code == report[:CODE_BYTES] + "\n", (code, report)
        assert says in code
        lines = picture.text()
        assert "The machine switches off in 10 seconds." in lines and beside in lines, lines
        # Then it does: by the firmware's own service.
        m.child.wait(60)


def test_code_needs_no_vector_registers(build):
    """libqrcodegen.a is compiled for Linux. What a crash report uses of it must do with general registers."""
    elf = build.path("build/hello.elf")
    code = subprocess.run(["objdump", "-d", "--no-show-raw-insn", elf], capture_output=True, text=True, check=True).stdout
    functions = {name: body for name, body in re.findall(r"^[0-9a-f]+ <(\w+)>:\n((?:.+\n)*)", code, re.M)}
    assert "qrcodegen_encodeBinary" in functions and "qrcodegen_makeNumeric" in functions
    seen, waiting = set(), ["qrcodegen_encodeBinary", "qrcodegen_getSize", "qrcodegen_getModule"]
    while waiting:  # whatever they call or jump to
        name = waiting.pop()
        if name in seen or name not in functions:
            continue
        seen.add(name)
        assert not re.search(r"%[xyz]mm", functions[name]), name
        if name not in ("kernel_throw",):
            waiting += re.findall(r"(?:call|jmp|j\w+)\s+[0-9a-f]+ <(\w+)(?:\+0x[0-9a-f]+)?>", functions[name])
    assert {"applyMask", "qrcodegen_encodeSegmentsAdvanced"} <= seen and len(seen) > 10, seen
