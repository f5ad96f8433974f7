#!/usr/bin/python3
"""go_packages.py --out DIR SOURCE -- compiles the packages of a Go program: a .go file, or a directory with package main.

go-12, which comes with gccgo-12, finds the packages as Go does: module paths (go.mod), vendor directories, build constraints, _test.go files, patterns of
go:embed, import cycles. A directory without go.mod is the module of its own name: its package sub is imported as "NAME/sub". C files beside package main are
the build's own business (scripts/apps.mk).

Each package becomes DIR/pkg/PATH.o and its export data DIR/import/PATH.gox; DIR/objects lists the objects, main last, and is new when one of them is. A package
is compiled again when its sources, its embedded files, the compiler's command or the export data of what it imports have changed, by content.
"""
import argparse
import fnmatch
import hashlib
import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import go_escape
import go_hints

OUR_PACKAGES = {"burrow"}  # rt/go/burrow
GO_CC = os.path.join(os.path.dirname(os.path.abspath(__file__)), "go_cc")
NOT_GO = (".c", ".h", ".s", ".S", ".cc", ".cpp", ".cxx", ".m")


def fail(lines):
    for line in lines:
        print(line, file=sys.stderr)
    sys.exit(1)


def shown(path):
    """As a person here would write it: below the present directory relative, else as it is."""
    relative = os.path.relpath(path)
    return relative if not relative.startswith("..") else os.path.abspath(path)


def read_line(path, number):
    try:
        with open(path, errors="replace") as f:
            return f.read().split("\n")[number - 1]
    except (OSError, IndexError):
        return ""


# ---- what the program consists of


def module_root(folder):
    for place in (folder, *folder.parents):
        if (place / "go.mod").is_file():
            return place
    return None


# golang.org/x/mod/module, CheckImportPath; and what the go command takes for something else than a directory's package.
NOT_IN_PATHS = r"[^A-Za-z0-9._~+-]"
NOT_A_PATH = re.compile(r"(con|prn|aux|nul|com[1-9]|lpt[1-9])(\..*)?|all|std|cmd", re.IGNORECASE)


def module_name(folder):
    """Of a directory without go.mod: its own, with _ for what no import path may have and behind what none may be."""
    name = re.sub(NOT_IN_PATHS + r"|^[-~]|\.$|~(?=\d+$)", "_", folder.name)
    return re.sub(r"(\.|$)", r"_\1", name, count=1) if NOT_A_PATH.fullmatch(name) or name == "C" else name


def odd_below(root, folder):
    """What is wrong with the path of a directory in a module; "": nothing."""
    odd = sorted(set(re.findall(NOT_IN_PATHS, "".join(folder.relative_to(root).parts))))
    return f"{shown(folder)}: error: a directory in the module of {shown(root / 'go.mod')}, where no name may have {' '.join(odd)}; rename it" if odd else ""


def older_go_mod(text):
    """go.mod without what go-12 does not read: versions of three numbers, toolchains. Lines keep their numbers."""
    return re.sub(r"(?m)^(toolchain|godebug)\b.*$", "", re.sub(r"(?m)^go 1\.(19|[2-9]\d|1\d\d).*$|^go (1\.\d+)\.\d.*$", "go 1.18", text))


