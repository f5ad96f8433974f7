"""trace_svg.py -- a picture of a trace (scripts/trace2json.py): the whole run, and below it a short part enlarged, with arrows for wake-ups.

Colours are those of Okabe and Ito, which people with any colour vision tell apart; the goroutines' own colours in the cores' rows repeat after eight. What is narrower than a
pixel shares the pixel's height with its neighbours, in proportion to their time, so a picture of a million slices is not much larger than one of a thousand.
"""
from html import escape

WIDTH, LEFT, RIGHT = 1400, 190, 30
PLOT = WIDTH - LEFT - RIGHT
ROW, GAP, FONT = 18, 5, 12
GOROUTINES_MAX = 24
GOROUTINE_COLOURS = ("#0072b2", "#009e73", "#cc79a7", "#56b4e9", "#7a5c3a", "#8c6bb1", "#9aa71f", "#2b3a67")
COLOURS = {
    "stop 1": "#d55e00", "mark": "#f0a030", "stop 2": "#a01818", "stop of the world": "#a01818",
    "idle": "#eeeeee", "runtime": "#444444", "marks": "#f7cf8a", "sweeps": "#b7d98b",
    "runs": "#0072b2", "ready": "#f0e442", "channel": "#b9a3d6", "lock": "#e58fb8", "sleep": "#d9d9d9", "collector": "#f7cf8a", "waits": "#c2cdd6",
}
LEGEND = (("collector", ("stop 1", "mark", "stop 2")), ("cores", ("runtime", "marks", "sweeps", "idle")),
          ("goroutines", ("runs", "ready", "channel", "lock", "sleep", "collector", "waits")))
LEGEND_TEXT = {"stop 1": "stop before marking", "stop 2": "stop after marking", "mark": "marking", "marks": "marks, or assists", "idle": "sleeps",
               "sweeps": "sweeps while idle", "runtime": "one of the runtime runs", "runs": "runs", "ready": "ready, waits for a core", "channel": "waits for a channel or select",
               "lock": "waits for a lock or semaphore", "sleep": "sleeps for a time", "collector": "waits for the collector, or works for it",
               "waits": "waits for something else"}


def wait_kind(why):
    if why == "ready" or why.startswith(("preempted", "yield")):
        return "ready"
    if "GC" in why or "collector" in why:
        return "collector"
    if why.startswith(("chan", "select")):
        return "channel"
    if why.startswith(("sync", "sema")):
        return "lock"
    return "sleep" if why == "sleep" else "waits"


def step_for(span):
    """A round distance of ticks, ns, so that there are five to twelve."""
    step = 1
    while span / step > 12:
        step *= 10
    for part in (5, 2):
        if step % part == 0 and span / (step / part) <= 12:
            return step / part
    return step


def unit_for(span):
    return (1e9, "s") if span >= 2e9 else (1e6, "ms") if span >= 2e6 else (1e3, "µs") if span >= 2e3 else (1, "ns")


