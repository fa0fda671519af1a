"""Claims about `tools/bench`: what its exit status means, what the ratchet catches, and that the wire's figures can be had."""

import importlib
import json
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest
from milepost_tools.bench import cli, figures, wire, wire_bytes, wire_cpu, wire_serial, wire_vm
from milepost_tools.bench.figures import Figure, at_least, at_most, kept, missing, stated
from milepost_tools.bench.traces import TRACES_MEASURED
from milepost_tools.processes import MissingTool

COMMITTED = Path(cli.COMMITTED) / "wire.json"
GOOD = [
    at_most("size", 3.5, "B", 4),
    at_least("share", 0.97, "", 0.95),
    stated("JSON", 80, "B"),
    kept("heap", 100, "B"),
]


@pytest.fixture
def measured(monkeypatch, tmp_path):
    """`measured(rows, ratchet, against)`: the status of a benchmark that gives these rows."""

    def measured(rows, ratchet=False, against=None, as_json=False):
        module = ModuleType("fake_benchmark")
        module.figures = lambda: rows
        monkeypatch.setitem(sys.modules, "fake_benchmark", module)
        monkeypatch.setitem(cli.BENCHMARKS, "fake", ("fake_benchmark", "a fake"))
        if against is not None:
            (tmp_path / "fake.json").write_text(figures.as_json(against))
        return cli.report("fake", as_json, ratchet, tmp_path)

    return measured


def changed(name, **fields):
    """The good figures with one of them changed."""
    return [Figure(**(vars(one) | fields)) if one.name == name else one for one in GOOD]


def test_the_status_is_0_only_if_all_limits_hold(measured, capsys):
    assert measured(GOOD) == 0
    assert "all limits hold" in capsys.readouterr().out
    assert measured([*GOOD, at_most("other", 5, "B", 4)]) == 1
    assert "other: 5 B, a limit that is not held" in capsys.readouterr().out


def test_a_limit_out_of_reach_stays_written_with_its_reason(measured, capsys):
    rows = [at_most("size", 5, "B", 4, why="the front alone takes 2")]
    assert measured(rows) == 1
    assert "NO: the front alone takes 2" in capsys.readouterr().out
    assert json.loads(figures.as_json(rows))["figures"][0] == {
        "name": "size",
        "value": 5,
        "unit": "B",
        "limit": 4,
        "holds": False,
        "why": "the front alone takes 2",
    }
    assert measured(rows, ratchet=True, against=rows) == 0


def test_json_has_five_fields_a_row_and_nothing_else_is_on_stdout(measured, capsys):
    measured(GOOD, as_json=True)
    rows = json.loads(capsys.readouterr().out)["figures"]
    assert rows[0] == {"name": "size", "value": 3.5, "unit": "B", "limit": 4, "holds": True}
    assert all(list(row) == ["name", "value", "unit", "limit", "holds"] for row in rows)
    assert (rows[2]["limit"], rows[2]["holds"]) == (None, None)


@pytest.mark.parametrize(
    ("rows", "word"),
    [
        (changed("size", value=3.58), "size: 3.58 B, was 3.5"),
        (changed("share", value=0.95), "share: 0.95 , was 0.97"),
        (changed("heap", value=103), "heap: 103 B, was 100"),
        (changed("size", value=4.01, holds=False), "size: 4.01 B no longer keeps its limit, 4"),
        (changed("size", limit=5), "size: the limit was 4 and is 5"),
        (changed("size", limit=None, holds=None), "size: 3.5 B no longer keeps its limit, 4"),
        (GOOD[1:], "size: the row is gone"),
    ],
)
def test_the_ratchet_catches_what_got_worse(measured, capsys, rows, word):
    assert measured(rows, ratchet=True, against=GOOD) == 1
    said = capsys.readouterr().out
    assert f"worse: {word}" in said
    assert cli.TOLERANCES in said


@pytest.mark.parametrize(
    "rows",
    [
        GOOD,
        changed("size", value=3.56),
        changed("size", value=1),
        changed("size", limit=3.6),
        changed("JSON", value=800),
        [*GOOD, at_most("new, and over its limit", 5, "B", 4)],
        changed("heap", value=None, why="no emulator here"),
    ],
)
def test_the_ratchet_lets_pass_what_did_not(measured, rows, monkeypatch):
    monkeypatch.delenv("CI", raising=False)  # there a tool that is missing is a failure
    assert measured(rows, ratchet=True, against=GOOD) == 0


def test_the_ratchet_without_committed_figures_fails_and_says_how_to_commit_them(measured, capsys):
    assert measured(GOOD, ratchet=True) == 1
    assert "tools/bench fake --json > tools/figures/fake.json" in capsys.readouterr().out


def test_a_wider_tolerance_is_the_rows_own():
    was = json.loads(figures.as_json([kept("ratio", 3.0, "times", 1.0)]))["figures"][0]
    assert figures._worse(was, kept("ratio", 5.9, "times", 1.0), 5.9) == []
    assert figures._worse(was, kept("ratio", 6.1, "times", 1.0), 6.1) != []


