"""machine.py -- a booted machine that a test talks to while it runs: its serial line, its monitor, its gdb stub.

    with Machine("build/hello.elf", cmdline="x", smp=2) as m:
        m.wait_for(r"up")          # the console so far, up to and including the match; fails with the tail after a timeout
        m.send(b"\\x14")           # keys on the serial line
        m.monitor("inject-nmi")    # QMP
"""
import json
import os
import re
import select
import socket
import subprocess
import tempfile
import time

import pytest

import qemu


class Machine:
    def __init__(self, image, cmdline="", gdb=False, paused=False, boot="pvh", extra=(), **options):
        self.directory = tempfile.TemporaryDirectory(prefix="burrow-machine-")
        place = self.directory.name
        with open(f"{place}/cmdline", "w") as f:
            f.write(cmdline)
        extra = ["-qmp", f"unix:{qemu.in_option(place)}/qmp,server=on,wait=off", *extra]
        self.gdb = f"{place}/gdb"
        if gdb:
            extra += ["-gdb", f"unix:{qemu.in_option(self.gdb)},server=on,wait=off"]
        if paused:  # before the first instruction
            extra += ["-S"]
        args = qemu.command(image, boot, cmdline_file=f"{place}/cmdline", extra=extra, **options)
        self.child = subprocess.Popen(args, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                      preexec_fn=qemu.die_with_parent)
        self.raw, self.text, self.seen, self.qmp = b"", "", 0, None
        if gdb:
            self.monitor("query-status")  # whoever gets an answer here may go to the other socket, too

    def connect(self, name):
        """A connection to one of QEMU's sockets. It makes the file first and listens on it later."""
        for _ in range(400):
            connection = socket.socket(socket.AF_UNIX)
            try:
                connection.connect(f"{self.directory.name}/{name}")
                return connection
            except (FileNotFoundError, ConnectionRefusedError):
                connection.close()
            if self.child.poll() is not None:
                break
            time.sleep(0.05)
        pytest.fail(f"QEMU made no socket {name}: {self.child.poll()}", pytrace=False)

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        self.child.kill()
        self.child.wait()
        for pipe in (self.child.stdin, self.child.stdout):
            pipe.close()
        if self.qmp:
            self.qmp.close()
        self.directory.cleanup()

    def _read(self, seconds):
        """False: nothing came, or the machine ended."""
        if not select.select([self.child.stdout], [], [], seconds)[0]:
            return False
        data = os.read(self.child.stdout.fileno(), 65536)
        self.raw += data
        self.text = self.raw.removesuffix(b"\r").replace(b"\r\n", b"\n").decode(errors="replace")
        return bool(data)

    def wait_for(self, pattern, seconds=20):
        """Text since the last call, to the end of the first match."""
        end = time.monotonic() + seconds
        while True:
            match = re.compile(pattern, re.M).search(self.text, self.seen)
            if match:
                text, self.seen = self.text[self.seen:match.end()], match.end()
                return text
            if not self._read(0.2) and (time.monotonic() > end or self.child.poll() is not None):
                pytest.fail(f"expected {pattern!r} on the console within {seconds} s; since the last one came\n"
                            f"{self.text[self.seen:][-3000:]}", pytrace=False)

    def send(self, data):
        self.child.stdin.write(data)
        self.child.stdin.flush()

    def type(self, text, device=None):
        """Presses keys of a US keyboard; device: the id of a display or keyboard's bus to send them to."""
        names = {" ": "spc", "\n": "ret", ".": "dot", ",": "comma", "-": "minus", "/": "slash", "\x7f": "backspace", "=": "equal",
                 ";": "semicolon", "'": "apostrophe", "[": "bracket_left", "]": "bracket_right", "\\": "backslash", "`": "grave_accent"}
        shifted = dict(zip('!@#$%^&*()_+{}|:"~<>?', "1234567890-=[]\\;'`,./"))
        for c in text:
            plain = shifted.get(c, c.lower())
            keys = ["shift"] * (plain != c) + [names.get(plain, plain)]
            self.keys(*keys)

    def keys(self, *names, down=(True, False), last=False):
        """Presses the keys together, in this order, and lets them go. last: the machine may end by it."""
        for way in down:
            for name in names if way else reversed(names):
                self.monitor("input-send-event", last=last, events=[{"type": "key", "data": {"down": way, "key": {"type": "qcode", "data": name}}}])

    def monitor(self, command, last=False, **arguments):
        """last: the machine may end by it. QEMU then closes the connection, sometimes before it has answered; how the machine ended is the
        caller's to judge."""
        if not self.qmp:
            connection = self.connect("qmp")
            self.qmp = connection.makefile("rw")
            connection.close()
            self.qmp.readline()
            self.monitor("qmp_capabilities")
        self.qmp.write(json.dumps({"execute": command, "arguments": arguments}) + "\n")
        self.qmp.flush()
        while True:
            try:
                line = self.qmp.readline()
            except ConnectionResetError:
                line = ""
            if not line and last:
                return ""
            if not line:
                while self._read(1):
                    pass
                pytest.fail(f"the machine ended while QEMU was asked for {command}:\n{self.text[-3000:]}", pytrace=False)
            answer = json.loads(line)
            if "return" in answer or "error" in answer:
                assert "return" in answer, f"{command}: {answer}"
                return answer["return"]
