#!/usr/bin/python3
"""bootchart.py -- where the time goes from power-on to main and to the end: boots an image and draws it, as text and as a picture.

    scripts/bootchart.py --boot uefi --smp 4 --mem 512M --svg build/bootchart.svg [--cmdline TEXT] IMAGE

Firmware: from QEMU's start to the loader's first instruction, by this host's clock, less what the machine says itself. The rest is what the machine measured (the
"time:" line: loader, then each stage of the kernel's start). Program: from there to the exit line, or to Ctrl-C, by this host's clock.
"""
import argparse
import os
import re
import signal
import sys
import time
from html import escape

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import imagekind
import qemu

TIME_LINE = re.compile(r"^time: +(.*)\r?\n", re.M)  # a whole one: output comes in pieces
PART = re.compile(r"([a-z ]+?) (\d+\.\d) ms")
COLOURS = ("#56b4e9", "#0072b2", "#009e73", "#cc79a7", "#e69f00", "#7a5c3a", "#8c6bb1", "#9aa71f")


def boot(args):
    """[(stage, ms)] in order."""
    seen = {}

    def show(data):
        now = time.monotonic()
        seen.setdefault("text", "")
        seen["text"] += data.decode(errors="replace")
        if "summary" not in seen and TIME_LINE.search(seen["text"]):
            seen["summary"] = now
            if not args.timeout:
                print("bootchart: the program runs; the chart is drawn when it ends, or at Ctrl-C", file=sys.stderr, flush=True)
    start = time.monotonic()
    try:
        result = qemu.run(args.image, args.boot, args.cmdline, args.timeout, show, accel="tcg", smp=args.smp, mem=args.mem)
        end, status, why = start + result.seconds, result.status, f"{result.why}\n{result.tail()}"
    except KeyboardInterrupt:  # a program without end
        end, status, why = time.monotonic(), 130, "interrupted"
    line = TIME_LINE.search(seen.get("text", ""))
    if not line:
        raise ValueError(f"the machine did not say its times: {why}")
    return stages(line[1], (seen["summary"] - start) * 1000, (end - seen["summary"]) * 1000), status


def stages(line, until_summary_ms, after_ms):
    """Of the text of a "time:" line and what this host measured."""
    parts = [(name.strip(), float(ms)) for name, ms in PART.findall(line)]
    if not parts or parts[-1][0] != "in all":
        raise ValueError(f"not a line of times: {line!r}")
    total = parts.pop()[1]
    measured = sum(ms for _, ms in parts)
    if abs(measured - total) > 0.1 * len(parts) + 0.1:
        raise ValueError(f"the stages sum up to {measured:.1f} ms, not {total:.1f}")
    return [("QEMU and firmware", max(0.0, until_summary_ms - total)), *parts, ("program", after_ms)]


def text(rows):
    width, total, at = 50, sum(ms for _, ms in rows), 0.0
    lines = []
    for name, ms in rows:
        before, mine = round(width * at / total), max(1, round(width * ms / total))
        lines.append(f"{name:<18}{ms:>10.1f} ms  {' ' * before}{'#' * mine}")
        at += ms
    lines.append(f"{'in all':<18}{total:>10.1f} ms")
    return "\n".join(lines)


def svg(rows, title):
    """Two rows of bars: everything, and the stages between firmware and program enlarged."""
    left, plot, row = 160, 900, 24
    colour = {name: COLOURS[i % len(COLOURS)] for i, (name, _) in enumerate(rows)}
    inner = [r for r in rows if r[0] not in ("QEMU and firmware", "program")]
    out, y = [f'<text x="{left}" y="28" class="head">{escape(title)}</text>'], 52

    def panel(heading, some, y):
        total, at = sum(ms for _, ms in some) or 1, 0.0
        out.append(f'<text x="{left}" y="{y}" class="title">{escape(heading)}, {total:.1f} ms</text>')
        y += 12
        for name, ms in some:
            x, w = left + plot * at / total, max(plot * ms / total, 1)
            out.append(f'<text x="{left - 8}" y="{y + 15}" class="label">{escape(name)}</text>'
                       f'<rect x="{left}" y="{y}" width="{plot}" height="{row - 5}" fill="#f3f3f3"/>'
                       f'<rect x="{x:.1f}" y="{y}" width="{w:.1f}" height="{row - 5}" fill="{colour[name]}"/>'
                       f'<text x="{left + plot + 8}" y="{y + 15}">{ms:.1f} ms</text>')
            at += ms
            y += row
        return y + 26
    y = panel("from power-on to the end", rows, y)
    y = panel("our own stages enlarged", inner, y)
    style = "text{font:12px 'DejaVu Sans',Verdana,sans-serif;fill:#222}.head{font-size:18px}.title{font-weight:bold}.label{text-anchor:end}"
    return (f'<svg xmlns="http://www.w3.org/2000/svg" width="1180" height="{y}" viewBox="0 0 1180 {y}"><style>{style}</style>'
            f'<rect width="100%" height="100%" fill="#fff"/>\n' + "\n".join(out) + "\n</svg>\n")


def main():
    parser = argparse.ArgumentParser(description="chart a boot")
    parser.add_argument("--boot", choices=["uefi", "iso", "pvh"], default="uefi")
    parser.add_argument("--smp", default="4")
    parser.add_argument("--mem", default="512M")
    parser.add_argument("--cmdline", default=os.environ.get("CMDLINE", ""))
    parser.add_argument("--timeout", type=float, default=0)
    parser.add_argument("--svg")
    parser.add_argument("--title", default="")
    parser.add_argument("image")
    args = parser.parse_args()
    wrong = imagekind.wrong(args.image, args.boot)
    if wrong:
        raise ValueError(wrong)
    if args.svg and os.path.exists(args.svg):
        os.remove(args.svg)  # an older picture is not this boot's, however it ends
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    rows, status = boot(args)
    print(text(rows))
    if args.svg:
        with open(args.svg, "w") as f:
            f.write(svg(rows, args.title or f"{os.path.basename(args.image)} by {args.boot}, {args.smp} cores"))
    return 2 if status else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except (OSError, ValueError) as e:
        sys.exit(f"bootchart: {e}")
