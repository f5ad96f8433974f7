"""go_package_tests.py -- which files a package of the Go library is tested by, and the main program that calls its tests.

Follows what `go test` and libgo's own testsuite/gotest do: files are chosen by name and build constraint, tests in package X are compiled together with
X's own files, those in package X_test apart, and a generated main lists the tests and the examples that state their output.
"""
import os
import re

TAGS = {"linux", "amd64", "cgo", "gccgo", "unix"} | {f"go1.{n}" for n in range(1, 19)}
SYSTEMS = set("aix android darwin dragonfly freebsd hurd ios illumos js linux nacl netbsd openbsd plan9 solaris windows zos".split())
MACHINES = set("386 amd64 amd64p32 arm armbe arm64 arm64be alpha ia64 m68k mips mipsle mips64 mips64le mips64p32 mips64p32le nios2 ppc ppc64 "
               "ppc64le riscv riscv64 s390 s390x sh shbe sparc sparc64 wasm".split())
CONSTRAINT = re.compile(r"^//go:build (.*)$", re.M)
OLD_CONSTRAINT = re.compile(r"^// ?\+build (.*)$", re.M)
PACKAGE = re.compile(r"^package[ \t]+(\w+)", re.M)
FUNCTION = re.compile(r"^func ((Test|Fuzz|Example)(\w*))\(([^)]*)\)", re.M)
OUTPUT = re.compile(r"^[ \t]*//[ \t]*([Uu]nordered )?[Oo]utput:", re.M)


def name_matches(name):
    """By its ending: x_linux.go, x_amd64_test.go."""
    words = re.sub(r"(_test)?\.go$", "", name).split("_")[1:]
    known = SYSTEMS | MACHINES
    ending = [w for w in words[-2:]]
    if not ending or ending[-1] not in known:
        return True
    return all(w in TAGS for w in ending if w in known)


def constraint_matches(text):
    head = text[:PACKAGE.search(text).start()]
    match = CONSTRAINT.search(head)
    if not match:  # the older form: lines must all hold, of a line's words one, of a word's tags all
        return all(any(all((tag.lstrip("!") in TAGS) != tag.startswith("!") for tag in word.split(",")) for word in line.split())
                   for line in OLD_CONSTRAINT.findall(head))

    def value(word):
        return str(word[0] in TAGS)

    expression = re.sub(r"[\w.]+", value, match[1]).replace("&&", " and ").replace("||", " or ").replace("!", " not ")
    return bool(eval(expression.strip(), {"__builtins__": {}}))


class Sources:
    """own, internal, external: file names; texts: their contents by name."""

    def __init__(self, directory):
        self.directory = directory
        self.own, self.internal, self.external, self.texts = [], [], [], {}
        for name in sorted(os.listdir(directory)):
            if not name.endswith(".go") or name.startswith(("_", ".")) or not name_matches(name):
                continue
            with open(os.path.join(directory, name), encoding="utf-8", errors="surrogateescape") as f:
                text = f.read()
            package = PACKAGE.search(text)
            if not package or not constraint_matches(text):
                continue
            self.texts[name] = text
            if not name.endswith("_test.go"):
                self.own.append(name)
            elif package[1].endswith("_test"):
                self.external.append(name)
            else:
                self.internal.append(name)

    def package_of(self, names):
        return PACKAGE.search(self.texts[names[0]])[1]


def unquote_example(text, start):
    """What an example says that it prints: (unordered, text), or None if it says nothing. start: of its function."""
    end = text.index("\n}", start)
    body = text[start:end]
    matches = list(OUTPUT.finditer(body))
    if not matches:
        return None
    match = matches[-1]
    lines = body[match.end():].split("\n")
    rest = [re.sub(r"^[ \t]*// ?", "", line) for line in lines[1:] if line.strip().startswith("//")]
    said = "\n".join([lines[0].strip(), *rest])
    return bool(match[1]), said.strip()


def go_string(text):
    return '"' + "".join({"\\": "\\\\", '"': '\\"', "\n": "\\n", "\t": "\\t"}.get(c, c if c >= " " else f"\\x{ord(c):02x}") for c in text) + '"'


def mangled(name):
    """As gccgo writes it in symbols: Example_suffix is Example__suffix."""
    return name.replace("_", "__")


def test_main(path, sources, defined, left_out=()):
    """The source of the main package. defined: functions that there are; left_out: those not to call (gccgo-12's testing has no -test.skip)."""
    tests, examples, fuzz, used, main = [], [], [], set(), None
    for names, package in ((sources.internal, "_test"), (sources.external, "_xtest")):
        for name in names:
            text = sources.texts[name]
            for match in FUNCTION.finditer(text):
                function, kind, rest, arguments = match.groups()
                if (rest and rest[0].islower()) or function in left_out or mangled(function) not in defined:
                    continue
                if function == "TestMain":
                    main, used = f"{package}.TestMain", used | {package}
                    continue
                if kind == "Example":
                    said = unquote_example(text, match.start())
                    if said:
                        examples.append(f"\t{{{go_string(function)}, {package}.{function}, {go_string(said[1])}, {str(said[0]).lower()}}},\n")
                        used.add(package)
                    continue
                wanted = "testing.T" if kind == "Test" else "testing.F"
                if wanted[-1] != arguments.strip()[-1:]:
                    continue
                (tests if kind == "Test" else fuzz).append(f"\t{{{go_string(function)}, {package}.{function}}},\n")
                used.add(package)
    imports = []
    for names, name, suffix in ((sources.internal, "_test", ""), (sources.external, "_xtest", "_test")):
        if names:
            imports.append(f'import {name if name in used else "_"} "{path}{suffix}"\n')
    run = f"{main}(m)" if main else "os.Exit(m.Run())"
    return "".join(["package main\n\n", *imports, 'import "testing"\nimport "testing/internal/testdeps"\n',
                    "" if main else 'import "os"\n',
                    "\nvar tests = []testing.InternalTest{\n", *tests, "}\n\nvar fuzz = []testing.InternalFuzzTarget{\n", *fuzz,
                    "}\n\nvar examples = []testing.InternalExample{\n", *examples,
                    "}\n\nfunc main() {\n\tm := testing.MainStart(testdeps.TestDeps{}, tests, nil, fuzz, examples)\n\t", run, "\n}\n"])
