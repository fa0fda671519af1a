"""Damaged frames: none is taken for a good one, in any way of damage, and a weaker check would be seen."""

from binascii import crc32

import pytest
from milepost_protocol import frames, packets
from milepost_tools.damage.frames import WAYS, Damage


def test_of_a_hundred_thousand_damaged_frames_none_is_taken_for_a_good_one():
    damage = Damage(1).run(100_000)
    assert damage.wrong == []
    assert damage.decoder.damaged > 80_000, "most of it must reach the check"
    assert min(damage.damaged[way] for way in WAYS) > 10_000


def test_what_the_damage_left_whole_is_still_taken():
    damage = Damage(2).run(20_000)
    assert 0 < damage.survived < 10_000
    assert damage.decoder.frames == damage.survived


@pytest.mark.parametrize("check", [sum, lambda data: crc32(data[:60]), lambda data: crc32(data) & 0xFF])
def test_a_weaker_check_would_be_seen_to_fail(check, monkeypatch):
    monkeypatch.setattr(frames, "crc32", check)
    assert Damage(3).run(100_000).wrong


def test_a_frame_that_runs_on_into_another_passes_only_if_that_began_with_four_zeros():
    first = b"\x40\1packet"
    for head in range(256):
        second = bytes([head]) + bytes(40)
        run_on = first + crc32(first).to_bytes(4, "little") + second[4:]
        frame = b"\0" + frames.cobs_encode(run_on + crc32(second).to_bytes(4, "little")) + b"\0"
        ((packet, _),) = frames.FrameDecoder().feed(frame)
        assert (packet == run_on) == (head == 0)
    assert packets.kind_of(bytes(40), 0) is None, "what begins with zeros is no packet of ours, so nobody sends it"
