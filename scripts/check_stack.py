#!/usr/bin/python3
"""check_stack.py --doors FILE --table FILE OBJECT... -- proves at build time that the runtime fits on its stacks.

The runtime is compiled without stack checks and runs in the slack below a goroutine's guard (rt/core.h, STACK_SLACK). So
every chain of calls below a door must stay under a limit, or go on through sys_call, which changes to the core's
system stack, where another limit holds. gcc writes for each object the frames and the calls (-fcallgraph-info=su: OBJECT
with .ci for .o); what it cannot know is written by hand in a table, and anything still unknown is an error.

A frame includes the return address that its caller pushed, so a chain's need is the sum of its frames. Recursion is refused.

The table (scripts/stack_indirect.txt), one fact a line, # begins a comment:

    limit STACK BYTES            STACK: goroutine (chains from doors), system (from what sys_call runs), trap (handlers), or any other
    root STACK FUNCTION...       further functions that begin a chain there
    asm ROUTINE BYTES [: CALLEE...]   a routine in assembly: its own need, and whom it calls on the same stack
    enter ROUTINE BYTES ARG nested|fresh   runs its argument number ARG (a function) on the system stack; called there,
                                 it runs it in place (nested) or from the top again (fresh)
    callback FUNCTION ARG        calls its argument number ARG, on the same stack
    passes CALLER : FUNCTION...  what CALLER hands to those two where that is not a plain function name
    calls FUNCTION : CALLEE...   what its indirect calls reach; "app": a function of the program, whose prologue takes another
                                 segment at once; "none": never called
    end FUNCTION BYTES : WHY     the chain is cut there, WHY being the reason that this is sound
    skip FUNCTION CALLEE : WHY   on a goroutine's stack FUNCTION never makes this call
    depth FUNCTION N             may call itself, also through others: at most N frames of it in a chain
"""
import argparse
import re
import subprocess
import sys
from collections import defaultdict

NODE = re.compile(r'^node: \{ title: "([^"]+)" label: "([^"]*)"')
EDGE = re.compile(r'^edge: \{ sourcename: "([^"]+)" targetname: "([^"]+)"(?: label: "([^"]*)")?')
FRAME = re.compile(r"\\n(\d+) bytes \((static|dynamic|dynamic,bounded)\)")
INDIRECT = "__indirect_call"
CLONE = re.compile(r"\.(?:part|isra|constprop|cold|lto_priv)\.?\d*")
SHOWN = 3  # deepest chains printed for each stack


class Problem(Exception):
    pass


class Graph:
    """Functions with their frames and calls, from all .ci files."""

    def __init__(self):
        self.frame = {}                  # name -> bytes
        self.kind = {}                   # name -> static | dynamic | dynamic,bounded
        self.calls = defaultdict(dict)   # name -> {callee: where}, in order of appearance
        self.indirect = defaultdict(list)
        self.by_plain = defaultdict(list)

    def read(self, path):
        with open(path) as f:
            for line in f:
                node = NODE.match(line)
                if node:
                    frame = FRAME.search(node[2])
                    if frame:
                        name = node[1]
                        self.frame[name], self.kind[name] = int(frame[1]), frame[2]
                        self.by_plain[plain(name)].append(name)
                    continue
                edge = EDGE.match(line)
                if edge and edge[2] == INDIRECT:
                    self.indirect[edge[1]].append(edge[3] or "?")
                elif edge:
                    self.calls[edge[1]].setdefault(edge[2], []).append(edge[3] or "?")

    def find(self, name):
        """Full names for a name as written in the table: with or without the file, clones included."""
        if name in self.frame:
            return [name]
        return [full for full in self.by_plain[name.split(":")[-1]] if ":" not in name or full.startswith(name)]


def plain(name):
    """rt/chan.c:send.part.0 -> send"""
    return CLONE.sub("", name.split(":")[-1])


class Table:
    def __init__(self, path):
        self.limit, self.roots = {}, defaultdict(list)
        self.asm, self.enter, self.callback = {}, {}, {}
        self.passes, self.indirect, self.end, self.depth = {}, {}, {}, {}
        self.skip = set()  # (function, callee), plain names
        with open(path) as f:
            for number, line in enumerate(f, 1):
                words = line.split("#")[0].split()
                if words:
                    try:
                        self._fact(words)
                    except (IndexError, ValueError, AssertionError):
                        raise Problem(f"{path}:{number}: not understood: {line.strip()}") from None

    def _fact(self, words):
        kind, name, rest = words[0], words[1], words[2:]
        after_colon = rest[rest.index(":") + 1:] if ":" in rest else []
        if kind == "limit":
            self.limit[name] = int(rest[0])
        elif kind == "root":
            self.roots[name] += rest
        elif kind == "asm":
            self.asm[name] = (int(rest[0]), after_colon)
        elif kind == "enter":
            assert rest[2] in ("nested", "fresh")
            self.enter[name] = (int(rest[0]), int(rest[1]), rest[2] == "nested")
        elif kind == "callback":
            self.callback[name] = int(rest[0])
        elif kind == "passes":
            self.passes[name] = after_colon
        elif kind == "calls":
            self.indirect[name] = after_colon
        elif kind == "end":
            assert after_colon
            self.end[name] = int(rest[0])
        elif kind == "skip":
            assert after_colon
            self.skip.add((name, rest[0]))
        elif kind == "depth":
            self.depth[name] = int(rest[0])
        else:
            raise ValueError

    def get(self, part, name):
        """The fact about a function, found with or without its file."""
        for key in (name, CLONE.sub("", name), plain(name)):
            if key in part:
                return part[key]
        return None


