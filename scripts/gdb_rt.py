"""gdb_rt.py -- gdb commands for a running or hanging machine (make debug), or for a hosted process.

    goroutines             every goroutine: number, state or wait reason, where the program is
    goroutine N bt         its stack, across segments, wherever it is: running, parked, preempted; `goroutine all bt`
    gstack N               its stack segments
    ps                     each core (P): what it runs, queue, requests, idle
    locks                  runtime locks that cores hold (built with DEBUG=1)

Loaded by: gdb -x scripts/gdb_rt.py build/NAME.elf -ex 'target remote :PORT'

Nothing is called in the machine; everything is read from its memory, by the types in the image's debug information. Stacks are walked
by frame pointers as in rt/traceback.c, because __morestack and the switches have no unwind tables.
"""
import re

import gdb

# What gcc calls a function that it has specialised or split (scripts/symbols.py).
COPY = re.compile(r"(?:\.(?:constprop|isra|part)\.\d+|\.cold(?:\.\d+)?)+(?= |$)")
WORD = 8
FRAMES_MAX = 200
ADDRESS = (1 << 64) - 1  # gdb gives registers as signed numbers
PRELUDE = "the runtime has not started yet"


def value(expression):
    return gdb.parse_and_eval(expression)


def address(name):
    return int(value(f"(unsigned long)&'{name}'"))


def word(at):
    return int.from_bytes(gdb.selected_inferior().read_memory(at, WORD).tobytes(), "little")


def enum_name(number, prefix, names):
    """The one of the enumerators PREFIX_NAME that has this value."""
    return next((name.lower() for name in names.split() if int(value(prefix + name)) == int(number)), str(int(number)))


# ---- places in the code


def place(pc, is_call):
    """'chan_recv+0x40 rt/chan.c:120'; a return address is looked up as the call before it."""
    at = pc - 1 if is_call else pc
    symbol = gdb.execute(f"info symbol {at:#x}", to_string=True)
    name = "?"
    if " in section" in symbol:
        name = COPY.sub("", symbol.split(" in section")[0]).replace(" + ", "+").replace("app_main", "main").replace("__morestack.", "__morestack:")
    line = gdb.find_pc_line(at)
    return f"{pc:#x} {name}" + (f" {line.symtab.filename.removeprefix('./')}:{line.line}" if line.symtab else "")


def in_app(pc):
    return address("__start_app_text") <= pc < address("__stop_app_text")


def walk(pc, fp, is_call=False):
    """Yields (pc, is a return address) from a frame to the first one. rt/traceback.c says what is special about __morestack."""
    first, end, returns = address("__morestack"), address("__morestack_end"), address("__morestack.body_returns")
    entering = False
    for _ in range(FRAMES_MAX):
        if not pc:
            return
        yield pc, is_call
        is_call = True
        try:
            if first <= pc < end and pc != returns:
                entering, pc = True, word(fp + WORD)
                continue
            up, pc = word(fp), word(fp + (2 * WORD if entering or pc == returns else WORD))
        except gdb.MemoryError:
            return
        if up == fp:
            return
        entering, fp = False, up
    yield 0, False


def print_walk(frames):
    for i, (pc, is_call) in enumerate(frames):
        print(f"#{i:<3} {place(pc, is_call)}" if pc else f"... more than {FRAMES_MAX} frames")


# ---- the runtime's nouns


def processors():
    """The Ps, in order; an error before there are any."""
    try:
        count = int(value("sched.ncpu"))
        ps = [value(f"rt_ps[{i}]").dereference() for i in range(count)]
    except gdb.MemoryError:
        ps = []
    if not ps:
        raise gdb.GdbError(PRELUDE)
    return ps


def goroutines():
    """All that live, oldest first."""
    processors()
    dead = (int(value("G_IDLE")), int(value("G_DEAD")))
    g = value("allgs")
    while int(g):
        if int(g["state"]) not in dead:
            yield g.dereference()
        g = g["all_next"]


def find(number):
    for g in goroutines():
        if int(g["id"]) == number:
            return g
    raise gdb.GdbError(f"there is no goroutine {number}; see `goroutines`")


def state(g):
    if int(g["state"]) == int(value("G_WAITING")) and not int(g["on_cpu"]):
        reason = value(f"reasons[{int(g['wait_reason'])}]")
        return reason.string() if int(reason) else "?"
    return enum_name(g["state"], "G_", "IDLE RUNNABLE RUNNING WAITING DEAD")


def core_registers():
    """{address of P: (pc, fp)} of every core that stands still in the debugger, by its %gs base."""
    registers = {}
    gdb.execute("info threads", to_string=True)  # makes gdb ask for the other cores
    selected = gdb.selected_thread()
    for thread in gdb.selected_inferior().threads():
        thread.switch()
        frame = gdb.newest_frame()
        rip, rbp, gs = (int(frame.read_register(name)) & ADDRESS for name in ("rip", "rbp", "gs_base"))
        registers[gs] = (rip, rbp)
    if selected:
        selected.switch()
    return registers


def interrupted(p):
    """(pc, fp) of what an interrupt's handler on this core interrupted, or None."""
    try:
        frame = value(f"cpus[{int(p['id'])}]")["irq_frame"]
    except gdb.error:
        return None  # a hosted process
    return (int(frame["rip"]), int(frame["rbp"])) if int(frame) else None


