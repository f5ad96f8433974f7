"""test_hosted.py -- runs the programs as processes of this system and compares output and status with what they say."""
import os

import pytest

import programs
import qemu

PLACES = ["apps/*.c", "apps/*.go", "apps/*/", "tests/metal/*.c", "tests/go/*.go", "tests/go/*/"] + (["tests/nightly/*.c"] if "NIGHTLY" in os.environ else [])
PROGRAMS = [p for p in programs.find(*PLACES) if not p.get("hosted", "yes").startswith("no")]


@pytest.mark.parametrize("program,smp", [(p, n) for p in PROGRAMS for n in p.smp],
                         ids=[f"{p.name}-{n}" for p in PROGRAMS for n in p.smp])
def test_hosted(build, program, smp):
    path = build.path(f"build/host/{program.name}")
    result = qemu.run_process([path], program.timeout, env=dict(
        os.environ, BURROW_CPUS=str(smp), BURROW_MEM=program.get("mem", "512M"), BURROW_CMDLINE=program.get("args", "")))
    wrong = result.why or program.differences(result.text)
    if wrong or result.status != program.status:
        pytest.fail(f"{path}: expected status {program.status}, got {result.status}; {wrong}\n{result.tail()}", pytrace=False)
