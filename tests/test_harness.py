"""test_harness.py -- the harness itself: the runner's verdicts, the blobs, and that each check of the build finds what it is for."""
import os
import random
import subprocess
import sys
import zlib

import pytest

import imagekind
import pack_blob
import programs
import qemu
import symbols

CC = ["gcc", "-std=gnu11", "-O2", "-g", "-fno-pic", "-ffreestanding", "-mno-red-zone"]


def run(*words, **options):
    return subprocess.run([str(word) for word in words], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, **options)


# ---- scripts/run


def guest(tmp_path, text, end):
    """A machine that prints text (a nasm db list) and ends so."""
    run("nasm", "-f", "elf32", f"-DTEXT={text}", f"-DEND={end}", "-o", tmp_path / "g.o", "tests/harness/guest.asm", check=True)
    run("ld.bfd", "-m", "elf_i386", "-Ttext", "0x200000", "--no-warn-rwx-segments", "-o", tmp_path / "guest", tmp_path / "g.o",
        check=True)
    return tmp_path / "guest"


def run_guest(tmp_path, text, end="EXIT", timeout=20):
    return run("scripts/run", "--boot", "pvh", "--accel", "tcg", "--smp", "1", "--mem", "64M", "--timeout", timeout,
               guest(tmp_path, text, end), stdin=subprocess.DEVNULL)


@pytest.mark.parametrize("status", [0, 1, 124, 128, 255])
def test_run_gives_the_status_exactly_and_hides_its_line(tmp_path, status):
    result = run_guest(tmp_path, f'"one",13,10,"two @@burrow",10,"@@burrow exit {status}",13,10')
    assert (result.returncode, result.stdout) == (status, "one\ntwo @@burrow\n")


def test_run_believes_only_the_last_line(tmp_path):
    result = run_guest(tmp_path, '"@@burrow exit 3",10,"more",10,"no newline@@burrow exit 4",10')
    assert (result.returncode, result.stdout) == (4, "@@burrow exit 3\nmore\nno newline")


@pytest.mark.parametrize("text,end", [('"dying",10', "EXIT"), ('"dying",10', "TRIPLE"), ('"dying",10,"@@burrow exit 256",10', "EXIT"),
                                      ('"dying",10,"@@burrow exit 1"', "EXIT")])
def test_run_tells_a_death(tmp_path, text, end):
    result = run_guest(tmp_path, text, end)
    assert result.returncode == qemu.STATUS_DIED
    assert "died without saying its status" in result.stdout and "last lines" in result.stdout, result.stdout


def test_run_ends_a_hang(tmp_path):
    result = run_guest(tmp_path, '"last words",10', "HANG", timeout=1)
    assert result.returncode == qemu.STATUS_TIMEOUT
    assert "timeout after 1 s" in result.stdout and result.stdout.count("last words") == 2, result.stdout


def test_run_ends_a_machine_that_does_not_power_off(tmp_path):
    assert run_guest(tmp_path, '"@@burrow exit 7",10', "HANG").returncode == 7


def test_run_ends_a_firmware_crash(tmp_path):
    result = run_guest(tmp_path, '"!!!! X64 Exception Type - 06(#UD)  CPU Apic ID - 00000000 !!!!",10', "HANG")
    assert result.returncode == qemu.STATUS_DIED and "firmware reported" in result.stdout


def test_run_ends_when_the_firmware_has_nothing_to_start(tmp_path):
    result = run_guest(tmp_path, '"Press ESC ...",10,27,"[1mShell> "', "HANG")
    assert result.returncode == qemu.STATUS_DIED and "the firmware cannot start the image" in result.stdout
    assert run_guest(tmp_path, '"clock:  TSC 1",10,"Shell> ",10,"@@burrow exit 3",10').returncode == 3


def test_console_is_cleaned_of_the_firmware():
    console = qemu.Console(firmware=True)
    raw = b"\x1b[2J\x1b[01;01HBdsDxe: loading Boot0001\r\nBdsDxe: starting\r\nhello\r\n@@burrow exit 0\r\n"
    for byte in raw:
        console.feed(bytes([byte]))
    status = console.exit_status()
    console.finish()
    assert (status, console.output()) == (0, b"hello\n")


# ---- what scripts/run is given


