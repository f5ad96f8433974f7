"""glass.py -- reads the side channel's stream (rt/side.h): traces (rt/trace.c) and profiles (rt/profile.c). Used by trace2json.py and profile2pb.py.

A stream that is cut off, or says other things than it should, is an error that names the place; nothing is guessed.
"""
import argparse
import bisect
import os
import re
import sys
from collections import namedtuple

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import symbols

MAGIC = b"BRWSIDE1"
END, INFO, TRACE, EVENTS, PROFILE = range(5)

# rt/trace.h
(CREATE, START, STOP, EXIT, READY, IDLE, STEAL, GC, STOPPED, MARK, IRQ, TIMER, CHAN, SWEEP) = range(1, 15)
GC_BEGIN, GC_MARKING, GC_MARKED, GC_END = range(1, 5)
IRQ_NAMES = {1: "timer interrupt", 2: "interrupt from another core"}
GAP = 127
CHAN_NAMES = {1: "channel send", 2: "channel receive", 3: "channel close", 4: "select: sends", 5: "select: receives", 6: "select: default"}
SELECTS = (4, 5, 6)
# rt/watch.h: why a goroutine that could have gone on was stopped
LEFT_NAMES = {64: "yield", 65: "preempted at a call", 66: "preempted", 67: "preempted at a door of the runtime", 68: "works for the collector",
              69: "end"}
LEFT_FOR_GC = 68
SYSTEM_ID = 1 << 48
PROFILE_KINDS = ("cpu", "heap", "goroutine", "mutex", "block")

Event = namedtuple("Event", "kind at why g seq arg core irq")


def channel_of(arg):
    """(address, position of a select's case) in a channel's event"""
    address = arg >> 16
    return (address | 0xffff << 48 if address >> 47 else address), arg & 0xffff


class Trouble(Exception):
    """The stream is not what it should be."""


class Trace:
    """begin, end: ns, all events lie between; cores; reasons: texts; events: in the order of time and cause; lost: how many older ones were overwritten in the
    cores' buffers by newer ones, begin then being when the last of them may have been."""

    def __init__(self):
        self.begin = self.end = self.cores = 0
        self.reasons, self.events, self.buffers = [], [], []
        self.lost = 0

    def reason(self, why):
        return LEFT_NAMES.get(why) or (self.reasons[why] if why < len(self.reasons) else f"reason {why}")


class Stack(namedtuple("Stack", "values pcs")):
    """One bucket of a profile: values (their meaning depends on the kind) and code addresses, innermost first."""


class Profile:
    def __init__(self, kind, rate, duration, lost, stacks):
        self.kind, self.rate, self.duration, self.lost, self.stacks = kind, rate, duration, lost, stacks


class Reader:
    def __init__(self, data):
        self.data, self.at = data, 0

    def number(self):
        value = shift = 0
        while True:
            if self.at >= len(self.data):
                raise Trouble(f"the stream is cut off at byte {self.at}")
            byte = self.data[self.at]
            self.at += 1
            value |= (byte & 0x7f) << shift
            if byte < 0x80:
                return value
            shift += 7
            if shift > 63:
                raise Trouble(f"byte {self.at}: a number without end")

    def text(self):
        n = self.number()
        if self.at + n > len(self.data):
            raise Trouble(f"the stream is cut off at byte {len(self.data)}, in a text")
        self.at += n
        return self.data[self.at - n:self.at].decode(errors="replace")


class Stream:
    """build: the image's; trace: a Trace or None; profiles: a list."""

    def __init__(self, data):
        if not data:
            raise Trouble("nothing was written: the program did not end by itself, or was not asked to write")
        if not data.startswith(MAGIC):
            raise Trouble(f"begins with {data[:8]!r}, not with {MAGIC!r}")
        self.build, self.trace, self.profiles = "", None, []
        r = Reader(data)
        r.at = len(MAGIC)
        while True:
            at = r.at
            kind = r.number()
            if kind == END:
                if r.number() != at:
                    raise Trouble(f"{at} bytes came, and not as many were sent")
                break
            self._record(kind, r, at)
        if r.at != len(data):
            raise Trouble(f"{len(data) - r.at} bytes behind the end")
        if self.trace:
            _settle(self.trace)

    def _record(self, kind, r, at):
        if kind == INFO:
            self.build = r.text()
        elif kind == TRACE:
            self.trace = t = Trace()
            t.end, t.cores = r.number(), r.number()
            t.reasons = [r.text() for _ in range(r.number())]
        elif kind == EVENTS and self.trace:
            _read_buffer(self.trace, r)
        elif kind == PROFILE:
            name = r.text()
            rate, duration, lost, n = r.number(), r.number(), r.number(), r.number()
            stacks = []
            for _ in range(n):
                values = tuple(r.number() for _ in range(4))
                stacks.append(Stack(values, tuple(r.number() for _ in range(r.number()))))
            self.profiles.append(Profile(name, rate, duration, lost, stacks))
        else:
            raise Trouble(f"byte {at}: unknown record {kind}")


def _read_buffer(trace, r):
    core, irq, first = (r.number() for _ in range(3))
    at, events = 0, []
    while kind := r.number():
        if kind == GAP:
            first, events = r.number(), []
            continue
        at += r.number()
        why, g, seq, arg = r.number(), r.number(), r.number(), r.number()
        events.append(Event(kind, at, why, g, seq, arg, core, irq))
    trace.buffers.append(events)
    if first:
        trace.lost += first
        trace.begin = max(trace.begin, events[0].at if events else trace.end)


