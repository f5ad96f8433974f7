"""test_machines.py -- the boot matrix: one self-checking program (tests/metal/t_machine.c) on every kind of machine that QEMU offers.

Booted by PVH in `make test`, a second each; what needs firmware takes ten seconds and more, and is the nightly step "matrix".
docs/machines.md lists what these lines stand for.
"""
import os
import subprocess

import pytest

import qemu
from conftest import make

OVMF = "/usr/share/OVMF/OVMF_"
KEYS = "/usr/share/ovmf/PkKek-1-snakeoil"  # of OVMF_VARS_4M.snakeoil.fd; the key's password is "snakeoil"
SECURE = {"firmware": (OVMF + "CODE_4M.secboot.fd", OVMF + "VARS_4M.snakeoil.fd"),
          "extra": ["-machine", "smm=on", "-global", "driver=cfi.pflash01,property=secure,value=on"]}
STRICT_NX = OVMF + "CODE_4M.secboot.strictnx.fd"  # Debian 13 has it: what a loader allocates as data is not executable
CPU_MODELS = ["qemu64", "Nehalem", "Skylake-Client", "EPYC", "max"]
IMAGE = "build/metal-t_machine"


def cpu(model):
    return {"extra": ["-cpu", model]}


def board(options):
    return {"extra": ["-machine", options]}


def numa(nodes, mib):
    words = []
    for i in range(nodes):
        words += ["-object", f"memory-backend-ram,id=m{i},size={mib}M", "-numa", f"node,nodeid={i},memdev=m{i},cpus={i}"]
    return {"smp": nodes, "mem": f"{nodes * mib}M", "extra": words}


