"""The gateway's end of one link: it knows whom to answer, and holds a session for each node that speaks there.

A genuine HELLO makes a *tentative* session; it takes the live one's place only when the node has shown with its first DATA
that it holds the key, so a replayed HELLO ends nothing. Packets find their session by source and address, and where that
fails by trial. Noise is none of this file's business: what comes in here had a good check, so what does not open is forged.
"""

from . import blocks, varint
from .errors import ProtocolError
from .events import Arrived, Closed, Event, Opened, TimeMeasured
from .handshake import NONCE_BYTES, Hello, Welcome, make_welcome, session_keys
from .links import SERIAL, Link
from .packets import ADDRESS_MAX, DATA, DOWN, HELLO, NO_SESSION, kind_of, short
from .session import FORGERIES_MAX, WINDOW, Session

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

TENTATIVE_MAX = 4  # half-open sessions a node may have
UNKNOWN_MAX = 64  # nodes that said HELLO and are not enrolled: so many are remembered by name
PROBES_MAX = 8  # time exchanges under way in a session
NO_SESSION_MS_MIN = 500  # between two "no session" to one place

COUNTERS = (
    "bad_packet",  # genuine, or nearly so, and senseless
    "forged",  # a tag that fits no session, a HELLO that the node's key did not make
    "hello",
    "no_session",
    "opened",
    "replayed",
    "retransmitted",
    "unknown_node",
)


class Peer:
    """What the gateway holds for one node on this link: its live session, its tentative ones, the HELLOs they answer."""

    def __init__(self, node: bytes, address: int) -> None:
        self.node = node
        self.address = address
        self.source: Hashable = None
        self.live: Session | None = None
        self.tentative: list[tuple[Hello, Welcome, Session]] = []
        self.replies: list[tuple[Hashable, bytes]] = []  # WELCOMEs to send, each to where its HELLO came from
        self.probes: dict[int, int] = {}  # time exchanges under way: token, when it left (-1: not yet)
        self.token = 0

    def sessions(self) -> "list[Session]":
        """The live session first."""
        return ([self.live] if self.live else []) + [session for _, _, session in self.tentative]


