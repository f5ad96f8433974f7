"""test_front_door.py -- the commands that a person types."""
import os
import re
import shutil
import subprocess

import pytest

import qemu
from test_wordfreq import expected


def make(*words, **options):
    return subprocess.run(["make", *words], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, stdin=subprocess.DEVNULL,
                          timeout=300, **options)


def test_a_variable_that_no_command_has_is_an_error():
    for word, says in (("SPM=2", "no command has a variable SPM"), ("app=hello", "no command has a variable app"), ("GOGC=5", "CMDLINE='GOGC=5'")):
        result = make("help", word)
        assert result.returncode == 2 and says in result.stdout, result.stdout
    for word, says in (("rnu", "rnu: no such command; the nearest is run; `make`"), ("xyzzy", "xyzzy: no such command; `make`")):
        result = make(word)
        assert result.returncode == 2 and says in result.stdout, result.stdout
    result = make("sim", "CASE=sprad")
    assert result.returncode == 2 and "CASE=sprad: no such case; known are arm " in result.stdout, result.stdout


def test_memory_of_a_process(build, tmp_path):
    """1 GiB; the default of machines is not its own, what is asked for is."""
    source = tmp_path / "room.c"
    source.write_text('#include "rt/burrow.h"\nint main(int argc, char **argv) { println("%lu MiB", memory_stats().total >> 20); return 0; }\n')
    for words, size in ((["MEM=300M"], 300), ([], 1024)):
        text = make("host", f"APP={source}", *words).stdout
        assert size - 16 <= int(re.search(r"^(\d+) MiB$", text, re.M)[1]) <= size, text  # less the runtime's own tables
    assert "BURROW_MEM is not a size" in make("host", f"APP={source}", "MEM=much").stdout


@pytest.mark.parametrize("name,says", [("a b", "a path with blanks"), ("it's", "a path with '")])
def test_a_tree_where_it_cannot_be_built(tmp_path, name, says):
    shutil.copytree("scripts", tmp_path / name / "scripts")
    shutil.copy("Makefile", tmp_path / name)
    result = make("-C", str(tmp_path / name), "help")
    assert result.returncode == 2 and f"{tmp_path}/{name}: {says}; build in another place." in result.stdout, result.stdout


def test_make_alone_lists_the_commands():
    text = make().stdout
    for command in ("run", "host", "iso", "debug", "test", "bench"):
        assert re.search(rf"^  make {command} +\w", text, re.M), text


def test_make_run_shows_the_demonstration(build):
    """As a person sees it first: UEFI, 4 cores, the summary, words of real files, the collections meanwhile, the status."""
    result = make("run", "TIMEOUT=90")
    text = result.stdout
    assert result.returncode == 0 and text.endswith("exit status 0\n"), text[-3000:]
    assert re.search(r"^cores: +4 of 4", text, re.M) and re.search(r"^memory: ", text, re.M) and re.search(r"^time: ", text, re.M), text
    assert re.search(r"^burrow: build [0-9a-f]{12}", text, re.M), text
    tree = "/usr/share/perl" if os.path.isdir("/usr/share/perl") else "/usr/share/common-licenses"
    lines = [line.split() for line in text.splitlines() if re.match(r"\d+ [a-z]+$", line)]
    assert lines == expected(tree), text[-3000:]
    assert len(re.findall(r"^gc \d+ @", text, re.M)) > 1, text[-3000:]
    assert "BdsDxe" not in text and "\x1b" not in text and "@@burrow" not in text, repr(text)


@pytest.mark.parametrize("command", [("host",), ("run", "BOOT=pvh")])
def test_status_and_arguments_reach_and_leave_a_program(tmp_path, command):
    """A program from anywhere; its arguments with blanks, commas and quotes; a status that isa-debug-exit could not carry."""
    source = tmp_path / "words.c"
    source.write_text('#include "rt/burrow.h"\nint main(int argc, char **argv) {\n'
                      '    for (int i = 1; i < argc; i++) println("[%s]", argv[i]);\n    return 200 + argc;\n}\n')
    result = make(*command, f"APP={source}", 'CMDLINE=GOMAXPROCS=1 one "two words" a,b,c', "TIMEOUT=20")
    assert "[one]\n[two words]\n[a,b,c]\n" in result.stdout, result.stdout
    assert "exit status 204" in result.stdout, result.stdout


