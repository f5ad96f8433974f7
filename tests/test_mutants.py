"""test_mutants.py -- `make mutants` works: all mutants fit the sources, and a few quick ones are caught."""
import subprocess

import pytest

QUICK = ["guard-reread", "page-double-free", "idle-recheck", "layers"]
TIMEOUT = 240  # a first build of the copy on a busy machine


def test_quick_mutants():
    try:
        result = subprocess.run(["/usr/bin/python3", "scripts/mutants", *QUICK], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                text=True, timeout=TIMEOUT)
    except subprocess.TimeoutExpired as e:
        pytest.fail(f"scripts/mutants: timeout after {TIMEOUT} s\n{e.stdout}", pytrace=False)
    last = f"{len(QUICK)} caught, 0 survived, "
    if result.returncode != 0 or last not in result.stdout:
        pytest.fail(f"scripts/mutants {' '.join(QUICK)}: expected \"{last}...\", got status {result.returncode}\n{result.stdout[-4000:]}",
                    pytrace=False)
