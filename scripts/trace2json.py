#!/usr/bin/python3
"""trace2json.py -- makes of a traced run what people look at: JSON in Chrome's trace event format (ui.perfetto.dev, chrome://tracing) and a picture.

    scripts/trace2json.py --image build/NAME.elf --json build/trace.json --svg build/trace.svg build/trace.side

Rows of the JSON: the collector's phases and stops of the world; each core: which goroutine runs, marking, sleep, interrupts; each goroutine: runs, and waits for
what. Arrows lead from who makes a goroutine ready to where it then runs. A trace that contradicts itself is not written: status 1 and what is wrong.
"""
import json
import os
import re
import sys
from collections import defaultdict

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import glass
import trace_check
import trace_svg

PID_MACHINE, PID_GOROUTINES = 1, 2
TID_GC, TID_STOP, TID_CORE = 1, 2, 100


def function_name(image, pc):
    """What a goroutine began in; of Go's go statements, for which gccgo makes functions without a name of use, the place."""
    name = image.function(pc)
    if name and re.search(r"\bthunk\d+$", name):
        place = image.place(pc)
        return f"go at {os.path.basename(place.file)}:{place.line}" if place.line else name
    return glass.RUNTIME_NAMES.get(name, name)


class Story:
    """The slices of a trace. A slice: (begin, end, name, details). Of cores: busy, idle, marks; of goroutines: runs, waits; gc, stops."""

    def __init__(self, trace, image=None):
        self.trace, self.image = trace, image
        self.names = {}
        self.runs, self.waits = defaultdict(list), defaultdict(list)  # goroutine -> (begin, end, core or reason)
        self.core_runs, self.idle, self.marks, self.sweeps = (defaultdict(list) for _ in range(4))
        self.gc, self.stops, self.instants, self.wakes = [], [], [], []
        self.latency = []  # ns from ready to running
        self._tell()

    def name(self, g):
        """'goroutine 7 main.worker'; those of the runtime by function alone"""
        function = self.names.get(g)
        if g >= glass.SYSTEM_ID:
            return function or "goroutine of the runtime"
        number = f"goroutine {g}"
        return f"{number} {function}" if function else number

    def _tell(self):
        t, run, wait, ready = self.trace, {}, {}, {}
        phase = stop = None
        toggles = {glass.IDLE: Toggle(t, self.idle), glass.MARK: Toggle(t, self.marks), glass.SWEEP: Toggle(t, self.sweeps)}
        begun = Beginnings(t)
        for e in t.events:
            if e.g and begun.goroutine(e):
                if e.kind == glass.READY:
                    wait[e.g] = t.begin, t.reason(e.why)
                elif e.kind == glass.START:
                    wait[e.g] = t.begin, "ready"
                elif e.kind in (glass.STOP, glass.EXIT):
                    run[e.core] = t.begin, e.g
            if e.kind in (glass.CREATE, glass.START) and e.g not in self.names:
                self.names[e.g] = function_name(self.image, e.arg) if self.image and e.arg else None
            if e.kind == glass.START:
                if e.g in wait:
                    since, why = wait.pop(e.g)
                    self.waits[e.g].append((since, e.at, why))
                if e.g in ready:
                    self.wakes.append((*ready.pop(e.g), e.at, e.core, e.g))
                    self.latency.append(e.at - self.wakes[-1][0])
                run[e.core] = e.at, e.g
            elif e.kind in (glass.STOP, glass.EXIT) and e.core in run:
                since, g = run.pop(e.core)
                why = "end" if e.kind == glass.EXIT else t.reason(e.why)
                self.runs[g].append((since, e.at, e.core, why))
                self.core_runs[e.core].append((since, e.at, g, why))
                if e.kind == glass.STOP:
                    wait[g] = e.at, why
            elif e.kind == glass.READY:
                ready[e.g] = e.at, e.core, e.arg
                if e.g in wait:
                    since, why = wait[e.g]
                    self.waits[e.g].append((since, e.at, why))
                wait[e.g] = e.at, "ready"
            elif e.kind in toggles:
                toggles[e.kind].event(e, {glass.IDLE: "idle", glass.SWEEP: "sweeps"}.get(e.kind) or (f"assist of {self.name(e.g)}" if e.g else "marks"))
            elif e.kind == glass.GC:
                phase = phase or begun.phase(e)
                if phase:
                    self.gc.append((phase[0], e.at, phase[1], phase[2]))
                names = {glass.GC_BEGIN: "stop 1", glass.GC_MARKING: "mark", glass.GC_MARKED: "stop 2"}
                phase = (e.at, names[e.why], e.arg) if e.why in names else None
            elif e.kind == glass.STOPPED:
                stop = stop or begun.stop(e)
                if e.why == 1:
                    stop = [e.at, e.at, e.core]
                elif stop and e.why == 2:
                    stop[1] = e.at
                elif stop:
                    self.stops.append((stop[0], e.at, stop[1], stop[2]))
                    stop = None
            elif e.kind in (glass.IRQ, glass.TIMER, glass.STEAL, glass.CHAN):
                self.instants.append(e)
        self._close(run, wait, phase, stop)
        for toggle in toggles.values():
            toggle.close()

    def _close(self, run, wait, phase, stop):
        end = self.trace.end
        for core, (since, g) in run.items():
            self.runs[g].append((since, end, core, "end of the trace"))
            self.core_runs[core].append((since, end, g, "end of the trace"))
        for g, (since, why) in wait.items():
            self.waits[g].append((since, end, why))
        if phase:
            self.gc.append((phase[0], end, phase[1], phase[2]))
        if stop:
            self.stops.append((stop[0], end, stop[1], stop[2]))


