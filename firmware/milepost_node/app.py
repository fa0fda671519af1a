"""The node as a whole: from a directory to running tasks.

The directory holds identity.json, config.json and store/. Everything that can be wrong with them, or with the link's port, is
found before the first task starts and leaves as a Refusal; from then on the only way out is a task that died.
"""

from milepost_protocol.channels import NODE, STREAM_IDS
from milepost_protocol.handshake import BOOT_ORDER_UNKNOWN
from milepost_protocol.node_end import NodeEnd
from milepost_protocol.records import DIAGNOSTIC
from milepost_protocol.schema import Schema

from . import boot, config, drivers, health
from .board import PortBusy, PortMissing
from .boards import open_board
from .refusal import PORT_BUSY, PORT_MISSING, USAGE, Refusal
from .sampler import JUDGES, Sampler, Schedule
from .spool import Spool
from .tasks import Group
from .uplink import Uplink
from .uptime import Uptime

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from .board import Board, Link


class Node:
    """One node, ready to run. Public parts: `board`, `boot`, `uptime`, `spool`, `end`, `uplink`, `schedules`."""

    def __init__(self, settings: "dict[str, Any]", identity: "dict[str, Any]", board: "Board") -> None:
        self.board = board
        self.uptime = Uptime(board.ticks_ms, board.ticks_diff)
        self.boot = boot.begin(board.store, board.entropy)
        home = Schema(settings["home"], NODE, health.CHANNELS)
        live_ms_max = int(settings["live_delay_s"] * 1000)
        self.spool = Spool(self.boot.number, home.hash, settings["spool_records_max"], live_ms_max)
        flags = 0 if self.boot.is_ordered else BOOT_ORDER_UNKNOWN
        self.end = NodeEnd(identity["node"], self.boot.number, identity["key"], board.entropy, flags)
        self.schedules = [_schedule(board, plan) for plan in settings["schedules"]]
        self.uplink = Uplink(board, self.end, self.spool, self.uptime, [home] + [s.schema for s in self.schedules])
        self.heart = health.Heart(board, self.uptime)
        about_itself = health.Health(self.uptime, self.spool, self.heart, self.uplink.noise)
        period_ms = int(settings["health_period_s"] * 1000)
        self.schedules.append(Schedule(home, about_itself, period_ms, cls=DIAGNOSTIC))
        self.samplers = [Sampler(schedule, self.spool, self.uptime) for schedule in self.schedules]

    async def run(self, link: "Link") -> None:
        """Start every task; tasks.Died leaves when one of them ends."""
        group = Group()
        for name, work in self.board.work():
            group.start(name, work)
        group.start("uplink", self.uplink.run(link))
        group.start("heart", self.heart.run())
        for sampler in self.samplers:
            group.start("sampler " + sampler.name, sampler.run())
        await group.wait()


def _schedule(board: "Board", plan: "dict[str, Any]") -> Schedule:
    """A schedule from its checked configuration."""
    sensor = plan["sensor"]
    _, kind, baud, channels, _ = drivers.DRIVERS[sensor["driver"]]
    bus = board.uart(sensor["bus"], baud) if kind == "uart" else board.i2c(sensor["bus"])
    driver = drivers.open_driver(sensor["driver"], bus, plan)
    judge = JUDGES[plan["stream"]](plan) if plan["stream"] in JUDGES else None
    schema = Schema(plan["site"], STREAM_IDS[plan["stream"]], judge.channels if judge else channels)
    return Schedule(schema, driver, int(plan["period_s"] * 1000), int(plan["offset_s"] * 1000), judge)


def open_node(folder: str) -> "tuple[Node, Link]":
    """The node that `folder` describes, and its open link. Refusal leaves if anything is not right."""
    settings = config.load_config(folder)
    identity = config.load_identity(folder)
    board = open_board(settings, identity, folder)
    if board.unique_id is not None and board.unique_id != identity["node"]:
        raise Refusal(
            USAGE, f"E-NODE-01 {folder}/identity.json is another node's: this chip is {board.unique_id.hex()}"
        )
    link = _open_link(board, settings["link"]["port"], folder)
    return Node(settings, identity, board), link


def _open_link(board: "Board", port: str, folder: str) -> "Link":
    try:
        return board.open_link()
    except PortMissing:
        line = f"E-PORT-01 {port} does not exist: plug it in, or correct link.port in {folder}/config.json"
        raise Refusal(PORT_MISSING, line) from None
    except PortBusy:
        raise Refusal(PORT_BUSY, f"E-PORT-02 {port} is in use: end the program that has it open") from None
    except OSError as error:
        raise Refusal(
            PORT_MISSING, f"E-PORT-03 {port} cannot be opened (error {error.errno}): check its rights"
        ) from None
