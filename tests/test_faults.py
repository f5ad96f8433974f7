"""test_faults.py -- forbidden accesses and other faults: each must end in one report that names the reason, status 2.

tests/metal/t_fault.c does what its argument says.
"""
import re

import pytest

import qemu

# argument: (cause, what else the report must show)
REPORTS = {
    "write_text": ("page fault: write to read-only image text", "poke"),
    "write_constant": ("page fault: write to read-only image data", "poke"),
    "write_text_alias": ("page fault: write to read-only image text through its direct-map alias", "poke"),
    "write_constant_alias": ("page fault: write to read-only image data through its direct-map alias", "poke"),
    "run_data": ("page fault: execution of writable image data", "call"),
    "run_constant": ("page fault: execution of read-only image data", "call"),
    "run_direct": ("page fault: execution of the direct map", "call"),
    "run_page": ("page fault: execution of the direct map", "sys_call"),
    "write_low": ("page fault: low memory, which is not mapped", "poke"),
    "write_hole": ("page fault: access through the direct map to what is not RAM", "poke"),
    "write_guard": (r"system stack overflow on core 1, at 0xffffe00000100ff8", "poke"),
    "overflow_system": (r"system stack overflow on core [01], at 0xffffe00000[01]00[0-9a-f]+", "deeper"),
    "non_canonical": ("general protection fault: perhaps by the non-canonical address in a register", "poke"),
    "bad_opcode": ("invalid opcode", "bad_opcode"),
    "nil_in_runtime": ("page fault: nil pointer", "nil_in_runtime_here"),
    "double_fault": ("double fault", "poke"),
    "everywhere": ("invalid opcode", "(everywhere|fault_there|bad_opcode)"),
    "beside_a_spinner": ("invalid opcode", "spin_there"),
}
# What is a Go panic and not a crash of the machine.
PANICS = {
    "write_nil": "panic: runtime error: invalid memory address or nil pointer dereference",
    "divide": "panic: runtime error: integer divide by zero",
}


def run(build, what):
    result = qemu.run(build.path("build/metal-t_fault.elf"), "pvh", what, 20, smp=2)
    assert result.status == 2 and not result.why, f"expected status 2, got {result.status} {result.why}\n{result.tail()}"
    return result.text


@pytest.mark.parametrize("what", REPORTS)
def test_report(build, what):
    cause, shows = REPORTS[what]
    text = run(build, what)
    assert re.search(rf"^cause: {cause}$", text, re.M), f"expected cause: {cause}\n{text}"
    # In a core's stack, one line a frame; or, if the core was in the scheduler just then, in the goroutine's trace, two lines a frame.
    assert re.search(rf"\b{shows}\b(.* |\(\.\.\.\)\n\t)\S+\.(c|asm):\d+", text), f"expected {shows} with its line\n{text}"
    assert text.count("==== burrow crash report: cut from here ====") == 1, text
    assert text.count("==== end of crash report ====") == 1, text
    assert "report failed" not in text, text


@pytest.mark.parametrize("what", PANICS)
def test_panic(build, what):
    text = run(build, what)
    assert PANICS[what] in text and "crash report" not in text, text
