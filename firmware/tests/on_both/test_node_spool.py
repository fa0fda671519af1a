"""The spool: order, batches, custody, overflow, and the law under random operations."""

from milepost_node.ranges import Ranges
from milepost_node.spool import GONE_HELD_MAX, Spool
from milepost_protocol import records
from milepost_protocol.records import DIAGNOSTIC, EVENT, GONE, ROUTINE, ROWS, URGENT
from milepost_protocol.schema import Schema
from milepost_protocol.testing import Dice

SCHEMA = Schema("site", 1, (2, 3))
OTHER = Schema("other", 2, (20,))
HOME = Schema("home", 4, (40,))
BYTES = 200


def a_spool(records_max=20, live_ms_max=10000):
    return Spool(3, HOME.hash, records_max, live_ms_max)


def row(spool, at, values=(1, 2), schema=SCHEMA, cls=ROUTINE, quality=None):
    return spool.append(ROWS, cls, schema.hash, at, values, quality)


def event(spool, at, cls=URGENT):
    return spool.append(EVENT, cls, OTHER.hash, at, (11, 1500, 100))


def unpacked(batch):
    front = records.front(batch.kind, batch.body)
    schema = {SCHEMA.hash: SCHEMA, OTHER.hash: OTHER, HOME.hash: HOME}[front.schema]
    return records.unpack(front, schema)


def sequences(batch):
    return [record.sequence for record in unpacked(batch)]


def drain(spool, now=0):
    found = []
    batch = spool.take(now, BYTES)
    while batch:
        found.append(batch)
        batch = spool.take(now, BYTES)
    return found


def test_sequences_begin_at_zero_and_one_counter_serves_all():
    spool = a_spool()
    assert [row(spool, 0), event(spool, 0), row(spool, 1, (5,), OTHER)] == [0, 1, 2]
    assert spool.oldest().sequence == 0


def test_a_record_comes_out_as_it_went_in():
    spool = a_spool()
    row(spool, 77, (None, -5), quality=(1, 0))
    row(spool, 99, (40, 50))
    first, second = unpacked(spool.take(0, BYTES))
    assert (first.boot, first.sequence, first.uptime_ms, first.values, first.quality) == (3, 0, 77, (None, -5), (1, 0))
    assert (second.sequence, second.uptime_ms, second.values, second.quality) == (1, 99, (40, 50), None)


def test_nothing_is_freed_before_its_ack():
    spool = a_spool()
    row(spool, 0)
    batch = spool.take(0, BYTES)
    assert spool.held() == 1
    assert spool.take(0, BYTES) is None
    spool.release([batch.token])
    assert (spool.held(), spool.released) == (0, 1)
    spool.release([batch.token, None, 12345])
    assert spool.released == 1


def test_what_a_lost_session_had_goes_out_again_under_the_same_names():
    spool = a_spool()
    row(spool, 0)
    row(spool, 1)
    before = spool.take(0, BYTES)
    spool.put_back([before.token])
    after = spool.take(0, BYTES)
    assert after.token != before.token
    assert after.body == before.body
    spool.release([before.token])
    assert spool.held() == 2, "an old token frees nothing"


def test_urgent_goes_first_then_live_then_backlog_from_the_oldest_on():
    spool = a_spool(live_ms_max=1000)
    for at in (0, 100, 200):
        row(spool, at)
    row(spool, 60000)
    event(spool, 60001)
    row(spool, 60002)
    assert [sequences(batch) for batch in drain(spool, 60500)] == [[4], [3, 5], [0, 1, 2]]


def test_a_batch_is_alike_in_class_and_schema_and_leaves_the_others_where_they_are():
    spool = a_spool()
    for at in range(3):
        row(spool, at)
        row(spool, at, (9,), OTHER)
        row(spool, at, cls=DIAGNOSTIC)
    assert [sequences(batch) for batch in drain(spool)] == [[0, 3, 6], [1, 4, 7], [2, 5, 8]]


def test_a_batch_stays_within_the_bytes_it_was_given_and_nothing_is_left_behind():
    spool = a_spool(records_max=500)
    for at in range(300):
        row(spool, at * 1000, (at * 977 % 5000, at * 31))
    batches = drain(spool)
    assert all(len(batch.body) <= BYTES for batch in batches)
    assert sum([batch.count for batch in batches]) == 300
    found = sorted([record.sequence for batch in batches for record in unpacked(batch)])
    assert found == list(range(300))


def test_rows_that_stand_out_of_time_order_do_not_share_a_batch():
    spool = a_spool()
    row(spool, 500)
    row(spool, 400)
    assert [sequences(batch) for batch in drain(spool)] == [[0], [1]]


def test_a_full_spool_thins_its_older_half_before_it_drops_anything_whole():
    spool = a_spool(records_max=16)
    for at in range(20):
        row(spool, at)
    left = [record.sequence for record in spool._held]
    assert spool.discarded == 4
    assert left == [0, 2, 4, 6] + list(range(8, 20))


