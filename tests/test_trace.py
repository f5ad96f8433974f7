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
import trace_svg

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


@pytest.mark.parametrize("boot", ["host", "pvh"])
def test_every_kind(build, boot):
    """tests/metal/t_kinds.c does something of each kind, and the selects of one goroutine choose what is known."""
    trace, story, _ = traced(build, "metal-t_kinds", boot, 2, "GODEBUG=trace=1,tracebuf=16384")
    check(trace, story)
    assert trace.lost == 0
    kinds = {e.kind for e in trace.events}
    assert kinds == set(range(glass.CREATE, glass.SWEEP + 1)) - ({glass.SWEEP} - kinds), f"missing: {set(range(1, 15)) - kinds}"  # (who sweeps, is a race)
    ways = {(e.kind, e.why) for e in trace.events}
    assert {(glass.GC, why) for why in range(1, 5)} | {(glass.STOPPED, why) for why in range(3)} | {(glass.IDLE, 0), (glass.IDLE, 1)} <= ways
    assert {(glass.IRQ, why) for why in glass.IRQ_NAMES} <= ways, "timer interrupts, and those from another core"
    assert any(e.kind == glass.MARK and 0 < e.g < glass.SYSTEM_ID for e in trace.events), "an assist"
    assert any(e.kind == glass.STOP and e.why == 66 for e in trace.events), "a loop that an interrupt has ended"
    chooser = number_of(story, "chooser")
    chosen = [(glass.CHAN_NAMES[e.why], glass.channel_of(e.arg)[1]) for e in trace.events if e.kind == glass.CHAN and e.g == chooser]
    assert chosen == [("select: receives", 1), ("select: sends", 0), ("select: default", 2), ("select: receives", 0), ("channel close", 0), ("select: receives", 1)]
    waited = [why for _, _, why in story.waits[chooser]]
    sender = [glass.channel_of(e.arg)[0] for e in trace.events if e.kind == glass.CHAN and e.g == 1 and e.why == 1]
    first = next(glass.channel_of(e.arg)[0] for e in trace.events if e.kind == glass.CHAN and e.g == chooser)
    assert sender == [first] and first >> 47 in (0, 0x1ffff), "the same channel, and an address that can be one"
    assert waited[0] == "ready" and set(waited[1:]) <= {"select", "ready", "preempted", "works for the collector"}, waited


@pytest.mark.parametrize("boot", ["host", "pvh"])
def test_the_newest_events_are_kept(build, boot):
    """A ring that is too small: how many are lost is known and said, the rest is whole, up to the end."""
    trace, story, _ = traced(build, "pingpong", boot, 2, "GODEBUG=trace=1,tracebuf=64")
    assert trace.lost > 1000 and 0 < trace.begin < trace.end and trace.events[0].at > trace.begin
    check(trace, story)
    assert story.runs[1][-1][1:4:2] == (trace.end, "end of the trace"), "main runs until the end"
    assert number_of(story, "partner"), "named by its runs, though its birth was overwritten"
    assert all(begin >= trace.begin for runs in (*story.runs.values(), *story.waits.values()) for begin, *_ in runs)
    document = trace2json.to_json(story)
    assert document["otherData"]["lost_events"] == trace.lost and str(trace.lost) in document["otherData"]["trace"]
    assert any("the trace begins here" in e["name"] for e in document["traceEvents"])
    assert str(trace.lost) in "\n".join(trace2json.summary(story))
    assert f"{trace.lost} older events were overwritten" in trace_svg.draw(story)


def event(kind, at, g=0, seq=0, why=0, arg=0, core=0):
    return glass.Event(kind, at, why, g, seq, arg, core, 0)


