"""test_go_profiles.py -- programs in Go that take their own profiles with runtime/pprof (tests/go/profiles.go)."""
import base64
import os
import re
import shutil
import subprocess

import glass
import pprof
import profile2pb
import programs
import pytest
import qemu

GO = shutil.which("go") or "/usr/lib/go-1.19/bin/go"


def profiles(build, kind, boot="host", cores=2, knobs=""):
    """{name: bytes} of what the program took, and the other lines that it wrote."""
    if boot == "host":
        env = dict(os.environ, BURROW_CPUS=str(cores), BURROW_CMDLINE=f"{knobs} -- {kind}")
        result = qemu.run_process([build.path("build/host/go-profiles")], 300, env=env)
    else:
        result = qemu.run(build.path("build/go-profiles.elf"), boot, f"{knobs} -- {kind}", 300, smp=cores)
    assert result.status == 0, result.tail()
    text = programs.without_summary(result.text)
    found = re.findall(r"^BEGIN (\w+)\n(\S*)\nEND\n", text, re.M)
    assert found, text[-3000:]
    return {name: base64.b64decode(data) for name, data in found}, re.sub(r"^BEGIN \w+\n\S*\nEND\n", "", text, flags=re.M)


def by_function(data, types, value, leaf=False):
    top, samples = pprof.read(data)
    assert [t for t, _ in top["sample_types"]] == types
    sums = {}
    for s in samples:
        for function in {s.stack[0][0]} if leaf else {f for f, _, _ in s.stack}:
            sums[function] = sums.get(function, 0) + s.values[value]
    return sums


def opened(data, name):
    """What go tool pprof says; None: it is not here."""
    if not os.path.exists(GO):
        return None
    path = f"build/test-go-profiles-{name}.pb.gz"
    with open(path, "wb") as f:
        f.write(data)
    return subprocess.run([GO, "tool", "pprof", "-top", path], check=True, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT).stdout


@pytest.mark.parametrize("boot", ["host", "pvh"])
def test_cpu(build, boot):
    """Three quarters of the work in hot, a quarter in warm, in two profiles one after the other; a profile that is being taken keeps another from beginning. The work is
    always the same; where it takes longer than a second, because this system is slow or busy, the samples are not fewer."""
    taken, said = profiles(build, "cpu", boot)
    assert said == "second: cpu profiling already in use\n" * 2, said
    for name in ("cpu0", "cpu1"):
        flat, cum = (by_function(taken[name], ["samples", "cpu"], 0, leaf) for leaf in (True, False))
        both = flat["main.hot"] + flat["main.warm"]
        assert both >= 20 and 0.4 < flat["main.hot"] / both < 0.97, flat
        assert cum["main.burn"] >= both and cum["main.main"] >= both, cum
        seconds = pprof.numbers(pprof.read(taken[name])[0]["duration_nanos"])[0] / 1e9
        assert sum(flat.values()) <= 2 * (100 * seconds + 2), (flat, seconds)  # of each core; what ran before and after is not in it
    tool = opened(taken["cpu0"], f"cpu-{boot}")
    assert tool is None or ("Type: cpu" in tool and "main.hot" in tool), tool


def test_names_beyond_ascii(build):
    """gccgo writes such characters as _u and digits (tests/go/names.go); the dump, runtime and the commands that read profiles say what the source says."""
    image, side = build.path("build/host/go-names"), "build/test-go-names.side"
    result = qemu.run_process([image], 60, env=dict(os.environ, BURROW_SIDE=side, BURROW_CMDLINE="GODEBUG=goprof=1"))
    assert result.status == 2 and result.text.startswith("main.größe.läuft\npanic: ende\n"), result.text
    frames = ["main.größe.läuft", "main.世界", "main.𝔸_x", "main.main"]
    assert re.findall(r"^(main\..*)\(\.\.\.\)$", result.text, re.M) == frames, result.text
    stream = glass.read(side)
    data = profile2pb.convert(profile2pb.merged(stream.profiles, "goroutine"), glass.Image(image), stream.build)[0]
    assert [f for f, _, _ in pprof.read(data)[1][0].stack][:4] == frames


