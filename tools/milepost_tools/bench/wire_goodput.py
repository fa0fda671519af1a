"""Goodput of the wire in virtual time, beside an omniscient sender on the same cycle.

Half duplex: a node on a polled RS-485 bus with a backlog that never ends. Full duplex: the same on a serial line of its own.
The omniscient sender has the same polls, turnarounds, window and payload, and loses polls at the same rate; it knows without
any ack what arrived. Stop-and-wait and go-back-N with the same payload stand beside it, by the textbook's formulas.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

from milepost_protocol.bus import LINE_BYTES, Bus
from milepost_protocol.events import Arrived, Event
from milepost_protocol.frames import PACKET_BYTES_MAX
from milepost_protocol.gateway_end import GatewayEnd
from milepost_protocol.links import POLLED
from milepost_protocol.node_end import TURN_QUOTA, NodeEnd
from milepost_protocol.testing import BadWire, Dice, Multidrop, Pair

from .figures import Figure, at_least, at_most, stated

BAUD = 115200
BYTE_MS = 10000 / BAUD
TURNAROUND_MS = 2
COMMIT_MS = 5
PATIENCE_MS = 10 + (PACKET_BYTES_MAX + LINE_BYTES) * BYTE_MS  # what the bus waits for an answer that does not come
WARM_MS = 20_000  # joined, and the loss rate learnt
SPAN_MS = 120_000
SEED = 7
ROWS = 0x50  # a routine record block
PACKET_OVERHEAD = 14  # of a packet's bytes that are no payload: header, tag, block head
ACK_FRAME_BYTES = 30
RATES = (1e-6, 1e-5, 1e-4, 3e-4, 1e-3)


@dataclass
class Tally:
    """What a run counted once it was warm: payload bytes that arrived, packets' sizes up and down, turns."""

    payload: int = 0
    up: list[int] = field(default_factory=list)
    down: list[int] = field(default_factory=list)
    seen: set[int] = field(default_factory=set)

    def take(self, events: list[Event], is_warm: bool) -> None:
        """Count the payload of blocks that are here for the first time."""
        for event in events:
            for _, body in event.blocks if isinstance(event, Arrived) else ():
                number = int.from_bytes(body[:4], "little")
                self.payload += len(body) if is_warm and number not in self.seen else 0
                self.seen.add(number)
        events.clear()

    def goodput(self) -> float:
        """Payload bytes a second."""
        return self.payload * 1000 / SPAN_MS


def figures() -> list[Figure]:
    """Both links at each error rate, and the round of 32 idle nodes."""
    rows = [row for rate in RATES for row in _rows("polled", rate, run_polled(rate), omniscient_polled)]
    rows += [row for rate in RATES for row in _rows("full duplex", rate, run_full_duplex(rate), omniscient_full_duplex)]
    rows.append(at_most("polled, 32 idle nodes at 115200 baud: one round", idle_round_s(32), "s", 0.3))
    return rows


def _rows(link: str, rate: float, tally: Tally, omniscient: "Callable[[Tally, float], float]") -> list[Figure]:
    name = f"{link}, BER {rate:g}"
    frame = _mean(tally.up) + LINE_BYTES
    payload = frame - LINE_BYTES - PACKET_OVERHEAD
    best = omniscient(tally, rate)
    return [
        stated(f"{name}: payload", round(payload, 1), "B"),
        stated(f"{name}: goodput", round(tally.goodput()), "B/s"),
        stated(f"{name}: omniscient sender", round(best), "B/s"),
        at_least(f"{name}: share of the omniscient sender", round(tally.goodput() / best, 3), "", 0.95),
        stated(f"{name}: stop-and-wait", round(stop_and_wait(payload, frame, rate)), "B/s"),
        stated(f"{name}: go-back-N, window 8", round(go_back_n(payload, frame, rate)), "B/s"),
    ]


def run_polled(rate: float) -> Tally:
    """A node with an endless backlog, alone on a polled bus."""
    dice = Dice(SEED)
    key, name = dice.bytes(32), bytes(6)
    node = NodeEnd(name, 1, key, dice.bytes, link=POLLED)
    line = Multidrop(
        Bus({name: key}.get, dice.bytes, COMMIT_MS, BAUD), [node], dice, BAUD, TURNAROUND_MS, COMMIT_MS, rate
    )
    tally = Tally()
    say = line.say

    def noting(who: int, packet: bytes) -> None:
        (tally.down if who < 0 else tally.up).append(len(packet))
        say(who, packet)

    line.say = noting  # type: ignore[method-assign]
    _drive(node, line, line.at_nodes, tally)
    return tally