def argument_at(where, routine, number):
    """The text of argument `number` of the call of `routine` at file:line:column, casts removed."""
    try:
        path, line, _ = where.rsplit(":", 2)
        with open(path) as f:
            text = "".join(f.readlines()[int(line) - 1:int(line) + 8])
    except (ValueError, OSError):
        return None
    start = re.search(rf"\b{routine}\s*\(", text)
    if not start:
        return None
    arguments, depth = [""], 0
    for c in text[start.end():]:
        if c == "," and depth == 0:
            arguments.append("")
            continue
        if c == ")" and depth == 0:
            break
        depth += (c == "(") - (c == ")")
        arguments[-1] += c
    if number > len(arguments):
        return None
    argument = re.sub(r"^\(void \(\*\)\([^()]*\)\)", "", arguments[number - 1].strip())
    return argument if re.fullmatch(r"\w+", argument) else None


class Proof:
    def __init__(self, graph, table):
        self.graph, self.table = graph, table
        self.memo = {}              # (function, stack) -> (bytes, chain)
        self.problems = []
        self.system = set()         # functions that sys_call runs
        self.turn = {}              # recursive function -> bytes of one turn
        self.open = set()           # recursive functions in whose middle the search stands

    def problem(self, text):
        if text not in self.problems:
            self.problems.append(text)

    def resolve(self, name, source):
        """The function that `source` means by a name: one of its own file before a global one."""
        found = self.graph.find(name)
        same = [full for full in found if full.split(":")[0] == source.split(":")[0]]
        return (same or found or [name])[0]

    def handed_over(self, caller, routine, number, where):
        """Functions that caller passes to an enter routine."""
        listed = self.table.get(self.table.passes, caller)
        if listed is not None:
            return [self.resolve(name, caller) for name in listed]
        out = []
        for place in where:
            name = argument_at(place, routine, number)
            full = self.resolve(name, place.split(":")[0] + ":") if name else None
            if full is None or full not in self.graph.frame:
                self.problem(f"{place}: {plain(caller)} hands {name or 'an expression'} to {routine}: which function is it? "
                             f"Say so in the table: passes {plain(caller)} : FUNCTION...")
            else:
                out.append(full)
        return out

    def callees(self, name, stack):
        """(callee, where) of a function of C; indirect calls from the table."""
        for callee, where in self._all_callees(name):
            if stack in ("system", "trap") or (plain(name), plain(callee)) not in self.table.skip:
                yield callee, where

    def _all_callees(self, name):
        yield from self.graph.calls[name].items()
        if name in self.graph.indirect and self.table.get(self.table.callback, name) is None:
            listed = self.table.get(self.table.indirect, name)
            if listed is None:
                for place in sorted(set(self.graph.indirect[name])):
                    self.problem(f"{place}: {plain(name)} calls through a pointer: say what it may reach in the table: "
                                 f"calls {plain(name)} : FUNCTION...")
            for callee in listed or []:
                if callee != "none":
                    yield self.resolve(callee, name), ["the table"]

    def need(self, name, stack, path=()):
        """(bytes, chain) of the deepest chain that begins with a function."""
        if (name, stack) in self.memo:
            return self.memo[name, stack]
        if name in path:
            cycle = path[path.index(name):]
            if self.table.get(self.table.depth, name) is None:
                self.problem("recursion: " + " -> ".join(plain(n) for n in cycle + (name,)))
            turn = sum(self.graph.frame.get(n, 0) for n in cycle)
            self.turn[name] = max(self.turn.get(name, 0), turn)
            self.open.add(name)
            return 0, ()
        bytes_, chain = self._need(name, stack, path + (name,))
        depth = self.table.get(self.table.depth, name)
        if depth and name in self.turn:
            bytes_ += (depth - 1) * self.turn[name]
        self.open.discard(name)
        if not self.open:  # else the result lacks the turns of a recursion that began further up
            self.memo[name, stack] = bytes_, chain
        return bytes_, chain

    def _need(self, name, stack, path):
        table = self.table
        cut = table.get(table.end, name)
        if cut is not None:
            return cut, ((name, cut),)
        if name == "app":
            bytes_ = table.asm.get("__morestack", (None,))[0]
            if bytes_ is None:
                raise Problem('the table has no line "asm __morestack BYTES", which calls of "app" need')
            return bytes_ + 8, (("app", bytes_ + 8),)
        if name not in self.graph.frame:
            asm = table.get(table.asm, name)
            if asm is None:
                caller = plain(path[-2]) if len(path) > 1 else "the table"
                where = next(iter(self.graph.calls.get(path[-2], {}).get(name, ["?"]))) if len(path) > 1 else "?"
                self.problem(f"{where}: {caller} calls {name}, whose stack use is unknown: not compiled here. "
                             f"Give it a line in the table: asm {name} BYTES")
                return 0, ((name, 0),)
            return self._deepest(name, asm[0], [(self.resolve(c, ""), ["the table"]) for c in asm[1]], stack, path)
        if self.graph.kind[name] == "dynamic":
            self.problem(f"{name}: its frame has no bound (alloca or a variable-length array)")
        return self._deepest(name, self.graph.frame[name], self.callees(name, stack), stack, path)

    def _deepest(self, name, own, callees, stack, path):
        best = (0, ())
        for callee, where in callees:
            enter = self.table.get(self.table.enter, callee)
            number = self.table.get(self.table.callback, callee)
            if number is not None:
                functions = self.handed_over(name, plain(callee), number, where)
                inner = max((self.need(f, stack, path) for f in functions), default=(0, ()))
                own_frame = self.graph.frame.get(callee, 0)
                found = max(self.need(callee, stack, path), (own_frame + inner[0], ((callee, own_frame),) + inner[1]))
            elif enter is None:
                found = self.need(callee, stack, path)
            else:
                bytes_, number, nested = enter
                functions = self.handed_over(name, plain(callee), number, where)
                self.system.update(functions)
                found = (bytes_, ((callee, bytes_),))
                if nested and stack == "system":
                    inner = max((self.need(f, stack, path) for f in functions), default=(0, ()))
                    found = (bytes_ + inner[0], found[1] + inner[1])
            best = max(best, found)
        return own + best[0], ((name, own),) + best[1]

    def check(self, stack, roots):
        limit = self.table.limit.get(stack)
        if limit is None:
            raise Problem(f"the table has no line: limit {stack} BYTES")
        results = sorted({(self.need(root, stack), root) for root in roots}, reverse=True)
        for (bytes_, chain), root in results:
            if bytes_ > limit:
                self.problem(f"{plain(root)} needs {bytes_} bytes of the {stack} stack, limit {limit}: {show(chain)}")
        return results