@pytest.mark.parametrize("boot,name,says", [
    ("pvh", "disk.img", "disk.img is a disk image (build/NAME.img); --boot pvh wants an image for PVH (build/NAME.elf)"),
    ("pvh", "process", "process is a process of this system (build/host/NAME); --boot pvh wants"),
    ("uefi", "guest", "guest is an image for PVH (build/NAME.elf); --boot uefi wants a disk image"),
    ("uefi", "program.efi", "program.efi is an EFI program, which boots from a disk or CD image only"),
    ("uefi", "disk.qcow2", "disk.qcow2 is a qcow2 image"),
    ("uefi", "README", "README is nothing that boots"),
    ("uefi", "none", "none is empty"),
    ("uefi", "cut.elf", "cut.elf is a damaged ELF file"),
    ("uefi", "", "is a directory; --boot uefi wants"),
    ("iso", "disk.img", "disk.img is a disk image (build/NAME.img); --boot iso wants a CD image"),
    ("host", "guest", "guest is an image for PVH (build/NAME.elf); --boot host wants a process"),
    ("host", "README", "README is nothing that boots"),
])
def test_image_of_another_kind_is_not_started(tmp_path, boot, name, says):
    """Firmware would look for something to boot for ever."""
    guest(tmp_path, '"x"', "EXIT")
    with open("/bin/true", "rb") as f:
        process = f.read()
    for file, data in {"disk.img": bytes(510) + b"\x55\xaa" + bytes(4096), "process": process, "cut.elf": process[:200], "program.efi": b"MZ" + bytes(600),
                       "disk.qcow2": b"QFI\xfb" + bytes(600), "README": b"text\n", "none": b""}.items():
        (tmp_path / file).write_bytes(data)
    result = run("scripts/run", "--boot", boot, "--accel", "tcg", "--timeout", 30, tmp_path / name)
    assert result.returncode == 2 and says in result.stdout and result.stdout.count("\n") == 1, result.stdout


def test_images_of_each_kind_are_known(build):
    for name, boot in (("hello.elf", "pvh"), ("host/hello", "host")):
        assert imagekind.wrong(build.path(f"build/{name}"), boot) == ""


@pytest.mark.parametrize("words,env,says", [
    (["--boot", "pvh", "GUEST"], {"QEMU": "/nonexistent"}, "run: /nonexistent: No such file or directory"),
    (["--boot", "pvh", "GUEST"], {"QEMU": "/"}, "run: /: Permission denied"),
    (["--boot", "host", "SCRIPT"], {}, "script cannot be executed: Permission denied"),
    (["--boot", "pvh", "--smp", "1", "--record", "/nonexistent/r", "GUEST"], {}, "--record /nonexistent/r: /nonexistent/r.image: No such file or directory"),
    (["--replay", "EMPTY"], {}, "r.json is not what --record writes (KeyError: 'cmdline')"),
    (["--replay", "BROKEN"], {}, "b.json is not what --record writes (JSONDecodeError"),
    (["--boot", "pvh", "--mem", "512MB", "GUEST"], {}, "MEM=512MB: expected a size such as 512M or 2G"),
    (["--boot", "pvh", "--mem", "512M ", "GUEST"], {}, "MEM=512M : expected a size such as 512M or 2G"),
], ids=["QEMU", "QEMU is a directory", "process", "record", "replay", "replay no JSON", "MEM", "MEM with a space"])
def test_mistakes_are_one_line(tmp_path, words, env, says):
    (tmp_path / "script").write_text("#!/bin/sh\n")
    for name, text in (("r", "{}"), ("b", "{")):
        for kind in ("", ".image"):
            (tmp_path / (name + kind)).write_bytes(b"x")
        (tmp_path / f"{name}.json").write_text(text)
    names = {"GUEST": guest(tmp_path, '"x"', "EXIT"), "SCRIPT": tmp_path / "script", "EMPTY": tmp_path / "r", "BROKEN": tmp_path / "b"}
    result = run("scripts/run", *(names.get(w, w) for w in words), env=dict(os.environ, **env), stdin=subprocess.DEVNULL)
    assert result.returncode not in (0, 124) and says in result.stdout and len(result.stdout.split("\n")) <= 3 and "Traceback" not in result.stdout, result.stdout