class GatewayEnd:
    """One link of the gateway; times in ms of its monotonic clock. `key_of(node)` gives a node's key, None if not enrolled."""

    def __init__(
        self,
        key_of: "Callable[[bytes], bytes | None]",
        entropy: "Callable[[int], bytes]",
        ack_delay_ms_max: int,
        link: Link = SERIAL,
    ) -> None:
        self.counters: dict[str, int] = dict.fromkeys(COUNTERS, 0)
        self.unknown: dict[bytes, int] = {}
        self._key_of = key_of
        self._entropy = entropy
        self._ack_delay_ms_max = ack_delay_ms_max
        self._link = link
        self._peers: dict[bytes, Peer] = {}
        self._shorts: list[tuple[Hashable, int]] = []  # "no session" to say: source, address
        self._said_no: dict[tuple[Hashable, int], int] = {}

    # -- for the caller ---------------------------------------------------------------------------------------------------

    def sessions(self) -> "list[Session]":
        """The live sessions."""
        return [peer.live for peer in self._peers.values() if peer.live]

    def send(self, session: Session, kind: int, body: bytes, token: object = None) -> None:
        """Queue one block for a node."""
        session.send(kind, body, token)

    def confirm(self, session: Session, number: int) -> None:
        """What an Arrived packet brought is on disk, or needed no disk: its ack may go out."""
        session.confirm(number)

    def commit_wanted(self) -> bool:
        """Whether some node's window is nearly full of packets that wait for a commit."""
        return any(session.unconfirmed() >= WINDOW - 2 for session in self.sessions())

    def probe(self, session: Session) -> None:
        """Begin one time exchange with a node; its outcome is a TimeMeasured."""
        peer = self._peers.get(session.node)
        if peer and peer.live is session:
            if len(peer.probes) >= PROBES_MAX:  # those were lost
                peer.probes = {}
            peer.token = (peer.token + 1) & 255
            peer.probes[peer.token] = -1

    # -- receiving --------------------------------------------------------------------------------------------------------

    def receive(self, packet: bytes, now: int, source: "Hashable" = None) -> "list[Event]":
        """Act on one packet from the link; `source` tells datagram peers apart."""
        kind = kind_of(packet, 0)
        try:
            if kind == HELLO:
                self._receive_hello(Hello(packet), now, source)
            elif kind == DATA:
                return self._receive_data(packet, now, source)
        except ProtocolError:
            self.counters["bad_packet"] += 1
        return []

    def _receive_hello(self, hello: Hello, now: int, source: "Hashable") -> None:
        self.counters["hello"] += 1
        key = self._key_of(hello.node)
        if key is None:
            self._note_unknown(hello.node)
        elif not hello.is_genuine(key):
            self.counters["forged"] += 1
        else:
            self._welcome(key, hello, now, source)

    def _note_unknown(self, node: bytes) -> None:
        self.counters["unknown_node"] += 1
        if node in self.unknown or len(self.unknown) < UNKNOWN_MAX:
            self.unknown[node] = self.unknown.get(node, 0) + 1

    def _welcome(self, key: bytes, hello: Hello, now: int, source: "Hashable") -> None:
        peer = self._peers.get(hello.node) or self._new_peer(hello.node)
        for known, welcome, _ in peer.tentative:
            if known.packet == hello.packet:
                peer.replies = [(source, welcome.packet)]
                return
        welcome = make_welcome(key, hello, self._entropy(NONCE_BYTES), peer.address, self._ack_delay_ms_max)
        keys = session_keys(key, hello, welcome)
        session = Session(hello.node, hello.boot, keys, DOWN, peer.address, now, 0, self._ack_delay_ms_max, self._link)
        session.flags = hello.flags
        peer.tentative = peer.tentative[1 - TENTATIVE_MAX :] + [(hello, welcome, session)]
        peer.replies = [(source, welcome.packet)]

    def _new_peer(self, node: bytes) -> Peer:
        taken = [peer.address for peer in self._peers.values()]
        address = 1 + len(taken) % ADDRESS_MAX
        while address in taken and len(taken) < ADDRESS_MAX:
            address = address % ADDRESS_MAX + 1
        peer = self._peers[node] = Peer(node, address)
        return peer

    def _receive_data(self, packet: bytes, now: int, source: "Hashable") -> "list[Event]":
        for peer in self._peers_at(packet[1]):
            for session in peer.sessions():
                opened = session.open(packet)
                if opened:
                    replayed = session.replayed()
                    events = self._take_in(peer, session, opened, now)
                    if session.replayed() == replayed:  # who repeats what others said moves nobody
                        peer.source = source
                    return events
        return self._refuse(packet[1], now, source)

    def _peers_at(self, address: int) -> "list[Peer]":
        return [peer for peer in self._peers.values() if peer.address == address]

    def _refuse(self, address: int, now: int, source: "Hashable") -> "list[Event]":
        """No session opens this packet: it is forged, or from before we started; the node may be told to say HELLO."""
        known = self._peers_at(address)
        self.counters["forged" if known else "no_session"] += 1
        events: list[Event] = []
        for peer in known:
            if peer.live:
                events += self._count_forgery(peer, peer.live)
        if now - self._said_no.get((source, address), -NO_SESSION_MS_MIN) >= NO_SESSION_MS_MIN:
            if len(self._said_no) >= UNKNOWN_MAX:
                self._said_no = {}
            self._said_no[source, address] = now
            self._shorts = self._shorts[-7:] + [(source, address)]
        return events

    def _count_forgery(self, peer: Peer, session: Session) -> "list[Event]":
        session.forged += 1
        if session.forged < FORGERIES_MAX:
            return []
        peer.live = None
        return [self._closed(session, "worn")]

    def _closed(self, session: Session, reason: str) -> Closed:
        self.counters["retransmitted"] += session.retransmitted
        self.counters["replayed"] += session.replayed()
        return Closed(session, reason, [token for token in session.unsent() if token is not None])

    def _take_in(self, peer: Peer, session: Session, opened: "tuple[int, bytes]", now: int) -> "list[Event]":
        events: list[Event] = []
        if session is not peer.live:
            events += self._go_live(peer, session)
        try:
            taken = session.take_in(opened[0], opened[1], now)
        except ProtocolError:
            self.counters["bad_packet"] += 1
            taken = []
        for event in taken:
            events += self._sift(peer, event, now) if isinstance(event, Arrived) else [event]
        return events

    def _go_live(self, peer: Peer, session: Session) -> "list[Event]":
        events: list[Event] = []
        old, peer.live = peer.live, session
        peer.tentative = []
        peer.probes = {}
        self.counters["opened"] += 1
        if old:
            events.append(self._closed(old, "replaced"))
        events.append(Opened(session))
        return events

    def _sift(self, peer: Peer, event: Arrived, now: int) -> "list[Event]":
        """Take out the blocks that are the link's own business; what is left is the caller's."""
        events: list[Event] = []
        rest = []
        for kind, body in event.blocks:
            if kind == blocks.TIME_REPLY:
                events += self._measured(peer, event.session, body, now)
            elif blocks.is_record(kind) or (kind in blocks.BLOCKS and kind != blocks.PING):
                rest.append((kind, body))
            elif kind & blocks.CRITICAL:
                event.session.say(blocks.ERROR, bytes([kind]))
        event.blocks = rest
        if rest:
            events.append(event)
        else:
            event.session.confirm(event.number)
        return events

    def _measured(self, peer: Peer, session: Session, body: bytes, now: int) -> "list[Event]":
        try:
            received, at = varint.get(body, 1)
            held, _ = varint.get(body, at)
        except ProtocolError:
            self.counters["bad_packet"] += 1
            return []
        sent = peer.probes.pop(body[0], -1)
        return [] if sent < 0 else [TimeMeasured(session, sent, received, received + held, now)]

    # -- sending ------------------------------------------------------------------------------------------------------------

    def data_to_send(self, now: int) -> "tuple[Hashable, bytes] | None":
        """The next packet and whom it is for (the `source` it last spoke from); call again until None."""
        if self._shorts:
            source, address = self._shorts.pop(0)
            return source, short(DOWN, address, NO_SESSION)
        for peer in self._peers.values():
            if peer.replies:
                return peer.replies.pop(0)
            packet = self._packet_for(peer, now)
            if packet:
                return peer.source, packet
        return None

    def _packet_for(self, peer: Peer, now: int, quota: int = 0) -> "bytes | None":
        if peer.live is None:
            return None
        for token in peer.probes:
            if peer.probes[token] < 0:
                peer.probes[token] = now
                peer.live.say(blocks.TIME_PROBE, bytes([token]))
                break
        return peer.live.next_packet(now, quota)

    # -- time ---------------------------------------------------------------------------------------------------------------

    def next_deadline(self) -> "int | None":
        """When `tick` has something to do."""
        times = [due for due in [session.next_deadline() for session in self.sessions()] if due is not None]
        return min(times) if times else None

    def tick(self, now: int) -> "list[Event]":
        """Let time pass: packets to nodes that were lost go out again. A silent node keeps its session."""
        for session in self.sessions():
            session.tick(now)
        return []
