"""test_idle.py -- a machine with nothing to do costs its host nearly nothing."""
import resource

import qemu

CORES = 8
SECONDS = 10
SHARE = 0.05 # of one core of the host


def cpu_seconds(image, seconds):
    """Processor time of a QEMU that boots, sleeps so long, and ends."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    result = qemu.run(image, "pvh", str(seconds), 60, smp=CORES)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert result.status == 0 and result.seconds >= seconds, f"{result.why}\n{result.tail()}"
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def test_idle_cores_cost_nothing(build):
    image = build.path("build/metal-t_idle.elf")
    boot = min(cpu_seconds(image, 0) for _ in range(2))
    idle = cpu_seconds(image, SECONDS) - boot
    assert idle < SHARE * SECONDS, f"{CORES} idle cores used {idle:.2f} s of {SECONDS} s, expected less than {SHARE * SECONDS} s"