class Panel:
    """Rows of bars over one stretch of time."""

    def __init__(self, begin, end, y):
        self.begin, self.end, self.y = begin, max(end, begin + 1), y
        self.out, self.rows, self.grid = [], {}, []

    def x(self, ns):
        return LEFT + PLOT * (ns - self.begin) / (self.end - self.begin)

    def axis(self, title):
        span = self.end - self.begin
        unit, name = unit_for(span)
        self.out.append(f'<text x="{LEFT}" y="{self.y + 4}" class="title">{escape(title)}</text>')
        self.y += 24
        step = step_for(span)
        at = -(-self.begin // step) * step
        while at <= self.end:
            value = f"{at / unit:.10g}"
            self.out.append(f'<text x="{self.x(at):.1f}" y="{self.y}" class="tick">{value}{" " + name if not self.grid else ""}</text>')
            self.grid.append(self.x(at))
            at += step
        self.y += 6
        self.top = self.y

    def row(self, label, slices, key):
        """slices: (begin, end, colour, tooltip, text in the bar if it fits), in order, not overlapping (later ones cover earlier ones)."""
        y = self.y
        self.rows[key] = y
        short = label if len(label) < 29 else label[:14] + "…" + label[-13:]  # numbers stand at both ends
        self.out.append(f'<text x="{LEFT - 8}" y="{y + ROW - 5}" class="label">{escape(short)}</text>')
        narrow = {}  # pixel -> colour -> how much of it
        for begin, end, colour, tip, inside in slices:
            if end < self.begin or begin > self.end:
                continue
            x0, x1 = self.x(max(begin, self.begin)), self.x(min(end, self.end))
            if x1 - x0 >= 1:
                self._bar(x0, x1, colour, y, tip, inside)
            else:
                shares = narrow.setdefault(int(x0), {})
                shares[colour] = shares.get(colour, 0) + max(x1 - x0, 0.01)
        self._columns(narrow, y)
        self.y += ROW + GAP

    def _columns(self, narrow, y):
        """A pixel's share that is in narrow slices: the colours one above the other, each as high as its part of the pixel's time."""
        for x, shares in narrow.items():
            total, top = sum(shares.values()), y
            for colour in sorted(shares):
                height = ROW * shares[colour] / total
                self.out.append(f'<rect x="{x}" y="{top:.1f}" width="{min(max(total, 0.3), 1):.2f}" height="{height:.1f}" fill="{colour}"/>')
                top += height

    def _bar(self, x0, x1, colour, y, tip, inside):
        self.out.append(f'<rect x="{x0:.2f}" y="{y}" width="{x1 - x0:.2f}" height="{ROW}" fill="{colour}"><title>{escape(tip)}</title></rect>')
        if inside and x1 - x0 > 6.2 * len(inside) + 6:
            self.out.append(f'<text x="{(x0 + x1) / 2:.1f}" y="{y + ROW - 5}" class="{"dark" if is_light(colour) else "light"}">{escape(inside)}</text>')

    def finish(self):
        lines = "".join(f'<line x1="{x:.1f}" y1="{self.top}" x2="{x:.1f}" y2="{self.y - GAP}" class="grid"/>' for x in self.grid)
        frame = f'<rect x="{LEFT}" y="{self.top}" width="{PLOT}" height="{self.y - GAP - self.top}" fill="none" stroke="#999" stroke-width="0.6"/>'
        return [lines, *self.out, frame]


def is_light(colour):
    """By what the eye makes of red, green and blue."""
    r, g, b = (int(colour[i:i + 2], 16) for i in (1, 3, 5))
    return 0.299 * r + 0.587 * g + 0.114 * b > 140


def short_name(g):
    return f"g{g}" if g < 1 << 48 else ""


def duration(ns):
    unit, name = unit_for(ns)
    return f"{ns / unit:.4g} {name}"


def fill(panel, story, chosen):
    end = story.trace.end
    gc = [(b, e, COLOURS[n], f"cycle {c}: {n}, {duration(e - b)}", str(c) if n == "mark" else "") for b, e, n, c in story.gc]
    stops = [(b, e, COLOURS["stop of the world"], f"stop by core {core}: {duration(e - b)}, reached after {duration(r - b)}", "") for b, e, r, core in story.stops]
    if gc:
        panel.row("collector", gc, "gc")
    if stops:
        panel.row("stops of the world", stops, "stops")
    for core in range(story.trace.cores):
        slices = [(b, e, GOROUTINE_COLOURS[g % len(GOROUTINE_COLOURS)] if g < 1 << 48 else COLOURS["runtime"], f"{story.name(g)}, {duration(e - b)}: {why}", short_name(g))
                  for b, e, g, why in story.core_runs[core]]
        for table, kind in ((story.idle, "idle"), (story.marks, "marks"), (story.sweeps, "sweeps")):
            slices += [(b, e, COLOURS[kind], f"{n}, {duration(e - b)}", "") for b, e, n in table[core]]
        panel.row(f"core {core}", sorted(slices), ("core", core))
    for g in chosen:
        slices = [(b, e, COLOURS["runs"], f"runs on core {core}, {duration(e - b)}: {why}", f"core {core}") for b, e, core, why in story.runs[g]]
        slices += [(b, e, COLOURS[wait_kind(why)], f"{why}, {duration(e - b)}", why) for b, e, why in story.waits[g]]
        panel.row(story.name(g).replace("goroutine ", "g").replace(" go at ", " "), sorted(slices), ("g", g))


def detail(story):
    """A short stretch worth looking at: a typical collection with what is around it, or the middle of the switching."""
    t = story.trace
    marks = sorted((s for s in story.gc if s[2] == "mark"), key=lambda s: s[1] - s[0])
    if marks:
        begin, end = marks[len(marks) // 2][:2]
        margin = max((end - begin) // 2, 20000)
        return max(t.begin, begin - margin), min(t.end, end + margin), "one collection"
    times = sorted(w[3] for w in story.wakes if w[2])
    if len(times) < 20:
        return None
    middle = len(times) // 2
    begin, end = times[max(0, middle - 8)], times[min(len(times) - 1, middle + 8)]
    return max(t.begin, begin - (end - begin) // 10), min(t.end, end + (end - begin) // 10), "sixteen wake-ups"


def arrows(panel, story):
    wakes = [w for w in story.wakes if w[2] and w[0] >= panel.begin and w[3] <= panel.end and ("core", w[1]) in panel.rows]
    if len(wakes) > 60:
        return []
    out = []
    for at, core, _, then, on, _ in wakes:
        y0, y1 = panel.rows["core", core] + ROW / 2, panel.rows["core", on] + ROW / 2
        if core == on:
            y0, y1 = y0 + ROW / 2 + 2, y1 + ROW / 2 + 2
        out.append(f'<line x1="{panel.x(at):.1f}" y1="{y0}" x2="{panel.x(then):.1f}" y2="{y1}" class="wake" marker-end="url(#tip)"/>')
    return out


def legend(y, arrows_shown):
    out = []
    for group, kinds in LEGEND:
        x = LEFT
        out.append(f'<text x="{LEFT - 8}" y="{y + 11}" class="label">{group}</text>')
        if group == "cores":
            for i, colour in enumerate(GOROUTINE_COLOURS):
                out.append(f'<rect x="{x + 9 * i}" y="{y}" width="8" height="13" fill="{colour}"/>')
            out.append(f'<text x="{x + 78}" y="{y + 11}">a goroutine runs (its number modulo 8)</text>')
            x += 78 + 260
        for kind in kinds:
            text = LEGEND_TEXT[kind]
            if x + 18 + 6.9 * len(text) > WIDTH - RIGHT:
                x, y = LEFT, y + 20
            out.append(f'<rect x="{x}" y="{y}" width="13" height="13" fill="{COLOURS[kind]}" stroke="#888" stroke-width="0.4"/>'
                       f'<text x="{x + 18}" y="{y + 11}">{escape(text)}</text>')
            x += 18 + 6.9 * len(text) + 18
        if group == "cores" and arrows_shown:
            x, y = LEFT, y + 20
            out.append(f'<line x1="{x}" y1="{y + 7}" x2="{x + 26}" y2="{y + 7}" class="wake" marker-end="url(#tip)"/>'
                       f'<text x="{x + 34}" y="{y + 11}">makes a goroutine ready, which then runs there</text>')
        y += 20
    return out, y


def draw(story, title="", begin=0, end=None):
    t = story.trace
    begin, end = max(begin, t.begin), min(end or t.end, t.end)
    active = sorted(story.runs, key=lambda g: -sum(e - b for b, e, _, _ in story.runs[g]))
    chosen = sorted(active[:GOROUTINES_MAX])
    y = 30
    head = [f'<text x="{LEFT}" y="{y}" class="head">{escape(title or "A run of Burrow")}</text>']
    notes = f"{len(t.events)} events, {len(story.runs)} goroutines ran, {len(story.wakes)} wake-ups, {len([1 for s in story.gc if s[2] == 'mark'])} collections"
    if len(active) > len(chosen):
        notes += f"; the {len(chosen)} goroutines that ran longest are shown, {len(active) - len(chosen)} are not"
    head.append(f'<text x="{LEFT}" y="{y + 20}">{escape(notes)}</text>')
    y += 40
    if t.lost:
        head.append(f'<text x="{LEFT}" y="{y}" class="lost">{t.lost} older events were overwritten in the cores\' buffers: the trace begins at {t.begin / 1e6:.3f} ms</text>')
        y += 20
    whole = Panel(begin, end, y + 10)
    whole.axis(f"{'the whole run' if begin == 0 and end == t.end else 'the end of the run' if (begin, end) == (t.begin, t.end) else 'a part of the run'}, {duration(end - begin)}")
    fill(whole, story, chosen)
    body, y = whole.finish(), whole.y
    stretch = detail(story) if (begin, end) == (t.begin, t.end) else (begin, end, "")
    shown = []
    if stretch and stretch[2]:
        part = Panel(stretch[0], stretch[1], y + 26)
        part.axis(f"enlarged: {stretch[2]}, {duration(stretch[1] - stretch[0])}")
        starts = {g: any(e >= stretch[0] and b <= stretch[1] for b, e, _, _ in story.runs[g]) for g in chosen}
        fill(part, story, [g for g in chosen if starts[g]])
        shown = arrows(part, story)
        x0, x1 = whole.x(stretch[0]), whole.x(stretch[1])
        mark = f'<rect x="{x0:.1f}" y="{whole.top}" width="{max(x1 - x0, 1):.1f}" height="{whole.y - GAP - whole.top}" fill="none" stroke="#000" stroke-width="1.2"/>'
        body += [mark, *part.finish(), *shown]
        y = part.y
    elif stretch:
        shown = arrows(whole, story)
        body += shown
    marks, y = legend(y + 16, bool(shown))
    style = ("text{font:12px 'DejaVu Sans',Verdana,sans-serif;fill:#222}.head{font-size:18px}.title{font-weight:bold}.label{text-anchor:end}"
             ".lost{fill:#a01818}.light,.dark{font-size:10px;text-anchor:middle;pointer-events:none}.light{fill:#fff}"
             ".tick{text-anchor:middle;fill:#555;font-size:11px}.grid{stroke:#ddd;stroke-width:0.7}.wake{stroke:#111;stroke-width:1}")
    return (f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{y + 16}" viewBox="0 0 {WIDTH} {y + 16}">\n<style>{style}</style>\n'
            '<defs><marker id="tip" markerWidth="7" markerHeight="6" refX="6" refY="3" orient="auto"><path d="M0,0 L7,3 L0,6 z" fill="#111"/></marker></defs>\n'
            f'<rect width="100%" height="100%" fill="#fff"/>\n' + "\n".join([*head, *body, *marks]) + "\n</svg>\n")