# name: (machine, what its console must show); "args" are the program's
PVH = {
    "q35": ({}, "booted by PVH"),
    "pc": (board("pc"), ""),
    **{f"{n} cores": ({"smp": n}, f"machine ok: {n} cores") for n in (1, 2, 3, 8)},
    "64 cores": ({"smp": 64, "args": "2 4"}, "machine ok: 64 cores"),
    "255 cores": ({"smp": 255, "args": "1 4", "mem": "1G"}, "machine ok: 255 cores"),
    "hardware threads": ({"smp": "8,sockets=1,cores=4,threads=2"}, "machine ok: 8 cores"),
    "sockets": ({"smp": "8,sockets=4,cores=2,threads=1"}, "machine ok: 8 cores"),
    "three cores in each of two dies in two sockets": ({"smp": "12,sockets=2,dies=2,cores=3,threads=1"}, "machine ok: 12 cores"),
    "64 MiB": ({"mem": "64M"}, "of 63 MiB"),
    "2 GiB": ({"mem": "2G"}, "of 2047 MiB"),
    "2 GiB with a hole from 1 to 4 GiB": ({"mem": "2G", **board("q35,max-ram-below-4g=1G")}, "of 2047 MiB"),
    "hole below 4 GiB": ({"mem": "3G"}, "of 3071 MiB"),
    "hole below 4 GiB, pc": ({"mem": "3584M", **board("pc")}, "of 3583 MiB"),
    "6 GiB": ({"mem": "6G"}, "of 6143 MiB"),
    "4 nodes": (numa(4, 256), "machine ok: 4 cores"),
    **{model: (cpu(model + ",-monitor"), "") for model in CPU_MODELS},
    "MWAIT": (cpu("max"), ""),
    "entered in LA57 mode": ({"file": ".la57.elf", "smp": 4}, ", LA57"),
    "no HPET": (board("hpet=off"), "by PM timer"),
    "no PIT": (board("pit=off"), ""),
    "neither HPET nor PIT": (board("hpet=off,pit=off"), "by PM timer"),
    "no i8042": (board("i8042=off"), ""),
    "no ACPI": ({"smp": 2, **board("microvm,acpi=off")}, "acpi: no tables; one core"),
    "legacy-free": (board("microvm"), "by PIT"),
    "no clock but the battery's": (board("microvm,pit=off"), "by battery clock"),
    "no battery clock": (board("microvm,rtc=off,acpi=off"), "no battery clock"),
    "framebuffer": ({"extra": ["-device", "VGA"]}, ""),
    "TSC that changes speed": (cpu("max,-monitor,-hypervisor"), "time by HPET instead of TSC: it is not invariant"),
    "TSC that changes speed, no HPET": ({"args": "5 4 6000", "extra": ["-cpu", "max,-monitor,-hypervisor", "-machine", "hpet=off"]},
                                        "time by PM timer instead of TSC"),  # whose 24 bits wrap after 4.7 s
    "TSC that changes speed, knob": ({"knobs": "TESTTSC=1"}, "time by HPET instead of TSC: it is not invariant"),
    "TSC that differs between cores": ({"smp": 3, "knobs": "TESTTSC=2"}, "time by HPET instead of TSC: it differs between cores"),
    "TSC that changes speed, no other clock": ({"knobs": "TESTTSC=1", **board("microvm")}, "neither HPET nor PM timer: times may be wrong"),
    "timer that stops in deep idle": (cpu("max,-monitor,-hypervisor,-arat"), "APIC timer without ARAT: no core goes deeper than C1"),
    "AMD's halt that may be deeper": (cpu("phenom,-monitor,-hypervisor"), "APIC timer without ARAT: no core goes deeper than C1"),  # c1e.c asks its register
    "memory types of their own": ({"smp": 3, "knobs": "TESTMTRR=1"}, "memory types (MTRRs) of 2 cores differed; set as on the boot core"),
}
UEFI = {
    "OVMF": ({}, "EDK II"),
    "OVMF 4M": ({"firmware": (OVMF + "CODE_4M.fd", OVMF + "VARS_4M.fd")}, "EDK II"),
    "signed, secure boot": ({**SECURE, "file": ".signed.img"}, "EDK II"),
    **({"signed, strict NX": ({**SECURE, "file": ".signed.img", "firmware": (STRICT_NX, SECURE["firmware"][1])}, "EDK II")} if os.path.exists(STRICT_NX) else {}),
    "pc": (board("pc"), ""),
    "CD": ({"file": ".iso", "boot": "iso"}, ""),
    "ISO as USB stick": ({"file": ".iso", "devices": ["qemu-xhci", "usb-storage"]}, ""),
    "ISO on AHCI": ({"file": ".iso", "devices": ["ide-hd"]}, ""),
    "ISO on NVMe": ({"file": ".iso", "devices": ["nvme,serial=1"]}, ""),
    "USB stick": ({"devices": ["qemu-xhci", "usb-storage"]}, ""),
    "AHCI of a card": ({"devices": ["ahci", "ide-hd,bus=ide.0"], **board("pc")}, ""),
    "NVMe": ({"devices": ["nvme,serial=1"]}, ""),
    "virtio": ({"devices": ["virtio-blk-pci"]}, ""),
    **{f"{n} cores": ({"smp": n, "args": "2 4"}, f"machine ok: {n} cores") for n in (1, 3, 8, 64)},
    "255 cores": ({"smp": 255, "args": "1 4", "mem": "2G"}, "machine ok: 255 cores"),
    "two threads of two cores in two sockets": ({"smp": "8,sockets=2,cores=2,threads=2"}, "machine ok: 8 cores"),
    # INIT takes them from QEMU's cores; said where no hypervisor is, as on a machine whose firmware has forgotten cores.
    "memory types that cores lack": ({"smp": 3, "extra": ["-cpu", "max,-monitor,-hypervisor"]}, "memory types (MTRRs) of 2 cores differed; set as on the boot core"),
    "64 MiB": ({"mem": "64M", "args": "2 2"}, ""),
    "2 GiB with a hole from 1 to 4 GiB": ({"mem": "2G", **board("q35,max-ram-below-4g=1G")}, ""),
    "hole below 4 GiB": ({"mem": "3G"}, ""),
    "6 GiB": ({"mem": "6G"}, ""),
    "4 nodes": (numa(4, 256), "machine ok: 4 cores"),
    **{model: (cpu(model + ",-monitor"), "") for model in CPU_MODELS},
    "entered in LA57 mode": ({"file": ".la57.img", "smp": 1}, ", LA57"),  # OVMF does not change to it: tests/boot/la57.asm does
    "processor with LA57": (cpu("max,-monitor,la57=on"), ""),
    "no HPET, PIT, i8042": (board("hpet=off,pit=off,i8042=off"), "by PM timer"),
    "framebuffer": ({"extra": ["-vga", "std"]}, ""),
    "screen without a framebuffer": ({"extra": ["-device", "virtio-gpu-pci"]}, "burrow: this screen has no memory to draw in"),
}