def test_thinning_takes_every_second_row_of_each_schedule_not_one_schedule_of_two():
    spool = a_spool(records_max=16)
    for at in range(20):
        row(spool, at, schema=SCHEMA if at % 2 else OTHER, values=(1, 2) if at % 2 else (1,))
    left = [record.schema for record in spool._held]
    assert left.count(SCHEMA.hash) == left.count(OTHER.hash) == 8


def test_when_the_older_half_is_thin_the_oldest_goes():
    spool = a_spool(records_max=16)
    for at in range(60):
        row(spool, at)
    held = [record.sequence for record in spool._held]
    assert held[-1] == 59
    assert len(held) == 16
    older, newer = held[:8], held[8:]
    assert newer == list(range(52, 60))
    assert older[0] < 52 - 8, "the older half reaches further back than a plain ring would"
    assert spool.holds_law()


def test_urgent_records_are_never_evicted_by_routine_ones():
    spool = a_spool(records_max=16)
    urgent = [event(spool, at) for at in range(10)]
    for at in range(100):
        row(spool, at)
    held = [record.sequence for record in spool._held]
    assert [sequence for sequence in held if sequence in urgent] == urgent
    assert spool.holds_law()


def test_a_spool_full_of_urgent_records_turns_routine_ones_away_and_counts_them():
    spool = a_spool(records_max=16)
    for at in range(16):
        event(spool, at)
    assert row(spool, 50) == 16
    assert (spool.held(), spool.discarded) == (16, 1)
    event(spool, 51)
    assert spool._held[0].sequence == 1, "urgent gives way to urgent, the oldest first"
    assert spool.holds_law()


def test_diagnostic_rows_give_way_before_routine_ones():
    spool = a_spool(records_max=16)
    for at in range(16):
        row(spool, at, cls=DIAGNOSTIC if at % 4 == 3 else ROUTINE)
    for at in range(4):
        row(spool, 100 + at)
    assert [record.cls for record in spool._held].count(DIAGNOSTIC) == 0
    assert spool.discarded == 4


def test_what_is_in_flight_is_not_discarded():
    spool = a_spool(records_max=16)
    for at in range(16):
        row(spool, at)
    batch = spool.take(0, BYTES)
    assert batch.count == 16
    row(spool, 100)
    assert spool.discarded == 1
    spool.release([batch.token])
    assert spool.released == 16
    assert spool.holds_law()


def test_every_discard_is_reported_exactly_once_and_no_other_record_with_it():
    spool = a_spool(records_max=16)
    for at in range(200):
        row(spool, at)
    present, gone = [], []
    while spool.held() or len(spool._gone):
        batch = spool.take(1000, BYTES)
        for record in unpacked(batch):
            present.append(record.sequence)
            if record.kind == GONE:
                reason, boot, first, last = record.values
                assert (reason, boot) == (1, 3)
                gone += list(range(first, last + 1))
        spool.release([batch.token])
    assert len(gone) == spool.discarded
    assert sorted(present + gone) == list(range(spool.appended))
    assert spool.holds_law()


def test_reports_of_discards_do_not_crowd_the_spool():
    spool = a_spool(records_max=16)
    for at in range(100):
        row(spool, at)
    drain(spool)
    assert spool.held() <= 16 + GONE_HELD_MAX


def test_ranges_join_what_touches():
    ranges = Ranges()
    for sequence in (5, 9, 7, 6, 1, 8):
        ranges.add(sequence)
    assert len(ranges) == 2
    assert ranges.pop() == (1, 1)
    assert ranges.pop() == (5, 9)


def test_the_law_holds_under_random_operations():
    for seed in range(12):
        dice = Dice(seed)
        spool = a_spool(records_max=16 + dice.below(20), live_ms_max=50)
        flying, seen, released, now = [], {}, [], 0
        for _ in range(600):
            now += dice.below(20)
            _random_step(dice, spool, now, flying, seen, released)
            assert spool.holds_law(), "seed " + str(seed)
            order = [record.sequence for record in spool._held]
            assert order == sorted(order), "seed " + str(seed)
        assert len(released) == len(set(released)) == spool.released, "seed " + str(seed)


def _random_step(dice, spool, now, flying, seen, released):
    what = dice.below(10)
    if what < 6:
        cls = (URGENT, ROUTINE, ROUTINE, DIAGNOSTIC)[dice.below(4)]
        if cls == URGENT:
            event(spool, now)
        else:
            schema = (SCHEMA, OTHER)[dice.below(2)]
            row(spool, now, tuple([dice.below(1000) for _ in schema.channels]), schema, cls)
    elif what < 8:
        batch = spool.take(now, 40 + dice.below(160))
        if batch:
            for record in unpacked(batch):
                content = (record.kind, record.uptime_ms, record.values)
                assert seen.setdefault(record.sequence, content) == content
            flying.append((batch.token, sequences(batch)))
    elif flying:
        token, names = flying.pop(dice.below(len(flying)))
        if what == 8:
            spool.release([token])
            released += names
        else:
            spool.put_back([token])
