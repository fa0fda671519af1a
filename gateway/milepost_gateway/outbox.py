"""The outbox: stored blocks become messages here, and messages leave in order: urgent, live, history.

It takes blocks from the buffer a few at a time, unpacks them, stamps each record by what is known of its node's clock
now, and sorts rows: younger than `late_s` each on its own on `obs`, older ones in arrays on `hist`. What this version
cannot read is quarantined. Each message knows which records of which blocks it carries, so that its PUBACK releases
exactly those.
"""

from collections import deque
from dataclasses import dataclass, field
from itertools import pairwise

from milepost_protocol.channels import NODE, STREAMS
from milepost_protocol.clock import Bound
from milepost_protocol.errors import ProtocolError
from milepost_protocol.records import ROWS, Record, unpack
from milepost_protocol.schema import Schema

from .group import GroupCommit
from .host import boottime_ms, utc_offset_ms
from .nodes import Nodes
from .payloads import Channel, Undecodable, channels_of, event_json, hist_json, row_json, stamp
from .stored import HISTORY, LIVE, URGENT, Delivered, StoredBlock
from .story import tell
from .topics import EVENT, HEALTH, HIST, OBS, Place

BLOCKS_MAX = 64  # taken from the buffer at a time: enough to fill an array of history from a few nodes
READY_MAX = 64  # messages made ahead: more is not taken from the buffer until they are gone
HIST_ROWS_MAX = 100  # rows in one array
HOLD_MS_MAX = 5000  # a session's first rows wait so long for the first exchange; urgent ones never wait
HELD_MAX = 256  # blocks that wait so; more go out with their time unknown
RETAINED_MAX = 4096  # last health rows kept at hand, to be said again after a reconnect


@dataclass(slots=True)
class Message:
    """What one publish says, and the records it carries."""

    topic: str
    payload: str
    lane: str
    retain: bool = False
    parts: list[Delivered] = field(default_factory=list)


@dataclass(slots=True)
class _Array:
    """Rows for one `hist` topic that are still being gathered."""

    rows: list[str] = field(default_factory=list)
    masks: dict[int, int] = field(default_factory=dict)


