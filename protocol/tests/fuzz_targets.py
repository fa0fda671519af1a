"""What is fuzzed: one function a target, each taking any bytes; pure, so that MicroPython replays what CPython's fuzzer found.

A decoder may raise ProtocolError, and nothing else; an end may raise nothing at all. What comes out must be bounded by
what went in, and what was decoded must code back to the same bytes where the code is canonical. `front` targets see bytes
that no key made; `behind` targets see a genuine peer's packets with any plaintext.
"""

import json
import sys
from binascii import unhexlify

from milepost_protocol import blocks, columns, frames, records, times
from milepost_protocol.bus import Bus
from milepost_protocol.errors import ProtocolError
from milepost_protocol.events import Arrived
from milepost_protocol.frames import FRAME_BYTES_MAX, PACKET_BYTES_MAX, FrameDecoder
from milepost_protocol.gateway_end import GatewayEnd
from milepost_protocol.handshake import Hello, Welcome, make_hello, make_welcome
from milepost_protocol.links import DATAGRAM, POLLED
from milepost_protocol.node_end import NodeEnd
from milepost_protocol.schema import Schema, decode_schema
from milepost_protocol.session import PLAIN_BYTES_MAX
from milepost_protocol.testing import Dice

KEY = bytes(range(32))
NODE = b"node01"
PIECES_MAX = 16  # packets that one input may hold
ANSWERS_MAX = 24  # packets that an end may say at one instant: its window, its answers, its polls
QUEUED_MAX = 400  # blocks that may wait in an end after one input


def fuzz_frames(data):
    """A decoder fed in two pieces keeps no more than a frame, and what it gives is what somebody framed."""
    decoder = FrameDecoder()
    cut = data[0] if data else 0
    for piece in (data[:cut], data[cut:]):
        for packet, raw in decoder.feed(piece):
            assert len(raw) <= FRAME_BYTES_MAX, "a frame too long"
            assert packet is None or frames.encode_frame(packet) == b"\0" + raw + b"\0", "two codes for one packet"
        assert len(decoder._code) <= FRAME_BYTES_MAX, "the decoder hoards"
    frames.open_frame(data)


def fuzz_blocks(data):
    """Blocks code back to themselves."""
    again = bytearray()
    for kind, body in blocks.split(data):
        blocks.put(again, kind, body)
    assert bytes(again) == data, "blocks lost bytes"


def fuzz_records(data):
    """A front names as many records as it counts; rows have as many values as the schema has channels."""
    if len(data) < 2:
        return
    schema = Schema("fuzz", 1, tuple(range(1, 1 + data[1] % 8)))
    found = records.front(data[0], data[2:])
    assert len(found.sequences) == len(found.uptimes_ms) <= records.COUNT_MAX, "a front that disagrees with itself"
    assert sorted(set(found.sequences)) == found.sequences, "sequences repeat, or go backwards"
    for record in records.unpack(found, schema):
        if record.kind == records.ROWS:
            assert len(record.values) == len(schema.channels), "a row of a wrong width"
        else:
            assert len(record.values) <= len(data), "values out of nothing"


def fuzz_schema(data):
    """A schema codes back to itself."""
    assert decode_schema(data).body == data, "a schema with two codes"


def fuzz_columns(data):
    """A grid has the size that was asked for, and codes back to the same values."""
    if len(data) < 2:
        return
    width, count = data[0] % 33, 1 + data[1] % records.COUNT_MAX
    grid = columns.decode(data[2:], width, count)
    assert len(grid) == width and set(map(len, grid)) <= {count}, "a grid of a wrong size"
    assert columns.decode(columns.encode(grid, count), width, count) == grid, "values that do not come back"


def fuzz_times(data):
    """As many steps as rows ask for, all legal, and they code back to the same ones."""
    if not data:
        return
    count = 1 + data[0] % records.COUNT_MAX
    deltas, used = times.decode_times(data[1:], count)
    assert len(deltas) == count - 1 and used <= len(data), "steps out of nothing"
    assert times.decode_times(times.encode_times(deltas), count)[0] == deltas, "steps that do not come back"


def fuzz_handshake(data):
    """A HELLO or a WELCOME that was not made with the key is not genuine."""
    hello = make_hello(KEY, NODE, 1, bytes(8))
    if data[:1] == b"\1":
        welcome = Welcome(data[1:])
        assert not welcome.is_genuine(KEY, hello), "a WELCOME without the key"
    else:
        assert not Hello(data[1:]).is_genuine(bytes(32)), "a HELLO without the key"


# -- whole ends -------------------------------------------------------------------------------------------------------------


def pieces(data):
    """Cut an input into packets: `length u8 | bytes`, at most PIECES_MAX."""
    found = []
    at = 0
    while at < len(data) and len(found) < PIECES_MAX:
        found.append(data[at + 1 : at + 1 + data[at]])
        at += 1 + data[at]
    return found


def opened(polled=False):
    """A node's and a gateway's end with a live session between them."""
    dice = Dice(1)
    node = NodeEnd(NODE, 1, KEY, dice.bytes, link=POLLED if polled else DATAGRAM)
    gateway = (
        Bus({NODE: KEY}.get, dice.bytes, 1000) if polled else GatewayEnd({NODE: KEY}.get, dice.bytes, 1000, DATAGRAM)
    )
    node._slot_at = 0
    GatewayEnd.receive(gateway, node.data_to_send(0), 0, "source")
    peer = gateway._peers[NODE]
    node.receive(peer.replies.pop(0)[1], 0)
    GatewayEnd.receive(gateway, node.session.next_packet(0), 0, "source")
    assert gateway.sessions() and node.is_open, "no session to fuzz"
    return node, gateway


