"""test_bootchart.py -- the boot chart has every stage that the machine names, and its sums agree."""
import signal
import subprocess
import xml.etree.ElementTree as xml

import bootchart
import pytest


def test_stages():
    line = "loader 108.4 ms, console 1.2 ms, memory 4.4 ms, devices 9.4 ms, cores 13.7 ms, in all 137.1 ms"
    rows = bootchart.stages(line, 4137.1, 50.0)
    assert rows[0][0] == "QEMU and firmware" and abs(rows[0][1] - 4000) < 0.01 and rows[-1] == ("program", 50.0)
    assert [name for name, _ in rows[1:-1]] == ["loader", "console", "memory", "devices", "cores"]
    for wrong in ("loader 1.0 ms, in all 5.0 ms", "nothing", "loader 1.0 ms"):
        with pytest.raises(ValueError):
            bootchart.stages(wrong, 100, 1)


def test_of_a_machine(build):
    image = build.path("build/hello.elf")
    result = subprocess.run(["scripts/bootchart.py", "--boot", "pvh", "--smp", "2", "--timeout", "60", "--svg", "build/test-bootchart.svg", image],
                            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    assert result.returncode == 0, result.stdout
    rows = {line.split("  ")[0]: float(line[18:28]) for line in result.stdout.splitlines()}
    assert list(rows)[:2] == ["QEMU and firmware", "console"] and list(rows)[-2:] == ["program", "in all"], result.stdout
    assert abs(sum(rows.values()) - 2 * rows["in all"]) < 1
    texts = {e.text for e in xml.parse("build/test-bootchart.svg").iter() if e.text}
    assert set(rows) - {"in all"} <= texts


def test_of_a_program_without_end(build, tmp_path):
    """Ctrl-C ends it, and the picture is this one's; where nothing could be measured there is none."""
    picture = tmp_path / "chart.svg"
    picture.write_text("old")
    command = ["scripts/bootchart.py", "--boot", "pvh", "--smp", "1", "--svg", picture]
    child = subprocess.Popen([*command, "--cmdline", "5 4 600000", build.path("build/metal-t_machine.elf")], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    try:
        assert "the program runs" in child.stdout.readline()
        assert not picture.exists()
        child.send_signal(signal.SIGTERM)  # as Ctrl-C, which background jobs of a shell do not hear
        out, _ = child.communicate(timeout=60)
    finally:
        child.terminate()
    assert child.returncode == 2 and "in all" in out and "program" in picture.read_text(), out
    wrong = subprocess.run([*command, "README.md"], capture_output=True, text=True)
    assert wrong.returncode == 1 and wrong.stderr == "bootchart: README.md is nothing that boots; --boot pvh wants an image for PVH (build/NAME.elf)\n", wrong.stderr