class Toggle:
    """What a core begins and ends, like sleep: into a table of slices by core."""

    def __init__(self, trace, table):
        self.trace, self.table = trace, table
        self.open, self.known = {}, set()

    def event(self, e, name):
        if e.why:
            self.open[e.core] = e.at, name
        elif e.core in self.open or (self.trace.lost and e.core not in self.known):
            since, name = self.open.pop(e.core, (self.trace.begin, name))
            self.table[e.core].append((since, e.at, name))
        self.known.add(e.core)

    def close(self):
        for core, (since, name) in self.open.items():
            self.table[core].append((since, self.trace.end, name))


class Beginnings:
    """Where older events were overwritten: what had begun before, told by the first event that follows from it."""

    def __init__(self, trace):
        self.trace, self.seen = trace, set()

    def goroutine(self, e):
        """Is this the first of its goroutine, which is older?"""
        if not e.seq or e.g in self.seen:
            return False
        self.seen.add(e.g)
        return bool(self.trace.lost) and e.kind != glass.CREATE

    def _first(self, what):
        if not self.trace.lost or what in self.seen:
            return False
        self.seen.add(what)
        return True

    def phase(self, e):
        before = {glass.GC_MARKING: "stop 1", glass.GC_MARKED: "mark", glass.GC_END: "stop 2"}
        return (self.trace.begin, before[e.why], e.arg) if self._first("gc") and e.why in before else None

    def stop(self, e):
        return [self.trace.begin, self.trace.begin, e.core] if self._first("stop") and e.why != 1 else None


# ---- JSON


def us(ns):
    return ns / 1000


