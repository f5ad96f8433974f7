"""test_compile_fail.py -- programs that must not compile: tests/compile_fail/*.c, each with the text of its error.

    // error: TEXT      part of what the compiler says; several lines: each of them
"""
import glob
import os
import re
import shlex
import subprocess

import pytest

SOURCES = sorted(glob.glob("tests/compile_fail/*.c"))


@pytest.fixture(scope="module")
def compiler():
    """The command that compiles programs, as the build has it."""
    text = subprocess.run(["make", "-s", "print-app-compiler"], check=True, text=True, stdout=subprocess.PIPE).stdout
    return shlex.split(text)


@pytest.mark.parametrize("source", SOURCES, ids=[os.path.basename(path)[:-2] for path in SOURCES])
def test_is_refused(compiler, source):
    with open(source) as f:
        wanted = re.findall(r"^// error: (.*)$", f.read(), re.M)
    assert wanted, f"{source}: no line // error: TEXT"
    result = subprocess.run([*compiler, "-c", "-o", "/dev/null", source], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                            env=dict(os.environ, LC_ALL="C"))  # plain quotation marks
    assert result.returncode != 0, f"{source}: expected an error ({wanted[0]}), but it compiles"
    errors = "\n".join(line for line in result.stdout.splitlines() if "error:" in line).replace("\\'", "'")
    for text in wanted:
        assert text in errors, f"{source}: expected the error {text!r}, got:\n{result.stdout}"
