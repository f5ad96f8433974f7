"""go_pack.py -- links many test programs of Go into one image and one process; used by scripts/go_tests.py.

A program is compiled as any other. Then everything that its package main defines becomes local to its object, so that a hundred packages main can be linked
together; two pointers lead to its main.main and the start that gccgo makes (__go_init_main). Types and functions of the library are there once. A
table of all programs and tests/go/pack/driver.c, which runs them by their numbers, take the place of package main.
"""
import hashlib
import os
import re
import subprocess

BUILD = "build"
PLACE = f"{BUILD}/go-tests"
# A name of package main, or one made of such a name: main.T, type.._6_7_2main_0T.
OF_MAIN = re.compile(r"(?<![A-Za-z0-9])main(\.|_0)")


class Failed(Exception):
    """A command failed: what it said."""


def run(command):
    r = subprocess.run(command, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, errors="replace")
    if r.returncode:
        raise Failed(r.stdout or f"{command[0]}: status {r.returncode}")
    return r.stdout


def newer(path, *others):
    """Is path there, and not older than the others?"""
    return os.path.exists(path) and all(os.path.getmtime(path) >= os.path.getmtime(o) for o in others)


class Packer:
    def __init__(self, root):
        self.root = root
        self.vars = dict(v.split("=", 1) for v in run(["make", "-s", "print-go-tests"]).splitlines() if "=" in v)
        self.flags = self.vars["GOFLAGS"].replace("-O2", "-O1").split()
        os.makedirs(PLACE, exist_ok=True)

    def source(self, name):
        return os.path.join(self.root, name)

    def compile(self, name):
        """The program's object, its names local. Kept: source, compiler's flags and package runtime decide."""
        base = os.path.join(PLACE, "obj", name[:-3])
        out, command = base + ".o", ["scripts/go_cc", self.vars["GCCGO"], *self.flags, "-c", "-o", base + ".go.o", self.source(name)]
        made_by = base + ".cmd"
        text = " ".join(command) + hashlib.sha256(open(__file__, "rb").read()).hexdigest()
        if newer(out, self.source(name), f"{BUILD}/go/import/runtime.gox") and os.path.exists(made_by):
            with open(made_by) as f:
                if f.read() == text:
                    return out
        os.makedirs(os.path.dirname(base), exist_ok=True)
        run(command)
        # Without groups, of which only the first of a name is linked: other programs' types have the same names.
        with open(base + ".ptr.s", "w") as f:
            f.write(f'\t.section .data.rel.ro,"aw"\n\t.globl {self.tag(name)}\n\t.align 8\n{self.tag(name)}:\n\t.quad __go_init_main, main.main\n'
                    '\t.section .note.GNU-stack,"",@progbits\n')
        run(["as", "--64", "-o", base + ".ptr.o", base + ".ptr.s"])
        run([self.vars["LD"], "-r", "--force-group-allocation", "-o", out + ".new", base + ".go.o", base + ".ptr.o"])
        mine = set()
        for line in run([self.vars["NM"], "--defined-only", out + ".new"]).splitlines():
            words = line.split()
            if words[-2].isupper() and OF_MAIN.search(words[-1]):
                mine.add(words[-1])
        with open(base + ".local", "w") as f:
            f.writelines(n + "\n" for n in sorted(mine | {"__go_init_main"}))
        run([self.vars["OBJCOPY"], "--remove-section=.go_export", f"--localize-symbols={base}.local", out + ".new"])
        for leftover in (".go.o", ".ptr.s", ".ptr.o", ".local"):
            os.remove(base + leftover)
        with open(made_by, "w") as f:
            f.write(text)
        os.replace(out + ".new", out)
        return out

    @staticmethod
    def tag(name):
        return "pack." + re.sub(r"[^A-Za-z0-9]", "_", name[:-3])

    def link(self, names, metal, host):
        """Links the compiled programs into <PLACE>/<number>.elf and, if asked for, <number>.host. Returns both paths."""
        objects = [os.path.join(PLACE, "obj", n[:-3]) + ".o" for n in names]
        stem = os.path.join(PLACE, "pack-" + hashlib.sha256("\n".join(names).encode()).hexdigest()[:12])
        table, driver, app = stem + ".table.c.o", stem + ".driver.c.o", stem + ".app.o"
        library = [f"{BUILD}/go/runtime.o", f"{BUILD}/go/libgo-bare.a", f"{BUILD}/go/libm.a"]
        machine, process = stem + ".elf", stem + ".host"
        inputs = [*objects, *library, *self.vars["GO_OBJS"].split(), "tests/go/pack/driver.c", f"{BUILD}/buildid"]
        wanted = [p for p, asked in ((machine, metal), (process, host)) if asked]
        if all(newer(p, *inputs) for p in wanted):
            return machine, process
        with open(stem + ".table.c", "w") as f:
            f.write("struct Program { void (*init)(void), (*main)(void); };\n")
            f.writelines(f'extern const struct Program p_{i} __asm__("{self.tag(n)}");\n' for i, n in enumerate(names))
            f.write("const struct { const char *name; const struct Program *program; } pack_programs[] = {\n")
            f.writelines(f'    {{"{n}", &p_{i}}},\n' for i, n in enumerate(names))
            f.write(f"}};\nconst long pack_count = {len(names)};\n")
        compiler = self.vars["APPCC"].split() + ["-fasynchronous-unwind-tables", "-c", "-o"]
        run([*compiler, table, stem + ".table.c"])
        run([*compiler, driver, "tests/go/pack/driver.c"])
        run(["scripts/go_link.py", "--out", app, "--doors", f"{BUILD}/doors", "--runtime", self.vars["GO_OBJS"], table, driver, *objects, *library])
        files = [f"{BUILD}/go/no_files", f"{BUILD}/buildid"]
        if metal:
            note = run(["scripts/buildid", "--note"]).strip()
            run(["scripts/link_twice", machine, *files, self.vars["LD"], *self.vars["LDFLAGS_METAL"].split(), f"--build-id={note}",
                 app, *self.vars["METAL_OBJS"].split(), f"{BUILD}/go/rt-metal.a", *self.vars["LIBGCC"].split()])
        if host:
            run(["scripts/link_twice", process, *files, self.vars["CC"], "-no-pie", "-pthread", "-Wl,-z,noexecstack,-z,now",
                 app, *self.vars["HOST_OBJS"].split(), *self.vars["GO_OBJS"].split()])
        for leftover in (app, app + ".keep", app + ".renames", table, driver, stem + ".table.c"):
            os.remove(leftover)
        return machine, process