@pytest.mark.parametrize(("in_ci", "status"), [("true", 6), ("", 0)])
def test_a_figure_whose_tool_is_missing_fails_in_ci_and_nowhere_else(measured, capsys, monkeypatch, in_ci, status):
    monkeypatch.setenv("CI", in_ci)
    assert measured([*GOOD, missing("instructions", "k", "no emulator: tools/emulator build")]) == status
    said = capsys.readouterr().out
    assert "could not be measured: instructions: no emulator: tools/emulator build" in said


@pytest.mark.parametrize(
    ("arguments", "status", "word"),
    [
        (["--help"], 0, "--ratchet"),
        (["wire", "--help"], 0, "--json"),
        (["speed"], 2, "E-USAGE-01 No such command 'speed'"),
        (["wire", "--ratchet"], 2, "E-USAGE-01 No such option"),
    ],
)
def test_the_command_line_says_what_it_takes(root, arguments, status, word):
    done = subprocess.run([root / "tools" / "bench", *arguments], capture_output=True, text=True, timeout=60)
    assert done.returncode == status
    assert word in done.stdout + done.stderr
    assert "Traceback" not in done.stderr


# -- the wire -----------------------------------------------------------------------------------------------------------


def test_every_part_of_the_wire_gives_figures():
    parts = [importlib.import_module(f"milepost_tools.bench.{part}") for part in wire.PARTS]
    assert all(callable(part.figures) for part in parts)


def test_what_is_committed_has_every_row_once_and_none_without_its_value():
    rows = json.loads(COMMITTED.read_text())["figures"]
    assert len({row["name"] for row in rows}) == len(rows) > 200
    assert [row["name"] for row in rows if row["value"] is None] == []


def test_what_is_committed_promises_what_the_wire_promises():
    limits = {row["name"]: row for row in json.loads(COMMITTED.read_text())["figures"] if row["limit"] is not None}
    for trace in TRACES_MEASURED:
        assert f"{trace.name}: columns, batches of 30" in limits
    fronts = [row["limit"] for name, row in limits.items() if name.startswith("front of 30 rows")]
    shares = [row["limit"] for name, row in limits.items() if name.endswith("share of the omniscient sender")]
    assert fronts == [16] * 3
    assert shares == [0.95] * 10


def test_a_batch_that_fills_more_than_a_packet_goes_as_two_blocks():
    loaded = wire_bytes.load(TRACES_MEASURED[0])
    packed = wire_bytes.pack_blocks(loaded.records()[:60], loaded.schema)
    assert len(packed) == 2
    assert all(len(body) <= wire_bytes.BODY_BYTES_MAX for _, body in packed)


def test_a_row_costs_least_on_the_serial_wire_in_large_batches_and_from_a_backlog():
    rows = {one.name: one.value for one in wire_serial.figures(batches=(1, 30), rows_max=60)}
    for trace in TRACES_MEASURED:
        live, backlog = (f"{trace.name}: serial wire, {way}" for way in ("live", "backlog"))
        assert rows[f"{live}, batches of 30"] < rows[f"{live}, batches of 1"]
        assert rows[f"{backlog}, batches of 1"] < rows[f"{live}, batches of 1"]
        loaded = wire_bytes.load(trace)
        packed = wire_bytes.block_bytes_per_row(loaded, 30)
        assert rows[f"{live}, batches of 30"] > packed


def test_cpu_time_is_given_as_a_ratio_and_kept_loosely():
    encode, decode = wire_cpu.figures(repeats=3)[:2]
    assert min(encode.value, decode.value) > 0
    assert encode.tolerance == decode.tolerance == figures.TOLERANCE_CPU


def test_a_frame_needs_less_heap_on_micropython_than_a_tenth_of_what_a_node_has(micropython):
    costs = wire_vm.on_unix()
    assert set(costs) == set(wire_vm.PARTS)
    assert all(0 < heap < 16 * 1024 for heap, _ in costs.values())


@pytest.mark.timeout(300)
def test_instructions_of_a_frame_are_the_same_on_every_run(emulated):
    assert wire_vm.on_board() == wire_vm.on_board()


def test_a_missing_vm_gives_rows_with_the_reason(monkeypatch):
    def gone(*_):
        raise MissingTool("no MicroPython on this machine")

    monkeypatch.setattr(wire_vm, "on_unix", gone)
    monkeypatch.setattr(wire_vm, "on_board", gone)
    rows = wire_vm.figures()
    assert len(rows) == 9
    assert {(one.value, one.why) for one in rows} == {(None, "no MicroPython on this machine")}


def test_a_vm_script_that_ends_early_is_no_figure():
    with pytest.raises(ValueError, match="ended early: pack 100 20\nMemoryError"):
        wire_vm.read("pack 100 20\nMemoryError\n")
