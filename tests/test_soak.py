"""test_soak.py -- the soak program (tests/soak) for some rounds, and that it notices each kind of leak. `make soak` takes an hour of it."""
import os

import pytest

import qemu

LEAKS = {"goroutine": "soak: goroutines: 2, was 1", "timer": "soak: armed timers: 1, was 0", "ticker": "soak: armed timers: 1, was 0",
         "object": "soak: bytes of the heap: ", "page": "soak: bytes that are not free: "}


def run(build, args):
    return qemu.run(build.path("build/soak.elf"), "pvh", args, 300, smp=4)


def test_counters_return(build):
    result = run(build, "0")
    assert result.status == 0 and "soak: as it was after 8 rounds" in result.text, f"{result.why}\n{result.tail()}"


@pytest.mark.parametrize("what", LEAKS if "NIGHTLY" in os.environ else ["goroutine", "object"])
def test_leak_is_noticed(build, what):
    result = run(build, f"0 {what}")
    assert result.status == 1 and LEAKS[what] in result.text and "soak: FAILED after" in result.text, f"{result.why}\n{result.tail()}"
