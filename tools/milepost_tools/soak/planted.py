"""Planted bugs: what a soak must find. Each is one change to an end, or to the model around it, under a name.

A checker that has never failed has shown nothing: tests plant each of these and want a Violation from a few seeds.
"""

from collections.abc import Callable, Hashable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any
from unittest.mock import patch

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from milepost_protocol import gateway_end, node_end
from milepost_protocol.aead import TAG_BYTES, LibraryCcm
from milepost_protocol.events import Arrived, Closed, Event
from milepost_protocol.gateway_end import GatewayEnd
from milepost_protocol.handshake import Hello, Welcome
from milepost_protocol.node_end import NodeEnd
from milepost_protocol.received import Received
from milepost_protocol.session import Session

from .node import NodeModel
from .station import Link, Station, Store

Change = tuple[object, str, Any]  # object, attribute, what it is instead


def _ack_before_commit() -> list[Change]:
    """The gateway confirms what it has not written yet."""
    arrived = Station._arrived

    def eager(self: Station, link: Link, event: Arrived) -> None:
        arrived(self, link, event)
        link.end.confirm(event.session, event.number)

    return [(Station, "_arrived", eager)]


def _ack_on_arrival() -> list[Change]:
    """What came is safe."""
    return [(Received, "_limit", lambda self: self.largest)]


def _no_replay_window() -> list[Change]:
    """Every genuine packet is news."""
    note = Received.note

    def gullible(self: Received, number: int, now: int) -> bool:
        if not note(self, number, now):
            self.replayed -= 1
        return True

    return [(Received, "note", gullible)]


def _number_used_again() -> list[Change]:
    """A retransmission takes the number of the packet that was lost."""
    lose = Session._lose

    def thrifty(self: Session, number: int) -> None:
        lose(self, number)
        self._number = number

    return [(Session, "_lose", thrifty)]


def _keys_without_nonces() -> list[Change]:
    """A node's sessions all have the same keys, so one's packets and acks serve in another."""

    def stale(key: bytes, *_: object) -> tuple[bytes, bytes, bytes]:
        return key[:16], key[16:], key[:8]

    return [(node_end, "session_keys", stale), (gateway_end, "session_keys", stale)]


def _acks_of_no_session() -> list[Change]:
    """What was in flight stays in flight under its old numbers when a new session takes over."""
    welcome, unsent = NodeEnd._receive_welcome, Session.unsent

    def inheriting(self: NodeEnd, hello: Hello, reply: Welcome, now: int) -> list[Event]:
        old = self.session
        with patch.object(Session, "unsent", lambda one: _queued(one, unsent)):
            events = welcome(self, hello, reply, now)
        if old and self.session and self.session is not old:
            self.session._flights = dict(old._flights)
        return events

    return [(NodeEnd, "_receive_welcome", inheriting)]


def _queued(session: Session, unsent: Callable[[Session], list[object]]) -> list[object]:
    """Tokens of what waits to be sent, without those in flight."""
    flying = {id(item[2]) for flight in session._flights.values() for item in flight.items}
    return [token for token in unsent(session) if id(token) not in flying]


def _freed_when_sent() -> list[Change]:
    """The node's spool lets go of what the window took."""
    fill = NodeModel._fill

    def hasty(self: NodeModel) -> None:
        queued = [batch for queue in self.waiting for batch in queue]
        fill(self)
        left = {id(batch) for queue in self.waiting for batch in queue}
        self._free([batch for batch in queued if id(batch) not in left])

    return [(NodeModel, "_fill", hasty)]


def _in_flight_dropped() -> list[Change]:
    """A session that ends gives back what waited, and forgets what was in flight."""
    unsent = Session.unsent
    return [(Session, "unsent", lambda self: _queued(self, unsent))]


def _tentative_at_once() -> list[Change]:
    """A HELLO, replayed or not, replaces the live session before the node has shown the key."""
    welcome = GatewayEnd._welcome

    def trusting(self: GatewayEnd, key: bytes, hello: Hello, now: int, source: Hashable) -> None:
        welcome(self, key, hello, now, source)
        peer = self._peers[hello.node]
        if peer.tentative:
            self._go_live(peer, peer.tentative[-1][2])

    return [(GatewayEnd, "_welcome", trusting)]


def _no_dedupe() -> list[Change]:
    """The store takes a repeat for a new record."""
    return [(Store, "is_new", lambda *_: True)]


def _tag_unread() -> list[Change]:
    """A packet opens whatever its tag says."""

    def careless(self: LibraryCcm, nonce: bytes, sealed: bytes, aad: bytes) -> bytes:
        counter = b"\x01" + nonce + b"\x00\x01"
        stream = Cipher(algorithms.AES128(self.__dict__["plain_key"]), modes.CTR(counter)).decryptor()
        return stream.update(sealed[:-TAG_BYTES])

    begin = LibraryCcm.__init__

    def remembering(self: LibraryCcm, key: bytes) -> None:
        begin(self, key)
        self.__dict__["plain_key"] = key

    return [(LibraryCcm, "__init__", remembering), (LibraryCcm, "open", careless)]


def _gives_up() -> list[Change]:
    """A node whose gateway was silent for too long joins no more."""
    tick = NodeEnd.tick

    def resigned(self: NodeEnd, now: int) -> list[Event]:
        events = tick(self, now)
        self._hello_due = self._hello_due and not any(isinstance(event, Closed) for event in events)
        return events

    return [(NodeEnd, "tick", resigned)]


def _short_believed() -> list[Change]:
    """An unauthenticated "no session" ends the session at once."""

    def believing(self: NodeEnd, address: int, now: int) -> None:
        if self.session and self.session.address == address:
            self._close("told", now)
            self._begin_hello(now)

    return [(NodeEnd, "_receive_no_session", believing)]


def _clock_of_the_wall() -> list[Change]:
    """The gateway's ends are given a clock that can be set."""
    return [(Station, "clock", lambda self: self.world.wall() - self.started)]


PLANTED: dict[str, Callable[[], list[Change]]] = {
    "ack-before-commit": _ack_before_commit,
    "ack-on-arrival": _ack_on_arrival,
    "no-replay-window": _no_replay_window,
    "number-used-again": _number_used_again,
    "keys-without-nonces": _keys_without_nonces,
    "acks-of-no-session": _acks_of_no_session,
    "freed-when-sent": _freed_when_sent,
    "in-flight-dropped": _in_flight_dropped,
    "tentative-at-once": _tentative_at_once,
    "no-dedupe": _no_dedupe,
    "tag-unread": _tag_unread,
    "gives-up": _gives_up,
    "short-believed": _short_believed,
    "clock-of-the-wall": _clock_of_the_wall,
}


@contextmanager
def planted(name: str | None) -> Iterator[None]:
    """Plant the bug of this name meanwhile; None plants nothing."""
    with ExitStack() as stack:
        for place, attribute, instead in PLANTED[name]() if name else []:
            stack.enter_context(patch.object(place, attribute, instead))
        yield