def test_what_began_before_the_oldest_event():
    """Told by the first event that follows from it: what a goroutine or a core does, sleep, a collection."""
    trace = glass.Trace()
    trace.begin, trace.end, trace.cores, trace.lost = 100, 1000, 3, 5
    trace.reasons = ["", "chan receive"]
    trace.events = [event(glass.STOP, 200, g=7, seq=41, why=1), event(glass.READY, 300, g=8, seq=5, why=1, arg=7, core=1), event(glass.START, 310, g=8, seq=6, core=1),
                    event(glass.IDLE, 400, why=0, core=2), event(glass.GC, 500, why=glass.GC_MARKED, arg=3), event(glass.STOPPED, 510, why=0)]
    assert not trace_check.check_events(trace)
    story = trace2json.Story(trace)
    assert story.runs[7] == [(100, 200, 0, "chan receive")] and story.waits[8] == [(100, 300, "chan receive"), (300, 310, "ready")]
    assert story.idle[2] == [(100, 400, "idle")] and story.gc[0] == (100, 500, "mark", 3) and story.stops == [(100, 510, 100, 0)]
    trace.events.append(event(glass.STOP, 320, g=9, seq=1, core=1))
    assert any("stops where 8 runs" in w for w in trace_check.check_events(trace)), "the core is known by then"
    trace.lost = 0
    assert len(trace_check.check_events(trace)) >= 4, "with nothing lost, all of this is wrong"


def test_a_deadlock_leaves_its_trace(build):
    trace, story, output = traced(build, "deadlock", "host", 2, KNOBS, status=2)
    assert "all goroutines are asleep" in output
    check(trace, story)
    assert story.waits[1][-1][2].startswith("chan") or story.waits[1][-1][2].startswith("select"), story.waits[1]


@pytest.mark.parametrize("boot", ["host", "pvh"])
@pytest.mark.parametrize("how", ["text-survived", "stray"])
def test_the_report_of_a_program_is_no_part_of_it(build, how, boot):
    """A panic, and a fault that is none: what was looked at comes out, up to there, and nothing that the report did: it stops the other core and looks for lines, for long."""
    traced(build, "metal-t_dies", boot, 2, f"GODEBUG=trace=1,cpuprof=10000,goprof=1 -- {how}", status=2)
    stream, image = glass.read(f"build/test-metal-t_dies-{boot}.side"), glass.Image(build.path("build/host/metal-t_dies" if boot == "host" else "build/metal-t_dies.elf"))
    story = trace2json.Story(stream.trace, image)
    check(stream.trace, story)
    assert story.runs[1][-1][1] == stream.trace.end, "main runs until the end"
    goroutines = next(p for p in stream.profiles if p.kind == "goroutine")
    assert [s.values[0] for s in goroutines.stacks] == [1], goroutines.stacks
    seen = {place.file for p in stream.profiles if p.kind == "cpu" for s in p.stacks for _, place in image.frames(s.pcs)}
    assert not seen & {"rt/report.c", "rt/traceback.c", "rt/symtab.c", "rt/print.c", "kernel/panic.c", "kernel/log.c", "tests/host/plat_fault.c"}, seen


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


@pytest.mark.parametrize("words,stream,made", [(["trace"], "trace.side", ["trace.json", "trace.svg"]), (["profile", "KIND=heap"], "profile.side", ["profile.pb.gz"])])
def test_a_program_that_does_not_end(build, tmp_path, words, stream, made):
    """It writes nothing: that is said, with its status; and nothing of the run before lies there as if it were of this."""
    app = tmp_path / "endless.c"
    app.write_text('#include "rt/burrow.h"\n\nint main(int argc, char **argv) {\n    for (;;)\n        time_sleep(1000000000);\n}\n')
    for name in [stream, *made]:
        with open(f"build/{name}", "w") as f:
            f.write("of another run")
    r = subprocess.run(["make", "-s", *words, f"APP={app}", "BOOT=host", "TIMEOUT=3"], text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    assert r.returncode and "exit status 124\n" in r.stdout and "nothing was written: the program did not end by itself" in r.stdout and "Error 124" in r.stdout, r.stdout
    assert not os.path.getsize(f"build/{stream}") and not any(os.path.exists(f"build/{name}") for name in made)
