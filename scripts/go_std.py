#!/usr/bin/python3
"""go_std.py [--machine] [--jobs N] [--verbose] [PACKAGE...] -- runs the Go library's own tests on Burrow, and compares them with stock gccgo's runtime.

A package's test files and its own are compiled from Debian's gcc-12-source (scripts/go_std_source unpacks it) into one set of objects. These are
linked twice: with Debian's libgo as it is, and with Burrow's runtime; both run `-test.v -test.short` beside the package's files and testdata. Every
test that passes with stock's runtime must pass on Burrow, unless tests/go/std.txt excepts it and says why. Lines of tests/go/std.txt:

    package <TAB> number of tests that pass with both <TAB> options
    <TAB> test <TAB> reason                             an exception to the package above; "left out: reason": not even called, because it ends the program

Options: mem=SIZE and limit=SECONDS change the machine's memory and the guard against hangs; files=DIRECTORY,... packs more of the source,
system=PATH,... files and directories of this system, where they lie here.
--machine boots the tests (PVH, QEMU); otherwise they run as a process of this system. No PACKAGE: all of tests/go/std.txt.
"""
import argparse
import concurrent.futures
import os
import re
import shutil
import subprocess
import sys
import threading
import time
from dataclasses import dataclass, field

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import go_package_tests
import qemu

LIST = "tests/go/std.txt"
RESULT = re.compile(r"^\s*--- (PASS|FAIL|SKIP): (\S+) \(", re.M)
ADDRESS = re.compile(r"0x[0-9a-f]{6,16}")  # in names of subtests
STOCK_LIMIT = 300


def defined(objects):
    """Names of the functions in objects, without their packages: what looks like a function in a source may stand in a comment or a string."""
    lines = subprocess.run(["nm", "--defined-only", *objects], check=True, text=True, stdout=subprocess.PIPE).stdout.splitlines()
    return {line.split(" ")[-1].split(".", 1)[-1] for line in lines if " T " in line}


class Failed(Exception):
    """A step did not work: (step, what it said)."""


@dataclass
class Entry:
    """A package of the list."""
    path: str
    count: int = 0
    options: dict = field(default_factory=dict)
    exceptions: dict = field(default_factory=dict)

    @property
    def left_out(self):
        return {name for name, reason in self.exceptions.items() if reason.startswith("left out: ")}


def read_list():
    entries = {}
    entry = None
    with open(LIST) as f:
        for line in f:
            words = line.rstrip("\n").split("\t")
            if line.startswith("#") or not line.strip():
                continue
            if words[0]:
                entry = Entry(words[0], int(words[1]), dict(w.split("=", 1) for w in " ".join(words[2:]).split()))
                entries[entry.path] = entry
            else:
                entry.exceptions[words[1]] = words[2]
    return entries


def run(step, command, **more):
    r = subprocess.run(command, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, errors="replace", **more)
    if r.returncode:
        raise Failed(step, r.stdout)


def passed(text):
    return {ADDRESS.sub("0x", name) for what, name in RESULT.findall(text) if what == "PASS"}


