"""test_loader.py -- the boot stage alone: both ways in, every medium, command lines, damaged loaders, wrong machines.

The kernel is tests/boot/probe.c, which checks the state that boot/bootinfo.h promises and prints what it was handed.
"""
import os
import shutil
import struct
import subprocess
import zlib

import pytest

import qemu
from conftest import make

EFI = "build/probe.efi"
TIMEOUT = 40  # firmware alone takes 3 to 5 s on a quiet machine


@pytest.fixture(scope="module")
def probe():
    make("build/probe.elf", EFI, "build/probe.img", "build/probe.iso")


def payload_at(efi):
    """Offset of the header that boot/pack_payload.py wrote (the magic number alone is in the code, too)."""
    at = -1
    while True:
        at = efi.index(b"BURROWPL", at + 1)
        if efi[at + 24:at + 28] == b"\x7fELF":
            return at


def disk(tmp_path, efi=EFI, cmdline=None):
    """A disk image with this loader and command line file."""
    esp, img = str(tmp_path / "esp"), str(tmp_path / "disk.img")
    words = ["iso/make_esp.sh", esp, str(efi)]
    if cmdline is not None:
        (tmp_path / "cmdline.txt").write_bytes(cmdline)
        words.append(str(tmp_path / "cmdline.txt"))
    subprocess.run(words, check=True)
    subprocess.run(["iso/make_disk.py", esp, img], check=True)
    return img


def boot(image, way, **machine):
    return qemu.run(image, way, timeout=TIMEOUT, **machine)


def facts(result):
    """What the probe printed, checked to be complete and without complaints."""
    assert result.status == 0 and "wrong:" not in result.text, f"expected a quiet probe\n{result.tail()}"
    lines = result.text[result.text.index("probe\n"):].splitlines()
    return dict(line.split(" ", 1) for line in lines[1:] if " " in line)


def refused(result, words):
    """The boot ended by itself (debug exit, not a timeout), failed, and said why."""
    assert result.status == qemu.STATUS_DIED and words in result.text, f"expected {words!r}\n{result.tail()}"


def test_pvh(probe):
    told = facts(boot("build/probe.elf", "pvh", mem="6G", extra=["-append", "GOGC=50 a"]))
    assert told["cmdline"] == "[GOGC=50 a]" and told["source"] == "2" and told["firmware"] == "[PVH]"
    assert 6100 < int(told["mib"]) <= 6144


def test_time(probe):
    """The firmware's clock; PVH knows none."""
    clock = {"extra": ["-rtc", "base=2031-05-06T07:08:09"]}
    assert facts(boot("build/probe.img", "uefi", **clock))["date"] == "20310506"
    assert facts(boot("build/probe.elf", "pvh", **clock))["date"] == "0"


@pytest.mark.parametrize("machine,words", [
    ({"extra": ["-cpu", "pentium3"]}, "no 64-bit mode"),
    ({"extra": ["-append", "x" * 4096]}, "command line is longer than 4095 bytes"),
], ids=["cpu", "cmdline"])
def test_pvh_refuses(probe, machine, words):
    refused(boot("build/probe.elf", "pvh", **machine), words)


def test_pvh_too_little_memory(probe):
    """The image's last pages lie where the firmware keeps its tables, at the end of RAM."""
    with open("build/probe.elf", "rb") as f:
        elf = f.read()
    headers = [struct.unpack_from("<IIQQQQQQ", elf, 64 + 56 * i) for i in range(struct.unpack_from("<H", elf, 56)[0])]
    end = max(vaddr + memsz for kind, _, _, vaddr, _, _, memsz, _ in headers if kind == 1)
    refused(boot("build/probe.elf", "pvh", mem=f"{end // 1024 + 80}K"), "does not fit into this machine's RAM")


def test_uefi_disk_with_command_line_file(probe, tmp_path):
    img = disk(tmp_path, cmdline="\ufeffGOGC=50 \u00e4\r\n".encode())
    told = facts(boot(img, "uefi", mem="6G", extra=["-device", "VGA"]))
    assert told["cmdline"] == "[GOGC=50 \u00e4]" and told["source"] == "1" and told["firmware"].endswith("EDK II]")
    assert 6000 < int(told["mib"]) <= 6144 and int(told["pixels"]) >= 640 * 480 and told["lost"] == "0"


