"""test_sim.py -- runs the cases of the simulated machine (tests/sim), and checks that what fails there can be repeated."""
import glob
import os
import re
import subprocess

import pytest

from conftest import make

CASES = sorted(os.path.basename(path)[:-2] for path in glob.glob("tests/sim/*.c"))
TIMEOUT = 100


@pytest.fixture(scope="module")
def sims():
    make("sim-build")


def run(*words):
    result = subprocess.run(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=TIMEOUT)
    return result.returncode, result.stdout


@pytest.mark.parametrize("case", CASES)
def test_sim(sims, case):
    for options in (["--bound=1", "--limit=20000"], ["--bound=2", "--limit=5000"], ["--seeds=2000", "--cores=3"]):
        status, text = run(f"build/sim/{case}", *options)
        if status != 0:
            pytest.fail(f"build/sim/{case} {' '.join(options)}: expected status 0, got {status}\n{text[-3000:]}", pytrace=False)


# On four cores one marks all the time, the others never but when idle.
def test_somebody_marks_to_the_end(sims):
    status, text = run("build/sim/gc_nobody", "--cores=4", "--seeds=8000")
    assert status == 0, text[-3000:]


# Long runs: random schedules only.
@pytest.mark.parametrize("cores", (2, 3))
def test_allocation_does_not_run_ahead(sims, cores):
    status, text = run("build/sim/turns/gc_ahead", f"--cores={cores}", "--seeds=500", "--seed=1")
    assert status == 0, text[-3000:]


@pytest.mark.parametrize("options", (["--bound=2"], ["--seeds=2000"]))
def test_failure_repeats(sims, options):
    status, text = run("build/sim/bad/lost_update", *options)
    assert status == 1 and "does not hold: count == 2" in text, text
    failed = re.search(r"^FAILED .*", text, re.M).group(0)
    again = re.search(r"^again: (.*)", text, re.M).group(1).split()
    for _ in range(2):
        status, text = run(*again)
        assert status == 1 and failed in text, f"{again}: expected again: {failed}\n{text}"
    assert re.search(r"core \d goes on in add at lost_update.c", text), f"expected the trace to name the place\n{text}"


# The collector's share of the machine, in simulated time: the default schedule, and a few with other delays of interrupts.
@pytest.mark.parametrize("cores", (1, 2, 3, 4, 5, 6, 7, 8))
@pytest.mark.parametrize("options", (["--bound=0", "--limit=1"], ["--seeds=5"]))
def test_share(sims, cores, options):
    status, text = run("build/sim/turns/gc_share", f"--cores={cores}", *options)
    if status != 0:
        pytest.fail(f"build/sim/turns/gc_share --cores={cores} {' '.join(options)}: expected status 0, got {status}\n{text[-3000:]}", pytrace=False)