@pytest.mark.parametrize("boot", ["host", "pvh"])
def test_labels(build, boot):
    """pprof.Do: a sample has the labels that its goroutine had then, which it gets from who starts it. The collector checks that the labels in samples are kept."""
    taken, said = profiles(build, "labels", boot, knobs="GODEBUG=gcverify=1")
    assert said == ""
    turns, found = set(), {"main.hot": 0, "main.warm": 0, "main.cold": 0}
    for s in pprof.read(taken["labels0"])[1]:
        for function in found.keys() & {f for f, _, _ in s.stack}:
            found[function] += s.values[0]
            labels = dict(s.labels)
            if function != "main.cold":
                turn = labels.pop("turn", "none")
                assert turn in {f"turn {i}" for i in range(40)}, s
                turns.add(turn)
            assert labels == {"main.hot": {"kind": "hot"}, "main.warm": {"kind": "warm"}, "main.cold": {}}[function], s
    assert min(found.values()) >= 5 and len(turns) >= 5, (found, turns)
    waiting = {}
    for s in pprof.read(taken["goroutine0"])[1]:
        if any(f == "main.waitHere" for f, _, _ in s.stack):
            key = s.labels.get("number", "none")
            waiting[key] = waiting.get(key, 0) + s.values[0]
    assert waiting == {"0": 2, "1": 1, "none": 1}, waiting
    assert len(re.findall(r'^# labels: \{"number":"[01]"\}$', taken["goroutine1"].decode(), re.M)) == 2, taken["goroutine1"]


@pytest.mark.parametrize("boot", ["host", "pvh"])
def test_heap(build, boot):
    """4 MB are kept by one function, 16 MB made by another and dropped; as the profile stands for them, within 12 %."""
    taken, said = profiles(build, "heap", boot)
    assert said == ""
    types = ["alloc_objects", "alloc_space", "inuse_objects", "inuse_space"]
    for name in ("heap0", "allocs0"):
        made, used = (by_function(taken[name], types, value) for value in (1, 3))
        assert 0.85 * (4 << 20) < made["main.keep"] < 1.3 * (4 << 20) and 0.88 * (16 << 20) < made["main.waste"] < 1.12 * (16 << 20), made
        assert 0.85 * (4 << 20) < used["main.keep"] < 1.3 * (4 << 20) and used.get("main.waste", 0) < 1 << 20, used
    text = taken["heap1"].decode()
    assert re.match(r"heap profile: \d+: \d+ \[\d+: \d+\] @ heap/8192\n", text) and "main.keep+0x" in text and "# HeapAlloc = " in text, text
    tool = opened(taken["heap0"], f"heap-{boot}")
    assert tool is None or ("Type: inuse_space" in tool and "main.keep" in tool), tool


def test_goroutine(build):
    taken, said = profiles(build, "goroutine")
    assert said == ""
    counts = by_function(taken["goroutine0"], ["goroutine"], 0)
    assert (counts["main.waitHere"], counts["main.waitThere"], counts["main.main"]) == (10, 5, 1), counts
    text = taken["goroutine1"].decode()
    assert re.match(r"goroutine profile: total 16\n10 @ 0x\w+\n#\t0x\w+\tmain\.waitHere\+0x\w+\ttests/go/profiles\.go:\d+\n\n5 @ ", text), text
    assert len(re.findall(r"^goroutine \d+ \[chan receive\]:\nmain\.waitHere", taken["goroutine2"].decode(), re.M)) == 10
    assert taken["threadcreate1"].decode().startswith("threadcreate profile: total 2\n"), taken["threadcreate1"]


def test_mutex(build):
    """40 times somebody holds it for 2 ms, and three others wait nearly always: who let go is in it."""
    taken, said = profiles(build, "mutex")
    assert said == "before: 0\nafter: 1\n"
    count, delay = (by_function(taken["mutex0"], ["contentions", "delay"], value) for value in (0, 1))
    assert count["main.hold"] >= 10 and delay["main.hold"] >= 40_000_000 and delay["main.hold"] == max(delay.values()), (count, delay)
    assert re.match(r"--- mutex:\ncycles/second=1000000000\nsampling period=1\n\d+ \d+ @ ", taken["mutex1"].decode()), taken["mutex1"]


def test_block(build):
    """20 values, one every 2 ms, over a channel that was made before: for each of them one side waits, nearly always the receiver, and for the close."""
    taken, said = profiles(build, "block")
    assert said == ""
    count, delay = (by_function(taken["block0"], ["contentions", "delay"], value) for value in (0, 1))
    assert count["main.receiveAll"] >= 5 and delay["main.receiveAll"] > 4_000_000, (count, delay)
    assert count["main.receiveAll"] + count.get("main.block.func1", 0) <= 21, count
    assert taken["block1"].decode().startswith("--- contention:\ncycles/second=1000000000\n"), taken["block1"]


def test_own(build):
    taken, _ = profiles(build, "own")
    assert by_function(taken["own0"], ["own"], 0)["main.own"] == 1 and "main.own+0x" in taken["own1"].decode()
