"""test_profile.py -- profiles of a program whose profiles are known (tests/metal/t_profile.c), and that pprof opens them."""
import gzip
import os
import shutil
import subprocess

import glass
import pprof
import profile2pb
import pytest

KNOBS = {"cpu": "cpuprof=2000", "heap": "heapprof=4096", "goroutine": "goprof=1", "mutex": "mutexprof=1", "block": "blockprof=1"}


def profiled(build, name, kind, boot, smp, arguments):
    """Runs a program; returns (sample types, samples of the .pb.gz as pprof.read gives them, its path)."""
    path = build.path(f"build/host/{name}" if boot == "host" else f"build/{name}.elf")
    side, out = f"build/test-{name}-{kind}-{boot}.side", f"build/test-{name}-{kind}-{boot}.pb.gz"
    command = ["scripts/run", "--boot", boot, "--accel", "tcg", "--smp", str(smp), "--timeout", "120", "--side", side,
               "--cmdline", f"GODEBUG={KNOBS[kind]} {arguments}", path]
    result = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    assert result.returncode == 0, result.stdout[-3000:]
    stream, image = glass.read(side), glass.Image(path)
    profile = profile2pb.merged(stream.profiles, kind)
    assert profile.lost == 0
    data = profile2pb.convert(profile, image, stream.build)[0]
    with open(out, "wb") as f:
        f.write(data)
    top, samples = pprof.read(data)
    assert tuple(top["sample_types"]) == profile2pb.SAMPLE_TYPES[kind]
    return top["sample_types"], samples, out


def by_function(samples, value, leaf=True):
    sums = {}
    for s in samples:
        for function in {s.stack[0][0]} if leaf else {f for f, _, _ in s.stack}:
            sums[function] = sums.get(function, 0) + s.values[value]
    return sums


def near(got, expected, part):
    return abs(got - expected) <= expected * part


@pytest.mark.parametrize("boot", ["host", "pvh"])
def test_cpu(build, boot):
    """Three quarters of the time in one function, a quarter in another, both called by a third."""
    _, samples, _ = profiled(build, "metal-t_profile", "cpu", boot, 1, "cpu")
    flat, cum = by_function(samples, 0), by_function(samples, 0, leaf=False)
    own = flat.get("hot", 0) + flat.get("warm", 0)
    assert own >= 100, f"expected 100 samples at least in hot and warm, got {flat}"
    assert 0.65 < flat["hot"] / own < 0.85, f"expected 75 % of both in hot, got {flat}"
    assert cum["burn"] >= 0.97 * own and cum["main"] >= 0.97 * own, f"expected burn and main above all of {own}, got {cum}"
    places = {(f, file) for s in samples for f, file, line in s.stack if f in ("hot", "warm", "burn") and line}
    assert places == {(f, "tests/metal/t_profile.c") for f in ("hot", "warm", "burn")}


@pytest.mark.parametrize("boot", ["host", "pvh"])
def test_cores_that_sleep_do_not_count(build, boot):
    """Each collection stops the other core twice: it sleeps then, and is not what the program spends its time on."""
    _, samples, _ = profiled(build, "metal-t_profile", "cpu", boot, 2, "stops")
    flat = by_function(samples, 0)
    assert sum(flat.values()) > 20 and "plat_idle" not in flat, flat


@pytest.mark.parametrize("boot", ["host", "pvh"])
def test_heap(build, boot):
    """4 MB are kept by one function, 16 MB made by another and dropped."""
    _, samples, _ = profiled(build, "metal-t_profile", "heap", boot, 1, "heap")
    alloc, inuse = by_function(samples, 1), by_function(samples, 3)
    assert near(alloc["keep"], 4 << 20, 0.05) and near(alloc["waste"], 16 << 20, 0.12), alloc
    assert near(inuse["keep"], 4 << 20, 0.05) and inuse.get("waste", 0) < 1 << 20, inuse


@pytest.mark.parametrize("boot", ["host", "pvh"])
def test_heap_sizes(build, boot):
    """199,900 objects of 64 bytes and 100 of 256 KB by one stack: what is sampled of each stands for its own size, not for the mean of both."""
    _, samples, path = profiled(build, "metal-t_profile", "heap", boot, 1, "z")
    by_size = {s.labels["bytes"]: s.values[:2] for s in samples if s.stack[0][0] == "mixed"}
    assert set(by_size) == {64, 262144} and by_size[262144] == [100, 100 << 18], by_size
    assert near(by_size[64][0], 199900, 0.1) and near(by_size[64][1], 199900 * 64, 0.1), by_size


@pytest.mark.parametrize("boot", ["host", "pvh"])
def test_goroutine(build, boot):
    _, samples, _ = profiled(build, "metal-t_profile", "goroutine", boot, 2, "goroutine")
    counts = by_function(samples, 0, leaf=False)
    assert [s.stack[0][0] for s in samples if len(s.stack) == 1 and s.values[0] == 1] == ["main"], "the one that made the profile, not what made it"
    assert counts.get("wait_here") == 10 and counts.get("wait_there") == 5 and sum(s.values[0] for s in samples) == 16, counts


