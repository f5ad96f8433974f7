"""test_keyboard.py -- keys pressed at emulated keyboards arrive at the program that reads: PS/2, USB; plugged, unplugged, absent."""
import re

import pytest

from machine import Machine

XHCI = ["-device", "qemu-xhci,id=usb"]
KEYBOARD = ["-device", "usb-kbd,id=keys,bus=usb.0"]


@pytest.fixture(scope="module")
def image(build):
    return build.path("build/echo.elf")


def typed(machine, text):
    """Presses keys, each when the one before has shown itself: an emulated USB keyboard remembers only a few."""
    for c in text:
        machine.type(c)
        machine.wait_for(re.escape(c))


def line(machine, text):
    typed(machine, text)
    machine.keys("ret")
    machine.wait_for(rf"^you typed: {re.escape(text)}\n")


def end_of_input(machine):
    machine.keys("ctrl", "d", down=(True,), last=True)


def end(machine):
    end_of_input(machine)
    machine.wait_for(r"lines\n@@burrow exit 0")


TEXT = "Hello, World! 0123456789 {[(<~`>)]} |\\/? @#$%^&*_+-=;:'\" zZ"


@pytest.mark.parametrize("name,extra,keys", [
    ("PS/2", [], "PS/2"),
    ("USB, MSI-X", XHCI + KEYBOARD, "PS/2 USB"),
    ("USB, MSI", ["-device", "nec-usb-xhci,id=usb,msi=on,msix=off"] + KEYBOARD, "PS/2 USB"),
    ("USB, polled", ["-device", "nec-usb-xhci,id=usb,msi=off,msix=off"] + KEYBOARD, "PS/2 USB"),
    ("USB, full speed", XHCI + ["-device", "usb-kbd,bus=usb.0,usb_version=1"], "PS/2 USB"),
    ("USB, other devices first", XHCI + ["-device", "usb-tablet,bus=usb.0", "-device", "usb-mouse,bus=usb.0"] + KEYBOARD, "PS/2 USB"),
    ("USB on a PC without ECAM", ["-machine", "pc"] + XHCI + KEYBOARD, "PS/2 USB"),
    ("USB behind a bridge", ["-device", "pcie-root-port,id=bridge,chassis=1", "-device", "qemu-xhci,id=usb,bus=bridge"] + KEYBOARD, "PS/2 USB"),
], ids=lambda v: v if isinstance(v, str) and " " in v or v == "PS/2" else "")
def test_typed(image, name, extra, keys):
    with Machine(image, smp=2, extra=extra) as m:
        boot = m.wait_for(r"type something\n")
        assert re.search(rf"^keys:   {keys}$", boot, re.M), boot
        if "USB" in name:
            m.wait_for(r"^keys:   USB keyboard at port \d+\n")
        assert ("polled" in boot) == ("polled" in name), boot
        assert ("by ports" if "pc" in extra else "by ECAM") in boot, boot
        line(m, TEXT)
        m.keys("caps_lock")
        for c in "ab1":
            m.type(c)
            m.wait_for(c.upper())
        m.keys("caps_lock")
        m.keys("ret")
        m.wait_for(r"^you typed: AB1\n")
        typed(m, "xY")
        m.keys("backspace")
        m.keys("left")  # no part of the line
        typed(m, "Z")
        m.keys("ret")
        m.wait_for(r"^you typed: xZ\n")
        end(m)


def test_plugged_and_unplugged(image):
    """QEMU hands keys to the USB keyboard once it is there, and to PS/2 when it is gone again."""
    with Machine(image, smp=1, extra=XHCI) as m:
        m.wait_for(r"type something\n")
        for turn in range(3):
            m.monitor("device_add", driver="usb-kbd", id="keys", bus="usb.0")
            m.wait_for(r"^keys:   USB keyboard at port \d+\n")
            line(m, f"plugged {turn}")
            m.monitor("device_del", id="keys")
            m.wait_for(r"^keys:   USB keyboard at port \d+ is gone\n")
            line(m, f"gone {turn}")
        end(m)


