"""The tour's pointers into the source lead somewhere (that it holds is judged by test_boot and test_hosted, as for any program)."""
import glob
import os
import re


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
