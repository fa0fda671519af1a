"""A gap in the sequences, end to end over a bad wire: named by its range, asked for again, filled or explained."""

import pytest
from milepost_protocol import blocks, records
from milepost_protocol.commands import DONE, REQUEST_RANGE, Served, decode_command, request_range
from milepost_protocol.events import Arrived, Closed
from milepost_protocol.gateway_end import GatewayEnd
from milepost_protocol.links import DATAGRAM
from milepost_protocol.node_end import NodeEnd
from milepost_protocol.records import DIAGNOSTIC, GONE, RESULT, ROUTINE, ROWS, Record
from milepost_protocol.schema import Schema
from milepost_protocol.testing import BadWire, Dice, Pair

KEY = bytes(range(32))
NODE = bytes.fromhex("a4cf12000001")
AIR = Schema("nha-be", 1, (2,))
BOOT = 3
NOT_HELD = 3  # of records.GONE_REASONS: it was here, and is no more
BAD = {"drop": 0.3, "duplicate": 0.1, "reorder": 0.1, "flip": 1e-4}


class Site:
    """A node that still holds `held` of its records, and a gateway whose file has `stored` of them."""

    def __init__(self, seed, held, stored):
        dice = Dice(seed)
        node = NodeEnd(NODE, BOOT, KEY, dice.bytes, link=DATAGRAM)
        gateway = GatewayEnd({NODE: KEY}.get, dice.bytes, 5, link=DATAGRAM)
        self.pair = Pair(node, gateway, BadWire(dice, BAD), BadWire(dice, BAD))
        self.held, self.stored, self.explained, self.results = set(held), set(stored), set(), []
        self.next_sequence = max(held | stored) + 1
        self.served = Served()
        self.blocks, self.unsent = {}, []

    def run(self, until_ms):
        while self.pair.now < until_ms:
            self.pair.step()
            for event in self.pair.at_gateway:
                self.store(event)
            for event in self.pair.at_node:
                self.serve(event)
            self.pair.at_gateway.clear()
            self.pair.at_node.clear()

    def gaps(self):
        """Ranges between what is stored and what nothing explains."""
        known = self.stored | self.explained
        missing = [number for number in range(max(known)) if number not in known]
        starts = [number for number in missing if number - 1 not in missing]
        return [(first, next(n for n in range(first, max(known) + 1) if n + 1 not in missing)) for first in starts]

    def ask(self):
        session = self.pair.gateway.sessions()[0]
        for number, (first, last) in enumerate(self.gaps()):
            self.pair.gateway.send(session, blocks.COMMAND, request_range(number, BOOT, first, last).encode())

    def store(self, event):
        for kind, body in event.blocks if isinstance(event, Arrived) else ():
            front = records.front(kind, body)
            self.stored.update(front.sequences)
            (record,) = records.unpack(front, AIR)
            if record.kind == GONE:
                self.explained.update(range(record.values[2], record.values[3] + 1))
            elif record.kind == RESULT:
                self.results.append(record.values)

    def serve(self, event):
        """As a node does: what it holds goes out again, the rest is told to be gone, and the command gets its result."""
        if isinstance(event, Closed):  # what was under way is unsent again
            self.unsent += event.tokens
        while self.unsent and self.pair.node.is_open:
            sequence = self.unsent.pop(0)
            self.pair.node.session.send(*self.blocks[sequence], token=sequence)
        for kind, body in event.blocks if isinstance(event, Arrived) else ():
            command = decode_command(body)
            assert (kind, command.verb) == (blocks.COMMAND, REQUEST_RANGE)
            if self.served.is_new(command.number):
                boot, first, last = command.integers(3)
                assert boot == BOOT
                for sequence in range(first, last + 1):
                    if sequence in self.held:
                        self.send(ROWS, ROUTINE, sequence, (sequence,))
                    else:
                        self.append(GONE, (NOT_HELD, boot, sequence, sequence))
                self.append(RESULT, (command.number, DONE))

    def append(self, kind, values):
        self.send(kind, DIAGNOSTIC, self.next_sequence, values)
        self.next_sequence += 1

    def send(self, kind, cls, sequence, values):
        self.blocks[sequence] = records.pack([Record(kind, cls, AIR.hash, BOOT, sequence, 1000 * sequence, values)])
        self.pair.node.session.send(*self.blocks[sequence], token=sequence)


@pytest.mark.parametrize("seed", range(5))
def test_a_gap_is_asked_for_again_and_filled_or_explained(seed):
    site = Site(seed, held=set(range(20, 30)), stored=set(range(10)) | {15, 16} | set(range(26, 40)))
    site.run(3000)
    assert site.gaps() == [(10, 14), (17, 25)]
    site.ask()
    site.run(site.pair.now + 60_000)
    assert site.gaps() == []
    assert set(range(20, 26)) <= site.stored
    assert site.explained == {10, 11, 12, 13, 14, 17, 18, 19}
    assert sorted(set(site.results)) == [(0, DONE), (1, DONE)]
    assert sum(site.pair.up.fired.values()) + sum(site.pair.down.fired.values()) > 0, "the wire was not bad"
