"""HELLO and WELCOME: who is let in, and what a stranger on the line can do."""

import itertools

import pytest
from milepost_protocol import blocks, gateway_end, handshake, packets
from milepost_protocol.errors import ProtocolError
from milepost_protocol.events import Closed, Opened
from milepost_protocol.frames import encode_frame
from milepost_protocol.gateway_end import TENTATIVE_MAX, UNKNOWN_MAX, GatewayEnd
from milepost_protocol.node_end import HELLO_MS_MAX, QUIET_MS, NodeEnd
from milepost_protocol.testing import BadWire, Dice, Pair

KEY = bytes(range(32))
NODE = bytes.fromhex("a4cf12000001")


def ends(dice, key_at_gateway=KEY, boot=1):
    node = NodeEnd(NODE, boot, KEY, dice.bytes)
    gateway = GatewayEnd({NODE: key_at_gateway}.get, dice.bytes, 1000)
    return node, gateway


def pair(dice, **kwargs):
    node, gateway = ends(dice, **kwargs)
    return Pair(node, gateway, BadWire(dice), BadWire(dice))


def test_one_round_trip_opens_a_session_with_the_same_keys_on_both_sides():
    wires = pair(Dice(1))
    wires.run(20)
    (at_node,) = [event for event in wires.at_node if isinstance(event, Opened)]
    (at_gateway,) = [event for event in wires.at_gateway if isinstance(event, Opened)]
    assert at_node.session.ident == at_gateway.session.ident
    assert at_gateway.session.node == NODE


def test_every_session_has_keys_of_its_own_even_if_the_nodes_random_numbers_are_stuck():
    idents = set()
    for seed in range(20):
        node = NodeEnd(NODE, 1, KEY, bytes)
        gateway = GatewayEnd({NODE: KEY}.get, Dice(seed).bytes, 1000)
        wires = Pair(node, gateway, BadWire(Dice(1)), BadWire(Dice(1)))
        wires.run(20)
        idents.add(wires.at_node[0].session.ident)
    assert len(idents) == 20


def test_a_wrong_key_is_counted_and_not_served():
    wires = pair(Dice(2), key_at_gateway=bytes(32))
    wires.run(5000)
    assert not wires.node.is_open
    assert wires.gateway.counters["forged"] == wires.gateway.counters["hello"] > 2


def test_an_unknown_node_is_counted_by_name_and_not_served():
    dice = Dice(3)
    node, _ = ends(dice)
    gateway = GatewayEnd({}.get, dice.bytes, 1000)
    wires = Pair(node, gateway, BadWire(dice), BadWire(dice))
    wires.run(5000)
    assert not node.is_open
    assert gateway.unknown == {NODE: gateway.counters["unknown_node"]}


def test_a_crowd_of_unknown_nodes_costs_bounded_memory():
    gateway = GatewayEnd({}.get, Dice(1).bytes, 1000)
    for number in range(1000):
        hello = handshake.make_hello(KEY, number.to_bytes(6, "big"), 1, bytes(8))
        gateway.receive(hello.packet, 0)
    assert len(gateway.unknown) == UNKNOWN_MAX
    assert gateway.counters["unknown_node"] == 1000


def test_a_replayed_hello_ends_no_session():
    wires = pair(Dice(4))
    heard = []
    keep, wires.up.put = wires.up.put, lambda frame, now: (heard.append(frame), keep(frame, now))
    wires.run(100)
    hello = heard[0]
    for _ in range(50):
        keep(hello, wires.now)
        wires.run(wires.now + 50)
    live = wires.gateway.sessions()[0]
    assert live.ident == wires.node.session.ident
    assert not [event for event in wires.at_gateway if isinstance(event, Closed)]
    assert len(wires.gateway._peers[NODE].tentative) <= TENTATIVE_MAX


def test_a_welcome_for_another_hello_is_refused():
    node, _gateway = ends(Dice(5))
    old = handshake.Hello(node.data_to_send(0))
    welcome = handshake.make_welcome(KEY, handshake.make_hello(KEY, NODE, 1, b"otherone"), bytes(8), 1, 0)
    assert node.receive(welcome.packet, 1) == []
    assert node.counters["forged"] == 1
    assert node.receive(handshake.make_welcome(KEY, old, bytes(8), 1, 0).packet, 2)


