"""test_go.py -- Go programs: what they print beyond tests/go/*.go, what the build refuses, and a choice of Go's own tests."""
import os
import subprocess

import pytest

def names_in(path):
    with open(path) as f:
        return [line.split("\t")[0].strip() for line in f if line.strip() and not line.startswith("#")]


def test_missing_function_names_who_needs_it(build, tmp_path):
    source = tmp_path / "missing.go"
    source.write_text('package main\n\nfunc nowhere()\n\nfunc main() { nowhere() }\n')
    r = subprocess.run(["make", "-s", f"APP={source}", "host"], text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    assert r.returncode != 0
    assert "main.nowhere: needed by main.o, and Burrow does not offer it" in r.stdout


def test_lists_are_complete():
    passing, chosen, alone = names_in("tests/go/pass.txt"), names_in("tests/go/chosen.txt"), names_in("tests/go/alone.txt")
    assert len(passing) == len(set(passing)) >= 711  # and may only grow
    assert 100 <= len(chosen) == len(set(chosen)) and set(chosen) <= set(passing)
    assert set(alone) <= set(passing)
    with open("tests/go/exceptions.txt") as f:
        exceptions = [line.split("\t") for line in f if not line.startswith("#")]
    assert all(len(e) == 2 and e[1].strip() for e in exceptions)
    assert not set(passing) & {e[0] for e in exceptions}


def go_tests(*words):
    subprocess.run(["make", "-s", "go-test-objects"], check=True)
    r = subprocess.run(["scripts/go_tests.py", "--verbose", "--list", "tests/go/chosen.txt", *words], text=True,
                       stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    if r.returncode:
        pytest.fail(r.stdout, pytrace=False)


@pytest.mark.skipif(not os.path.isdir(os.environ.get("GO_TESTS") or "/usr/share/go-1.19/test"), reason="this system has no golang-1.19-src")
def test_chosen_tests_of_go_booted(build):
    """The hundred of tests/go/chosen.txt, in three boots and a few more; all of them: make conformance."""
    go_tests("--smp", "4")


@pytest.mark.skipif(not os.path.isdir(os.environ.get("GO_TESTS") or "/usr/share/go-1.19/test"), reason="this system has no golang-1.19-src")
def test_a_test_that_go_does_not_have_is_named_once(build):
    """Not four times, by a compiler, for the four rounds of make conformance."""
    subprocess.run(["make", "-s", "go-test-objects"], check=True)
    r = subprocess.run(["make", "conformance", "ARGS=missing.go"], text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    assert r.returncode == 2 and r.stdout.count("missing.go") == 1 and "go_tests: missing.go: no such test in /" in r.stdout, r.stdout


def test_harness_of_go_tests_notices_what_fails(build, tmp_path):
    """One that panics, one whose output is wrong, one that does not end: each is named, and those behind it run all the same."""
    programs = {"good": "println(1)", "panics": 'panic("no")', "wrong": "println(2)", "hangs": "for {\n}", "late": "println(3)"}
    for name, body in programs.items():
        (tmp_path / f"{name}.go").write_text(f"// run\n\npackage main\n\nfunc main() {{\n{body}\n}}\n")
        (tmp_path / f"{name}.out").write_text({"good": "1\n", "wrong": "3\n", "late": "3\n"}.get(name, ""))
    subprocess.run(["make", "-s", "go-test-objects"], check=True)
    r = subprocess.run(["scripts/go_tests.py", "--root", str(tmp_path), "--smp", "2", "--limit", "20", *(f"{name}.go" for name in programs)],
                       text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    assert r.returncode == 1
    assert "panics.go: status 2: panic: no" in r.stdout
    assert "wrong.go: output: 2" in r.stdout
    assert "hangs.go: timeout" in r.stdout
    assert "2 of 5 pass: 1 images, 3 runs" in r.stdout
