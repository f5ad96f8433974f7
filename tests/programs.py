"""programs.py -- what a test program says about itself, in comments of its source (apps/*.c, tests/metal/*.c, *.go).

    // expect: TEXT       a line of its output, in order; all of them together are the whole output. On a line of its own, or
                          behind the statement that prints it
    // expect-re: REGEX   a line that matches as a whole
                          or a file beside it, NAME.expect, with the whole output as it is
    // contains: TEXT     somewhere in its output, for what has no fixed order (instead of "expect")
    // args: WORDS        command line: knobs and arguments
    // smp: N...          one run for each number of cores; default 2
    // status: N          exit status; default 0
    // mem: SIZE          memory of the machine; default 512M
    // boot: WAYS         pvh, uefi, iso; default pvh; none: not booted
    // hosted: no         not as a process of the host system (say why beside it)
    // timeout: SECONDS   default 60; a guard against hangs, generous because hosts are slow
    // qemu: OPTIONS      further options for QEMU
    // judged by: FILE    a test of its own runs it

Without any expectation, a program of tests/metal is judged by its status alone, and one of apps is built and not run.
"""
import glob
import os
import re
from dataclasses import dataclass, field

DIRECTIVE = re.compile(r"(?:^\s*//\s*(args|smp|status|mem|boot|hosted|timeout|qemu|judged by)|//\s*(expect-re|expect|contains)): ?(.*)$", re.M)
# The kernel's boot summary ends with the line of its times.
SUMMARY = re.compile(r"\A(?:.*\n)*?time: .*\n")


@dataclass
class Program:
    path: str
    name: str
    lines: list = None  # (is a pattern, text) of each expected line; None: nothing is expected
    contains: list = field(default_factory=list)
    options: dict = field(default_factory=dict)

    def get(self, key, default):
        return self.options.get(key, default)

    @property
    def smp(self):
        return [int(n) for n in self.get("smp", "2").split()]

    @property
    def boot(self):
        return [way for way in self.get("boot", "pvh").split() if way != "none"]

    @property
    def status(self):
        return int(self.get("status", "0"))

    @property
    def timeout(self):
        return float(self.get("timeout", "60"))

    def differences(self, output):
        """"" if the output is as expected, else where it first differs, for people."""
        for text in self.contains:
            if text not in output:
                return f"expected somewhere {text!r}"
        if self.lines is None:
            return ""
        got = output.split("\n")
        if got and not got[-1]:
            got.pop()
        for i, (is_pattern, want) in enumerate(self.lines):
            if i >= len(got):
                return f"line {i + 1}: expected {want!r}, got the end of the output"
            if not (re.fullmatch(want, got[i]) if is_pattern else want == got[i]):
                return f"line {i + 1}: expected {'a match of ' if is_pattern else ''}{want!r}, got {got[i]!r}"
        if len(got) > len(self.lines):
            return f"line {len(self.lines) + 1}: expected the end of the output, got {got[len(self.lines)]!r}"
        return ""


def main_of(directory):
    """The source that says what the program in a directory does; None: the directory is part of another program, or of a test."""
    return next((f for f in (os.path.join(directory, name) for name in ("main.c", "main.go")) if os.path.exists(f)), None)


def read(path):
    path = path.rstrip("/")
    source = main_of(path) if os.path.isdir(path) else path
    base = os.path.splitext(path)[0]
    prefix = {"tests/metal": "metal-", "tests/nightly": "nightly-", "tests/go": "go-"}.get(os.path.dirname(path), "")
    program = Program(path, prefix + os.path.basename(base))
    lines = []
    with open(source) as f:
        for option, expected, value in DIRECTIVE.findall(f.read()):
            if expected == "contains":
                program.contains.append(value)
            elif expected:
                lines.append((expected == "expect-re", value))
            else:
                program.options[option] = value.strip()
    if os.path.exists(base + ".expect"):
        with open(base + ".expect") as f:
            lines = [(False, line) for line in f.read().split("\n")[:-1]]
        program.lines = lines
    program.lines = program.lines or lines or None
    return program


def find(*patterns):
    """The programs that can be judged."""
    found = [read(path) for pattern in patterns for path in sorted(glob.glob(pattern)) if os.path.isfile(path) or main_of(path)]
    return [p for p in found if (p.lines is not None or p.contains or p.path.startswith("tests/")) and "judged by" not in p.options]


def without_summary(text):
    return SUMMARY.sub("", text, count=1)
