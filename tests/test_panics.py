"""test_panics.py -- what a program in C says that dies of a panic (tests/metal/t_dies.c): texts, the line about a fault, and where it was, exactly. (Programs in Go:
test_go_endings.py.)"""
import os
import re
import subprocess

import programs
import pytest
import qemu

NIL = "panic: runtime error: invalid memory address or nil pointer dereference\n"
SIGNAL = r"\[signal SIGSEGV: segmentation violation code=0x1 addr=0x{} pc=(0x[0-9a-f]+)\]\n"
# Text in front of the trace; then the trace's first function, and whether its address is the signal line's.
CASES = {
    "fault": (NIL + SIGNAL.format("8"), "load", True),
    "call": (NIL + SIGNAL.format("0"), "call_nothing", True),
    "fault-survived": (NIL + SIGNAL.format("8"), "load", True),
    "text-survived": ("panic: a text\n", "text", False),
    "survived-text": ("panic: a text\n", "text", False),
    "fault-text": (NIL + "\tpanic: second\n" + SIGNAL.format("8"), "raise_it", False),
}


def address_of(path, function):
    lines = subprocess.run(["nm", path], check=True, text=True, stdout=subprocess.PIPE).stdout.split("\n")
    found = [int(line.split()[0], 16) for line in lines if line.split()[2:] == [function]]
    assert len(found) == 1, (function, found)
    return found[0]


@pytest.mark.parametrize("boot", ["host", "pvh"])
@pytest.mark.parametrize("case", CASES)
def test_dies(build, case, boot):
    said, function, faulted = CASES[case]
    if boot == "host":
        path = build.path("build/host/metal-t_dies")
        result = qemu.run_process([path], 60, env=dict(os.environ, BURROW_CPUS="2", BURROW_CMDLINE=f"-- {case}"))
    else:
        path = build.path("build/metal-t_dies.elf")
        result = qemu.run(path, boot, f"-- {case}", 60, smp=2)
    text = programs.without_summary(result.text)
    expected = said + rf"\ngoroutine 1 \[running\]:\n{function}\(\.\.\.\)\n\ttests/metal/t_dies\.c:(\d+) \+0x([0-9a-f]+)\n(?s:.*)"
    found = re.fullmatch(expected, text)
    assert result.status == 2 and found, f"expected status 2 and a match of\n{expected}\ngot status {result.status} {result.why}\n{text}"
    *pc, line, offset = found.groups()
    if faulted:
        with open("tests/metal/t_dies.c") as f:
            at = f.read().split("\n")[int(line) - 1]
        assert ("p->b" if function == "load" else "nothing();") in at, f"line {line}: {at}"
        assert int(pc[0], 16) == address_of(path, function) + int(offset, 16), text
