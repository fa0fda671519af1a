"""The buffer: durable when it says so, no record twice, none lost, and released only when told."""

import random

import apsw
import pytest
from milepost_gateway.buffer_schema import APPLICATION_ID, MIGRATIONS
from milepost_gateway.errors import MilepostError
from milepost_gateway.stored import Arrival, Delivered, Measured, read_front
from milepost_gateway.testing import AIR_SCHEMA, NODE, air_row
from milepost_protocol import blocks
from milepost_protocol.records import DIAGNOSTIC, EVENT, ROUTINE, URGENT, Record, pack

OTHER = bytes.fromhex("a4cf12000002")
NOW = 1_000_000
KERNEL = "the-kernel"


def arrival(sequences, boot=1, cls=ROUTINE, node=NODE, now=NOW, taken=None):
    kind, body = pack([air_row(sequence, boot=boot, cls=cls) for sequence in sequences])
    return Arrival(node, kind, body, now, now if taken is None else taken, read_front(kind, body))


def schema_arrival(node=NODE, schema=AIR_SCHEMA):
    return Arrival(node, blocks.SCHEMA, schema.body, NOW, NOW, None)


def pending_sequences(block):
    return [sequence for place, sequence in enumerate(block.front.sequences) if block.pending >> place & 1]


def terms(ledger, node=NODE):
    account = ledger.nodes[node.hex()]
    return (account.accepted, account.delivered, account.pending, account.quarantined)


def test_what_was_appended_is_there_after_the_process_died(open_buffer):
    open_buffer().append([arrival([0, 1, 2])])
    again = open_buffer()
    (block,) = again.oldest(9, NOW)
    assert pending_sequences(block) == [0, 1, 2]
    assert terms(again.ledger()) == (3, 0, 3, 0)


def test_a_block_that_comes_again_is_stored_once(open_buffer):
    buffer = open_buffer()
    buffer.append([arrival([0, 1])])
    buffer.append([arrival([0, 1]), arrival([0, 1])])
    assert len(buffer.oldest(9, NOW)) == 1
    assert buffer.counters["repeated"] == 4
    assert terms(buffer.ledger()) == (2, 0, 2, 0)


def test_of_a_block_partly_known_only_the_new_records_are_pending(open_buffer):
    buffer = open_buffer()
    buffer.append([arrival([1, 2])])
    buffer.append([arrival([0, 1, 2, 3, 5])])
    first, second = buffer.oldest(9, NOW)
    assert (pending_sequences(first), pending_sequences(second)) == ([1, 2], [0, 3, 5])
    assert terms(buffer.ledger()) == (5, 0, 5, 0)


def test_repeats_are_known_after_the_process_died_and_after_delivery(open_buffer):
    buffer = open_buffer()
    buffer.append([arrival([0, 1])])
    (block,) = buffer.oldest(9, NOW)
    buffer.release([Delivered(block.id, 3)])
    again = open_buffer()
    again.append([arrival([0, 1, 2])])
    (block,) = again.oldest(9, NOW)
    assert pending_sequences(block) == [2]


def test_boots_and_nodes_count_their_sequences_apart(open_buffer):
    buffer = open_buffer()
    buffer.append([arrival([0]), arrival([0], boot=2), arrival([0], node=OTHER)])
    assert len(buffer.oldest(9, NOW)) == 3
    assert terms(buffer.ledger(), OTHER) == (1, 0, 1, 0)


def test_a_block_leaves_the_file_only_when_all_its_records_are_released(open_buffer):
    buffer = open_buffer()
    buffer.append([arrival([0, 1, 2])])
    (block,) = buffer.oldest(9, NOW)
    buffer.release([Delivered(block.id, 0b101)])
    again = open_buffer()
    (block,) = again.oldest(9, NOW)
    assert pending_sequences(block) == [1]
    assert terms(again.ledger()) == (3, 2, 1, 0)
    again.release([Delivered(block.id, 0b010)])
    assert again.oldest(9, NOW) == []
    assert terms(again.ledger()) == (3, 3, 0, 0)


def test_releasing_twice_counts_once(open_buffer):
    buffer = open_buffer()
    buffer.append([arrival([0, 1])])
    (block,) = buffer.oldest(9, NOW)
    buffer.release([Delivered(block.id, 1), Delivered(block.id, 1)])
    buffer.release([Delivered(block.id, 3), Delivered(block.id, 3), Delivered(999, 1)])
    assert terms(buffer.ledger()) == (2, 2, 0, 0)


def test_the_sixty_fourth_record_of_a_block_is_a_record_like_any_other(open_buffer):
    buffer = open_buffer()
    buffer.append([arrival(range(64))])
    (block,) = buffer.oldest(9, NOW)
    assert block.pending == (1 << 64) - 1
    buffer.release([Delivered(block.id, (1 << 63) - 1)])
    assert terms(buffer.ledger()) == (64, 63, 1, 0)
    buffer.release([Delivered(block.id, 1 << 63)])
    assert terms(buffer.ledger()) == (64, 64, 0, 0)


