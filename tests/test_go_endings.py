"""test_go_endings.py -- what ends a Go program says so in Go's words, with status 2 and the trace of the goroutine; and runtime.Stack, Callers, debug.PrintStack.

The texts are those of Go 1.19's src/runtime (panic.go, error.go, proc.go, traceback.go) and package sync; addresses are of course others.
"""
import os
import re

import pytest

import programs
import qemu

FRAME = r"main\.{}\(\.\.\.\)\n\ttests/go/endings\.go:\d+ \+0x[0-9a-f]+\n"
MINE = FRAME.format(r"glob\.\.func\d+") + FRAME.format("main")
INNER = FRAME.format(r"glob\.\.func\d+\.func\d+")
RUNNING = r"\ngoroutine 1 \[running\]:\n"
NIL = r"runtime error: invalid memory address or nil pointer dereference\n\[signal SIGSEGV: segmentation violation code=0x1 addr=0x{} pc=0x[0-9a-f]+\]"
REAL = r"\+{}\.000000e\+000"

# What follows "panic: ", by case.
PANICS = {
    "nil": "nil", "int": "42", "negative": "-5", "float": r"\+1\.500000e\+000", "complex": rf"\({REAL.format(1)}{REAL.format(2)}i\)", "bool": "true",
    "string": "a text", "number": r"main\.number\(7\)", "word": r'main\.word\("w"\)', "flag": r"main\.flag\(true\)",
    "real": rf"main\.real\({REAL.format(2)}\)", "pair": rf"main\.pair\({REAL.format(0)}{REAL.format(1)}i\)",
    "struct": r"\(main\.point\) 0x[0-9a-f]+", "pointer": r"\(\*main\.point\) 0x[0-9a-f]+", "error": "an error", "custom": "failure 3\nsecond line",
    "stringer": "spoken", "wrapped": "outer: file does not exist", "nilaccess": NIL.format("8"), "nilcall": NIL.format("0"),
    "nilinterface": NIL.format("[0-9a-f]+"), "divide": "runtime error: integer divide by zero", "index": r"runtime error: index out of range \[3\] with length 3",
    "negindex": r"runtime error: index out of range \[-1\]", "slice": r"runtime error: slice bounds out of range \[2:1\]",
    "cap": r"runtime error: slice bounds out of range \[::5\] with capacity 3", "stringindex": r"runtime error: index out of range \[3\] with length 3",
    "array": "runtime error: cannot convert slice with length 3 to pointer to array with length 4", "nilmap": "assignment to entry in nil map",
    "closenil": "close of nil channel", "closeclosed": "close of closed channel", "sendclosed": "send on closed channel",
    "assert": r"interface conversion: interface {} is int, not string", "assertnil": r"interface conversion: interface {} is nil, not string",
    "assertmethod": r"interface conversion: int is not main\.shape: missing method area", "unhashable": r"runtime error: hash of unhashable type \[\]int",
    "uncomparable": r"runtime error: comparing uncomparable type \[\]int", "shift": "runtime error: negative shift amount",
    "makeslice": "runtime error: makeslice: len out of range", "makechan": "makechan: size out of range",
}
SYNC = r"(?:sync\.[^\n]*\n\t[^\n]*\n)+"
OVERFLOW = r"runtime: goroutine stack exceeds 16777216-byte limit\nruntime: [^\n]*\nfatal error: stack overflow\n"
DEADLOCK = "fatal error: all goroutines are asleep - deadlock!\n"

