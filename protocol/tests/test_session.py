"""Sessions over a bad wire: nothing acked is lost, nothing is sealed twice, and waiting is not loss."""

import pytest
from milepost_protocol import blocks
from milepost_protocol.errors import ProtocolError
from milepost_protocol.events import Acked, Arrived, Closed, TimeMeasured
from milepost_protocol.gateway_end import GatewayEnd
from milepost_protocol.links import DATAGRAM
from milepost_protocol.node_end import PING_MS, SESSION_MS_MAX, NodeEnd
from milepost_protocol.packets import DOWN
from milepost_protocol.received import REPLAY_WINDOW, Received, nearest
from milepost_protocol.session import BODY_BYTES_MAX, CONTROL_BYTES_MAX, NUMBER_MAX, WINDOW, Session
from milepost_protocol.testing import FAULTS, BadWire, Dice, Pair

KEY = bytes(range(32))
NODE = bytes.fromhex("a4cf12000001")
ROUTINE_ROWS = 0x50
URGENT_EVENT = 0x41

BAD = {"drop": 0.1, "duplicate": 0.1, "reorder": 0.1, "truncate": 0.05, "insert": 0.05, "flip": 1e-4, "burst": 0.02}


class Traffic:
    """A node that hands over `count` numbered blocks, over a wire with `faults`, to a gateway that remembers them."""

    def __init__(self, seed, faults=None, count=200, commit_ms=5, baud=0, link=DATAGRAM):
        dice = Dice(seed)
        self.seed = seed
        node = NodeEnd(NODE, 1, KEY, dice.bytes, link=link)
        gateway = GatewayEnd({NODE: KEY}.get, dice.bytes, commit_ms, link=link)
        up, down = BadWire(dice, faults, baud=baud), BadWire(dice, faults, baud=baud)
        self.pair = Pair(node, gateway, up, down, commit_ms)
        self.waiting = list(range(count))
        self.acked: set[int] = set()
        self.arrived: list[int] = []
        self.count = count

    def run(self, limit_ms=600_000):
        while len(self.acked) < self.count:
            assert self.pair.now < limit_ms, f"seed {self.seed}: no end after {limit_ms} ms: {self.pair.node.counters}"
            self.step()
        return self

    def step(self):
        while self.waiting and self.pair.node.room() > 0:
            number = self.waiting.pop(0)
            self.pair.node.send(ROUTINE_ROWS, number.to_bytes(4, "little") + bytes(40), number)
        self.pair.step()
        for event in self.pair.at_gateway:
            if isinstance(event, Arrived):
                self.arrived += [int.from_bytes(body[:4], "little") for _, body in event.blocks]
        for event in self.pair.at_node:
            if isinstance(event, Acked):
                self.acked |= {token for token in event.tokens if token is not None}
            if isinstance(event, Closed):
                self.waiting = sorted(event.tokens) + self.waiting
        assert self.acked <= set(self.arrived), f"seed {self.seed}: acked, never arrived"
        self.pair.at_node.clear()
        self.pair.at_gateway.clear()


@pytest.mark.parametrize("seed", range(20))
def test_everything_arrives_and_is_acked_over_a_bad_wire(seed):
    traffic = Traffic(seed, BAD).run()
    assert set(traffic.arrived) == set(range(200))
    fired = [fault for fault in FAULTS if traffic.pair.up.fired[fault] + traffic.pair.down.fired[fault]]
    assert len(fired) >= 4, f"only {fired} happened"


def test_on_a_clean_link_nothing_is_sent_twice_whatever_the_commit_interval():
    for commit_ms in (0, 5, 1000, 5000):
        traffic = Traffic(1, {}, commit_ms=commit_ms).run()
        assert traffic.pair.node.session.retransmitted == 0, commit_ms
        assert traffic.arrived == list(range(200))


@pytest.mark.parametrize("commit_ms", [1000, 5000])
def test_a_schema_that_waits_for_its_commit_is_not_sent_twice(commit_ms):
    traffic = Traffic(1, {}, count=1, commit_ms=commit_ms).run()
    traffic.pair.node.send(blocks.SCHEMA, b"body", "schema")
    acked = []
    while not acked:
        assert traffic.pair.now < 60_000
        traffic.pair.step()
        acked = [event for event in traffic.pair.at_node if isinstance(event, Acked)]
    assert traffic.pair.node.session.retransmitted == 0


def test_a_window_nearly_full_of_uncommitted_packets_asks_for_the_commit():
    traffic = Traffic(1, {}, count=600, commit_ms=60_000, baud=115_200)
    while traffic.pair.now < 5000:
        traffic.step()
    assert len(traffic.acked) >= 400, "the stream stalled on the commit interval"


