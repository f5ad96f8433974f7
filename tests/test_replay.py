"""test_replay.py -- runs that repeat exactly: recorded ones, input included, and those with counted instructions."""
import os
import subprocess
import time

import pytest

import qemu


def run(*words, keys=b"", timeout=60):
    child = subprocess.Popen(["scripts/run", "--timeout", str(timeout), *words], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                             stderr=subprocess.STDOUT)
    if keys:
        time.sleep(1)
    output, _ = child.communicate(keys)
    return child.returncode, output.decode(errors="replace")


def test_recorded_boot_replays(build, tmp_path):
    recording = str(tmp_path / "run")
    first = run("--boot", "pvh", "--smp", "1", "--mem", "128M", "--cmdline", "12", "--record", recording, build.path("build/sieve.elf"))
    assert first[0] == 0 and "2 3 5 7" in first[1], first[1]
    for _ in range(2):
        again = run("--replay", recording)
        assert again == first, f"expected the same output and status\n{first[1]}\n---- got {again[0]}\n{again[1]}"


def test_recording_is_refused_where_it_cannot_work(build, tmp_path):
    for words in (["--smp", "2", "--boot", "pvh"], ["--smp", "1", "--boot", "uefi"]):
        status, text = run(*words, "--record", str(tmp_path / "run"), build.path("build/sieve.elf"))
        assert status == 1 and "one core" in text, text
    status, text = run("--replay", str(tmp_path / "none"))
    assert status == 1 and "no such file" in text, text


@pytest.mark.parametrize("shift", [0, 3])
def test_counted_boot_repeats(build, shift):
    """Several cores, one schedule: the boot times in the summary are the same to the last digit, too."""
    outputs = [qemu.run(build.path("build/pingpong.elf"), "pvh", "", 60, smp=3, mem="128M", icount=shift) for _ in range(2)]
    assert outputs[0].status == 0 and outputs[0].output == outputs[1].output, f"{outputs[0].text}\n---- then\n{outputs[1].text}"
