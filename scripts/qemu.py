"""qemu.py -- boots an image in QEMU, follows its serial line and finds out how it ended. Used by scripts/run and the tests.

The kernel's last serial line is "@@burrow exit N": it alone tells the program's status, 0 to 255 (isa-debug-exit shifts its
byte and would lose a bit; it only makes QEMU end). A machine that ends without that line died. Everything before
the line is passed on as it comes.
"""
import os
import re
import select
import signal
import subprocess
import tempfile
import threading
import time

STATUS_TIMEOUT = 124  # as timeout(1)
STATUS_DIED = 125
TAIL_LINES = 25

EXIT_MARK = b"@@burrow exit "
EXIT_LINE = re.compile(rb"@@burrow exit (\d{1,3})\r?\n\Z")
# OVMF's own crash report: it then spins for ever.
FIRMWARE_CRASH = re.compile(rb"!!!! (?:X64|IA32) Exception")
# And it waits in its shell for a person when it has found nothing that it can start.
FIRMWARE_SHELL = re.compile(rb"Shell> ")
# What firmware writes on the serial line before our loader: terminal control and boot messages.
TERMINAL_CONTROL = re.compile(rb"\x1b\[[0-9;=?]*[A-Za-z]|\x1b[()][0-9A-B]|\x1bc")
FIRMWARE_LINE = re.compile(rb"BdsDxe: [^\n]*\n")
# QEMU, when it does not start: nothing but messages of its own.
REFUSAL = re.compile(rb"(?:[^\n]*qemu[^\n:]*: [^\n]*\n)+", re.IGNORECASE)

# The first words of ours, whether the image boots or says why it cannot.
END_OF_INPUT = b"\4" * 3  # Ctrl-D ends a line that is begun, then the input, for one who read the line by bytes once more
OUR_WORDS = re.compile(rb"^(?:burrow: |@@burrow exit |clock:  TSC )", re.MULTILINE)

KVM_PROBE_SECONDS = {"pvh": 5, "uefi": 25, "iso": 25}


class Result:
    """How a run ended. status: the program's, STATUS_TIMEOUT or STATUS_DIED; why: "" or what went wrong; started: QEMU ran."""

    def __init__(self, status, why, output, seconds, started=True):
        self.status, self.why, self.output, self.seconds, self.started = status, why, output, seconds, started

    @property
    def text(self):
        return self.output.decode(errors="replace")

    def tail(self):
        lines = self.text.splitlines()[-TAIL_LINES:]
        return "\n".join(["---- last lines of the console ----", *lines, "---- end ----"])


def clean(raw, firmware):
    """Console bytes for a reader: plain newlines, and under UEFI without the firmware's own screen handling."""
    raw = raw.replace(b"\r\n", b"\n").replace(b"\n\r", b"\n")
    if firmware:
        raw = FIRMWARE_LINE.sub(b"", TERMINAL_CONTROL.sub(b"", raw))
    return raw


class Console:
    """Passes console bytes on as early as possible, but holds back what may be the exit line or the firmware's handling."""

    def __init__(self, firmware):
        self.firmware = firmware
        self.pending = b""  # raw, not passed on yet; the exit line is always in here
        self.passed = []    # cleaned pieces

    def feed(self, data):
        """Takes new bytes; returns those that may be shown."""
        self.pending += data
        cut = self._safe()
        text = clean(self.pending[:cut], self.firmware)
        self.pending = self.pending[cut:]
        self.passed.append(text)
        return text

    def _safe(self):
        """How many pending bytes surely do not belong to something that is taken out whole."""
        p = self.pending
        cut = len(p) - p.endswith(b"\r")
        mark = p.rfind(EXIT_MARK)
        if mark >= 0 and re.fullmatch(rb"\d{0,3}\r?\n?", p[mark + len(EXIT_MARK):]):
            cut = min(cut, mark)
        for n in range(1, len(EXIT_MARK)):
            if p.endswith(EXIT_MARK[:n]):
                cut = min(cut, len(p) - n)
        if self.firmware:
            escape = p.rfind(b"\x1b", -16)
            if escape >= 0 and not TERMINAL_CONTROL.match(p, escape):
                cut = min(cut, escape)
            line = p.rfind(b"\n") + 1
            if p.startswith(b"BdsDxe: "[:len(p) - line], line):
                cut = min(cut, line)
        return cut

    def exit_status(self):
        """The program's status if the last line tells it, else None."""
        match = EXIT_LINE.search(self.pending)
        return int(match[1]) if match and int(match[1]) <= 255 else None

    def finish(self):
        """The rest, without the exit line."""
        text = clean(EXIT_LINE.sub(b"", self.pending), self.firmware)
        self.pending = b""
        self.passed.append(text)
        return text

    def output(self):
        return b"".join(self.passed)


def default_firmware():
    """OVMF=file, or OVMF=code:variables for two flash chips; else where this system has it."""
    found = os.environ.get("OVMF") or subprocess.run([os.path.join(os.path.dirname(os.path.abspath(__file__)), "find"), "OVMF"],
                                                     stdout=subprocess.PIPE, text=True, check=True).stdout.strip()
    return tuple(found.split(":", 1)) if ":" in found else found


