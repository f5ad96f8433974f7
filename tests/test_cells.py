"""test_cells.py -- programs that compile and must be refused all the same, because the collector would lose objects: tests/cells_fail/*.c.

    // error: TEXT      part of what scripts/check_cells.py says; without such a line it must say nothing
"""
import glob
import os
import re
import shlex
import subprocess

import pytest

SOURCES = sorted(glob.glob("tests/cells_fail/*.c"))


@pytest.fixture(scope="module")
def compiler():
    text = subprocess.run(["make", "-s", "print-app-compiler"], check=True, text=True, stdout=subprocess.PIPE).stdout
    return shlex.split(text)


@pytest.mark.parametrize("source", SOURCES, ids=[os.path.basename(path)[:-2] for path in SOURCES])
def test_is_refused(compiler, source, tmp_path):
    with open(source) as f:
        wanted = re.findall(r"^// error: (.*)$", f.read(), re.M)
    program = str(tmp_path / "program.o")
    subprocess.run([*compiler, "-c", "-o", program, source], check=True)
    result = subprocess.run(["scripts/check_cells.py", program], stderr=subprocess.PIPE, text=True)
    for text in wanted:
        assert text in result.stderr, f"{source}: expected {text!r}, got:\n{result.stderr}"
    assert len(result.stderr.splitlines()) == len(wanted), f"{source}: expected {wanted}, got:\n{result.stderr}"
    assert result.returncode == bool(wanted)
