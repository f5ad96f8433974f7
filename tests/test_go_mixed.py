"""test_go_mixed.py -- programs of C and Go: what the build refuses, and how one ends that nobody saves. That they work: tests/go/mixed."""
import os
import subprocess

import pytest

import qemu

MAIN = 'package main\n\nfunc main() { f(1) }\n\n//extern f\nfunc f(x int)\n'

REFUSED = {
    "types": ({"main.go": MAIN, "f.c": "void f(int x) {}\n"}, "f.c:1:6: error: conflicting types for 'f'"),
    "channel": ({"main.go": MAIN + "\nfunc Take(c chan int) {}\n", "f.c": "void f(long x) {\n    main_Take(chan_make(int, 1));\n}\n"}, "passing argument 1 of 'main_Take' from incompatible pointer type"),
    "no_such": ({"main.go": MAIN, "f.c": "void g(void) {}\n"}, "f: needed by main.o, and Burrow does not offer it"),
    "main": ({"main.go": MAIN, "f.c": "void f(long x) {}\nint main(int argc, char **argv) {\n    return 0;\n}\n"},
             "f.c: main: in a program of C and Go it is Go's"),
    "libc": ({"main.go": MAIN, "f.c": "void usleep(long);\nvoid f(long x) {\n    usleep(1);\n}\n"}, "f.c uses usleep, which rt/burrow.h does not offer"),
    "two_types": ({"main.go": MAIN + "\ntype T struct{ p *T }\n\nfunc A(t T) {}\nfunc B(t *T) {}\n", "f.c": "void f(long x) {}\n"},
                  "main.go:8:6: error: T has pointers, and C sees it both as a value and by pointer"),
    "cell": ({"main.go": MAIN + "\ntype T struct{ p *T }\n\nfunc B(t *T) {}\n", "f.c": "void f(long x) {\n    T *t = new (T);\n    t->p = t;\n}\n"},
             "f.c:3:"),
    "not_for_c": ({"main.go": MAIN + "\nfunc Call(g func()) {}\n", "f.c": "void f(long x) {\n    main_Call(0);\n}\n"},
                  "f.c:2:5: error: implicit declaration of function 'main_Call'"),
}


def build_app(folder, files):
    folder.mkdir()
    for name, text in files.items():
        (folder / name).write_text(text)
    return subprocess.run(["make", "-s", f"APP={folder}", "host"], text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          env=dict(os.environ, LC_ALL="C", BURROW_CPUS="1"))


@pytest.mark.parametrize("name", REFUSED)
def test_refused(build, tmp_path, name):
    files, expected = REFUSED[name]
    r = build_app(tmp_path / f"mix_{name}", files)
    assert r.returncode != 0 and expected in r.stdout, r.stdout


# tests/go/mixed_end.
@pytest.mark.parametrize("booted", [False, True], ids=["hosted", "booted"])
def test_end_of_a_program(build, booted):
    if booted:
        process = qemu.run(build.path("build/go-mixed_end.elf"), "pvh", "", 60, smp=2)
    else:
        process = qemu.run_process([build.path("build/host/go-mixed_end")], 60, env=dict(os.environ, BURROW_CPUS="1"))
    assert process.status == 2, process.tail()
    text = process.text[process.text.index("recovered"):]
    assert text.splitlines()[:2] == ["recovered two", "panic: three"]
    places = [text.index(name) for name in ("second", "f.c:13", "main.Middle", "main.go:7", "outer", "f.c:17", "main.main", "main.go:14")]
    assert places == sorted(places), text
    assert "panic: one" not in text and "panic: two" not in text
