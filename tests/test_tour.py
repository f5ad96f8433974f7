"""The tour's pointers into the source lead somewhere (that it holds is judged by test_boot and test_hosted, as for any program)."""
import glob
import os
import re

import pytest
import qemu


def test_places_exist():
    claims = [match for path in glob.glob("apps/tour/*.c") for match in re.findall(r'claim\(\s*"((?:[^"\\]|\\.)*)",\s*"([^"]*)"\)', open(path).read())]
    assert len(claims) >= 20
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
