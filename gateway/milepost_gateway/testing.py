"""The fakes that the gateway's tests use, shipped for whoever tests against a gateway.

`FakeNode` is a node on the wire's contract: the protocol's own end, a spool, and whatever carries its bytes.
`PtyNode` runs one on a pseudo-terminal in a thread. `Mosquitto` is a real broker on a free port, `Subscriber` notes
all that it says. Nothing of the firmware is in here, so the gateway's tests stand on their own.
"""

import contextlib
import os
import pty
import shutil
import socket
import subprocess
import threading
import time
import tty
from collections.abc import Callable, Iterable
from pathlib import Path
from types import TracebackType
from typing import NamedTuple, Self

import paho.mqtt.client as paho
from milepost_protocol import blocks
from milepost_protocol.channels import AIR, CHANNEL_IDS
from milepost_protocol.events import Acked, Arrived, Closed, Event, Opened
from milepost_protocol.frames import FrameDecoder, encode_frame
from milepost_protocol.node_end import NodeEnd
from milepost_protocol.records import ROUTINE, ROWS, Record, pack
from milepost_protocol.schema import Schema
from paho.mqtt.enums import CallbackAPIVersion

NODE = bytes.fromhex("a4cf12000001")
KEY = bytes(range(32))
AIR_SCHEMA = Schema("nha-be", AIR, (CHANNEL_IDS["pm25"], CHANNEL_IDS["pm10"]))
MOSQUITTO = shutil.which("mosquitto", path=os.environ.get("PATH", "") + ":/usr/sbin:/usr/local/sbin")
START_S_MAX = 10.0  # for a broker to listen
STEP_S = 0.005  # how often a PtyNode looks around


def air_row(
    sequence: int,
    values: tuple[int | None, ...] = (423, 510),
    uptime_ms: int | None = None,
    boot: int = 1,
    cls: int = ROUTINE,
    schema: Schema = AIR_SCHEMA,
    quality: tuple[int, ...] | None = None,
) -> Record:
    """One row, by default 42.3 and 51.0 ug/m3, and one second after the one before."""
    uptime_ms = 1000 * (sequence + 1) if uptime_ms is None else uptime_ms
    return Record(ROWS, cls, schema.hash, boot, sequence, uptime_ms, values, quality)


def monotonic_ms() -> int:
    """A clock that a fake node counts its uptime from."""
    return time.monotonic_ns() // 1_000_000


class FakeNode:
    """A node that keeps what it appended until it is acked; `carry` takes bytes for the gateway, `clock` gives ms."""

    def __init__(
        self,
        carry: Callable[[bytes], object],
        boot: int = 1,
        node: bytes = NODE,
        key: bytes = KEY,
        schemas: Iterable[Schema] = (AIR_SCHEMA,),
        clock: Callable[[], int] = monotonic_ms,
    ) -> None:
        self.carry = carry
        self.boot = boot
        self.end = NodeEnd(node, boot, key, os.urandom)
        self.spool: dict[int, tuple[int, bytes]] = {}  # token: block, in the order it was appended
        self.acked = 0  # blocks
        self.sequence = 0  # the next one
        self.schemas = list(schemas)
        self._clock = clock
        self._started = clock()
        self._token = 0
        self._sent: set[int] = set()
        self._decoder = FrameDecoder()

    def uptime_ms(self) -> int:
        """How long this node has been up."""
        return self._clock() - self._started

    def append(self, records: list[Record]) -> None:
        """Spool one block of records."""
        self._token += 1
        self.spool[self._token] = pack(records)

    def sample(self, values: tuple[int | None, ...] = (423, 510), cls: int = ROUTINE) -> None:
        """Take a row now."""
        self.append([air_row(self.sequence, values, self.uptime_ms(), self.boot, cls, self.schemas[0])])
        self.sequence += 1

    def feed(self, data: bytes) -> None:
        """Take what the gateway sent."""
        for packet, _ in self._decoder.feed(data):
            if packet:
                self._note(self.end.receive(packet, self.uptime_ms()))

    def step(self) -> None:
        """Let time pass, and send what there is to send."""
        self._note(self.end.tick(self.uptime_ms()))
        for token, (kind, body) in self.spool.items():
            if token not in self._sent and self.end.room() > 0:
                self.end.send(kind, body, token)
                self._sent.add(token)
        packet = self.end.data_to_send(self.uptime_ms())
        while packet:
            self.carry(encode_frame(packet))
            packet = self.end.data_to_send(self.uptime_ms())

    def _note(self, events: "list[Event]") -> None:
        for event in events:
            if isinstance(event, Opened):
                for schema in self.schemas:
                    self.end.send(blocks.SCHEMA, schema.body)
            elif isinstance(event, Acked):
                self.acked += sum(self.spool.pop(int(str(token)), None) is not None for token in event.tokens if token)
            elif isinstance(event, Closed):
                self._sent.clear()
            elif isinstance(event, Arrived):
                self.end.confirm(event.number)


