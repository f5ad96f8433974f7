"""test_library.py -- programs whose output is compared with that of the host: sha256sum over a tree with every kind of name, and many
goroutines printing more than the consoles buffer.
"""
import os
import random
import re
import subprocess
import time

import pytest

import qemu
from conftest import make

NAMES = ["with space", "new\nline", "back\\slash", "cr\rhere", "äöü 日本", "tab\there", "a.b", "a-b", " lead", "trail ", "*glob*",
         "'quote\"", "-dash"]
BLOCKS = [1, 55, 56, 57, 63, 64, 65, 119, 120, 127, 128, 65535, 65536, 65537]  # around SHA-256's and the program's borders
LINKS = [("link", "big"), ("dirlink", "a"), ("loop", "loop"), ("dangling", "nowhere"), ("a/up", "../..")]


@pytest.fixture(scope="module")
def tree(tmp_path_factory):
    """A directory of some 330 files, and what the host's sha256sum says about them."""
    root = os.fsencode(tmp_path_factory.mktemp("files"))
    rand = random.Random(7)

    def put(path, data):
        full = os.path.join(root, path)
        os.makedirs(os.path.dirname(full), exist_ok=True)
        with open(full, "wb") as f:
            f.write(data)

    put(b"empty", b"")
    put(b"big", rand.randbytes(5_000_003))
    for n in BLOCKS:
        put(b"size-%d" % n, rand.randbytes(n))
    for name in NAMES:
        put(name.encode(), name.encode())
    put(b"not-utf8-\xff\xfe", b"x")
    put(b"dir\nwith\\all/in\rside", b"y")
    put(b"a/b", b"in a")
    for i in range(300):
        where = b"/".join(b"d%d" % rand.randrange(6) for _ in range(rand.randrange(1, 5)))
        put(where + b"/f%d" % i, rand.randbytes(rand.randrange(5000)))
    for name, target in LINKS:
        os.symlink(target, os.path.join(root, name.encode()))
    os.makedirs(os.path.join(root, b"void/void"))
    want = subprocess.run("find . -type f -print0 | LC_ALL=C sort -z | xargs -0 sha256sum", shell=True, cwd=root, check=True,
                          stdout=subprocess.PIPE).stdout
    return os.fsdecode(root), want


def sums_and_counts(output):
    """The lines of sums, and the files per core that --stats names."""
    lines = output.split(b"\n")
    sums = [line + b"\n" for line in lines if re.match(rb"\\?[0-9a-f]{64}  ", line)]
    return b"".join(sums), [int(m[1]) for m in (re.match(rb"core \d+: (\d+) files, \d+ bytes$", line) for line in lines) if m]


def check_sums(result, want, cores):
    sums, counts = sums_and_counts(result.output)
    if result.why or result.status or sums != want:
        pytest.fail(f"expected status 0 and the host's sums, got {result.status} {result.why}, {sums.count(bytes([10]))} of "
                    f"{want.count(bytes([10]))} lines\n{result.tail()}", pytrace=False)
    assert len(counts) == cores and sum(counts) == want.count(b"\n"), f"expected {cores} lines of statistics, got {counts}"
    assert all(counts), f"expected that every core hashes a file, got {counts}"


@pytest.mark.parametrize("cores", [1, 4])
def test_sha256sum_hosted(build, tree, cores):
    path = build.path("build/host/sha256sum")
    blob = tree[0] + ".blob"
    subprocess.run(["scripts/pack_blob.py", "--out", blob, tree[0]], check=True)
    result = qemu.run_process([path, "--stats"], 60, env=dict(os.environ, BURROW_CPUS=str(cores), BURROW_FILES=blob))
    check_sums(result, tree[1], cores)


@pytest.mark.parametrize("boot,cores", [("pvh", 1), ("pvh", 4), ("uefi", 4)])
def test_sha256sum_booted(build, tree, boot, cores):
    image = "build/sums." + {"pvh": "elf", "uefi": "img"}[boot]
    make(image, "APP=apps/sha256sum", "NAME=sums", f"FILES={tree[0]}")
    result = qemu.run(image, boot, "--stats", 90, smp=cores)
    check_sums(result, tree[1], cores)