@pytest.mark.parametrize("command", [("host",), ("run", "BOOT=pvh")])
def test_name_and_command_line_are_the_same_in_both_worlds(build, tmp_path, command):
    source = tmp_path / "told.c"
    source.write_text('#include "rt/burrow.h"\nint main(int argc, char **argv) {\n'
                      '    for (int i = 0; i < argc; i++) println("[%s]", argv[i]);\n    return 0;\n}\n')
    result = make(*command, f"APP={source}", r"""CMDLINE=it's "two words" back\\slash 'x y'""", "TIMEOUT=20")
    assert "[told]\n[it's]\n[two words]\n[back\\slash]\n['x]\n[y']\n" in result.stdout, result.stdout


@pytest.mark.parametrize("command", [("host",), ("run", "BOOT=pvh")])
def test_knobs_and_words_between_tabs_and_lines(build, tmp_path, command):
    """A quoted one stays what it is."""
    source = tmp_path / "white.c"
    source.write_text('#include "rt/burrow.h"\nint main(int argc, char **argv) {\n'
                      '    for (int i = 1; i < argc; i++) println("[%s]", argv[i]);\n    return 0;\n}\n')
    result = make(*command, f"APP={source}", 'CMDLINE=GOMAXPROCS=1\tHOLD=0\tone\t"two\twords"', "TIMEOUT=20")
    assert "[one]\n[two\twords]\n" in result.stdout and "status 0" in result.stdout, result.stdout


@pytest.mark.parametrize("app,message", [
    ("nosuch", "APP=nosuch: no such .c or .go file or directory, here or in apps/"),
    ("README.md", "APP=README.md: neither a .c or .go file nor a directory of them"),
    ("docs", "APP=docs: a directory without .c or .go files"),
    ("some where/x.c", "APP=some where/x.c: a path with blanks"),
    ("it's.c", "APP=it's.c: a path with '"),
    ("", "APP=: empty"),
])
def test_unusable_program_is_named(app, message):
    result = make("host", f"APP={app}")
    assert result.returncode != 0 and message in result.stdout and len(result.stdout.splitlines()) == 1, result.stdout


@pytest.mark.parametrize("command", ["host", "run"])
@pytest.mark.parametrize("smp", ["0", "", "256", "300", "abc", "-1", "--x"])
def test_impossible_number_of_cores_is_named(build, command, smp):
    result = make(command, "APP=hello", "BOOT=pvh", f"SMP={smp}")
    assert result.returncode != 0 and f"SMP={smp}: expected a number of cores from 1 to 255\n" in result.stdout, result.stdout


def test_refusal_of_qemu_is_shown_once(build):
    text = make("run", "APP=hello", "BOOT=pvh", "QEMU_ARGS=-nosuchoption").stdout
    assert text.count("nosuchoption") == 1 and "QEMU did not start" in text and "died" not in text, text


# ---- what is built follows from what is asked for, not from what was built last

NAMED = '#include "rt/burrow.h"\nint main(int argc, char **argv) { println("%%s", "program %s"); return 0; }\n'


def test_programs_of_one_name_do_not_mix(build, tmp_path):
    for name in ("a", "b", "c"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "same.c").write_text(NAMED % name)
    for name in ("a", "b", "a", "c"):
        text = make("host", f"APP={tmp_path}/{name}/same.c").stdout
        assert f"program {name}\n" in text, text
    (tmp_path / "hello.c").write_text(NAMED % "not of the tree")
    assert "program not of the tree\n" in make("host", f"APP={tmp_path}/hello.c").stdout
    for name in ("hello", "hello.c"):
        assert "hello, world\n" in make("host", f"APP={name}").stdout