CASES = {name: (2, f"panic: {text}\n{RUNNING}{MINE}\n") for name, text in PANICS.items()}
CASES |= {
    # A deferred call that survives a fault of its own changes nothing about what the program dies of; and a panic that is none, raised for one that is, shows that one.
    "faultsurvived": (2, rf"panic: {NIL.format('8')}\n{RUNNING}{FRAME.format('second')}{MINE}\n"),
    "textsurvived": (2, rf"panic: a text\n{RUNNING}{MINE}\n"),
    "survivedtext": (2, rf"panic: a text\n{RUNNING}{MINE}\n"),
    "faulttext": (2, r"panic: " + NIL.format("8").replace(r"\n", r" \[recovered\]\n\tpanic: again: true\n") + rf"\n{RUNNING}(?s:.*)"),
    "bad": (2, rf"fatal error: panic while printing panic value: worse\n{RUNNING}{FRAME.format('bad.Error')}{MINE}\n"),
    "repanic": (2, rf"panic: first \[recovered\]\n\tpanic: again first\n{RUNNING}{FRAME.format('repanic.func1')}{FRAME.format('repanic')}{FRAME.format('main')}\n"),
    "nested": (2, rf"panic: first\n\tpanic: second\n\tpanic: third\n{RUNNING}(?:{FRAME.format('nestedPanics[.func12]*')})+{FRAME.format('main')}\n"),
    **{name: (2, rf"fatal error: runtime\.SetFinalizer: {text}\n{RUNNING}{MINE}\n") for name, text in {
        "finalnil": "first argument is nil", "finalvalue": r"first argument is main\.point, not pointer",
        "finalnofunc": "second argument is int, not a function", "finaltwice": "finalizer already set",
        "finalnamed": r"cannot pass main\.named to finalizer func\(main\.renamed\)"}.items()},
    # Nobody recovers from these.
    **{name: (2, rf"fatal error: runtime\.SetFinalizer: cannot pass \*main\.point to finalizer {text}\n{RUNNING}{FRAME.format('finalizer')}{MINE}\n") for name, text in {
        "finaltwo": r"func\(\*main\.point, \*main\.point\)", "finaldots": r"func\(\.\.\.\*main\.point\) because dotdotdot",
        "finalother": r"func\(\*main\.failure\)", "finalmethod": r"func\(main\.shape\)"}.items()},
    "finalfits": (0, r"\[\*point {1 2} apart {1 2} error 7 interface {1 2} named {1 2} three {1 2} two {1 2}\]\ncame back\n"),
    "goexit": (2, r"fatal error: no goroutines \(main called runtime\.Goexit\) - deadlock!\n\n?"),
    "goexitothers": (2, r"fatal error: no goroutines \(main called runtime\.Goexit\) - deadlock!\n\n?"),
    "goexitblocked": (2, rf"{DEADLOCK}\ngoroutine \d+ \[select \(no cases\)\]:\n{INNER}created by [^\n]*\n\t[^\n]*\n\n"),
    "deadlock": (2, rf"{DEADLOCK}\ngoroutine 1 \[chan receive\]:\n{MINE}\n"),
    "nilreceive": (2, rf"{DEADLOCK}\ngoroutine 1 \[chan receive \(nil chan\)\]:\n{MINE}\n"),
    "lock": (2, rf"{DEADLOCK}\ngoroutine 1 \[semacquire\]:\n{SYNC}{MINE}\n"),
    "unlock": (2, rf"fatal error: sync: unlock of unlocked mutex\n{RUNNING}{SYNC}{MINE}\n"),
    "rwunlock": (2, rf"fatal error: sync: RUnlock of unlocked RWMutex\n{RUNNING}{SYNC}{MINE}\n"),
    "negativegroup": (2, rf"panic: sync: negative WaitGroup counter\n{RUNNING}{SYNC}{MINE}\n"),
    "overflow": (2, rf"{OVERFLOW}{RUNNING}(?:{FRAME.format('deep')})+\.\.\.additional frames elided\.\.\.\n\n"),
    "gonil": (2, rf"fatal error: go of nil func value\n{RUNNING}{MINE}\n"),
    "mapwrites": (2, r"fatal error: concurrent map writes\n\ngoroutine \d+ \[running\]:\n(?s:.*)main\.write[^\n]*\n(?s:.*)"),
    "mapupdates": (2, rf"fatal error: concurrent map writes\n\ngoroutine \d+ \[running\]:\n{FRAME.format('update')}(?s:.*)"),
    "mapupdateread": (2, rf"fatal error: concurrent map read and map write\n{RUNNING}{MINE}\n(?s:.*)"),
    "mapupdateiterate": (2, rf"fatal error: concurrent map iteration and map write\n{RUNNING}{MINE}\n(?s:.*)"),
    "goroutine": (2, rf"panic: {NIL.format('0')}\n\ngoroutine \d+ \[running\]:\n{FRAME.format(r'glob..func[0-9]+.func1')}"
                     r"created by main\.glob\.\.func\d+ in goroutine 1\n\ttests/go/endings\.go:\d+ \+0x[0-9a-f]+\n\n"),
    "onfault": (0, "false true\nruntime error: invalid memory address or nil pointer dereference 0x5555deadb000\nfalse\n"),
    "assertempty": (0, "true true spoken\n"),
    "exit3": (3, ""),
    "traceback": (2, rf"panic: all of them\n{RUNNING}{MINE}\ngoroutine \d+ \[select \(no cases\)\]:\n(?s:.*)"),
    "none": (2, r"panic: no trace\n"),
    "breakpoint": (2, rf"fatal error: SIGTRAP: trace trap \(runtime\.Breakpoint\)\n{RUNNING}{MINE}\n"),
    "terminated": (143, ""),
    "stack": (0, rf"goroutine 1 \[running\]:\n{FRAME.format('outer')}{MINE}--\ngoroutine 1 \[running\]:\nruntime/debug\.Stack\(\.\.\.\)\n\t[^\n]*\n"
                 rf"runtime/debug\.PrintStack\(\.\.\.\)\n\t[^\n]*\n{MINE}"),
    "stackall": (0, rf"goroutine 1 \[running\]:\n{FRAME.format('outer')}{MINE}"
                    rf"(?:\ngoroutine \d+ \[chan receive\]:\n{FRAME.format('waiting')}created by [^\n]*\n\t[^\n]*\n){{3}}"
                    rf"\ngoroutine \d+ \[(?:running|runnable)\]:\n{FRAME.format(r'glob..func[0-9]+.func1')}created by [^\n]*\n\t[^\n]*\n30 true 4\n"),
    "callers": (0, r"main\.glob\.\.func\d+ tests/go/endings\.go true\nmain\.main tests/go/endings\.go true\nruntime\.kickoff [^\n]* true\n"),
}
BOOTED = ("custom", "nilaccess", "divide", "repanic", "overflow", "deadlock", "goroutine", "mapwrites", "mapupdates", "onfault", "stackall", "traceback")


