"""The publisher: from the outbox to the broker at QoS 1, a window in flight, released on PUBACK and not before.

One connection after another, for ever: MQTT 5 where the broker speaks it, else 3.1.1; pauses with full jitter. Each
connection begins with its birth: `meta` of all sites, then status `ready`, health, and the nodes' last health; its
will says `lost`. Publishes start in order and a broker acks in order, so each node's order is kept. When a connection
breaks, what was not PUBACKed is handed out by the buffer again, with the same ids. The only importer of aiomqtt.
"""

import asyncio
import random
from collections.abc import Awaitable, Callable
from typing import Any

import aiomqtt
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from .config import BrokerSettings
from .errors import MilepostError
from .group import GroupCommit
from .nodes import Nodes, stream_word
from .outbox import Message, Outbox
from .payloads import health_json, meta_json, status_json
from .stored import HISTORY, Delivered
from .story import tell
from .topics import HEALTH, META, STATUS, Place

CONNECT_S_MAX = 4.0  # for TCP, CONNECT and CONNACK; below the 5 s in which a stop must be through
PUBACK_S_MAX = 30.0  # a broker that takes longer is taken for gone
KEEPALIVE_S = 20
PAUSE_S_MIN, PAUSE_S_MAX = 0.5, 60.0  # between two connections: drawn from 0 to a limit that doubles between these
STOP_S_MAX = 2.0  # how long a stop waits for PUBACKs
HISTORY_PAUSE_S_MIN = 0.02  # history takes one message at a time, and then lets as much time pass as its PUBACK took
BESIDE_WINDOW = 8  # messages in flight beside the window's: what the gateway says of itself
HOLD_S = 0.1  # between two looks at blocks that wait for their node's clock
IDLE_S = 1.0  # rows in the outbox grow old: it is looked at so often at least
UNSUPPORTED = (1, 132)  # CONNACK: protocol version not supported, in 3.1.1 and in 5
NO_CONNACK = "Operation timed out"  # aiomqtt's words for a connection that TCP has and the broker never answers

_Paho = Any  # what paho hands its callbacks and we only pass on
Health = Callable[[], Awaitable[dict[str, Any]]]


class _Client(aiomqtt.Client):
    """aiomqtt's client with what it leaves out: a PUBACK may refuse, and a broker may want fewer messages in flight."""

    refused: "Callable[[int, str], None] | None" = None
    receive_max: int | None = None  # how many messages in flight the broker takes, if it says so

    def _client_connect(self) -> None:
        self._client.connect_timeout = CONNECT_S_MAX
        super()._client_connect()

    def _on_connect(
        self, client: _Paho, userdata: _Paho, flags: _Paho, reason_code: ReasonCode, properties: _Paho = None
    ) -> None:
        self.receive_max = getattr(properties, "ReceiveMaximum", None)
        super()._on_connect(client, userdata, flags, reason_code, properties)

    def _on_publish(self, client: _Paho, userdata: _Paho, mid: int, reason_code: ReasonCode, properties: _Paho) -> None:
        if reason_code.is_failure and self.refused:
            self.refused(reason_code.value, str(reason_code))
            return  # its publish() stays without an answer until the connection is given up
        super()._on_publish(client, userdata, mid, reason_code, properties)


