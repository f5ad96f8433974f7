"""test_gc.py -- the random mutator (tests/metal/t_gc_mutator.c) with the collector's checks on, and at its most frequent; large heaps; what gcsummary says.

A failure names the seed; the same seed, cores and knobs make the same operations, though not the same schedule.
"""
import os
import re

import pytest

import qemu

# knobs, cores, arguments: seed, operations of each goroutine, goroutines
VERIFIED = [
    ("GODEBUG=gcverify=1", 1, "11 30000"),
    ("GODEBUG=gcverify=1", 4, "12 8000"),
    ("GODEBUG=gcpoison=1", 2, "13 20000"),
    ("GODEBUG=gcstress=1", 2, "14 500"),          # a collection at every allocation that takes the slow path
    ("GODEBUG=gcverify=1,gcstress=1", 1, "15 500 2"),
    ("SLICE=100us GODEBUG=gcverify=1", 3, "16 8000"),
]
# Preemption after every k-th instruction of the program.
STEPPED = [(k, f"{20 + k} {ops} 2 20 5000") for k, ops in ((1, 5), (2, 8), (3, 10), (7, 25), (13, 40))]  # with rests between collections
# Full sizes: a 256 MiB linked structure and a million map entries under churn, 100,000 stacks and a stack of 100,000 frames as roots. The programs run booted, smaller.
LARGE = ["t_gc_lists 256 1000 100", "t_gc_map 1000 300", "t_gc_stacks GODEBUG=gcverify=1 100000 100000", "t_gc_trees GODEBUG=gcverify=1 14 1"]
SPREAD = r"gc summary: %s: (\d+), p50 (\d+) us, p99 (\d+) us, max (\d+) us\n"


def judge(result, what):
    if result.why or result.status:
        pytest.fail(f"{what}: expected status 0, got {result.status}; {result.why}\n{result.tail()}", pytrace=False)


@pytest.mark.parametrize("knobs,cores,args", VERIFIED)
def test_hosted(build, knobs, cores, args):
    path = build.path("build/host/metal-t_gc_mutator")
    judge(qemu.run_process([path, *knobs.split(), *args.split()], 100, env=dict(os.environ, BURROW_CPUS=str(cores))), f"{path} {knobs} {args}")


@pytest.mark.parametrize("knobs,cores,args", VERIFIED)
def test_booted(build, knobs, cores, args):
    image = build.path("build/metal-t_gc_mutator.elf")
    judge(qemu.run(image, "pvh", f"{knobs} {args}", 100, smp=cores), f"{image} {knobs} {args}")


@pytest.mark.parametrize("k,args", STEPPED)
def test_stepped(build, k, args):
    image = build.path("build/metal-t_gc_mutator.elf")
    line = f"GODEBUG=trapstep={k},gcverify=1 {args}"
    judge(qemu.run(image, "pvh", line, 100, smp=1 if k % 2 else 2), f"{image} {line}")


@pytest.mark.parametrize("words", LARGE)
def test_large(build, words):
    name, *args = words.split()
    path = build.path(f"build/host/metal-{name}")
    judge(qemu.run_process([path, *args], 300, env=dict(os.environ, BURROW_CPUS="2", BURROW_MEM="2G")), words)


def test_limiter(build):
    """Memory limits that cannot be kept: collecting all the time takes half of the machine, and the second that it has in advance. On counted instructions: 20 s of them."""
    image, line = build.path("build/metal-t_gc_limit.elf"), "GODEBUG=gcforce=0,gcsummary=1"
    result = qemu.run(image, "pvh", line, 200, smp=1, icount=4)
    judge(result, f"{image} {line}")
    left = re.search(r"left to the program: ([\d.]+) %;", result.text)
    assert left and 45 <= float(left.group(1)) < 60, f"expected that the program got 45 % at least\n{result.tail()}"


def test_summary(build):
    """GODEBUG=gcsummary=1: every line, and figures that fit together. On counted instructions, so stops can be judged, too."""
    image, line = build.path("build/metal-t_gc_lists.elf"), "GODEBUG=gcsummary=1 8 200 50"
    result = qemu.run(image, "pvh", line, 200, smp=1, icount=True)
    judge(result, f"{image} {line}")

    def found(pattern):
        match = re.search(pattern, result.text)
        assert match, f"expected a line like {pattern!r} in\n{result.tail()}"
        return [float(part) for part in match.groups()]

    cycles, share = found(r"gc summary: (\d+) cycles, ([\d.]+) % of the machine's time\n")
    assert cycles > 5 and 0 < share < 100
    for what in ("stops 1 until stopped", "stops 1", "stops 2 until stopped", "stops 2", "assists", "assists, all of a goroutine"):
        n, p50, p99, longest = found(SPREAD % what)
        assert p50 <= p99 <= longest and n > 0, what
        if what.startswith("stops"):
            assert n >= cycles and longest < 1000, what
    left, *worst = found(r"left to the program: ([\d.]+) %; in the worst 1 ms ([\d.]+) %, 10 ms ([\d.]+) %, 100 ms ([\d.]+) %\n")
    assert worst == sorted(worst) and worst[-1] <= left < 100, "a long window is made of short ones"
    assert abs(100 - left - share) < 1, "the collector's part, by two counts"
    found(r"longest: stop (\d+) us, turn (\d+) us, assist (\d+) us, wait (\d+) us, stack (\d+) us, sweep (\d+) us\n")
    found(r"cores came to stops: idle (\d+) sched (\d+) call (\d+) async (\d+) door (\d+) worker (\d+)\n")