def list_packages(args, source):
    """The objects that `go list -deps` prints, dependencies first."""
    folder = source if source.is_dir() else source.parent
    replace = {}
    if source.is_dir():
        # C beside package main: not Go's business, and an error to it.
        replace = {str(path): "" for path in folder.iterdir() if path.suffix in NOT_GO}
        root = module_root(folder)
        if root and odd_below(root, folder):
            fail([odd_below(root, folder)])
        made = args.out / "go.mod"
        made.write_text(older_go_mod((root / "go.mod").read_text()) if root else f"module {module_name(folder)}\n\ngo 1.18\n")
        replace[str((root or folder) / "go.mod")] = str(made.absolute())
    overlay = args.out / "overlay.json"
    overlay.write_text(json.dumps({"Replace": replace}))
    env = dict(os.environ, GOFLAGS="", GOENV="off", GOPROXY="off", GOSUMDB="off", CGO_ENABLED="0", GOOS="linux", GOARCH="amd64",
               GOCACHE=str(args.out.absolute() / "cache"), GO111MODULE="")
    env.setdefault("HOME", str(args.out.absolute()))
    command = [args.go, "list", "-e", "-deps", "-json", "-compiler", "gccgo", "-tags", "burrow", f"-overlay={overlay.absolute()}",
               "." if source.is_dir() else source.name]
    result = subprocess.run(command, cwd=folder, env=env, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    decoder, text, at, packages = json.JSONDecoder(), result.stdout, 0, []
    while at < len(text.rstrip()):
        package, at = decoder.raw_decode(text, at)
        packages.append(package)
        while at < len(text) and text[at].isspace():
            at += 1
    if result.returncode or not packages:
        fail((cgo_lines(source) if source.is_file() else []) or [place_shown(line, folder) for line in result.stderr.splitlines() if not line.startswith("go: finding")] or
             [f"{shown(source)}: {args.go} list: status {result.returncode}"])
    return packages, folder


def place_shown(line, folder):
    """go names files relative to where it ran."""
    name = line.split(":", 1)[0]
    return shown(folder / name) + line[len(name):] if (folder / name).is_file() else line


def import_errors(packages, folder):
    """A line for each package that cannot be had."""
    lines = []
    for package in packages:
        error, path = package.get("Error"), package["ImportPath"]
        if not error or path in OUR_PACKAGES or package.get("Standard"):
            continue
        text = " ".join(error["Err"].split())
        if "import cycle" in text:
            stack = [p for p in error.get("ImportStack", []) if p != "command-line-arguments"]
            text = "import cycle: " + " imports ".join(stack) if stack else text
        place = error.get("Pos", "")
        place = place_shown(place, folder).rsplit(":", 1)[0] if place.count(":") >= 2 else place and place_shown(place, folder)
        missing = go_hints.package(path)
        if "is not in GOROOT" in text and not missing:
            missing = f"package {path} is neither in the standard library (Go 1.18) nor a directory of the program's module (docs/go.md)"
        lines.append(f"{place or shown(package.get('Dir', folder))}: error: {missing or text}")
    return list(dict.fromkeys(lines))


def without_cgo(packages):
    """Files that Go leaves out because they import "C", unless their constraints say that they expect it."""
    lines = []
    for package in packages:
        if not package.get("Standard"):
            for name in package.get("IgnoredGoFiles", []) + package.get("CgoFiles", []):
                lines += cgo_lines(Path(package["Dir"]) / name)
    return lines


def cgo_lines(path):
    text = path.read_text(errors="replace")
    if "build" in text.split("\npackage ", 1)[0]:
        return []
    return [f"{shown(path)}:{number}: error: {go_hints.package('C')}" for number, line in enumerate(text.split("\n"), 1)
            if line.split("//")[0].replace("import", "").strip() == '"C"']


# ---- one package


def embed_config(package):
    """What gccgo wants to know for go:embed: files of each pattern."""
    files = package.get("EmbedFiles", [])
    if not package.get("EmbedPatterns"):
        return None
    patterns = {}
    for pattern in package["EmbedPatterns"]:
        glob = pattern.removeprefix("all:")
        depth = glob.count("/") + 1
        patterns[pattern] = []
        for name in files:
            parts = name.split("/")
            if not fnmatch.fnmatchcase("/".join(parts[:depth]), glob) and glob != ".":
                continue
            hidden = any(p[0] in "._" for p in parts[depth if glob != "." else 0:])
            if not hidden or glob != pattern:
                patterns[pattern].append(name)
    return {"Patterns": patterns, "Files": {name: str(Path(package["Dir"]) / name) for name in files}}


def asks_for(package):
    """The Go version in the module's go.mod, as it is written there."""
    module = package.get("Module", {})
    try:
        version = re.search(r"(?m)^go (\d+)\.(\d+)", Path(module["GoMod"]).read_text())
        module["GoVersion"] = version[0][3:]
        return int(version[1]), int(version[2])
    except (KeyError, OSError, TypeError):
        return (1, 0)


def is_main(package):
    return package.get("Name") == "main" and not package.get("DepOnly")


def empty_line(package, source):
    """Why package main, or one that it imports, has nothing to compile; "": it has."""
    folder = Path(package.get("Dir", source))
    tests = package.get("TestGoFiles", []) + package.get("XTestGoFiles", [])
    if package.get("GoFiles") or package.get("Standard") or package["ImportPath"] in OUR_PACKAGES:
        return ""
    if tests:
        return f"{shown(folder / tests[0])}: error: tests of a package (_test.go) are no program: make a main that calls what is to be run"
    return f"{shown(folder)}: error: no Go files"


class Builder:
    def __init__(self, args):
        self.args = args
        self.pkg, self.imports = args.out / "pkg", args.out / "import"
        self.exports = {}  # import path: hash of its export data
        self.changed = False
        self.escapes = False

    def compile(self, package):
        path = "main" if is_main(package) else package["ImportPath"]
        folder = Path(package["Dir"])
        sources = [shown(folder / name) for name in package.get("GoFiles", [])]
        stem = self.pkg / path
        out, stamp, gox = Path(f"{stem}.o"), Path(f"{stem}.key"), self.imports / f"{path}.gox"
        for place in (out, gox):
            place.parent.mkdir(parents=True, exist_ok=True)
        command = [GO_CC, self.args.gccgo, *shlex.split(self.args.flags), "-I", str(self.imports)]
        if path != "main":  # (given this path, the compiler would make no main of it)
            command.append(f"-fgo-pkgpath={path}")
        if not shown(folder).startswith(".") and os.path.isabs(shown(folder)):
            command.append(f"-ffile-prefix-map={folder}/={folder}/")
        embed = embed_config(package)
        if embed:
            config = Path(f"{stem}.embed")
            config.write_text(json.dumps(embed))
            command.append(f"-fgo-embedcfg={config}")
        if self.args.escape:
            self.report_escapes(command, sources, Path(f"{stem}.gimple"))
            return out
        key = self.key(command, sources, embed, package)
        if not (out.exists() and gox.exists() and stamp.exists() and stamp.read_text() == key):
            if self.args.verbose:
                print(f"  GO      {package['ImportPath'] if path != 'main' else shown(self.args.source)}", flush=True)
            stamp.unlink(missing_ok=True)
            result = subprocess.run([*command, "-c", "-o", str(out), *sources], text=True, stderr=subprocess.PIPE)
            standard = {name.rsplit("/", 1)[-1] for name in package.get("Imports", []) if name in self.args.standard}
            messages = go_hints.explain(result.stderr, read_line, standard)
            if result.returncode:
                if asks_for(package) > (1, 18):
                    messages.append(f"note: go.mod asks for Go {package['Module']['GoVersion']}; {go_hints.OURS}")
                fail(messages or [f"{shown(folder)}: {self.args.gccgo} failed"])
            for line in messages:
                print(line, file=sys.stderr)
            if path == "main":
                gox.write_bytes(b"")
            else:
                subprocess.run([self.args.objcopy, "-j", ".go_export", str(out), str(gox)], check=True)
            stamp.write_text(key)
            self.changed = True
        self.exports[package["ImportPath"]] = hashlib.sha256(gox.read_bytes()).hexdigest()
        return out

    def report_escapes(self, command, sources, dump):
        result = subprocess.run([*command, *go_escape.DUMP, f"-fdump-tree-gimple-lineno={dump}", "-c", "-o", "/dev/null", *sources], text=True,
                                stderr=subprocess.PIPE)
        if result.returncode:
            fail([line for line in result.stderr.split("\n") if "error: " in line])
        if lines := go_escape.report(result.stderr, dump.read_text(), read_line):
            print("\n".join(lines))
            self.escapes = True

    def key(self, command, sources, embed, package):
        """Everything that the object is made from."""
        h = hashlib.sha256(repr((command, sources, self.args.compiler_id)).encode())
        h.update(Path(GO_CC).read_bytes())
        for source in sources + sorted((embed or {"Files": {}})["Files"].values()):
            h.update(hashlib.sha256(Path(source).read_bytes()).digest())
        for name in package.get("Imports", []):
            h.update(f"{name} {self.exports.get(name, '')}\n".encode())
        return h.hexdigest()


def write_c_header(args, package):
    """What the C files beside package main are compiled with; touched only when it changes."""
    sources = [shown(Path(package["Dir"]) / name) for name in package.get("GoFiles", [])]
    with open(args.doors) as doors:
        result = subprocess.run([args.c_header_tool, *sources], text=True, stdin=doors, stdout=subprocess.PIPE)
    if result.returncode:
        sys.exit(1)
    out = args.out / "go.h"
    if not out.exists() or out.read_text() != result.stdout:
        out.write_text(result.stdout)


def identity(path):
    s = os.stat(path)
    return f"{path} {s.st_size} {s.st_mtime_ns}"


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--gccgo", default="gccgo-12")
    parser.add_argument("--go", default="go-12")
    parser.add_argument("--objcopy", default="objcopy")
    parser.add_argument("--flags", default="")
    parser.add_argument("--our-import", type=Path, required=True, help="export data of rt/go's packages")
    parser.add_argument("--our-objects", type=Path, required=True, help="and their objects, PACKAGE.o")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--c-header-tool", help="scripts/go_header, compiled: makes DIR/go.h for the program's C files")
    parser.add_argument("--doors", help="what rt/burrow.h offers")
    parser.add_argument("--escape", action="store_true", help="print what escapes to the heap and why, of packages that were compiled before; make nothing")
    parser.add_argument("--verbose", action="store_true")
    parser.add_argument("source", type=Path)
    args = parser.parse_args()
    source = Path(os.path.abspath(args.source))
    args.out.mkdir(parents=True, exist_ok=True)
    packages, folder = list_packages(args, source)
    for package in packages:
        ours = package["ImportPath"] in OUR_PACKAGES
        if (ours or package.get("Standard")) and not package.get("DepOnly"):
            of = f"the runtime's package {package['ImportPath']}" if ours else "a standard package"
            fail([f"{shown(source)}: error: the directory has the name of {of}, which its own would be mistaken for; rename it, or add a go.mod"])
    wrong = without_cgo(packages) or import_errors(packages, folder) or [line for line in (empty_line(p, source) for p in packages) if line]
    if wrong:
        fail(wrong)
    if not any(is_main(p) for p in packages):
        name = next((p.get("Name") for p in packages if not p.get("DepOnly")), None)
        fail([f"{shown(source)}: error: package {name}; a program is package main"])
    args.standard = {p["ImportPath"] for p in packages if p.get("Standard")}
    exports = sorted(args.our_import.glob("*.gox"))
    args.compiler_id = [identity(subprocess.run(["which", args.gccgo], text=True, stdout=subprocess.PIPE).stdout.strip()),
                        *(hashlib.sha256(p.read_bytes()).hexdigest() for p in exports)]
    if args.c_header_tool:
        write_c_header(args, next(p for p in packages if is_main(p)))
    builder = Builder(args)
    objects = [args.our_objects / f"{name}.o" for name in sorted(OUR_PACKAGES) if any(p["ImportPath"] == name for p in packages)]
    objects += [builder.compile(p) for p in packages if not p.get("Standard") and p["ImportPath"] not in OUR_PACKAGES]
    if args.escape:
        if not builder.escapes:
            print("nothing goes to the heap, but for what the place in the source does not decide (docs/go.md)")
        return
    listing = "".join(f"{path}\n" for path in objects)
    out = args.out / "objects"
    if builder.changed or not out.exists() or out.read_text() != listing:
        out.write_text(listing)


if __name__ == "__main__":
    try:
        main()
    except subprocess.CalledProcessError as e:
        sys.exit(f"go_packages: {e}")
