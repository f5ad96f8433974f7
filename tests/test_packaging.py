"""test_packaging.py -- what `make iso` leaves, and what it says of itself: images, version, licences."""
import os
import re
import subprocess

import pytest

import qemu
from conftest import make


def version():
    with open("kernel/version.h") as f:
        return re.search(r'BURROW_VERSION "([^"]+)"', f.read())[1]


def test_version_is_that_of_the_changes():
    with open("CHANGELOG.md") as f:
        assert re.search(r"^## (\d+\.\d+(?:\.\d+)?)", f.read(), re.M)[1] == version()


def test_version_and_build_are_said(build):
    out = qemu.run(build.path("build/metal-t_fault.elf"), "pvh", "bad_opcode", 60, smp=1).text
    said = re.search(r"^burrow: build (\S+), version (\S+), booted by", out, re.M)
    report = re.search(r"^core 0 of 1, build (\S+), version (\S+), \d+ ms", out, re.M)
    assert said and report and said.groups() == report.groups() and said[2] == version(), out


def test_qcow2_boots_as_the_disk_does(build):
    make("build/hello.qcow2")
    info = subprocess.run(["qemu-img", "info", "build/hello.qcow2"], capture_output=True, text=True, check=True).stdout
    assert "file format: qcow2" in info, info
    assert subprocess.run(["qemu-img", "compare", "-f", "raw", "-F", "qcow2", "build/hello.img", "build/hello.qcow2"]).returncode == 0
    # QEMU is given the format by hand everywhere else.
    command = [a.replace("format=raw", "format=qcow2") for a in qemu.command("build/hello.qcow2", "uefi")]
    result = qemu.follow(command, 90, firmware=True)
    assert result.status == 0 and "version" in result.text, result.tail()


def licences(name):
    make(f"build/{name}.NOTICE")
    with open(f"build/{name}.NOTICE.list") as f:
        rows = [re.split(r"  +", line.strip()) for line in f.readlines()[1:]]
    with open(f"build/{name}.NOTICE") as f:
        return {row[0]: row for row in rows}, f.read()


def test_licences_of_a_c_program(build):
    build.path("build/hello.elf")
    rows, text = licences("hello")
    assert rows["Burrow"][1] == "Apache-2.0" and rows["GNU-EFI"][1] == "BSD" and rows["QR Code generator"][1] == "MIT"
    assert "Go's library, for gccgo" not in rows
    assert "Apache License" in text and "Project Nayuki" in text
    with open("/usr/share/doc/gnu-efi/copyright") as f:
        assert f.read().strip() in text


@pytest.mark.skipif(not os.path.exists("/usr/bin/gccgo-12"), reason="gccgo-12 is not installed")
def test_licences_of_a_go_program(build):
    name = "go-packages"
    build.path(f"build/{name}.elf")
    rows, text = licences(name)
    assert rows["Go's library, for gccgo"][1] == "BSD-3-Clause"
    assert rows["GCC's runtime library"][1] == "GPL-3.0 with GCC Runtime Library Exception 3.1"
    assert rows["musl, mathematical functions"][1] == "MIT" and int(rows["Go's library, for gccgo"][3]) > 20, rows
    assert "GCC RUNTIME LIBRARY EXCEPTION" in text.upper()


@pytest.mark.skipif(not os.path.exists("/usr/bin/gccgo-12"), reason="gccgo-12 is not installed")
def test_licences_of_a_c_program_after_a_go_program_of_its_name(build, tmp_path):
    (tmp_path / "twin.go").write_text('package main\n\nfunc main() { println("go") }\n')
    (tmp_path / "twin.c").write_text('#include "rt/burrow.h"\nint main(int argc, char **argv) { return 0; }\n')
    said = {}
    for kind in ("go", "c"):
        result = subprocess.run(["make", "-s", f"APP={tmp_path}/twin.{kind}", "licences"], text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        assert result.returncode == 0, result.stdout
        said[kind] = "Go's library" in result.stdout
    assert said == {"go": True, "c": False}


@pytest.mark.parametrize("path,package", [("/usr/lib/gcc/x86_64-linux-gnu/14/libgcc.a(_popcountdi2.o)", "libgcc-14-dev"),
                                          ("build/go/libgo.a(fmt.o)", "libgo-13-dev")])
def test_packages_of_another_compiler(tmp_path, path, package):
    """The text that goes with the image is that of the version that was linked."""
    (tmp_path / "x.elf.map").write_text(f"Archive member included\n\n{path}\n    because of it\n")
    (tmp_path / "gccgo").write_text("#!/bin/sh\necho 13\n")
    (tmp_path / "gccgo").chmod(0o755)
    out = subprocess.run(["scripts/licences", str(tmp_path / "x.elf")], capture_output=True, text=True, env={**os.environ, "GCCGO": str(tmp_path / "gccgo")})
    assert f"Debian {package}" in out.stdout, out


def test_unknown_origin_is_named(tmp_path):
    for name in ("x.elf", "x.efi"):
        (tmp_path / name).write_bytes(b"")
        (tmp_path / (name + ".map")).write_text("LOAD /somewhere/strange.o\n")
    out = subprocess.run(["scripts/licences", str(tmp_path / "x.elf"), str(tmp_path / "x.efi")], capture_output=True, text=True)
    assert out.returncode == 1 and "/somewhere/strange.o" in out.stderr, out