def test_programs_of_one_name_in_two_languages_do_not_mix(build, tmp_path):
    """A C program and a Go program of one name, back and forth: objects of the one that are older than the other's are linked again."""
    (tmp_path / "same.c").write_text(NAMED % "in C")
    (tmp_path / "same.go").write_text('package main\n\nfunc main() { println("program in Go") }\n')
    for name, line in (("same.go", "in Go"), ("same.c", "in C"), ("same.go", "in Go")):
        text = make("host", f"APP={tmp_path}/{name}").stdout
        assert f"program {line}\n" in text, text


def test_removed_source_leaves_its_program(build, tmp_path):
    place = tmp_path / "two"
    place.mkdir()
    (place / "main.c").write_text('#include "rt/burrow.h"\nextern int part(void);\nint main(int argc, char **argv) { return part(); }\n')
    (place / "part.c").write_text("int part(void);\nint part(void) { return 7; }\n")
    assert "exit status 7" in make("host", f"APP={place}").stdout
    (place / "part.c").unlink()
    text = make("host", f"APP={place}").stdout
    assert "uses part" in text and "exit status" not in text, text


def test_files_come_and_go(build, tmp_path):
    """FILES with odd characters; withdrawn, the tree is empty again."""
    tree = tmp_path / "it's a tree"
    tree.mkdir()
    (tree / "leaf").write_text("x")
    source = tmp_path / "leaves.c"
    source.write_text('#include "rt/burrow.h"\nint main(int argc, char **argv) { FileStat st; return file_stat("leaf", &st) == 0 ? 11 : 12; }\n')
    for files, status in ((str(tree), 11), ("", 12), (str(tree), 11)):
        text = make("host", f"APP={source}", *([f"FILES={files}"] if files else [])).stdout
        assert f"exit status {status}" in text, text


def test_iso_takes_the_command_line(build):
    """As cmdline.txt, which firmware hands to the loader; it stays when the disk is tried by `make run`, and does not come into the next image."""
    for command, words, there in (("iso", ["CMDLINE=GOMAXPROCS=1 -- it's here"], True), ("run", ["CMDLINE=another", "TIMEOUT=100"], True), ("iso", [], False)):
        result = make(command, "APP=hello", *words)
        assert result.returncode == 0, result.stdout
        for kind in ("img", "iso"):
            with open(f"build/hello.{kind}", "rb") as f:
                assert (b"GOMAXPROCS=1 -- it's here" in f.read()) == there, kind


@pytest.mark.parametrize("command", [("host",), ("run", "BOOT=pvh")])
def test_a_fault_is_reported_at_its_line(tmp_path, command):
    """Not at the line before, as the address of a call would be."""
    source = tmp_path / "nil.c"
    source.write_text('#include "rt/burrow.h"\nint main(int argc, char **argv) {\n    volatile int *p = (int *)(unsigned long)(8 * argc);\n'
                      '    if (argc > 1)\n        println("more");\n    else\n        *p = 1;\n    return 0;\n}\n')
    text = make(*command, f"APP={source}", "TIMEOUT=20").stdout
    assert re.search(r"^main\(\.\.\.\)\n\t\S*nil\.c:7 \+0x", text, re.M), text


@pytest.mark.parametrize("body,hint", [
    ("volatile char big[8192]; big[argc] = 1; return big[0];", "make_array"),
    ("volatile char big[argc]; big[0] = 1; return big[0];", "make_array"),
    ("volatile char *p = __builtin_alloca((unsigned)argc); *p = 1; return *p;", "alloca of a size that only the run knows"),
])
def test_memory_for_the_heap_is_pointed_there(build, tmp_path, body, hint):
    source = tmp_path / "large.c"
    source.write_text(f'#include "rt/burrow.h"\nint main(int argc, char **argv) {{ {body} }}\n')
    result = make("host", f"APP={source}")
    assert result.returncode != 0 and hint in result.stdout and "make_array" in result.stdout, result.stdout


