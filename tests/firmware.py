"""firmware.py -- a machine whose firmware tells lies: tables and memory map are changed between the firmware's last instruction and our first.

    with BrokenFirmware("build/x.elf", "args", smp=2) as m:
        table = m.table("APIC")           # m.read, m.write, m.memory_map, ... work on physical memory
        m.write(table + 4, b"\\xff")
        m.start()                         # then as machine.Machine

QEMU has no option for this. Its gdb stub stops the machine at the image's PVH entry, in 32-bit mode without paging, where a linear address is a
physical one.
"""
import struct
import subprocess

import pytest

from machine import Machine

USABLE, RESERVED = 1, 2  # e820
RANGE = struct.Struct("<QQII")
RBX = 1  # as gdb counts: rax, rbx, rcx, ...


class Remote:
    """gdb's remote protocol, the few packets that are needed."""

    def __init__(self, connection):
        self.socket = connection
        self.socket.settimeout(60)
        self.buffer = b""

    def _byte(self):
        if not self.buffer:
            self.buffer = self.socket.recv(65536)
            if not self.buffer:
                pytest.fail("QEMU closed its gdb stub", pytrace=False)
        first, self.buffer = self.buffer[:1], self.buffer[1:]
        return first

    def receive(self):
        while self._byte() != b"$":
            pass
        data = b""
        while (c := self._byte()) != b"#":
            data += c
        self._byte(), self._byte()  # checksum: the socket does not lose bytes
        self.socket.sendall(b"+")
        return data.decode()

    def ask(self, packet):
        data = packet.encode()
        self.socket.sendall(b"$" + data + b"#%02x" % (sum(data) & 255))
        return self.receive()

    def done(self, packet):
        answer = self.ask(packet)
        assert answer == "OK", f"{packet[:40]}: {answer}"


class BrokenFirmware(Machine):
    def __init__(self, image, cmdline="", **options):
        super().__init__(image, cmdline, gdb=True, paused=True, **options)
        self.remote = Remote(self.connect("gdb"))
        symbols = subprocess.run(["nm", image], capture_output=True, text=True, check=True).stdout
        entry = next(line.split()[0] for line in symbols.splitlines() if line.endswith(" pvh_entry"))
        self.remote.done(f"Z1,{entry},1")
        assert self.remote.ask("c").startswith("T"), "expected a stop at the entry"
        self.remote.done(f"z1,{entry},1")
        registers = bytes.fromhex(self.remote.ask("g"))
        self.start_info = struct.unpack_from("<Q", registers, 8 * RBX)[0] & 0xffffffff

    def read(self, address, n):
        data = b""
        while len(data) < n:
            data += bytes.fromhex(self.remote.ask(f"m{address + len(data):x},{min(n - len(data), 1024):x}"))
        return data

    def write(self, address, data):
        for at in range(0, len(data), 512):
            part = data[at:at + 512]
            self.remote.done(f"M{address + at:x},{len(part):x}:{part.hex()}")

    def start(self):
        """Lets the machine run from its first instruction of ours on."""
        self.remote.done("D")

    # ---- ACPI

    def rsdp(self):
        return struct.unpack("<Q", self.read(self.start_info + 32, 8))[0]

    def root(self):
        """(address of the RSDT, addresses of the tables): what QEMU's firmware gives a PVH image."""
        rsdt = struct.unpack("<I", self.read(self.rsdp() + 16, 4))[0]
        length = struct.unpack("<I", self.read(rsdt + 4, 4))[0]
        return rsdt, list(struct.unpack(f"<{(length - 36) // 4}I", self.read(rsdt + 36, length - 36)))

    def table(self, signature):
        return next(at for at in self.root()[1] if self.read(at, 4) == signature.encode())

    def mend(self, table, length=None):
        """Makes the checksum right again, over `length` bytes or as many as the table says."""
        length = length or struct.unpack("<I", self.read(table + 4, 4))[0]
        self.write(table + 9, b"\0")
        self.write(table + 9, bytes([-sum(self.read(table, length)) & 255]))

    # ---- memory map

    def memory_map(self):
        at, count = struct.unpack("<QI", self.read(self.start_info + 40, 12))
        return [RANGE.unpack(self.read(at + RANGE.size * i, RANGE.size))[:3] for i in range(count)]

    def set_memory_map(self, ranges, place=0x3000000):
        """place: in RAM that nobody looks at before the map is copied."""
        self.write(place, b"".join(RANGE.pack(base, size, kind, 0) for base, size, kind in ranges))
        self.write(self.start_info + 40, struct.pack("<QI", place, len(ranges)))
