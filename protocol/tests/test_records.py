"""Records in blocks: every value comes back, and no bytes make the reader raise anything but a ProtocolError."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st
from milepost_protocol import blocks, records
from milepost_protocol.errors import ProtocolError
from milepost_protocol.records import COUNT_MAX, ROUTINE, ROWS, Record
from milepost_protocol.schema import Schema, decode_schema

AIR = Schema("nha-be", 1, (2, 3, 4))
value = st.one_of(st.none(), st.integers(-(2**31), 2**31 - 1), st.integers(-50, 50))


@st.composite
def batches(draw):
    count = draw(st.integers(1, COUNT_MAX))
    steps = draw(st.lists(st.integers(1, 9), min_size=count, max_size=count))
    gaps = draw(st.one_of(st.just([1000] * count), st.lists(st.integers(0, 2**31), min_size=count, max_size=count)))
    sequence, uptime = draw(st.integers(0, 2**32 - 1000)), draw(st.integers(0, 2**45))
    made = []
    for step, gap in zip(steps, gaps, strict=True):
        values = tuple(draw(st.lists(value, min_size=3, max_size=3)))
        quality = tuple(draw(st.lists(st.integers(0, 13), min_size=3, max_size=3)))
        made.append(Record(ROWS, ROUTINE, AIR.hash, 5, sequence, uptime, values, quality if any(quality) else None))
        sequence, uptime = sequence + step, uptime + gap
    return made


@given(batches())
def test_a_batch_comes_back_exactly(made):
    kind, body = records.pack(made)
    front = records.front(kind, body)
    assert front.sequences == [record.sequence for record in made]
    assert front.uptimes_ms == [record.uptime_ms for record in made]
    assert [vars(record) for record in records.unpack(front, AIR)] == [vars(record) for record in made]


@given(st.integers(0, 255), st.binary(max_size=255))
def test_any_bytes_give_records_or_a_protocol_error(kind, body):
    with contextlib.suppress(ProtocolError):
        front = records.front(kind, body)
        assert len(front.sequences) == len(front.uptimes_ms) <= COUNT_MAX
        records.unpack(front, AIR)


@given(st.binary(max_size=300))
def test_any_bytes_give_blocks_or_a_protocol_error(data):
    with contextlib.suppress(ProtocolError):
        again = bytearray()
        for kind, body in blocks.split(data):
            blocks.put(again, kind, body)
        assert bytes(again) == data


@given(st.binary(max_size=80))
def test_any_bytes_give_a_schema_or_a_protocol_error(body):
    with contextlib.suppress(ProtocolError):
        assert decode_schema(body).body == body


def test_the_front_of_an_unknown_kind_can_still_be_read():
    kind, body = records.pack([Record(ROWS, ROUTINE, AIR.hash, 5, 42, 1000, (1, 2, 3))])
    front = records.front(kind | 0x0F, body)
    assert (front.kind, front.boot, front.sequences) == (15, 5, [42])


@pytest.mark.parametrize("kind", [records.EVENT, records.RESULT, records.GONE])
def test_the_quality_bit_means_nothing_outside_rows(kind):
    kind, body = records.pack([Record(kind, ROUTINE, AIR.hash, 5, 42, 1000, (1, 2))])
    marked = body[:4] + bytes([body[4] | records.HAS_QUALITY]) + body[5:]
    assert records.unpack(records.front(kind, marked), AIR)[0].values == (1, 2)


def test_good_rows_pay_nothing_for_quality():
    rows = [Record(ROWS, ROUTINE, AIR.hash, 5, i, 1000 * i, (1, 2, 3)) for i in range(30)]
    good = len(records.pack(rows)[1])
    rows[7].quality = (0, 7, 0)
    assert len(records.pack(rows)[1]) == good + 1 + 4


@pytest.mark.parametrize("site", ["", "x" * 33])
def test_a_site_must_have_a_name_of_at_most_32_letters(site):
    with pytest.raises(ProtocolError):
        Schema(site, 1, (2,))


def test_a_changed_channel_changes_the_hash():
    assert Schema("nha-be", 1, (2, 3)).hash != Schema("nha-be", 1, (3, 2)).hash
