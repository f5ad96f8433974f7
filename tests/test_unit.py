"""test_unit.py -- runs the hosted unit tests, tests/unit/test_*.c, one process each."""
import glob
import os
import subprocess

import pytest

TESTS = sorted(os.path.basename(path)[:-2] for path in glob.glob("tests/unit/test_*.c"))
TIMEOUT = 60


@pytest.mark.parametrize("name", TESTS)
def test_unit(build, name):
    path = build.path(f"build/unit/{name}")
    env = dict(os.environ, ASAN_OPTIONS="detect_leaks=0:abort_on_error=0", UBSAN_OPTIONS="print_stacktrace=1")
    try:
        result = subprocess.run([path], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=TIMEOUT, env=env)
    except subprocess.TimeoutExpired as e:
        pytest.fail(f"{path}: timeout after {TIMEOUT} s\n{(e.stdout or b'').decode(errors='replace')[-3000:]}", pytrace=False)
    text = result.stdout.decode(errors="replace")
    if result.returncode != 0 or "ok: " not in text:
        pytest.fail(f"{path}: expected status 0 and a line \"ok: N checks\", got status {result.returncode}\n{text[-3000:]}",
                    pytrace=False)
