#!/usr/bin/python3
"""go_tests.py [--host] [--smp N] [--knobs WORDS] [--list FILE] [NAME...] -- runs Go's own test programs, many per boot, and says which pass.

A test is a file of golang-1.19-src's test directory that begins with "// run". Up to PACK of them are linked into one image (scripts/go_pack.py) and run one after
another on one machine. A test passes when its main returns, or the program ends with status 0, and it has written exactly what the .out file beside it
holds, if there is one. A test that ends the machine or hangs has failed, or passed, alone: the machine is booted again for those behind it. Tests that
cannot share a machine (tests/go/alone.txt says why) have a boot of their own; nothing is tried twice. Under gcstress those of tests/go/seldom.txt have one, too:
they allocate so much that the collector runs less often there.

Without names: --list, one test a line (default tests/go/pass.txt, those that must pass). Run make go-test-objects before.
"""
import argparse
import concurrent.futures
import os
import re
import select
import subprocess
import sys
import tempfile
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import go_pack
import qemu

PACK = 48
MARK = re.compile(rb"@@go (begin|end) (\S+)\n")


def arguments_of(path):
    """The test's own arguments, out of its first line: // run arg1 arg2."""
    with open(path, errors="replace") as f:
        for line in f:
            if line.startswith(("// run", "//run")):
                words = line.split()[2:]
                return [] if words and words[0].startswith("-") else words
            if line.strip() and not line.startswith("//"):
                break
    return []


NOT_STRESSED = "not under stress: "  # second word of a list's line, and why


def names_in(path, stressed=False):
    """First words of a list's lines."""
    with open(path) as f:
        lines = [line.rstrip("\n").split("\t") for line in f if line.strip() and not line.startswith("#")]
    return [words[0].strip() for words in lines if not (stressed and len(words) > 1 and words[1].startswith(NOT_STRESSED))]


def seldom(path):
    """Name: gcstress."""
    with open(path) as f:
        return {words[0]: int(words[1]) for words in (line.split("\t") for line in f if line.strip() and not line.startswith("#"))}


class Machine:
    """How to run an image: booted, or the process."""

    def __init__(self, args):
        self.args = args

    def start(self, image, line, cmdline):
        if self.args.host:
            env = dict(os.environ, BURROW_CPUS=str(self.args.smp), BURROW_MEM="1G", BURROW_CMDLINE=line)
            return subprocess.Popen([image], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                    env=env, preexec_fn=qemu.die_with_parent)
        cmdline.write(line.encode())
        cmdline.flush()
        command = qemu.command(image, "pvh", smp=self.args.smp, mem="1G", cmdline_file=cmdline.name)
        return subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, preexec_fn=qemu.die_with_parent)

    def run(self, image, words, knobs):
        """Runs the tests of words ("3,arg"). Returns status (None: a test took too long) and the whole output."""
        line = f"{knobs} -- {' '.join(words)}".strip()
        with tempfile.NamedTemporaryFile(prefix="burrow-go-") as cmdline:
            child = self.start(image, line, cmdline)
            console, ended, since, marks = qemu.Console(False), None, time.monotonic(), 0
            try:
                while ended is None or time.monotonic() < ended + 3:
                    if time.monotonic() > since + self.args.limit:
                        return None, console.output()
                    if not select.select([child.stdout], [], [], 0.5)[0]:
                        continue
                    data = os.read(child.stdout.fileno(), 1 << 16)
                    if not data:
                        break
                    console.feed(data)
                    if data.count(b"@@go "):
                        since = time.monotonic()
                    if console.exit_status() is not None:
                        ended = time.monotonic()
                status = console.exit_status()
                if self.args.host:
                    status = child.wait(10)
                console.finish()
                return qemu.STATUS_DIED if status is None else status, console.output()
            finally:
                child.kill()
                child.wait()
                child.stdout.close()


