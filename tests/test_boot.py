"""test_boot.py -- boots the programs and the suites of tests/metal in QEMU; output and status must be what they say."""
import os
import shlex

import pytest

import programs
import qemu

PLACES = ["apps/*.c", "apps/*.go", "apps/*/", "tests/metal/*.c", "tests/go/*.go", "tests/go/*/"] + (["tests/nightly/*.c"] if "NIGHTLY" in os.environ else [])
PROGRAMS = programs.find(*PLACES)
RUNS = [(p, n, boot) for p in PROGRAMS for boot in p.boot for n in p.smp]
SUFFIX = {"pvh": ".elf", "uefi": ".img", "iso": ".iso"}


@pytest.mark.parametrize("program,smp,boot", RUNS, ids=[f"{p.name}-{boot}-{n}" for p, n, boot in RUNS])
def test_boot(build, program, smp, boot):
    elf = build.path(f"build/{program.name}.elf")
    image = elf
    if boot != "pvh":
        from conftest import make
        image = f"build/{program.name}{SUFFIX[boot]}"
        make(image)
    timeout = program.timeout + (0 if boot == "pvh" else 20)
    result = qemu.run(image, boot, program.get("args", ""), timeout, smp=smp, mem=program.get("mem", "512M"),
                      extra=shlex.split(program.get("qemu", "")))
    wrong = result.why or program.differences(programs.without_summary(result.text))
    if wrong or result.status != program.status:
        pytest.fail(f"{image}: expected status {program.status}, got {result.status}; {wrong}\n{result.tail()}\n"
                    f"again: CMDLINE={shlex.quote(program.get('args', ''))} scripts/run --boot {boot} --smp {smp} "
                    f"--mem {program.get('mem', '512M')} {image}", pytrace=False)


def test_vector_state_without_its_instructions(build):
    """QEMU offers the state of AVX-512 for this model, and lacks the instructions: the runtime must not offer it to programs."""
    result = qemu.run(build.path("build/metal-t_fpu.elf"), "pvh", "2000 20", 300, smp=2, extra=["-cpu", "Icelake-Server"])
    assert result.status == 0 and "32 bytes a vector register" in result.text, f"{result.why}\n{result.tail()}"
