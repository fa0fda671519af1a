"""The uplink: bytes of one link become blocks in the buffer, and what the link's end wants to say becomes bytes.

Bytes go through the frame decoder into the link's end; what arrived is handed to the group commit, and only when that
has returned is the packet confirmed, so that no ack ever precedes its transaction. Something urgent, and a node whose
window is nearly full, make the commit come at once. Node clocks are measured by a burst when a session opens, and
then regularly. No I/O in here: `feed` takes what the link gave, `write` is called with what it shall send.
"""

import os
from collections.abc import Callable
from typing import Any

from milepost_protocol import blocks
from milepost_protocol.events import Arrived, Closed, Event, Opened, TimeMeasured
from milepost_protocol.frames import FrameDecoder, encode_frame
from milepost_protocol.gateway_end import GatewayEnd
from milepost_protocol.records import URGENT
from milepost_protocol.session import Session

from .group import GroupCommit
from .nodes import Nodes
from .stored import Arrival, read_front
from .story import tell

ACK_MARGIN_S = 0.5  # what a commit may take beyond its interval before nodes retransmit
CONSOLE_BYTES_MAX = 4096  # of what stood between frames: a boot banner and a traceback
BURST = 4  # exchanges when a session opens: the best of four halves the error of one
BURST_MS = 50  # between two of them

Write = Callable[[bytes], None]


class Uplink:
    """One serial link named `name`. All times are BOOTTIME ms, given by the caller."""

    def __init__(
        self, name: str, nodes: Nodes, group: GroupCommit, write: Write, now_ms: Callable[[], int], probe_s: float
    ) -> None:
        self.name = name
        self.console = b""  # the last of what stood between frames
        self.console_bytes = 0
        self.counters = {"packets": 0, "records": 0, "senseless": 0, "other_blocks": 0}
        self.decoder = FrameDecoder()
        ack_delay_ms_max = int((group.commit_s + ACK_MARGIN_S) * 1000)
        self.end = GatewayEnd(nodes.key_of, os.urandom, ack_delay_ms_max)
        self._nodes = nodes
        self._group = group
        self._write = write
        self._now_ms = now_ms
        self._probe_ms = int(probe_s * 1000)
        self._probes_at: dict[bytes, list[int]] = {}  # when each live session's clock is asked next

    def feed(self, data: bytes) -> None:
        """Take what the link gave."""
        now = self._now_ms()
        for packet, raw in self.decoder.feed(data):
            if packet is None:
                self._note_console(raw)
                continue
            self.counters["packets"] += 1
            for event in self.end.receive(packet, now):
                self._handle(event, now)
        self.flush()

    def tick(self) -> None:
        """Let time pass: what is due by `next_deadline`."""
        now = self._now_ms()
        for event in self.end.tick(now):
            self._handle(event, now)
        self._probe(now)
        self.flush()

    def next_deadline(self) -> int | None:
        """When `tick` has something to do."""
        times = [times[0] for times in self._probes_at.values()]
        due = self.end.next_deadline()
        return min(times + ([] if due is None else [due]), default=None)

    def flush(self) -> None:
        """Send what the end has to say."""
        now = self._now_ms()
        addressed = self.end.data_to_send(now)
        while addressed:
            self._write(encode_frame(addressed[1]))
            addressed = self.end.data_to_send(now)

    # -- events ------------------------------------------------------------------------------------------------

    def _handle(self, event: Event, now: int) -> None:
        session = event.session
        if isinstance(event, Arrived):
            self._arrived(event, now)
        elif isinstance(event, TimeMeasured):
            exchange = (event.sent, event.received, event.replied, event.back)
            measured = self._nodes.measure(session.node, session.boot, *exchange)
            if measured:
                self._group.measure(measured)
        elif isinstance(event, Opened):
            tell("session-opened", link=self.name, node=session.node.hex(), boot=session.boot)
            self._nodes.opened(session.node, session.boot, self.name, now)
            self.end.probe(session)
            self._probes_at[session.node] = [now + BURST_MS * step for step in range(1, BURST)]
        elif isinstance(event, Closed):
            tell("session-closed", link=self.name, node=session.node.hex(), why=event.reason)

    def _arrived(self, event: Arrived, now: int) -> None:
        """Hand what must be kept to the group; confirm when it is on disk, or now if there is nothing to keep."""
        session, number = event.session, event.number
        self._nodes.get(session.node).seen_ms = now
        kept = [self._arrival(session, kind, body, now) for kind, body in event.blocks if blocks.is_kept(kind)]
        self.counters["other_blocks"] += len(event.blocks) - len(kept)
        if not kept:
            self.end.confirm(session, number)
            return
        at_once = self.end.commit_wanted() or any(one.front and one.front.cls == URGENT for one in kept)
        self._group.append(kept, lambda: self._committed(session, number), at_once)

    def _arrival(self, session: Session, kind: int, body: bytes, now: int) -> Arrival:
        if kind == blocks.SCHEMA:
            return Arrival(session.node, kind, body, now, now, None)
        front = read_front(kind, body)
        if front is None:
            self.counters["senseless"] += 1
            return Arrival(session.node, kind, body, now, now, None)
        self.counters["records"] += len(front.sequences)
        bound = self._nodes.when(session.node, front.boot, front.uptimes_ms[-1])
        taken = min(now, bound.middle_us // 1000) if bound else now
        return Arrival(session.node, kind, body, now, taken, front)

    def _committed(self, session: Session, number: int) -> None:
        self.end.confirm(session, number)
        self.flush()

    # -- clocks ------------------------------------------------------------------------------------------------

    def _probe(self, now: int) -> None:
        live = {session.node: session for session in self.end.sessions()}
        for node, times in list(self._probes_at.items()):
            if node not in live:
                del self._probes_at[node]
            elif times[0] <= now:
                self.end.probe(live[node])
                self._probes_at[node] = times[1:] or [now + self._probe_ms]

    # -- what stands between frames ----------------------------------------------------------------------------

    def _note_console(self, raw: bytes) -> None:
        """Noise, or a console talking on this link: the last of it is kept. (Lines and time-stamps come in here.)"""
        self.console_bytes += len(raw)
        self.console = (self.console + raw)[-CONSOLE_BYTES_MAX:]

    def to_json(self) -> dict[str, Any]:
        """What health says about this link."""
        decoder = self.decoder
        return {
            "frames": {"good": decoder.frames, "damaged": decoder.damaged, "oversize": decoder.oversize},
            "arrived": self.counters,
            "sessions": self.end.counters,
            "console_bytes": self.console_bytes,
            "unknown_nodes": {node.hex(): hellos for node, hellos in self.end.unknown.items()},
        }
