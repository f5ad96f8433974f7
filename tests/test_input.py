"""test_input.py -- what is typed arrives at the program that reads: by serial line, and of a process from standard input."""
import re
import subprocess
import threading
import time

import pytest

from conftest import make
from machine import Machine


@pytest.fixture(scope="module")
def image(build):
    return build.path("build/echo.elf")


@pytest.mark.parametrize("text,lines", [("", []), ("one\ntwo\n", ["one", "two"]), ("one\ntwo", ["one", "two"])])
def test_a_pipe_ends(image, text, lines):
    """scripts/run tells the machine, also behind half a line; QEMU does not."""
    result = subprocess.run(["scripts/run", "--boot", "pvh", "--accel", "tcg", "--timeout", "60", image], input=text, text=True, stdout=subprocess.PIPE)
    assert result.returncode == 0 and f"{len(lines)} lines\n" in result.stdout, result.stdout
    assert re.findall(r"you typed: (.*)\n", result.stdout) == lines, result.stdout


def test_lines_of_the_serial_port(image):
    with Machine(image, smp=2) as m:
        m.wait_for(r"type something\n")
        m.send(b"hello\r")
        assert m.wait_for(r"you typed: .*\n") == "hello\nyou typed: hello\n"  # what was typed is shown
        m.send(b"helx\x7flo, w\x08world\r")
        m.wait_for(r"^you typed: hello, world\n")
        m.send(b"never mind\x15taken\r")
        m.wait_for(r"^you typed: taken\n")
        m.send("grün\x7f\x7fön\r".encode())  # a character is taken back whole
        m.wait_for(r"^you typed: grön\n")
        m.send(b"dropped\x03kept\r")
        m.wait_for(r"^you typed: kept\n")
        m.send(b"no end\x04")  # handed over as it is
        m.wait_for(r"^no end")
        m.send(b"\x04")
        m.wait_for(r"you typed: no end\n")
        m.send(b"\x04")
        m.wait_for(r"6 lines\n@@burrow exit 0")


def test_more_than_a_line_holds(image):
    """The line holds 4095 bytes: more is refused by the bell, and the machine lives."""
    with Machine(image, smp=1) as m:
        m.wait_for(r"type something\n")
        m.send(b"y" * 9000 + b"\r")
        m.wait_for(r"\x07")
        m.send(b"\x15after\r")
        m.wait_for(r"^you typed: after\n", 60)


@pytest.mark.parametrize("smp", [1, 3])
def test_nothing_of_a_flood_is_lost(image, smp):
    """Thirty times what the ring holds, as fast as the port takes it: the sender waits."""
    lines = [f"line {i:06d} abcdefghijklmnop" for i in range(4000)]
    with Machine(image, smp=smp) as m:
        m.wait_for(r"type something\n")
        sender = threading.Thread(target=m.send, args=("\n".join([*lines, "quit\n"]).encode(),))
        sender.start()
        m.wait_for(r"@@burrow exit 0", 240)
        sender.join()
    assert re.findall(r"^you typed: (.*)$", m.text, re.M) == lines and " lost" not in m.text


def test_typed_before_the_machine_listens(image):
    """What lies in the port when the machine starts belongs to the program."""
    with Machine(image, smp=2, paused=True) as m:
        m.send(b"one\ntwo\nthree\nquit\n")
        time.sleep(0.2)  # as long before as a user would
        m.monitor("cont")
        m.wait_for(r"3 lines\n@@burrow exit 0")
    assert re.findall(r"^you typed: (.*)$", m.text, re.M) == ["one", "two", "three"]


def test_input_of_a_machine_with_firmware(build):
    """Firmware reads the serial line, too; what is piped into scripts/run is the program's."""
    make("build/echo.img")
    result = subprocess.run(["scripts/run", "--accel", "tcg", "--smp", "2", "--timeout", "240", "build/echo.img"], input=b"one\ntwo\nquit\n", capture_output=True)
    assert result.returncode == 0 and b"you typed: one\n" in result.stdout and b"\n2 lines\n" in result.stdout, result.stdout


def test_keys_that_nobody_reads_are_missed_aloud(build):
    """The ring is filled by the serial line, which then waits; a keyboard cannot wait."""
    with Machine(build.path("build/metal-t_machine.elf"), "5 4 600000", smp=2) as m:
        m.wait_for(r"^well, \d+", 60)
        m.send(b"x" * 5000)
        for _ in range(600):  # until the ring is full, which takes the port a while
            m.type("a")
            if m._read(0.1) and " lost" in m.text:
                break
        m.wait_for(r"^keys:   \d bytes lost: nobody reads what is typed\n")


@pytest.mark.parametrize("typed,said", [(b"one\ntwo\nquit\nthree\n", b"2 lines"), (b"", b"0 lines"), (b"no end", b"1 lines")])
def test_standard_input_of_a_process(build, typed, said):
    out = subprocess.run([build.path("build/host/echo")], input=typed, capture_output=True, timeout=60)
    assert out.returncode == 0 and out.stdout.rstrip().endswith(said), out


def test_large_input_of_a_process(build, tmp_path):
    """Far more than the ring holds: nothing is lost."""
    lines = b"".join(b"%06d\n" % i for i in range(20000))
    out = subprocess.run([build.path("build/host/echo")], input=lines, capture_output=True, timeout=120)
    assert lines.replace(b"\n0", b"\nyou typed: 0") in out.stdout and out.returncode == 0, (len(out.stdout), out.stdout[-300:])