def test_process_is_the_file_not_a_command_of_that_name(tmp_path):
    (tmp_path / "echo").write_text("#!/bin/sh\nexit 7\n")
    (tmp_path / "echo").chmod(0o755)
    assert run(os.path.abspath("scripts/run"), "--boot", "host", "echo", cwd=tmp_path).returncode == 7


def test_paths_with_commas(tmp_path):
    """Of temporary files, of the image, of the firmware's two chips: a comma would end a path in QEMU's lists."""
    odd = tmp_path / "a,b"
    odd.mkdir()
    (odd / "guest").write_bytes(guest(tmp_path, '"@@burrow exit 5",10', "EXIT").read_bytes())
    result = run("scripts/run", "--boot", "pvh", "--accel", "tcg", "--smp", 1, "--mem", "64M", "--timeout", 20, odd / "guest", stdin=subprocess.DEVNULL,
                 env=dict(os.environ, TMPDIR=str(odd)))
    assert result.returncode == 5, result.stdout
    for name in ("code", "variables"):
        (odd / name).write_bytes(b"\xf4" * (1 << 20))  # never gets anywhere: only that QEMU takes it is asked
    (odd / "disk").write_bytes(bytes(1 << 20))
    stopped = qemu.run(str(odd / "disk"), "uefi", timeout=1, firmware=(str(odd / "code"), str(odd / "variables")))
    assert stopped.started and stopped.status == qemu.STATUS_TIMEOUT, stopped.text


FAKE_QEMU = """#!/bin/sh
case "$*" in
*kvm*good*) {kvm};;
*good*) echo burrow: build x;;
*burrow-*) echo "qemu: could not load kernel '/home/burrow: x/bad'" >&2; exit 1;;
esac
"""


@pytest.mark.parametrize("kvm,image,accel,remembered", [
    ("echo burrow: build x", "good", "kvm", "kvm"),
    ("echo 'qemu: no KVM' >&2; exit 1", "good", "tcg", "tcg"),
    ("", "bad", "tcg", None),
], ids=["runs", "refuses", "wrong image"])
def test_accelerator_is_remembered_when_it_was_tried(tmp_path, monkeypatch, kvm, image, accel, remembered):
    (tmp_path / "qemu").write_text(FAKE_QEMU.format(kvm=kvm or ":"))
    (tmp_path / "qemu").chmod(0o755)
    monkeypatch.setenv("QEMU", str(tmp_path / "qemu"))
    monkeypatch.setattr(os, "access", lambda path, mode: True)
    monkeypatch.chdir(tmp_path)
    assert qemu.choose_accel("auto", image, "pvh") == accel
    files = list((tmp_path / "build").iterdir()) if (tmp_path / "build").exists() else []
    assert [f.read_text().strip() for f in files] == ([remembered] if remembered else [])


# ---- file tree blobs


@pytest.fixture
def tree(tmp_path):
    root = tmp_path / "tree"
    (root / "sub" / "deep").mkdir(parents=True)
    (root / "sub-x").write_bytes(b"beside")
    (root / "sub" / "a b").write_bytes(b"1" * 1000)
    (root / "sub" / "deep" / "new\nline").write_bytes(b"")
    (root / "empty").mkdir()
    (root / os.fsdecode(b"caf\xc3\xa9 \xff")).write_bytes(b"name")
    (root / "link").symlink_to("sub/a b")
    return root


def test_tree_has_every_path_in_order_and_linked(tree):
    entries = pack_blob.check(pack_blob.pack(pack_blob.read_tree(tree)))
    paths = [path for path, _ in entries]
    assert paths == sorted(paths) == [b"", b"caf\xc3\xa9 \xff", b"empty", b"link", b"sub", b"sub-x", b"sub/a b", b"sub/deep",
                                      b"sub/deep/new\nline"]

    def children(i):
        child = entries[i][1][6]
        while child:
            yield paths[child]
            child = entries[child][1][7]
    assert list(children(0)) == [b"caf\xc3\xa9 \xff", b"empty", b"link", b"sub", b"sub-x"]
    assert list(children(paths.index(b"sub"))) == [b"sub/a b", b"sub/deep"]
    assert list(children(paths.index(b"empty"))) == []
    kinds = {path: entry[5] for path, entry in entries}
    assert (kinds[b"link"], kinds[b"sub"], kinds[b"sub-x"]) == (pack_blob.SYMLINK, pack_blob.DIRECTORY, pack_blob.FILE)