def test_behind_hubs(image):
    """A keyboard behind a hub behind a hub, a mouse beside it; unplugged, plugged into the first one; then the hub goes with it."""
    hubs = ["-device", "usb-hub,id=hub,bus=usb.0,port=1", "-device", "usb-mouse,bus=usb.0,port=1.1", "-device", "usb-hub,bus=usb.0,port=1.3",
            "-device", "usb-kbd,id=keys,bus=usb.0,port=1.3.2"]
    with Machine(image, smp=2, extra=XHCI + hubs) as m:
        m.wait_for(r"type something\n")
        m.wait_for(r"^keys:   USB keyboard at port \d+\.3\.2\n")
        line(m, "two hubs")
        m.monitor("device_del", id="keys")
        m.wait_for(r"^keys:   USB keyboard at port \d+\.3\.2 is gone\n")
        line(m, "gone")
        m.monitor("device_add", driver="usb-kbd", id="keys", bus="usb.0", port="1.4")
        m.wait_for(r"^keys:   USB keyboard at port \d+\.4\n")
        line(m, "one hub")
        m.monitor("device_del", id="hub")
        m.wait_for(r"^keys:   USB keyboard at port \d+\.4 is gone\n")
        line(m, "no hub")
        m.monitor("device_add", driver="usb-kbd", id="last", bus="usb.0", port="1")
        m.wait_for(r"^keys:   USB keyboard at port \d+\n")
        line(m, "plugged")
        end(m)


def test_held_key_repeats(image):
    with Machine(image, smp=1, extra=XHCI + KEYBOARD) as m:
        m.wait_for(r"^keys:   USB keyboard at port \d+\n")
        line(m, "ready")
        m.keys("a", down=(True,))
        m.wait_for("aaaa")
        m.keys("a", down=(False,))
        m.keys("ret")
        m.wait_for(r"^you typed: a{4,}\n")
        end(m)


def test_dump_by_key(image):
    with Machine(image, smp=2, extra=XHCI + KEYBOARD) as m:
        m.wait_for(r"^keys:   USB keyboard at port \d+\n")
        line(m, "ready")
        m.keys("ctrl", "t")
        text = m.wait_for(r"^==== end of dump ====$")
        assert re.search(r"^goroutine 1 \[console input\]:", text, re.M), text
        line(m, "on")
        end(m)


def test_many_controllers(image):
    """Boards of now have more than four. The seventeenth is one too many."""
    controllers = [word for i in range(17) for word in ("-device", f"qemu-xhci,id=usb{i},addr={i + 2:x}")]
    with Machine(image, smp=1, extra=controllers + ["-device", "usb-kbd,bus=usb15.0"]) as m:
        assert m.wait_for(r"type something\n").count("a USB controller too many: not used") == 1
        m.wait_for(r"^keys:   USB keyboard at port \d+\n")
        line(m, "far away")
        end(m)


def test_machine_without_pci_and_keys(image):
    """No tables: no interrupt controller to route a line. The serial port is looked at by the timer."""
    with Machine(image, smp=1, extra=["-machine", "microvm,acpi=off,isa-serial=on"]) as m:
        boot = m.wait_for(r"type something\n")
        assert "pci:" not in boot and "keys:" not in boot and "serial: interrupt 4 does not arrive; the port is polled" in boot, boot
        m.send(b"heard\n")
        m.wait_for(r"^you typed: heard\n")
        m.send(b"\x04")
        m.wait_for(r"1 lines\n@@burrow exit 0")


def test_go_program_reads_a_usb_keyboard(build):
    """os.Stdin of a Go program (tests/go/stdin.go)."""
    with Machine(build.path("build/go-stdin.elf"), smp=2, extra=XHCI + KEYBOARD) as m:
        m.wait_for(r"^keys:   USB keyboard at port \d+\n", 60)  # after its first words
        typed(m, "Gopher")
        m.keys("ret")
        m.wait_for(r"^hello Gopher, <nil>\n")
        typed(m, "20 22")
        m.keys("ret")
        m.wait_for(r"^2 <nil> 42\n")
        m.keys("ctrl", "d")
        m.wait_for(r"^0 lines more, <nil>\n")
        end_of_input(m)
        m.wait_for(r"^0 EOF\n@@burrow exit 0")
