"""Claims about the figures of packed columns: they keep their limits on real traces, and a broken codec cannot hide."""

import pytest
from milepost_protocol import columns
from milepost_tools.bench import wire_bytes
from milepost_tools.bench.encodings import ENCODINGS, cayenne_lpp, protobuf, senml_cbor
from milepost_tools.bench.figures import Figure, at_least, at_most, stated
from milepost_tools.bench.traces import TRACES_MEASURED, Trace


@pytest.fixture(scope="module")
def figures() -> list[Figure]:
    return wire_bytes.figures(batches=(30,))


def test_packed_columns_keep_their_limit_on_every_trace(figures):
    limited = [figure for figure in figures if "columns" in figure.name and figure.limit is not None]
    assert len(limited) == len(TRACES_MEASURED)
    assert [figure.name for figure in limited if not figure.holds] == []


def test_packed_columns_are_smaller_than_everything_beside_them(figures):
    for trace in TRACES_MEASURED:
        values = {f.name: f.value for f in figures if f.name.startswith(trace.name) and "LZMA" not in f.name}
        assert len(values) == len(ENCODINGS) + 3
        assert sorted(values, key=lambda name: values[name])[:3] == [
            f"{trace.name}: {what}, batches of 30" for what in ("columns", "columns with their times", "block")
        ]


@pytest.mark.parametrize("step_ms", [1000, 60_000, 900_000, 3_600_000])
@pytest.mark.parametrize("count", [2, 30, 64])
def test_the_front_of_a_regular_batch_takes_16_bytes_at_most(step_ms, count):
    assert wire_bytes.front_bytes(step_ms, wire_bytes.NODE_OF_45_DAYS, count) <= wire_bytes.FRONT_BYTES_MAX


def test_other_encodings_take_what_their_definitions_say():
    trace = Trace("t", "", {"a": 10, "b": 10}, 1.0, "")
    batch = [[150, None], [-1, 70000]]
    # rows of (08 96·02, 10 01) and (10 e0·c5·08): tag and varint a value, tag and length a row
    assert protobuf(trace, [[150, None], [-1, 70000]]) == (2 + 1 + 2 + 1 + 1) + (2 + 1 + 3)
    assert cayenne_lpp(trace, batch) == 4 + 4 + 6  # 15.0 and -0.1 in hundredths; 7000.0 does not fit them
    assert senml_cbor(trace, batch) == 1 + 3 * (1 + 1 + 2 + 1 + 9)


def test_the_times_of_a_regular_batch_keep_their_limit():
    assert [figure.holds for figure in wire_bytes.times_figures()] == [True, True, True]


def test_a_figure_over_its_limit_does_not_hold():
    assert at_most("f", 2.0, "B", 1.9).holds is False
    assert at_most("f", 1.9, "B", 1.9).holds is True
    assert at_least("f", 1.9, "B", 2.0).holds is False
    assert stated("f", 2.0, "B").holds is None


def test_a_codec_that_loses_a_value_gives_no_figure(monkeypatch):
    monkeypatch.setattr(columns, "decode", lambda data, n_columns, count: [[0] * count] * n_columns)
    with pytest.raises(AssertionError, match="did not come back"):
        wire_bytes.packed_columns(TRACES_MEASURED[0], [[1, 2, 3]])


@pytest.mark.parametrize(("trace", "rows"), list(zip(TRACES_MEASURED, (3000, 3000, 3000, 7241))))
def test_a_shipped_trace_is_complete(trace, rows):
    loaded = trace.load()
    assert len(loaded) == len(trace.channels)
    assert all(len(column) == rows for column in loaded)
