"""test_go_input.py -- os.Stdin of a Go program: lines of the serial port, Ctrl-D at their end; the standard input of a process."""
import subprocess

from machine import Machine


def test_stdin_of_a_machine(build):
    with Machine(build.path("build/go-stdin.elf"), smp=1) as m:
        m.wait_for(r"your name\?\n", 60)
        m.wait_for(r"^others run\n")  # nothing is typed, and the machine has one core
        m.send(b"Gopherx\x7f\r")
        m.wait_for(r"^hello Gopher, <nil>\n")
        m.send(b"20 ")
        m.send(b"22\r")
        m.wait_for(r"^2 <nil> 42\n")
        m.send(b"x\rx\rx\r\x04")
        m.wait_for(r"^3 lines more, <nil>\n")
        m.send(b"\x04")
        m.wait_for(r"^0 EOF\n@@burrow exit 0")


def test_stdin_of_a_process(build):
    text = b"Gopher\n20\n22\n" + 100000 * b"x\n"
    r = subprocess.run([build.path("build/host/go-stdin")], input=text, capture_output=True, timeout=120)
    assert r.returncode == 0, r
    assert r.stdout.replace(b"others run\n", b"") == b"your name?\nhello Gopher, <nil>\n2 <nil> 42\n100000 lines more, <nil>\n0 EOF\n", r.stdout
