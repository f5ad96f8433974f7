"""test_gdb.py -- the commands of scripts/gdb_rt.py, on a machine that hangs (tests/metal/t_hang.c) and from its first instruction."""
import re
import subprocess
import time

import pytest

from conftest import make
from machine import Machine

CORES = 3


def gdb(machine, image, *commands):
    words = ["gdb", "-nx", "-batch", "-ex", "set pagination off", "-ex", "set confirm off", "-x", "scripts/gdb_rt.py", image,
             "-ex", f"target remote {machine.gdb}"]
    for command in commands:
        words += ["-ex", f"echo \\n<{command}>\\n", "-ex", command]
    result = subprocess.run([*words, "-ex", "detach"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL,
                            text=True, timeout=90)
    assert result.returncode == 0 and "Python Exception" not in result.stdout, result.stdout
    parts = re.split(r"^<(.*)>$", result.stdout, flags=re.M)
    return dict(zip(parts[1::2], parts[2::2]))


@pytest.fixture(scope="module")
def debug_image(build):
    make("DEBUG=1", "build/debug/metal-t_hang.elf")
    return "build/debug/metal-t_hang.elf"


def number(listing, pattern):
    match = re.search(rf"^ *(\d+) \[{pattern}", listing, re.M)
    assert match, f"expected a goroutine [{pattern}\n{listing}"
    return match[1]


def test_deep_and_preempted(build):
    image = build.path("build/metal-t_hang.elf")
    with Machine(image, "deep", smp=CORES, gdb=True) as m:
        m.wait_for(r"set up$")
        time.sleep(1.5)
        listing = gdb(m, image, "goroutines")["goroutines"]
        assert re.search(r"^ *1 \[(sleep|running|runnable).*\] .* main\+\d+ tests/metal/t_hang.c:\d+$", listing, re.M), listing
        assert len(re.findall(r"spin_in_program\+", listing)) == CORES, listing
        deep = number(listing, r"chan receive\] .* descend")
        spinner = number(listing, r"(?:running on core \d|runnable)\] .* spin_in_program")
        out = gdb(m, image, f"goroutine {deep} bt", f"gstack {deep}", f"goroutine {spinner} bt", "goroutine all bt", "ps", "goroutine 99 bt")
        stack = out[f"goroutine {deep} bt"]
        assert len(re.findall(r"^#\d+ .* descend\+", stack, re.M)) == 41, stack  # each once, across the segments
        assert re.search(r"^#\d+ .* go_deep\+\d+ tests/metal/t_hang.c:\d+\n#\d+ .* g_start", stack, re.M), stack
        segments = out[f"gstack {deep}"]
        assert len(re.findall(r"^0x[0-9a-f]+ to 0x", segments, re.M)) >= 3 and "current" in segments, segments
        assert re.search(r"^#0 +0x[0-9a-f]+ spin_in_program\+", out[f"goroutine {spinner} bt"], re.M), out
        assert out["goroutine all bt"].count("goroutine ") >= 6, out
        assert len(re.findall(rf"^core \d+: .* requests .*, queue \d+", out["ps"], re.M)) == CORES, out["ps"]
        assert "there is no goroutine 99" in out["goroutine 99 bt"], out
        m.wait_for(r"hangs, \d+$")  # detached: it goes on


def test_locks_and_interrupts_off(debug_image):
    with Machine(debug_image, "stuck", smp=CORES, gdb=True) as m:
        m.wait_for(r"set up$")
        time.sleep(1.5)
        out = gdb(m, debug_image, "locks", "ps", "goroutines")
        assert re.search(r"^core \d+: semaphore lock lock$", out["locks"], re.M), out["locks"]
        assert "spin_with_interrupts_off" in out["ps"], out["ps"]
        number(out["goroutines"], r"running on core \d\] .* spin_with_interrupts_off")


def test_before_the_runtime(build):
    image = build.path("build/metal-t_hang.elf")
    with Machine(image, "idle", smp=CORES, gdb=True, paused=True) as m:
        out = gdb(m, image, "goroutines", "ps")
        assert "the runtime has not started yet" in out["goroutines"] and "the runtime has not started yet" in out["ps"], out
