#!/usr/bin/python3
"""go_tests.py [--list FILE] [--root DIR] [--jobs N] [NAME...] -- compiles and runs Go's own test programs hosted, and says which pass.

A test is a file of golang-1.19-src's test directory that begins with "// run"; it passes when it ends with status 0 and, if there is a .out file beside it,
has written exactly that. Programs are linked without symbol tables, which takes half the time; one that fails is tried again with them. --list names the tests, one a line (default tests/go/pass.txt, the list of those that must pass). Programs are linked with the
hosted objects of the last build: make go-test-objects first.
"""
import argparse
import concurrent.futures
import os
import re
import subprocess
import sys
import tempfile

BUILD = "build"


def flags_of(path):
    """The test's own arguments, out of its first line: // run -gcflags=... args."""
    with open(path, errors="replace") as f:
        for line in f:
            if line.startswith("// run") or line.startswith("//run"):
                return [w for w in line.split()[2:] if not w.startswith("-")]
            if line.strip() and not line.startswith("//"):
                break
    return []


class Builder:
    def __init__(self, cpus):
        self.env = dict(os.environ, BURROW_CPUS=str(cpus), BURROW_MEM="1G")
        self.vars = dict(v.split("=", 1) for v in subprocess.run(
            ["make", "-s", "print-go-tests"], check=True, text=True, stdout=subprocess.PIPE).stdout.splitlines())

    def run(self, root, name, keep=None):
        first = self.attempt(root, name, symbols=bool(keep), keep=keep)
        return first if keep or first[0] in ("pass", "compile") else self.attempt(root, name, symbols=True)

    def attempt(self, root, name, symbols, keep=None):
        path = os.path.join(root, name)
        with tempfile.TemporaryDirectory() as tmp:
            obj, app, exe = (os.path.join(tmp, x) for x in ("main.o", "app.o", "test"))
            flags = self.vars["GOFLAGS"].replace("-O2", "-O1").split()
            r = subprocess.run([self.vars["GCCGO"], *flags, "-c", "-o", obj, path], text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
            if r.returncode:
                return "compile", r.stdout
            r = subprocess.run(["scripts/go_link.py", "--out", app, "--doors", f"{BUILD}/doors", "--runtime", self.vars["GO_OBJS"], obj,
                                f"{BUILD}/go/runtime.o", f"{BUILD}/go/libgo-bare.a", f"{BUILD}/go/libm.a"],
                               text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
            if r.returncode:
                return "link", r.stdout
            link = [self.vars["CC"], "-no-pie", "-pthread", "-Wl,-z,noexecstack,-z,now", app, *self.vars["HOST_OBJS"].split(),
                    *self.vars["GO_OBJS"].split()]
            if symbols:
                link = ["scripts/link_twice", exe, f"{BUILD}/go/no_files", f"{BUILD}/buildid", *link]
            else:
                link += ["-o", exe, f"{BUILD}/go/blobs.o", "-Wl,--strip-debug"]
            r = subprocess.run(link, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
            if r.returncode:
                return "link", r.stdout
            if keep:
                os.replace(exe, keep)
                exe = keep
            try:
                r = subprocess.run([exe, "--", *flags_of(path)], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                   timeout=30, env=self.env)
            except subprocess.TimeoutExpired as e:
                return "timeout", (e.stdout or b"")[-2000:].decode(errors="replace")
            out = r.stdout
            want = path[:-3] + ".out"
            if r.returncode:
                return f"status {r.returncode}", out[:3000].decode(errors="replace")
            if os.path.exists(want):
                with open(want, "rb") as f:
                    if f.read() != out:
                        return "output", out[:2000].decode(errors="replace")
            return "pass", ""


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--list", default="tests/go/pass.txt")
    parser.add_argument("--root", default="/usr/share/go-1.19/test")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--cpus", type=int, default=2, help="cores of the process")
    parser.add_argument("--pass", dest="passed", help="write the names that pass to this file")
    parser.add_argument("--keep", help="leave the program here")
    parser.add_argument("--verbose", action="store_true", help="show what failing tests said")
    parser.add_argument("names", nargs="*")
    args = parser.parse_args()
    names = args.names
    if not names:
        with open(args.list) as f:
            names = [line.split("\t")[0].strip() for line in f if line.strip() and not line.startswith("#")]
    builder = Builder(args.cpus)
    results = {}
    with concurrent.futures.ThreadPoolExecutor(args.jobs) as pool:
        futures = {pool.submit(builder.run, args.root, n, args.keep): n for n in names}
        for future in concurrent.futures.as_completed(futures):
            name = futures[future]
            results[name] = future.result()
            if len(results) % 50 == 0:
                print(f"... {len(results)} of {len(names)}", flush=True)
            what, said = results[name]
            if what != "pass":
                said = said if args.verbose else " | ".join(re.sub(r"\S*app\.o: ", "", said).strip().splitlines()[:2])[:200]
                print(f"{name}: {what}: {said}", flush=True)
    passed = sorted(n for n in results if results[n][0] == "pass")
    print(f"{len(passed)} of {len(names)} pass")
    if args.passed:
        with open(args.passed, "w") as f:
            f.writelines(n + "\n" for n in passed)
    return len(passed) != len(names)


if __name__ == "__main__":
    sys.exit(main())
