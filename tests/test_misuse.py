"""test_misuse.py -- misuse of channels, locks and maps, and waiting for ever, end the program with Go's words, wait reasons and status 2.

tests/metal/t_misuse.c does what its argument says.
"""
import os
import re

import pytest

import qemu

DEADLOCK = "fatal error: all goroutines are asleep - deadlock!"
# argument: (first line of the report, wait reason of goroutine 1)
CASES = {
    "unlock": ("fatal error: sync: unlock of unlocked mutex", "running"),
    "runlock": ("fatal error: sync: RUnlock of unlocked RWMutex", "running"),
    "rwunlock": ("fatal error: sync: Unlock of unlocked RWMutex", "running"),
    "mapread": ("fatal error: concurrent map read and map write", "running"),
    "mapwrite": ("fatal error: concurrent map writes", "running"),
    "mapiterate": ("fatal error: concurrent map iteration and map write", "running"),
    "updatemap": ("fatal error: concurrent map writes", "running"),
    "updateread": ("fatal error: concurrent map read and map write", "running"),
    "updateiterate": ("fatal error: concurrent map iteration and map write", "running"),
    "negative": ("panic: sync: negative WaitGroup counter", "running"),
    "close": ("panic: close of nil channel", "running"),
    "close2": ("panic: close of closed channel", "running"),
    "send": ("panic: send on closed channel", "running"),
    "nilsend": (DEADLOCK, "chan send (nil chan)"),
    "nilrecv": (DEADLOCK, "chan receive (nil chan)"),
    "recv": (DEADLOCK, "chan receive"),
    "select": (DEADLOCK, "select"),
    "select2": (DEADLOCK, "select"),
    "wait": (DEADLOCK, "sync.WaitGroup.Wait"),
    "lock": (DEADLOCK, "sync.Mutex.Lock"),
}


def check(result, what):
    first, reason = CASES[what]
    assert result.status == 2 and not result.why, f"expected status 2, got {result.status} {result.why}\n{result.tail()}"
    assert f"{first}\n" in result.text, f"expected {first!r}\n{result.text}"
    mine = r"\d+" if what == "updatemap" else "1"  # either of the two may notice
    assert re.search(rf"goroutine {mine} {re.escape(f'[{reason}]')}:\n", result.text), f"expected goroutine {mine} [{reason}]\n{result.text}"
    if first == DEADLOCK:
        # the other one, which is said to be created by main
        assert re.search(r"goroutine (?!1 )\d+ \[chan receive\]:\n", result.text), f"expected another [chan receive]\n{result.text}"


@pytest.mark.parametrize("what", CASES)
def test_hosted(build, what):
    path = build.path("build/host/metal-t_misuse")
    check(qemu.run_process([path, what], 20, env=dict(os.environ, BURROW_CPUS="2")), what)


@pytest.mark.parametrize("what", ["unlock", "send", "select2", "mapwrite", "updateread"])
def test_booted(build, what):
    check(qemu.run(build.path("build/metal-t_misuse.elf"), "pvh", what, 20, smp=2), what)
