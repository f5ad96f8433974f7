"""test_injected.py -- faults put into a running or starting machine: what firmware says, interrupts, broken hardware, the power button.

Each has an outcome that docs/machines.md states. "Lives" means: t_machine comes through, which checks its sums, its heap, its clock and its
timers all the while.
"""
import os
import random
import re
import struct
import subprocess
import time

import pytest

import qemu
from conftest import make
from firmware import RESERVED, USABLE, BrokenFirmware
from machine import Machine

IMAGE = "build/metal-t_machine.elf"
MIB = 1 << 20
SEED = int(os.environ.get("SEED", "1"))


@pytest.fixture(scope="module")
def image(build):
    return build.path(IMAGE)


@pytest.fixture
def without_debug_exit(monkeypatch):
    """A machine that is switched off as a real one is."""
    command = qemu.command

    def shorter(*words, **options):
        args = command(*words, **options)
        at = next(i for i, word in enumerate(args) if word.startswith("isa-debug-exit"))
        return args[:at - 1] + args[at + 1:]
    monkeypatch.setattr(qemu, "command", shorter)


def end(machine, status, seconds=60):
    """The whole console, after the machine has ended with this status."""
    machine.wait_for(r"^@@burrow exit \d+\n", seconds)
    assert f"@@burrow exit {status}\n" in machine.text, f"expected status {status}\n{machine.text[-3000:]}"
    return machine.text


def boot_broken(image, change, status=0, **options):
    options.setdefault("smp", 2)
    with BrokenFirmware(image, "5 4", **options) as m:
        change(m)
        m.start()
        text = end(m, status)
    assert status or "machine ok" in text, text
    return text


# ---- ACPI tables


def wrong_checksum(m, table):
    m.write(table + 9, bytes([m.read(table + 9, 1)[0] ^ 0x55]))


def too_long(m, table):
    m.write(table + 4, (1 << 30).to_bytes(4, "little"))


def too_short(m, table):
    m.write(table + 4, (20).to_bytes(4, "little"))
    m.mend(table, 20)


TABLES = {  # what its absence must look like; the program lives all the same
    "APIC": ["acpi: no MADT; one core", "machine ok: 1 cores"],
    "FACP": ["machine ok: 2 cores"],
    "HPET": ["kHz by PM timer", "machine ok: 2 cores"],
    "MCFG": ["machine ok: 2 cores"],
}


@pytest.mark.parametrize("damage,why", [(wrong_checksum, "wrong checksum"), (too_long, "longer than any sane table"), (too_short, "too short")],
                         ids=["checksum", "long", "short"])
@pytest.mark.parametrize("name", TABLES)
def test_damaged_table_is_left_out(image, name, damage, why):
    text = boot_broken(image, lambda m: damage(m, m.table(name)))
    assert re.search(rf"^acpi: table {name} at [0-9a-f]+ left out: {why}$", text, re.M), text
    assert all(part in text for part in TABLES[name]), text


def ecam(where):
    """The MCFG names this place for configuration space, where something else is, or nothing."""
    def change(m):
        table = m.table("MCFG")
        m.write(table + 44, where(m).to_bytes(8, "little"))
        m.mend(table)
    return change


@pytest.mark.parametrize("where", [lambda m: 0xd0000000, lambda m: 64 << 20, lambda m: 0xfee00000, lambda m: 1 << 45], ids=["nothing", "RAM", "APIC", "beyond"])
def test_configuration_space_that_is_not_where_the_table_says(image, where):
    """What the ports show is believed instead."""
    text = boot_broken(image, ecam(where))
    assert "pci: configuration space is not at 0x" in text and re.search(r"^pci:    [4-9] devices on 1 bus, by ports$", text, re.M), text


def test_hpet_that_is_not_where_the_table_says(image):
    def change(m):
        table = m.table("HPET")
        m.write(table + 44, (0xd0000000).to_bytes(8, "little"))
        m.mend(table)
    text = boot_broken(image, change)
    assert "clock:  no HPET at 0xd0000000: nothing answers\n" in text and "kHz by PM timer" in text, text


