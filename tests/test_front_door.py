"""test_front_door.py -- the commands that a person types."""
import re
import subprocess

import pytest

import qemu


def make(*words, **options):
    return subprocess.run(["make", *words], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, stdin=subprocess.DEVNULL,
                          timeout=300, **options)


def test_make_alone_lists_the_commands():
    text = make().stdout
    for command in ("run", "host", "iso", "debug", "test", "bench"):
        assert re.search(rf"^  make {command} +\w", text, re.M), text


def test_make_run_shows_the_demonstration(build):
    """As a person sees it first: UEFI, 4 cores, the summary, the sums of real files, the status."""
    result = make("run", "TIMEOUT=90")
    text = result.stdout
    assert result.returncode == 0 and text.endswith("exit status 0\n"), text[-3000:]
    assert re.search(r"^cores: +4 of 4", text, re.M) and re.search(r"^memory: ", text, re.M) and re.search(r"^time: ", text, re.M), text
    assert re.search(r"^burrow: build [0-9a-f]{12}", text, re.M), text
    want = subprocess.run("find . -type f -print0 | LC_ALL=C sort -z | xargs -0 sha256sum", shell=True, text=True,
                          cwd="/usr/share/common-licenses", stdout=subprocess.PIPE).stdout
    assert want and want in text, text
    assert "BdsDxe" not in text and "\x1b" not in text and "@@burrow" not in text, repr(text)


@pytest.mark.parametrize("command", [("host",), ("run", "BOOT=pvh")])
def test_status_and_arguments_reach_and_leave_a_program(tmp_path, command):
    """A program from anywhere; its arguments with blanks, commas and quotes; a status that isa-debug-exit could not carry."""
    source = tmp_path / "echo.c"
    source.write_text('#include "rt/burrow.h"\nint main(int argc, char **argv) {\n'
                      '    for (int i = 1; i < argc; i++) println("[%s]", argv[i]);\n    return 200 + argc;\n}\n')
    result = make(*command, f"APP={source}", 'CMDLINE=GOMAXPROCS=1 one "two words" a,b,c', "TIMEOUT=20")
    assert "[one]\n[two words]\n[a,b,c]\n" in result.stdout, result.stdout
    assert "exit status 204" in result.stdout, result.stdout


def test_unknown_program_is_named():
    result = make("run", "APP=nosuch")
    assert result.returncode != 0 and "APP=nosuch" in result.stdout, result.stdout


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
