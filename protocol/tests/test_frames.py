"""Frames under noise: what the decoder owes its caller whatever the line did."""

from hypothesis import given
from hypothesis import strategies as st
from milepost_protocol.frames import (
    FRAME_BYTES_MAX,
    PACKET_BYTES_MAX,
    FrameDecoder,
    cobs_decode,
    cobs_encode,
    encode_frame,
)
from milepost_protocol.testing import Dice

packets = st.binary(min_size=3, max_size=PACKET_BYTES_MAX)


def packets_in(decoder: FrameDecoder, data: bytes) -> list[bytes]:
    return [packet for packet, _ in decoder.feed(data) if packet is not None]


@given(st.binary(max_size=600))
def test_cobs_gives_back_what_it_was_given_and_never_a_zero(data):
    code = cobs_encode(data)
    assert 0 not in code
    assert cobs_decode(code) == data


@given(packets)
def test_a_frame_costs_eight_bytes_more_than_its_packet(packet):
    assert len(encode_frame(packet)) - 2 <= FRAME_BYTES_MAX
    assert len(encode_frame(packet)) == len(packet) + 7


@given(st.lists(packets, max_size=5), st.integers(1, 50))
def test_frames_arrive_whole_however_the_link_cuts_them(sent, step):
    line = b"".join(encode_frame(packet) for packet in sent)
    decoder = FrameDecoder()
    got = []
    for at in range(0, len(line), step):
        got += packets_in(decoder, line[at : at + step])
    assert got == sent


@given(packets, packets, packets, st.data())
def test_a_damaged_frame_costs_only_itself(first, middle, last, data):
    frame = bytearray(encode_frame(middle))
    at = data.draw(st.integers(1, len(frame) - 2))
    frame[at] ^= data.draw(st.integers(1, 255))
    decoder = FrameDecoder()
    got = packets_in(decoder, encode_frame(first) + bytes(frame) + encode_frame(last))
    assert got[0] == first
    assert got[-1] == last
    assert middle not in got[1:-1]
    assert decoder.damaged >= 1


def test_noise_before_a_frame_is_flushed_by_its_leading_delimiter():
    decoder = FrameDecoder()
    got = decoder.feed(b"rst:0x1 (POWERON)\r\n" + encode_frame(b"abc"))
    assert [packet for packet, _ in got] == [None, b"abc"]
    assert got[0][1] == b"rst:0x1 (POWERON)\r\n"
    assert (decoder.damaged, decoder.frames) == (1, 1)


def test_a_babbler_costs_no_memory_and_is_counted_once_a_stretch():
    decoder = FrameDecoder()
    for _ in range(1000):
        decoder.feed(b"U" * 100)
    assert decoder.oversize == 1
    assert len(decoder._code) <= FRAME_BYTES_MAX
    assert packets_in(decoder, encode_frame(b"abc")) == [b"abc"]


def test_no_randomly_damaged_frame_is_taken_for_a_good_one():
    dice = Dice(1)
    taken = 0
    for _ in range(20_000):
        packet = dice.bytes(3 + dice.below(60))
        frame = bytearray(encode_frame(packet))
        for _ in range(1 + dice.below(6)):
            frame[dice.below(len(frame))] ^= 1 << dice.below(8)
        decoder = FrameDecoder()
        taken += sum(got != packet for got in packets_in(decoder, bytes(frame) + b"\0"))
    assert taken == 0