def _settle(trace):
    """Cuts what is not complete and merges the buffers: by time, and at the same time by the order of a goroutine's events."""
    whole = [[e for e in events if e.at <= trace.end and (e.at > trace.begin or not trace.lost)] for events in trace.buffers]
    merged = sorted((e for events in whole for e in events), key=lambda e: (e.at, e.core, e.irq))
    trace.events = _by_cause(merged)


def _by_cause(events):
    """Within one nanosecond: no event about a goroutine before the one that its number follows; each core's in their order."""
    out, i, last = [], 0, {}
    while i < len(events):
        j = i
        while j < len(events) and events[j].at == events[i].at:
            j += 1
        group = events[i:j]
        while len(group) > 1:
            blocked = set()
            for k, e in enumerate(group):
                place = e.core, e.irq
                if place in blocked:
                    continue
                blocked.add(place)
                # Of a goroutine whose earlier events are lost, the first is the one with the lowest number.
                if e.seq <= 1 or e.seq == last.get(e.g, min(o.seq for o in group if o.g == e.g and o.seq) - 1) + 1:
                    break
            else:
                k = 0  # not to be had in order: the check of the trace says so
            e = group.pop(k)
            if e.seq:
                last[e.g] = e.seq
            out.append(e)
        e = group[0]
        if e.seq:
            last[e.g] = e.seq
        out.append(e)
        i = j
    return out


def read(path):
    with open(path, "rb") as f:
        return Stream(f.read())


# ---- the commands that convert a stream


def arguments(description, **options):
    """The command line of a converter: options (of add_argument, by name), the image, the stream."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--image", required=True, help="that wrote the stream; its symbols name the code")
    for name, how in options.items():
        parser.add_argument("--" + name.replace("_", "-"), **how)
    parser.add_argument("stream")
    return parser.parse_args()


def opened(args):
    """(stream, image) that belong together"""
    stream, image = read(args.stream), Image(args.image)
    if not image.has_build(stream.build):
        raise Trouble(f"was written by build {stream.build}, and {args.image} is another")
    return stream, image


def command(main):
    """Ends the program as main says; what is wrong with its input is one line."""
    try:
        sys.exit(main())
    except (Trouble, OSError, ValueError) as e:
        sys.exit(f"{os.path.basename(sys.argv[0]).removesuffix('.py')}: {e}")


# ---- names of code

Place = namedtuple("Place", "function file line")
OUTSIDE = Place("[outside of the image]", "", 0)  # of a process: libc and what Linux maps


class Image:
    """Functions and lines of a linked image or process."""

    def __init__(self, path):
        self.path = path
        self.elf = symbols.read(path)
        self.functions = symbols.elf_functions(self.elf)
        self.starts = [f[0] for f in self.functions]
        self._lines = self._rows = None
        self._inlined = []

    def has_build(self, build):
        return not build or build.encode() + b"\0" in self.elf

    def function(self, pc):
        i = bisect.bisect_right(self.starts, pc) - 1
        if i < 0 or pc >= self.functions[i][1]:
            return None
        return go_name(self.functions[i][2])

    def place(self, pc):
        """Of an address inside an instruction."""
        if self._lines is None:
            self._lines = symbols.dwarf_lines(self.path, "objdump", {start for start, _, _ in self.functions})
            self._rows = [row[0] for row in self._lines]
        i = bisect.bisect_right(self._rows, pc) - 1
        _, file, line = self._lines[i] if i >= 0 else (0, "", 0)
        return Place(function, file, line) if (function := self.function(pc)) else OUTSIDE

    def frames(self, pcs):
        """(pc, Place) of each address inside an instruction and, before it, of the functions of Go that were inlined there, innermost first. What gccgo makes of a go or
        defer statement is left out, as in traces, unless there is nothing else."""
        found = []
        for pc in pcs:
            place, calls = self.place(pc), self._inlined_at(pc)
            names = [go_name(name) for name, _, _ in calls] + [place.function]
            lines = [(place.file, place.line)] + [(file, line) for _, file, line in calls]
            here = [(pc, Place(name, *line)) for name, line in zip(names, lines)]
            found += here[:-1] if self._is_thunk(pc) else here
        return found or [(pc, self.place(pc)) for pc in pcs]

    def know_inlined(self, pcs):
        """frames() of these will be asked for: all at once, for each look takes a process."""
        self._inlined = symbols.inlined_calls(self.path, self.functions, pcs)

    def _inlined_at(self, pc):
        i = bisect.bisect_right(self._inlined, pc, key=lambda row: row[0]) - 1
        return self._inlined[i][1] if i >= 0 else ()

    def _is_thunk(self, pc):
        i = bisect.bisect_right(self.starts, pc) - 1
        return i >= 0 and pc < self.functions[i][1] and "..thunk" in self.functions[i][2]


# Functions of the runtime that goroutines begin in.
RUNTIME_NAMES = {"main_goroutine": "main", "coordinator_main": "collector's coordinator", "finalizer_main": "finalizers"}
GO_ESCAPES = dict(zip("0123456789abc_", "./*,{}[]()\" ;_"))


def go_name(symbol):
    """A symbol of gccgo as Go's tools write it, as rt_go_name (rt/go/trace.c) does; names of C stay as they are."""
    if "." not in symbol:
        return symbol
    symbol = re.sub(r"\.\.r$", "", symbol)
    symbol = re.sub(r"_(?:u([0-9a-f]{4})|U([0-9a-f]{8})|([0-9a-c_]))", lambda m: GO_ESCAPES[m[3]] if m[3] else chr(int(m[1] or m[2], 16)), symbol)
    return symbol.replace("..", ".")
