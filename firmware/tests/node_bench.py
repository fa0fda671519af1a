"""A bench for node processes: real MicroPython on a pseudo-terminal, and a gateway of the tests' own at its other end.

The gateway is the protocol's GatewayEnd over the master side, pumped by the test; it keeps rows, events and gone records by
name, confirms at once, and can be silent or deaf for a while.
"""

import json
import os
import pty
import select
import subprocess
import time
import tty
from pathlib import Path
from types import TracebackType

from milepost_protocol import blocks, records
from milepost_protocol.events import Acked, Arrived, Closed, Event, Opened
from milepost_protocol.frames import FrameDecoder, encode_frame
from milepost_protocol.gateway_end import GatewayEnd
from milepost_protocol.schema import Schema, decode_schema

ROOT = Path(__file__).resolve().parents[2]
NODE = bytes.fromhex("a4cf12000001")
KEY = bytes(range(32))


def environment() -> "dict[str, str]":
    """The environment in which MicroPython finds the node and the protocol."""
    folders = (ROOT / "firmware", ROOT / "protocol", ROOT / "firmware" / "tests" / "on_both")
    return {**os.environ, "MICROPYPATH": ":".join([".frozen", *[str(folder) for folder in folders]])}


class TestGateway:
    """The gateway's end of one node's link."""

    __test__ = False

    def __init__(self) -> None:
        self.master, slave = pty.openpty()
        tty.setraw(self.master)
        tty.setraw(slave)
        self.port = os.ttyname(slave)
        self._slave = slave  # held open, so that a node that ends does not hang the line up
        self.end = GatewayEnd(lambda node: KEY if node == NODE else None, os.urandom, 100)
        self.decoder = FrameDecoder()
        self.records: dict[tuple[int, int], records.Record] = {}
        self.order: list[records.Record] = []
        self.repeats = 0
        self.schemas: dict[int, Schema] = {}
        self.sessions: list[tuple[int, int]] = []  # boot, flags
        self.is_deaf = False

    @staticmethod
    def now() -> int:
        return time.monotonic_ns() // 1_000_000

    def pump(self, for_s: float) -> None:
        """Serve the link for a while."""
        until = time.monotonic() + for_s
        while (left := until - time.monotonic()) > 0:
            self._send()
            if select.select([self.master], [], [], min(left, 0.02))[0]:
                data = os.read(self.master, 4096)
                for packet, _ in self.decoder.feed(data):
                    if packet and not self.is_deaf:
                        self._take(self.end.receive(packet, self.now()))
            self._take(self.end.tick(self.now()))

    def pump_until(self, wanted: int, timeout_s: float = 20) -> None:
        """Serve the link until so many records of any kind are here."""
        until = time.monotonic() + timeout_s
        while len(self.records) < wanted and time.monotonic() < until:
            self.pump(0.1)

    def _send(self) -> None:
        while (packet := self.end.data_to_send(self.now())) is not None:
            os.write(self.master, encode_frame(packet[1]))

    def _take(self, events: "list[Event]") -> None:
        for event in events:
            if isinstance(event, Opened):
                self.sessions.append((event.session.boot, event.session.flags))
            elif isinstance(event, Arrived):
                for kind, body in event.blocks:
                    self._keep(kind, body)
                self.end.confirm(event.session, event.number)
            else:
                assert isinstance(event, Acked | Closed)

    def _keep(self, kind: int, body: bytes) -> None:
        if kind == blocks.SCHEMA:
            schema = decode_schema(body)
            self.schemas[schema.hash] = schema
        elif blocks.is_record(kind):
            front = records.front(kind, body)
            for record in records.unpack(front, self.schemas[front.schema]):
                self.repeats += (record.boot, record.sequence) in self.records
                self.records[record.boot, record.sequence] = record
                self.order.append(record)

    def of(self, site: str, kind: int = records.ROWS) -> list[records.Record]:
        """A site's records of one kind, in order of their names."""
        found = [r for r in self.records.values() if r.kind == kind and self.schemas[r.schema].site == site]
        return sorted(found, key=lambda record: (record.boot, record.sequence))

    def close(self) -> None:
        """Unplug both sides."""
        os.close(self.master)
        os.close(self._slave)


class NodeProcess:
    """`micropython -m milepost_node DIR`, ended with the `with` block."""

    def __init__(self, micropython: "list[str]", folder: Path) -> None:
        command = [*micropython, "-X", "heapsize=2M", "-m", "milepost_node", str(folder)]
        self.process = subprocess.Popen(command, env=environment(), stderr=subprocess.PIPE, text=True)

    def __enter__(self) -> "NodeProcess":
        return self

    def kill(self) -> None:
        """End it at once, as a power cut would."""
        self.process.kill()
        self.process.wait()

    def finish(self, timeout_s: float = 10) -> "tuple[int, str]":
        """Wait for its own end: exit status and what it said on stderr."""
        _, said = self.process.communicate(timeout=timeout_s)
        return self.process.returncode, said

    def __exit__(
        self, kind: "type[BaseException] | None", error: "BaseException | None", trace: "TracebackType | None"
    ) -> None:
        if self.process.poll() is None:
            self.kill()
        if self.process.stderr:
            self.process.stderr.close()


def write_node(folder: Path, config: "dict[str, object]") -> Path:
    """A node directory with `config` and the bench's identity."""
    folder.mkdir(exist_ok=True)
    identity = folder / "identity.json"
    identity.touch(mode=0o600)
    identity.write_text(json.dumps({"node": NODE.hex(), "key": KEY.hex()}))
    (folder / "config.json").write_text(json.dumps(config, indent=1))
    return folder


def a_config(port: str, csv: Path, **more: object) -> "dict[str, object]":
    """A node of three schedules: air from `csv` (PM2.5, PM10, level), flood from the same, one parking bay."""
    air = {"site": "nha-be", "stream": "air", "period_s": 0.5, "sensor": {"driver": "sds011", "bus": "uart1"}}
    flood = {
        "site": "gauge", "stream": "flood", "period_s": 1, "zero_mm": 3900,
        "sensor": {"driver": "a02yyuw", "bus": "uart2"}, "thresholds": [{"level_m": 1.5}],
    }  # fmt: skip
    bay = {
        "site": "bay-1", "stream": "parking", "period_s": 0.2, "sensor": {"driver": "qmc5883l", "bus": "i2c1"},
        "bay": {"baseline_ut": [20.0, -5.0, 38.5], "occupied_ut": 15, "free_ut": 8},
    }  # fmt: skip
    simulate = {
        "uart1": {"part": "sds011", "scene": {"csv": str(csv), "columns": ["pm25", "pm10"]}},
        "uart2": {"part": "a02yyuw", "scene": {"csv": str(csv), "columns": ["level_m"]}},
        "i2c1": {"part": "qmc5883l", "scene": {"arrivals": {"seed": 7, "mean_s": 1}}},
    }
    return {
        "link": {"kind": "serial", "port": port}, "home": "nha-be", "health_period_s": 2,
        "schedules": [air, flood, bay], "simulate": simulate, **more,
    }  # fmt: skip
