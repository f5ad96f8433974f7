"""test_deps.py -- other systems: where things are is found or given, other versions are mentioned and used."""
import os
import re
import subprocess

import pytest

ROOT = os.getcwd()
NAMES = ("OVMF", "GNUEFI_INC", "GNUEFI_LIB", "GCCGO", "QRCODEGEN", "MUSL_LIB")
ELSEWHERE = {
    "Debian 12": (["usr/share/ovmf/OVMF.fd", "usr/include/efi/efi.h", "usr/lib/crt0-efi-x86_64.o", "usr/bin/gccgo-12",
                   "usr/lib/x86_64-linux-gnu/libqrcodegen.a", "usr/lib/x86_64-linux-musl/libc.a"],
                  ["/usr/share/ovmf/OVMF.fd", "/usr/include/efi", "/usr/lib", "/usr/bin/gccgo-12",
                   "/usr/lib/x86_64-linux-gnu/libqrcodegen.a", "/usr/lib/x86_64-linux-musl/libc.a"]),
    "a later gccgo": (["usr/bin/gccgo-15", "usr/bin/gccgo-14"],
                      ["/usr/share/ovmf/OVMF.fd", "/usr/include/efi", "/usr/lib", "/usr/bin/gccgo-14",
                       "/usr/lib/x86_64-linux-gnu/libqrcodegen.a", "/usr/lib/x86_64-linux-musl/libc.a"]),
    "Fedora's places": (["usr/share/edk2/ovmf/OVMF.fd", "usr/lib64/gnuefi/crt0-efi-x86_64.o", "usr/lib64/libqrcodegen.a", "usr/bin/gccgo"],
                        ["/usr/share/edk2/ovmf/OVMF.fd", "/usr/include/efi", "/usr/lib64/gnuefi", "/usr/bin/gccgo",
                         "/usr/lib64/libqrcodegen.a", "/usr/lib/x86_64-linux-musl/libc.a"]),
    "nothing there": ([], ["/usr/share/ovmf/OVMF.fd", "/usr/include/efi", "/usr/lib", "/usr/bin/gccgo-12",
                           "/usr/lib/x86_64-linux-gnu/libqrcodegen.a", "/usr/lib/x86_64-linux-musl/libc.a"]),
}


def clean_environment(**more):
    return {**{k: v for k, v in os.environ.items() if k not in NAMES and not k.startswith("MAKE")}, **more}


def find(*words, **environment):
    return subprocess.run([f"{ROOT}/scripts/find", *words], capture_output=True, text=True, env=clean_environment(**environment), check=True).stdout


@pytest.mark.parametrize("system", ELSEWHERE)
def test_places(system, tmp_path):
    files, expected = ELSEWHERE[system]
    for name in files:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    found = dict(line.split("=", 1) for line in find(BURROW_ROOT=str(tmp_path)).splitlines())
    assert found == {name: f"{tmp_path}{path}" for name, path in zip(NAMES, expected)}


def test_given_by_hand():
    assert find("OVMF", OVMF="/x/CODE.fd:/x/VARS.fd") == "/x/CODE.fd:/x/VARS.fd\n"
    assert find("GNUEFI_LIB", GNUEFI_LIB="/x/lib") == "/x/lib\n"
    out = subprocess.run(["make", "-pn", "help", "OVMF=/x/o.fd"], capture_output=True, text=True,
                         env=clean_environment(GNUEFI_LIB="/x/lib", GCCGO="gccgo-99")).stdout
    for line in ("OVMF = /x/o.fd", "GNUEFI_LIB = /x/lib", "GCCGO = gccgo-99", "EFI_CRT0 = $(GNUEFI_LIB)/crt0-efi-x86_64.o"):
        assert re.search(rf"^{re.escape(line)}$", out, re.M), line


def deps(tmp_path, *groups, **environment):
    return subprocess.run([f"{ROOT}/scripts/deps", "--install=no", *groups], cwd=tmp_path, capture_output=True, text=True,
                          env=clean_environment(**environment))


def test_missing_is_named(tmp_path):
    out = deps(tmp_path, "run", OVMF="/nowhere/OVMF.fd")
    assert out.returncode == 1 and "missing packages: ovmf\n" in out.stdout and "apt-get install ovmf" in out.stderr, out
    out = deps(tmp_path, "build", GNUEFI_LIB="/nowhere")
    assert out.returncode == 1 and "missing packages: gnu-efi\n" in out.stdout, out


@pytest.mark.parametrize("offers,expected", [("gcc golang-1.19-src", "missing packages: golang-1.19-src\n"), ("gcc", ""), ("", "missing packages: golang-1.19-src\n")],
                         ids=["Debian 12", "a later release", "no package lists yet"])
def test_tests_of_another_go_are_not_asked_for(tmp_path, offers, expected):
    fake = tmp_path / "bin" / "apt-cache"
    fake.parent.mkdir()
    fake.write_text(f'#!/bin/sh\nfor p in {offers}; do [ "$2" = "$p" ] && exit 0; done\nexit 1\n')
    fake.chmod(0o755)
    out = deps(tmp_path, "test", GO_TESTS="/nowhere", PATH=f"{fake.parent}:{os.environ['PATH']}")
    assert out.stdout == expected and (out.returncode == 1) == bool(expected), out
    assert ("offers no golang-1.19-src" in out.stderr) == (not expected), out


def test_other_versions_are_mentioned_once_and_not_refused(tmp_path):
    compiler = tmp_path / "cc"
    compiler.write_text("#!/bin/sh\necho 99.1.0\n")
    compiler.chmod(0o755)
    out = deps(tmp_path, "build", CC=str(compiler))
    assert out.returncode == 0 and "note: gcc is 99.1.0; tested with 12.2 (Debian 12)" in out.stderr, out
    out = deps(tmp_path, "build", CC=str(compiler))
    assert out.returncode == 0 and "note:" not in out.stderr, out


def test_loader_that_lacks_a_section_is_not_built(tmp_path):
    """gnu-efi's linker script says which there are: a later one has .rodata apart, and the loader without it ends without a word."""
    source, linked = tmp_path / "a.c", tmp_path / "a.so"
    source.write_text('const char *text(void) { return "text"; }\n')
    subprocess.run(["gcc", "-shared", "-nostdlib", "-fpic", "-fno-asynchronous-unwind-tables", "-o", linked, source], check=True)
    words = [f"{ROOT}/boot/check_sections.sh", "objdump", linked, ".text", ".dyn*"]
    good = subprocess.run([*words, ".rodata"], capture_output=True, text=True)
    assert (good.returncode, good.stderr) == (0, "")
    bad = subprocess.run(words, capture_output=True, text=True)
    assert bad.returncode == 1 and "a.so: section .rodata is not taken into the .efi" in bad.stderr, bad