def test_changing_what_was_offered_changes_the_keys():
    hello = handshake.make_hello(KEY, NODE, 1, bytes(8))
    welcome = handshake.make_welcome(KEY, hello, bytes(8), 1, 0)
    bent = bytearray(hello.packet)
    bent[22] ^= 1  # capabilities
    assert handshake.session_keys(KEY, handshake.Hello(bytes(bent)), welcome) != handshake.session_keys(
        KEY, hello, welcome
    )
    assert not handshake.Hello(bytes(bent)).is_genuine(KEY)


@pytest.mark.parametrize("size", [0, 3, 32, 34, 249])
def test_a_hello_of_a_wrong_length_is_refused(size):
    with pytest.raises(ProtocolError):
        handshake.Hello(bytes(size))


def test_a_gateway_that_was_restarted_is_joined_again_at_once():
    dice = Dice(6)
    wires = pair(dice)
    wires.run(3000)
    wires.gateway = GatewayEnd({NODE: KEY}.get, dice.bytes, 1000)
    wires.node.send(0x50, b"reading", "token")
    wires.run(wires.now + 1500)
    reasons = [event.reason for event in wires.at_node if isinstance(event, Closed)]
    assert reasons == ["replaced"]
    assert wires.node.session.ident == wires.gateway.sessions()[0].ident


def test_a_forged_no_session_causes_nothing_but_a_hello():
    wires = pair(Dice(7))
    wires.run(QUIET_MS * 3)
    before = wires.node.session
    forged = packets.short(packets.DOWN, before.address, packets.NO_SESSION)
    wires.node.receive(forged, wires.now)
    assert wires.node.session is before
    assert packets.kind_of(wires.node.data_to_send(wires.now), 0) == packets.HELLO


def test_a_node_without_a_gateway_never_gives_up_and_never_floods():
    node, _ = ends(Dice(8))
    hellos, now = [], 0
    while now < 24 * 3600 * 1000:
        if node.data_to_send(now):
            hellos.append(now)
        now = max(node.next_deadline(), now + 1)
    assert len(hellos) < 24 * 60 * 2 + 20
    assert max(b - a for a, b in itertools.pairwise(hellos)) <= HELLO_MS_MAX


def test_noise_and_forgery_are_counted_apart():
    wires = pair(Dice(9))
    wires.run(50)
    packet = wires.node.session._seal(b"")
    wires.up.put(encode_frame(packet[:-1] + bytes([packet[-1] ^ 1])), wires.now)  # good CRC, wrong tag
    damaged = bytearray(encode_frame(packet))
    damaged[5] ^= 4
    wires.up.put(bytes(damaged), wires.now)
    wires.run(wires.now + 10)
    assert wires.gateway.counters["forged"] == 1
    assert wires.decoders[0].damaged == 1


def test_a_session_that_forgers_wore_out_gives_back_what_it_had_not_sent(monkeypatch):
    monkeypatch.setattr(gateway_end, "FORGERIES_MAX", 3)
    wires = pair(Dice(10))
    wires.run(50)
    (live,) = wires.gateway.sessions()
    wires.gateway.send(live, blocks.COMMAND, b"blink", "command")
    forged = packets.header(0, packets.DATA, live.address) + bytes(20)
    events = [event for _ in range(3) for event in wires.gateway.receive(forged, wires.now)]
    assert [(event.reason, event.tokens) for event in events] == [("worn", ["command"])]
    assert wires.gateway.sessions() == []


def test_who_repeats_what_a_node_said_moves_nobodys_packets():
    dice = Dice(10)
    node, gateway = NodeEnd(NODE, 1, KEY, dice.bytes), GatewayEnd({NODE: KEY}.get, dice.bytes, 1000)
    hello = node.data_to_send(0)
    gateway.receive(hello, 0, "roadside")
    node.receive(gateway.data_to_send(0)[1], 1)
    ping = node.data_to_send(1)
    gateway.receive(ping, 1, "roadside")
    assert gateway.data_to_send(1)[0] == "roadside"
    gateway.receive(hello, 2, "elsewhere")
    assert gateway.data_to_send(2)[0] == "elsewhere", "the WELCOME goes where its HELLO came from"
    gateway.receive(ping, 3, "elsewhere")
    gateway.send(gateway.sessions()[0], 0x88, b"command")
    assert gateway.data_to_send(3)[0] == "roadside"