def in_option(path):
    """A path within a list of QEMU, where one comma ends it and two are one."""
    return str(path).replace(",", ",,")


def firmware_options(firmware):
    """firmware: a file, code and variables in one; or (code, variables), two flash chips. Nothing that the guest writes is kept."""
    if isinstance(firmware, str):
        return ["-bios", firmware]
    code, variables = firmware
    return ["-drive", f"if=pflash,unit=0,format=raw,readonly=on,file={in_option(code)}",
            "-drive", f"if=pflash,unit=1,format=raw,snapshot=on,file={in_option(variables)}"]


def command(image, boot, smp=1, mem="512M", accel="tcg", cmdline_file=None, gdb_port=None, icount=False, rr=None, extra=(), firmware=None,
            devices=None):
    """QEMU's command line for one run. smp, mem: as QEMU takes them.

    firmware: see firmware_options. devices: the controller, if it needs one, and the device that the image is in, the last of them; by
    default the machine's own IDE (AHCI on q35).
    icount: an instruction takes 2^icount ns (True: 1 ns) and cores take turns on one thread, so that a run without input repeats
    exactly. rr: ("record" or "replay", file), which repeats input as well; QEMU does this for one core only.
    """
    cpu = "host" if accel == "kvm" else "max"
    counted = icount is not False or rr
    engine = f"{accel},thread=single" if counted else accel
    args = [os.environ.get("QEMU", "qemu-system-x86_64"), "-machine", "q35", "-accel", engine,
            # OVMF parks cores in MWAIT, which software emulation spins on.
            "-cpu", f"{cpu},-monitor", "-smp", str(smp), "-m", str(mem), "-nodefaults", "-no-user-config",
            "-device", "isa-debug-exit,iobase=0xf4,iosize=0x04", "-serial", "stdio", "-display", "none", "-no-reboot"]
    if counted:
        shift = 0 if icount is True else 2 if icount is False else icount
        mode = f"rr={rr[0]},rrfile={in_option(rr[1])}" if rr else "sleep=off"
        args += ["-icount", f"shift={shift},{mode}", "-rtc", "base=2026-01-01T00:00:00,clock=vm"]
    if cmdline_file:
        args += ["-fw_cfg", f"name=opt/burrow/cmdline,file={in_option(cmdline_file)}"]
    if gdb_port:
        args += ["-gdb", f"tcp:127.0.0.1:{gdb_port}", "-S"]
    if boot == "pvh":
        args += ["-kernel", image]
    else:
        cd = boot == "iso" and not devices
        *controllers, device = devices or (["ide-cd"] if cd else ["ide-hd"])
        args += firmware_options(firmware or default_firmware())
        args += ["-drive", f"if=none,id=boot,format=raw,media={'cdrom' if cd else 'disk'},readonly={'on' if cd else 'off'},"
                           f"snapshot=on,file={in_option(image)}"]
        for controller in controllers:
            args += ["-device", controller]
        args += ["-device", f"{device},drive=boot,bootindex=0"]
    return args + list(extra)


def side_channel(path):
    """Options for the port that rt/side.c's stream leaves by."""
    return ["-chardev", f"file,id=side,path={in_option(path)}", "-device", "isa-debugcon,iobase=0xe9,chardev=side"]


def die_with_parent():
    """In the child: be killed when the harness goes, however it goes."""
    import ctypes
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG


def feed(source, sink, end):
    """Copies in the background, until either side ends; then the bytes that say so: QEMU does not tell a machine that nothing more comes."""
    def copy():
        try:
            while data := os.read(source.fileno(), 65536):
                sink.write(data)
                sink.flush()
            sink.write(end)
            sink.close()
        except (OSError, ValueError):
            pass  # the machine has ended
    threading.Thread(target=copy, daemon=True).start()


