"""test_leak.py -- GODEBUG=leak=1 names the goroutines that nobody can wake (tests/metal/t_leak.c), and no others."""
import re
import subprocess

import pytest

LEAKS = {"leaks_receive", "leaks_send", "leaks_holder", "leaks_partner", "leaks_select", "leaks_nil"}


def run(path, boot, line, smp):
    command = ["scripts/run", "--boot", boot, "--accel", "tcg", "--smp", str(smp), "--timeout", "60", "--cmdline", line, path]
    result = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    assert result.returncode == 0, result.stdout[-3000:]
    return result.stdout


@pytest.mark.parametrize("boot", ["host", "pvh"])
def test_leaks(build, boot):
    path = build.path("build/host/metal-t_leak" if boot == "host" else "build/metal-t_leak.elf")
    output = run(path, boot, "GODEBUG=leak=1 some", 1)
    assert "leak: 6 goroutines wait for what nobody else can reach" in output, output
    assert set(re.findall(r"^(leaks_\w+|stays_\w+)\(\.\.\.\)$", output, re.M)) == LEAKS, output
    assert "[chan receive (nil chan)]" in output and "[select]" in output and "[chan send]" in output
    assert "leak: 20 goroutines wait for what nobody else can reach" in run(path, boot, "GODEBUG=leak=1 many", 1)
    assert "leak: found none (no goroutine that surely waits for what nobody else can reach)" in run(path, boot, "GODEBUG=leak=1", 1)
    assert "leak" not in run(path, boot, "some", 1).replace("leaks_", "")


@pytest.mark.parametrize("boot", ["host", "pvh"])
def test_go_leaks(build, boot):
    """None hides another: channels, and the arguments of go statements, lie side by side, and main has left the last of them on its stack."""
    output = run(build.path("build/host/go-leaks" if boot == "host" else "build/go-leaks.elf"), boot, "GODEBUG=leak=1", 1)
    assert "leak: 20 goroutines wait for what nobody else can reach" in output, output
    assert len(re.findall(r"^main\.stuck\(\.\.\.\)$", output, re.M)) == 20, output


SCHED = re.compile(r"^SCHED (\d+)ms: gomaxprocs=(\d+) idleprocs=(\d+) threads=(\d+) spinningthreads=(\d+) idlethreads=(\d+) runqueue=(\d+)"
                   r"(?: \[(\d+(?: \d+)*)\]| gcwaiting=\d nmidlelocked=\d stopwait=\d+ sysmonwait=\d)$", re.M)
P = re.compile(r"^  P(\d+): status=[0134] schedtick=\d+ syscalltick=0 m=(-1|\d+) runqsize=\d+ gfreecnt=\d+ timerslen=\d+$", re.M)
M = re.compile(r"^  M(\d+): p=(-1|\d+) curg=(-1|\d+) mallocing=0 throwing=0 preemptoff= locks=\d+ dying=0 spinning=(?:true|false) "
               r"blocked=(?:true|false) lockedg=(-1|\d+)$", re.M)
G = re.compile(r"^  G(\d+): status=([01246])\((.*)\) m=(-1|\d+) lockedm=(-1|\d+)$", re.M)


@pytest.mark.parametrize("boot", ["host", "pvh"])
def test_schedtrace(build, boot):
    """The lines are Go's, to the letter (runtime/proc.go, schedtrace), and come also while the program sleeps or never calls."""
    path = build.path("build/host/metal-t_leak" if boot == "host" else "build/metal-t_leak.elf")
    output = run(path, boot, "GODEBUG=schedtrace=50 slow", 2)
    lines = SCHED.findall(output)
    assert len(lines) >= 3 and len(lines) == output.count("SCHED"), output
    times = [int(line[0]) for line in lines]
    assert times[0] == 0 and times == sorted(times), times
    for _, procs, idle, threads, spinning, idle_threads, _, queues in lines:
        assert int(idle) + int(spinning) <= int(procs), "a core that is idle and searches for work"
        assert procs == threads == "2" and idle == idle_threads and int(idle) <= 2 and len(queues.split()) == 2
    assert any(int(line[2]) == 2 for line in lines), "expected both cores idle while main sleeps"
    output = run(path, boot, "GODEBUG=schedtrace=200,scheddetail=1 slow", 2)
    assert len(SCHED.findall(output)) == output.count("SCHED") >= 2, output
    # The program's end may come in the middle of the last one, as in Go.
    before, last = output[:output.rindex("SCHED")], output[output.rindex("SCHED"):]
    n = before.count("SCHED")
    assert "spinning=true blocked=true" not in output and all(int(line[2]) + int(line[4]) <= 2 for line in SCHED.findall(output)), output
    assert len(P.findall(before)) == len(M.findall(before)) == 2 * n and len(M.findall(last)) <= len(P.findall(last)) <= 2
    texts = {text for _, status, text, _, _ in G.findall(output) if status == "4"}
    assert {"chan receive", "select", "sleep"} <= texts, texts
