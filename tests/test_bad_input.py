"""test_bad_input.py -- damaged and wrong input ends with a message that names it and a status other than 0; nothing hangs."""
import os
import re
import struct
import subprocess
import zlib

import pytest

import pack_blob
import qemu
import symbols

TIMEOUT = 20


@pytest.fixture(scope="module")
def hello(build):
    return build.path("build/hello.elf"), build.path("build/host/hello")


@pytest.fixture(scope="module")
def licenses(build):
    """An image with files in it."""
    return build.path("build/sha256sum.elf")


def changed(source, target, magic, change):
    """A copy of a file with change(bytes from magic on) applied."""
    with open(source, "rb") as f:
        data = bytearray(f.read())
    at = data.rindex(magic)  # the code that checks it holds the magic too, further up
    data[at:] = change(data[at:])
    with open(target, "wb") as f:
        f.write(data)
    return str(target)


def flip(offset):
    def change(data):
        data[offset] ^= 0x10
        return data
    return change


def longer(data):
    """A tree whose header says that more is to come: what a cut download looks like."""
    total, = struct.unpack_from("<Q", data, 16)
    struct.pack_into("<Q", data, 16, total + (1 << 20))
    data_off, = struct.unpack_from("<Q", data, 24)
    struct.pack_into("<I", data, 12, zlib.crc32(data[16:data_off]))
    return data


@pytest.mark.parametrize("change,message", [(flip(pack_blob.HEADER.size + 20), "index checksum"), (flip(30000), "data checksum"),
                                            (longer, "truncated")])
def test_damaged_file_tree(licenses, tmp_path, change, message):
    image = changed(licenses, tmp_path / "image", pack_blob.MAGIC, change)
    result = qemu.run(image, "pvh", "", TIMEOUT)
    assert result.status == 2 and "file tree" in result.text and message in result.text, f"{result.why}\n{result.tail()}"


def test_truncated_file_tree_of_a_process(hello, tmp_path):
    blob = pack_blob.pack(pack_blob.read_tree("docs"))
    (tmp_path / "tree").write_bytes(blob[:-100])
    result = qemu.run_process([hello[1]], TIMEOUT, env=dict(os.environ, BURROW_FILES=str(tmp_path / "tree")))
    assert result.status == 2 and "file tree" in result.text and "truncated" in result.text, f"{result.why}\n{result.tail()}"


def test_damaged_symbols_are_named_and_the_program_runs(hello, tmp_path):
    image = changed(hello[0], tmp_path / "image", symbols.MAGIC, flip(symbols.HEADER.size + 40))
    result = qemu.run(image, "pvh", "", TIMEOUT)
    assert result.status == 0 and "symbol table" in result.text and "checksum" in result.text and "hello, world" in result.text, \
        f"{result.why}\n{result.tail()}"


@pytest.mark.parametrize("line,message", [
    ("NOSUCH=1", 'unknown knob "NOSUCH=1"'),
    ("GOMAXPROCS=many", '"GOMAXPROCS=many": expected'),
    ("GODEBUG=trapstep", '"GODEBUG=trapstep": expected'),
    ("GODEBUG=leak=1,gctrac=1", '"GODEBUG=leak=1,gctrac=1": "gctrac=1": expected'),
    ('"no end', "quotation mark"),
])
@pytest.mark.parametrize("world", ["booted", "process"])
def test_bad_command_line(hello, line, message, world):
    if world == "booted":
        result = qemu.run(hello[0], "pvh", line, TIMEOUT)
    else:
        result = qemu.run_process([hello[1]], TIMEOUT, env=dict(os.environ, BURROW_CMDLINE=line))
    assert result.status == 2 and message in result.text, f"expected status 2 and {message!r}; {result.why}\n{result.tail()}"


def test_core_that_never_answers_is_left_out_aloud(hello):
    result = qemu.run(hello[0], "pvh", "TESTDEADAP=2", TIMEOUT, smp=4)
    assert result.status == 0 and "hello, world" in result.text, f"{result.why}\n{result.tail()}"
    assert "3 of 4" in result.text, result.tail()


def test_kvm_that_cannot_run_the_image_is_said_in_a_line(hello, tmp_path):
    """QEMU itself fails an assertion there, before the first word of ours."""
    fake = tmp_path / "qemu"
    fake.write_text("#!/bin/sh\necho 'qemu-system-x86_64: error: failed to set MSR 0x10a to 0x69' >&2\nkill -ABRT $$\n")
    fake.chmod(0o755)
    result = subprocess.run(["scripts/run", "--boot", "pvh", "--accel", "kvm", hello[0]], text=True, capture_output=True, env=dict(os.environ, QEMU=str(fake)))
    assert result.returncode == qemu.STATUS_DIED and result.stdout.count("failed to set MSR") == 1, result
    assert re.fullmatch(rf"run: KVM of this machine does not run {re.escape(hello[0])}, as QEMU says above; ACCEL=tcg does, .*\n", result.stderr), result.stderr
