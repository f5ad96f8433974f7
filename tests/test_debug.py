"""test_debug.py -- the debug build (DEBUG=1: assertions, lock order) runs some of the stress programs, booted and as a process."""
import os

import pytest

import programs
import qemu
from conftest import make

PROGRAMS = programs.find("tests/metal/t_chan.c", "tests/metal/t_panic20.c", "tests/metal/t_spawn.c")


@pytest.fixture(scope="module")
def debug_build():
    """Everything in one go: it compiles on all cores."""
    make(f"-j{os.cpu_count()}", "DEBUG=1", *[f"build/debug/{place}" for p in PROGRAMS for place in (f"{p.name}.elf", f"host/{p.name}")])


@pytest.mark.parametrize("program", PROGRAMS, ids=[p.name for p in PROGRAMS])
@pytest.mark.parametrize("world", ["booted", "process"])
def test_debug_build(debug_build, program, world):
    if world == "booted":
        result = qemu.run(f"build/debug/{program.name}.elf", "pvh", "", 3 * program.timeout, smp=2)
        output = programs.without_summary(result.text)
    else:
        result = qemu.run_process([f"build/debug/host/{program.name}"], 3 * program.timeout, env=dict(os.environ, BURROW_CPUS="2"))
        output = result.text
    wrong = result.why or program.differences(output)
    if wrong or result.status != program.status:
        pytest.fail(f"expected status {program.status}, got {result.status}; {wrong}\n{result.tail()}", pytrace=False)


@pytest.mark.parametrize("how, what", [("", "go"), ("chan", "chan send"), ("select", "select send"), ("cell", "cell")])
def test_stack_address_is_refused(how, what):
    make("DEBUG=1", "build/debug/host/metal-t_escape")
    result = qemu.run_process(["build/debug/host/metal-t_escape", *how.split()], 30)
    assert f"fatal error: {what}: the address of a local variable would be visible to another goroutine (tests/metal/t_escape.c:" in result.text
    assert result.status == 2