def follow(args, timeout=0, show=None, firmware=False, stdin=subprocess.DEVNULL, until=None, env=None, end=END_OF_INPUT):
    """Runs a machine to its end. show(bytes) gets output as it comes; until: a pattern that ends the run early (status 0).

    Firmware takes what comes in on the serial line for keys pressed in its menus: a file or pipe is held back until our own first words. Who
    sits at a terminal may want to talk to the firmware. end: what the machine gets when a file or pipe has ended.
    """
    start = time.monotonic()
    console = Console(firmware)
    person = hasattr(stdin, "fileno") and os.isatty(stdin.fileno())
    held = stdin if hasattr(stdin, "fileno") and not person else None
    if held:
        stdin = subprocess.PIPE
    try:
        child = subprocess.Popen(args, stdin=stdin, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                 preexec_fn=die_with_parent, env=env)
    except OSError as e:  # QEMU=, or the system has none
        return Result(STATUS_DIED, f"{args[0]}: {e.strerror}", f"qemu: {args[0]}: {e.strerror}\n".encode(), 0, started=False)
    try:
        why = _read(child, console, start + timeout if timeout else None, show, until, person, lambda: held and feed(held, child.stdin, end))
        if not why:
            child.wait(1)
    except subprocess.TimeoutExpired:
        pass  # it said its status, or closed its console, and does not end
    finally:
        code = _end(child)
        child.stdout.close()
        # child.stdin is left to the copying thread, which may be in the middle of a write.

    status = console.exit_status()
    if why == "until":
        status, why = 0, ""
    elif why == "timeout":
        status, why = STATUS_TIMEOUT, f"timeout after {timeout:g} s"
    elif why or status is None:
        status, why = STATUS_DIED, why or f"the machine died without saying its status (QEMU ended with {code})"
    last = console.finish()
    if show and last:
        show(last)
    output = console.output()
    # QEMU's own complaint, and nothing from a guest before it ended by itself; an assertion of its own is one, too.
    started = not (status == STATUS_DIED and code in (1, -signal.SIGABRT) and REFUSAL.fullmatch(output))
    if not started:
        why = "QEMU did not start; it says why above"
    return Result(status, why, output, time.monotonic() - start, started)


def _end(child):
    """Ends a QEMU that still runs, politely first: it gives the terminal its settings back. Returns its exit value."""
    if child.poll() is None:
        child.terminate()
        try:
            child.wait(1)
        except subprocess.TimeoutExpired:
            child.kill()
    return child.wait()


def _read(child, console, deadline, show, until, person, at_our_words):
    """Reads until the end of the console; returns "" or why it was left before. person: somebody may type. at_our_words() is called when they come."""
    fd = child.stdout.fileno()
    recent = b""  # enough of what came last to find a pattern across reads
    ended = None  # when the exit line came
    while True:
        now = time.monotonic()
        if deadline and now > deadline:
            return "timeout"
        if ended and now > ended + 3:
            return ""
        if not select.select([fd], [], [], 0.2)[0]:
            continue
        data = os.read(fd, 65536)
        if not data:
            return ""
        new = console.feed(data)
        if show and new:
            show(new)
        ended = now if console.exit_status() is not None else None
        recent = recent[-512:] + data
        if at_our_words and OUR_WORDS.search(recent):
            at_our_words()
            at_our_words = None
        if FIRMWARE_CRASH.search(recent):
            time.sleep(0.3)  # let it print its registers
            if select.select([fd], [], [], 0)[0]:
                console.feed(os.read(fd, 65536))
            return "the firmware reported a processor exception"
        if until and re.search(until, recent):
            return "until"
        if at_our_words and not person and FIRMWARE_SHELL.search(recent):
            return "the firmware cannot start the image, and waits in its shell; is there memory for it, and may it be started (secure boot)?"


def run(image, boot="pvh", cmdline="", timeout=0, show=None, stdin=subprocess.DEVNULL, until=None, **machine):
    """Boots an image and follows it. machine: as for command()."""
    with tempfile.NamedTemporaryFile(prefix="burrow-cmdline-") as f:
        f.write(os.fsencode(cmdline))
        f.flush()
        args = command(image, boot, cmdline_file=f.name, **machine)
        counted = machine.get("icount", False) is not False  # an interrupt more would be one more to count, or to replay
        return follow(args, timeout, show, boot != "pvh", stdin, until, end=b"" if counted else END_OF_INPUT)


def run_process(words, timeout=0, env=None):
    """Runs a hosted process. A signal's death counts as STATUS_DIED."""
    start = time.monotonic()
    child = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                             preexec_fn=die_with_parent, env=env)
    why = ""
    try:
        output, _ = child.communicate(timeout=timeout or None)
        status = child.returncode
        if status < 0:
            status, why = STATUS_DIED, f"ended by {signal.Signals(-status).name}"
    except subprocess.TimeoutExpired:
        child.kill()
        output, _ = child.communicate()
        status, why = STATUS_TIMEOUT, f"timeout after {timeout:g} s"
    return Result(status, why, output, time.monotonic() - start)


def choose_accel(wanted, image, boot):
    """"kvm" where it is wanted and boots this image as far as our own first words, else "tcg".

    The answer is remembered if it is one: an image that does not come so far in software emulation either says nothing about KVM.
    """
    if wanted != "auto":
        return wanted
    if not os.access("/dev/kvm", os.R_OK | os.W_OK):
        return "tcg"
    memory = os.path.join("build", f".accel-{boot}-{os.uname().release}")
    if os.path.exists(memory):
        with open(memory) as f:
            return f.read().strip()
    def boots(accel):
        return run(image, boot, timeout=KVM_PROBE_SECONDS[boot], until=OUR_WORDS, accel=accel, smp=2, mem="256M").status == 0

    accel = "kvm" if boots("kvm") else "tcg"
    if accel == "tcg" and not boots("tcg"):
        return accel
    if accel == "tcg":
        print("KVM does not run this image here; using software emulation", flush=True)
    os.makedirs("build", exist_ok=True)
    with open(memory, "w") as f:
        f.write(accel + "\n")
    return accel