def command(machine, boot):
    """(image, what qemu.run needs)."""
    machine = dict(machine)
    image = IMAGE + machine.pop("file", ".elf" if boot == "pvh" else ".img")
    machine.setdefault("smp", 2)
    cmdline = f"{machine.pop('knobs', '')} {machine.pop('args', '5 8')}"
    return image, {"boot": machine.pop("boot", boot), "cmdline": cmdline.strip(), **machine}


def check(machine, shows, boot, timeout):
    image, options = command(machine, boot)
    make(image) if "signed" not in image else signed()
    result = qemu.run(image, timeout=timeout, **options)
    assert result.status == 0 and "machine ok" in result.text and shows in result.text, \
        f"expected status 0 and {shows!r}, got {result.status} {result.why}\n{result.tail()}"


def signed():
    make(f"{IMAGE}.signed.img", f"SIGN_KEY={KEYS}.key", f"SIGN_CERT={KEYS}.pem")


@pytest.fixture(autouse=True)
def password(monkeypatch):
    monkeypatch.setenv("SIGN_PASSWORD", "snakeoil")


@pytest.mark.parametrize("name", PVH)
def test_pvh(build, name):
    check(*PVH[name], "pvh", 120)


@pytest.mark.parametrize("name", UEFI if "NIGHTLY" in os.environ else [])
def test_uefi(build, name):
    check(*UEFI[name], "uefi", 240)


@pytest.mark.parametrize("what", ["unsigned", "signed by somebody else"] if "NIGHTLY" in os.environ else [])
def test_secure_boot_refuses(build, tmp_path, what):
    """The firmware says that it does; nothing of ours runs."""
    image = IMAGE + ".img"
    make(image)
    if what != "unsigned":
        efi, esp, image = (str(tmp_path / name) for name in ("a.efi", "a.esp", "a.img"))
        subprocess.run(["scripts/sign", "--new", tmp_path], check=True)
        subprocess.run(["scripts/sign", "--key", tmp_path / "burrow.key", "--cert", tmp_path / "burrow.crt", IMAGE + ".efi", efi], check=True)
        subprocess.run(["iso/make_esp.sh", esp, efi], check=True)
        subprocess.run(["iso/make_disk.py", esp, image], check=True)
    result = qemu.run(image, "uefi", "5 4", 240, until=rb"Access Denied", smp=2, **SECURE)
    assert result.status == 0 and "burrow" not in result.text, f"{result.why}\n{result.tail()}"


@pytest.mark.parametrize("kind,status", [("watchdog", 0), ("rearmed", qemu.STATUS_DIED)] if "NIGHTLY" in os.environ else [])
def test_watchdog_is_disarmed(build, kind, status):
    """The firmware's watchdog is at a second, and the loader takes three (tests/boot/odd_firmware.c). Set again behind the loader's back, it resets the
    machine: so it would have."""
    image = f"build/hello.{kind}.img"
    make(image)
    result = qemu.run(image, "uefi", "", 240, smp=2)
    assert result.status == status and ("hello, world" in result.text) == (status == 0), f"{result.status} {result.why}\n{result.tail()}"


def x2apic_is_emulated():
    """QEMU's own emulation has it from version 9 on."""
    text = subprocess.run([os.environ.get("QEMU", "qemu-system-x86_64"), "--version"], capture_output=True, text=True).stdout
    return int(text.split("version ")[1].split(".")[0]) >= 9


@pytest.mark.skipif("not x2apic_is_emulated()", reason="this QEMU has no x2APIC")
def test_x2apic_on_several_cores(build):
    check({"smp": 4}, ", x2APIC", "pvh", 120)
    check({"smp": 4, "extra": ["-cpu", "max,-monitor,-x2apic"]}, "4 of 4 (QEMU TCG CPU version 2.5+)\n", "pvh", 120)


