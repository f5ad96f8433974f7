"""test_trace.py -- the event trace: the format, and that it is true: what a program certainly did is in it, in an order that can have been.

scripts/trace_check.py judges; here it is shown that it would notice, too: events that are taken out or moved are found.
"""
import json
import os
import re
import subprocess

import glass
import pytest
import qemu
import trace2json
import trace_check

KNOBS = "GODEBUG=trace=1"


def traced(build, name, boot, smp, line=KNOBS, status=0):
    """Runs a program; returns its trace and its story."""
    path = build.path(f"build/host/{name}" if boot == "host" else f"build/{name}.elf")
    side = f"build/test-{name}-{boot}.side"
    if os.path.exists(side):
        os.remove(side)
    command = ["scripts/run", "--boot", boot, "--accel", "tcg", "--smp", str(smp), "--timeout", "120", "--side", side, "--cmdline", line, path]
    result = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    assert result.returncode == status, result.stdout[-3000:]
    stream, image = glass.read(side), glass.Image(path)
    assert image.has_build(stream.build)
    return stream.trace, trace2json.Story(stream.trace, image), result.stdout


def number_of(story, function):
    """Numbers are given out to cores in batches: who is second is not always 2."""
    return next(g for g, name in story.names.items() if name == function)


def check(trace, story):
    wrong = trace_check.check_events(trace) + trace_check.check_json(json.loads(json.dumps(trace2json.to_json(story))))
    assert not wrong, "\n".join(wrong[:20])


@pytest.mark.parametrize("boot", ["host", "pvh"])
def test_two_goroutines_and_their_channel(build, boot):
    """apps/pingpong: 1000 values there and back between two goroutines."""
    trace, story, _ = traced(build, "pingpong", boot, 2)
    check(trace, story)
    assert trace.lost == 0
    partner = number_of(story, "partner")
    assert {g for g in story.runs if g < glass.SYSTEM_ID} == {number_of(story, "main"), partner} and partner != 1
    sends = [e for e in trace.events if e.kind == glass.CHAN and e.why == 1]
    assert len(sends) >= 2000, f"expected 2000 sends at least, got {len(sends)}"
    woken_by = {(w[2], w[5]) for w in story.wakes}
    assert {(1, partner), (partner, 1)} <= woken_by, f"expected each to wake the other, got {woken_by}"


@pytest.mark.parametrize("boot", ["host", "pvh"])
def test_collections(build, boot):
    """apps/wordfreq: each of its collections is there, with both of its stops."""
    trace, story, output = traced(build, "wordfreq", boot, 2, f"GOGC=10 GODEBUG=gctrace=1 {KNOBS}")
    check(trace, story)
    cycles = len(re.findall(r"^gc \d+ @", output, re.M))
    marks = [s for s in story.gc if s[2] == "mark"]
    assert trace.lost == 0 and cycles > 10
    # The last one may have ended without its line.
    assert len({s[3] for s in marks}) in (cycles, cycles + 1), f"expected {cycles} collections, got {len(marks)}"
    assert len([s for s in story.gc if s[2] == "stop 1"]) == len({s[3] for s in marks})
    assert len(story.stops) >= 2 * cycles
    assert any(story.marks.values())


def test_a_full_buffer_is_said(build):
    """What does not fit is counted, and the trace is whole up to there."""
    trace, story, _ = traced(build, "pingpong", "host", 2, "GODEBUG=trace=1,tracebuf=64")
    assert trace.lost > 0 and trace.events
    check(trace, story)
    assert str(trace.lost) in "\n".join(trace2json.summary(story))


def test_a_deadlock_leaves_its_trace(build):
    trace, story, output = traced(build, "deadlock", "host", 2, KNOBS, status=2)
    assert "all goroutines are asleep" in output
    check(trace, story)
    assert story.waits[1][-1][2].startswith("chan") or story.waits[1][-1][2].startswith("select"), story.waits[1]


def test_without_a_side_channel_it_is_said(build):
    result = qemu.run(build.path("build/hello.elf"), "pvh", KNOBS, 60)
    assert result.status == 0 and "nowhere to write" in result.text


def test_the_check_notices(build):
    """Each of these makes the trace a lie; the check must say so."""
    trace, story, _ = traced(build, "pingpong", "host", 2)
    events, partner = trace.events, number_of(story, "partner")
    starts = [i for i, e in enumerate(events) if e.kind == glass.START and e.g == partner]
    readies = [i for i, e in enumerate(events) if e.kind == glass.READY and e.g == partner]
    stops = [i for i, e in enumerate(events) if e.kind == glass.STOP and e.g == partner]

    def lie(change):
        changed = list(events)
        change(changed)
        trace.events = changed
        found = trace_check.check_events(trace)
        trace.events = events
        return found

    def renumbered(changed, i):
        """Takes event i out, and the later ones of its goroutine count on as if it had never been."""
        g, seq = changed[i].g, changed[i].seq
        del changed[i]
        for k, e in enumerate(changed):
            if e.g == g and e.seq > seq:
                changed[k] = e._replace(seq=e.seq - 1)

    assert any("follows" in w for w in lie(lambda c: c.pop(readies[5])))
    assert any("without a cause" in w for w in lie(lambda c: renumbered(c, readies[5])))
    assert any("starts" in w and "runs" in w for w in lie(lambda c: renumbered(c, stops[5])))
    assert any("stops where" in w for w in lie(lambda c: renumbered(c, starts[5])))
    assert any("on core" in w or "starts where" in w for w in lie(lambda c: c.insert(starts[5] + 1, events[starts[5]]._replace(core=7, seq=0))))


def test_the_format_check_notices():
    def event(**fields):
        return {"ph": "X", "pid": 1, "tid": 1, "ts": 0, "dur": 1, "name": "a", **fields}

    def found(*events):
        return trace_check.check_json({"traceEvents": list(events)})
    assert not found(event(), event(ts=1))
    assert found(event(dur=-1)) and found({"ph": "X"}) and found(event(ph="?"))
    assert found(event(ts=5), event(ts=4)), "time goes back"
    assert found(event(ts=0, dur=5), event(ts=3, dur=5)), "neither inside nor behind"
    assert found(event(ph="s", id=1)) and found(event(ph="f", id=1, bp="e")), "half a flow"
    assert found(event(ph="B")) and found(event(ph="E")), "half a slice"


def test_a_stream_that_is_cut_off_is_refused():
    data = glass.MAGIC + bytes([glass.INFO, 1]) + b"x"
    whole = data + bytes([glass.END, len(data)])
    assert glass.Stream(whole).build == "x"
    for n in range(len(whole)):
        with pytest.raises(glass.Trouble):
            glass.Stream(whole[:n])