def test_a_block_is_handed_out_once_until_it_is_given_back(open_buffer):
    buffer = open_buffer()
    buffer.append([arrival([0])])
    assert len(buffer.oldest(9, NOW)) == 1
    assert buffer.oldest(9, NOW) == []
    buffer.give_back()
    assert len(buffer.oldest(9, NOW)) == 1


def test_urgent_goes_before_live_and_live_before_history(open_buffer):
    buffer = open_buffer()
    old = NOW - 500_000
    buffer.append(
        [arrival([0], taken=old), arrival([1], cls=DIAGNOSTIC), arrival([2], cls=URGENT, taken=old), arrival([3])]
    )
    lanes = [(block.lane, block.front.sequences[0]) for block in buffer.oldest(9, NOW)]
    assert lanes == [("urgent", 2), ("live", 1), ("live", 3), ("history", 0)]


def test_a_long_history_never_hides_what_comes_live(open_buffer):
    buffer = open_buffer()
    buffer.append([arrival([sequence], taken=0) for sequence in range(50)])
    first = buffer.oldest(10, NOW)
    buffer.append([arrival([100]), arrival([101], cls=URGENT)])
    then = buffer.oldest(3, NOW)
    assert [block.front.sequences[0] for block in first] == list(range(10))
    assert [block.front.sequences[0] for block in then] == [101, 100, 10]


def test_everything_comes_out_once_whatever_the_order_of_calls(open_buffer):
    seed = random.randrange(1 << 30)
    dice = random.Random(seed)
    buffer = open_buffer()
    sequence, out, held, now = 0, [], [], NOW
    while sequence < 400 or held or buffer.ledger().total().pending:
        act = dice.random()
        now += dice.randrange(5000)
        if act < 0.35 and sequence < 400:
            cls, taken = dice.choice([URGENT, ROUTINE, DIAGNOSTIC]), now - dice.choice([0, 119_000, 900_000])
            buffer.append([arrival([sequence], cls=cls, now=now, taken=taken)])
            sequence += 1
        elif act < 0.75:
            held += buffer.oldest(dice.randrange(1, 6), now)
        elif act < 0.95 and held:
            block = held.pop(dice.randrange(len(held)))
            buffer.release([Delivered(block.id, block.pending)])
            out.append(block.front.sequences[0])
        elif act > 0.98:
            buffer.give_back()
            held = []
    assert sorted(out) == list(range(400)), f"seed {seed}"


def test_a_file_emptied_by_delivery_still_hands_out_what_comes_next(open_buffer):
    buffer = open_buffer()
    for sequence in range(5):
        buffer.append([arrival([sequence])])
        (block,) = buffer.oldest(9, NOW)
        assert pending_sequences(block) == [sequence]
        buffer.release([Delivered(block.id, 1)])


def test_an_append_that_fails_leaves_nothing_behind(open_buffer):
    buffer = open_buffer()
    buffer.append([arrival([0])])
    with pytest.raises(AttributeError):
        buffer.append([arrival([1]), schema_arrival(), arrival([2])], delivered=[None])
    assert terms(buffer.ledger()) == (1, 0, 1, 0)
    buffer.append([schema_arrival(), arrival([1]), arrival([2])])
    assert terms(buffer.ledger()) == (3, 0, 3, 0)
    assert [block.schema is not None for block in buffer.oldest(9, NOW)] == [True] * 3


def test_a_schema_is_found_after_a_restart_and_for_blocks_that_came_before_it(open_buffer):
    buffer = open_buffer()
    buffer.append([arrival([0]), schema_arrival()])
    (block,) = open_buffer().oldest(9, NOW)
    assert block.schema.site == "nha-be"
    assert [schema.hash for _, schema in open_buffer().schemas()] == [AIR_SCHEMA.hash]


def test_a_quarantined_block_is_counted_kept_raw_and_freed_by_its_schema(open_buffer):
    buffer = open_buffer()
    buffer.append([arrival([0, 1])])
    (block,) = buffer.oldest(9, NOW)
    assert block.schema is None
    buffer.quarantine([block.id])
    assert terms(buffer.ledger()) == (2, 0, 0, 2)
    assert buffer.ledger().holds()
    buffer.give_back()
    assert buffer.oldest(9, NOW) == []
    buffer.append([schema_arrival()])
    assert terms(buffer.ledger()) == (2, 0, 2, 0)
    assert buffer.oldest(9, NOW)[0].schema.site == "nha-be"


