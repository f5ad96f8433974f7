"""versus_record.py -- the head-to-head's figures of record: docs/benchmarks.json, and the table and the plot that scripts/bench_vs_go makes of it.

The file has all that was measured, name by name, with when, of which commit and by which tools; so names can be counted or timed again one at a time, and
times be added to counts. What was measured with other versions is never mixed: conflicts() names it.
"""
import collections
import json
import os
import re

DOCUMENT, DATA, PLOT = "docs/benchmarks.md", "docs/benchmarks.json", "docs/benchmarks.svg"
BEGIN, END = "<!-- head-to-head: written by make bench-vs-go -->", "<!-- end of head-to-head -->"
SIDES = {"burrow": "Burrow, C", "burrow-go": "Burrow, Go", "go": "Go", "gccgo": "gccgo", "boehm": "Boehm"}
# What a nanosecond of the programs' figures is when they are counted: one instruction.
COUNTED_UNITS = {"ns/op": "", "ns/node": "", "ns/obj": "", "ns/g": "", "ns": "", "ns p50": "", "us": "k", "ms": "M"}


class Record:
    """names: {name: {"counted": part, "native": part}}; a part: {"of": {date, commit, versions...}, "figures": {figure: {"unit": ..., side: value}}};
    counted ones also have "linux": {side: part of Linux in its instructions}, native ones in each figure ratio, low and high."""

    def __init__(self, path=DATA):
        self.path, self.names = path, {}
        if os.path.exists(path):
            with open(path) as f:
                self.names = json.load(f)["names"]

    def put(self, name, kind, of, figures, **more):
        self.names.setdefault(name, {})[kind] = {"of": of, "figures": figures, **more}

    def conflicts(self, kind, versions, again):
        """Names that would stay beside those measured again, and were measured with other versions."""
        others = ((name, parts[k]["of"]["versions"]) for name, parts in self.names.items() for k in parts if not (k == kind and name in again))
        return sorted({name for name, theirs in others if any(versions.get(tool, was) != was for tool, was in theirs.items())})

    def save(self, order):
        """order: the programs' own of their names."""
        self.names = {name: self.names[name] for name in sorted(self.names, key=lambda n: order.index(n) if n in order else len(order))}
        text = json.dumps({"names": self.names}, indent=1, default=float)
        with open(self.path + ".new", "w") as f:
            f.write(re.sub(r"\n {6,}|\n {5}(?=[}\]])", " ", text) + "\n")  # a line for each figure
        os.replace(self.path + ".new", self.path)

    def versions(self):
        return {tool: v for parts in self.names.values() for part in parts.values() for tool, v in part["of"]["versions"].items()}

    def side_names(self):
        return {**SIDES, "go": self.versions().get("Go", "Go")}

    def rows(self):
        """{figure: (counted or {}, native or {})}"""
        rows = {}
        for parts in self.names.values():
            for i, kind in enumerate(("counted", "native")):
                for figure, values in parts.get(kind, {"figures": {}})["figures"].items():
                    if comparable(figure):
                        rows.setdefault(figure, ({}, {}))[i].update(values)
        return {figure: row for figure, row in rows.items() if sum(side in row[0] for side in SIDES) > 1 or row[1]}


# Other figures say what happened, not how dear it was.
def comparable(figure):
    return not re.search(r"samples|cycles|cycle_every|load|numgc|utilisation|fraction|permille|^main$|\.gcs$|\.heap$", figure)


# ---- the table


def number(value, prefix=""):
    if value is None:
        return ""
    return (f"{value:,.0f}" if value >= 100 else f"{value:.1f}") + (f" {prefix}" if prefix else "")


def ratio(row, side):
    return number(row[side] / row["burrow"]) if row.get(side) and row.get("burrow") else ""


def markdown(record):
    rows, names = record.rows(), record.side_names()
    sides = [side for side in SIDES if any(side in counted for counted, _ in rows.values())]
    peers = [side for side in sides if side not in ("burrow", "burrow-go")]
    timed = any(native for _, native in rows.values())
    head = ["figure", *(names[side] for side in sides), *(f"{names[side]} / Burrow" for side in peers)]
    head += ["Burrow, ns", f"{names['go']}, ns", f"{names['go']} / Burrow, timed"] if timed else []
    lines = ["| " + " | ".join(head) + " |", "|---" * len(head) + "|"]
    for figure, (counted, native) in rows.items():
        prefix = COUNTED_UNITS.get(counted.get("unit"), counted.get("unit"))
        cells = [f"`{figure}`", *(number(counted.get(side), prefix) if side in counted else "" for side in sides), *(ratio(counted, side) for side in peers)]
        if timed:
            unit = {"ns/op": "", "us": "k", "ms": "M"}.get(native.get("unit"), "")
            cells += [number(native["burrow"], unit), number(native["go"], unit), f"{native['ratio']:.2f} ({native['low']:.2f} to {native['high']:.2f})"] if native else [""] * 3
        lines.append("| " + " | ".join(cells) + " |")
    return [*provenance(record), "", *lines, "", *linux_footnote(record, names)]


