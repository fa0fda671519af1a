"""The store and the boot counter in it."""

import os

from milepost_node import boot
from milepost_node.store import Store
from node_fakes import scratch


def entropy(count):
    return bytes([7] * count)


def test_what_was_stored_is_read_again_and_a_newer_version_takes_its_place():
    store = Store(scratch("store"))
    assert store.read("fact") is None
    store.write("fact", b"one")
    store.write("fact", b"")
    assert Store(store._folder).read("fact") == b""


def test_a_damaged_file_reads_as_absent_and_is_counted():
    store = Store(scratch("store"))
    store.write("fact", b"truth")
    with open(store._folder + "/fact", "r+b") as file:
        file.write(b"T")
    assert store.read("fact") is None
    assert store.damaged == 1


def test_a_cut_before_the_rename_leaves_the_old_version():
    store = Store(scratch("store"))
    store.write("fact", b"old")
    with open(store._folder + "/fact.new", "wb") as file:
        file.write(b"ne")
    assert store.read("fact") == b"old"
    store.write("fact", b"new")
    assert store.read("fact") == b"new"


def test_every_start_takes_the_next_number_and_knows_its_place():
    store = Store(scratch("store"))
    boot.write_first(store)
    boots = [boot.begin(store, entropy) for _ in range(3)]
    assert [found.number for found in boots] == [1, 2, 3]
    assert all(found.is_ordered for found in boots)


def test_the_number_is_stored_before_it_is_used():
    store = Store(scratch("store"))
    boot.write_first(store)
    boot.begin(store, entropy)
    assert store.read(boot.NAME) == b"\x01\x00\x00\x00"


def test_a_lost_store_gives_a_random_number_out_of_the_counted_ones_reach_and_says_so():
    store = Store(scratch("store"))
    drawn = boot.begin(store, entropy)
    assert drawn.number == 0x87070707
    assert not drawn.is_ordered
    following = boot.begin(store, entropy)
    assert following.number == drawn.number + 1
    assert following.is_ordered


def test_a_corrupt_store_gives_a_random_number():
    store = Store(scratch("store"))
    boot.write_first(store)
    with open(store._folder + "/boot", "r+b") as file:
        file.write(b"\xff\xff")
    assert not boot.begin(store, entropy).is_ordered


def test_a_store_that_refuses_to_write_gives_a_random_number():
    store = Store(scratch("store"))
    boot.write_first(store)
    os.mkdir(store._folder + "/boot.new")  # now no new version can be written
    found = boot.begin(store, entropy)
    assert found.number >= boot.RANDOM_FROM
    assert not found.is_ordered


def test_the_counter_does_not_wrap():
    store = Store(scratch("store"))
    store.write(boot.NAME, b"\xff\xff\xff\xff")
    assert not boot.begin(store, entropy).is_ordered