@pytest.mark.parametrize("seed", range(5))
def test_no_nonce_is_ever_used_twice_under_one_key(seed, monkeypatch):
    used = set()
    seal = Session._seal

    def noting(self, plain, turn=0):
        mark = (self.ident, self._direction, self._number)
        assert mark not in used, f"seed {seed}: {mark} again"
        used.add(mark)
        return seal(self, plain, turn)

    monkeypatch.setattr(Session, "_seal", noting)
    Traffic(seed, BAD).run()
    assert len(used) > 50


def test_urgent_blocks_overtake_what_waits():
    traffic = Traffic(1, {}, count=0)
    traffic.pair.run(50)
    for number in range(40):
        traffic.pair.node.session.send(ROUTINE_ROWS, bytes(200), number)
    traffic.pair.node.session.send(URGENT_EVENT, b"flood", "urgent")
    traffic.pair.run(traffic.pair.now + 20)
    kinds = [kind for event in traffic.pair.at_gateway if isinstance(event, Arrived) for kind, _ in event.blocks]
    assert kinds.index(URGENT_EVENT) <= 1


def test_an_ack_calls_nothing_safe_that_waits_for_its_commit():
    received = Received()
    for number in range(4):
        received.note(number, 0)
        received.hold(number)
    for number in (1, 2, 3):
        received.confirm(number)
    assert not received.ack_due
    assert received.ack(0) == bytes([3, 0, 0, 0, 4, 0b111])
    received.confirm(0)
    assert received.ack_due
    assert received.ack(0) == bytes([3, 0, 0, 0, 0, 0b111])


def test_a_gap_is_told_at_once():
    received = Received()
    received.note(0, 0)
    assert not received.ack_due
    received.note(2, 5)
    assert received.ack_due
    assert received.ack(7) == bytes([2, 0, 2, 0, 0, 0b10])


def opened_pair():
    """Both ends of a session on a datagram link, without any line between them: the caller carries each packet."""
    keys = (bytes(16), bytes(range(16)), b"session!")
    return Session(NODE, 1, keys, 0, 1, 0, link=DATAGRAM), Session(NODE, 1, keys, DOWN, 1, 0, link=DATAGRAM)


def carry(packet, receiver, now=0):
    number, plain = receiver.open(packet)
    return receiver.take_in(number, plain, now)


def test_an_ack_that_is_overtaken_frees_nothing_that_came_since():
    node, gateway = opened_pair()
    sent = []
    for number in range(2):
        node.send(ROUTINE_ROWS, b"row", number)
        sent.append(node.next_packet(0))
    acks = []
    for number in (1, 0):  # the second packet arrives first; neither is ever committed
        carry(sent[number], gateway)
        gateway.repeat_ack()
        acks.append(gateway.next_packet(0))
    for ack in reversed(acks):
        assert carry(ack, node) == []


@pytest.mark.parametrize("chatter", [253, 254, 255, 300, 70_000])
def test_what_waits_for_a_stalled_commit_is_not_freed_however_much_is_said_meanwhile(chatter):
    node, gateway = opened_pair()
    node.send(ROUTINE_ROWS, b"row", "row")
    assert carry(node.next_packet(0), gateway)
    gateway.repeat_ack()
    assert carry(gateway.next_packet(0), node) == []
    for _ in range(chatter):
        node.say(blocks.TIME_REPLY, b"\1\1\1")
        carry(node.next_packet(0), gateway)
    gateway.repeat_ack()
    assert carry(gateway.next_packet(0), node) == []
    gateway.confirm(0)
    assert [event.tokens for event in carry(gateway.next_packet(0), node)] == [["row"]]


@pytest.mark.parametrize("ack", [b"\0\0", bytes([9, 0, 0, 0, 0])])
def test_a_packet_that_was_refused_is_never_acked(ack):
    node, gateway = opened_pair()
    node.say(blocks.ACK, ack)
    node.send(ROUTINE_ROWS, b"row", "row")
    with pytest.raises(ProtocolError):
        carry(node.next_packet(0), gateway)
    gateway.repeat_ack()
    assert gateway.next_packet(0) is None


def test_the_longest_block_fits_beside_the_largest_ack_and_all_that_is_said_once():
    node, gateway = opened_pair()
    for number in range(40):
        gateway.say(blocks.TIME_PROBE, b"\1")
        packet = gateway.next_packet(0)
        if number:  # the first is lost, so that the bitmap is at its longest
            carry(packet, node)
    node.say(0x2F, bytes(CONTROL_BYTES_MAX - blocks.HEAD_BYTES))
    node.send(ROUTINE_ROWS, bytes(BODY_BYTES_MAX), "row")
    kinds = [kind for kind, _ in blocks.split(gateway.open(node.next_packet(0))[1])]
    assert kinds == [blocks.ACK, 0x2F, ROUTINE_ROWS]