def frames_of(g, registers):
    """Frames of a goroutine, wherever it is; None: it runs on a core that the debugger does not see."""
    if int(g["on_cpu"]):
        for p in processors():
            if int(p["g"]) == int(g.address) and int(p.address) in registers:
                return walk(*(interrupted(p) or registers[int(p.address)]))
        return None
    context = g["ctx"]
    if int(context):  # preempted where it stood
        return walk(int(context["tf"]["rip"]), int(context["tf"]["rbp"]))
    sp = int(g["sp"])  # r15 r14 r13 r12 rbx rbp, return address (rt/x86_64/gogo.asm)
    pc = word(sp + 6 * WORD)
    if pc == address("g_start"):
        return [(int(g["entry_pc"]), False)]
    return walk(pc, word(sp + 5 * WORD), is_call=True)


def where(frames):
    """The program's innermost frame, or the innermost of all."""
    frames = [f for f in frames or [] if f[0]]
    if not frames:
        return "(not seen by the debugger)"
    return place(*next((f for f in frames if in_app(f[0])), frames[0]))


# ---- commands


class Goroutines(gdb.Command):
    """List all goroutines: goroutines"""

    def __init__(self):
        super().__init__("goroutines", gdb.COMMAND_STACK)

    def invoke(self, argument, from_tty):
        registers = core_registers()
        for g in goroutines():
            core = f" on core {int(g['p']['id'])}" if int(g["on_cpu"]) and int(g["p"]) else ""
            print(f"{int(g['id']):>6} [{state(g)}{core}] {where(frames_of(g, registers))}")


class Goroutine(gdb.Command):
    """A goroutine's stack: goroutine N bt, or goroutine all bt"""

    def __init__(self):
        super().__init__("goroutine", gdb.COMMAND_STACK)

    def invoke(self, argument, from_tty):
        words = gdb.string_to_argv(argument)
        if len(words) != 2 or words[1] != "bt" or not (words[0].isdigit() or words[0] == "all"):
            raise gdb.GdbError("usage: goroutine N bt, or goroutine all bt")
        registers = core_registers()
        for g in goroutines() if words[0] == "all" else [find(int(words[0]))]:
            print(f"goroutine {int(g['id'])} [{state(g)}]:")
            frames = frames_of(g, registers)
            if frames is None:
                print("(runs on a core that the debugger does not see)")
            else:
                print_walk(frames)


class Ps(gdb.Command):
    """Each core: what it runs, its queue, its requests: ps"""

    def __init__(self):
        super().__init__("ps", gdb.COMMAND_STATUS)

    def invoke(self, argument, from_tty):
        registers = core_registers()
        bits = [(name, int(value(f"REQ_{name}"))) for name in ("YIELD", "TIMER", "INBOX", "STOP", "NOW")]
        for p in processors():
            request = int(p["request"])
            names = ",".join(name.lower() for name, bit in bits if request & bit) or "none"
            queued = (int(p["runq"]["tail"]) - int(p["runq"]["head"])) & 0xffffffff
            queued += bool(int(p["runq"]["runnext"]))
            running = f"goroutine {int(p['g']['id'])}" if int(p["g"]) else "scheduler"
            at = registers.get(int(p.address))
            print(f"core {int(p['id'])}: {running}, {enum_name(p['state'], 'P_', 'IDLE RUNNING STOPPED OFF')}, requests {names}, queue {queued}, "
                  f"pinned {int(p['local_count'])}, inbox {'filled' if int(p['inbox']) else 'empty'}, switches {int(p['sched_tick'])}"
                  + (f"\n        at {place(at[0], False)}" if at else ""))
        print(f"idle {int(value('sched.idle_count'))} of {int(value('sched.nproc'))}, searching {int(value('sched.spinning'))}, "
              f"global queue {int(value('sched.global_count'))}")


class Locks(gdb.Command):
    """Runtime locks that cores hold, innermost last: locks"""

    def __init__(self):
        super().__init__("locks", gdb.COMMAND_STATUS)

    def invoke(self, argument, from_tty):
        held = 0
        for p in processors():
            count = int(p["held_count"])
            for i in range(min(count, 8)):
                lock = p["held"][i]
                symbol = gdb.execute(f"info symbol {int(lock):#x}", to_string=True)
                name = symbol.split(" in section")[0] if " in section" in symbol else f"{int(lock):#x}"
                rank = value(f"lock_rank_names[{int(lock['rank'])}]").string()
                print(f"core {int(p['id'])}: {rank} lock {name}")
                held += 1
            if count > 8:
                print(f"core {int(p['id'])}: and {count - 8} more")
        if not held:
            print("no core holds a lock (only builds with DEBUG=1 keep account)")


class Gstack(gdb.Command):
    """Stack segments of a goroutine, newest first: gstack N"""

    def __init__(self):
        super().__init__("gstack", gdb.COMMAND_STACK)

    def invoke(self, argument, from_tty):
        if not argument.strip().isdigit():
            raise gdb.GdbError("usage: gstack N")
        g = find(int(argument))
        header = gdb.lookup_type("StackSeg").sizeof
        segment, total, note = g["seg"], 0, ""
        if int(segment["newer"]):
            note = "kept for the next growth"
        while int(segment["newer"]):
            segment = segment["newer"]
        while int(segment):
            base, size = int(segment["base"]), int(segment["bytes"])
            if int(segment) == int(g["seg"]):
                note = "current"
            elif note == "current":
                note = ""
            print(f"{base:#x} to {base + size:#x}, {size} bytes, header at {base + size - header:#x} {note}".rstrip())
            total += size if note != "kept for the next growth" else 0
            segment = segment["older"]
        print(f"{total} bytes in use, guard {int(g['guard']):#x}, limit {int(value('sched.max_stack'))}")


for command in (Goroutines, Goroutine, Ps, Locks, Gstack):
    command()
