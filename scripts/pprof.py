"""pprof.py -- writes and reads what `go tool pprof` opens: a gzipped Profile message (github.com/google/pprof, proto/profile.proto).

Protocol buffers need little here: a message is a row of fields, a field is a key (number << 3 | type) and a LEB128 number (type 0) or
length and bytes (type 2).
"""
import gzip
from collections import namedtuple

# Field numbers of profile.proto.
PROFILE = {"sample_type": 1, "sample": 2, "mapping": 3, "location": 4, "function": 5, "string_table": 6, "time_nanos": 9, "duration_nanos": 10,
           "period_type": 11, "period": 12, "comment": 13, "default_sample_type": 14}


def varint(n):
    out = bytearray()
    n &= (1 << 64) - 1
    while n >= 0x80:
        out.append(n & 0x7f | 0x80)
        n >>= 7
    out.append(n)
    return bytes(out)


def field(number, value):
    if isinstance(value, int):
        return varint(number << 3) + varint(value) if value else b""
    return varint(number << 3 | 2) + varint(len(value)) + value


def packed(number, values):
    return field(number, b"".join(map(varint, values)))


class Writer:
    """sample_types: (name, unit) of each value; period: (name, unit, number)."""

    def __init__(self, sample_types, period, duration, mapping, build=""):
        self.strings = {"": 0}
        self.functions, self.locations = {}, {}
        self.body = []
        for name, unit in sample_types:
            self.body.append(field(PROFILE["sample_type"], self._value_type(name, unit)))
        low, high, path = mapping
        self.body.append(field(PROFILE["mapping"], field(1, 1) + field(2, low) + field(3, high) + field(5, self.string(path)) +
                               field(6, self.string(build)) + field(7, 1) + field(8, 1) + field(9, 1)))
        self.body.append(field(PROFILE["duration_nanos"], duration))
        self.body.append(field(PROFILE["period_type"], self._value_type(*period[:2])) + field(PROFILE["period"], period[2]))
        self.body.append(field(PROFILE["default_sample_type"], self.string(sample_types[-1][0])))

    def _value_type(self, name, unit):
        return field(1, self.string(name)) + field(2, self.string(unit))

    def string(self, text):
        return self.strings.setdefault(text, len(self.strings))

    def comment(self, text):
        self.body.append(field(PROFILE["comment"], self.string(text)))

    def _function(self, name, file):
        key = name, file
        if key not in self.functions:
            self.functions[key] = i = len(self.functions) + 1
            self.body.append(field(PROFILE["function"], field(1, i) + field(2, self.string(name)) + field(3, self.string(name)) + field(4, self.string(file))))
        return self.functions[key]

    def _location(self, pc, place):
        key = pc, place  # the functions that were inlined at pc are locations of their own
        if key not in self.locations:
            self.locations[key] = i = len(self.locations) + 1
            line = field(1, self._function(place.function, place.file)) + field(2, place.line)
            self.body.append(field(PROFILE["location"], field(1, i) + field(2, 1) + field(3, pc) + field(4, line)))
        return self.locations[key]

    def sample(self, stack, values, labels=None):
        """stack: (address, Place), innermost first; labels: numbers, by key."""
        ids = [self._location(pc, place) for pc, place in stack]
        tags = b"".join(field(3, field(1, self.string(key)) + field(3, number)) for key, number in (labels or {}).items())
        self.body.append(field(PROFILE["sample"], packed(1, ids) + packed(2, values) + tags))

    def finish(self):
        table = b"".join(varint(PROFILE["string_table"] << 3 | 2) + varint(len(s.encode())) + s.encode() for s in self.strings)
        return gzip.compress(b"".join(self.body) + table, mtime=0)


# ---- reading: for tests, and for people without go

Sample = namedtuple("Sample", "stack values labels", defaults=({},))  # stack: (function, file, line), innermost first; labels: texts and numbers, by key


def fields(data):
    """(number, value) of each field of a message; value: an int or bytes."""
    at = 0

    def number():
        nonlocal at
        value = shift = 0
        while True:
            byte = data[at]
            at += 1
            value |= (byte & 0x7f) << shift
            shift += 7
            if byte < 0x80:
                return value
    while at < len(data):
        key = number()
        if key & 7 == 0:
            yield key >> 3, number()
        elif key & 7 == 2:
            n = number()
            if at + n > len(data):
                raise ValueError("a field is longer than its message")
            yield key >> 3, data[at:at + n]
            at += n
        else:
            raise ValueError(f"field {key >> 3} has type {key & 7}")


def grouped(message):
    """{number: values} of a message: fields may be repeated."""
    out = {}
    for number, value in fields(message):
        out.setdefault(number, []).append(value)
    return out


def numbers(values):
    """Of a repeated number, packed or not."""
    out = []
    for data in values:
        if isinstance(data, int):
            out.append(data)
            continue
        value = shift = 0
        for byte in data:
            value |= (byte & 0x7f) << shift
            shift += 7
            if byte < 0x80:
                out.append(value)
                value = shift = 0
        if shift:
            raise ValueError("a number without end")
    return out


def read(data):
    """({field name: values}, [Sample]) of a gzipped profile; refuses references to what is not there."""
    top = grouped(gzip.decompress(data))
    strings = [s.decode() for s in top[PROFILE["string_table"]]]
    if strings[0]:
        raise ValueError("the first string is not empty")
    functions = {m[1]: (strings[m.get(2, 0)], strings[m.get(4, 0)]) for m in (dict(fields(f)) for f in top.get(PROFILE["function"], []))}
    mappings = {dict(fields(m))[1] for m in top.get(PROFILE["mapping"], [])}
    locations = {}
    for m in (grouped(loc) for loc in top.get(PROFILE["location"], [])):
        if m[2][0] not in mappings:
            raise ValueError(f"location {m[1]} in mapping {m[2]}, which is not there")
        lines = [dict(fields(line)) for line in m[4]]  # more than one: functions that were inlined, innermost first
        locations[m[1][0]] = [(*functions[line[1]], line.get(2, 0)) for line in lines]
    types = [(strings[t.get(1, 0)], strings[t.get(2, 0)]) for t in (dict(fields(t)) for t in top[PROFILE["sample_type"]])]
    samples = []
    for m in (grouped(s) for s in top.get(PROFILE["sample"], [])):
        values = numbers(m[2])
        if len(values) != len(types):
            raise ValueError(f"a sample has {len(values)} values of {len(types)}")
        labels = {strings[label[1]]: label[3] if 3 in label else strings[label.get(2, 0)] for label in (dict(fields(text)) for text in m.get(3, []))}
        samples.append(Sample([place for i in numbers(m[1]) for place in locations[i]], values, labels))
    return {"sample_types": types, "strings": strings, **{name: top.get(n, []) for name, n in PROFILE.items()}}, samples
