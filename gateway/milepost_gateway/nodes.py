"""The nodes as this gateway knows them: keys, sessions, schemas, clocks. Uplink and publisher meet here.

Keys come from the keys file and stay in memory. Schemas and clock exchanges are kept durably by the buffer and read
back at the start, so that a backlog is stamped as well after a restart as before. Commands and sites will find their
nodes here.
"""

from dataclasses import dataclass, field
from typing import Any

from milepost_protocol.channels import STREAMS
from milepost_protocol.clock import BUCKET_MS, Anchor, Bound, NodeClock, anchor_of, bracket
from milepost_protocol.schema import Schema

from .stored import Measured

CLOCKS_MAX = 16  # boots of one node whose clocks are remembered; older ones are known as `unknown`
NEIGHBOURS_MAX = 1000  # boot numbers farther apart tell no order: one of the two may have been drawn at random


@dataclass(slots=True)
class Node:
    """One enrolled node. `clocks` by boot; `link` and `seen_ms` (BOOTTIME) of its last session."""

    link: str = ""
    boot: int | None = None
    sessions: int = 0
    seen_ms: int | None = None
    clocks: dict[int, NodeClock] = field(default_factory=dict)


class Nodes:
    """All enrolled nodes, by id (6 bytes)."""

    def __init__(self, keys: dict[bytes, bytes]) -> None:
        self._keys = keys
        self._nodes: dict[bytes, Node] = {node: Node() for node in keys}
        self._streams: dict[tuple[str, int], Schema] = {}
        self.streams_changed = True

    def key_of(self, node: bytes) -> bytes | None:
        """The node's key; None if it is not enrolled."""
        return self._keys.get(node)

    def get(self, node: bytes) -> Node:
        """What is known of a node, also of one that is no longer enrolled but still has records here."""
        return self._nodes.setdefault(node, Node())

    def opened(self, node: bytes, boot: int, link: str, now_ms: int) -> None:
        """A session began."""
        known = self.get(node)
        known.link, known.boot, known.seen_ms = link, boot, now_ms
        known.sessions += 1

    # -- schemas -----------------------------------------------------------------------------------------------

    def learn(self, schema: Schema) -> None:
        """A schema was announced: what is published about its site and stream follows the newest."""
        place = schema.site, schema.stream
        if place not in self._streams or self._streams[place].channels != schema.channels:
            self._streams[place] = schema
            self.streams_changed = True

    def streams(self) -> list[Schema]:
        """The newest schema of each (site, stream)."""
        return [self._streams[place] for place in sorted(self._streams)]

    # -- clocks ------------------------------------------------------------------------------------------------

    def measure(self, node: bytes, boot: int, sent: int, received: int, replied: int, back: int) -> Measured | None:
        """Take in a two-way exchange (ms); what is worth keeping durably, or None."""
        kept = self._clock(node, boot).add(anchor_of(sent, received, replied, back))
        return Measured(node, boot, kept.uptime_ms // BUCKET_MS, *kept) if kept else None

    def remember(self, measured: list[Measured]) -> None:
        """Take in what an earlier run kept."""
        for one in measured:
            self._clock(one.node, one.boot).add(Anchor(one.uptime_ms, one.low_us, one.high_us))

    def when(self, node: bytes, boot: int, uptime_ms: int) -> Bound | None:
        """When a node's uptime was, on the gateway's BOOTTIME of this kernel boot; None if nothing tells."""
        known = self._nodes.get(node)
        if known is None:
            return None
        clock = known.clocks.get(boot)
        return clock.bound(uptime_ms) if clock else _bracketed(known.clocks, boot, uptime_ms)

    def _clock(self, node: bytes, boot: int) -> NodeClock:
        clocks = self.get(node).clocks
        if boot not in clocks and len(clocks) >= CLOCKS_MAX:
            del clocks[next(iter(clocks))]
        return clocks.setdefault(boot, NodeClock())

    # -- for health --------------------------------------------------------------------------------------------

    def to_json(self, now_ms: int) -> dict[str, Any]:
        """Sessions and when each node was last heard, by node id in hex."""
        return {
            node.hex(): {
                "link": known.link,
                "boot": known.boot,
                "sessions": known.sessions,
                "silent_s": (now_ms - known.seen_ms) // 1000,
            }
            for node, known in sorted(self._nodes.items())
            if known.seen_ms is not None
        }


def _bracketed(clocks: dict[int, NodeClock], boot: int, uptime_ms: int) -> Bound | None:
    """When an uptime of a boot was that has no clock, by the nearest boots around it that have one."""
    before = max((one for one in clocks if boot - NEIGHBOURS_MAX <= one < boot), default=None)
    after = min((one for one in clocks if boot < one <= boot + NEIGHBOURS_MAX), default=None)
    return None if before is None or after is None else bracket(clocks[before], clocks[after], uptime_ms)


def stream_word(schema: Schema) -> str:
    """The stream of a schema as topics write it."""
    return STREAMS[schema.stream]
