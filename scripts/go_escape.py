"""go_escape.py -- what a Go program puts on the heap and why, out of what gccgo itself says.

Two outputs of one compilation. Its escape analysis (-fgo-debug-escape2) gives the reasons: for each place that values flow to (escflood) the chain of
values that reach it (escwalk, by depth), and among these those that "escape to heap"; the chain's first value is the use that makes it so. But a value
escapes there also if nothing is allocated for it (nil, a constant, a pointer in an interface, a field of what is on the heap already), so the
functions as they are before optimisation (-fdump-tree-gimple-lineno) say where the runtime is asked for memory: only what has such a call is reported.
"""
import re
import sys

DUMP = ["-fkeep-static-functions", "-fgo-debug-escape2"]  # (the first: else functions that nobody calls have no code; and -fdump-tree-gimple-lineno=FILE)

PLACE = re.compile(r"^(?P<file>[^:\n]+):(?P<line>\d+):(?P<column>\d+): note: (?P<text>.*)$")
FLOOD = re.compile(r"^go1: note: escflood:\d+: dst (?P<to>.*?) scope:(?P<scope>\S*)\[")
WALK = re.compile(r"^go1: note: escwalk: level:.*? depth:(?P<depth>\d+) op=\S* (?P<value>.*?)\( (?:l\((?P<line>\d+)\))?")
VALUE = re.compile(r"^\[\d+\] \S+ esc: (?P<value>.*)$")

# (a conversion's first argument is room in the frame, if it has some there)
MAKER = re.compile(r"\b(?:runtime\.(?:newobject|makechan(?:64)?|makeslice(?:64)?|growslice|makemap__small) \(|runtime\.makemap(?:64)? \(.*, 0B\)|"
                   r"__go_construct_map \(|runtime\.(?:stringtoslice\w+|slice\w+tostring|intstring|concatstrings) \(0B,)")
MARK = re.compile(r"\[([^\[\]]+:\d+:\d+)\] ?")
STATEMENT = re.compile(r"^\s*\[(?P<file>[^\[\]]+):(?P<line>\d+):(?P<column>\d+)\] (?P<text>.*;)(?: \[return slot optimization\])?$")
ASSIGN = re.compile(r"^(?P<to>\S+) = (?P<value>.*);$")
CONSTANT = re.compile(r"""^(nil|"(\\.|[^"\\])*"|'.*'|-?[\d.]+(e[-+]?\d+)?i?|true|false)$""")


class Allocations:
    """Where functions ask for memory, by (file, line, column in bytes), and what conversions to interfaces do there, in their order."""

    def __init__(self, dump):
        self.calls, self.copies = {}, {}
        function, fresh, filled = {}, {}, set()  # fresh: names of new objects; filled: those that something is put in, which is not so if they have no size
        for number, line in enumerate(dump.splitlines()):
            if line and not line[0].isspace() and line[0] not in "[{}<":
                function, fresh, filled = {}, {}, set()
            elif match := STATEMENT.match(line):
                at = (match["file"], int(match["line"]), int(match["column"]))
                text = MARK.sub("", match["text"])
                if MAKER.search(text):
                    self.calls[at] = text
                assign = ASSIGN.match(text)
                to, value = (assign["to"], assign["value"]) if assign else ("", text)
                if value not in fresh:
                    filled.update(fresh[name] for name in re.findall(r"[\w.]+", text) if name in fresh and name != to)
                if value.startswith("runtime.newobject ("):
                    fresh[to] = number
                elif value in fresh:
                    fresh[to] = fresh[value]
                else:
                    fresh.pop(to, None)
                if to.endswith(".__object"):
                    # (what stands for "..." comes last in the source, but is made first)
                    function.setdefault(at, []).append((to.endswith("].__object"), fresh.get(value) in filled))
                    if len(function[at]) > len(self.copies.get(at, [])):
                        self.copies[at] = function[at]


def columns(text, column):
    """An index into text for a column of the compiler's, which counts a tab as eight."""
    at = 0
    for i, c in enumerate(text):
        if at >= column - 1:
            return i
        at += 8 - at % 8 if c == "\t" else 1
    return len(text)


def operand(text, start):
    """Where the expression begins whose operator or bracket is text[start]."""
    binary = text[start:start + 1] in tuple("+-*/%&|^<>=!") and text[:start].rstrip()[-1:] not in tuple("+-*/%&|^<>=!([{,;:") and \
        not re.search(r"\b(return|case|if|for|switch|range|go|defer)\s*$", text[:start])
    begin = start
    while begin > 0:
        c = text[begin - 1]
        if c in ")]}\"`":
            opening = {")": "(", "]": "[", "}": "{"}.get(c, c)
            depth, i = 1, begin - 2
            while i >= 0 and depth:
                depth += (c != opening and text[i] == c) - (text[i] == opening)
                i -= 1
            if depth:
                return start
            begin = i + 1
        elif c.isalnum() or c in "_.":
            begin -= 1
        elif binary and c not in "([{,;" and not re.search(r"(:=|[^=!<>]=|\b(return|case|if|for|switch|range))\s$", text[:begin]):
            begin -= 1
        else:
            break
    return begin + len(text[begin:]) - len(text[begin:].lstrip())


def balanced(text, open_):
    return text + ("..." + "".join(reversed(open_)) if open_ else "")


