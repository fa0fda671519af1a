"""Commands and configuration: done once, whole or not at all, and never at the price of the link."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st
from milepost_protocol.commands import SERVED_MAX, Command, Served, decode_command, request_range
from milepost_protocol.configuration import PART_BYTES_MAX, Trial, decode_part, parts
from milepost_protocol.errors import ProtocolError
from milepost_protocol.session import BODY_BYTES_MAX

WHOLE = bytes(range(256)) * 4
MINUTE_MS = 60_000


def gathered(trial, pieces):
    """Hand parts over as they come off the wire; what the last one gives."""
    got = None
    for piece in pieces:
        got = trial.add(decode_part(piece.encode()))
    return got


@given(st.integers(0, 2**32 - 1), st.integers(0, 255), st.binary(max_size=100))
def test_a_command_comes_back_exactly(number, verb, arguments):
    again = decode_command(Command(number, verb, arguments).encode())
    assert (again.number, again.verb, again.arguments) == (number, verb, arguments)


@given(st.binary(max_size=120))
def test_any_bytes_give_a_command_or_a_protocol_error(body):
    with contextlib.suppress(ProtocolError):
        decode_command(body).integers(3)
    with contextlib.suppress(ProtocolError):
        decode_part(body)


def test_a_gap_is_named_by_boot_first_and_last():
    assert decode_command(request_range(7, 3, 100, 4000).encode()).integers(3) == [3, 100, 4000]


def test_a_command_that_comes_again_is_not_done_again():
    served = Served()
    assert [served.is_new(number) for number in (1, 2, 1, 2, 3)] == [True, True, False, False, True]
    for number in range(10, 10 + SERVED_MAX):
        assert served.is_new(number)
    assert len(served._numbers) == SERVED_MAX


def test_every_part_fits_a_packet():
    assert (
        max(len(Command(2**32 - 1, 5, piece.encode()).encode()) for piece in parts(2**31, WHOLE, 3600))
        <= BODY_BYTES_MAX
    )


@given(st.permutations(range(-(-len(WHOLE) // PART_BYTES_MAX))), st.data())
def test_parts_may_come_in_any_order_and_twice(order, data):
    cut = parts(2, WHOLE, 120)
    order = order[:-1] + [data.draw(st.sampled_from(order)), order[-1]]
    trial = Trial()
    results = [trial.add(cut[i]) for i in order]
    assert WHOLE in results


def test_a_configuration_with_a_wrong_digest_is_refused_and_can_be_sent_again():
    trial = Trial()
    cut = parts(2, WHOLE, 120)
    spoilt = parts(2, WHOLE, 120)
    spoilt[1].data = bytes(PART_BYTES_MAX)
    with pytest.raises(ProtocolError):
        gathered(trial, spoilt)
    assert gathered(trial, cut) == WHOLE


def test_a_newer_version_takes_the_place_of_an_unfinished_one():
    trial = Trial()
    gathered(trial, parts(2, WHOLE, 120)[:-1])
    assert gathered(trial, parts(3, WHOLE[:300], 120)) == WHOLE[:300]


def test_what_is_confirmed_in_time_stays():
    trial = Trial()
    gathered(trial, parts(2, WHOLE, 120))
    trial.begin(1000)
    assert not trial.confirm(1)
    assert trial.confirm(2)
    assert not trial.must_go_back(10 * MINUTE_MS)


def test_what_nobody_confirms_is_taken_back_once():
    trial = Trial()
    gathered(trial, parts(2, WHOLE, 120))
    trial.begin(1000)
    assert not trial.must_go_back(1000 + 2 * MINUTE_MS - 1)
    assert trial.must_go_back(1000 + 2 * MINUTE_MS)
    assert not trial.must_go_back(1000 + 3 * MINUTE_MS)
    assert not trial.confirm(2)
    assert gathered(trial, parts(2, WHOLE, 120)) == WHOLE, "the same may be tried again"


def test_no_configuration_is_taken_in_while_another_is_on_trial():
    trial = Trial()
    gathered(trial, parts(2, WHOLE, 120))
    trial.begin(0)
    with pytest.raises(ProtocolError):
        trial.add(parts(3, WHOLE, 120)[0])
