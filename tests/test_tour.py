"""The tour's pointers into the source lead somewhere (that it holds is judged by test_boot and test_hosted, as for any program)."""
import glob
import os
import re
import signal
import subprocess
import time

import pytest
import qemu


def test_places_exist():
    claims = [match for path in glob.glob("apps/tour/*.c") for match in re.findall(r'claim\(\s*"((?:[^"\\]|\\.)*)",\s*"([^"]*)"\)', open(path).read())]
    assert len(claims) >= 20
    assert [what for what, where in claims if not re.search(r"/[\w.]+: \w", where)] == ["Programs are native code, compiled once"], "each names a function"
    for what, where in claims:
        for path, function in re.findall(r"((?:rt|kernel|drivers|apps|scripts|docs)/[\w./]+)(?:: (\w+))?", where):
            assert os.path.exists(path), f"{what}: no {path}"
            assert not function or function in open(path).read(), f"{what}: no {function} in {path}"


def test_documentation_walks_through_every_claim():
    titles = re.findall(r"^## \d+\. (.*)$", open("docs/tour.md").read(), re.M)
    claims = [what for path in glob.glob("apps/tour/*.c") for what in re.findall(r'claim\(\s*"((?:[^"\\]|\\.)*)",', open(path).read())]
    assert sorted(titles) == sorted(claims)


def test_documentation_points_where_the_tour_points():
    """The line in brackets below each heading of docs/tour.md is the claim's."""
    shown = dict(re.findall(r"^## \d+\. (.*)$(?:(?!^## ).*\n)*?^\((.*)\)$", open("docs/tour.md").read(), re.M))
    claims = {what: where for path in glob.glob("apps/tour/*.c") for what, where in re.findall(r'claim\(\s*"((?:[^"\\]|\\.)*)",\s*"([^"]*)"\)', open(path).read())}
    assert shown == claims


@pytest.mark.parametrize("words, status, verdict", [("last", 0, "All other claims hold"), ("last fail", 1, "SOME CLAIMS DO NOT HOLD")])
def test_status_tells_whether_all_hold(build, words, status, verdict):
    """Though the last claim ends the program by a fatal error either way."""
    result = qemu.run_process([build.path("build/host/tour"), *words.split()], 120)
    assert result.status == status and verdict in result.text and "goroutine stack exceeds 65536-byte limit" in result.text, result.tail()


def shape(line):
    """A line without its numbers and the blanks that align them."""
    return " ".join(re.sub(r"0x[0-9a-f]+|\d+", "#", line).split())


def test_documentation_shows_what_the_tour_prints(build):
    """Line for line, numbers aside. The report at the end is an excerpt."""
    result = qemu.run_process([build.path("build/host/tour")], 240, env=dict(os.environ, BURROW_CPUS="4", BURROW_MEM="1G"))
    assert result.status == 0, result.tail()
    printed = [shape(line) for line in result.text.splitlines()]
    for number, block in re.findall(r"^## (\d+)\. (?:(?!^```).*\n)*^```\n((?:(?!^```).*\n)*)^```$", open("docs/tour.md").read(), re.M):
        shown = [shape(line) for line in block.splitlines() if line != "..."]
        if number != "20":
            at = next(i for i, line in enumerate(printed) if line == shown[0])
            assert printed[at:at + len(shown)] == shown and printed[at + len(shown)] == "", f"claim {number}:\n" + "\n".join(printed[at:at + len(shown) + 1])
        else:
            assert set(shown) <= set(printed), sorted(set(shown) - set(printed))


def test_slow_pauses_between_claims(build):
    """SLOW=1 of make, as docs/tour.md says; without it the second claim follows within the time that the first one takes: milliseconds."""
    build.path("build/host/tour")
    child = subprocess.Popen(["make", "host", "APP=apps/tour", "SLOW=1", "TIMEOUT=120"], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True,
                             start_new_session=True)
    seen = []
    try:
        for line in child.stdout:
            if re.match(r"\d+\. ", line):
                seen.append(time.monotonic())
            if len(seen) == 2:
                break
    finally:
        os.killpg(child.pid, signal.SIGKILL)
        child.communicate()
    assert len(seen) == 2 and seen[1] - seen[0] >= 3.9, seen