def expression(text, start, most=sys.maxsize):
    """The expression whose place (its operator, bracket or begin) is text[start:], with brackets balanced."""
    begin = operand(text, start)
    open_, quote, i = [], "", begin
    while i < len(text):
        if i - begin >= most and not quote and text[i:i + 1].strip():
            return balanced(text[begin:i], open_) if open_ else text[begin:i].strip() + "..."
        c = text[i]
        if quote:
            if c == "\\" and quote != "`":
                i += 1
            elif c == quote:
                quote = ""
        elif c in "\"'`":
            quote = c
        elif text.startswith("//", i):
            break
        elif c in "([{":
            open_.append({"(": ")", "[": "]", "{": "}"}[c])
        elif c in ")]}":
            if not open_:
                break
            open_.pop()
        elif c in ",;" and not open_:
            break
        i += 1
    return balanced(text[begin:i].strip(), open_)


def short(text, most=60):
    text = " ".join(text.split())
    return text if len(text) <= most else text[:most - 3] + "..."


class Report:
    def __init__(self, stderr, read_line, allocations):
        self.read_line, self.allocations = read_line, allocations
        self.found, self.copied, self.values = {}, {}, {}
        to, chain = "", {}
        for line in stderr.splitlines():
            if match := FLOOD.match(line):
                to, chain = match["to"], {}
            elif match := WALK.match(line):
                depth = int(match["depth"])
                chain = {d: use for d, use in chain.items() if d < depth}
                chain[depth] = int(match["line"] or 0)
            elif (match := PLACE.match(line)) and not (match["line"] == "1" and match["column"] == "1"):
                at = (match["file"], int(match["line"]), int(match["column"]))
                if value := VALUE.match(match["text"]):
                    self.values[at[:2] + ("".join(value["value"].split()),)] = at
                else:
                    self.note(at, match["text"], to, chain.get(0, 0))

    def place(self, at):
        """In bytes, as the functions' places are."""
        text = self.read_line(*at[:2])
        return at[:2] + (len(text[:columns(text, at[2])].encode()) + 1,)

    def expression(self, at):
        text = self.read_line(*at[:2])
        return " ".join(expression(text, columns(text, at[2]), 60).split())

    def note(self, at, text, to, use):
        if text.startswith("moved to heap: "):
            what = f"variable {text.split(': ', 1)[1]} is on the heap"
        elif " escapes to heap" in text:
            value = text.split(" escapes to heap")[0]
            if re.match(r"&\(\w+\)$", value):
                return  # the variable's own line says it
            if value.startswith("(") and "level=" not in text:
                copies = self.copied.setdefault(at, [])
                if value not in copies:
                    copies.append(value)
                    self.found.setdefault((at, "copies"), [])
                return
            if self.place(at) not in self.allocations.calls:
                return
            what = f"{'func literal' if 'func literal' in value else self.expression(at)} is on the heap"
        elif text.endswith(" does not escape") and re.match(r"\S+ makeslice\(,(?!\d+,\d+\))", text):
            if self.place(at) in self.allocations.calls:
                self.found.setdefault((at, f"{self.expression(at)} is on the heap"), []).append("only the run knows its size")
            return
        else:
            return
        reasons = self.found.setdefault((at, what), [])
        reason = (f"it is returned, {self.line(at[0], use)}" if to.startswith("$ret") and use else self.line(at[0], use) if use else
                  "it is reachable from what outlives the function")
        if reason not in reasons:
            reasons.append(reason)

    def line(self, path, number):
        return f"line {number}: {short(self.read_line(path, number))}"

    def name(self, at, value):
        """What the source calls a value that the compiler writes in its own way, as in (*(it) .1 )."""
        value = re.sub(r"\s+(?=\)|$)", "", value)[1:-1].strip()
        if re.match(r"[^\W\d]\w*(\.[^\W\d]\w*)*$", value):
            return value
        where = self.values.get(at[:2] + ("".join(value.split()),)) or self.values.get(at[:2] + (f"({''.join(value.split())})",))
        return self.expression(where) if where and where != at else short(value, 40)

    def copies(self, at):
        """The values that are copied to the heap at one place, and the line that does it; several arguments of a call have one place."""
        values, place = self.copied[at], self.place(at)
        if place not in self.allocations.calls:
            return []
        if place not in self.allocations.copies:
            return [f"{self.expression(at)} is on the heap: {self.line(*at[:2])}"]  # of bytes or a string from each other
        done = [copied for _, copied in sorted(self.allocations.copies[place], key=lambda copy: copy[0])]
        constant = [bool(CONSTANT.match(value[1:-1].strip())) for value in values]
        use = self.line(*at[:2])
        if len(done) == len(values) and not any(c and d for c, d in zip(constant, done)):
            return [f"{self.name(at, v)} is copied to the heap for an interface: {use}" for v, d in zip(values, done) if d]
        names = [self.name(at, v) for v, c in zip(values, constant) if not c]
        if len(names) <= 1:
            return [f"{name} is copied to the heap for an interface: {use}" for name in names]
        return [f"of {', '.join(names)} some are copied to the heap for an interface: {use}"]

    def lines(self):
        """For people: FILE:LINE:COLUMN: what: why; one for each variable or value, with more reasons below it."""
        seen = {self.place(at) for at, _ in self.found}
        for at, call in self.allocations.calls.items():
            if "makemap" in call and at not in seen and at[1:] != (1, 1):  # the analysis has no word for these
                text = self.read_line(*at[:2])
                column = len(text.encode()[:at[2] - 1].decode(errors="replace").expandtabs(8)) + 1
                at = at[:2] + (column,)
                self.found[at, f"{self.expression(at)} is on the heap"] = [self.line(*at[:2])]
        for (at, what), reasons in sorted(self.found.items(), key=lambda found: found[0][0]):
            where = ":".join(map(str, at))
            if what == "copies":
                yield from (f"{where}: {text}" for text in self.copies(at))
                continue
            yield "\n    ".join([f"{where}: {what}: {reasons[0]}", *reasons[1:]])


def report(stderr, dump, read_line):
    return list(dict.fromkeys(Report(stderr, read_line, Allocations(dump)).lines()))
