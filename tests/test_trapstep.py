"""test_trapstep.py -- preemption after every k-th instruction of the application breaks nothing.

GODEBUG=trapstep=k makes every window between two instructions be hit, deterministically: what fails rarely otherwise fails here.
"""
import os

import pytest

import qemu

STEPS = range(1, 18)
STEPS_LANDINGS = (1, 4)
STEPS_GO = (1, 3, 17)
# Arguments that make them small: of the whole program each instruction would be a trap, minutes of them.
GO = {"defers": "60", "makefunc": "12"}
STEPS_HOSTED = (1, 2, 3, 5, 8, 13) # a step is a signal there, a hundred times dearer


def judge(result, what):
    if result.why or result.status:
        pytest.fail(f"{what}: expected status 0, got {result.status}; {result.why}\n{result.tail()}", pytrace=False)


@pytest.mark.parametrize("k", STEPS_HOSTED)
def test_hosted(build, k):
    path = build.path("build/host/metal-t_step")
    env = dict(os.environ, BURROW_CPUS="1" if k % 2 else "3")
    judge(qemu.run_process([path, f"GODEBUG=trapstep={k}"], 60, env=env), f"{path} GODEBUG=trapstep={k}")


@pytest.mark.parametrize("k", STEPS)
def test_booted(build, k):
    image = build.path("build/metal-t_step.elf")
    judge(qemu.run(image, "pvh", f"GODEBUG=trapstep={k}", 60, smp=1 if k % 2 else 3), f"{image} GODEBUG=trapstep={k}")


@pytest.mark.parametrize("k", STEPS_LANDINGS)
def test_landings_of_go(build, k):
    """Panics that are recovered: the walk to the landing pad, and what the compiler's code does around it."""
    image = build.path("build/go-landings.elf")
    judge(qemu.run(image, "pvh", f"GODEBUG=trapstep={k}", 120, smp=1), f"{image} GODEBUG=trapstep={k}")


@pytest.mark.parametrize("name", GO)
@pytest.mark.parametrize("k", STEPS_GO)
def test_go(build, name, k):
    """Deferred calls on the heap, and functions made by reflection."""
    image = build.path(f"build/go-{name}.elf")
    line = f"GODEBUG=trapstep={k} -- {GO[name]}"
    judge(qemu.run(image, "pvh", line, 300, smp=1), f"{image} {line}")