def run_full_duplex(rate: float) -> Tally:
    """A node with an endless backlog on a serial line of its own."""
    dice = Dice(SEED)
    key, name = dice.bytes(32), bytes(6)
    node = NodeEnd(name, 1, key, dice.bytes)
    gateway = GatewayEnd({name: key}.get, dice.bytes, COMMIT_MS)
    up, down = (BadWire(dice, {"flip": rate}, TURNAROUND_MS, BAUD) for _ in range(2))
    tally = Tally()
    put = up.put

    def noting(frame: bytes, now: float) -> None:
        tally.up.append(len(frame) - LINE_BYTES)
        put(frame, now)

    up.put = noting  # type: ignore[method-assign]
    pair = Pair(node, gateway, up, down, COMMIT_MS)
    _drive(node, pair, pair.at_node, tally)
    return tally


def _drive(node: NodeEnd, line: Multidrop | Pair, at_node: list[Event], tally: Tally) -> None:
    """Keep the node's window full for the whole span."""
    number = 0
    is_warm = False
    while line.now < WARM_MS + SPAN_MS:
        while node.room() > 0:
            node.send(ROWS, number.to_bytes(4, "little") + bytes(node.payload_max() - 4), number)
            number += 1
        line.step()
        at_node.clear()
        if not is_warm and line.now >= WARM_MS:
            is_warm = True
            tally.up.clear()
            tally.down.clear()
        tally.take(line.at_gateway, is_warm)


def omniscient_polled(tally: Tally, rate: float) -> float:
    """Eight fresh packets in each turn whose poll arrives; a lost poll costs the wait for an answer."""
    frame, poll = _mean(tally.up) + LINE_BYTES, _mean(tally.down) + LINE_BYTES
    lost = 1 - _survives(poll, rate)
    turn_ms = poll * BYTE_MS + 2 * TURNAROUND_MS + TURN_QUOTA * frame * BYTE_MS
    cycle_ms = (1 - lost) * turn_ms + lost * (poll * BYTE_MS + PATIENCE_MS)
    payload = frame - LINE_BYTES - PACKET_OVERHEAD
    return (1 - lost) * TURN_QUOTA * payload * _survives(frame, rate) / cycle_ms * 1000


def omniscient_full_duplex(tally: Tally, rate: float) -> float:
    """A line that is never idle; what is lost is sent again at once."""
    frame = _mean(tally.up) + LINE_BYTES
    return (frame - LINE_BYTES - PACKET_OVERHEAD) * _survives(frame, rate) / (frame * BYTE_MS) * 1000


def stop_and_wait(payload: float, frame: float, rate: float) -> float:
    """One packet, one ack; a loss of either costs the wait."""
    both = _survives(frame, rate) * _survives(ACK_FRAME_BYTES, rate)
    cycle_ms = (frame + ACK_FRAME_BYTES) * BYTE_MS + 2 * TURNAROUND_MS + COMMIT_MS
    return payload * both / cycle_ms * 1000


def go_back_n(payload: float, frame: float, rate: float) -> float:
    """Windows of eight, half duplex; everything behind the first loss is sent again."""
    good, acked = _survives(frame, rate), _survives(ACK_FRAME_BYTES, rate)
    useful = sum(good**i for i in range(1, 9)) * acked
    return payload * useful / ((8 * frame + ACK_FRAME_BYTES) * BYTE_MS + 2 * TURNAROUND_MS) * 1000


def idle_round_s(count: int) -> float:
    """How long a round takes in which nobody has anything to say."""
    dice = Dice(SEED)
    keys = {bytes([0, 0, 0, 0, 1, i]): dice.bytes(32) for i in range(count)}
    nodes = [NodeEnd(node, 1, key, dice.bytes, link=POLLED) for node, key in keys.items()]
    bus = Bus(keys.get, dice.bytes, COMMIT_MS, BAUD)
    line = Multidrop(bus, nodes, dice, BAUD, TURNAROUND_MS, COMMIT_MS)
    while len(bus.sessions()) < count:
        line.step()
    polls, start = bus.counters["polls"], line.now
    line.run(start + 5000)
    return round(count * (line.now - start) / (bus.counters["polls"] - polls) / 1000, 3)


def _survives(frame_bytes: float, rate: float) -> float:
    """The chance that a frame arrives whole; ten line bits a byte."""
    return float((1 - rate) ** (10 * frame_bytes))


def _mean(sizes: list[int]) -> float:
    return sum(sizes) / len(sizes)