def test_a_front_that_makes_no_sense_is_quarantined_as_one_record_once(open_buffer):
    buffer = open_buffer()
    broken = Arrival(NODE, 0x5F, b"\x01", NOW, NOW, read_front(0x5F, b"\x01"))
    buffer.append([broken])
    buffer.append([broken])
    assert terms(buffer.ledger()) == (1, 0, 0, 1)
    assert buffer.ledger().holds()
    assert buffer.oldest(9, NOW) == []


@pytest.mark.parametrize("boot, sequence", [(1 << 32, 0), (0, 1 << 32), (1 << 63, 1 << 63)])
def test_numbers_that_no_node_can_mean_make_no_sense(boot, sequence):
    kind, body = pack([Record(EVENT, URGENT, 7, boot, sequence, 1, (1, 0, 100))])
    assert read_front(kind, body) is None


def test_a_block_that_the_disk_spoiled_is_set_aside_not_published(open_buffer, tmp_path):
    buffer = open_buffer()
    buffer.append([schema_arrival(), arrival([0]), arrival([1])])
    with apsw.Connection(str(tmp_path / "buffer.db")) as file:
        file.execute("UPDATE block SET body = CAST(substr(body, 1, length(body) - 1) || x'7f' AS BLOB) WHERE first = 0")
    assert [pending_sequences(block) for block in buffer.oldest(9, NOW)] == [[1]]
    assert buffer.counters["damaged"] == 1
    assert terms(buffer.ledger()) == (2, 0, 1, 1)


def test_clock_exchanges_outlive_the_process_but_not_the_kernel(open_buffer):
    kept = Measured(NODE, 1, 0, 1000, 5, 9)
    open_buffer().append([], measured=[kept])
    assert open_buffer().measured() == [kept]
    assert open_buffer(kernel="another").measured() == []
    assert open_buffer().measured() == []


def test_a_number_counts_on_over_restarts(open_buffer):
    assert [open_buffer().next_number("broker_session") for _ in range(3)] == [1, 2, 3]


def test_a_commit_is_written_through_and_not_only_handed_to_the_kernel(open_buffer):
    buffer = open_buffer()
    assert buffer._connection.pragma("synchronous") == 2
    assert buffer._connection.pragma("journal_mode") == "wal"


@pytest.mark.parametrize("content", [b"this is no database at all, it is a letter" * 30, "CREATE TABLE cars(id)"])
def test_a_file_of_somebody_else_is_refused_and_left_as_it_is(open_buffer, tmp_path, content):
    path = tmp_path / "buffer.db"
    if isinstance(content, str):
        apsw.Connection(str(path)).execute(content)
    else:
        path.write_bytes(content)
    before = path.read_bytes()
    with pytest.raises(MilepostError, match="E-DATA-03"):
        open_buffer()
    assert path.read_bytes()[100:] == before[100:]


def test_anchors_of_the_first_version_are_kept_in_finer_units(tmp_path, open_buffer):
    with apsw.Connection(str(tmp_path / "buffer.db")) as file:
        file.execute(MIGRATIONS[0])
        file.pragma("application_id", APPLICATION_ID)
        file.pragma("user_version", 1)
        file.execute("INSERT INTO kernel VALUES (1, ?)", (KERNEL,))
        file.execute("INSERT INTO anchor VALUES (?, 1, 1, 0, 1000, 5, 9)", (NODE,))
    assert open_buffer(kernel=KERNEL).measured() == [Measured(NODE, 1, 0, 1000, 5000, 9000)]


def test_a_file_from_a_newer_version_is_refused(open_buffer, tmp_path):
    open_buffer()
    with apsw.Connection(str(tmp_path / "buffer.db")) as file:
        file.pragma("user_version", 99)
    with pytest.raises(MilepostError, match="newer"):
        open_buffer()


@pytest.mark.parametrize("seed", range(5))
def test_whatever_bytes_a_block_holds_it_is_kept_counted_and_harms_nobody(open_buffer, seed):
    dice = random.Random(seed)
    buffer = open_buffer()
    good = arrival([0, 1, 2, 5])
    blocks_in = []
    for _ in range(300):
        body = bytearray(good.body if dice.random() < 0.7 else dice.randbytes(dice.randrange(40)))
        for _ in range(dice.randrange(4)):
            if body:
                body[dice.randrange(len(body))] = dice.randrange(256)
        kind = dice.choice([good.kind, 0x40 | dice.randrange(64)])
        blocks_in.append(Arrival(NODE, kind, bytes(body), NOW, NOW, read_front(kind, bytes(body))))
    buffer.append([schema_arrival(), *blocks_in])
    assert buffer.ledger().holds(), f"seed {seed}"
    for block in buffer.oldest(1000, NOW):
        buffer.quarantine([block.id])
    assert buffer.ledger().holds(), f"seed {seed}"
    assert buffer.ledger().total().pending == 0, f"seed {seed}"