def test_sha256sum_says_what_is_wrong(build):
    path = build.path("build/host/sha256sum")
    for words, want in [(["nowhere"], "sha256sum: nowhere: no such file or directory"), (["--fast"], "expected [--stats] [DIR]")]:
        result = qemu.run_process([path, *words], 20)
        assert result.status == 1 and want in result.text, f"{words}: expected 1 and {want!r}, got {result.status}\n{result.tail()}"


@pytest.mark.parametrize("damage,want", [(lambda b: b[:-1], "truncated"), (lambda b: b[:30], "truncated"), (lambda b: b"X" + b[1:], "magic"),
                                         (lambda b: b[:-1] + bytes([b[-1] ^ 1]), "data checksum")])
def test_damaged_tree(build, tmp_path, damage, want):
    path, blob = build.path("build/host/hello"), str(tmp_path / "files.blob")
    (tmp_path / "tree").mkdir()
    (tmp_path / "tree" / "file").write_bytes(b"0123456789abcdef")
    subprocess.run(["scripts/pack_blob.py", "--out", blob, str(tmp_path / "tree")], check=True)
    with open(blob, "r+b") as f:
        bad = damage(f.read())
        f.seek(0)
        f.truncate()
        f.write(bad)
    result = qemu.run_process([path], 20, env=dict(os.environ, BURROW_FILES=blob))
    assert result.status == 2 and "file tree" in result.text and want in result.text, \
        f"expected status 2 and {want!r}, got {result.status}\n{result.tail()}"


# ---- print

GOROUTINES, LINES = 8, 100


def check_print(output):
    output = output.replace(b"\r\n", b"\n")
    alphabet = b"abcdefghijklmnopqrstuvwxyz"
    want = {b"line %d %d %d %s" % (g, i, n, (alphabet * 24)[:n])
            for g in range(GOROUTINES) for i in range(LINES) for n in [(i * 37 + g * 101) % 600]}
    lines = output.split(b"\n")
    got = [line for line in lines if line.startswith(b"line ")]
    wrong = [line[:100] for line in got if line not in want]
    assert not wrong, f"expected whole lines, got {wrong[:5]}"
    assert len(got) == len(want) and len(set(got)) == len(want), f"expected {len(want)} lines, each once, got {len(got)}"
    for line in [b"numbers 0.5 1e+100 3.141592653589793 -1.000000 1.2e+04|42      |0000beef|x|%",
                 b"spilled 1 2 3 4 5 6 7 0.5 1.5 2.5 3.5 4.5 5.5 6.5 7.5 8.5 9.5",
                 b"growing 0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19, 50", b"cut 0123456 10", b"bytes a\0b",
                 b" " * 299999 + b"7|", b"print ok"]:
        assert line in lines, f"expected the line {line[-80:]!r}"


@pytest.mark.parametrize("cores", [1, 3])
def test_print_booted(build, cores):
    result = qemu.run(build.path("build/metal-t_print.elf"), "pvh", f"{GOROUTINES} {LINES}", 60, smp=cores)
    assert not result.why and result.status == 0, f"expected status 0, got {result.status}; {result.why}\n{result.tail()}"
    check_print(result.output)


@pytest.mark.parametrize("cores", [1, 3])
def test_print_to_a_slow_reader(build, cores):
    """A pipe that is full most of the time."""
    path = build.path("build/host/metal-t_print")
    process = subprocess.Popen([path, str(GOROUTINES), str(LINES)], stdout=subprocess.PIPE, env=dict(os.environ, BURROW_CPUS=str(cores)))
    output = b""
    try:
        time.sleep(0.3)
        while piece := os.read(process.stdout.fileno(), 3001):
            output += piece
            time.sleep(0.001)
        assert process.wait(10) == 0
    finally:
        process.kill()
    check_print(output)
