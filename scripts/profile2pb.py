#!/usr/bin/python3
"""profile2pb.py -- makes of a profiled run what `go tool pprof` opens, and prints where most of it is.

    scripts/profile2pb.py --image build/NAME.elf --kind cpu --out build/profile.pb.gz build/profile.side

Names, files and lines are resolved here, so pprof needs no image. As in Go's profiles, heap, mutex and block stacks begin at the program's own call: the
runtime's frames above it are left out.
"""
import math
import os
import sys
from collections import Counter

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import glass
import pprof

SAMPLE_TYPES = {
    "cpu": (("samples", "count"), ("cpu", "nanoseconds")),
    "heap": (("alloc_objects", "count"), ("alloc_space", "bytes"), ("inuse_objects", "count"), ("inuse_space", "bytes")),
    "goroutine": (("goroutine", "count"),),
    "mutex": (("contentions", "count"), ("delay", "nanoseconds")),
    "block": (("contentions", "count"), ("delay", "nanoseconds")),
}
PERIODS = {"cpu": ("cpu", "nanoseconds"), "heap": ("space", "bytes"), "goroutine": ("goroutine", "count"), "mutex": ("contentions", "count"),
           "block": ("contentions", "count")}


def scaled(count, size, rate):
    """What so many sampled objects of so many bytes stand for (Go's scaleHeapSample)."""
    if not count or not size:
        return 0, 0
    if rate <= 1:
        return count, size
    scale = 1 / (1 - math.exp(-(size / count) / rate))
    return round(count * scale), round(size * scale)


def values_of(profile, values):
    if profile.kind == "cpu":
        return values[0], values[0] * (1000000000 // profile.rate)
    if profile.kind == "heap":
        made, freed = scaled(*values[:2], profile.rate), scaled(*values[2:], profile.rate)
        return *made, made[0] - freed[0], made[1] - freed[1]
    return values[:1] if profile.kind == "goroutine" else values[:2]


def of_runtime(place):
    return place.file.startswith(("rt/", "kernel/", "tests/host/"))


# Where goroutines begin, below their function.
ENTRIES = {"g_start", "core_main"}


def stack_of(image, kind, pcs):
    stack, own = image.frames(pcs), None
    if kind in ("heap", "mutex", "block", "goroutine"):
        own = next((i for i, (_, place) in enumerate(stack) if not of_runtime(place)), None)
        if own is not None:
            stack = stack[own:]
    begun = [(pc, place) for pc, place in stack if place.function not in ENTRIES] or stack
    if kind == "goroutine" and own is None:
        # Nothing of the program's is on it any more, as when main has returned: what it began in, not what made the profile.
        pc, place = begun[-1]
        return [(pc, place._replace(function=glass.RUNTIME_NAMES.get(place.function, place.function)))]
    return begun


def size_of(kind, values):
    """Of the objects of a stack in a heap profile: all have the same, what one of them stands for depends on it (rt/profile_heap.c)."""
    return values[1] // values[0] if kind == "heap" and values[0] else 0


def merged(profiles, kind):
    """One profile of the cores'; None: none of that kind."""
    chosen = [p for p in profiles if p.kind == kind]
    if not chosen:
        return None
    sums = {}
    for p in chosen:
        for s in p.stacks:
            key = s.pcs, size_of(kind, s.values)
            old = sums.get(key, (0, 0, 0, 0))
            sums[key] = tuple(a + b for a, b in zip(old, s.values))
    stacks = [glass.Stack(values, pcs) for (pcs, _), values in sums.items()]
    return glass.Profile(kind, chosen[0].rate, chosen[0].duration, sum(p.lost for p in chosen), stacks)


def convert(profile, image, build=""):
    """(bytes of the .pb.gz, Counter of the default value by function, its total)"""
    kind = profile.kind
    period = 1000000000 // profile.rate if kind == "cpu" else profile.rate
    code = [f for f in image.functions if f[1] > f[0]]
    writer = pprof.Writer(SAMPLE_TYPES[kind], (*PERIODS[kind], period), profile.duration, (code[0][0], code[-1][1], os.path.basename(image.path)), build)
    if profile.lost:
        writer.comment(f"{profile.lost} samples did not fit in the tables")
    flat, total = Counter(), 0
    image.know_inlined({pc for s in profile.stacks for pc in s.pcs})
    for s in profile.stacks:
        values = values_of(profile, s.values)
        stack = stack_of(image, kind, s.pcs)
        if not any(values) or not stack:
            continue
        size = size_of(kind, s.values)
        writer.sample(stack, values, {"bytes": size} if size else {})
        flat[stack[0][1].function] += values[-1]
        total += values[-1]
    return writer.finish(), flat, total


def why_empty(profile):
    """No sample at all may be the truth, or the program ran too short for the rate."""
    return {
        "cpu": f"no samples: one is taken every {1000 / profile.rate:g} ms of each core that runs, and the program ended after {profile.duration / 1e6:.3g} ms "
               "(give it more to do, or sample faster: CMDLINE='GODEBUG=cpuprof=hz ...')",
        "heap": f"no samples: one object of every {profile.rate} bytes allocated is taken, and there were few (CMDLINE='GODEBUG=heapprof=bytes ...')",
        "goroutine": "no goroutines: the program did not end by itself or by a report",
        "mutex": "nobody had to wait for a mutex that was then let go",
        "block": f"nobody waited for a channel or a lock and went on{f' after about {profile.rate} ns' if profile.rate > 1 else ''}: what still waits does not count",
    }[profile.kind]


def main():
    args = glass.arguments("convert a profiled run", kind={"choices": glass.PROFILE_KINDS, "default": "cpu"}, out={"required": True})
    stream, image = glass.opened(args)
    profile = merged(stream.profiles, args.kind)
    if not profile:
        raise glass.Trouble(f"no {args.kind} profile in it")
    data, flat, total = convert(profile, image, stream.build)
    with open(args.out, "wb") as f:
        f.write(data)
    name, unit = SAMPLE_TYPES[args.kind][-1]
    print(f"{args.kind}: {len(profile.stacks)} stacks, {name} {total} {unit} in {profile.duration / 1e9:.3f} s" +
          (f"; {profile.lost} samples did not fit in the tables" if profile.lost else ""))
    if not profile.stacks:
        print(why_empty(profile))
        return 0
    for function, value in flat.most_common(10):
        print(f"{value:>16} {100 * value / max(total, 1):5.1f} %  {function}")
    print(f"look at it: go tool pprof {args.out}")
    return 0


if __name__ == "__main__":
    glass.command(main)