@pytest.mark.skipif("not x2apic_is_emulated()", reason="this QEMU has no x2APIC")
def test_apic_ids_of_more_than_8_bits(build):
    """Two cores of the first socket, two of a second one that begins at 256."""
    cores = [word for core in (0, 5) for word in ("-device", f"max-x86_64-cpu,socket-id=1,core-id={core},thread-id=0,monitor=off")]
    check({"smp": "2,maxcpus=288,sockets=2,cores=144,threads=1", "extra": cores}, "machine ok: 4 cores", "pvh", 120)


def test_no_serial_port(build):
    """Without a console that anybody reads, the program runs, and its status is QEMU's own."""
    with open(os.devnull) as nothing:
        args = qemu.command(build.path(IMAGE + ".elf"), "pvh", smp=2, extra=["-append", "5 4"])
        args[args.index("stdio")] = "none"
        child = subprocess.run(args, stdin=nothing, capture_output=True, timeout=120)
    assert child.returncode == (0 << 1 | 1), child


def test_machine_without_any_clock(build):
    result = qemu.run(build.path(IMAGE + ".elf"), "pvh", "", 60, extra=["-machine", "microvm,pit=off,rtc=off"])
    assert result.status == 2 and "cause: no clock: no HPET, PM timer, PIT or battery clock runs" in result.text, f"{result.why}\n{result.tail()}"


@pytest.mark.parametrize("words,message", [
    (["build/hello.efi", "OUT"], "expected --key KEY --cert CERT"),
    (["--key", "/nonexistent", "--cert", KEYS + ".pem", "build/hello.efi", "OUT"], "/nonexistent: no such file"),
    (["--key", KEYS + ".key", "--cert", KEYS + ".pem", "boot/boot.mk", "OUT"], "boot/boot.mk"),
    (["--key", "NEW/burrow.key", "--cert", KEYS + ".pem", "build/hello.efi", "OUT"], "build/hello.efi"),  # a key of another certificate
], ids=["no key", "missing key", "no program", "foreign key"])
def test_sign_names_what_is_wrong(build, tmp_path, words, message):
    make("build/hello.efi")
    subprocess.run(["scripts/sign", "--new", tmp_path], check=True)
    words = [w.replace("OUT", str(tmp_path / "out")).replace("NEW", str(tmp_path)) for w in words]
    result = subprocess.run(["scripts/sign", *words], capture_output=True, text=True)
    assert result.returncode != 0 and message in result.stderr, result.stderr
    assert not os.path.exists(tmp_path / "out")


def test_another_key_signs_again(build, tmp_path):
    for name in ("one", "two"):
        subprocess.run(["scripts/sign", "--new", tmp_path / name], check=True)
        make("build/hello.signed.efi", f"SIGN_KEY={tmp_path}/{name}/burrow.key", f"SIGN_CERT={tmp_path}/{name}/burrow.crt")
        subprocess.run(["sbverify", "--cert", tmp_path / name / "burrow.crt", "build/hello.signed.efi"], check=True)


def test_sign_keeps_an_older_certificate(tmp_path):
    """The key may have been put away."""
    subprocess.run(["scripts/sign", "--new", tmp_path], check=True)
    certificate = (tmp_path / "burrow.crt").read_bytes()
    (tmp_path / "burrow.key").rename(tmp_path / "away")
    again = subprocess.run(["scripts/sign", "--new", tmp_path], capture_output=True, text=True)
    assert again.returncode != 0 and "burrow.crt exists already" in again.stderr, again.stderr
    assert (tmp_path / "burrow.crt").read_bytes() == certificate and not (tmp_path / "burrow.key").exists()


def test_wrong_password_of_the_key(build, tmp_path, monkeypatch):
    make("build/hello.efi")
    monkeypatch.setenv("SIGN_PASSWORD", "wrong")
    result = subprocess.run(["scripts/sign", "--key", KEYS + ".key", "--cert", KEYS + ".pem", "build/hello.efi", tmp_path / "out"],
                            capture_output=True, text=True)
    assert result.returncode != 0 and "SIGN_PASSWORD?" in result.stderr, result.stderr
