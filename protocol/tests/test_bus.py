"""The polled bus: 64 nodes on one pair of wires, and what a bad neighbour may cost the others."""

import pytest
from milepost_protocol import blocks, packets
from milepost_protocol.bus import INTRUSIONS_MAX, ISOLATE_MS, Bus, Isolated
from milepost_protocol.events import Acked, Arrived
from milepost_protocol.handshake import Hello, make_welcome
from milepost_protocol.links import POLLED
from milepost_protocol.node_end import FORGOTTEN_MS, NodeEnd
from milepost_protocol.testing import Dice, Multidrop


def street(count, seed=1, **kwargs):
    dice = Dice(seed)
    keys = {bytes([0, 0, 0, 0, 1, i]): dice.bytes(32) for i in range(count)}
    nodes = [NodeEnd(node, 1, key, dice.bytes, link=POLLED) for node, key in keys.items()]
    return Multidrop(
        Bus(keys.get, dice.bytes, kwargs.get("commit_ms", 5), kwargs.get("baud", 115200)), nodes, dice, **kwargs
    )


def round_ms(line, over_ms=5_000):
    polls, start = line.bus.counters["polls"], line.now
    line.run(start + over_ms)
    return len(line.nodes) * (line.now - start) / (line.bus.counters["polls"] - polls)


def test_sixty_four_nodes_without_an_address_all_join():
    line = street(64)
    line.run(60_000)
    assert len(line.bus.sessions()) == 64
    assert len({session.address for session in line.bus.sessions()}) == 64
    assert line.collisions > 0, "the join slots were never fought over"


def test_nobody_speaks_while_another_does_once_all_have_joined():
    line = street(16)
    line.run(30_000)
    before = line.collisions
    line.run(40_000)
    assert line.collisions == before


def test_thirty_two_idle_nodes_are_polled_within_three_tenths_of_a_second():
    line = street(32)
    line.run(30_000)
    assert len(line.bus.sessions()) == 32
    assert round_ms(line) <= 300


def test_everything_arrives_over_a_noisy_bus():
    line = street(4, seed=3, ber=1e-4)
    line.run(10_000)
    sent = {(i, n) for i in range(4) for n in range(60)}
    waiting = sorted(sent)
    while line.now < 120_000 and (waiting or any(node.session.unsent() for node in line.nodes)):
        for i, n in list(waiting):
            if line.nodes[i].is_open and line.nodes[i].room() > 0:
                line.nodes[i].send(0x50, bytes([i, n]) + bytes(60), (i, n))
                waiting.remove((i, n))
        line.step()
    acked = {token for event in line.at_nodes if isinstance(event, Acked) for token in event.tokens if token}
    arrived = {tuple(body[:2]) for event in line.at_gateway if isinstance(event, Arrived) for _, body in event.blocks}
    assert acked == sent == arrived
    assert sum(node.session.retransmitted for node in line.nodes) > 0


def test_a_dead_node_costs_the_others_little():
    line = street(8)
    line.run(30_000)
    healthy = round_ms(line)
    line.nodes.pop()
    line._ready.pop()
    line.run(line.now + 60_000)
    assert round_ms(line) <= 1.5 * healthy
    assert line.bus.counters["missed"] >= 3


def test_a_dead_node_that_comes_back_is_polled_again():
    line = street(2)
    line.run(10_000)
    node = line.nodes.pop()
    ready = line._ready.pop()
    line.run(line.now + 20_000)
    line.nodes.append(node)
    line._ready.append(ready)
    node.send(0x50, b"back", "back") if node.room() else None
    line.run(line.now + 30_000)
    assert line.now - min(session.heard for session in line.bus.sessions()) < 25_000


def test_a_node_that_speaks_out_of_turn_is_left_out_and_reported():
    line = street(4)
    line.run(20_000)
    bad = line.nodes[2].session
    for _ in range(INTRUSIONS_MAX * 40):
        line.say(2, packets.short(0, bad.address, packets.EMPTY))
        line.run(line.now + 1.7)
        if any(isinstance(event, Isolated) for event in line.at_gateway):
            break
    reported = [event.session.node for event in line.at_gateway if isinstance(event, Isolated)]
    assert reported == [bad.node]
    heard, line.at_gateway = line.now, []
    line.run(heard + ISOLATE_MS * 0.9)
    assert all(session.heard > heard for session in line.bus.sessions() if session.node != bad.node)
    line.run(heard + 2 * ISOLATE_MS + 30_000)
    assert min(session.heard for session in line.bus.sessions()) > heard, "a calm node is let in again"


def test_a_gateway_that_was_restarted_finds_its_nodes_again():
    line = street(8)
    line.run(20_000)
    keys = {node._node: node._key for node in line.nodes}
    line.bus = Bus(keys.get, Dice(9).bytes, 5)
    line.bus._free_at = int(line.now)
    line.run(line.now + 120_000)
    assert len(line.bus.sessions()) == 8


@pytest.mark.parametrize("commit_ms", [5, 5000])
def test_on_a_clean_bus_nothing_is_sent_twice_whatever_the_commit_interval(commit_ms):
    line = street(2, commit_ms=commit_ms)
    line.run(10_000)
    for _ in range(400):
        for node in line.nodes:
            while node.room() > 0:
                node.send(0x50, bytes(100), "row")
        line.step()
    line.run(line.now + 15_000)
    assert [node.session.retransmitted for node in line.nodes] == [0, 0]
    assert all(node.session.in_flight() == 0 for node in line.nodes)


def test_a_node_that_started_anew_gets_its_turn_even_if_much_waits_in_its_old_session():
    line = street(1)
    line.run(3000)
    (old,) = line.bus.sessions()
    for number in range(4):
        line.bus.send(old, blocks.COMMAND, b"blink", number)
    node = line.nodes[0]
    line.nodes[0] = NodeEnd(node._node, 2, node._key, Dice(9).bytes, link=POLLED)
    line.run(line.now + 60_000)
    assert [session.boot for session in line.bus.sessions()] == [2]


def test_a_node_that_was_just_let_in_is_not_forgotten_because_its_first_turn_is_still_to_come():
    key, late = bytes(32), 10 * FORGOTTEN_MS
    node = NodeEnd(b"node01", 1, key, Dice(1).bytes, link=POLLED)
    join = packets.short(packets.DOWN, packets.ADDRESS_JOIN, packets.JOIN | 1)
    node.receive(join, late)
    hello = Hello(node.data_to_send(late))
    node.receive(make_welcome(key, hello, bytes(8), 1, 0).packet, late + 10)
    node.receive(join, late + 20)
    assert node.data_to_send(late + 20) is None


@pytest.mark.parametrize("turnaround_ms", [2, 8])
def test_each_nodes_turnaround_is_measured(turnaround_ms):
    line = street(4, turnaround_ms=turnaround_ms)
    line.run(20_000)
    measured = line.bus.turnarounds()
    assert len(measured) == 4
    assert all(turnaround_ms - 1 <= ms <= turnaround_ms + 2 for ms in measured.values()), measured
