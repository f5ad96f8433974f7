"""test_wordfreq.py -- the collector's demonstration, in C and in Go, against coreutils: the same words and counts, over licence texts and over a larger tree,
all cores at work."""
import os
import re
import shutil
import subprocess

import pytest

import programs
import qemu
from conftest import make

CORES = 4
KNOBS = "GODEBUG=gctrace=1 GOGC=10"
# `find` lists files as they come and `cat` joins words across files, so the order of files counts: by path.
REFERENCE = r"""find . -type f -print0 | LC_ALL=C sort -z | xargs -0 cat | LC_ALL=C tr -cs 'A-Za-z' '\n' | LC_ALL=C tr A-Z a-z | grep . |
LC_ALL=C sort | uniq -c | LC_ALL=C sort -k1,1nr -k2,2 | head -50"""
AWKWARD = "build/wordfreq-awkward"
TRACE = re.compile(r"gc (\d+) @[^\n]* P(?: \(forced\))?\n")


def make_awkward(root):
    """Words that go on in the next file and the next piece (64 KB), files of one word, of nothing, of no letters."""
    shutil.rmtree(root, ignore_errors=True)
    os.makedirs(root + "/d")
    for name, data in {"a": b"one two thr", "b": b"EE four fi", "c": b"", "d/a": b"v", "d/b": b"e", "d/c": b" six\nseven", "d/d": b"7 \xc3\xa9a\0b",
                       "e": b"-- 12 --", "f": b"x" * 70000 + b" y" + b"z" * 65535, "g": b"q" * 65536, "h": b"r " * 40000,
                       "i": (b"a" * 65535 + b" ") * 3, "j": b" " * 65535 + b"kk" * 40000}.items():
        with open(f"{root}/{name}", "wb") as f:
            f.write(data)


def expected(tree):
    lines = subprocess.run(REFERENCE, shell=True, cwd=tree, check=True, stdout=subprocess.PIPE).stdout.decode().splitlines()
    assert lines
    return [line.split() for line in lines]


TREES = {"licenses": "/usr/share/common-licenses", "awkward": AWKWARD, "large": "/usr/share/perl"}


def built(target, tree, app="wordfreq"):
    if tree == "awkward":
        make_awkward(AWKWARD)
    name = f"{app}-{tree}"
    target = target.replace("NAME", name)
    make(target, f"APP=apps/{app}", f"NAME={name}", f"FILES={TREES[tree]}")
    return target


def judge(result, tree, cycles):
    text = programs.without_summary(result.output.decode(errors="surrogateescape"))
    assert not result.why and result.status == 0, f"{result.why}\n{result.tail()}"
    # Go writes a long line in pieces, and what the collector says may come between two.
    printed = TRACE.sub("", text)
    lines = [line.split() for line in printed.splitlines() if re.match(r"\d+ [a-z]+$", line)]
    assert lines == expected(TREES[tree])
    numbers = TRACE.findall(text)
    assert len(numbers) >= cycles, f"expected {cycles} collections, got {len(numbers)}"


# How often it collects depends on how the host lets the cores run; on one core only on the program.
@pytest.mark.parametrize("tree,cores,cycles", [("awkward", CORES, 1), ("licenses", CORES, 1), ("large", CORES, 5), ("large", 1, 200)])
def test_hosted(tree, cores, cycles):
    path = built("build/host/NAME", tree)
    judge(qemu.run_process([path], 90, env=dict(os.environ, BURROW_CPUS=str(cores), BURROW_CMDLINE=KNOBS)), tree, cycles)


@pytest.mark.parametrize("boot,suffix,tree,cores,cycles", [("pvh", "elf", "awkward", CORES, 1), ("pvh", "elf", "licenses", CORES, 1),
                                                           ("pvh", "elf", "large", CORES, 5), ("pvh", "elf", "large", 1, 200),
                                                           ("uefi", "img", "licenses", CORES, 1)])
def test_booted(boot, suffix, tree, cores, cycles):
    image = built(f"build/NAME.{suffix}", tree)
    judge(qemu.run(image, boot, KNOBS, 240, smp=cores, mem="512M"), tree, cycles)


# The same in Go, whose strings lie in garbage of their own: it collects more often.
@pytest.mark.parametrize("tree,cores", [("awkward", CORES), ("large", CORES), ("licenses", 1)])
def test_go_hosted(tree, cores):
    path = built("build/host/NAME", tree, "gowordfreq")
    judge(qemu.run_process([path], 120, env=dict(os.environ, BURROW_CPUS=str(cores), BURROW_CMDLINE=KNOBS)), tree, 2)


@pytest.mark.parametrize("tree", ["awkward", "licenses"])
def test_go_booted(tree):
    judge(qemu.run(built("build/NAME.elf", tree, "gowordfreq"), "pvh", KNOBS, 240, smp=CORES, mem="512M"), tree, 2)
