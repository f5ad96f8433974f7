"""test_build.py -- everything builds, and the checks of what was built pass."""
import shutil
import subprocess

import pytest

from conftest import make


def test_everything_builds(build):
    if build.status:
        pytest.fail(build.problems(), pytrace=False)


@pytest.mark.parametrize("check", ["check-layers", "check-regs", "check-stack"])
def test_check(build, check):
    make("-k", check)


def test_warnings_of_the_debug_build():
    make("-j2", "DEBUG=1", "debug-objects")


@pytest.mark.skipif(not shutil.which("clang"), reason="clang is not installed")
def test_runtime_and_kernel_compile_with_clang():
    make("-k", "-j2", "clang-syntax")


def test_same_sources_give_the_same_image(build, tmp_path):
    """Reproducible: a second link of the same objects gives the same bytes."""
    path = build.path("build/sha256sum.elf")
    with open(path, "rb") as f:
        first = f.read()
    subprocess.run(["rm", path], check=True)
    make(path)
    with open(path, "rb") as f:
        assert f.read() == first, f"{path} differs between two links"
