"""The head-to-head (scripts/bench_vs_go): the same work under the same names in C and in Go, and the table made of it."""
import importlib.machinery
import importlib.util

import qemu


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
    assert set(names(build, "bench-bench")) | set(names(build, "bench-heap")) <= set(in_go) | only_c


def test_work_in_go_runs_booted(build):
    module = load()
    result = qemu.run(build.path("build/bench-go.elf"), "pvh", "-ms 2 -reps 1 spawn chan select mutex stack map lang", 120, smp=1, icount=True)
    assert result.status == 0, result.tail()
    found = module.figures(result.text)
    assert {"spawn.chain", "chan.pingpong.P1", "select.4.unbuf", "stack.first1000", "map.str.lookup64k", "lang.panic_recover"} <= set(found)
    assert all(value > 0 for value in found.values())


def test_table():
    module = load()
    table = module.Table()
    table.counted["yield.pair"] = {"burrow": 100.0, "go": 250.0}
    table.counted["gc.cycles"] = {"burrow": 7.0, "go": 9.0}
    table.counted["alone"] = {"burrow": 1.0}
    table.linux["yield"] = {"go": 0.25}
    table.timed["yield.pair"] = (20.0, 40.0, 0.5)
    text = "\n".join(module.markdown(table))
    assert "| `yield.pair` | 100 | 250 | 2.5 |" in text
    assert "gc.cycles" not in text and "alone" not in text
    assert "yield Go 25 %" in text and "| `yield.pair` | 20.0 | 40.0 | 0.50 |" in text


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