def judge(result, case):
    status, text = CASES[case]
    if result.status != status or not re.fullmatch(text, programs.without_summary(result.text)):
        pytest.fail(f"{case}: expected status {status} and a match of\n{text}\ngot status {result.status}; {result.why}\n{result.text[:3000]}", pytrace=False)


def test_every_case_is_judged():
    with open("tests/go/endings.go") as f:
        assert set(re.findall(r'^\t"(\w+)": ', f.read(), re.M)) == set(CASES)


@pytest.mark.parametrize("case", CASES)
def test_hosted(build, case):
    path = build.path("build/host/go-endings")
    judge(qemu.run_process([path], 60, env=dict(os.environ, BURROW_CPUS="2", BURROW_CMDLINE=f"-- {case}")), case)


@pytest.mark.parametrize("case", BOOTED)
def test_booted(build, case):
    image = build.path("build/go-endings.elf")
    judge(qemu.run(image, "pvh", f"-- {case}", 60, smp=2), case)


INLINED = """\
0 main.caller:inlined.go:18
1 main.a:inlined.go:42
2 main.b:inlined.go:43
3 main.T.c:inlined.go:47
4 main.main:inlined.go:62
5 runtime.kickoff:callers.c:\\d+
1 \\[main.callers:inlined.go:32 main.x:inlined.go:49 main.y:inlined.go:50 main.z:inlined.go:53 main.main:inlined.go:65\\]
2 \\[main.x:inlined.go:49 main.y:inlined.go:50 main.z:inlined.go:53 main.main:inlined.go:65\\]
3 \\[main.y:inlined.go:50 main.z:inlined.go:53 main.main:inlined.go:65\\]
4 \\[main.z:inlined.go:53 main.main:inlined.go:65\\]
5 \\[main.main:inlined.go:65\\]
inlined.go:58: here
panic: runtime error: invalid memory address or nil pointer dereference
\\[signal SIGSEGV: segmentation violation code=0x1 addr=0x0 pc=0x[0-9a-f]+\\]

goroutine 1 \\[running\\]:
main.load\\(\\.\\.\\.\\)
\ttests/go/inlined.go:55 \\+0x[0-9a-f]+
main.loadTwice\\(\\.\\.\\.\\)
\ttests/go/inlined.go:56 \\+0x[0-9a-f]+
main.main\\(\\.\\.\\.\\)
\ttests/go/inlined.go:68 \\+0x[0-9a-f]+

"""


@pytest.mark.parametrize("boot", ["host", "pvh"])
def test_inlined(build, boot):
    """Functions that were put into their callers are frames: of runtime.Caller, from anywhere in a list of Callers, and of traces."""
    if boot == "host":
        result = qemu.run_process([build.path("build/host/go-inlined")], 60)
    else:
        result = qemu.run(build.path("build/go-inlined.elf"), boot, "", 60)
    text = programs.without_summary(result.text)
    assert result.status == 2 and re.fullmatch(INLINED, text), result.text
