"""The demo's subscriber: an ordinary consumer at the broker, which knows what is published and nothing else.

It asks for all topics of the area with QoS 1 and a session that outlasts its connection, so what is published while it
is away waits for it. It comes back for ever, with a short pause; `forget` takes its session away from the broker at
the end.
"""

import asyncio
import logging
from collections.abc import Callable

import aiomqtt

RETRY_S = 0.5  # a broker that was restarted is back within seconds, and a human waits
KEEPALIVE_S = 20

Take = Callable[[str, bytes, bool], None]  # topic, payload, retained

_quiet = logging.getLogger("milepost.subscriber")
_quiet.addHandler(logging.NullHandler())
_quiet.propagate = False


class Subscriber:
    """Hands each message to `take`. `ready` is set while it is subscribed; `trouble` is why it last was not.

    `refused` is set when the broker answered and would not have it: trying again may help, but not by itself.
    """

    def __init__(self, host: str, port: int, topics: str, identifier: str, take: Take) -> None:
        self.ready = asyncio.Event()
        self.refused = asyncio.Event()
        self.connections = 0
        self.trouble = "no answer yet"
        self._host = host
        self._port = port
        self._topics = topics
        self._identifier = identifier
        self._take = take

    async def run(self) -> None:
        """Subscribe and take, for ever."""
        while True:
            try:
                await self._listen()
            except aiomqtt.MqttError as error:
                self.ready.clear()
                self.trouble = str(error)
                if isinstance(error, aiomqtt.MqttCodeError):
                    self.refused.set()
                await asyncio.sleep(RETRY_S)

    async def _listen(self) -> None:
        async with self._client(clean=False) as client:
            await client.subscribe(self._topics, qos=1)
            self.connections += 1
            self.ready.set()
            async for message in client.messages:
                if isinstance(message.payload, bytes):
                    self._take(message.topic.value, message.payload, bool(message.retain))

    async def wait_ready(self, limit_s: float) -> bool:
        """Whether it was ready within `limit_s`; False at once if it is refused."""
        waits = [asyncio.create_task(event.wait()) for event in (self.ready, self.refused)]
        await asyncio.wait(waits, timeout=limit_s, return_when=asyncio.FIRST_COMPLETED)
        for wait in waits:
            wait.cancel()
        return self.ready.is_set()

    async def forget(self) -> None:
        """End our session at the broker; a broker that is gone has forgotten us already."""
        try:
            async with self._client(clean=True):
                pass
        except aiomqtt.MqttError:
            return

    def _client(self, clean: bool) -> aiomqtt.Client:
        return aiomqtt.Client(
            self._host,
            self._port,
            identifier=self._identifier,
            protocol=aiomqtt.ProtocolVersion.V311,  # the carried broker speaks no other
            clean_session=clean,
            keepalive=KEEPALIVE_S,
            logger=_quiet,
        )