def to_json(story):
    t, out = story.trace, []

    def meta(pid, tid, what, value):
        out.append({"ph": "M", "pid": pid, "tid": tid, "name": what, "args": {"name": value} if isinstance(value, str) else {"sort_index": value}})

    def put(pid, tid, begin, end, name, **args):
        out.append({"ph": "X", "pid": pid, "tid": tid, "ts": us(begin), "dur": us(end - begin), "name": name, "args": args})

    meta(PID_MACHINE, 0, "process_name", "machine")
    meta(PID_GOROUTINES, 0, "process_name", "goroutines")
    for tid, name in ((TID_GC, "collector"), (TID_STOP, "stops of the world")):
        meta(PID_MACHINE, tid, "thread_name", name)
        meta(PID_MACHINE, tid, "thread_sort_index", tid)
    for core in range(t.cores):
        meta(PID_MACHINE, TID_CORE + core, "thread_name", f"core {core}")
        meta(PID_MACHINE, TID_CORE + core, "thread_sort_index", TID_CORE + core)
    rows = {g: i + 1 for i, g in enumerate(sorted(set(story.runs) | set(story.waits) | set(story.names)))}
    for g, tid in rows.items():
        meta(PID_GOROUTINES, tid, "thread_name", story.name(g))
        meta(PID_GOROUTINES, tid, "thread_sort_index", tid)
    for begin, end, name, cycle in story.gc:
        put(PID_MACHINE, TID_GC, begin, end, name, cycle=cycle)
    for begin, end, reached, core in story.stops:
        put(PID_MACHINE, TID_STOP, begin, end, "stop of the world", by_core=core, until_stopped_ns=reached - begin)
        put(PID_MACHINE, TID_STOP, begin, reached, "stopping")
    for core, runs in story.core_runs.items():
        for begin, end, g, why in runs:
            put(PID_MACHINE, TID_CORE + core, begin, end, story.name(g), ended_by=why)
    for table in (story.idle, story.marks, story.sweeps):
        for core, slices in table.items():
            for begin, end, name in slices:
                put(PID_MACHINE, TID_CORE + core, begin, end, name)
    for g, runs in story.runs.items():
        for begin, end, core, why in runs:
            put(PID_GOROUTINES, rows[g], begin, end, f"core {core}", ended_by=why)
    for g, waits in story.waits.items():
        for begin, end, why in waits:
            put(PID_GOROUTINES, rows[g], begin, end, why)
    for e in story.instants:
        name = {glass.IRQ: lambda: glass.IRQ_NAMES.get(e.why, "interrupt"), glass.TIMER: lambda: "timer fires",
                glass.STEAL: lambda: f"takes {story.name(e.g)} from core {e.arg}",
                glass.CHAN: lambda: glass.CHAN_NAMES.get(e.why, "channel")}[e.kind]()
        args = {glass.TIMER: lambda: {"late_ns": e.arg}, glass.CHAN: lambda: channel_args(e)}.get(e.kind, dict)()
        out.append({"ph": "i", "pid": PID_MACHINE, "tid": TID_CORE + e.core, "ts": us(e.at), "s": "t", "name": name, "args": args})
    for i, (at, core, by, then, on, g) in enumerate(story.wakes):
        if not by:
            continue
        common = {"cat": "wake-up", "name": "makes ready", "id": i}
        out.append({"ph": "s", "pid": PID_MACHINE, "tid": TID_CORE + core, "ts": us(at), **common})
        out.append({"ph": "f", "bp": "e", "pid": PID_MACHINE, "tid": TID_CORE + on, "ts": us(then), **common})
    if t.lost:
        out.append({"ph": "i", "pid": PID_MACHINE, "tid": TID_GC, "ts": us(t.begin), "s": "g", "name": f"the trace begins here: {t.lost} older events were overwritten"})
    # A slice comes before those inside of it.
    out.sort(key=lambda e: (e.get("ts", -1), -e.get("dur", 0)))
    note = lost_note(t) + " (GODEBUG=tracebuf=KB)" if t.lost else "complete"
    return {"displayTimeUnit": "ns", "otherData": {"trace": note, "lost_events": t.lost, "begin_ms": t.begin / 1e6, "end_ms": t.end / 1e6}, "traceEvents": out}


def channel_args(e):
    address, case = glass.channel_of(e.arg)
    return {"channel": f"{address:#x}", "goroutine": e.g, **({"case": case} if e.why in glass.SELECTS else {})}


def lost_note(t):
    return f"complete from {t.begin / 1e6:.3f} ms on: {t.lost} older events were overwritten in the cores' buffers"


def summary(story):
    t = story.trace
    lines = [f"trace:  {len(t.events)} events in {(t.end - t.begin) / 1e6:.3f} ms, {t.cores} cores, {len(story.runs)} goroutines ran, {len(story.wakes)} wake-ups, "
             f"{len([1 for p in story.gc if p[2] == 'mark'])} collections"]
    if t.lost:
        lines.append(f"        {lost_note(t)} (GODEBUG=tracebuf=KB makes them larger)")
    return lines


def main():
    args = glass.arguments("convert a traced run", json={}, svg={}, from_ms={"type": float, "default": 0, "help": "where the picture begins"},
                           to_ms={"type": float, "help": "and ends"}, title={"default": ""})
    stream, image = glass.opened(args)
    if not stream.trace:
        raise glass.Trouble("no trace in it (GODEBUG=trace=1)")
    wrong = trace_check.check_events(stream.trace)
    story = Story(stream.trace, image)
    document = to_json(story)
    wrong += trace_check.check_json(document)
    if wrong:
        raise glass.Trouble("the trace contradicts itself:\n  " + "\n  ".join(wrong[:20]))
    if args.json:
        with open(args.json, "w") as f:
            json.dump(document, f, separators=(",", ":"))
    if args.svg:
        with open(args.svg, "w") as f:
            f.write(trace_svg.draw(story, args.title, args.from_ms * 1e6, args.to_ms * 1e6 if args.to_ms else None))
    print("\n".join(summary(story)))
    return 0


if __name__ == "__main__":
    glass.command(main)
