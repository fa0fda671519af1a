"""The daemon: the parts put together, a named task for each, and an end in order.

Links feed uplinks, uplinks the group commit, the publisher empties it. A task that ends although nobody asked it to
ends the process with a status that is not zero, and systemd starts it again. SIGTERM and SIGINT close the links,
commit what came, wait for PUBACKs that are due, say `stopped`, and are through within STOP_S_MAX.
"""

import asyncio
import fcntl
import os
import signal
import threading
from collections.abc import Coroutine
from contextlib import AsyncExitStack
from pathlib import Path
from typing import IO, Any

from . import host
from .buffer import Buffer
from .config import Config, LinkSettings, load_keys, read_private
from .errors import EXIT_DEFECT, EXIT_LAW, EXIT_OK, MilepostError
from .group import GroupCommit, buffer_thread
from .ledger import Ledger, read_ledger_file
from .nodes import Nodes
from .outbox import Outbox
from .publisher import Publisher
from .serial_link import SerialLink
from .story import tell, tell_of_libraries
from .topics import Place
from .uplink import Uplink

BUFFER_FILE = "buffer.db"
LOCK_FILE = "lock"
FAREWELL_S_MAX = 3.0  # for PUBACKs and the last words to the broker
STOP_S_MAX = 5.0  # then the process ends as it is: what is on disk is safe, what is not was not acked
TICK_S_MIN, TICK_S_MAX = 0.01, 0.25  # how long a link is left alone: what comes from it may change what is due

_Task = asyncio.Task[None]


def run_gateway(config: Config, unattended: bool) -> int:
    """Run until a signal; the exit status. MilepostError for what a person can put right."""
    return asyncio.run(_run(config, unattended))


async def _run(config: Config, unattended: bool) -> int:
    async with AsyncExitStack() as stack:
        keys, password = load_keys(config.beside(config.nodes.keys)), load_password(config)
        data_dir = open_data_dir(config.beside(config.gateway.data_dir))
        stack.enter_context(lock_data_dir(data_dir))
        gateway = Gateway(config, data_dir, keys, password)
        stack.callback(gateway.close)
        await gateway.run(unattended)
        return EXIT_OK if (await gateway.check_law()).holds() else EXIT_LAW


def open_data_dir(path: Path) -> Path:
    """The data directory, made if need be; E-DATA-02."""
    try:
        path.mkdir(parents=True, exist_ok=True, mode=0o700)
        if not os.access(path, os.W_OK | os.X_OK):
            raise PermissionError(13, "Permission denied")
    except OSError as error:
        raise MilepostError("E-DATA-02", f"{path} cannot be used: {error.strerror}: correct gateway.data_dir") from None
    return path


def lock_data_dir(path: Path) -> IO[str]:
    """One gateway for one directory: an open, locked file that holds our pid; E-DATA-01."""
    file = (path / LOCK_FILE).open("a+", encoding="ascii")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        file.seek(0)
        pid = file.read(20).strip()
        file.close()
        raise MilepostError("E-DATA-01", f"{path} is used by another gateway (pid {pid}): stop it first") from None
    file.truncate(0)
    file.write(f"{os.getpid()}\n")
    file.flush()
    return file