@pytest.mark.parametrize("entry,shows", [
    (lambda base: struct.pack("<QHBB", base, 0, 1, 255), r"^pci:    4 devices on 1 bus, by ports$"),  # bus 0 is missing
    (lambda base: struct.pack("<QHBB", 64 << 20, 1, 0, 255), r"^cannot map device registers at 0x4000000 .*\npci:    4 devices on 1 bus, by ports$"),
], ids=["from bus 1", "another segment in RAM"])
def test_configuration_space_of_other_buses(image, entry, shows):
    def change(m):
        table = m.table("MCFG")
        m.write(table + 44, entry(int.from_bytes(m.read(table + 44, 8), "little")))
        m.mend(table)
    text = boot_broken(image, change)
    assert re.search(shows, text, re.M) and text.count("cannot map") <= 1, text


def test_damaged_root_table(image):
    text = boot_broken(image, lambda m: wrong_checksum(m, m.root()[0]))
    assert "acpi: table RSDT at" in text and "kHz by PIT" in text and "machine ok: 1 cores" in text, text


@pytest.mark.parametrize("offset,value,why", [(1, 1, "entry of length 0 or 1"), (1, 255, "entry longer than the table"),
                                              (1, 4, "entry too short for its type")], ids=["none", "long", "short"])
def test_madt_with_a_bad_entry_is_left_out_whole(image, offset, value, why):
    def change(m):
        table, last = m.table("APIC"), value == 255
        length = int.from_bytes(m.read(table + 4, 4), "little")
        at, entries = 44, []
        while at < length:
            entries.append(at)
            at += m.read(table + at + 1, 1)[0]
        m.write(table + entries[-1 if last else 0] + offset, bytes([value]))
        m.mend(table)
    text = boot_broken(image, change)
    assert f"left out: {why}" in text and "machine ok: 1 cores" in text, text


def test_core_named_twice(image):
    def change(m):
        table = m.table("APIC")
        assert m.read(table + 44, 1) == m.read(table + 52, 1) == b"\0", "expected two local APIC entries"
        m.write(table + 52, m.read(table + 44, 8))
        m.mend(table)
    text = boot_broken(image, change, smp=3)
    assert "acpi: MADT names 1 cores more than once" in text and "machine ok: 2 cores" in text, text