@pytest.mark.parametrize("declared,body,hint", [
    ("", "return new (Point) != NULL;", "large.c: Point has no type descriptor: TYPE_STRUCT(Point, its cells...)"),
    ("typedef Point *P; TYPE_POINTER(P);", "return make_array(P, 3) != NULL;", "large.c: P must be an object type"),
    ("", "map(String, int) m = map_make(String, int); return (int)map_len(m);", "large.c: TYPE_MAP(K, V) is missing for map String_int"),
    ("", "slice(Point) s = {0}; return (int)s.n;", "TYPE_SLICE(T), TYPE_MAP(K, V) comes once before the first use"),
    ("typedef struct N { cell(struct N *) p; } N; TYPE_STRUCT(N, p);",
     "N *n = new (N); n->p = n; return 0;", "large.c: a pointer in a heap object is a cell: cell_set("),
    ("typedef struct N { struct N *p; } N; TYPE_STRUCT(N, p);", "N *n = new (N); return n->p != n;", "large.c: N.p: the pointers of a heap object are declared as cells"),
    ("TYPE_MAP(String, int);", 'map(String, int) m = map_make(String, int); return map_get(m, "a");', 'large.c: a literal is no String: string_of("text") is'),
    ("", 'String s = string_of("a"); println("%s", s); return 0;', "large.c: a String is printed by %.*s and str_arg(s)"),
    ("", "Point p = {0}; return cell_get(p.x);", "large.c: cell_get or cell_set of what is not a cell"),
    ("", "Point p = {0}; return cell_get(p);", "large.c: cell_get or cell_set of what is not a cell"),
])
def test_missing_declaration_is_pointed_to(build, tmp_path, declared, body, hint):
    source = tmp_path / "large.c"
    source.write_text(f'#include "rt/burrow.h"\ntypedef struct Point {{ int x; }} Point;\n{declared}\n'
                      f'int main(int argc, char **argv) {{ {body} }}\n')
    text = make("host", f"APP={source}").stdout
    assert text.count(hint) == 1 and "docs/language.md" in text, text


def test_wrong_argument_of_a_macro_is_shown_at_its_line(build, tmp_path):
    """Not at those of the macros that it goes through."""
    source = tmp_path / "nested.c"
    source.write_text('#include "rt/burrow.h"\nint main(int argc, char **argv) {\n    chan(String) c = chan_make(String, 1);\n'
                      '    chan_send(c, string_cat(nothing("a"), string_of_int(argc)));\n    return 0;\n}\n')
    text = make("host", f"APP={source}").stdout
    assert "nested.c:4:" in text and "'nothing'" in text.replace("\u2018", "'").replace("\u2019", "'") and "in expansion of macro" not in text, text
    assert text.count("nested.c: nothing: rt/burrow.h does not declare it") == 1, text


def test_last_call_of_the_program_is_in_the_trace(build, tmp_path):
    """It does not return, so its return address is where the program's code ends."""
    (tmp_path / "last.c").write_text('#include "rt/burrow.h"\nstatic __attribute__((noipa, noreturn)) void stop(void) { panic("here"); }\n'
                                     "int main(int argc, char **argv) {\n    if (argc > 1) stop();\n    return 0;\n}\n")
    text = make("host", f"APP={tmp_path}/last.c", "CMDLINE=x").stdout
    assert re.search(r"^stop\(\.\.\.\)\n.*\nmain\(\.\.\.\)\n", text, re.M), text


def test_missing_packages_are_named_and_not_installed():
    result = subprocess.run(["scripts/deps", "--install=no", "build", "run", "test"], env={"PATH": "/usr/bin:/bin", "OVMF": "/no/OVMF.fd"},
                            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    assert result.returncode != 0 and "missing packages: ovmf" in result.stdout, result.stdout


def test_debug_waits_for_gdb(build):
    """The machine stands still until a debugger comes: no output within a second."""
    path = build.path("build/hello.elf")
    result = subprocess.run(["scripts/run", "--boot", "pvh", "--accel", "tcg", "--gdb", "--timeout", "1", path], stdin=subprocess.DEVNULL,
                            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    assert result.returncode == qemu.STATUS_TIMEOUT and "target remote" in result.stdout and "burrow:" not in result.stdout, result.stdout
