"""The uplink: the session with the gateway over whatever link the board opens, and the spool's only customer.

One task holds the link: it opens the port, runs a reader and a writer on it, and when either fails closes it and tries again
after a pause that grows. The reader feeds frames to the node's end of the protocol and acts on what that reports; the writer
fills the window from the spool whenever there is room and waits for whichever comes first: a record, a packet, a deadline.
None of this ever waits for the sampler, nor the sampler for it.
"""

import asyncio

from milepost_protocol.blocks import SCHEMA
from milepost_protocol.events import Acked, Arrived, Closed, Opened
from milepost_protocol.frames import FrameDecoder, encode_frame

from . import vm

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Coroutine

    from milepost_protocol.events import Event
    from milepost_protocol.node_end import NodeEnd
    from milepost_protocol.schema import Schema

    from .board import Board, Link
    from .spool import Spool
    from .uptime import Uptime

REOPEN_MS_MIN = 200  # pause before a lost port is tried again
REOPEN_MS_MAX = 5000  # a replugged adapter is back within this
WAIT_MS_MIN = 5  # a deadline that stays in the past must not become a busy loop
WAIT_MS_MAX = 10000


class Uplink:
    """Brings what is in `spool` to the gateway through `end`; announces `schemas` first in every session."""

    def __init__(
        self, board: "Board", end: "NodeEnd", spool: "Spool", uptime: "Uptime", schemas: "list[Schema]"
    ) -> None:
        self.reopened = 0  # how often the port was lost
        self.decoder = FrameDecoder()
        self._board = board
        self._end = end
        self._spool = spool
        self._uptime = uptime
        self._schemas = schemas
        self._unannounced: list[Schema] = []
        self._wake = asyncio.Event()
        spool.on_append = self._wake.set

    def noise(self) -> int:
        """Frames that were damaged on the link."""
        return self.decoder.damaged + self.decoder.oversize

    async def run(self, link: "Link") -> None:
        """Serve for ever, beginning with an open `link`."""
        pause = REOPEN_MS_MIN
        while True:
            started = self._uptime.now()
            await self._serve(link)
            self.reopened += 1
            if self._uptime.now() - started > REOPEN_MS_MAX:
                pause = REOPEN_MS_MIN
            link, pause = await self._reopen(pause)

    async def _reopen(self, pause: int) -> "tuple[Link, int]":
        while True:
            await vm.sleep_ms(pause)
            pause = min(pause * 2, REOPEN_MS_MAX)
            try:
                return self._board.open_link(), pause
            except OSError:
                continue

    async def _serve(self, link: "Link") -> None:
        """Read and write until the link fails, then close it."""
        over = asyncio.Event()
        failures: list[BaseException] = []
        tasks = [
            asyncio.create_task(self._until_lost(self._read(link), over, failures)),
            asyncio.create_task(self._until_lost(self._write(link), over, failures)),
        ]
        try:
            await over.wait()
        finally:
            for task in tasks:
                task.cancel()
            link.close()
        if failures:
            raise failures[0]

    async def _until_lost(
        self, work: "Coroutine[object, object, None]", over: asyncio.Event, failures: "list[BaseException]"
    ) -> None:
        try:
            await work
        except OSError:
            pass  # unplugged, hung up: the port is opened anew
        except Exception as error:  # a fault of ours: it must end the process, not the link
            failures.append(error)
        over.set()

    # -- reading ------------------------------------------------------------------------------------------------------

    async def _read(self, link: "Link") -> None:
        while True:
            data = await link.read()
            if not data:
                return
            for packet, _ in self.decoder.feed(data):
                if packet is not None:
                    self._act(self._end.receive(packet, self._uptime.now()))
            self._wake.set()

    def _act(self, events: "list[Event]") -> None:
        for event in events:
            if isinstance(event, Acked):
                self._spool.release(event.tokens)
            elif isinstance(event, Closed):
                self._spool.put_back(event.tokens)
            elif isinstance(event, Opened):
                self._unannounced = list(self._schemas)
            elif isinstance(event, Arrived):
                self._end.confirm(event.number)  # commands will be dealt with here, before their ack

    # -- writing ------------------------------------------------------------------------------------------------------

    async def _write(self, link: "Link") -> None:
        while True:
            self._wake.clear()
            packet = self._next_packet()
            if packet is None:
                await vm.wait_event(self._wake, self._pause())
            else:
                await link.write(encode_frame(packet))

    def _next_packet(self) -> "bytes | None":
        now = self._uptime.now()
        deadline = self._end.next_deadline()
        if deadline is not None and deadline <= now:
            self._act(self._end.tick(now))
        self._fill(now)
        return self._end.data_to_send(now)

    def _fill(self, now: int) -> None:
        """Give the window what it takes: schemas, then records as the spool ranks them."""
        while self._end.room() > 0:
            if self._unannounced:
                self._end.send(SCHEMA, self._unannounced.pop(0).body)
                continue
            batch = self._spool.take(now, self._end.payload_max())
            if batch is None:
                return
            self._end.send(batch.kind, batch.body, batch.token)

    def _pause(self) -> int:
        deadline = self._end.next_deadline()
        if deadline is None:
            return WAIT_MS_MAX
        return max(WAIT_MS_MIN, min(WAIT_MS_MAX, deadline - self._uptime.now()))
