"""go_hints.py -- says which errors of gccgo-12 come from a language or a library newer than its own: what, since which Go, where.

gccgo-12 is Go 1.18 without generics. What came later shows as an undefined name or a cascade of syntax errors; explain() replaces those by a line each and
leaves everything else as the compiler wrote it.
"""
import re

OURS = "gccgo-12 is Go 1.18 without generics"
ERROR = re.compile(r"^(?P<file>[^:\n]+):(?P<line>\d+):(?:\d+:)? (?:fatal )?error: (?P<text>.*)$")

# Standard packages by the Go version that brought them.
PACKAGES = {
    "go/doc/comment": "1.19", "crypto/ecdh": "1.20", "runtime/coverage": "1.20", "arena": "1.20", "cmp": "1.21", "log/slog": "1.21", "maps": "1.21",
    "slices": "1.21", "testing/slogtest": "1.21", "go/version": "1.22", "math/rand/v2": "1.22", "iter": "1.23", "structs": "1.23", "unique": "1.23",
    "crypto/hkdf": "1.24", "crypto/mlkem": "1.24", "crypto/pbkdf2": "1.24", "crypto/sha3": "1.24", "weak": "1.24", "crypto/fips140": "1.24",
    "testing/synctest": "1.25", "encoding/json/v2": "1.25", "encoding/json/jsontext": "1.25",
}
ABSENT = {"plugin", "runtime/race", "runtime/msan", "runtime/asan"}
BUILTINS = {"min": "1.21", "max": "1.21", "clear": "1.21"}
NAMES = {name: version for version, names in {
    "1.19": "atomic.Bool atomic.Int32 atomic.Int64 atomic.Pointer atomic.Uint32 atomic.Uint64 atomic.Uintptr fmt.Append fmt.Appendf fmt.Appendln "
            "sort.Find debug.SetMemoryLimit time.Duration.Abs url.JoinPath binary.AppendByteOrder bytes.NewBuffer.Available",
    "1.20": "errors.Join strings.CutPrefix strings.CutSuffix bytes.CutPrefix bytes.CutSuffix bytes.Clone context.WithCancelCause context.Cause "
            "context.CancelCauseFunc time.DateTime time.DateOnly time.TimeOnly fs.SkipAll filepath.SkipAll filepath.IsLocal "
            "unsafe.SliceData unsafe.String unsafe.StringData io.NewOffsetWriter io.OffsetWriter",
    "1.21": "sync.OnceFunc sync.OnceValue sync.OnceValues context.AfterFunc context.WithoutCancel context.WithDeadlineCause "
            "context.WithTimeoutCause strings.ContainsFunc bytes.ContainsFunc errors.ErrUnsupported reflect.Value.Clear testing.Testing",
    "1.22": "reflect.TypeFor go.version strconv.QuotedPrefix.x slices.Concat http.ServeFileFS",
    "1.23": "strings.Lines.x atomic.AndInt32 atomic.OrInt32 atomic.AndUint32 atomic.OrUint32 filepath.Localize os.CopyFS",
    "1.24": "strings.Lines strings.SplitSeq strings.SplitAfterSeq strings.FieldsSeq strings.FieldsFuncSeq bytes.Lines bytes.SplitSeq bytes.FieldsSeq "
            "os.Root os.OpenRoot runtime.AddCleanup rand.Text",
}.items() for name in names.split()}
# In a library of 1.18, too, but written with type parameters, or left out of gccgo's.
NAMES.update({"unsafe.Slice": "1.17"})

TYPE_LIST = r"\[\s*\w+(\s*,\s*\w+)*\s+[^\]]"


def generic(source, text):
    """What a line has of generics; "": nothing that is recognised."""
    match = re.match(r"\s*func\s+(\w+)\s*\[", source)
    if match:
        return f"the generic function {match[1]}"
    match = re.match(r"\s*func\s*\(\s*(\w+\s+)?\*?(\w+)\[", source)
    if match:
        return f"a method of the generic type {match[2]}"
    match = re.match(rf"\s*(?:type\s+)?(\w+)\s*{TYPE_LIST}", source)
    if match and "expected" in text and not re.match(r"\s*(return|case|if|for|switch)\b", source):
        return f"the generic type {match[1]}"
    if "0x7e" in text:
        return "a constraint with ~"
    match = re.search(r"\b([A-Z]\w*)\[\s*\*?[\w.]+(\s*,\s*\*?[\w.]+)+\s*\]|\b([A-Z]\w*)\[\s*(?:int|string|float64|any|bool|byte|rune|u?int\d+)\s*\]", source)
    if match and ("expected" in text or "undefined name" in text):
        return f"an instance of the generic {match[1] or match[3]}"
    return ""


def newer(source, text, standard):
    """What a single error means: text without the place; "": it is an ordinary error. standard: last elements of the standard packages imported."""
    match = re.search(r"undefined name ['‘](\w+)['’]", text)
    if match and match[1] in BUILTINS and re.search(rf"\b{match[1]}\s*\(", source):
        return f"the builtin {match[1]} is since Go {BUILTINS[match[1]]}; {OURS}"
    if "range clause must have array" in text or text == "invalid type for range clause":
        ranged = source.split("range", 1)[-1].split("{")[0].strip()
        if re.fullmatch(r"[\w.]*\d[\w.]*|len\(.*\)|\d+", ranged):
            return f"range over an integer is since Go 1.22; {OURS}"
        return f"range over {ranged or 'this'}: over an integer it is since Go 1.22, over a function since Go 1.23; {OURS}"
    match = re.search(r"undefined identifier ['‘](\w+)\.(\w+)['’]", text)
    if match and match[1] in standard:
        name = f"{match[1]}.{match[2]}"
        since = f"is since Go {NAMES[name]}" if name in NAMES else "is not in it"
        return f"{name} {since}; the library is that of Go 1.18"
    match = re.search(r"import file ['‘]([^'’]+)['’] not found", text)
    if match:
        return package(match[1])
    if text == "invalid type conversion" and re.search(r"\[\d+\]\w+\(", source):
        return f"if this converts a slice to an array: that is since Go 1.20; {OURS}"
    return ""


def package(path):
    """Why a standard package is not there; "": it is not known to be one."""
    if path == "C":
        return 'import "C" (cgo) is not supported: put .c files beside the .go files and declare their functions by //extern (docs/go.md)'
    if path in ABSENT:
        return f"package {path} is not supported: gccgo's library does not have it"
    return f"package {path} is since Go {PACKAGES[path]}; {OURS}" if path in PACKAGES else ""


def explain(stderr, read_line, standard=frozenset()):
    """The compiler's messages with what is newer than Go 1.18 said in one line each. read_line(file, number) returns a source line."""
    blocks = []  # (match or None, lines)
    for line in stderr.splitlines():
        match = ERROR.match(line)
        if match or not blocks or not line.startswith((" ", "\t")):
            blocks.append((match, [line]))
        else:
            blocks[-1][1].append(line)
    generics, rest = [], []
    for match, lines in blocks:
        if not match:
            rest += lines
            continue
        place, source = f"{match['file']}:{match['line']}", read_line(match["file"], int(match["line"]))
        what = generic(source, match["text"])
        if what:
            generics.append(f"{place}: error: {what}: not supported; generics are since Go 1.18, which gccgo-12 is without them")
            continue
        meaning = newer(source, match["text"], standard)
        rest += [f"{place}: error: {meaning}"] if meaning else lines
    # Behind generic code there are only errors that follow from it.
    return list(dict.fromkeys(generics or rest))
