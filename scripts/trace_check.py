#!/usr/bin/python3
"""trace_check.py -- is a trace what it claims to be?

    scripts/trace_check.py build/trace.json             the format alone
    check_events(trace), check_json(document)           for tests and for scripts/trace2json.py

Two halves. The events themselves (glass.Trace): a goroutine runs on one core at a time, and its events have no gap; every start has a cause before it: somebody
made it ready, or it was taken off while it could go on; a core runs one goroutine at a time and does not sleep meanwhile. Where older events were overwritten, the
first of a goroutine or a core may follow from those. The document: fields that the Chrome trace event format requires, slices of a row nested, begins and ends matched, time never going back in a row, flows with both ends.
"""
import json
import sys

import glass

PHASES = {"X", "B", "E", "i", "I", "s", "f", "t", "M", "C", "b", "e", "n"}


def check_events(trace):
    """A list of what is wrong, for people; empty: nothing."""
    wrong = []
    state, where, seq, running, asleep, known = {}, {}, {}, {}, {}, set()  # known: cores that have run something
    for e in trace.events:
        at = f"at {e.at} ns, core {e.core}: "
        if e.at > trace.end or e.at < trace.begin:
            wrong.append(at + "an event outside of the trace")
        from_before = trace.lost and e.g not in seq
        if e.seq:
            if e.seq != (1 if e.kind == glass.CREATE else seq.get(e.g, 0) + 1) and not from_before:
                wrong.append(at + f"goroutine {e.g}: event number {e.seq} follows {seq.get(e.g, 0)}")
            seq[e.g] = e.seq
        if e.kind == glass.CREATE:
            state[e.g] = "new"
        elif e.kind == glass.READY:
            if state.get(e.g) == "runs":
                wrong.append(at + f"goroutine {e.g} is made ready while it runs on core {where[e.g]}")
            state[e.g] = "ready"
        elif e.kind == glass.START:
            if e.core in running:
                wrong.append(at + f"goroutine {e.g} starts where {running[e.core]} runs")
            if asleep.get(e.core):
                wrong.append(at + f"goroutine {e.g} starts on a core that sleeps")
            if state.get(e.g) == "runs":
                wrong.append(at + f"goroutine {e.g} starts, and runs on core {where[e.g]}")
            # Goroutine 1 is made by the start of the runtime, and ready then.
            elif state.get(e.g) not in ("ready", "left") and not (e.g == 1 and state.get(e.g) == "new") and not from_before:
                wrong.append(at + f"goroutine {e.g} starts without a cause: {state.get(e.g, 'unknown')}")
            state[e.g], where[e.g], running[e.core] = "runs", e.core, e.g
        elif e.kind in (glass.STOP, glass.EXIT):
            if running.get(e.core) != e.g and not (from_before and e.core not in known):
                wrong.append(at + f"goroutine {e.g} stops where {running.get(e.core)} runs")
            running.pop(e.core, None)
            state[e.g] = "dead" if e.kind == glass.EXIT else "left" if e.why in glass.LEFT_NAMES else "waits"
        elif e.kind == glass.IDLE:
            if e.why and e.core in running:
                wrong.append(at + f"sleeps while goroutine {running[e.core]} runs")
            asleep[e.core] = bool(e.why)
        if e.kind in (glass.START, glass.STOP, glass.EXIT):
            known.add(e.core)
    for events in trace.buffers:
        for a, b in zip(events, events[1:]):
            if b.at < a.at:
                wrong.append(f"core {b.core}: time goes back from {a.at} to {b.at}")
    return wrong


def check_json(document):
    """The same for a document in Chrome's trace event format."""
    wrong = []
    if not isinstance(document.get("traceEvents"), list):
        return ["no traceEvents"]
    rows, flows, last = {}, {}, {}
    for i, e in enumerate(document["traceEvents"]):
        at = f"event {i} ({e.get('name')}): "
        missing = [k for k in ("ph", "pid", "tid", "name") if k not in e] + (["ts"] if e.get("ph") != "M" and "ts" not in e else [])
        if missing or e["ph"] not in PHASES:
            wrong.append(at + f"missing {missing}" if missing else at + f"unknown phase {e['ph']}")
            continue
        if e["ph"] == "M":
            continue
        row = e["pid"], e["tid"]
        if e["ts"] < last.get(row, 0):
            wrong.append(at + f"time goes back in row {row}")
        last[row] = e["ts"]
        if e["ph"] == "X":
            if e.get("dur", -1) < 0:
                wrong.append(at + "no duration")
                continue
            rows.setdefault(row, []).append(e)
        elif e["ph"] in "BE":
            stack = rows.setdefault((row, "open"), [])
            if e["ph"] == "B":
                stack.append(e)
            elif not stack:
                wrong.append(at + f"ends what has not begun in row {row}")
            else:
                stack.pop()
        elif e["ph"] in "sf":
            if "id" not in e:
                wrong.append(at + "a flow without id")
            elif e["ph"] == "s" and e["id"] not in flows:
                flows[e["id"]] = e["ts"]
            elif e["ph"] == "f" and e["id"] in flows and e.get("bp") == "e":
                if flows.pop(e["id"]) > e["ts"]:
                    wrong.append(at + "a flow that ends before it begins")
            else:
                wrong.append(at + f"flow {e['id']} does not match")
    wrong += [f"flow {i} does not end" for i in flows]
    for row, events in rows.items():
        if row[1] == "open":
            wrong += [f"row {row[0]}: {e['name']} does not end" for e in events]
            continue
        ends = []
        for e in events:
            start, end = _ns(e["ts"]), _ns(e["ts"]) + _ns(e["dur"])
            while ends and ends[-1] <= start:
                ends.pop()
            if ends and end > ends[-1]:
                wrong.append(f"row {row}: {e['name']} at {e['ts']} is not inside of what it begins in")
            ends.append(end)
    return wrong


def _ns(us):
    return round(us * 1000)


def main():
    with open(sys.argv[1]) as f:
        document = json.load(f)
    wrong = check_json(document)
    for line in wrong[:50]:
        print(line)
    print(f"{len(document.get('traceEvents', []))} events, {len(wrong)} of them wrong")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
