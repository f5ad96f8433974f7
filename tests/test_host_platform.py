"""test_host_platform.py -- the hosted platform's own edges: options, words of the command line, consoles, reports."""
import os
import signal
import subprocess
import time

import pytest

PROGRAM = "build/host/metal-t_crash"


def run(*words, stdout=subprocess.PIPE, timeout=20, **env):
    return subprocess.run([PROGRAM, *words], stdout=stdout, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL, timeout=timeout,
                          env={**os.environ, "BURROW_CPUS": "2", **env})


@pytest.fixture(autouse=True)
def built(build):
    build.path(PROGRAM)


def expect(result, status, *texts):
    text = ((result.stdout or b"") + result.stderr).decode(errors="replace")
    assert result.returncode == status, f"expected status {status}, got {result.returncode}\n{text[-2000:]}"
    for wanted in texts:
        assert wanted in text, f"expected somewhere {wanted!r}, got\n{text[-2000:]}"


@pytest.mark.parametrize("name,value", [
    ("BURROW_CPUS", "x"), ("BURROW_CPUS", "0"), ("BURROW_CPUS", "257"), ("BURROW_CPUS", ""), ("BURROW_CPUS", "4 "),
    ("BURROW_MEM", "5Q"), ("BURROW_MEM", ""), ("BURROW_MEM", "512M,"), ("BURROW_MEM", "99999999999G"), ("BURROW_MEM", "-1"),
    ("BURROW_FILES", "/no/such/tree"),
])
def test_bad_option(name, value):
    result = run("words", **{name: value})
    expect(result, 2, f"burrow: ", name, value)


def test_too_little_memory():
    result = run("words", BURROW_MEM="8K")
    assert result.returncode == 2 and b"memory" in result.stderr, result


def test_several_ranges_of_memory():
    expect(run("words", BURROW_MEM="64M,32M,16M"), 7)


def test_words_arrive_exactly():
    words = ["plain", "two words", 'a "quoted" one', "back\\slash", "", "line\nbreak", "tab\t", "GOMAXPROCS=1", "--", "\u00e4\u00f6"]
    result = run("--", "words", *words)
    expect(result, 7)
    assert result.stdout.decode() == "".join(f"[{w}]\n" for w in words)


def test_slow_reader_gets_everything():
    process = subprocess.Popen([PROGRAM, "flood"], stdout=subprocess.PIPE, env={**os.environ, "BURROW_CPUS": "2"})
    time.sleep(0.5)  # the pipe is full by now
    text = process.stdout.read().decode()
    assert process.wait(20) == 7
    assert text == "".join(f"line {i} of a long output\n" for i in range(200000))


def test_regular_file_gets_everything(tmp_path):
    with open(tmp_path / "out", "w+b") as out:
        expect(run("flood", stdout=out), 7)
        assert os.path.getsize(tmp_path / "out") == sum(len(f"line {i} of a long output\n") for i in range(200000))


def test_overflow_names_the_stack():
    expect(run("overflow"), 2, "SIGSEGV", "stack overflow: system stack of core", "overflow", "t_crash.c", "... and again")


def test_fault_in_the_runtime():
    expect(run("runtime"), 2, "SIGSEGV", "address 0x123456789000", "format", "rt/", "t_crash.c")


def test_throw():
    expect(run("throw"), 2, "fatal error: thrown on purpose", "t_crash.c")


def test_sigquit_tells_what_runs():
    process = subprocess.Popen([PROGRAM, "spin"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, env={**os.environ, "BURROW_CPUS": "2"})
    assert process.stdout.readline() == b"spinning\n"
    time.sleep(0.2)
    process.send_signal(signal.SIGQUIT)
    text = process.communicate(timeout=20)[1].decode()
    assert process.returncode == 2
    for wanted in ("core 0: ", "core 1: ", "spin+", "goroutine 1"):
        assert wanted in text, f"expected somewhere {wanted!r}, got\n{text}"