def show(chain):
    return " -> ".join(f"{plain(name)} {bytes_}" for name, bytes_ in chain)


def asm_routines(objects):
    """Global symbols of the objects made from assembly."""
    out = set()
    for path in objects:
        if path.endswith(".asm.o"):
            text = subprocess.run(["nm", "-g", "--defined-only", path], check=True, text=True, stdout=subprocess.PIPE).stdout
            out.update(line.split()[2] for line in text.splitlines() if line.split()[1] in "Tt")
    return out


def main():
    parser = argparse.ArgumentParser(description="prove that the runtime fits on its stacks")
    parser.add_argument("--doors", required=True)
    parser.add_argument("--table", required=True)
    parser.add_argument("--verbose", action="store_true", help="show every chain")
    parser.add_argument("objects", nargs="*")
    args = parser.parse_args()

    graph, table = Graph(), Table(args.table)
    for path in args.objects:
        if path.endswith(".c.o"):
            graph.read(path[:-1] + "ci")
    proof = Proof(graph, table)
    routines = asm_routines(args.objects)
    for name in sorted(set(table.asm) | set(table.enter)):
        if name not in routines and name not in graph.frame:
            proof.problem(f"{args.table}: {name}: no such routine in assembly")

    with open(args.doors) as f:
        doors = f.read().split()
    known = [door for door in doors if door in graph.frame or door in table.asm or door in table.enter]
    for door in sorted(set(doors) - set(known)):
        what = f"in assembly: give it a line in the table: asm {door} BYTES" if door in routines else "defined nowhere"
        proof.problem(f"{door}: declared by rt/burrow.h, {what}")

    roots = {stack: [proof.resolve(name, "") for name in names] for stack, names in table.roots.items()}
    reports = {"goroutine": proof.check("goroutine", known + roots.get("goroutine", []))}
    seen = set()
    todo = set(roots.get("system", [])) | proof.system
    while todo:  # what runs on the system stack may hand over more
        reports["system"] = proof.check("system", sorted(todo | seen))
        seen |= todo
        todo = proof.system - seen
    for stack in sorted(set(roots) - {"goroutine", "system"}):
        reports[stack] = proof.check(stack, roots[stack])

    for stack, results in reports.items():
        print(f"check_stack: {stack}: {len(results)} chains, limit {table.limit[stack]}")
        for (bytes_, chain), _ in results if args.verbose else results[:SHOWN]:
            print(f"    {bytes_:6d}  {show(chain)}")
    for text in proof.problems:
        print(f"check_stack: {text}", file=sys.stderr)
    if proof.problems:
        print(f"check_stack: {len(proof.problems)} problems", file=sys.stderr)
    return bool(proof.problems) or not known


if __name__ == "__main__":
    try:
        sys.exit(main())
    except (Problem, OSError) as e:
        sys.exit(f"check_stack: {e}")
