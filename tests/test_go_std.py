"""test_go_std.py -- the Go library: all its packages link and start, and some pass their own tests as they do with stock gccgo's runtime."""
import glob
import os
import subprocess

import pytest

# Small ones of several kinds; make nightly runs tests/go/std.txt whole.
CHOSEN = ["errors", "sort", "io/fs", "unicode/utf8"]
# Not for programs: of libgo's own making, or of cgo's.
INTERNAL = ("internal", "runtime/cgo")


def packages():
    found = glob.glob("/usr/lib/x86_64-linux-gnu/go/12/x86_64-linux-gnu/**/*.gox", recursive=True)
    assert found
    paths = [path.split("/x86_64-linux-gnu/", 2)[2].removesuffix(".gox") for path in found]
    return sorted(p for p in paths if "internal" not in p.split("/") and p not in INTERNAL)


def test_every_package_links_and_starts(build, tmp_path):
    """Each missing function stops the build and names who needs it."""
    paths = packages()
    assert len(paths) > 140 and "net/http" in paths and "html/template" in paths
    (tmp_path / "everything.go").write_text("package main\n\nimport (\n" + "".join(f'\t_ "{p}"\n' for p in paths) +
                                            ')\n\nfunc main() { println("started") }\n')
    r = subprocess.run(["make", "-s", f"APP={tmp_path}/everything.go", "host"], text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    assert r.returncode == 0 and "started\n" in r.stdout, r.stdout[-3000:]


def test_list_of_conformance():
    counts, package = {}, None
    with open("tests/go/std.txt") as f:
        for line in f:
            if line.startswith("#"):
                continue
            words = line.rstrip("\n").split("\t")
            if words[0]:
                package = words[0]
                assert package not in counts and int(words[1]) > 0, line
                counts[package] = int(words[1])
            else:
                assert package and len(words) == 3 and words[1] and len(words[2]) > 10, line
    assert len(counts) >= 40 and set(CHOSEN) <= set(counts)


def test_chosen_packages(build):
    """Booted; scripts/go_std.py compares with stock's runtime, test by test."""
    if not glob.glob("/usr/src/gcc-12/gcc-*.tar.xz") and not os.path.exists("build/go/std/source"):
        r = subprocess.run(["make", "-s", "build/go/std/source"], text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        if r.returncode:
            pytest.skip("gcc-12-source is not here, and apt cannot fetch it: " + r.stdout[-300:])
    subprocess.run(["make", "-s", "go-std-objects"], check=True)
    r = subprocess.run(["scripts/go_std.py", "--machine", "--jobs", "2", "--verbose", *CHOSEN], text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    if r.returncode:
        pytest.fail(r.stdout, pytrace=False)
