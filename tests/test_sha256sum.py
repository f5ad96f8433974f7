"""test_sha256sum.py -- the demonstration against coreutils: the same lines over a tree with every awkward name, all cores at work."""
import os
import random
import re
import shutil
import subprocess

import pytest

import programs
import qemu
from conftest import make

TREE = "build/test-tree"
NAME = "sha256sum-tree"
CORES = 4
STATS = re.compile(r"^core (\d+): (\d+) files, (\d+) bytes$", re.M)


def write(path, data):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "wb") as f:
        f.write(data)


def make_tree(root):
    """A few hundred files: empty, small, several MB; names that need escapes or sort oddly; links of all kinds."""
    shutil.rmtree(root, ignore_errors=True)
    rng = random.Random(20)
    root = os.fsencode(root) + b"/"
    for i in range(300):
        write(root + b"many/%d/file %d.bin" % (i % 7, i), rng.randbytes(rng.randrange(1, 4000)))
    write(root + b"empty", b"")
    write(root + b"several MB", rng.randbytes(5 * 1024 * 1024 + 13))
    for size in (1, 55, 56, 63, 64, 65, 119, 120, 127, 128, 4096, 65536, 65537):  # around SHA-256's blocks and the program's pieces
        write(root + b"size/%d" % size, rng.randbytes(size))
    for name in (b" leading", b"trailing ", b"new\nline", b"re\rturn", b"back\\slash", b"\\n", b"tab\tbed", b"caf\xc3\xa9", b"\xe6\x97\xa5\xe6\x9c\xac",
                 b"not utf8 \xff\xfe", b"-dash", b"$dollar", b"quote'\"", b"a", b"a-b", b"a b", b"A", b"a.d/x", b"a.d/y\nz", b"up",
                 b"dir\\with/new\nline/both\\\n"):
        write(root + b"names/" + name, name)
    os.makedirs(root + b"empty directory")
    os.symlink(b"empty", root + b"link to file")
    os.symlink(b"names", root + b"link to directory")
    os.symlink(b"nowhere", root + b"link to nothing")


@pytest.fixture(scope="module")
def expected():
    make_tree(TREE)
    listing = subprocess.run("find . -type f -print0 | LC_ALL=C sort -z | xargs -0 sha256sum", shell=True, cwd=TREE, check=True,
                             stdout=subprocess.PIPE).stdout
    lines = listing.decode(errors="surrogateescape").splitlines()
    assert len(lines) > 300
    return lines


def built(target):
    make(target, "APP=apps/sha256sum", f"NAME={NAME}", f"FILES={TREE}")
    return target


def judge(result, expected):
    text = programs.without_summary(result.output.decode(errors="surrogateescape"))
    stats = {int(core): (int(files), int(size)) for core, files, size in STATS.findall(text)}
    lines = STATS.sub("", text).rstrip("\n").split("\n")
    assert not result.why and result.status == 0, f"{result.why}\n{result.tail()}"
    for i, (got, want) in enumerate(zip(lines, expected)):
        assert got == want, f"line {i + 1}"
    assert len(lines) == len(expected)
    assert sorted(stats) == list(range(CORES)), f"expected a line of statistics for each core, got {stats}"
    assert all(files > 0 for files, _ in stats.values()), f"every core must hash at least one file: {stats}"
    assert sum(files for files, _ in stats.values()) == len(expected)


def test_hosted(expected):
    path = built(f"build/host/{NAME}")
    judge(qemu.run_process([path, "--stats"], 60, env=dict(os.environ, BURROW_CPUS=str(CORES))), expected)


@pytest.mark.parametrize("boot,suffix", [("pvh", "elf"), ("uefi", "img"), ("iso", "iso")])
def test_booted(expected, boot, suffix):
    image = built(f"build/{NAME}.{suffix}")
    judge(qemu.run(image, boot, "--stats", 90, smp=CORES, mem="512M"), expected)
