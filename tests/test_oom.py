"""test_oom.py -- memory runs out: at every place that allocates (GODEBUG=oomat, rt/inject.h), and for good.

tests/metal/t_oom.c uses everything that allocates. Whatever fails, it must end normally (the failure was made up for) or with the one report
"fatal error: out of memory" and status 2; never with a crash report, a failed assertion, or not at all. Its forms "try" (test_hosted.py, test_boot.py run it),
"exhaust" and "report" judge themselves. tests/go/oom.go is the same in Go.
"""
import os
import re

import pytest

import qemu

NIGHTLY = "NIGHTLY" in os.environ
MEM = "64M"
FOREVER = 1000000000
PAGES, RESERVE, SEGMENT, RECORD = 1, 2, 4, 8
# (first, every how many, how many fail from there on, kinds; 0: all)
SWEEPS = [(1, 19, 1, 0), (2, 19, 40, 0), (3, 29, FOREVER, 0), (1, 11, 1, SEGMENT), (1, 23, FOREVER, PAGES), (2, 41, 30, RECORD), (5, 29, 12, PAGES | RESERVE)]


def run(build, words, cmdline=None, program="metal-t_oom"):
    path = build.path(f"build/host/{program}")
    env = dict(os.environ, BURROW_CPUS="2", BURROW_MEM=MEM)
    if cmdline:
        env["BURROW_CMDLINE"] = cmdline
    return qemu.run_process([path, *words], 60, env=env)


def wrong(result):
    """"" if it ended as it must, else why not."""
    errors = re.findall(r"^fatal error: .*", result.text, re.M)
    if result.why:
        return result.why
    if result.status == 0:
        return "" if "oom: passed\n" in result.text and not errors else "expected 'oom: passed' and no error"
    if result.status != 2 or len(errors) != 1 or not errors[0].startswith("fatal error: out of memory"):
        return f"expected status 0, or 2 and one line 'fatal error: out of memory', got {result.status} and {errors}"
    return "expected no crash report" if "crash report" in result.text else ""


@pytest.mark.parametrize("first,step,calls,kinds", SWEEPS)
def test_every_place(build, first, step, calls, kinds):
    count = run(build, [], f"GODEBUG=oomat={FOREVER},oomkind={kinds}")
    places = int(re.search(r"^allocations: (\d+)$", count.text, re.M).group(1))
    assert places >= 20, f"expected allocations to fail\n{count.tail()}"
    failed, reports = [], 0
    for n in range(first, places + 1, 1 if NIGHTLY else step):
        cmdline = f"GODEBUG=oomat={n},oomfor={calls},oomkind={kinds}"
        result = run(build, [], cmdline)
        why = wrong(result)
        reports += result.status == 2
        if why:
            failed.append(f"BURROW_CPUS=2 BURROW_MEM={MEM} BURROW_CMDLINE='{cmdline}' build/host/metal-t_oom: {why}\n{result.tail()}")
    assert not failed, f"{len(failed)} runs failed, the first:\n{failed[0]}"
    if calls == FOREVER:
        assert reports > 0, "expected reports: nothing failed"


def run_go(build, n, calls, kinds):
    return run(build, [], f"GODEBUG=oomat={n},oomfor={calls},oomkind={kinds}", "go-oom")


@pytest.mark.parametrize("step,calls,kinds", [(13, FOREVER, 0), (11, 1, 0), (17, 5, SEGMENT | RECORD)])
def test_every_place_in_go(build, step, calls, kinds):
    places = 64
    while run_go(build, places, FOREVER, kinds).status == 2:  # it comes to so many
        places *= 2
    assert places >= 128, "expected allocations to fail"
    failed = []
    for n in range(1, places, 1 if NIGHTLY else step):
        result = run_go(build, n, calls, kinds)
        why = wrong(result)
        if why:
            failed.append(f"oomat={n},oomfor={calls},oomkind={kinds}: {why}\n{result.tail()}")
    assert not failed, f"{len(failed)} runs failed, the first:\n{failed[0]}"


@pytest.mark.parametrize("n", [5, 60, 200, 700])
def test_booted(build, n):
    result = qemu.run(build.path("build/metal-t_oom.elf"), "pvh", f"GODEBUG=oomat={n},oomfor={FOREVER}", 40, smp=2, mem=MEM)
    why = wrong(result)
    assert not why and result.status == 2, f"oomat={n}: {why or 'expected status 2'}\n{result.tail()}"


def test_exhaust_hosted(build):
    result = run(build, ["exhaust"])
    assert result.status == 0 and not result.why, f"{result.why}\n{result.tail()}"


def test_exhaust_booted(build):
    result = qemu.run(build.path("build/metal-t_oom.elf"), "pvh", "exhaust", 120, smp=2, mem=MEM)
    assert result.status == 0 and not result.why, f"{result.why}\n{result.tail()}"


@pytest.mark.parametrize("booted", [False, True])
def test_report(build, booted):
    result = qemu.run(build.path("build/metal-t_oom.elf"), "pvh", "report", 60, smp=2, mem=MEM) if booted else run(build, ["report"])
    assert not wrong(result) and result.status == 2, f"{wrong(result)}\n{result.tail()}"
    assert re.search(r"^runtime: out of memory: cannot allocate 24-byte block", result.text, re.M), result.tail()
