"""test_go_build.py -- how programs of Go are built from packages: what is compiled again, and what is refused, in which words.

That they run: tests/go/modules.
"""
import os
import re
import subprocess

import pytest

GENERICS = "generics are since Go 1.18, which gccgo-12 is without them"
OURS = "gccgo-12 is Go 1.18 without generics"


def tree(folder, files):
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder


@pytest.fixture(scope="module")
def compile_packages():
    """Compiles the packages of a program as the build does; returns status and output."""
    subprocess.run(["make", "-s", "go-test-objects"], check=True)
    text = subprocess.run(["make", "-s", "print-go-tests"], check=True, text=True, stdout=subprocess.PIPE).stdout
    flags = dict(v.split("=", 1) for v in text.splitlines())["GOFLAGS"]

    def run(source, out):
        r = subprocess.run(["scripts/go_packages.py", "--flags", flags, "--our-import", "build/go/import", "--our-objects", "build/go",
                            "--out", str(out), "--verbose", str(source)], text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        return r.returncode, r.stdout
    return run


def test_only_what_changed_is_compiled(compile_packages, tmp_path):
    app, out = tree(tmp_path / "app", {
        "main.go": 'package main\n\nimport (\n\t_ "embed"\n\n\t"app/a"\n\t"app/b"\n)\n\n//go:embed text\nvar text string\n\n'
                   'func main() { println(a.F(), b.F(), text) }\n',
        "text": "one\n",
        "a/a.go": 'package a\n\nimport "app/b"\n\nfunc F() int { return b.F() + 1 }\n',
        "b/b.go": "package b\n\n//go:noinline\nfunc F() int { return 1 }\n"}), tmp_path / "out"

    def compiled():
        status, text = compile_packages(app, out)
        assert status == 0, text
        names = [line.split()[1] for line in text.splitlines()]
        return ["main" if n == str(app) else n for n in names]
    assert compiled() == ["app/b", "app/a", "main"]
    assert compiled() == []
    listing = out / "objects"
    before = listing.stat().st_mtime_ns
    os.utime(app / "b/b.go")
    assert compiled() == []  # contents count, not times
    assert listing.stat().st_mtime_ns == before
    (app / "b/b.go").write_text("package b\n\n//go:noinline\nfunc F() int { return 2 }\n")
    assert compiled() == ["app/b"]  # what it offers is as before
    assert listing.stat().st_mtime_ns > before
    (app / "b/b.go").write_text("package b\n\n//go:noinline\nfunc F() int { return 2 }\n\nfunc G() {}\n")
    assert compiled() == ["app/b", "app/a", "main"]
    (app / "text").write_text("two\n")
    assert compiled() == ["main"]
    (app / "a/more.go").write_text("package a\n\nfunc more() {}\n")
    assert compiled()[0] == "app/a"


# What a person sees: the lines, each beginning with the file's place below the program.
REFUSED = {
    "cycle": ({"main.go": 'package main\n\nimport _ "cycle/x"\n\nfunc main() {}\n', "x/x.go": 'package x\n\nimport _ "cycle/y"\n',
               "y/y.go": 'package y\n\nimport _ "cycle/x"\n'},
              ["x: error: import cycle: cycle imports cycle/x imports cycle/y imports cycle/x"]),
    "missing": ({"main.go": 'package main\n\nimport (\n\t_ "missing/nowhere"\n\t_ "nothing"\n)\n\nfunc main() {}\n'},
                ["main.go:4: error: package missing/nowhere is neither in the standard library (Go 1.18) nor a directory of the program's module (docs/go.md)",
                 "main.go:5: error: package nothing is neither in the standard library (Go 1.18) nor a directory of the program's module (docs/go.md)"]),
    "fetched": ({"main.go": 'package main\n\nimport _ "example.org/far/away"\n\nfunc main() {}\n'},
                ["main.go:3: error: no required module provides package example.org/far/away; to add it: go get example.org/far/away"]),
    "vendored": ({"go.mod": "module vendored\n\ngo 1.18\n\nrequire example.org/dep v1.0.0\n", "vendor/modules.txt": "",
                  "main.go": 'package main\n\nimport _ "example.org/dep"\n\nfunc main() {}\n'},
                 ["go: inconsistent vendoring in APP:", "\texample.org/dep@v1.0.0: is explicitly required in go.mod, but not marked as explicit in vendor/modules.txt"]),
    "two": ({"main.go": "package main\n\nfunc main() {}\n", "other.go": "package other\n"},
            ["APP: error: found packages main (main.go) and other (other.go) in APP"]),
    "library": ({"x.go": "package lib\n"}, ["APP: error: package lib; a program is package main"]),
    "net": ({"main.go": "package main\n\nfunc main() {}\n"}, ["APP: error: the directory has the name of a standard package"]),
    "burrow": ({"main.go": "package main\n\nfunc main() {}\n"}, ["APP: error: the directory has the name of the runtime's package burrow"]),
    "embed_nothing": ({"main.go": 'package main\n\nimport _ "embed"\n\n//go:embed nothing.txt\nvar x string\n\nfunc main() {}\n'},
                      ["main.go:5: error: pattern nothing.txt: no matching files found"]),
    "cgo": ({"main.go": 'package main\n\n// int f(void);\nimport "C"\n\nfunc main() { C.f() }\n'},
            ['main.go:4: error: import "C" (cgo) is not supported: put .c files beside the .go files and declare their functions by //extern (docs/go.md)']),
    "new_packages": ({"main.go": 'package main\n\nimport (\n\t_ "log/slog"\n\t_ "maps"\n\t_ "plugin"\n\t_ "slices"\n)\n\nfunc main() {}\n'},
                     [f"main.go:4: error: package log/slog is since Go 1.21; {OURS}", f"main.go:5: error: package maps is since Go 1.21; {OURS}",
                      "main.go:6: error: package plugin is not supported: gccgo's library does not have it",
                      f"main.go:7: error: package slices is since Go 1.21; {OURS}"]),
    "generics": ({"main.go": "package main\n\nfunc Max[T int | string](a, b T) T {\n\tif a > b {\n\t\treturn a\n\t}\n\treturn b\n}\n\n"
                             "type Stack[T any] struct{ items []T }\n\nfunc (s *Stack[T]) Push(x T) {}\n\ntype N interface{ ~int }\n\n"
                             "func main() { println(Max(1, 2)) }\n"},
                 [f"main.go:3: error: the generic function Max: not supported; {GENERICS}",
                  f"main.go:10: error: the generic type Stack: not supported; {GENERICS}",
                  f"main.go:12: error: a method of the generic type Stack: not supported; {GENERICS}"]),
    "instances": ({"main.go": "package main\n\nfunc main() {\n\tx := Max[int](1, 2)\n\t_ = x\n}\n"},
                  [f"main.go:4: error: an instance of the generic Max: not supported; {GENERICS}"]),
    "language": ({"main.go": "package main\n\nfunc seq(yield func(int) bool) {}\n\nfunc main() {\n\tx := min(1, 2)\n\tx = max(x, 3)\n\tm := map[int]int{}\n\tclear(m)\n"
                             "\tfor i := range 10 {\n\t\tprintln(i)\n\t}\n\tfor i := range seq {\n\t\tprintln(i)\n\t}\n}\n"},
                 [f"main.go:6: error: the builtin min is since Go 1.21; {OURS}", f"main.go:7: error: the builtin max is since Go 1.21; {OURS}",
                  f"main.go:9: error: the builtin clear is since Go 1.21; {OURS}", f"main.go:10: error: range over an integer is since Go 1.22; {OURS}",
                  f"main.go:13: error: range over seq: over an integer it is since Go 1.22, over a function since Go 1.23; {OURS}"]),
    "library_names": ({"go.mod": "module library_names\n\ngo 1.21\n",
                       "main.go": 'package main\n\nimport (\n\t"errors"\n\t"strings"\n\t"sync/atomic"\n)\n\nvar n atomic.Int64\n\n'
                                  'func main() {\n\terrors.Join(nil)\n\tstrings.Nonsense()\n}\n'},
                      ["main.go:9: error: atomic.Int64 is since Go 1.19; the library is that of Go 1.18",
                       "main.go:12: error: errors.Join is since Go 1.20; the library is that of Go 1.18",
                       "main.go:13: error: strings.Nonsense is not in it; the library is that of Go 1.18", f"note: go.mod asks for Go 1.21; {OURS}"]),
    # The same in directories below, said of the file that is meant.
    "below": ({"main.go": 'package main\n\nimport _ "below/a/b"\n\nfunc main() {}\n',
               "a/b/b.go": "package b\n\nfunc Map[T any](x []T) []T {\n\treturn x\n}\n"},
              [f"a/b/b.go:3: error: the generic function Map: not supported; {GENERICS}"]),
    "below_cgo": ({"main.go": 'package main\n\nimport _ "below_cgo/a"\n\nfunc main() {}\n',
                   "a/a.go": 'package a\n\n// int f(void);\nimport "C"\n\nfunc F() { C.f() }\n'},
                  ['a/a.go:4: error: import "C" (cgo) is not supported: put .c files beside the .go files and declare their functions by //extern (docs/go.md)']),
    "below_new": ({"main.go": 'package main\n\nimport _ "below_new/a"\n\nfunc main() {}\n',
                   "a/a.go": 'package a\n\nimport (\n\t_ "plugin"\n\t_ "slices"\n)\n'},
                  [f"a/a.go:5: error: package slices is since Go 1.21; {OURS}", "a/a.go:4: error: package plugin is not supported: gccgo's library does not have it"]),
    "tests_only": ({"x_test.go": "package main\n"}, ["x_test.go: error: tests of a package (_test.go) are no program: make a main that calls what is to be run"]),
    "left_out": ({"main.go": 'package main\n\nimport _ "left_out/a"\n\nfunc main() {}\n', "a/a_windows.go": "package a\n"},
                 ["a: error: build constraints exclude all Go files in a"]),
    # An error of every day stays as the compiler says it.
    "ordinary": ({"main.go": "package main\n\nfunc main() {\n\tx := 1\n\ta[0] = y\n}\n"}, ["main.go:5:9: error: reference to undefined name"]),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refused(compile_packages, tmp_path, name):
    files, expected = REFUSED[name]
    app = tree(tmp_path / name, files)
    status, text = compile_packages(app, tmp_path / "out")
    assert status == 1, text
    lines = [line for line in text.replace(str(app) + "/", "").replace(str(app), "APP").splitlines() if not line.startswith("  GO ")]
    for want in expected:
        assert any(line.startswith(want) for line in lines), text
    if name not in ("ordinary", "vendored"):
        assert len(lines) <= len(expected) + 1, text  # nothing that only follows from the cause


ODD_NAMES = {"a,b": "a_b", "a{b": "a_b", "a@b": "a_b", "ünï": "_n_", "!a": "_a", "-x": "_x", "~x": "_x", "x.": "x_", "a~1": "a_1", "...": ".._", "con": "con_", "Aux.c": "Aux_.c",
             "cmd": "cmd_", "std": "std_", "all": "all_", "C": "C_", "_x": "_x", "a~b": "a~b", "x+y.z": "x+y.z", "console": "console"}


@pytest.mark.parametrize("name", ODD_NAMES)
def test_odd_names_are_made_import_paths(compile_packages, tmp_path, name):
    app = tree(tmp_path / name, {"main.go": f'package main\n\nimport "{ODD_NAMES[name]}/sub"\n\nfunc main() {{ println(sub.F()) }}\n',
                                 "sub/sub.go": "package sub\n\nfunc F() int { return 1 }\n"})
    status, text = compile_packages(app, tmp_path / "out")
    assert status == 0 and (tmp_path / "out/pkg" / ODD_NAMES[name] / "sub.o").exists(), text


def test_odd_name_in_a_module_is_refused(compile_packages, tmp_path):
    """Its path is the module's own there, and not to be changed."""
    app = tree(tmp_path, {"go.mod": "module m\n\ngo 1.18\n", "a@b/main.go": "package main\n\nfunc main() {}\n"}) / "a@b"
    status, text = compile_packages(app, tmp_path / "out")
    assert status == 1 and text == f"{app}: error: a directory in the module of {tmp_path}/go.mod, where no name may have @; rename it\n", text


@pytest.mark.parametrize("name", ["a,b", "ünï"])
def test_odd_name_runs(build, tmp_path, name):
    app = tree(tmp_path / name, {"main.go": 'package main\n\nfunc main() { println("odd") }\n'})
    r = subprocess.run(["make", "-s", f"APP={app}", "host"], text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    assert r.returncode == 0 and "odd\n" in r.stdout, r.stdout


def test_name_with_a_comma_boots(build, tmp_path):
    app = tree(tmp_path / "a,b", {"main.go": 'package main\n\nfunc main() { println("odd") }\n'})
    r = subprocess.run(["make", "-s", f"APP={app}", "run", "BOOT=uefi", "ACCEL=tcg", "TIMEOUT=300"], text=True, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    assert r.returncode == 0 and "odd" in r.stdout, r.stdout


def test_refused_file(compile_packages, tmp_path):
    """A program of one file that is none."""
    app = tree(tmp_path, {"x_test.go": "package main\n\nfunc main() {}\n"}) / "x_test.go"
    status, text = compile_packages(app, tmp_path / "out")
    assert status == 1 and text == f"{app}: error: tests of a package (_test.go) are no program: make a main that calls what is to be run\n", text


def test_messages_reach_make(build, tmp_path):
    app = tree(tmp_path / "front", {"main.go": 'package main\n\nimport _ "slices"\n\nfunc main() {}\n'})
    r = subprocess.run(["make", "-s", f"APP={app}", "host"], text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    assert r.returncode != 0
    assert f"{app}/main.go:3: error: package slices is since Go 1.21; {OURS}\n" in r.stdout


def test_missing_main_is_said(build, tmp_path):
    app = tree(tmp_path / "nomain", {"main.go": "package main\n\nfunc Main() {}\n"})
    r = subprocess.run(["make", "-s", f"APP={app}", "host"], text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    assert r.returncode != 0 and "function main is undeclared in the main package\n" in r.stdout and "undefined reference" not in r.stdout, r.stdout


ESCAPING = """package main

type T struct {
	a bool
	p *int
	b byte
}

var sink *T

func leak(x int) *int { return &x }

func keep(t *T) { sink = t }

func use(x interface{}) {}

func main() {
	t := &T{}
	keep(t)
	n := *leak(4)
	stays := &T{}
	stays.p = &n
	go func() { n++ }()
	use(make([]int, n))
}
"""


def test_escape(tmp_path):
    app = tree(tmp_path, {"esc.go": ESCAPING}) / "esc.go"
    r = subprocess.run(["make", "-s", f"APP={app}", "escape"], text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    assert r.returncode == 0, r.stdout
    lines = r.stdout.replace(str(app), "esc.go").splitlines()
    for want in ("esc.go:11:11: variable x is on the heap: it is returned, line 11: func leak(x int) *int { return &x }",
                 "esc.go:18:14: &T{} is on the heap: line 19: keep(t)", "esc.go:20:9: variable n is on the heap: line 22: stays.p = &n",
                 "    line 23: go func() { n++ }()"):
        assert want in lines, r.stdout
    assert not any(line.startswith("esc.go:21:") for line in lines), r.stdout


def test_layout(tmp_path):
    app = tree(tmp_path / "lay", {"main.go": ESCAPING.replace("main\n", 'main\n\nimport _ "lay/sub"\n', 1) + "\n//extern f\nfunc f()\n",
                                  "sub/sub.go": "package sub\n\ntype S struct {\n\ta bool\n\tn int\n\tb bool\n}\n\nvar V S\n",
                                  "f.c": "typedef struct C {\n    char a;\n    long n;\n    char b;\n} C;\nstatic C c;\nvoid f(void) {\n    c.a++;\n}\n"})
    r = subprocess.run(["make", "-s", f"APP={app}", "layout"], text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    assert r.returncode == 0, r.stdout
    lines = r.stdout.replace(str(app) + "/", "").splitlines()
    assert "f.c:1: C has 24 bytes, 16 in this order: a, b, n" in lines and "main.go:5: T has 24 bytes, 16 in this order: a, b, p" in lines, r.stdout
    assert "sub/sub.go:3: S has 24 bytes, 16 in this order: a, b, n" in lines, r.stdout


def test_layout_of_structs_with_cells(tmp_path):
    """What is best already, and what is no order's matter, is not named."""
    (tmp_path / "cells.c").write_text('''#include "rt/burrow.h"
typedef struct Rec { bool a; long b; bool c; int d; cell(struct Rec *) next; bool e; } Rec;
TYPE_STRUCT(Rec, next);
struct Mixed { char a; String s; char b; slice(int) v; short c; char tail[3]; long w[2]; };
struct Best { char a; char b; long n; };
struct Wide { char a; _Alignas(32) char b; int c[8]; char d; long double e; };
struct Tail { char a; int n; char b; long more[]; };
struct Packed { char a; long n; char b; } __attribute__((packed));
struct Bits { unsigned a : 3; long n; unsigned b : 3; };
int main(int argc, char **argv) {
    static struct Mixed m; static struct Best b; static struct Wide w; static struct Tail t; static struct Packed p; static struct Bits i;
    return sizeof(*new (Rec)) + sizeof m + sizeof b + sizeof w + sizeof t + sizeof p + sizeof i == 0 ? m.a + b.a + w.a + t.a + p.a + (int)i.a : 0;
}
''')
    r = subprocess.run(["make", "-s", f"APP={tmp_path}/cells.c", "layout"], text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    assert r.returncode == 0, r.stdout
    said = {m[1]: m.groups()[1:] for m in re.finditer(r"cells\.c:\d+: (\w+) has (\d+) bytes, (\d+) in this order: (.*)", r.stdout)}
    assert said == {"Rec": ("40", "24", "a, c, e, d, b, next"), "Mixed": ("80", "64", "a, b, c, tail, s, v, w"),
                    "Wide": ("96", "64", "b, a, d, c, e"), "Tail": ("16", "8", "a, b, n, more")}, r.stdout


def test_a_hint_beside_go_knows_the_types_of_go(tmp_path):
    """The map's type is Go's; the error is another."""
    app = tree(tmp_path / "hints", {"main.go": "package main\n\n//extern f\nfunc f(m map[string]int) int\n\nfunc main() { println(f(nil)) }\n",
                                    "f.c": '#include "rt/burrow.h"\nlong f(map(String, long) m) {\n    return map_len(m) + nowhere;\n}\n'})
    r = subprocess.run(["make", "-s", f"APP={app}", "host"], text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    assert r.returncode != 0 and "nowhere" in r.stdout and "TYPE_" not in r.stdout, r.stdout


def test_a_header_beside_go_counts(tmp_path):
    app = tree(tmp_path / "headers", {"main.go": "package main\n\n//extern f\nfunc f() int\n\nfunc main() { println(f()) }\n",
                                      "f.c": '#include "f.h"\nlong f(void) { return F; }\n'})
    for number in ("4711", "4712"):
        (app / "f.h").write_text(f'#include "rt/burrow.h"\n#define F {number}\n')
        r = subprocess.run(["make", "-s", f"APP={app}", "host"], text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        assert r.returncode == 0 and f"{number}\n" in r.stdout, r.stdout


def test_the_heap_profile_is_linked_where_it_is_read(build):
    """It takes every allocation the slow way."""
    def has_profile(image):
        return " runtime.MemProfile\n" in subprocess.run(["nm", build.path(image)], capture_output=True, text=True, check=True).stdout
    assert not has_profile("build/host/go-landings")
    assert has_profile("build/host/go-profiles")
