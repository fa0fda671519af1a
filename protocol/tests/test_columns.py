"""Claims about packed columns and sampling times: exact both ways, within bounds, and only one error for any bytes.

Strategy: golden vectors pin every mode of the format (test_vectors.py runs them); here Hypothesis looks for values that
do not survive the round trip, and for bytes that raise anything but `ProtocolError`.
"""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from milepost_protocol.columns import COLUMNS_MAX, COUNT_MAX, VALUE_MAX, VALUE_MIN, Encoder, decode, encode
from milepost_protocol.errors import ProtocolError, UsageError
from milepost_protocol.times import STEP_MAX_MS, decode_times, encode_times

values = st.one_of(
    st.integers(-20, 20),
    st.integers(VALUE_MIN, VALUE_MAX),
    st.sampled_from([-9999, 9999, -999900, VALUE_MIN, VALUE_MAX, 0]),
)


@st.composite
def walks(draw, count):
    """A column as sensors make them: small steps from any place, now and then a spike or a null."""
    value = draw(st.integers(-10000, 10000))
    size = draw(st.sampled_from([0, 1, 8, 300]))
    column = []
    for step in draw(st.lists(st.integers(-size, size), min_size=count, max_size=count)):
        value += step
        column.append(draw(st.one_of(st.none(), values)) if step == size == 8 else value)
    return column


@st.composite
def batches(draw):
    count = draw(st.sampled_from([1, 2, 3, 10, 30, COUNT_MAX]))
    loose = st.lists(st.one_of(values, st.none()), min_size=count, max_size=count)
    constant = values.map(lambda value: [value] * count)
    empty = st.just([None] * count)
    column = st.one_of(walks(count), walks(count), loose, constant, empty)
    return draw(st.lists(column, max_size=6)), count


@given(batches())
@example(([[VALUE_MIN, VALUE_MAX] * 32] * COLUMNS_MAX, COUNT_MAX))
@example(([], 1))
def test_every_batch_comes_back_exactly(batch):
    columns, count = batch
    assert decode(encode(columns, count), len(columns), count) == columns


@given(walks(30), st.integers(-16, 15), st.integers(0, 3))
def test_a_column_that_follows_another_comes_back_exactly(column, share, noise):
    column = [value or 0 for value in column]
    follower = [value * share // 8 % (VALUE_MAX // 2) + i % (noise + 1) for i, value in enumerate(column)]
    assert decode(encode([column, follower], 30), 2, 30) == [column, follower]


@given(batches())
def test_packing_a_column_at_a_time_gives_the_same_bytes(batch):
    columns, count = batch
    encoder = Encoder(count)
    for column in columns:
        encoder.add(list(column))
    assert encoder.finish() == encode(columns, count)


@given(st.binary(max_size=200), st.integers(-1, COLUMNS_MAX + 1), st.integers(-1, COUNT_MAX + 1))
def test_any_bytes_decode_or_raise_the_protocol_error(data, n_columns, count):
    try:
        columns = decode(data, n_columns, count)
    except ProtocolError:
        return
    assert len(columns) == n_columns
    for column in columns:
        assert len(column) == count
        assert all(value is None or VALUE_MIN <= value <= VALUE_MAX for value in column)


@given(batches(), st.data())
def test_a_changed_batch_decodes_or_raises_the_protocol_error(batch, data):
    columns, count = batch
    packed = bytearray(encode(columns, count))
    if packed:
        packed[data.draw(st.integers(0, len(packed) - 1))] ^= data.draw(st.integers(1, 255))
    try:
        changed = decode(bytes(packed), len(columns), count)
    except ProtocolError:
        return
    assert decode(encode(changed, count), len(columns), count) == changed


@given(batches())
def test_a_cut_or_lengthened_batch_is_refused(batch):
    columns, count = batch
    packed = encode(columns, count)
    with pytest.raises(ProtocolError):
        decode(packed + b"\x00", len(columns), count)
    if packed:
        with pytest.raises(ProtocolError):
            decode(packed[:-1], len(columns), count)


@given(st.lists(st.integers(VALUE_MIN, VALUE_MAX), min_size=30, max_size=30))
def test_the_worst_values_stay_below_eight_bytes_each(column):
    assert len(encode([column], 30)) <= 8 * 30


def test_a_constant_column_costs_its_value_and_one_bit_more():
    assert len(encode([[2500] * 30], 30)) == len(encode([[2500] * 64], 64)) == 3


def test_a_sensor_that_is_away_costs_five_bits():
    assert len(encode([[None] * 30] * 8, 30)) == 5


@pytest.mark.parametrize(
    ("columns", "count"),
    [
        ([[1, 2]], 3),
        ([[]], 0),
        ([[0] * (COUNT_MAX + 1)], COUNT_MAX + 1),
        ([[1]] * (COLUMNS_MAX + 1), 1),
        ([[VALUE_MAX + 1]], 1),
        ([[0, VALUE_MIN - 1, 0]], 3),
        ([[VALUE_MAX, VALUE_MAX + 1, None]], 3),
    ],
)
def test_what_the_format_cannot_hold_is_the_callers_error(columns, count):
    with pytest.raises(UsageError, match=r"count|column|32 bits"):
        encode(columns, count)


@given(
    st.one_of(
        st.lists(st.integers(0, STEP_MAX_MS), max_size=COUNT_MAX - 1),
        st.lists(st.integers(59_000, 61_000), max_size=COUNT_MAX - 1),
        st.lists(st.integers(0, 9000).map(lambda step_s: step_s * 1000), max_size=COUNT_MAX - 1),
        st.builds(lambda step, n: [step] * n, st.integers(0, STEP_MAX_MS), st.integers(0, COUNT_MAX - 1)),
    )
)
def test_sampling_times_come_back_exactly_and_say_where_they_end(deltas):
    data = encode_times(deltas)
    assert decode_times(data + b"\xff", len(deltas) + 1) == (deltas, len(data))


@given(st.binary(max_size=100), st.integers(-1, COUNT_MAX + 1))
def test_any_bytes_are_times_or_raise_the_protocol_error(data, count):
    try:
        deltas, size = decode_times(data, count)
    except ProtocolError:
        return
    assert len(deltas) == count - 1
    assert all(0 <= delta <= STEP_MAX_MS for delta in deltas)
    assert size <= len(data)


@pytest.mark.parametrize(
    ("step_ms", "size"),
    [(0, 1), (1000, 1), (63_000, 1), (64_000, 2), (900_000, 2), (16_383_000, 2), (1500, 3), (4_194_303, 3)],
)
def test_a_regular_batch_costs_one_to_three_bytes_for_its_times(step_ms, size):
    assert len(encode_times([step_ms] * 29)) == size


@pytest.mark.parametrize("deltas", [[-1], [STEP_MAX_MS + 1], [1000] * COUNT_MAX])
def test_times_that_cannot_be_are_the_callers_error(deltas):
    with pytest.raises(UsageError, match="steps"):
        encode_times(deltas)
