"""test_final.py -- wrong uses of set_finalizer, and a panic in a finalizer, end the program with Go's words and status 2.

tests/metal/t_final.c does what its argument says.
"""
import os

import pytest

import qemu

CASES = {
    "nil": "fatal error: runtime.SetFinalizer: first argument is nil",
    "stack": "fatal error: runtime.SetFinalizer: pointer not in allocated block",
    "wild": "fatal error: runtime.SetFinalizer: pointer not in allocated block",
    "inside": "fatal error: runtime.SetFinalizer: pointer not at beginning of allocated block",
    "twice": "fatal error: runtime.SetFinalizer: finalizer already set",
    "panic": "panic: in a finalizer",
}


def check(result, what):
    assert result.status == 2 and not result.why, f"expected status 2, got {result.status} {result.why}\n{result.tail()}"
    assert f"{CASES[what]}\n" in result.text, f"expected {CASES[what]!r}\n{result.text}"
    assert "crash report" not in result.text, result.text


@pytest.mark.parametrize("what", CASES)
def test_hosted(build, what):
    path = build.path("build/host/metal-t_final")
    check(qemu.run_process([path, what], 20, env=dict(os.environ, BURROW_CPUS="2")), what)


@pytest.mark.parametrize("what", ["inside", "panic"])
def test_booted(build, what):
    check(qemu.run(build.path("build/metal-t_final.elf"), "pvh", what, 20, smp=2), what)