def test_uefi_cd_on_a_small_cpu(probe):
    told = facts(boot("build/probe.iso", "iso", extra=["-cpu", "qemu64"]))
    assert told["cmdline"] == "[]" and told["pixels"] == "0"


def test_uefi_iso_as_usb_stick(probe):
    args = qemu.command("build/probe.iso", "uefi")
    device = next(i for i, a in enumerate(args) if a.startswith("ide-hd,"))
    args[device:device + 1] = ["qemu-xhci", "-device", args[device].replace("ide-hd", "usb-storage")]
    facts(qemu.follow(args, TIMEOUT, firmware=True))


def test_uefi_firmware_in_la57_mode(probe, tmp_path):
    make("build/probe.la57.efi")
    told = facts(boot(disk(tmp_path, "build/probe.la57.efi"), "uefi"))
    assert told["levels"] == "5", "expected the kernel to be entered with five levels of page tables"


def test_uefi_damaged_image(probe, tmp_path):
    with open(EFI, "rb") as f:
        efi = bytearray(f.read())
    efi[payload_at(efi) + 5000] ^= 1
    (tmp_path / "bad.efi").write_bytes(efi)
    refused(boot(disk(tmp_path, tmp_path / "bad.efi"), "uefi"), "the image in BOOTX64.EFI is corrupt: checksum")


def test_uefi_truncated_image(probe, tmp_path):
    with open(EFI, "rb") as f:
        efi = bytearray(f.read())
    struct.pack_into("<Q", efi, payload_at(efi) + 8, 1 << 40)
    (tmp_path / "bad.efi").write_bytes(efi)
    refused(boot(disk(tmp_path, tmp_path / "bad.efi"), "uefi"), "the image in BOOTX64.EFI is truncated:")


def test_uefi_image_with_a_wrong_header(probe, tmp_path):
    with open(EFI, "rb") as f:
        efi = bytearray(f.read())
    at = payload_at(efi)
    size = struct.unpack_from("<Q", efi, at + 8)[0]
    efi[at + 24 + 18] = 3  # e_machine: i386
    struct.pack_into("<I", efi, at + 16, zlib.crc32(efi[at + 24:at + 24 + size]))
    (tmp_path / "bad.efi").write_bytes(efi)
    refused(boot(disk(tmp_path, tmp_path / "bad.efi"), "uefi"), "unusable: not an ELF file for x86-64")


def test_uefi_command_line_too_long(probe, tmp_path):
    refused(boot(disk(tmp_path, cmdline=b"y" * 4096), "uefi"), "cmdline.txt: longer than 4095 bytes")


@pytest.mark.parametrize("words,message", [
    (["iso/make_esp.sh", "OUT", "/nonexistent.efi"], "/nonexistent.efi: no such file"),
    (["iso/make_esp.sh", "OUT", "boot/boot.mk"], "boot/boot.mk: not an EFI program"),
    (["iso/make_esp.sh", "OUT", EFI, "/nonexistent.txt"], "/nonexistent.txt: no such file"),
    (["iso/make_disk.py", EFI, "OUT"], "not a FAT image"),
    (["iso/make_disk.py", "/nonexistent", "OUT"], "/nonexistent: No such file"),
    (["iso/make_iso.sh", "OUT", "/nonexistent"], "/nonexistent: no such file"),
    (["boot/pack_payload.py", "boot/boot.mk", "OUT"], "boot/boot.mk: not an ELF file"),
], ids=lambda v: v[0].split("/")[-1] if isinstance(v, list) else None)
def test_tools_name_what_is_wrong(probe, tmp_path, words, message):
    out = str(tmp_path / "out")
    result = subprocess.run([out if w == "OUT" else w for w in words], capture_output=True, text=True)
    assert result.returncode != 0 and message in result.stderr, result.stderr
    assert not os.path.exists(out), "a failed run left its output"


def test_same_inputs_give_the_same_media(probe, tmp_path):
    for end in ("efi", "esp", "img", "iso"):
        shutil.copy(f"build/probe.{end}", tmp_path)
        os.remove(f"build/probe.{end}")
    make("-o", "build/probe.elf", EFI, "build/probe.img", "build/probe.iso")
    for end in ("efi", "esp", "img", "iso"):
        with open(tmp_path / f"probe.{end}", "rb") as old, open(f"build/probe.{end}", "rb") as new:
            assert old.read() == new.read(), f"build/probe.{end} differs between two builds"