class PtyNode:
    """A FakeNode on a pseudo-terminal, run by a thread; `path` is the gateway's port. It samples each `period_s`."""

    def __init__(self, period_s: float = 0.05, boot: int = 1, node: bytes = NODE) -> None:
        self._master, self._slave = pty.openpty()  # holding the slave keeps the port there while the gateway restarts
        tty.setraw(self._slave)
        os.set_blocking(self._master, False)
        self.path = os.ttyname(self._slave)
        self.node = FakeNode(self._write, boot, node)
        self.period_s = period_s
        self.is_sampling = True
        self._next_s = time.monotonic()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="pty-node", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.unplug()

    def unplug(self) -> None:
        """End the node, and its port with it."""
        if not self._stop.is_set():
            self._stop.set()
            self._thread.join()
            os.close(self._master)
            os.close(self._slave)

    def drain(self, within_s: float) -> bool:
        """Sample no more; whether everything was acked within this time."""
        self.is_sampling = False
        return wait_until(lambda: not self.node.spool, within_s)

    def say(self, noise: bytes) -> None:
        """Put bytes on the line that are no frame."""
        self._write(noise)

    def _write(self, data: bytes) -> None:
        with contextlib.suppress(BlockingIOError):  # nobody reads: the line loses it, as a line does
            os.write(self._master, data)

    def _run(self) -> None:
        while not self._stop.is_set():
            with contextlib.suppress(BlockingIOError, OSError):
                self.node.feed(os.read(self._master, 4096))
            if self.is_sampling and time.monotonic() >= self._next_s:
                self.node.sample()
                self._next_s += self.period_s
            self.node.step()
            time.sleep(STEP_S)


class Mosquitto:
    """A real mosquitto on a free port of this machine. `config`: further lines of its configuration."""

    def __init__(self, folder: Path, config: str = "allow_anonymous true\n") -> None:
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = int(free.getsockname()[1])
        self.url = f"mqtt://127.0.0.1:{self.port}"
        self._file = folder / f"mosquitto-{self.port}.conf"
        self._file.write_text(f"listener {self.port} 127.0.0.1\nmax_queued_messages 0\n{config}", encoding="utf-8")
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> Self:
        """Start it, and return when it listens."""
        assert MOSQUITTO, "mosquitto is not installed"  # noqa: S101 - callers skip where it is missing
        quiet = subprocess.DEVNULL
        self._process = subprocess.Popen([MOSQUITTO, "-c", str(self._file)], stdout=quiet, stderr=quiet)  # noqa: S603
        if not wait_until(self._listens, START_S_MAX):
            raise TimeoutError("mosquitto does not listen")
        return self

    def stop(self) -> None:
        """Stop it; what it held in memory is gone."""
        if self._process:
            self._process.kill()
            self._process.wait()
            self._process = None

    def _listens(self) -> bool:
        try:
            socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
        except OSError:
            return False
        return True

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


class Heard(NamedTuple):
    """A message as a subscriber had it."""

    topic: str
    payload: str
    retained: bool


class Subscriber:
    """Notes everything that a broker says, and comes back after the broker was away."""

    def __init__(self, port: int) -> None:
        self.heard: list[Heard] = []
        self._is_ready = threading.Event()
        self._client = paho.Client(CallbackAPIVersion.VERSION2)
        self._client.on_connect = self._subscribe
        self._client.on_subscribe = self._subscribed
        self._client.on_message = self._note
        self._client.reconnect_delay_set(1, 1)
        self._client.connect("127.0.0.1", port)

    def _subscribe(self, client: paho.Client, *_: object) -> None:
        client.subscribe("#", 1)

    def _subscribed(self, *_: object) -> None:
        self._is_ready.set()

    def _note(self, client: paho.Client, userdata: object, message: paho.MQTTMessage) -> None:
        self.heard.append(Heard(message.topic, message.payload.decode(), message.retain))

    def of(self, kind: str) -> list[Heard]:
        """What was said on topics of this kind."""
        return [heard for heard in list(self.heard) if heard.topic.split("/")[5] == kind]

    def __enter__(self) -> Self:
        self._client.loop_start()
        if not self._is_ready.wait(START_S_MAX):
            raise TimeoutError("no SUBACK")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._client.disconnect()
        self._client.loop_stop()


def wait_until(condition: Callable[[], bool], within_s: float) -> bool:
    """Whether the condition came true in time."""
    end = time.monotonic() + within_s
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(0.02)
    return True
