"""The head-to-head (scripts/bench_vs_go): the same work under the same names in C and in Go, and the table made of it."""
import importlib.machinery
import importlib.util

import pytest
import qemu
import versus_record


def load():
    loader = importlib.machinery.SourceFileLoader("bench_vs_go", "scripts/bench_vs_go")
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader("bench_vs_go", loader))
    loader.exec_module(module)
    return module


def names(build, program):
    return qemu.run_process([build.path(f"build/host/{program}")], 20).text.split()


def test_work_of_c_is_there_in_go(build):
    in_go = names(build, "bench-go")
    only_c = {"barrier", "latency", "mark", "stall"}  # ours to measure: Go does not show them
    in_c = {name for program in load().C_PROGRAMS for name in names(build, program)}
    assert in_c - only_c == set(in_go)


def test_work_in_go_runs_booted(build):
    module = load()
    result = qemu.run(build.path("build/bench-go.elf"), "pvh", "-ms 2 -reps 1 spawn chan select mutex stack map lang", 120, smp=1, icount=True)
    assert result.status == 0, result.tail()
    found = module.figures(result.text)
    assert {"spawn.chain", "chan.pingpong.P1", "select.4.unbuf", "stack.first1000", "map.str.lookup64k", "lang.panic_recover"} <= set(found)
    assert all(value > 0 for value, _ in found.values())


def test_maps_of_c_and_go_are_the_same_work(build):
    """As processes: each figure of the one is one of the other (lang.pool is Go's sync.Pool, which C has not)."""
    def found(program):
        result = qemu.run_process([build.path(f"build/host/{program}"), "-ms", "2", "-reps", "1", "-scale", "1", "map", "lang"], 120)
        assert result.status == 0, result.tail()
        return load().figures(result.text)
    in_c, in_go = found("bench-lang"), found("bench-go")
    assert set(in_go) - set(in_c) == {"lang.pool"} and not set(in_c) - set(in_go)
    assert all(value > 0 for value, _ in [*in_c.values(), *in_go.values()])


VERSIONS = {"Go": "Go 1.99", "gcc": "gcc 12"}


def of(**more):
    return {"date": "2026-01-02", "commit": "abc", "versions": VERSIONS, **more}


def a_record(tmp_path):
    record = versus_record.Record(str(tmp_path / "record.json"))
    record.put("yield", "counted", of(), {"yield.pair": {"unit": "ns/op", "burrow": 100.0, "go": 250.0}, "alone": {"unit": "ns/op", "burrow": 1.0}}, linux={"go": 0.25})
    record.put("gc", "counted", of(), {"gc.cycles": {"unit": "count", "burrow": 7.0, "go": 9.0}, "gc.pause": {"unit": "us", "burrow": 20.0, "go": 10.0}}, linux={})
    return record


def test_table(tmp_path):
    record = a_record(tmp_path)
    text = "\n".join(versus_record.markdown(record))
    assert "| `yield.pair` | 100 | 250 | 2.5 |" in text and "| `gc.pause` | 20.0 k | 10.0 k | 0.5 |" in text
    assert "gc.cycles" not in text and "alone" not in text
    assert "yield Go 1.99 25 %" in text and "Not timed yet" in text and "Counted on 2026-01-02, commit abc." in text


def test_times_join_counts(tmp_path):
    """What a native-only run adds: columns beside the counts of the name, which stay; the other names have none."""
    record = a_record(tmp_path)
    record.save(["gc", "yield"])
    again = versus_record.Record(record.path)
    assert again.names == record.names and list(again.names) == ["gc", "yield"]
    times = {"yield.pair": {"unit": "ns/op", "burrow": 20.0, "go": 60.0, "ratio": 3.05, "low": 2.9, "high": 3.2}}
    again.put("yield", "native", of(commit="def", pairs=5, processor="a processor", others=0.01), times)
    text = "\n".join(versus_record.markdown(again))
    assert "| `yield.pair` | 100 | 250 | 2.5 | 20.0 | 60.0 | 3.05 (2.90 to 3.20) |" in text and "| `gc.pause` | 20.0 k | 10.0 k | 0.5 |  |  |  |" in text
    assert "Timed on 2026-01-02, commit def, on one thread of a processor" in text and "medians of 5 pairs" in text


def test_versions_are_not_mixed(tmp_path):
    record = a_record(tmp_path)
    assert not record.conflicts("counted", VERSIONS, ["yield"])
    newer = {**VERSIONS, "Go": "Go 2"}
    assert record.conflicts("counted", newer, ["yield"]) == ["gc"] and not record.conflicts("counted", newer, ["yield", "gc"])
    assert record.conflicts("native", newer, ["yield", "gc"]) == ["gc", "yield"], "times by another Go than the counts"


def test_document_is_written_between_its_marks(tmp_path):
    pytest.importorskip("matplotlib")
    document = tmp_path / "page.md"
    document.write_text(f"before\n{versus_record.BEGIN}\nold\n{versus_record.END}\nbehind\n")
    versus_record.publish(a_record(tmp_path), str(document), str(tmp_path / "plot.svg"))
    text = document.read_text()
    assert text.startswith("before\n") and text.endswith("behind\n") and "old" not in text and "yield.pair" in text
    assert "<svg" in (tmp_path / "plot.svg").read_text()


def test_pairs_are_timed_in_turns(tmp_path, capsys):
    """Two programs that say how often they ran: the ratios are those of neighbours, and a run that fails is said."""
    module = load()
    for name, start in (("host/c", 10), ("go", 20)):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"""#!/bin/sh
n=$(cat {path}.n 2> /dev/null || echo 0); echo $((n + 1)) > {path}.n
[ $n = 3 ] && exit 3
printf 'work\\t%d\\tns/op\\n' $(({start} * (n + 1) * (n + 1)))
""")
        path.chmod(0o755)
    failed = []
    found, others = module.time_name(str(tmp_path), "c", str(tmp_path / "go"), "work", [], 4, module.Progress(1), failed)
    assert found == {"work": {"unit": "ns/op", "burrow": 40, "go": 80, "ratio": 2.0, "low": 2.0, "high": 2.0}}
    assert len(failed) == 2 and "pair 4" in failed[0] and 0 <= others <= 1
    assert "pair 3 of 4" in capsys.readouterr().out


def test_record_of_the_repository():
    """The table in the documentation is the one that the record gives."""
    record = versus_record.Record()
    with open(versus_record.DOCUMENT) as f:
        text = f.read()
    assert "\n".join(versus_record.markdown(record)) in text, "run scripts/bench_vs_go --record, or versus_record.publish"


def test_archive_of_the_guest():
    """Linux's own words: 110 bytes of head, names and data padded to four, a trailer."""
    import linux_guest
    data = linux_guest.archive(b"init!", b"\x7fELF", ["-ms", "1"])
    at, seen = 0, {}
    while at < len(data):
        assert data[at:at + 6] == b"070701"
        fields = [int(data[at + 6 + 8 * i:at + 14 + 8 * i], 16) for i in range(13)]
        size, name_size = fields[6], fields[11]
        name = data[at + 110:at + 110 + name_size - 1].decode()
        body = at + (110 + name_size + 3) // 4 * 4
        seen[name] = data[body:body + size]
        at = body + (size + 3) // 4 * 4
    assert seen == {"init": b"init!", "app": b"\x7fELF", "argv": b"app\n-ms\n1", "TRAILER!!!": b""}
