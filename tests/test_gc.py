"""test_gc.py -- the random mutator (tests/metal/t_gc_mutator.c) with the collector's checks on, and at its most frequent.

A failure names the seed; the same seed, cores and knobs make the same operations, though not the same schedule.
"""
import os

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
