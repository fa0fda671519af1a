"""A node for tests: the protocol's own NodeEnd, a spool of records, and whatever carries its bytes.

It is written on the wire's contract and nothing of the firmware, so the gateway's tests stand on their own.
"""

import os
import time

from milepost_protocol import blocks
from milepost_protocol.channels import AIR, CHANNEL_IDS
from milepost_protocol.events import Acked, Arrived, Closed, Opened
from milepost_protocol.frames import FrameDecoder, encode_frame
from milepost_protocol.node_end import NodeEnd
from milepost_protocol.records import ROUTINE, ROWS, Record, pack
from milepost_protocol.schema import Schema

NODE = bytes.fromhex("a4cf12000001")
KEY = bytes(range(32))
AIR_SCHEMA = Schema("nha-be", AIR, (CHANNEL_IDS["pm25"], CHANNEL_IDS["pm10"]))


def row(sequence, values=(423, 510), uptime_ms=None, boot=1, schema=AIR_SCHEMA, cls=ROUTINE, quality=None):
    """One row of PM2.5 and PM10."""
    uptime_ms = 1000 * (sequence + 1) if uptime_ms is None else uptime_ms
    return Record(ROWS, cls, schema.hash, boot, sequence, uptime_ms, values, quality)


class FakeNode:
    """`spool` holds (kind, body) until acked; `carry(data)` sends bytes to the gateway."""

    def __init__(self, carry, boot=1, node=NODE, key=KEY, schemas=(AIR_SCHEMA,), started=None):
        self.carry = carry
        self.started = time.monotonic() if started is None else started
        self.end = NodeEnd(node, boot, key, os.urandom)
        self.boot = boot
        self.spool = {}  # token: (kind, body), in order
        self.schemas = schemas
        self.sent = set()
        self.acked = []
        self.sequence = 0
        self.sessions = 0
        self._token = 0
        self._decoder = FrameDecoder()

    def uptime_ms(self):
        return int((time.monotonic() - self.started) * 1000)

    def append(self, records):
        """Spool one block of records."""
        self._token += 1
        self.spool[self._token] = pack(records)

    def sample(self, values=(423, 510), cls=ROUTINE):
        """Take a row now."""
        self.append([row(self.sequence, values, self.uptime_ms(), self.boot, cls=cls)])
        self.sequence += 1

    def feed(self, data):
        for packet, _ in self._decoder.feed(data):
            if packet:
                self._note(self.end.receive(packet, self.uptime_ms()))

    def step(self):
        """Let time pass, send what there is to send."""
        self._note(self.end.tick(self.uptime_ms()))
        for token, (kind, body) in self.spool.items():
            if token not in self.sent and self.end.room() > 0:
                self.end.send(kind, body, token)
                self.sent.add(token)
        packet = self.end.data_to_send(self.uptime_ms())
        while packet:
            self.carry(encode_frame(packet))
            packet = self.end.data_to_send(self.uptime_ms())

    def _note(self, events):
        for event in events:
            if isinstance(event, Opened):
                self.sessions += 1
                for schema in self.schemas:
                    self.end.send(blocks.SCHEMA, schema.body)
            elif isinstance(event, Acked):
                for token in event.tokens:
                    if token is not None and self.spool.pop(token, None):
                        self.acked.append(token)
            elif isinstance(event, Closed):
                self.sent.clear()
            elif isinstance(event, Arrived):
                self.end.confirm(event.number)