def test_tree_gives_back_contents_and_is_repeatable(tree):
    blob = pack_blob.pack(pack_blob.read_tree(tree))
    assert blob == pack_blob.pack(pack_blob.read_tree(tree))
    for path, (data, size, *_rest) in pack_blob.check(blob):
        if path == b"sub/a b":
            assert data % 16 == 0 and blob[data:data + size] == b"1" * 1000
        if path == b"link":
            assert blob[data:data + size] == b"sub/a b"


def test_damaged_trees_are_refused(tree):
    blob = pack_blob.pack(pack_blob.read_tree(tree))
    with pytest.raises(ValueError, match="truncated"):
        pack_blob.check(blob[:-1])
    random.seed(1)
    for _ in range(200):
        at = random.randrange(len(blob))
        broken = blob[:at] + bytes([blob[at] ^ 1 << random.randrange(8)]) + blob[at + 1:]
        with pytest.raises(ValueError):
            pack_blob.check(broken)


def test_missing_directory_is_named():
    result = run("scripts/pack_blob.py", "--out", "/dev/null", "/no/such/tree")
    assert result.returncode == 1 and "/no/such/tree" in result.stdout


# ---- symbol blobs


@pytest.fixture(scope="module")
def program(tmp_path_factory):
    """A small ELF with C, static C and nasm code."""
    path = tmp_path_factory.mktemp("symbols")
    (path / "a.c").write_text("static int helper(int x)\n{\n    return x * 3;\n}\nint (*keep)(int) = helper;\n"
                              "int app_main(int x)\n{\n    x += 5;\n    return keep(x) + 1;\n}\n")
    (path / "b.asm").write_text("global routine\nsection .text\nroutine: nop\n.local: nop\n ret\n"
                                "section .note.GNU-stack noalloc noexec nowrite progbits\n")
    run(*CC, "-fno-asynchronous-unwind-tables", "-c", "-o", path / "a.o", path / "a.c", check=True)
    run("nasm", "-f", "elf64", "-g", "-F", "dwarf", "-o", path / "b.o", path / "b.asm", check=True)
    run("ld.bfd", "-e", "app_main", "-o", path / "x", path / "a.o", path / "b.o", check=True)
    return path / "x"


def test_symbols_say_what_addr2line_says(program):
    functions = symbols.elf_functions(program.read_bytes())
    assert [f[2] for f in functions] == ["helper", "main", "routine"]
    blob = symbols.make(functions, symbols.dwarf_lines(program, "objdump"), "id")
    for start, end, name in functions:
        for address in range(start, end):
            function, offset, path, line = symbols.lookup(blob, address)
            want = run("addr2line", "-e", program, hex(address)).stdout.split()[0].rsplit(":", 1)
            assert (function, offset, os.path.basename(path), line) == (name, address - start, os.path.basename(want[0]), int(want[1]))
    assert symbols.lookup(blob, functions[-1][1]) is None and symbols.lookup(blob, functions[0][0] - 1) is None


def test_functions_have_their_names_of_the_source(tmp_path):
    """What the compiler has specialised or split is the function that somebody wrote; a Go function may be called part or cold."""
    names = {"f.isra.0": "f", "f.constprop.3.isra.1": "f", "g.part.0": "g", "h": "h", "h.cold": "h", "k.isra.2": "k", "k.isra.2.cold": "k", "main.part": "main.part",
             "main.isra": "main.isra", "pkg.cold": "pkg.cold", "main.T.constprop": "main.T.constprop"}
    source = "".join(f'int s{i}(void) __asm__("{name}");\nint s{i}(void) {{ return {i}; }}\n' for i, name in enumerate(names))
    (tmp_path / "a.c").write_text(source)
    run(*CC, "-c", "-o", tmp_path / "a.o", tmp_path / "a.c", check=True)
    run("ld.bfd", "-e", "h", "-o", tmp_path / "x", tmp_path / "a.o", check=True)
    assert [name for _, _, name in symbols.elf_functions((tmp_path / "x").read_bytes())] == list(names.values())


