"""test_fuzz.py -- the short run of every fuzzer (tests/fuzz): its corpus and a fixed number of mutations from a fixed seed."""
import glob
import os
import subprocess

import pytest

from conftest import make

NAMES = sorted(os.path.basename(path)[5:-2] for path in glob.glob("tests/fuzz/fuzz_*.c"))
TIMEOUT = 60


@pytest.fixture(scope="module")
def fuzzers():
    make("fuzzers")


@pytest.mark.parametrize("name", NAMES)
def test_fuzz(fuzzers, name):
    try:
        result = subprocess.run(["scripts/fuzz", name], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=TIMEOUT)
    except subprocess.TimeoutExpired as e:
        pytest.fail(f"expected an end within {TIMEOUT} s\n{e.stdout}", pytrace=False)
    if result.returncode:
        pytest.fail(f"expected no finding\n{result.stdout}", pytrace=False)


def test_every_fuzzer_has_seeds():
    for name in NAMES:
        assert glob.glob(f"tests/fuzz/corpus/{name}/*"), f"tests/fuzz/corpus/{name} is empty"
