"""test_go.py -- Go programs: what they print beyond tests/go/*.go, what the build refuses, and a choice of Go's own tests."""
import subprocess

import pytest

# One of each subject; scripts/go_tests.py runs the whole list (tests/go/pass.txt).
CHOSEN = ["235.go", "recover.go", "recover1.go", "recover2.go", "recover3.go", "chan/sieve1.go", "chan/select3.go", "chan/fifo.go", "map.go", "range.go",
          "closure.go", "defer.go", "deferfin.go", "mallocfin.go", "gc2.go", "zerodivide.go", "stack.go", "convert4.go", "ken/string.go",
          "fixedbugs/issue4562.go", "fixedbugs/issue26335.go", "fixedbugs/issue37716.go", "interface/fake.go", "peano.go", "turing.go"]


def test_missing_function_names_who_needs_it(build, tmp_path):
    source = tmp_path / "missing.go"
    source.write_text('package main\n\nfunc nowhere()\n\nfunc main() { nowhere() }\n')
    r = subprocess.run(["make", "-s", f"APP={source}", "host"], text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    assert r.returncode != 0
    assert "main.nowhere: needed by main.o, and Burrow does not offer it" in r.stdout


def test_lists_are_complete():
    with open("tests/go/pass.txt") as f:
        passing = [line.strip() for line in f]
    assert len(passing) == len(set(passing)) >= 711
    with open("tests/go/exceptions.txt") as f:
        exceptions = [line.split("\t") for line in f if not line.startswith("#")]
    assert all(len(e) == 2 and e[1].strip() for e in exceptions)
    assert not set(passing) & {e[0] for e in exceptions}
    assert set(CHOSEN) <= set(passing)


def test_chosen_tests_of_go(build):
    subprocess.run(["make", "-s", "go-test-objects"], check=True)
    r = subprocess.run(["scripts/go_tests.py", "--verbose", *CHOSEN], text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    if r.returncode:
        pytest.fail(r.stdout, pytrace=False)
