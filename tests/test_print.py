"""test_print.py -- many goroutines print more than consoles and pipes buffer: every line arrives once and whole."""
import os
import subprocess
import time

import pytest

import qemu

GOROUTINES, LINES = 8, 100


def check_print(output):
    output = output.replace(b"\r\n", b"\n")
    alphabet = b"abcdefghijklmnopqrstuvwxyz"
    want = {b"line %d %d %d %s" % (g, i, n, (alphabet * 24)[:n])
            for g in range(GOROUTINES) for i in range(LINES) for n in [(i * 37 + g * 101) % 600]}
    lines = output.split(b"\n")
    got = [line for line in lines if line.startswith(b"line ")]
    wrong = [line[:100] for line in got if line not in want]
    assert not wrong, f"expected whole lines, got {wrong[:5]}"
    assert len(got) == len(want) and len(set(got)) == len(want), f"expected {len(want)} lines, each once, got {len(got)}"
    for line in [b"numbers 0.5 1e+100 3.141592653589793 -1.000000 1.2e+04|42      |0000beef|x|%",
                 b"spilled 1 2 3 4 5 6 7 0.5 1.5 2.5 3.5 4.5 5.5 6.5 7.5 8.5 9.5",
                 b"growing 0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19, 50", b"cut 0123456 10", b"bytes a\0b",
                 b" " * 299999 + b"7|", b"print ok"]:
        assert line in lines, f"expected the line {line[-80:]!r}"


@pytest.mark.parametrize("cores", [1, 3])
def test_print_booted(build, cores):
    result = qemu.run(build.path("build/metal-t_print.elf"), "pvh", f"{GOROUTINES} {LINES}", 60, smp=cores)
    assert not result.why and result.status == 0, f"expected status 0, got {result.status}; {result.why}\n{result.tail()}"
    check_print(result.output)


@pytest.mark.parametrize("cores", [1, 3])
def test_print_to_a_slow_reader(build, cores):
    """A pipe that is full most of the time."""
    path = build.path("build/host/metal-t_print")
    process = subprocess.Popen([path, str(GOROUTINES), str(LINES)], stdout=subprocess.PIPE, env=dict(os.environ, BURROW_CPUS=str(cores)))
    output = b""
    try:
        time.sleep(0.3)
        while piece := os.read(process.stdout.fileno(), 3001):
            output += piece
            time.sleep(0.001)
        assert process.wait(10) == 0
    finally:
        process.kill()
    check_print(output)


FLOOD = [b"line %-33d." % i for i in range(3000)]


def check_flood(output):
    lines = [line for line in output.replace(b"\r\n", b"\n").split(b"\n") if line]
    first = lines.index(FLOOD[0]) if FLOOD[0] in lines else 0  # behind the boot's own
    wrong = next((i for i, (got, want) in enumerate(zip(lines[first:], FLOOD)) if got != want), None)
    assert wrong is None, f"line {wrong}: expected {FLOOD[wrong]!r}, got {lines[first + wrong]!r}"
    assert len(lines) - first == len(FLOOD), f"expected {len(FLOOD)} lines, got {len(lines) - first}"


@pytest.mark.parametrize("cores", [1, 2, 2, 4])
def test_what_is_left_at_the_end(build, cores):
    result = qemu.run(build.path("build/metal-t_flood.elf"), "pvh", "", 60, smp=cores)
    assert not result.why and result.status == 0, f"expected status 0, got {result.status}; {result.why}\n{result.tail()}"
    check_flood(result.output)


def test_errors_go_to_standard_error(build):
    path = build.path("build/host/sha256sum")
    for words, want in [(["nowhere"], "sha256sum: nowhere: no such file or directory"), (["--fast"], "expected [--stats] [DIR]")]:
        result = qemu.run_process([path, *words], 20)
        assert result.status == 1 and want in result.text, f"{words}: expected 1 and {want!r}, got {result.status}\n{result.tail()}"
