"""test_dump.py -- a machine that hangs tells what it does, asked from outside by an NMI or a key, and goes on.

tests/metal/t_hang.c hangs in the way that its argument says, and says every half second that it still lives.
"""
import re
import time

import pytest

import qemu
from conftest import make
from machine import Machine

KEY = b"\x14"  # Ctrl-T
CORES = 3


@pytest.fixture(scope="module")
def image(build):
    return build.path("build/metal-t_hang.elf")


def by_nmi(machine):
    machine.monitor("inject-nmi")


def by_key(machine):
    machine.send(KEY)


def dump(machine, ask):
    ask(machine)
    machine.wait_for(r"^==== burrow dump, \d+ ms after start, build .* ====$")
    return machine.wait_for(r"^==== end of dump ====$")


def core(text, n):
    """What the dump says about one core's stack."""
    match = re.search(rf"^core {n}, interrupts (on|off):\n((?:  .*\n)*)", text, re.M)
    assert match, f"expected a stack of core {n}\n{text}"
    return match[1], match[2]


@pytest.mark.parametrize("ask", [by_nmi, by_key])
def test_idle_machine(image, ask):
    with Machine(image, "idle", smp=CORES) as m:
        m.wait_for(r"hangs, 0$")
        for _ in range(2):
            time.sleep(0.7)  # sooner it counts as the same question; between two lines of output, when all should sleep; a busy host may have one awake
            text = dump(m, ask)
            assert sum("idle_until_work" in core(text, n)[1] for n in range(CORES)) >= CORES - 1, text
            assert len(re.findall(r"^core \d+: (?:scheduler|goroutine \d+), requests 0x", text, re.M)) == CORES, text
            assert re.search(r"^goroutine 1 \[\w+\]:\nmain\(\.\.\.\)\n\ttests/metal/t_hang.c:\d+", text, re.M), text
            assert re.search(r"^goroutine \d+ \[chan receive\]:\nwait_on_channel\(\.\.\.\)", text, re.M), text
            assert re.search(r"^goroutine \d+ \[sync.Mutex.Lock\]:", text, re.M), text
            m.wait_for(r"hangs, \d+$")
            m.wait_for(r"hangs, \d+$")


def test_core_with_interrupts_off(image):
    with Machine(image, "stuck", smp=CORES) as m:
        m.wait_for(r"set up$")
        time.sleep(1)  # its timers may hang too
        text = dump(m, by_nmi)
        stacks = [core(text, n) for n in range(CORES)]
        stuck = [i for i, (state, stack) in enumerate(stacks) if state == "off" and "spin_with_interrupts_off" in stack]
        assert len(stuck) == 1, text
        assert "sys_call" in stacks[stuck[0]][1] and re.search(rf"^core {stuck[0]}: goroutine \d+", text, re.M), text
        assert sum("spin_in_program" in stack for _, stack in stacks) == 1, text


def test_broken_list(image):
    """Reading leads into nowhere: the dump says so, and the machine goes on."""
    with Machine(image, "broken", smp=CORES) as m:
        m.wait_for(r"hangs, 0$")
        for _ in range(2):
            time.sleep(0.7)  # sooner it counts as the same question
            text = dump(m, by_nmi)
            assert "(the rest is missing: it could not be read)" in text, text
            assert all(core(text, n) for n in range(CORES))
            m.wait_for(r"hangs, \d+$")


def test_held_lock(build):
    make("DEBUG=1", "build/debug/metal-t_hang.elf")
    with Machine("build/debug/metal-t_hang.elf", "stuck", smp=CORES) as m:
        m.wait_for(r"set up$")
        time.sleep(1)
        text = dump(m, by_nmi)
        assert re.search(r"^core \d+: goroutine \d+, .*\n\tholds semaphore lock 0x[0-9a-f]+ \(rank 4\)$", text, re.M), text


def test_sleeping_cores_miss_no_interrupt(image):
    """NMIs that hit cores on their way to sleep: the program's ticks go on. (One between sti and hlt would lose a wake-up.)"""
    with Machine(image, "idle", smp=CORES) as m:
        m.wait_for(r"hangs, 0$")
        for _ in range(40):
            m.monitor("inject-nmi")
        m.wait_for(r"hangs, [2-9]$")


def test_lock_order_is_checked(build):
    make("DEBUG=1", "build/debug/metal-t_hang.elf")
    result = qemu.run("build/debug/metal-t_hang.elf", "pvh", "order", 30, smp=2)
    expected = r"^lock order: channel lock \S+ \(rank 3\) taken while holding semaphore lock \S+ \(rank 4\)\nfatal error: lock order violated$"
    assert result.status == 2 and re.search(expected, result.text, re.M), result.text