def drain(end, now):
    """Let an end say what it has to; it must come to an end."""
    for _ in range(ANSWERS_MAX):
        said = end.data_to_send(now)
        if said is None:
            return
        packet = said[1] if isinstance(said, tuple) else said
        assert 3 <= len(packet) <= PACKET_BYTES_MAX, "a packet of a wrong length"
        now += 10  # a bus is not asked twice at one instant
    assert isinstance(end, Bus) or (isinstance(end, NodeEnd) and end._link.polled), "an end babbles"


def feed(end, packets):
    """Give packets to an end, let time pass, confirm what arrives, look into records as a gateway would."""
    now = 0
    for packet in packets:
        now += len(packet) * 40
        for event in end.receive(packet, now):
            if isinstance(event, Arrived):
                look_into(event)
                event.session.confirm(event.number)
        drain(end, now)
        end.tick(now)
        due = end.next_deadline()
        assert due is None or due >= 0, "a deadline before time began"
    sessions = end.sessions() if isinstance(end, GatewayEnd) else [end.session] if end.session else []
    for session in sessions:
        assert session.queued() <= QUEUED_MAX, "an end hoards"


def look_into(event):
    """Name the records of what arrived."""
    for kind, body in event.blocks:
        if blocks.is_record(kind):
            try:  # noqa: SIM105 - MicroPython has no contextlib
                records.front(kind, body)
            except ProtocolError:
                pass


def fuzz_gateway_front(data):
    """Raw packets before a gateway that holds a session."""
    feed(opened()[1], pieces(data))


def fuzz_bus_front(data):
    """Raw packets before a bus that holds a session."""
    feed(opened(polled=True)[1], pieces(data))


def fuzz_node_front(data):
    """Raw packets before a node that holds a session; before one that joins, if the first byte is odd."""
    node = opened(polled=bool(data[:1] and data[0] & 2))[0]
    if data[:1] and data[0] & 1:
        node = NodeEnd(NODE, 2, KEY, Dice(2).bytes)
        node.data_to_send(0)
    feed(node, pieces(data[1:]))


def fuzz_gateway_behind(data):
    """A genuine node's packets with any plaintext, before the gateway."""
    node, gateway = opened()
    feed(gateway, [node.session._seal(piece[:PLAIN_BYTES_MAX]) for piece in pieces(data)])


def fuzz_node_behind(data):
    """A genuine gateway's packets with any plaintext, before the node."""
    node, gateway = opened()
    (session,) = gateway.sessions()
    feed(node, [session._seal(piece[:PLAIN_BYTES_MAX]) for piece in pieces(data)])


TARGETS = {name[5:].replace("_", "-"): value for name, value in list(globals().items()) if name[:5] == "fuzz_"}


def run(target, data):
    """One execution: a ProtocolError is a decoder's right; whatever else leaves is a finding."""
    try:
        TARGETS[target](bytes(data))
    except ProtocolError:
        assert target not in ENDS, "an end raised a ProtocolError"


ENDS = ("gateway-front", "bus-front", "node-front", "gateway-behind", "node-behind")


def seeds(target):
    """Inputs that make sense, to begin with."""
    node, _ = opened()
    row = records.Record(records.ROWS, records.ROUTINE, 7, 5, 42, 1000, (1, None, -3))
    kind, body = records.pack(
        [row, records.Record(records.ROWS, records.ROUTINE, 7, 5, 44, 2000, (2, 5, 70000), (0, 1, 0))]
    )
    block = bytearray()
    blocks.put(block, kind, body)
    blocks.put(block, blocks.ACK, bytes([0, 0, 1, 0, 0, 3]))
    blocks.put(block, blocks.TIME_REPLY, b"\1\7\3")
    blocks.put(block, blocks.COMMAND, b"blink")
    hello = make_hello(KEY, NODE, 2, bytes(8))
    made = {
        "frames": b"\5" + frames.encode_frame(hello.packet) * 2,
        "blocks": bytes(block),
        "records": bytes([kind, 3]) + body,
        "schema": Schema("nha-be", 1, (2, 3)).body,
        "columns": b"\3\1" + columns.encode([[1, 2], [None, 5], [-3, 70000]], 2),
        "times": b"\3" + times.encode_times([1000, 1001, 999]),
        "handshake": b"\1" + make_welcome(KEY, hello, bytes(8), 1, 5).packet,
    }
    if target in made:
        return [made[target]]
    said = [hello.packet, node.session._seal(bytes(block)), b"\x78\1\2", b"\x78\xfe\x22"]
    if target == "node-front":
        said = [make_welcome(KEY, hello, bytes(8), 1, 5).packet] + said
    if target[-6:] == "behind":
        said = [bytes(block), bytes(block[:9])]
    together = b"".join([bytes([len(piece)]) + piece for piece in said])
    return [b"\2" + together if target == "node-front" else together]


def replay(path):
    """Run every input of a corpus file, named like its target; return how many there were."""
    target = path.split("/")[-1].split(".")[0]
    count = 0
    with open(path) as lines:  # noqa: PTH123 - nor pathlib
        for line in lines:
            run(target, unhexlify(json.loads(line)))
            count += 1
    return count


if __name__ == "__main__":
    print("corpus:", sum([replay(path) for path in sys.argv[1:]]), "inputs on", sys.implementation.name)  # noqa: T201