class Publisher:
    """Publishes what `outbox` gives at the broker of `settings`; `health` is asked each `health_s`."""

    def __init__(
        self,
        settings: BrokerSettings,
        address: tuple[str, int],
        password: str | None,
        place: Place,
        group: GroupCommit,
        nodes: Nodes,
        outbox: Outbox,
        health: Health,
        health_s: float,
    ) -> None:
        self.settings = settings
        self.place = place
        self.counters = {"connected": 0, "published": 0, "refused": 0, "lost": 0}
        self.is_connected = False
        self.protocol: aiomqtt.ProtocolVersion | None = None  # until the first broker was asked
        self.stopping = asyncio.Event()
        self._address = address
        self._password = password
        self._group = group
        self._nodes = nodes
        self._outbox = outbox
        self._health = health
        self._health_s = health_s
        self._session = 0
        self._properties: Properties | None = None
        self._flights: set[asyncio.Task[None]] = set()
        self._wake = asyncio.Event()
        self._broken: asyncio.Future[None] = asyncio.Future()
        self._history_at = 0.0  # when history may go on, in loop time; infinite while one is in flight
        group.listen(self._wake.set)

    # -- connections -------------------------------------------------------------------------------------------

    async def run(self, is_attended: bool = False) -> None:
        """Stay connected until `stopping` is set. Attended, a first connection that fails is E-BROKER-…."""
        limit_s = PAUSE_S_MIN
        while not self.stopping.is_set():
            try:
                await self._connection()
                continue
            except aiomqtt.MqttError as error:
                if is_attended and not self.counters["connected"]:
                    raise self._fault(error) from None
                limit_s = PAUSE_S_MIN if self.is_connected else min(limit_s * 2, PAUSE_S_MAX)
                tell("broker-lost" if self.is_connected else "broker-away", broker=self.settings.url, why=str(error))
            finally:
                self.is_connected = False
            await _sleep_or(self.stopping, random.uniform(0, limit_s))  # noqa: S311 - spreads load, keeps no secret

    async def _settle_protocol(self) -> aiomqtt.ProtocolVersion:
        """MQTT 5 if the broker takes it, else 3.1.1. Asked without a will: older brokers stumble over a new one."""
        try:
            async with self._client(aiomqtt.ProtocolVersion.V5, None):
                return aiomqtt.ProtocolVersion.V5
        except aiomqtt.MqttError as error:
            code = getattr(error, "rc", None)
            number = code if isinstance(code, int) else getattr(code, "value", None)
            if number not in UNSUPPORTED and str(error) != NO_CONNACK:
                raise
            return aiomqtt.ProtocolVersion.V311

    def _fault(self, error: aiomqtt.MqttError) -> MilepostError:
        if isinstance(error, aiomqtt.MqttCodeError):
            hint = "check broker.username, broker.password_file and what the broker allows"
            return MilepostError("E-BROKER-02", f"{self.settings.url} refuses: {error}: {hint}")
        hint = "start the broker, or correct broker.url"
        return MilepostError("E-BROKER-01", f"{self.settings.url} cannot be reached: {error}: {hint}")

    async def _connection(self) -> None:
        """One connection from CONNECT to its end."""
        self.protocol = self.protocol or await self._settle_protocol()
        self._properties = publish_properties(self.protocol)
        self._session = await self._group.next_number("broker_session")
        will = aiomqtt.Will(self.place.own(STATUS), status_json("lost", self._session), qos=1, retain=True)
        async with self._client(self.protocol, will) as client:
            self.counters["connected"] += 1
            self.is_connected = True
            version = client_version(self.protocol)
            tell("broker-connected", broker=self.settings.url, mqtt=version, session=self._session)
            self._broken = asyncio.get_running_loop().create_future()
            client.refused = self._refused
            client.pending_calls_threshold = 2 * self.settings.window + BESIDE_WINDOW  # else aiomqtt warns
            try:
                self._outbox.clear()
                await self._group.give_back()
                await self._birth(client)
                await self._serve(client)
            finally:
                await self._ground()

    def _client(self, protocol: aiomqtt.ProtocolVersion, will: aiomqtt.Will | None) -> _Client:
        return _Client(
            hostname=self._address[0],
            port=self._address[1],
            username=self.settings.username or None,
            password=self._password,
            identifier=f"milepost-{self.place.gateway}",
            protocol=protocol,
            will=will,
            clean_session=None if protocol == aiomqtt.ProtocolVersion.V5 else True,
            timeout=CONNECT_S_MAX,
            keepalive=KEEPALIVE_S,
            max_inflight_messages=self.settings.window + BESIDE_WINDOW,
        )

    def _refused(self, code: int, why: str) -> None:
        """The broker will not take a message: nothing is lost by trying again later, on a new connection."""
        self.counters["refused"] += 1
        if not self._broken.done():
            self._broken.set_exception(aiomqtt.MqttError(f"the broker refuses a message: {code} {why}"))

    # -- one connection ----------------------------------------------------------------------------------------

    async def _birth(self, client: aiomqtt.Client) -> None:
        await self._publish_meta(client)
        await self._say(client, STATUS, status_json("ready", self._session))
        await self._publish_health(client)
        for topic, payload in list(self._outbox.retained.items()):
            await self._publish(client, topic, payload, retain=True)

    async def _serve(self, client: _Client) -> None:
        """Send, and say health, until the connection breaks or a stop is asked for."""
        tasks: list[asyncio.Task[Any]] = [
            asyncio.create_task(self._send(client), name="broker-send"),
            asyncio.create_task(self._beat(client), name="broker-health"),
            asyncio.create_task(self._listen(client), name="broker-listen"),
            asyncio.create_task(self.stopping.wait(), name="broker-stop"),
        ]
        try:
            await asyncio.wait([*tasks, self._broken], return_when=asyncio.FIRST_COMPLETED)
            for ended in (self._broken, *tasks):
                if ended.done():
                    ended.result()
            tasks[0].cancel()
            await self._farewell(client)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _listen(self, client: aiomqtt.Client) -> None:
        """Notice that the connection broke. (Commands from the city will come in here.)"""
        async for _ in client.messages:
            pass

    async def _beat(self, client: aiomqtt.Client) -> None:
        while True:
            await asyncio.sleep(self._health_s)
            await self._publish_health(client)

    async def _farewell(self, client: aiomqtt.Client) -> None:
        """Wait for what is in flight, and say that this end is meant."""
        if self._flights:
            await asyncio.wait(self._flights, timeout=STOP_S_MAX)
        await self._group.commit()
        await self._publish_health(client)
        await self._say(client, STATUS, status_json("stopped", self._session))

    async def _ground(self) -> None:
        """Nothing of this connection goes on behind it."""
        if not self._broken.cancel() and not self._broken.cancelled():
            self._broken.exception()  # it has been dealt with
        self.counters["lost"] += len(self._flights)
        for flight in list(self._flights):
            flight.cancel()
        await asyncio.gather(*self._flights, return_exceptions=True)
        self._flights.clear()
        self._history_at = 0.0

    # -- records -----------------------------------------------------------------------------------------------

    async def _send(self, client: _Client) -> None:
        """Keep the window full of what the outbox has."""
        loop = asyncio.get_running_loop()
        window = min(self.settings.window, client.receive_max or self.settings.window)
        while True:
            self._wake.clear()
            await self._outbox.fill()
            if self._nodes.streams_changed:
                await self._publish_meta(client)
            if len(self._flights) < window:
                message = self._outbox.take(with_history=loop.time() >= self._history_at)
                if message:
                    self._launch(client, message)
                    continue
            await _sleep_or(self._wake, self._pause_s(loop.time()))

    def _pause_s(self, now: float) -> float:
        """How long there is nothing to do unless something wakes us."""
        idle_s = HOLD_S if self._outbox.is_holding else IDLE_S
        history_s = self._history_at - now
        return history_s if 0 < history_s < idle_s else idle_s

    def _launch(self, client: aiomqtt.Client, message: Message) -> None:
        if message.lane == HISTORY:
            self._history_at = float("inf")
        flight = asyncio.create_task(self._fly(client, message), name="broker-flight")
        self._flights.add(flight)
        flight.add_done_callback(self._landed)

    async def _fly(self, client: aiomqtt.Client, message: Message) -> None:
        loop = asyncio.get_running_loop()
        started = loop.time()
        await self._publish(client, message.topic, message.payload, message.retain)
        self._group.release(message.parts)
        self.counters["published"] += count_records(message.parts)
        if message.lane == HISTORY:
            self._history_at = loop.time() + max(loop.time() - started, HISTORY_PAUSE_S_MIN)

    def _landed(self, flight: asyncio.Task[None]) -> None:
        self._flights.discard(flight)
        self._wake.set()
        error = None if flight.cancelled() else flight.exception()
        if error and not self._broken.done():
            self._broken.set_exception(error)

    async def _publish(self, client: aiomqtt.Client, topic: str, payload: str, retain: bool) -> None:
        """Publish and wait for the PUBACK."""
        await client.publish(topic, payload, 1, retain, self._properties, timeout=PUBACK_S_MAX)

    # -- what the gateway says of itself -----------------------------------------------------------------------

    async def _publish_meta(self, client: aiomqtt.Client) -> None:
        self._nodes.streams_changed = False
        for schema in self._nodes.streams():
            topic = self.place.topic(schema.site, META, stream_word(schema))
            await self._publish(client, topic, meta_json(schema), retain=True)

    async def _publish_health(self, client: aiomqtt.Client) -> None:
        await self._say(client, HEALTH, health_json(await self._health()))

    async def _say(self, client: aiomqtt.Client, kind: str, payload: str) -> None:
        await self._publish(client, self.place.own(kind), payload, retain=True)


def count_records(parts: list[Delivered]) -> int:
    """How many records these parts are."""
    return sum(part.mask.bit_count() for part in parts)


def publish_properties(protocol: aiomqtt.ProtocolVersion) -> Properties | None:
    """What MQTT 5 says beside a payload; made once a connection, because paho takes its time over it."""
    if protocol != aiomqtt.ProtocolVersion.V5:
        return None
    properties = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]
    properties.PayloadFormatIndicator = 1
    properties.ContentType = "application/json"
    return properties


def client_version(protocol: aiomqtt.ProtocolVersion) -> str:
    """The protocol's version as people write it."""
    return "5.0" if protocol == aiomqtt.ProtocolVersion.V5 else "3.1.1"


async def _sleep_or(event: asyncio.Event, seconds: float) -> None:
    """Wait for the event, but not longer than this."""
    try:
        async with asyncio.timeout(seconds):
            await event.wait()
    except TimeoutError:
        pass