def test_symbol_blob_is_checksummed_and_may_be_empty(program):
    blob = symbols.make([], [], "only the id")
    assert symbols.HEADER.unpack_from(blob)[2] == zlib.crc32(blob[16:]) and symbols.lookup(blob, 0x1000) is None


def test_moved_code_is_noticed(program, tmp_path):
    other = tmp_path / "moved"
    run("ld.bfd", "-e", "app_main", "-Ttext", "0x500000", "-o", other, program.parent / "a.o", program.parent / "b.o", check=True)
    assert run("scripts/symbols.py", "--same-code", program, program).returncode == 0
    result = run("scripts/symbols.py", "--same-code", program, other)
    assert result.returncode == 1 and "helper" in result.stdout


# ---- checks that must find something


def compile_in(where, text, *flags, name="a.c"):
    source = where / "rt" / name
    source.parent.mkdir(exist_ok=True)
    source.write_text(text)
    result = run(*CC, *flags, "-fcallgraph-info=su", "-c", "-o", f"rt/{name}.o", f"rt/{name}", cwd=where)
    assert result.returncode == 0, result.stdout
    return f"rt/{name}.o"


STACK_C = """
void sys_call(void (*fn)(void *), void *arg);
void unknown(void);
extern int (*pointer)(int);
static __attribute__((noinline)) void on_system_stack(void *arg) { volatile char big[2000]; big[0] = 1; }
static __attribute__((noinline)) int recurse(int n) { volatile char c[16]; c[0] = n; return n ? recurse(n - 1) + c[0] : 0; }
void door_switches(void) { sys_call(on_system_stack, 0); }
void door_deep(void) { volatile char big[600]; big[0] = 1; }
void door_recursive(void) { volatile int x = recurse(9); (void)x; }
void door_pointer(void) { volatile int x = pointer(1); (void)x; }
void door_unknown(void) { unknown(); __asm__ volatile(""); }
void door_fine(void) { volatile char some[100]; some[0] = 1; }
"""
STACK_TABLE = "limit goroutine 480\nlimit system 4096\nenter sys_call 24 1 nested\n"


@pytest.mark.parametrize("door,table,expected", [
    ("door_fine", "", None),
    ("door_switches", "", None),
    ("door_deep", "", "door_deep needs 6"),
    ("door_recursive", "", "recursion: recurse -> recurse"),
    ("door_recursive", "depth recurse 10", None),
    ("door_recursive", "depth recurse 100", "limit 480"),
    ("door_pointer", "", "door_pointer calls through a pointer"),
    ("door_pointer", "calls door_pointer : door_fine", None),
    ("door_pointer", "calls door_pointer : door_deep", "limit 480"),
    ("door_pointer", "calls door_pointer : app\nasm __morestack 600", "limit 480"),
    ("door_unknown", "", "unknown, whose stack use is unknown"),
    ("door_unknown", "asm unknown 40", None),
    ("door_unknown", "asm unknown 40 : door_deep", "limit 480"),
    ("door_switches", "limit system 1000", "on_system_stack needs"),
    ("door_missing", "", "defined nowhere"),
    ("door_fine", "nonsense 1 2", "not understood"),
])
def test_check_stack(tmp_path, door, table, expected):
    compile_in(tmp_path, STACK_C)
    (tmp_path / "s.asm").write_text("global sys_call, unknown, __morestack\nsys_call:\nunknown:\n__morestack: ret\n")
    run("nasm", "-f", "elf64", "-o", tmp_path / "s.asm.o", tmp_path / "s.asm", check=True)
    (tmp_path / "doors").write_text(door + "\n")
    (tmp_path / "table").write_text(STACK_TABLE + table + "\n")
    result = run(os.path.abspath("scripts/check_stack.py"), "--doors", "doors", "--table", "table", "rt/a.c.o", "s.asm.o", cwd=tmp_path)
    if expected is None:
        assert result.returncode == 0, result.stdout
    else:
        assert result.returncode == 1 and expected in result.stdout, result.stdout