def srat(ranges):
    """Memory is of two nodes in turn, in so many ranges. The table takes the place of one that nobody reads."""
    def change(m):
        body = struct.pack("<IQ", 1, 0) + b"".join(struct.pack("<BBBBI4sI", 0, 16, 0, core, 1, bytes(4), 0) for core in range(2))
        size = (448 * MIB // ranges) & ~0xfff
        for i in range(ranges):
            body += struct.pack("<BBIHQQIIQ", 1, 40, i % 2, 0, 32 * MIB + i * size, size, 0, 1, 0)
        place = 464 * MIB  # free memory, but the last that is taken
        m.write(place, struct.pack("<4sIBB6s8sI4sI", b"SRAT", 36 + len(body), 3, 0, b"BURROW", b"TEST", 1, b"TEST", 1) + body)
        m.mend(place)
        root, tables = m.root()
        m.write(root + 36 + 4 * tables.index(m.table("WAET")), place.to_bytes(4, "little"))
        m.mend(root)
    return change


def test_nodes_in_more_pieces_than_there_is_room_for(image):
    """The nodes are given up, not the memory."""
    text = boot_broken(image, srat(20))
    assert re.search(r"^memory: 50\d MiB free of 511 MiB, 2 nodes$", text, re.M), text
    text = boot_broken(image, srat(120))
    assert re.search(r"^acpi: the SRAT cuts memory into 12\d pieces, more than 64: its nodes are not told apart$", text, re.M), text
    assert re.search(r"^memory: 50\d MiB free of 511 MiB$", text, re.M), text


# ---- lines that the tables send elsewhere


def override(irq, gsi, flags=0):
    """The MADT's first interrupt source override becomes one of this ISA line."""
    def change(m):
        table = m.table("APIC")
        at, length = table + 44, int.from_bytes(m.read(table + 4, 4), "little")
        while m.read(at, 1) != b"\2":
            at += m.read(at + 1, 1)[0]
            assert at < table + length, "expected an override"
        m.write(at + 3, bytes([irq]) + gsi.to_bytes(4, "little") + flags.to_bytes(2, "little"))
        m.mend(table)
    return change


def sci_on_the_serial_line(m):
    table = m.table("FACP")
    m.write(table + 46, b"\4\0")
    m.mend(table)


def fadt(*changes):
    def change(m):
        table = m.table("FACP")
        for offset, value in changes:
            m.write(table + offset, value)
        m.mend(table)
    return change


PM1_EVENT, PM1_CONTROL, GPE0, GPE0_BYTES, COM1 = 56, 64, 80, 92, b"\xf8\3\0\0"


@pytest.mark.parametrize("change,says", [
    (fadt((PM1_EVENT, b"\0\x90\0\0"), (PM1_CONTROL, b"\4\x90\0\0")), "acpi: nothing answers at port 0x9000, where its events should be; no power button"),
    (fadt((GPE0, COM1), (GPE0_BYTES, b"\x10")), "left out: events at ports that cannot be theirs; those are not used"),
    (fadt((PM1_EVENT, COM1)), "left out: events at ports that cannot be theirs; those are not used"),
], ids=["nothing", "general events at the serial port", "events at the serial port"])
def test_events_that_are_not_where_the_table_says(image, without_debug_exit, change, says):
    """The machine is held for its reader all the same: no register of all ones is a pressed button."""
    with BrokenFirmware(image, "HOLD=3 5 4", smp=2) as m:
        change(m)
        m.start()
        assert says in m.wait_for(r"^The machine switches off in 3 seconds\.$", 60), m.text
        held = time.monotonic()
        m.child.wait(60)
    assert time.monotonic() - held > 2


@pytest.mark.parametrize("change,says", [
    (override(4, 9999), "serial: interrupt 4 does not arrive; the port is polled"),
    (override(4, 22), "serial: interrupt 4 does not arrive; the port is polled"),
    (override(4, 9, 0xf), "serial: interrupt 4 does not arrive; the port is polled"),
    (override(4, 4, 0xd), ""),
    (sci_on_the_serial_line, "acpi: no way for interrupt 4; no power button"),
], ids=["beyond", "nothing", "SCI's", "level", "SCI on it"])
def test_serial_line_that_does_not_interrupt(build, change, says):
    with BrokenFirmware(build.path("build/echo.elf"), smp=2) as m:
        change(m)
        m.start()
        assert says in m.wait_for(r"^type something\n")
        m.send(b"heard\n")
        m.wait_for(r"^you typed: heard\n")
        m.send(b"\x14")
        m.wait_for(r"^==== end of dump ====$")
        m.send(b"\x04")
        end(m, 0)


@pytest.mark.parametrize("gsi,flags", [(9999, 0), (22, 0), (9, 0xf)], ids=["beyond", "nothing", "SCI's"])
def test_keyboard_line_that_leads_elsewhere(build, gsi, flags):
    with BrokenFirmware(build.path("build/echo.elf"), smp=2) as m:
        override(1, gsi, flags)(m)
        m.start()
        m.wait_for(r"^i8042: interrupt 1 does not arrive; the keyboard is polled\n")
        m.wait_for(r"^type something\n")
        m.type("ab\n")
        m.wait_for(r"^you typed: ab\n")


# ---- the memory map


def test_memory_map_given_twice(image):
    text = boot_broken(image, lambda m: m.set_memory_map(m.memory_map() * 2))
    assert re.search(r"^memory map: .* is claimed twice, as usable and as usable", text, re.M) and "of 511 MiB" in text, text


def test_memory_map_that_overlaps_itself(image):
    """The worse claim holds: memory wrongly left out costs bytes, memory wrongly used the machine."""
    claims = [(0x8000000, 64 << 20, RESERVED), (0x8000000, 1 << 20, 77), (0x9000123, 1, USABLE), ((1 << 64) - 4096, 8192, USABLE)]
    text = boot_broken(image, lambda m: m.set_memory_map(claims + m.memory_map()[::-1]))
    assert "of 447 MiB" in text and "claimed twice, as usable and as reserved; taken as reserved" in text and "ends beyond 2^64" in text, text


def keep_low(machine, below, spare):
    """Of RAM below 4 GiB only the image's place, and this many bytes behind it."""
    return [(base, size, kind) if kind != USABLE or base >= 4 << 30 else (0x200000, below + spare - 0x200000, USABLE) if base == 0x100000 else
            (base, size, RESERVED) for base, size, kind in machine.memory_map()]


def image_end(image):
    symbols = subprocess.run(["nm", image], capture_output=True, text=True, check=True).stdout
    return next(int(line.split()[0], 16) for line in symbols.splitlines() if line.endswith(" __image_end"))


def test_memory_above_4_gib_only(image):
    """64 KiB below, for the tables with which cores start: enough. Without a page below 1 MiB there is no place to start them from."""
    text = boot_broken(image, lambda m: m.set_memory_map(keep_low(m, image_end(image), 64 << 10)), mem="6G")
    assert "smp: no memory below 1 MiB to start cores from; one core" in text and re.search(r"of 409\d MiB", text), text


def test_no_memory_below_4_gib_at_all(image):
    with BrokenFirmware(image, "5 4", mem="6G") as m:
        m.set_memory_map(keep_low(m, image_end(image), 0))
        m.start()
        text = end(m, 2)
        assert m.child.wait(20) == (2 << 1 | 1), "so early a crash ends the machine, too"
    assert "cause: no usable memory below 4 GiB" in text, text


def test_memory_map_without_room_for_the_image(image):
    with BrokenFirmware(image, "5 4") as m:
        m.set_memory_map([(base, size, RESERVED if base == 0x100000 else kind) for base, size, kind in m.memory_map()])
        m.start()
        m.wait_for(r"^burrow: cannot boot: the image does not fit into this machine's RAM$")
        m.child.wait(10)


@pytest.mark.parametrize("crumbs", [60, 230, 260, 2000])
def test_memory_map_in_crumbs(image, crumbs):
    """Two of three pages are usable, between the memory that holds the image and twice as much behind: the large ones are used, whatever the number of the
    small ones, and what is left out is told."""
    def change(m):
        small = [(0x4000000 + i * 0x3000, 0x2000, USABLE) for i in range(crumbs)]
        low = [r for r in m.memory_map() if r[0] < 0x100000 or r[2] != USABLE]
        m.set_memory_map(low + [(0x100000, 0x3f00000, USABLE), *small, (0x8000000, 0x7000000, USABLE)])
    text = boot_broken(image, change, mem="256M")
    free, whole = map(int, re.search(r"^memory: (\d+) MiB free of (\d+) MiB$", text, re.M).groups())
    told = sum(int(n) for n in re.findall(r"^mem.*?(\d+) KiB (?:are not used|in ranges too small or too many to use)$", text, re.M))
    assert 63 + 112 <= whole <= 63 + 112 + 16 and free >= 170, text
    assert told >= crumbs * 8 - 1024, text  # less than a MiB that no zone can hold is not worth a line


def test_memory_map_of_reservations(image):
    """Claims that do not fit cannot be left out: what they claim might be used."""
    with BrokenFirmware(image, "5 4") as m:
        m.set_memory_map(m.memory_map() + [(0x4000000 + i * 0x2000, 0x1000, RESERVED) for i in range(300)])
        m.start()
        m.wait_for(r"^burrow: cannot boot: the memory map reserves more than 224 ranges$")
        m.child.wait(10)


@pytest.mark.parametrize("claims,shows,left", [
    ([(4 << 30, 1 << 30)], ["0x100000000-0x140000000"], 255),
    ([(1 << 36, 1 << 39)], ["0x1000000000-0x9000000000"], 255),
    ([(256 * MIB, 100 * MIB)], ["0x10000000-0x16400000"], 255),
    ([(200 * MIB, 100 * MIB), (400 * MIB, MIB)], ["0x10000000-0x12c00000", "0x19000000-0x19100000"], 255),  # partly true
    ([(3 << 30, 2 << 30)], ["0xc0000000-0x140000000"], 255),  # across the border of what is mapped at first
], ids=["above 4 GiB", "half a TiB", "behind", "partly", "across"])
def test_memory_that_does_not_exist(image, claims, shows, left):
    def change(m):
        said = [r for r in m.memory_map() if r[0] < 1 << 30]  # nothing that would cut the claims
        m.set_memory_map(said + [(base, size, USABLE) for base, size in claims])
    text = boot_broken(image, change, mem="256M")
    for part in shows:
        assert f"memory map: {part} is called usable, but no memory is there; left out" in text, text
    assert f"of {left} MiB" in text, text


def test_memory_with_a_hole(image):
    """Two modules of 128 MiB at the ends of a GiB; the map says that it is all memory. As on a board: a hypervisor's map is believed further."""
    modules = [word for i, at in enumerate((4 << 30, (5 << 30) - 128 * MIB)) for word in
               ("-object", f"memory-backend-ram,id=m{i},size=128M", "-device", f"pc-dimm,memdev=m{i},addr={at:#x}")]
    def change(m):
        m.set_memory_map([r for r in m.memory_map() if r[0] < 1 << 30] + [(4 << 30, 1 << 30, USABLE)])
    text = boot_broken(image, change, mem="256M,slots=2,maxmem=8G", extra=["-cpu", "max,-monitor,-hypervisor", *modules])
    assert "memory map: 0x108000000-0x140000000 is called usable, but no memory is there; left out" in text and "of 383 MiB" in text, text


@pytest.mark.parametrize("where,why", [(0xfee00000, "the local APIC is there"), (0xd0000000, "nothing answers"), (64 * MIB, "RAM is there")])
def test_io_apic_that_is_not_where_the_table_says(image, where, why):
    def change(m):
        table = m.table("APIC")
        at = table + 44
        while m.read(at, 1) != b"\1":
            at += m.read(at + 1, 1)[0]
        m.write(at + 4, where.to_bytes(4, "little"))
        m.mend(table)
    text = boot_broken(image, change)
    assert re.search(rf"0x{where:x}( \+ 0x20)?: {why}$", text, re.M) and "serial: interrupt 4 does not arrive; the port is polled" in text, text


# ---- clocks


@pytest.mark.parametrize("day,year,says", [(21, 2126, ""), (23, 2252, "clock:  the battery clock is beyond 2252, where times end; set back to that year")])
def test_battery_clock_far_in_the_future(build, tmp_path, day, year, says):
    """QEMU's ends with 2106; but the tables may name any register as the one of the century, that of the day for example."""
    source = tmp_path / "date.c"
    source.write_text('#include "rt/burrow.h"\nint main(int argc, char **argv) {\n'
                      '    println("year %d", (int)(time_wall_ns() / 1000000000 / 31556952 + 1970));\n    return 0;\n}\n')
    make("build/date.elf", f"APP={source}")
    with BrokenFirmware("build/date.elf", extra=["-rtc", f"base=2026-06-{day}T12:00:00"]) as m:
        table = m.table("FACP")
        m.write(table + 108, b"\7")
        m.mend(table)
        m.start()
        text = end(m, 0)
    assert says in text and f"year {year}\n" in text, text


def test_battery_clock_that_is_not_believed(image):
    """An empty battery begins anew."""
    with Machine(image, "2 2", extra=["-rtc", "base=1970-01-02T00:00:00"]) as m:
        assert "clock:  the battery clock says 1970-01-02, which is not believed\n" in end(m, 0), m.text


# ---- while it runs


def test_a_thousand_nmis(image):
    """At random moments; each is taken on every core. Half a second apart they ask for a dump, sooner they count as the same question."""
    rng = random.Random(SEED)
    with Machine(image, "200 8 600000", smp=3) as m:
        m.wait_for(r"^well, \d+", 60)
        for _ in range(1000):
            m.monitor("inject-nmi")
            m._read(0)  # dumps fill the pipe
            time.sleep(rng.random() * 0.004)
        m.wait_for(r"^==== burrow dump", 60)
        m.wait_for(r"(?s)^==== end of dump.*^well, \d+.*^well, \d+", 60)
        m.monitor("system_powerdown", last=True)
        text = end(m, 143)
    assert "does not hold" not in text and "crash report" not in text, text[-3000:]


def machine_check(machine, arguments):
    answer = machine.monitor("human-monitor-command", last=True, **{"command-line": f"mce {arguments}"})
    assert answer == "", answer


def test_machine_check(image):
    with Machine(image, "5 4 60000", smp=3) as m:
        m.wait_for(r"^time: ")
        machine_check(m, "1 3 0xbe00000000000151 0x4 0x1234000 0x8c")
        text = end(m, 2)
    assert re.search(r"^cause: machine check$", text, re.M) and text.count("==== end of crash report") == 1, text
    assert "machine check on core 1, bank 3: status 0xbe00000000000151, uncorrected, processor context corrupt, address 0x1234000" in text, text


def test_machine_check_on_all_cores_gives_one_report(image):
    # An Intel processor of now: others do not tell all cores, as later versions of QEMU know.
    with Machine(image, "5 4 60000", smp=3, extra=["-cpu", "max,-monitor,vendor=GenuineIntel,family=6,model=94"]) as m:
        m.wait_for(r"^time: ")
        machine_check(m, "-b 2 1 0xbe00000000000151 0x4 0x5000 0x8c")
        text = end(m, 2)
    assert text.count("burrow crash report: cut from here") == text.count("end of crash report") == 1 and "machine check on core" in text, text


def test_corrected_machine_check_is_no_interruption(image):
    with Machine(image, "5 4 1500", smp=2) as m:
        m.wait_for(r"^time: ")
        machine_check(m, "1 3 0x9c00000000000151 0x0 0x1234000 0x8c")
        assert "machine ok" in end(m, 0)


@pytest.mark.parametrize("smp", [1, 4])
def test_power_button(image, smp):
    with Machine(image, "5 4 60000", smp=smp) as m:
        m.wait_for(r"^time: ")
        m.monitor("system_powerdown", last=True)
        text = end(m, 143)
    assert re.search(r"^power button: the machine ends$", text, re.M) and "crash report" not in text, text


@pytest.mark.parametrize("when", ["running", "ended"])
def test_power_button_does_not_wait_for_readers(image, without_debug_exit, when):
    """HOLD keeps a machine on whose program has ended, for who sits before its screen; the button switches it off, before or meanwhile."""
    with Machine(image, "HOLD=5000 5 4 " + ("600000" if when == "running" else "0"), smp=2) as m:
        m.wait_for(r"^time: " if when == "running" else r"^The machine switches off in 5000 seconds\.$")
        time.sleep(0.3)
        m.monitor("system_powerdown", last=True)
        assert m.child.wait(60) == 0
        while m._read(1):
            pass
    assert ("@@burrow exit 143" if when == "running" else "@@burrow exit 0") in m.text, m.text[-2000:]


def test_events_that_nobody_asked_for(build):
    with Machine(build.path("build/metal-t_events.elf"), smp="2,maxcpus=3,sockets=3,cores=1,threads=1") as m:
        m.wait_for(r"^enabled at start: 0x100$")
        m.wait_for(r"^timer event switched off after 1 interrupts$")
        m.wait_for(r"^waiting for a processor$")
        m.monitor("device_add", driver="max-x86_64-cpu", id="late", **{"socket-id": 2, "core-id": 0, "thread-id": 0})
        m.wait_for(r"^acpi: 1000 interrupts in a row without an event of ours; the line is masked, the power button dead$")
        m.wait_for(r"^quiet after 1000 interrupts$")
        end(m, 0)