class Outbox:
    """What is about to be published, from `group` and `nodes`, for a gateway at `place`."""

    def __init__(self, group: GroupCommit, nodes: Nodes, place: Place, late_s: float, system_error_s: float) -> None:
        self.retained: dict[str, str] = {}
        self.undecodable = 0
        self._group = group
        self._nodes = nodes
        self._place = place
        self._late_ms = late_s * 1000
        self._system_error_s = system_error_s
        self._ready: dict[str, deque[Message]] = {lane: deque() for lane in (URGENT, LIVE, HISTORY)}
        self._arrays: dict[str, _Array] = {}
        self._channels: dict[tuple[int, ...], tuple[Channel, ...]] = {}
        self._commits_seen = -1
        self._is_drained = False
        self._held: list[StoredBlock] = []

    @property
    def is_holding(self) -> bool:
        """Whether blocks wait for their node's clock."""
        return bool(self._held)

    def take(self, with_history: bool) -> Message | None:
        """The next message, if there is one."""
        for lane in (URGENT, LIVE, HISTORY) if with_history else (URGENT, LIVE):
            if self._ready[lane]:
                return self._ready[lane].popleft()
        return None

    def clear(self) -> None:
        """Forget what is ready: the buffer hands it out anew."""
        for lane in self._ready.values():
            lane.clear()
        self._arrays.clear()
        self._held.clear()
        self._commits_seen = -1

    async def fill(self) -> None:
        """Take more from the buffer if something came since, or if there was more than last time could take."""
        fresh = self._commits_seen != self._group.commits
        if not fresh and not self._held and (self._is_drained or self._is_full()):
            return
        self._commits_seen = self._group.commits
        blocks, self._held = self._held, []
        taken = await self._group.oldest(BLOCKS_MAX)
        self._is_drained = len(taken) < BLOCKS_MAX
        unreadable = [block.id for block in blocks + taken if not (self._hold(block) or self._unpack(block))]
        for topic in list(self._arrays):
            self._close_array(topic)
        if unreadable:
            self.undecodable += len(unreadable)
            await self._group.quarantine(unreadable)

    def _is_full(self) -> bool:
        return sum(len(lane) for lane in self._ready.values()) >= READY_MAX

    def _hold(self, block: StoredBlock) -> bool:
        """Keep a block back that came before its node's clock was measured, which is but a moment."""
        if block.lane == URGENT or not block.is_this_kernel or len(self._held) >= HELD_MAX:
            return False
        if boottime_ms() - block.arrived_ms > HOLD_MS_MAX:
            return False
        if self._nodes.when(block.node, block.front.boot, block.front.uptimes_ms[0]):
            return False
        self._held.append(block)
        return True

    def _unpack(self, block: StoredBlock) -> bool:
        """Make messages of one block; False if this version cannot read it."""
        schema = block.schema
        try:
            if schema is None:
                raise Undecodable(f"schema {block.front.schema:04x} was never announced")
            records = unpack(block.front, schema)
            wanted = [(place, record) for place, record in enumerate(records) if block.pending >> place & 1]
            if block.front.kind == ROWS:
                self._rows(block, schema, wanted)
            else:
                self._single(block, schema, wanted)
        except (Undecodable, ProtocolError, IndexError) as error:
            count = block.pending.bit_count()
            tell("quarantined", node=block.node.hex(), block=block.id, records=count, why=str(error))
            return False
        return True

    def _rows(self, block: StoredBlock, schema: Schema, wanted: list[tuple[int, Record]]) -> None:
        channels = self._channels_of(schema)
        now, offset = boottime_ms(), utc_offset_ms()
        late_ms = max(self._late_ms, 2 * _period_ms(block.front.uptimes_ms))
        made = []
        for place, record in wanted:
            bound = self._nodes.when(block.node, record.boot, record.uptime_ms)
            text = row_json(block.node, record, channels, stamp(bound, offset, self._system_error_s))
            made.append((place, text, self._age_ms(block, bound, now) > late_ms))
        for place, text, is_late in made:
            self._place_row(block, schema, place, text, is_late)

    def _channels_of(self, schema: Schema) -> tuple[Channel, ...]:
        found = self._channels.get(schema.channels)
        if found is None:
            found = self._channels[schema.channels] = channels_of(schema)
        return found

    def _age_ms(self, block: StoredBlock, bound: Bound | None, now: int) -> float:
        """How old a record is: by its node's clock, else at least as old as its arrival; older kernels' are old."""
        if bound:
            return now - bound.middle_us / 1000
        return now - block.arrived_ms if block.is_this_kernel else float("inf")

    def _place_row(self, block: StoredBlock, schema: Schema, place: int, text: str, is_late: bool) -> None:
        stream = STREAMS[schema.stream]
        if is_late:
            self._gather(self._place.topic(schema.site, HIST, stream), block.id, place, text)
            return
        kind = HEALTH if schema.stream == NODE else OBS
        lane = URGENT if block.lane == URGENT else LIVE
        topic = self._place.topic(schema.site, kind, stream)
        message = Message(topic, text, lane, kind == HEALTH, [Delivered(block.id, 1 << place)])
        if message.retain and (topic in self.retained or len(self.retained) < RETAINED_MAX):
            self.retained[topic] = text
        self._ready[lane].append(message)

    def _single(self, block: StoredBlock, schema: Schema, wanted: list[tuple[int, Record]]) -> None:
        topic = self._place.topic(schema.site, EVENT, STREAMS[schema.stream])
        offset = utc_offset_ms()
        for place, record in wanted:
            bound = self._nodes.when(block.node, record.boot, record.uptime_ms)
            text = event_json(block.node, record, schema, stamp(bound, offset, self._system_error_s))
            self._ready[block.lane].append(Message(topic, text, block.lane, parts=[Delivered(block.id, 1 << place)]))

    # -- arrays of history -------------------------------------------------------------------------------------

    def _gather(self, topic: str, block_id: int, place: int, text: str) -> None:
        array = self._arrays.setdefault(topic, _Array())
        array.rows.append(text)
        array.masks[block_id] = array.masks.get(block_id, 0) | 1 << place
        if len(array.rows) >= HIST_ROWS_MAX:
            self._close_array(topic)

    def _close_array(self, topic: str) -> None:
        array = self._arrays.pop(topic)
        parts = [Delivered(block_id, mask) for block_id, mask in array.masks.items()]
        self._ready[HISTORY].append(Message(topic, hist_json(array.rows), HISTORY, parts=parts))


def _period_ms(uptimes_ms: list[int]) -> int:
    """The period that a batch was sampled at: its shortest step, for a gap is no period; 0 if there is one row."""
    return min((later - earlier for earlier, later in pairwise(uptimes_ms)), default=0)