class Gateway:
    """All parts of a running gateway; `keys` of its nodes, `password` for the broker."""

    def __init__(self, config: Config, data_dir: Path, keys: dict[bytes, bytes], password: str | None) -> None:
        self.config = config
        late_ms = int(config.broker.late_s * 1000)
        self.buffer = Buffer(data_dir / BUFFER_FILE, host.kernel_boot_id(), late_ms)
        self.thread = buffer_thread()
        self.group = GroupCommit(self.buffer, config.buffer.commit_s, self.thread)
        self.nodes = self._make_nodes(keys)
        self.place = Place(config.gateway.root, config.gateway.area, config.gateway.id)
        error_s = config.clock.system_error_s
        self.outbox = Outbox(self.group, self.nodes, self.place, config.broker.late_s, error_s)
        self.publisher = self._make_publisher(password)
        self.links = [self._make_link(at, link) for at, link in enumerate(config.links)]
        self.group.listen(self._learn_schemas)
        self.started_ms = host.boottime_ms()
        self._law_holds = True

    def _make_nodes(self, keys: dict[bytes, bytes]) -> Nodes:
        nodes = Nodes(keys)
        nodes.remember(self.buffer.measured())
        for _, schema in self.buffer.schemas():
            nodes.learn(schema)
        return nodes

    def _make_publisher(self, password: str | None) -> Publisher:
        config = self.config
        address = (config.host, config.port)
        parts = (self.place, self.group, self.nodes, self.outbox)
        return Publisher(config.broker, address, password, *parts, self.health, config.gateway.health_s)

    def _make_link(self, at: int, settings: LinkSettings) -> tuple[SerialLink, Uplink]:
        key = f"links[{at}].port in {self.config.path}"
        link = SerialLink(settings.name, settings.port, settings.baud, key, lambda data: uplink.feed(data))
        probe_s = self.config.clock.probe_s
        uplink = Uplink(settings.name, self.nodes, self.group, link.write, host.boottime_ms, probe_s)
        return link, uplink

    def _learn_schemas(self) -> None:
        """After a commit: meta follows what the buffer has."""
        for schema in self.buffer.take_announced():
            self.nodes.learn(schema)

    def close(self) -> None:
        """Let go of file and thread."""
        self.thread.shutdown(wait=True)
        self.buffer.close()

    # -- running -----------------------------------------------------------------------------------------------

    async def run(self, unattended: bool) -> None:
        """Run all tasks until a signal, then stop them in order."""
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        tell_of_libraries(loop)
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, stop.set)
        self._open_links(unattended)
        tell("started", gateway=self.config.gateway.id, links=len(self.links), data_dir=self.buffer.path.parent)
        try:
            async with asyncio.TaskGroup() as tasks:
                running = [self._start(tasks, "commit", self.group.run())]
                for link, uplink in self.links:
                    running.append(self._start(tasks, f"link-{link.name}", link.run()))
                    running.append(self._start(tasks, f"clock-{link.name}", _tick(uplink)))
                publisher = tasks.create_task(self.publisher.run(not unattended), name="publisher")
                tasks.create_task(self._stop(stop, running, publisher), name="stop")
        except* MilepostError as group:
            raise _first(group) from None

    def _start(self, tasks: asyncio.TaskGroup, name: str, work: Coroutine[Any, Any, None]) -> _Task:
        return tasks.create_task(_for_ever(name, work), name=name)

    def _open_links(self, unattended: bool) -> None:
        """Open all ports; one that is not there ends an attended start, and is waited for by an unattended one."""
        for link, _ in self.links:
            try:
                link.open()
            except MilepostError as error:
                if not unattended:
                    raise
                tell("link-away", link=link.name, why=str(error))

    async def _stop(self, stop: asyncio.Event, running: list[_Task], publisher: _Task) -> None:
        await stop.wait()
        tell("stopping", gateway=self.config.gateway.id)
        self._end_hard_after(STOP_S_MAX)
        for task in running[1:]:
            task.cancel()
        for link, _ in self.links:
            link.close()
        await self.group.commit()
        self.publisher.stopping.set()
        await asyncio.wait({publisher}, timeout=FAREWELL_S_MAX)
        publisher.cancel()
        running[0].cancel()
        await self.group.commit()

    def _end_hard_after(self, seconds: float) -> None:
        """A disk or a broker that does not answer must not hold up a stop."""
        timer = threading.Timer(seconds, os._exit, (EXIT_DEFECT,))
        timer.daemon = True
        timer.start()

    # -- health ------------------------------------------------------------------------------------------------

    async def check_law(self) -> Ledger:
        """The ledger now, from the file; a broken law is told once."""
        ledger = await asyncio.to_thread(read_ledger_file, self.buffer.path)
        if self._law_holds and not ledger.holds():
            broken = [node for node, account in ledger.nodes.items() if not account.holds()]
            tell("law-broken", code="E-LAW-01", nodes=",".join(broken))
        self._law_holds = ledger.holds()
        return ledger

    async def health(self) -> dict[str, Any]:
        """What the health topic says: the ledger, and how links, nodes, buffer and broker are."""
        now = host.boottime_ms()
        links = {
            link.name: {"open": link.is_open, "port": link.counters, **uplink.to_json()} for link, uplink in self.links
        }
        buffer = {"failing": self.group.is_failing, "failures": self.group.failures, **self.buffer.counters}
        broker = {**self.publisher.counters, "undecodable": self.outbox.undecodable}
        return {
            "uptime_s": (now - self.started_ms) // 1000,
            **(await self.check_law()).to_json(),
            "links": links,
            "sessions": self.nodes.to_json(now),
            "buffer": buffer,
            "broker": broker,
        }


def load_password(config: Config) -> str | None:
    """The broker's password, if the configuration names a file for it (E-KEYS-…)."""
    if not config.broker.password_file:
        return None
    text = read_private(config.beside(config.broker.password_file), "password")
    return text.split("\n", 1)[0]


async def _for_ever(name: str, work: Coroutine[Any, Any, None]) -> None:
    """A task of this kind does not end by itself: if it does, that is a defect, and the process ends."""
    await work
    raise RuntimeError(f"task {name} ended")


async def _tick(uplink: Uplink) -> None:
    """Give an uplink its time."""
    while True:
        uplink.tick()
        due = uplink.next_deadline()
        wait_s = TICK_S_MAX if due is None else (due - host.boottime_ms()) / 1000
        await asyncio.sleep(min(max(wait_s, TICK_S_MIN), TICK_S_MAX))


def _first(group: BaseExceptionGroup[MilepostError]) -> MilepostError:
    error: BaseException = group
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    assert isinstance(error, MilepostError)  # noqa: S101 - except* let nothing else in
    return error
