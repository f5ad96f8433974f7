"""go_escape.py -- what escapes to the heap and why, out of gccgo's own analysis (-fgo-debug-escape2).

The compiler writes for each place that values flow to (escflood) the chain of values that reach it (escwalk, by depth), and among these what it therefore
puts on the heap. The chain's first value is the use that makes it so.
"""
import re

PLACE = re.compile(r"^(?P<file>[^:\n]+):(?P<line>\d+):(?P<column>\d+): note: (?P<text>.*)$")
FLOOD = re.compile(r"^go1: note: escflood:\d+: dst (?P<to>.*?) scope:(?P<scope>\S*)\[")
WALK = re.compile(r"^go1: note: escwalk: level:.*? depth:(?P<depth>\d+) op=\S* (?P<value>.*?)\( (?:l\((?P<line>\d+)\))?")


def source_at(read_line, path, line, column):
    """What stands there; the compiler counts a tab as eight columns."""
    return read_line(path, line).expandtabs(8)[column - 1:].strip()


def short(text, most=60):
    text = " ".join(text.split())
    return text if len(text) <= most else text[:most - 3] + "..."


def report(stderr, read_line):
    """Lines for people: FILE:LINE:COLUMN: what: why."""
    lines, to, chain = [], "", {}
    for line in stderr.splitlines():
        if match := FLOOD.match(line):
            to, chain = match["to"], {}
        elif match := WALK.match(line):
            depth = int(match["depth"])
            chain = {d: use for d, use in chain.items() if d < depth}
            chain[depth] = int(match["line"] or 0)
        elif (match := PLACE.match(line)) and not (match["line"] == "1" and match["column"] == "1"):
            what = explain(match, to, chain.get(0, 0), read_line)
            if what:
                lines.append(what)
    return list(dict.fromkeys(lines))


def explain(match, to, use, read_line):
    path, at, text = match["file"], int(match["line"]), match["text"]
    source = source_at(read_line, path, at, int(match["column"]))
    reason = f"line {use}: {short(read_line(path, use))}" if use else "it is reachable from what outlives the function"
    if text.startswith("moved to heap: "):
        what = f"variable {text.split(': ', 1)[1]} is on the heap"
    elif " escapes to heap" in text:
        value = text.split(" escapes to heap")[0]
        if re.match(r"&\(\w+\)$", value):
            return ""  # the variable's own line says it
        if value.startswith("(") and "level=" not in text:
            value = re.sub(r"\s+\)", ")", value)[1:-1].strip()
            return f"{path}:{at}:{match['column']}: {value} is copied to the heap for an interface: {short(source)}"
        what = f"{'func literal' if 'func literal' in value else short(source.split(';')[0], 40)} is on the heap"
    elif text.endswith(" does not escape") and re.search(r"makeslice\(,(?!\d+,\d+\))", text):
        return f"{path}:{at}:{match['column']}: {short(source, 40)} is on the heap: only the run knows its size"
    else:
        return ""
    if to.startswith("$ret"):
        reason = f"it is returned, {reason}"
    return f"{path}:{at}:{match['column']}: {what}: {reason}"
