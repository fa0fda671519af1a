"""The broker that the demo carries along: amqtt on a free loopback port, in a process of its own: nothing stalls it.

As a program it serves until SIGTERM and writes its URL to stdout as soon as it listens. `start` is what the demo
calls. A broker the user names instead is only looked at: `check` says in one line why it cannot be used.
"""

import asyncio
import contextlib
import os
import signal
import socket
import sys
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from ..errors import Fault
from .child import Child
from .child import start as start_child

START_S_MAX = 15.0  # amqtt takes 0.2 s; a busy Raspberry Pi takes its time to import it
CONNECT_S_MAX = 5.0
PORT = 1883
LEVEL = 4  # how MQTT 3.1.1 calls itself in CONNECT

SETTINGS: dict[str, Any] = {
    "listeners": {"default": {"type": "tcp", "bind": "127.0.0.1:0"}},
    "plugins": {"amqtt.plugins.authentication.AnonymousAuthPlugin": {"allow_anonymous": True}},
}


async def start(directory: Path) -> tuple[Child, str]:
    """The carried broker, and its URL; Fault E-BROKER-01 if it does not come up."""
    command = [sys.executable, "-m", __name__]
    child = await start_child("broker", command, directory / "broker.log", pipe=True)
    assert child.process.stdout is not None  # noqa: S101 - asked for with pipe=True
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(START_S_MAX):
            url = (await child.process.stdout.readline()).decode().strip()
            if url:
                return child, url
    await child.kill()
    raise Fault("E-BROKER-01", f"the carried broker does not start ({child.last_words()}); name one with --broker")


def address(url: str) -> tuple[str, int]:
    """Host and port of `mqtt://host:port`; Fault E-USAGE-01."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port or PORT
    except ValueError:
        host, port = None, 0
    if not host or urlsplit(url).scheme != "mqtt":
        raise Fault("E-USAGE-01", f"--broker {url}: must look like mqtt://host:{PORT}")
    return host, port


async def check(url: str) -> None:
    """Fault E-BROKER-01 if nobody listens there."""
    host, port = address(url)
    try:
        async with asyncio.timeout(CONNECT_S_MAX):
            _, writer = await asyncio.open_connection(host, port)
    except TimeoutError:
        raise Fault("E-BROKER-01", f"{url} does not answer within {CONNECT_S_MAX:.0f} s: check host and port") from None
    except (OSError, socket.gaierror) as error:
        why = os.strerror(error.errno) if error.errno and error.errno > 0 else error.strerror or str(error)
        raise Fault("E-BROKER-01", f"{url}: {why}: start the broker there, or leave --broker away") from None
    writer.close()
    with contextlib.suppress(OSError):
        await writer.wait_closed()


async def serve() -> None:
    """Be the broker until SIGTERM."""
    from amqtt.broker import Broker  # type: ignore[import-untyped] # late: only this process pays for it

    refuse_other_versions()
    ended = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, ended.set)
    broker = Broker(SETTINGS)
    await broker.start()
    sys.stdout.write(f"mqtt://127.0.0.1:{port_of(broker)}\n")
    sys.stdout.flush()
    await ended.wait()
    await broker.shutdown()


def refuse_other_versions() -> None:
    """Let amqtt answer a CONNECT of MQTT 5 as 3.1.1 demands ("unacceptable version"), so that clients fall back at once.

    It would read the newer packet by the older rules and wait for bytes that never come. Its own check of the version comes
    after the payload, so a payload that offends nobody is what it gets.
    """
    from amqtt.mqtt.connect import ConnectPayload  # type: ignore[import-untyped]

    read = ConnectPayload.from_stream

    async def read_known(reader: Any, fixed: Any, variable: Any) -> Any:  # noqa: ANN401 - amqtt's own types
        if variable is not None and variable.proto_level != LEVEL:
            return ConnectPayload("other-version", "none", b"none", "none", "none")
        return await read(reader, fixed, variable)

    ConnectPayload.from_stream = read_known  # pyright: ignore[reportAttributeAccessIssue] # names of parameters differ


def port_of(broker: Any) -> int:  # noqa: ANN401 - amqtt's Broker, which has no public name for the port it got
    """The port that the system chose for the first listener."""
    server = next(iter(broker._servers.values()))
    return int(server.instance.sockets[0].getsockname()[1])


if __name__ == "__main__":
    asyncio.run(serve())
