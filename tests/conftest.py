"""conftest.py -- builds everything once, orders the tests, and closes with the line "N passed, N failed".

The order is that of `make test`: checks of the build, unit tests, programs as processes of this system, programs booted in QEMU.
"""
import os
import subprocess
import sys

import pytest

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path[:0] = [os.path.join(ROOT, "scripts"), os.path.join(ROOT, "tests")]
ORDER = ["test_build", "test_compile_fail", "test_harness", "test_unit", "test_hosted", "test_boot"]
BUILD_LOG = "build/test-build.log"


def pytest_configure(config):
    os.chdir(ROOT)
    config.counts = {"passed": 0, "failed": 0, "skipped": 0}


def pytest_collection_modifyitems(items):
    def rank(item):
        name = item.module.__name__
        return ORDER.index(name) if name in ORDER else len(ORDER)
    items.sort(key=rank)


class Build:
    """The result of building all images and unit tests."""

    def __init__(self):
        os.makedirs("build", exist_ok=True)
        if "LAZY" in os.environ:  # a few tests by hand: each makes what it asks for
            self.status, self.log = 1, ""
            return
        with open(BUILD_LOG, "w") as log:
            self.status = subprocess.run(["make", "-k", "images"], stdout=log, stderr=subprocess.STDOUT).returncode
        with open(BUILD_LOG) as log:
            self.log = log.read()

    def problems(self):
        lines = [line for line in self.log.splitlines() if "error" in line.lower() or "***" in line]
        return "\n".join(lines[:40] or self.log.splitlines()[-20:])

    def path(self, path):
        """A built file; fails the test if it cannot be made. After a failed build an old one may lie there: make decides."""
        if self.status or not os.path.exists(path):
            make(path)
        return path


@pytest.fixture(scope="session")
def build():
    return Build()


def make(*words):
    """Runs make for one target; fails the test with its output."""
    result = subprocess.run(["flock", "build/.lock", "make", "-s", *words], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if result.returncode:
        pytest.fail(f"make {' '.join(words)}:\n{result.stdout[-3000:]}", pytrace=False)


def pytest_runtest_logreport(report):
    counts = pytest_runtest_logreport.config.counts
    if report.skipped:
        counts["skipped"] += 1
    elif report.failed:
        counts["failed"] += 1
    elif report.when == "call":
        counts["passed"] += 1


def pytest_sessionstart(session):
    pytest_runtest_logreport.config = session.config


def pytest_unconfigure(config):
    counts = getattr(config, "counts", None)
    if counts and not config.option.collectonly:
        skipped = f", {counts['skipped']} skipped" if counts["skipped"] else ""
        print(f"{counts['passed']} passed, {counts['failed']} failed{skipped}")