class Runner:
    def __init__(self, machine, cpus):
        self.machine, self.cpus = machine, cpus
        self.one_machine = threading.Lock()  # two would take each other's cores
        self.vars = dict(v.split("=", 1) for v in subprocess.run(
            ["make", "-s", "print-go-std"], check=True, text=True, stdout=subprocess.PIPE).stdout.splitlines())
        self.b, self.source = self.vars["B"], self.vars["GO_STD_SOURCE"]

    # ---- building

    def compile(self, entry, place):
        """main.o, test.o and xtest.o of a package; returns the objects."""
        path = entry.path
        sources = go_package_tests.Sources(os.path.join(self.source, path))
        if not sources.internal and not sources.external:
            raise Failed("sources", "no test files")
        flags = self.vars["GOFLAGS"].split() + self.vars.get("GOFLAGS_" + path.replace("/", "_"), "").split()
        imports = os.path.join(place, "import")
        shutil.rmtree(imports, ignore_errors=True)

        def compiled(name, package, files):
            obj = os.path.join(place, name + ".o")
            run("compile", [self.vars["GCCGO"], *flags, "-I", imports, "-I", f"{self.b}/go/std/import", *([f"-fgo-pkgpath={package}"] if package else []),
                            "-c", "-o", obj, *files])
            if package:
                export = os.path.join(imports, package + ".gox")
                os.makedirs(os.path.dirname(export), exist_ok=True)
                run("compile", [self.vars["OBJCOPY"], "-j", ".go_export", obj, export])
            return obj

        def paths(names):
            return [os.path.join(sources.directory, n) for n in names]

        objects = [compiled("test", path, paths(sources.internal + sources.own))]
        if sources.external:
            # The package as tested is imported first: its test files may give its types more methods.
            first = os.path.join(place, "first_test.go")
            with open(first, "w") as f:
                f.write(f'package {sources.package_of(sources.external)}\n\nimport _ "{path}"\n')
            objects.append(compiled("xtest", path + "_test", [first, *paths(sources.external)]))
        main = os.path.join(place, "main.go")
        with open(main, "w", encoding="utf-8", errors="surrogateescape") as f:
            f.write(go_package_tests.test_main(path, sources, defined(objects), entry.left_out))
        return [compiled("main", None, [main]), *objects, *([] if path == "testing" else [f"{self.b}/go/std/testing.o"])]

    def tree(self, entry, place):
        """The package's files and test data, packed as they lie in the source: /src/PACKAGE, and /src/testdata above."""
        root = os.path.join(place, "tree")
        shutil.rmtree(root, ignore_errors=True)
        parts = entry.path.split("/")
        for n in range(len(parts) + 1):
            here = os.path.join(*parts[:n]) if n else ""
            data = os.path.join(self.source, here, "testdata")
            os.makedirs(os.path.join(root, "src", here), exist_ok=True)
            if os.path.isdir(data):
                shutil.copytree(data, os.path.join(root, "src", here, "testdata"), symlinks=True)
        directory = os.path.join(self.source, entry.path)
        for name in os.listdir(directory):
            if os.path.isfile(os.path.join(directory, name)):
                shutil.copy(os.path.join(directory, name), os.path.join(root, "src", entry.path, name))
        for extra in filter(None, entry.options.get("files", "").split(",")):
            shutil.copytree(os.path.join(self.source, extra), os.path.join(root, "src", extra), symlinks=True, dirs_exist_ok=True)
        for path in filter(None, entry.options.get("system", "").split(",")):
            to = os.path.join(root, path)
            os.makedirs(os.path.dirname(to), exist_ok=True)
            if os.path.isdir("/" + path):
                shutil.copytree("/" + path, to, symlinks=False, ignore=lambda at, names: [n for n in names if n in ("posix", "right")])
            else:
                shutil.copy("/" + path, to)
        blob = os.path.join(place, "files.blob")
        run("files", ["scripts/pack_blob.py", "--out", blob, root])
        return blob

    def link(self, objects, place, blob):
        """The three programs: stock's, and Burrow's for a process or a machine."""
        stock = os.path.join(place, "stock")
        run("link with stock's runtime", [self.vars["GCCGO"], "-static-libgo", "-no-pie", "-o", stock, *objects])
        app = os.path.join(place, "app.o")
        run("link", ["scripts/go_link.py", "--out", app, "--doors", f"{self.b}/doors", "--runtime", self.vars["GO_HOST_OBJS"], *objects,
                     f"{self.b}/go/runtime.o", f"{self.b}/go/libgo-bare.a", f"{self.b}/go/libm.a"])
        ours = os.path.join(place, "test.elf" if self.machine else "test")
        command = self.vars["LINK_METAL" if self.machine else "LINK_HOST"].split()
        objects = self.vars["METAL_OBJS" if self.machine else "HOST_OBJS"].split()
        run("link", ["scripts/link_twice", ours, blob, f"{self.b}/buildid", *command, app, *objects,
                     f"{self.b}/go/rt-{'metal' if self.machine else 'host'}.a", *(self.vars["LIBGCC"].split() if self.machine else [])])
        return stock, ours

    def build(self, entry):
        place = os.path.join(self.b, "go/std/test", entry.path)
        os.makedirs(place, exist_ok=True)
        return self.link(self.compile(entry, place), place, self.tree(entry, place))

    # ---- running

    def words(self, entry):
        return ["-test.v", "-test.short"]

    def stock(self, program, entry):
        env = {"PATH": os.environ["PATH"], "HOME": "/nonexistent", "GOMAXPROCS": str(self.cpus)}
        try:
            r = subprocess.run([os.path.abspath(program), *self.words(entry)], cwd=os.path.join(self.source, entry.path), env=env, timeout=STOCK_LIMIT,
                               stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        except subprocess.TimeoutExpired as e:
            return "timeout", (e.stdout or b"").decode(errors="replace")
        return r.returncode, r.stdout.decode(errors="replace")

    def burrow(self, program, entry):
        line = f"ENV=PWD=/src/{entry.path} ENV=HOME=/nonexistent -- {' '.join(self.words(entry))}"
        limit = float(entry.options.get("limit", 900 if self.machine else 300))
        mem = entry.options.get("mem", "1G")
        if self.machine:
            with self.one_machine:
                r = qemu.run(program, "pvh", line, limit, smp=self.cpus, mem=mem)
        else:
            r = qemu.run_process([program], limit, dict(os.environ, BURROW_CPUS=str(self.cpus), BURROW_MEM=mem, BURROW_CMDLINE=line))
        return r.why or r.status, r.text

    def judge(self, entry):
        start = time.monotonic()
        stock_program, program = self.build(entry)
        built = time.monotonic()
        stock_status, stock_text = self.stock(stock_program, entry)
        status, text = self.burrow(program, entry)
        place = os.path.join(self.b, "go/std/test", entry.path)
        for name, said in (("stock.log", stock_text), ("burrow.log", text)):
            with open(os.path.join(place, name), "w", errors="replace") as f:
                f.write(said)
        stock, ours = passed(stock_text), passed(text)
        return Verdict(entry, stock, ours, stock_status, status, text, built - start, time.monotonic() - built)


@dataclass
class Verdict:
    entry: Entry
    stock: set
    ours: set
    stock_status: object
    status: object
    text: str
    built: float
    ran: float

    @property
    def excepted(self):
        return {name for name in self.stock if name in self.entry.exceptions or name.split("/")[0] in self.entry.exceptions}

    @property
    def missing(self):
        return sorted(self.stock - self.ours - self.excepted)

    def complaints(self):
        """What is wrong, for people."""
        out = [f"{name} passes with stock's runtime only" for name in self.missing]
        both = len(self.stock & self.ours - self.excepted)
        if both < self.entry.count:
            out.append(f"{both} tests pass with both, {self.entry.count} are listed")
        if not self.stock:
            out.append(f"no test passes with stock's runtime ({self.stock_status})")
        if self.stock_status == 0 and self.status != 0 and not self.excepted - self.ours and not out:
            out.append(f"ended with {self.status}")
        return out


def main():
    parser = argparse.ArgumentParser(description="the Go library's own tests on Burrow")
    parser.add_argument("--machine", action="store_true", help="boot the tests instead of running them as a process")
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--cpus", type=int, default=2)
    parser.add_argument("--verbose", action="store_true", help="show what was said when something is wrong")
    parser.add_argument("--figures", help="write package and counts of passing tests to this file")
    parser.add_argument("packages", nargs="*")
    args = parser.parse_args()
    entries = read_list()
    unlisted = [p for p in args.packages if p not in entries]
    chosen = [entries.get(p) or Entry(p) for p in args.packages] or list(entries.values())
    runner = Runner(args.machine, args.cpus)
    for p in unlisted:
        if not os.path.isdir(os.path.join(runner.source, p)):
            sys.exit(f"PKG={p}: no such package in gcc-12-source's libgo")
    bad = 0
    figures = []
    with concurrent.futures.ThreadPoolExecutor(args.jobs) as pool:
        futures = {pool.submit(runner.judge, e): e for e in chosen}
        for future in concurrent.futures.as_completed(futures):
            entry = futures[future]
            try:
                v = future.result()
            except Failed as e:
                bad += 1
                print(f"{entry.path}: {e.args[0]} failed: " + "\n    ".join(e.args[1].strip().splitlines()[:20 if args.verbose else 3]), flush=True)
                continue
            wrong = v.complaints()
            bad += bool(wrong)
            print(f"{entry.path}: {len(v.ours & v.stock)} of stock's {len(v.stock)} pass"
                  f" ({len(v.excepted - v.ours)} excepted; built in {v.built:.0f} s, ran {v.ran:.0f} s)" + "".join(f"\n    {w}" for w in wrong[:12]), flush=True)
            if wrong and args.verbose:
                print("\n".join("    | " + line for line in v.text.splitlines()[-60:]), flush=True)
            figures.append((entry.path, len(v.stock), len(v.ours & v.stock)))
    if args.figures:
        with open(args.figures, "w") as f:
            f.writelines(f"{p}\t{s}\t{o}\n" for p, s, o in sorted(figures))
    print(f"{len(chosen) - bad} of {len(chosen)} packages at stock's result")
    return bad > 0


if __name__ == "__main__":
    sys.exit(main())
