"""Both ends in the hands of Hypothesis: any order of sending, losing, replaying, committing, restarting and waiting.

The soak draws long histories and checks more; this one looks for short ones, and shrinks what it finds to the fewest calls.
The caller here is the laziest allowed: it hands over packets one by one, in any order, and lets acks wait.
"""

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from milepost_protocol import blocks, packets
from milepost_protocol.events import Acked, Arrived, Closed, Opened
from milepost_protocol.gateway_end import GatewayEnd
from milepost_protocol.links import DATAGRAM, SERIAL
from milepost_protocol.node_end import NodeEnd
from milepost_protocol.received import Received
from milepost_protocol.session import NUMBER_MAX, WINDOW, Session
from milepost_protocol.testing import Dice

KEY = bytes(range(32))
NODE = bytes.fromhex("a4cf12000001")
ROWS = (0x40, 0x50, 0x60)
HEARD_MAX = 64  # packets that may be delivered, again or at last
SILENCE_MS = (1, 150, 1500, 25_000, 70_000)  # below a round trip, a time-out, "quiet", a ping, the longest HELLO pause


class Wire(RuleBasedStateMachine):
    """One node and one gateway; every packet that was ever sent may arrive, now, later, twice or never."""

    @initialize(seed=st.integers(0, 1000), link=st.sampled_from([SERIAL, DATAGRAM]))
    def begin(self, seed, link):
        self.dice, self.link, self.now, self.boot = Dice(seed), link, 0, 0
        self.up, self.down = [], []
        self.durable, self.acked, self.spool = set(), set(), []
        self.made = 0
        self.waiting = []
        self.start_gateway()
        self.start_node()
        self.all_arrives()
        self.all_arrives()

    def start_gateway(self):
        self.gateway = GatewayEnd({NODE: KEY}.get, self.dice.bytes, 1000, self.link)
        self.waiting = []

    def start_node(self):
        self.boot += 1
        self.node = NodeEnd(NODE, self.boot, KEY, self.dice.bytes, link=self.link)
        self.unsent = list(self.spool)

    # -- what the world does ----------------------------------------------------------------------------------------------

    @rule(count=st.integers(1, 12), cls=st.sampled_from(ROWS))
    def make_records(self, count, cls):
        for _ in range(count):
            self.spool.append((self.made, cls))
            self.unsent.append((self.made, cls))
            self.made += 1

    @rule(times=st.integers(1, 6))
    def node_speaks(self, times):
        while self.unsent and self.node.room() > 0:
            number, cls = self.unsent.pop(0)
            self.node.send(cls, number.to_bytes(4, "little"), (number, cls))
        for _ in range(times):
            self.up = (self.up + [self.node.data_to_send(self.now)])[-HEARD_MAX:]
            if self.up[-1] is None:
                self.up.pop()
                return

    @rule(times=st.integers(1, 6))
    def gateway_speaks(self, times):
        for _ in range(times):
            addressed = self.gateway.data_to_send(self.now)
            if addressed is None:
                return
            self.down = (self.down + [addressed[1]])[-HEARD_MAX:]

    @precondition(lambda self: self.up)
    @rule(back=st.integers(1, 8), count=st.integers(1, 3))
    def packets_reach_the_gateway(self, back, count):
        for packet in self.up[-back:][:count]:
            self.note_gateway(self.gateway.receive(packet, self.now))

    @precondition(lambda self: self.down)
    @rule(back=st.integers(1, 8), count=st.integers(1, 3))
    def packets_reach_the_node(self, back, count):
        for packet in self.down[-back:][:count]:
            self.note_node(self.node.receive(packet, self.now))

    @rule(at=st.integers(0, HEARD_MAX), bend=st.integers(0, 2**12), upward=st.booleans())
    def an_attacker_replays_or_bends(self, at, bend, upward):
        heard = self.up + self.down
        if not heard:
            return
        packet = bytearray(heard[at % len(heard)])
        if bend & 1:
            packet[(bend >> 4) % len(packet)] ^= 1 << (bend >> 1 & 7)
        if upward:
            self.note_gateway(self.gateway.receive(bytes(packet), self.now))
        else:
            self.note_node(self.node.receive(bytes(packet), self.now))

    @rule(address=st.integers(0, 3))
    def a_stranger_says_no_session(self, address):
        before = self.node.session
        self.note_node(self.node.receive(packets.short(packets.DOWN, address, packets.NO_SESSION), self.now))
        assert self.node.session is before

    @precondition(lambda self: self.waiting)
    @rule(count=st.integers(1, WINDOW))
    def the_gateway_commits(self, count):
        done, self.waiting = self.waiting[:count], self.waiting[count:]
        for event in done:
            self.durable |= {int.from_bytes(body, "little") for kind, body in event.blocks if blocks.is_record(kind)}
            self.gateway.confirm(event.session, event.number)

    @rule(which=st.sampled_from(["gateway", "node"]))
    def somebody_starts_anew(self, which):
        if which == "gateway":
            self.start_gateway()
        else:
            self.start_node()

    @rule()
    def all_arrives(self):
        self.up, self.down = [], []
        self.node_speaks(HEARD_MAX)
        self.packets_reach_the_gateway(HEARD_MAX, HEARD_MAX)
        self.gateway_speaks(HEARD_MAX)
        self.packets_reach_the_node(HEARD_MAX, HEARD_MAX)

    @rule(ms=st.sampled_from(SILENCE_MS))
    def time_passes(self, ms):
        self.now += ms
        self.note_node(self.node.tick(self.now))
        self.note_gateway(self.gateway.tick(self.now))

    # -- what the ends say --------------------------------------------------------------------------------------------------

    def note_gateway(self, events):
        for event in events:
            if isinstance(event, Arrived):
                assert event.session in self.gateway.sessions(), "a replaced session brought data"
                self.waiting.append(event)
            if isinstance(event, Opened):
                assert event.session.boot <= self.boot

    def note_node(self, events):
        for event in events:
            if isinstance(event, Acked):
                for token in event.tokens:
                    assert token is None or token[0] in self.durable, (
                        f"record {token[0]} was freed before it was durable"
                    )
                    self.spool = [record for record in self.spool if record != token]
            if isinstance(event, Closed):
                self.unsent = event.tokens + self.unsent

    @invariant()
    def every_record_is_somewhere(self):
        if hasattr(self, "node"):
            session = self.node.session
            held = [token for token in session.unsent() if token] if session else []
            assert sorted(held + self.unsent) == self.spool

    @invariant()
    def limits_hold(self):
        if hasattr(self, "node") and self.node.session:
            assert self.node.session.in_flight() <= WINDOW + 1, "one more for a ping"
            assert self.node.session._number < NUMBER_MAX

    def teardown(self):
        """On a clean line everything arrives, whatever went before."""
        if not hasattr(self, "node"):
            return
        end = self.now + 600_000
        while self.spool:
            assert self.now < end, f"{len(self.spool)} records never left"
            self.all_arrives()
            if self.waiting:
                self.the_gateway_commits(len(self.waiting))
            self.time_passes(100)


BOUNDS = {"deadline": None, "suppress_health_check": list(HealthCheck), "stateful_step_count": 60}
Wire.TestCase.settings = settings(max_examples=800, **BOUNDS)
TestAnyOrderOfEvents = Wire.TestCase


@pytest.mark.parametrize(
    ("place", "name", "instead"),
    [
        (Received, "_limit", lambda self: self.largest),  # what came is safe
        (
            Session,
            "unsent",
            lambda self: [item[2] for queue in self._queues for item in queue],
        ),  # flights are forgotten
        (NodeEnd, "_begin_hello", lambda self, now: None),  # a lost session stays lost
    ],
)
def test_the_machine_finds_a_planted_bug(monkeypatch, place, name, instead):
    monkeypatch.setattr(place, name, instead)
    bounds = settings(max_examples=400, database=None, phases=[Phase.generate], **BOUNDS)
    with pytest.raises(AssertionError):
        run_state_machine_as_test(Wire, settings=bounds)
