"""test_bochs.py -- Bochs, for what QEMU's emulation lacks: x2APIC, timers by TSC deadline, AVX-512, PCID. Nightly: a run takes a minute.

Debian's bochs boots OVMF from its flash address. It gives no ACPI tables to it, so there is one core, and it has no isa-debug-exit: the machine
ends by EFI ResetSystem. Its debugger is built in and wants to be told to go.
"""
import os
import re
import shutil
import subprocess

import pytest

from conftest import make

pytestmark = pytest.mark.skipif("NIGHTLY" not in os.environ, reason="takes minutes: part of make nightly")
SECONDS = 900

CONFIG = """\
config_interface: textconfig
display_library: rfb, options="timeout=0"
memory: guest=512, host=512
romimage: file={firmware}, address={address:#x}
vgaromimage: file=/usr/share/seabios/vgabios-stdvga.bin
cpu: model={cpu}, count=1, ips=200000000, reset_on_triple_fault=0, ignore_bad_msrs=1
pci: enabled=1, chipset=i440fx
clock: sync=none, time0=1700000000
ata0: enabled=1, ioaddr1=0x1f0, ioaddr2=0x3f0, irq=14
ata0-master: type=cdrom, path={image}, status=inserted
com1: enabled=1, mode=file, dev={console}
log: {log}
panic: action=fatal
error: action=report
info: action=ignore
debug: action=ignore
"""


def boot(tmp_path, image, cpu):
    """The console's text."""
    if not shutil.which("bochs"):
        pytest.fail("bochs is missing; install it with: scripts/deps nightly")
    console = tmp_path / "console"
    (tmp_path / "go").write_text("c\n")
    firmware = os.environ.get("OVMF", "/usr/share/ovmf/OVMF.fd")
    (tmp_path / "config").write_text(CONFIG.format(firmware=firmware, address=(4 << 30) - os.path.getsize(firmware), cpu=cpu, console=console,
                                                   image=os.path.abspath(image), log=tmp_path / "log"))
    child = subprocess.run(["bochs", "-q", "-f", tmp_path / "config", "-rc", tmp_path / "go"], stdin=subprocess.DEVNULL, capture_output=True,
                           timeout=SECONDS)
    text = console.read_text(errors="replace").replace("\r", "") if console.exists() else ""
    assert "@@burrow exit 0\n" in text, f"{text[-3000:]}\n{child.stdout[-1500:].decode(errors='replace')}"
    return text


def version():
    text = subprocess.run(["bochs", "--help", "cpu"], capture_output=True, text=True).stdout
    return tuple(int(n) for n in re.search(r"Bochs x86 Emulator (\d+)\.(\d+)", text).groups())


def iso(program, args):
    make(f"build/{program}.iso", "IMAGE_CMDLINE=yes", f"CMDLINE={args}")
    return f"build/{program}.iso"


def test_x2apic_and_tsc_deadline(build, tmp_path):
    text = boot(tmp_path, iso("metal-t_machine", "10 8 300"), "corei7_icelake_u")
    assert "timer by TSC deadline" in text and ", x2APIC" in text and "machine ok: 1 cores" in text, text


def test_avx_512_state_is_kept(build, tmp_path):
    """By XSAVEC from Bochs 3.0 on. 2.7 counts SSE's 256 bytes into its compact form, and so writes AVX's part over the header (its issue 344):
    by XSAVE there."""
    text = boot(tmp_path, iso("metal-t_fpu", ("TESTXSAVE=1 " if version() < (3, 0) else "") + "200 5"), "corei7_icelake_u")
    assert "64 bytes a vector register" in text, text


def test_neither(build, tmp_path):
    """The same board with an old processor: xAPIC, no deadline, no XSAVE."""
    text = boot(tmp_path, iso("metal-t_machine", "10 8 300"), "core2_penryn_t9600")
    assert "APIC timer" in text and "x2APIC" not in text and "machine ok: 1 cores" in text, text


def test_amd_before_arat(build, tmp_path):
    """A processor of AMD's family 10h, no hypervisor: the register behind its deeper halt is asked for (kernel/x86/c1e.c). Bochs answers zero."""
    text = boot(tmp_path, iso("metal-t_machine", "10 8 300"), "phenom_8650_toliman")
    assert "APIC timer without ARAT: no core goes deeper than C1" in text and "AMD Phenom" in text and "machine ok: 1 cores" in text, text