def test_a_replayed_or_ancient_packet_is_nothing():
    received = Received()
    assert received.note(100, 0)
    assert not received.note(100, 0)
    assert received.note(100 - REPLAY_WINDOW + 1, 0)
    assert not received.note(100 - REPLAY_WINDOW, 0)
    assert received.replayed == 2


def test_packet_numbers_are_found_again_from_their_low_half():
    for number in (0, 1, 0xFFFF, 0x10000, 0x12345, 0xFFFFFF):
        for expected in range(max(0, number - 300), number + 300, 7):
            assert nearest(expected, number & 0xFFFF) == number


def test_in_flight_blocks_come_back_unsent_when_the_session_ends():
    traffic = Traffic(1, {}, count=0)
    traffic.pair.run(50)
    node = traffic.pair.node
    for number in range(5):
        node.send(ROUTINE_ROWS, bytes(100), number)
    assert node.data_to_send(traffic.pair.now)
    traffic.pair.up.faults = traffic.pair.down.faults = {"drop": 1.0}
    traffic.pair.run(traffic.pair.now + 60_000)
    closed = [event for event in traffic.pair.at_node if isinstance(event, Closed)]
    assert [sorted(event.tokens) for event in closed] == [[0, 1, 2, 3, 4]]


def test_a_silent_link_is_joined_again_when_it_comes_back():
    traffic = Traffic(5, {}, count=50)
    traffic.run()
    traffic.pair.up.faults = traffic.pair.down.faults = {"drop": 1.0}
    traffic.waiting, traffic.count = list(range(50, 80)), 80
    end = traffic.pair.now + 3_600_000
    while traffic.pair.now < end:
        traffic.step()
    assert not traffic.pair.node.is_open
    traffic.pair.up.faults = traffic.pair.down.faults = {}
    traffic.run(limit_ms=end + 120_000)


def test_an_idle_session_shows_a_sign_of_life():
    traffic = Traffic(1, {}, count=0)
    traffic.pair.run(10 * PING_MS)
    assert traffic.pair.node.is_open
    assert traffic.pair.now - traffic.pair.gateway.sessions()[0].heard <= PING_MS + 100


def test_a_time_exchange_brackets_the_nodes_uptime():
    traffic = Traffic(1, {}, count=0)
    traffic.pair.run(50)
    session = traffic.pair.gateway.sessions()[0]
    for _ in range(4):
        traffic.pair.gateway.probe(session)
        traffic.pair.run(traffic.pair.now + 50)
    measured = [event for event in traffic.pair.at_gateway if isinstance(event, TimeMeasured)]
    assert len(measured) == 4
    for event in measured:
        assert event.sent <= event.received <= event.replied <= event.back
        assert event.back - event.sent <= 4


def test_an_unknown_elective_block_is_skipped_and_an_unknown_critical_one_answered():
    traffic = Traffic(1, {}, count=0)
    traffic.pair.run(50)
    traffic.pair.node.session.send(blocks.CRITICAL | 0x33, b"?")
    traffic.pair.node.session.say(0x2F, b"grease")
    traffic.pair.run(traffic.pair.now + 20)
    answers = [event.blocks for event in traffic.pair.at_node if isinstance(event, Arrived)]
    assert answers == [[(blocks.ERROR, bytes([blocks.CRITICAL | 0x33]))]]
    assert traffic.pair.node.session.in_flight() == 0


def test_the_window_is_never_exceeded():
    traffic = Traffic(9, BAD, count=300)
    while len(traffic.acked) < 300:
        traffic.step()
        if traffic.pair.node.session:
            assert traffic.pair.node.session.in_flight() <= WINDOW


def test_a_session_that_has_sealed_its_fill_makes_way_for_a_new_one():
    traffic = Traffic(1, {}, count=0)
    traffic.pair.run(50)
    worn = traffic.pair.node.session
    worn._number = NUMBER_MAX
    assert worn.next_packet(50) is None
    traffic.pair.run(traffic.pair.now + 5_000)
    assert [event.reason for event in traffic.pair.at_node if isinstance(event, Closed)] == ["worn"]
    assert traffic.pair.node.session.ident != worn.ident


def test_a_session_ends_after_seven_days():
    traffic = Traffic(1, {}, count=0)
    traffic.pair.run(SESSION_MS_MAX + 60_000)
    assert [event.reason for event in traffic.pair.at_node if isinstance(event, Closed)] == ["worn"]
    assert traffic.pair.node.is_open