def test_check_regs_finds_a_vector_register(tmp_path):
    compile_in(tmp_path, "double twice(double x) { return x + x; }\n", name="f.c")
    compile_in(tmp_path, "long twice(long x) { return x + x; }\n", name="i.c")
    check = [os.path.abspath("scripts/check_regs.py")]
    assert run(*check, "rt/i.c.o", cwd=tmp_path).returncode == 0
    result = run(*check, "rt/f.c.o", cwd=tmp_path)
    assert result.returncode == 1 and "twice" in result.stdout and "xmm" in result.stdout
    assert run(*check, "--except", "rt/f.c", "rt/f.c.o", "rt/i.c.o", cwd=tmp_path).returncode == 0


@pytest.mark.parametrize("path,text,expected", [
    ("rt/a.c", '#include "kernel/kernel.h"\n', "rt/a.c:1: includes kernel/kernel.h"),
    ("rt/a.c", "\n#include <stdio.h>\n", "rt/a.c:2: <stdio.h>"),
    ("apps/a.c", '#include "core.h"\n', "apps/a.c:1: includes rt/core.h"),
    ("kernel/a.c", '#include "rt/core.h"\n', "kernel/a.c:1: includes rt/core.h"),
    ("rt/a.h", "int x;\n", "rt/a.h: no #pragma once"),
    ("rt/a.c", '#include "no.h"\n', '"no.h" is not found'),
    ("rt/a.c", '#include "core.h"\n#include <stdint.h>\n', None),
])
def test_check_layers(tmp_path, path, text, expected):
    for name in ("kernel/kernel.h", "rt/core.h", path):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("#pragma once\n" if name != path else text)
    result = run(os.path.abspath("scripts/check_layers.py"), cwd=tmp_path)
    assert (result.returncode == 0) == (expected is None) and (expected or "0 problems") in result.stdout, result.stdout


@pytest.mark.parametrize("text,flags,expected", [
    ("extern int door_data; int main(int argc, char **argv) { go(); return door_data; }", ["-fsplit-stack"], None),
    ("extern int inside; int main(int argc, char **argv) { return inside; }", ["-fsplit-stack"], "apps/a.c uses inside"),
    ("int main(int argc, char **argv) { strtok(); return 0; }", ["-fsplit-stack"], "apps/a.c uses strtok, which"),
    ("int main(int argc, char **argv) { return 0; }", [], "apps/a.c: not compiled with -fsplit-stack"),
    ("_Thread_local int x; int main(int argc, char **argv) { return x; }", ["-fsplit-stack"], "apps/a.c: thread-local"),
    ("int start(void) { return 0; }", ["-fsplit-stack"], "apps/a.c: no main"),
])
def test_check_app_symbols(tmp_path, text, flags, expected):
    where = tmp_path / "build/app/a/apps"
    where.mkdir(parents=True)
    (where / "a.c").write_text("void go(void); void strtok(void);\n" + text + "\n")
    (tmp_path / "doors").write_text("go\n")
    (tmp_path / "doors.data").write_text("door_data\n")
    run(*CC, *flags, "-c", "-o", where / "a.c.o", where / "a.c", check=True)
    result = run(os.path.abspath("scripts/check_app_symbols.sh"), "doors", "build/app/a/apps/a.c.o", "build/app/a/apps/a.c.o", cwd=tmp_path)
    assert (result.returncode == 0) == (expected is None) and (expected or "") in result.stdout, result.stdout


# ---- what programs say about themselves


def test_directives_of_a_program(tmp_path):
    (tmp_path / "p.c").write_text("// args: GOMAXPROCS=2 -x\n// smp: 1 4\n// status: 3\nint main() {\n"
                                  "    print(); // expect: one\n    // expect-re: t.o\n}\n")
    p = programs.read(str(tmp_path / "p.c"))
    assert (p.name, p.get("args", ""), p.smp, p.status, p.boot) == ("p", "GOMAXPROCS=2 -x", [1, 4], 3, ["pvh"])
    assert p.lines == [(False, "one"), (True, "t.o")]
    assert p.differences("one\ntwo\n") == ""
    assert "line 2" in p.differences("one\n") and "line 2" in p.differences("one\nthree\n") and "line 3" in p.differences("one\ntwo\nx\n")
    assert programs.without_summary("burrow: x\ncores: 4\ntime:   1 ms\nout\ntime: mine\n") == "out\ntime: mine\n"