@pytest.mark.parametrize("boot", ["host", "pvh"])
def test_mutex(build, boot):
    """20 times somebody holds it for 2 ms, and three others wait nearly always."""
    _, samples, _ = profiled(build, "metal-t_profile", "mutex", boot, 2, "mutex")
    count, delay = by_function(samples, 0), by_function(samples, 1)
    assert count["hold"] >= 10 and delay["hold"] >= 40_000_000 and delay["hold"] >= 0.9 * sum(delay.values()), (count, delay)


@pytest.mark.parametrize("boot", ["host", "pvh"])
def test_block(build, boot):
    """20 values, one every 2 ms: for each of them one side waits, nearly always the receiver; it also waits for the close."""
    _, samples, _ = profiled(build, "metal-t_profile", "block", boot, 2, "block")
    count, delay = by_function(samples, 0), by_function(samples, 1)
    assert count["receive_all"] + count.get("send_slowly", 0) in (20, 21), count
    assert count["receive_all"] >= 5 and delay["receive_all"] > 4_000_000, (count, delay)


def test_an_empty_profile_says_why(build):
    """hello is over before the first tick, allocates little, and waits for nobody."""
    image, side = build.path("build/host/hello"), "build/test-empty.side"
    environment = dict(os.environ, BURROW_SIDE=side, BURROW_CMDLINE="GODEBUG=cpuprof=1,heapprof=100000000,mutexprof=1,blockprof=1000000000")
    subprocess.run([image], env=environment, check=True, stdout=subprocess.DEVNULL)
    for kind, why in (("cpu", "one is taken every 1000 ms"), ("heap", "of every 100000000 bytes"), ("mutex", "nobody had to wait"), ("block", "after about 1000000000 ns")):
        out = subprocess.run(["scripts/profile2pb.py", "--image", image, "--kind", kind, "--out", "build/test-empty.pb.gz", side], stdout=subprocess.PIPE, text=True, check=True).stdout
        assert f"{kind}: 0 stacks" in out and why in out and "look at it" not in out, out
    wrong = subprocess.run(["scripts/profile2pb.py", "--image", image, "--kind", "goroutine", "--out", "build/test-empty.pb.gz", side], stderr=subprocess.PIPE, text=True)
    assert wrong.returncode == 1 and wrong.stderr == "profile2pb: no goroutine profile in it\n"


def test_go_program(build):
    """Functions of Go have Go's names, and their callers are found by unwind tables."""
    _, samples, _ = profiled(build, "gotrees", "cpu", "host", 2, "")
    cum = by_function(samples, 0, leaf=False)
    assert cum.get("main.build", 0) + cum.get("main.Node.sum", 0) > 0 or any(f.startswith("main.") for f in cum), cum
    _, samples, _ = profiled(build, "gotrees", "heap", "host", 2, "")
    made = by_function(samples, 1, leaf=False)
    assert made.get("main.build", 0) > 1 << 20, made
    assert made.get("main.main", 0) > 1 << 18, made


def test_go_goroutines(build):
    """What was inlined into what a go statement makes is where they wait; that itself is no function of the program's."""
    _, samples, _ = profiled(build, "go-leaks", "goroutine", "host", 2, "")
    assert [(s.stack[0][0], len(s.stack)) for s in samples if s.values[0] == 20] == [("main.stuck", 1)], samples
    assert not any("thunk" in f for f in by_function(samples, 0, leaf=False)), samples


def test_inlined_frames():
    """One address, two functions: both are in the stack, in every sample."""
    image = glass.Image.__new__(glass.Image)
    image.starts, image.functions = [16, 32], [(16, 32, "main.outer"), (32, 48, "main.go..thunk0")]
    image._lines, image._rows = [(16, "a.go", 3)], [16]
    image._inlined = [(20, (("main.inner", "a.go", 9),)), (24, ())]
    writer = pprof.Writer((("n", "count"),), ("n", "count", 1), 1, (0, 1, "x"))
    writer.sample(image.frames((21, 40)), (7,))
    writer.sample(image.frames((25,)), (8,))
    inner, outer = ("main.inner", "a.go", 3), ("main.outer", "a.go", 9)
    assert pprof.read(writer.finish())[1] == [pprof.Sample([inner, outer], [7]), pprof.Sample([("main.outer", "a.go", 3)], [8])]
    assert [place.function for _, place in image.frames((40,))] == ["main.go.thunk0"]


@pytest.mark.skipif(not shutil.which("go") and not os.path.exists("/usr/lib/go-1.19/bin/go"), reason="go is not here; the format is checked above")
def test_pprof_opens_them(build):
    _, _, path = profiled(build, "metal-t_profile", "heap", "host", 1, "heap")
    go = shutil.which("go") or "/usr/lib/go-1.19/bin/go"
    text = subprocess.run([go, "tool", "pprof", "-top", path], check=True, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT).stdout
    assert "Type: inuse_space" in text and "keep" in text, text


def test_a_reader_refuses_what_is_not_there():
    image_less = pprof.Writer((("n", "count"),), ("n", "count", 1), 1, (0, 1, "x"))
    image_less.sample([(16, glass.Place("f", "a.c", 3))], (7,))
    data = image_less.finish()
    assert pprof.read(data)[1] == [pprof.Sample([("f", "a.c", 3)], [7])]
    raw = gzip.decompress(data)
    with pytest.raises((ValueError, IndexError, KeyError)):
        pprof.read(gzip.compress(raw[:-3]))
