"""Claims about the figures of packed columns: they keep their limits on real traces, and a broken codec cannot hide."""

import pytest
from milepost_protocol import columns
from milepost_tools.bench import wire_bytes
from milepost_tools.bench.figures import Figure, at_least, at_most, stated


@pytest.fixture(scope="module")
def figures() -> list[Figure]:
    return wire_bytes.figures(batches=(30,))


def test_packed_columns_keep_their_limit_on_every_trace(figures):
    limited = [figure for figure in figures if figure.limit is not None]
    assert len(limited) == len(wire_bytes.TRACES_MEASURED)
    assert [figure.name for figure in limited if not figure.holds] == []


def test_packed_columns_are_smaller_than_everything_beside_them(figures):
    for trace in wire_bytes.TRACES_MEASURED:
        values = {f.name: f.value for f in figures if f.name.startswith(trace.name) and "LZMA" not in f.name}
        assert len(values) == len(wire_bytes.CODECS)
        assert min(values, key=lambda name: values[name]) == f"{trace.name}: columns, batches of 30"


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
        wire_bytes.packed_columns(wire_bytes.TRACES_MEASURED[0], [[1, 2, 3]])


@pytest.mark.parametrize(("trace", "rows"), list(zip(wire_bytes.TRACES_MEASURED, (3000, 3000, 3000, 7241))))
def test_a_shipped_trace_is_complete(trace, rows):
    loaded = trace.load()
    assert len(loaded) == len(trace.channels)
    assert all(len(column) == rows for column in loaded)