class Runner:
    def __init__(self, args):
        self.args, self.packer, self.machine = args, go_pack.Packer(args.root), Machine(args)
        self.results, self.boots, self.lock = {}, 0, threading.Lock()

    def note(self, name, what, said=""):
        with self.lock:
            self.results[name] = (what, said)
            if what != "pass":
                shown = said if self.args.verbose else " | ".join(line for line in said.strip().splitlines()[:3])[:240]
                print(f"{name}: {what}: {shown}", flush=True)

    def judge(self, name, output):
        """Of a test whose program ended well."""
        want = self.packer.source(name)[:-3] + ".out"
        if os.path.exists(want):
            with open(want, "rb") as f:
                if f.read() != output:
                    return self.note(name, "output", output[:3000].decode(errors="replace"))
        return self.note(name, "pass")

    def compile(self, names):
        def one(name):
            try:
                self.packer.compile(name)
                return True
            except go_pack.Failed as e:
                self.note(name, "compile", str(e))
                return False
        with concurrent.futures.ThreadPoolExecutor(self.args.jobs) as pool:
            return [n for n, ok in zip(names, pool.map(one, names)) if ok]

    def pack(self, names):
        """Links and runs some programs; halves of those that do not link together."""
        try:
            metal, host = self.packer.link(names, not self.args.host, self.args.host)
        except go_pack.Failed as e:
            if len(names) == 1:
                return self.note(names[0], "link", str(e))
            self.pack(names[:len(names) // 2])
            return self.pack(names[len(names) // 2:])
        image, alone = host if self.args.host else metal, {*self.args.alone, *self.args.seldom}
        for group in [[n for n in names if n not in alone], *([n] for n in names if n in alone)]:
            while group:
                group = self.boot(image, names, group)
        return None

    def boot(self, image, names, group):
        """Runs group, one after another, in one boot. Returns those that are still to do."""
        words = [",".join([str(names.index(n)), *arguments_of(self.packer.source(n))]) for n in group]
        knobs = self.args.knobs
        if len(group) == 1 and group[0] in self.args.seldom:
            knobs = re.sub(r"gcstress=\d+", f"gcstress={self.args.seldom[group[0]]}", knobs)
        status, output = self.machine.run(image, words, knobs)
        with self.lock:
            self.boots += 1
        at, running, seen = 0, None, 0
        for mark in MARK.finditer(output):
            if mark[1] == b"begin":
                running, seen = mark[2].decode(), mark.end()
                at = group.index(running) + 1
            elif running:
                self.judge(running, output[seen:mark.start()])
                running = None
        rest = output[seen:].decode(errors="replace")
        if running:  # it ended the machine
            if status == 0:
                self.judge(running, output[seen:])
            else:
                self.note(running, "timeout" if status is None else f"status {status}", rest[-3000:] if status is None else rest[:3000])
        elif status != 0 and at == len(group):
            self.note(group[-1], f"status {status} afterwards", rest[:3000])
        elif status != 0 or at == 0:  # between two tests, or before the first: none may be lost
            self.note(group[at], f"status {status} before it began", rest[:3000])
            at += 1
        return group[at:]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--list", default="tests/go/pass.txt")
    parser.add_argument("--root", default=os.environ.get("GO_TESTS") or "/usr/share/go-1.19/test")
    parser.add_argument("--host", action="store_true", help="as processes of this system instead of booted")
    parser.add_argument("--smp", type=int, default=4, help="cores, and so GOMAXPROCS")
    parser.add_argument("--knobs", default="", help="further words of the command line, as GODEBUG=gcstress=100,gcverify=1")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--limit", type=float, default=600, help="seconds for one test")
    parser.add_argument("--part", default="1/1", help="k/n: the k-th of n parts of the list")
    parser.add_argument("--pass", dest="passed", help="write the names that pass to this file")
    parser.add_argument("--verbose", action="store_true", help="show what failing tests said")
    parser.add_argument("names", nargs="*")
    args = parser.parse_args()
    args.alone = names_in("tests/go/alone.txt")
    args.seldom = seldom("tests/go/seldom.txt") if "gcstress=" in args.knobs else {}
    part, parts = map(int, args.part.split("/"))
    names = args.names or names_in(args.list, "gcstress" in args.knobs)[part - 1::parts]
    runner, start = Runner(args), time.monotonic()
    missing = [n for n in names if not os.path.exists(runner.packer.source(n))]
    if missing:
        print(f"go_tests: {' '.join(missing)}: no such test in {args.root} (as: ken/array.go)", file=sys.stderr)
        return 2
    compiled = runner.compile(names)
    built = time.monotonic() - start
    packs = [compiled[i:i + PACK] for i in range(0, len(compiled), PACK)]
    with concurrent.futures.ThreadPoolExecutor(args.jobs) as pool:
        list(pool.map(runner.pack, packs))
    passed = sorted(n for n in names if runner.results.get(n, ("lost", ""))[0] == "pass")
    for n in names:
        if n not in runner.results:
            print(f"{n}: lost: no result")
    print(f"{len(passed)} of {len(names)} pass: {len(packs)} {'processes' if args.host else 'images'}, {runner.boots} runs, "
          f"{built:.0f} s to compile, {time.monotonic() - start - built:.0f} s to link and run")
    if args.passed:
        with open(args.passed, "w") as f:
            f.writelines(n + "\n" for n in passed)
    return len(passed) != len(names)


if __name__ == "__main__":
    sys.exit(main())