def provenance(record):
    """Who was measured when, of which commit, with what: all in one sentence where they agree."""
    lines = []
    for kind, verb in (("counted", "Counted"), ("native", "Timed")):
        taken = collections.defaultdict(list)
        for name, parts in record.names.items():
            if kind in parts:
                taken[parts[kind]["of"]["date"], parts[kind]["of"]["commit"]].append(name)
        if not taken:
            lines.append("Not timed yet." if kind == "native" else "Nothing counted.")
            continue
        (most, _), *others = sorted(taken.items(), key=lambda item: -len(item[1]))
        text = f"{verb} on {most[0]}, commit {most[1]}"
        text += "".join(f"; {', '.join(f'`{name}`' for name in some)} on {date}, commit {commit}" for (date, commit), some in others)
        if kind == "native":
            of = [parts[kind]["of"] for parts in record.names.values() if kind in parts]
            pairs = {part["pairs"] for part in of}
            text += (f", on one thread of {'; '.join(sorted({part['processor'] for part in of}))}: Burrow in C as a process and {record.versions()['Go']} in turns, "
                     f"medians of {' or '.join(map(str, sorted(pairs)))} pairs, of their ratios the lowest and the highest, too; "
                     f"other work took up to {100 * max(part['others'] for part in of):.0f} % of the machine meanwhile")
        lines.append(text + ".")
    return [" ".join([*lines, "; ".join(record.versions().values()) + "."])]


def linux_footnote(record, names):
    parts = [f"{name} {', '.join(f'{names[side]} {100 * part:.0f} %' for side, part in found['counted']['linux'].items())}"
             for name, found in record.names.items() if found.get("counted", {}).get("linux")]
    return ["k and M: a thousand, a million. Linux's own work (page faults, futexes, timers) is in the figures of what runs on it; its part of all instructions, program "
            "start included: " + "; ".join(parts) + "."]


# ---- the plot

AXIS_END = 200  # times Burrow's; a ticker beside busy loops is late by far more


def plot(record, path=PLOT):
    """Bars: how many times Burrow's instructions the others take; points: the same in time."""
    import matplotlib
    matplotlib.use("svg")
    import matplotlib.pyplot as plt
    plt.rcParams["svg.hashsalt"] = "burrow"
    names = record.side_names()
    rows = [(figure, row) for figure, row in record.rows().items() if row[0].get("burrow") and row[0].get("go")]
    shown = [side for side in ("go", "gccgo", "boehm", "burrow-go") if any(side in row for _, (row, _) in rows)]
    colours = {"go": "#0072b2", "gccgo": "#e69f00", "boehm": "#009e73", "burrow-go": "#cc79a7"}
    fig, axes = plt.subplots(figsize=(9, 0.42 * len(rows) + 1.4))
    thick = 0.8 / len(shown)
    for i, side in enumerate(shown):
        at = [(k - 0.4 + thick * (i + 0.5), row[side] / row["burrow"]) for k, (_, (row, _)) in enumerate(rows) if row.get(side)]
        # From the line of Burrow's own figure to either side.
        axes.barh([y for y, _ in at], [v - 1 for _, v in at], left=1, height=thick, label=names[side], color=colours[side])
    timed = [(k, native["ratio"]) for k, (_, (_, native)) in enumerate(rows) if native]
    if timed:
        axes.plot([v for _, v in timed], [y for y, _ in timed], "D", color="black", markersize=4, label=f"{names['go']}, timed")
    axes.axvline(1, color="black", linewidth=1)
    axes.set_xscale("log")
    axes.set_xlim(right=AXIS_END)
    for i, side in enumerate(shown):  # what goes beyond says how far
        for k, (_, (row, _)) in enumerate(rows):
            if row.get(side) and row[side] / row["burrow"] > AXIS_END:
                axes.text(AXIS_END * 0.95, k - 0.4 + thick * (i + 0.5), number(row[side] / row["burrow"]), fontsize=7, color="white", ha="right", va="center")
    axes.set_yticks(range(len(rows)), [figure for figure, _ in rows], fontsize=8)
    axes.set_ylim(len(rows) - 0.5, -0.5)
    axes.xaxis.set_major_formatter(matplotlib.ticker.FuncFormatter(lambda v, _: f"{v:g}"))
    axes.tick_params(axis="x", top=True, labeltop=True)
    axes.set_xlabel("times Burrow's figure in C (left of the line: less)")
    axes.legend(fontsize=8, loc="lower right")
    axes.grid(axis="x", which="major", linewidth=0.6)
    axes.grid(axis="x", which="minor", linewidth=0.2)
    axes.set_axisbelow(True)
    fig.tight_layout()
    fig.savefig(path, metadata={"Date": None})


def publish(record, document=DOCUMENT, picture=PLOT):
    with open(document) as f:
        text = f.read()
    if BEGIN not in text:
        text += f"\n{BEGIN}\n{END}\n"
    before, rest = text.split(BEGIN)
    plot(record, picture)
    with open(document + ".new", "w") as f:
        f.write("\n".join([before + BEGIN, *markdown(record), "", "![times the instructions of Burrow](benchmarks.svg)", "", END]) + rest.split(END)[1])
    os.replace(document + ".new", document)
