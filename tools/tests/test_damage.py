"""Damaged frames: none is taken for a good one, in any way of damage, and a weaker check would be seen."""

from binascii import crc32

from milepost_protocol import frames
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


def test_a_check_of_sixteen_bits_would_be_seen_to_fail(monkeypatch):
    monkeypatch.setattr(frames, "crc32", lambda data: crc32(data) & 0xFFFF)
    assert Damage(3).run(100_000).wrong
