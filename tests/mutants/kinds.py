"""kinds.py -- what a mutant is, the kinds of tests that notice it, and what those say when they fail."""
from dataclasses import dataclass, replace


@dataclass(frozen=True)
class Test:
    name: str        # as the table shows it
    build: tuple     # make's targets; without a command, making them is the test
    command: tuple   # run in the copy of the tree; fails by its status
    seconds: float   # not one of the test's guards: beyond this a mutant has survived


@dataclass(frozen=True)
class Mutant:
    name: str
    file: str
    old: str
    new: str
    test: Test
    sign: str


@dataclass(frozen=True)
class Equivalent:
    """A protection whose absence no test can show here."""
    name: str
    file: str
    old: str
    new: str
    reason: str


# ---- kinds of tests

def go_host(name, cores, *words):
    """A hosted program of tests/go."""
    path = f"build/host/go-{name}"
    return Test(f"hosted tests/go/{name}.go on {cores}", (path,), ("env", f"BURROW_CPUS={cores}", f"BURROW_CMDLINE={' '.join(words)}", path), 60)


def unit(name):
    """A hosted unit test, under the address sanitizer unless it says otherwise."""
    return Test(f"unit {name}", (f"build/unit/{name}",), (f"build/unit/{name}",), 40)


def unit_tsan(name):
    """The same under the thread sanitizer (scripts/mutants.mk)."""
    path = f"build/mutants-tsan/{name}"
    return Test(f"unit {name}, thread sanitizer", (path,), (path,), 40)


def sim(case, cores=2, seeds=10000):
    """Random schedules of a simulated program. The simulator says itself when a run hangs or does not end."""
    options = (f"--cores={cores}", f"--seeds={seeds}", "--seed=1")
    return Test(f"sim {case} {' '.join(options)}", (f"build/sim/{case}",), (f"build/sim/{case}", *options), 40)


def search(case, cores=2, bound=2, limit=20000):
    """All its schedules with at most `bound` deviations from the default."""
    options = (f"--cores={cores}", f"--bound={bound}", f"--limit={limit}")
    return Test(f"sim {case} {' '.join(options)}", (f"build/sim/{case}",), (f"build/sim/{case}", *options), 40)


def _run(boot, image, program, smp, line, guard):
    command = ("scripts/run", "--boot", boot, "--accel", "tcg", "--smp", str(smp), "--timeout", str(guard), "--cmdline", line, image)
    return Test(f"{'hosted' if boot == 'host' else 'booted'} {program} on {smp}{' ' * bool(line)}{line}", (image,), command, guard + 10)


def hosted(program, smp=2, line="", guard=20):
    """A process of this system, given up after `guard` seconds as tests/test_hosted.py does."""
    return _run("host", f"build/host/{program}", program, smp, line, guard)


def booted(program, smp=2, line="", guard=20, qemu=""):
    """An image in QEMU (with further options of it), given up after `guard` seconds as tests/test_boot.py does."""
    test = _run("pvh", f"build/{program}.elf", program, smp, line, guard)
    return replace(test, name=f"{test.name}, {qemu}", command=("env", f"QEMU_ARGS={qemu}", *test.command)) if qemu else test


def prints(program, text):
    """A process of this system that must not print this; its status is no matter."""
    return Test(f"hosted {program} without {text!r}", (f"build/host/{program}",), ("sh", "-c", f"! build/host/{program} 2>&1 | grep '{text}'"), 30)


def traced(program, cores=2):
    """A process with the event trace on; the trace is judged."""
    image = f"build/host/{program}"
    return Test(f"trace of {program} on {cores}", (image,), ("tests/trace_once.py", image, str(cores)), 80)


def floods(cores=2, times=5):
    """A program that ends while the console is full, several times: each line must arrive whole."""
    image = "build/metal-t_flood.elf"
    shell = (f"for i in $(seq {times}); do n=$(scripts/run --boot pvh --accel tcg --smp {cores} --timeout 60 {image} | grep -acE '^line [0-9]+ +\\.$');"
             " [ $n = 3000 ] || { echo \"whole lines: $n of 3000\"; exit 1; }; done")
    return Test(f"booted metal-t_flood on {cores}, {times} times", (image,), ("bash", "-c", shell), 120)


def leaks(which="some"):
    """tests/metal/t_leak.c: six goroutines that nobody can wake ("some"), or none ("none"), and the report must say so."""
    image = "build/host/metal-t_leak"
    line, says = ("GODEBUG=leak=1 some", "leak: 6 goroutines wait") if which == "some" else ("GODEBUG=leak=1", "leak: found none")
    shell = f"out=$(scripts/run --boot host --smp 1 --timeout 60 --cmdline '{line}' {image} 2>&1); echo \"$out\" >&2; [[ $out == *'{says}'* ]]"
    return Test(f"leaks of t_leak, {which}", (image,), ("bash", "-c", shell), 70)


def judged(file, words, *targets):
    """A test of tests/FILE itself, where it is the judging that notices."""
    command = ("env", "LAZY=1", "/usr/bin/python3", "-m", "pytest", "-q", "-p", "no:cacheprovider", f"tests/{file}", "-k", words)
    return Test(f"pytest {file} {words}", targets, command, 200)


def check(target):
    """A check of what was built: fails by itself."""
    return Test(f"make {target}", (target,), (), 0)


SIM_FAILED = r"^FAILED "
RACE = r"WARNING: ThreadSanitizer: data race"
TIMEOUT = r"^run: timeout after"
FAILED = r"^FAIL "
BROKE = r"^FAIL |^panic: |^fatal error: |crash report"
GUARD = r"expected guard"
UNIT_FAILED = r"^FAILED: "
