"""The node as a process: real MicroPython on a pseudo-terminal, the protocol's gateway end at the other side."""

import fcntl
import itertools
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from milepost_node import boot
from milepost_node.refusal import PORT_BUSY, PORT_MISSING, TASK_DIED, USAGE
from milepost_node.simulators.scene import parse_decimal
from milepost_node.store import Store
from milepost_protocol import records
from milepost_protocol.channels import EVENT_IDS, STREAM_IDS
from milepost_protocol.handshake import BOOT_ORDER_UNKNOWN
from milepost_protocol.quality import QUALITY_IDS
from node_bench import ROOT, NodeProcess, TestGateway, a_config, environment, write_node

# PM2.5, PM10, level: blanks, the part's ceilings, and levels beyond both ends of the ranger
TRACE = """pm25,pm10,level_m
27.22,31.52,0.4785
26.95,30.50,-0.6767
,,4.1544
999.95,2000.3,1.6
5.05,6.04,
1.0,2.0,-0.5
"""


@pytest.fixture
def gateway():
    found = TestGateway()
    yield found
    found.close()


@pytest.fixture
def start(micropython: "list[str]") -> "Callable[[Path], NodeProcess]":
    """`with start(folder) as node:` runs the node of a directory."""
    return lambda folder: NodeProcess(micropython, folder)


@pytest.fixture
def trace(tmp_path: Path) -> Path:
    path = tmp_path / "trace.csv"
    path.write_text(TRACE)
    return path


def rows_of(gateway: TestGateway, site: str, stream: str) -> list[records.Record]:
    return [row for row in gateway.of(site) if gateway.schemas[row.schema].stream == STREAM_IDS[stream]]


def expected_air(count: int) -> "list[tuple[int | None, int | None]]":
    """What `count` samples of the trace must be: rounded to 0.1, capped where the part stops."""
    lines = [line.split(",") for line in TRACE.splitlines()[1:]]
    found = []
    for i in range(count):
        pm25, pm10 = (parse_decimal(cell, 1) for cell in lines[i % len(lines)][:2])
        found.append((None, None) if pm25 is None or pm10 is None else (min(pm25, 9999), min(pm10, 19999)))
    return found


def test_rows_arrive_in_order_and_equal_the_trace(gateway, trace, tmp_path, start):
    folder = write_node(tmp_path / "node", a_config(gateway.port, trace))
    with start(folder):
        gateway.pump(6.5)
    air, flood, bay = (
        rows_of(gateway, *name) for name in (("nha-be", "air"), ("gauge", "flood"), ("bay-1", "parking"))
    )
    assert len(air) >= 8
    assert [row.values for row in air] == expected_air(len(air))
    assert air[3].quality == (QUALITY_IDS["saturated"], QUALITY_IDS["saturated"])
    assert [row.values[0] for row in flood[:6]] == [479, None, None, 1600, None, -500]
    words = [row.quality[0] if row.quality else 0 for row in flood[:6]]
    assert words == [0, QUALITY_IDS["no-echo"], QUALITY_IDS["too-near"], 0, QUALITY_IDS["missing"], 0]
    assert len(bay) >= 20
    assert gateway.decoder.damaged == 0
    assert len(rows_of(gateway, "nha-be", "node")) >= 3, "health"
    sequences = [sequence for _, sequence in sorted(gateway.records)]
    assert sequences == list(range(len(sequences))), "none is missing"


def test_events_carry_their_edge_and_alarms_their_level(gateway, trace, tmp_path, start):
    folder = write_node(tmp_path / "node", a_config(gateway.port, trace))
    with start(folder):
        gateway.pump(5.5)
    alarm = gateway.of("gauge", records.EVENT)[0]
    assert (alarm.cls, alarm.values) == (records.URGENT, (EVENT_IDS["level-1"], 1600, 100))
    changes = gateway.of("bay-1", records.EVENT)
    assert changes
    for change in changes:
        row = next(row for row in gateway.of("bay-1") if row.uptime_ms == change.uptime_ms)
        assert row.values[0] == (change.values[0] == EVENT_IDS["occupied"])


def test_samples_keep_their_steps_while_the_gateway_says_nothing(gateway, trace, tmp_path, start):
    folder = write_node(tmp_path / "node", a_config(gateway.port, trace))
    with start(folder):
        gateway.pump_until(5)
        time.sleep(5)  # nobody reads the line
        gateway.pump(3)
    bay = rows_of(gateway, "bay-1", "parking")
    steps = [later.uptime_ms - earlier.uptime_ms for earlier, later in itertools.pairwise(bay)]
    assert len(bay) >= 35
    assert max(steps) < 300, "0.2 s apart, and never a gap"
    sequences = [sequence for _, sequence in sorted(gateway.records)]
    assert sequences == list(range(len(sequences))), "none is missing"


FILL_THE_LINE = """
import asyncio, sys, time
from milepost_node.boards.unix import TerminalLink
sent, late = [0], [0]
async def write(link):
    while True:
        await link.write(bytes(250))
        sent[0] += 250
async def main():
    task = asyncio.create_task(write(TerminalLink(sys.argv[1], 115200)))
    for _ in range(30):
        before = time.ticks_ms()
        await asyncio.sleep_ms(50)
        late[0] = max(late[0], time.ticks_diff(time.ticks_ms(), before) - 50)
asyncio.run(main())
print(sent[0], late[0])
"""


def test_a_line_that_is_full_blocks_nothing_but_its_writer(gateway, tmp_path, micropython):
    script = tmp_path / "fill.py"
    script.write_text(FILL_THE_LINE)
    command = [*micropython, str(script), gateway.port]
    done = subprocess.run(command, env=environment(), capture_output=True, text=True, check=True, timeout=20)
    sent, late_ms = (int(word) for word in done.stdout.split())
    assert 4096 < sent < 1000000, "the line took what it could and no more"
    assert late_ms < 300


def test_a_killed_node_starts_as_a_new_boot_and_repeats_no_name(gateway, trace, tmp_path, start):
    folder = write_node(tmp_path / "node", a_config(gateway.port, trace))
    boot.write_first(Store(f"{folder}/store"))
    for _ in range(3):
        with start(folder) as node:
            wanted = len(gateway.records) + 8
            gateway.pump_until(wanted)
            node.kill()
    assert [number for number, _ in gateway.sessions] == [1, 2, 3]
    for number in (1, 2, 3):
        sequences = sorted(sequence for found, sequence in gateway.records if found == number)
        assert sequences == list(range(len(sequences)))


def test_a_lost_store_is_a_random_boot_that_says_its_order_is_unknown(gateway, trace, tmp_path, start):
    folder = write_node(tmp_path / "node", a_config(gateway.port, trace))
    boot.write_first(Store(f"{folder}/store"))
    for _ in range(2):
        with start(folder):
            gateway.pump_until(len(gateway.records) + 3)
        shutil.rmtree(folder / "store")
    (first, known), (second, unknown) = gateway.sessions
    assert (first, known & BOOT_ORDER_UNKNOWN) == (1, 0)
    assert second >= boot.RANDOM_FROM
    assert unknown & BOOT_ORDER_UNKNOWN


def test_a_long_outage_loses_nothing_without_a_word(gateway, trace, tmp_path, start):
    config = a_config(gateway.port, trace, spool_records_max=16, live_delay_s=1)
    folder = write_node(tmp_path / "node", config)
    with start(folder):
        gateway.pump_until(3)
        time.sleep(9)
        gateway.pump(6)
    told = [record.values for record in gateway.records.values() if record.kind == records.GONE]
    gone = [sequence for _, _, first, last in told for sequence in range(first, last + 1)]
    present = {sequence for _, sequence in gateway.records}
    assert len(gone) > 10
    assert len(gone) == len(set(gone)), "each discard is told once"
    # "gone" is what the node gave up; what had left it before, and was never acked, may be here all the same
    assert set(gone) | present == set(range(max(present) + 1))
    assert len(set(gone) - present) > 10


def test_a_port_that_is_unplugged_and_plugged_in_again_is_opened_again(gateway, trace, tmp_path, start):
    link = tmp_path / "port"
    link.symlink_to(gateway.port)
    folder = write_node(tmp_path / "node", a_config(str(link), trace))
    with start(folder) as node:
        gateway.pump_until(5)
        successor = TestGateway()
        successor.end, successor.records, successor.schemas = gateway.end, gateway.records, gateway.schemas
        link.unlink()
        os.close(gateway.master)
        time.sleep(1)
        link.symlink_to(successor.port)
        successor.pump_until(len(gateway.records) + 10)
        assert node.process.poll() is None
    assert [sequence for _, sequence in sorted(successor.records)] == list(range(len(successor.records)))
    assert successor.order, "on the new line"
    gateway.master = os.open(os.devnull, os.O_RDONLY)
    successor.close()


# -- refusals ---------------------------------------------------------------------------------------------------------


def refusal_of(start: "Callable[[Path], NodeProcess]", folder: Path) -> "tuple[int, str]":
    with start(folder) as node:
        status, said = node.finish()
    assert said.count("\n") == 1, said
    assert said.startswith("milepost-node: E-")
    return status, said


def test_a_port_that_is_not_there_is_one_line_and_status_3(trace, tmp_path, start):
    missing = str(tmp_path / "ttyGONE")
    status, said = refusal_of(start, write_node(tmp_path / "node", a_config(missing, trace)))
    assert status == PORT_MISSING
    assert missing in said


def test_a_port_that_another_program_holds_is_one_line_and_status_4(gateway, trace, tmp_path, start):
    handle = os.open(gateway.port, os.O_RDWR | os.O_NOCTTY)
    fcntl.flock(handle, fcntl.LOCK_EX)
    status, said = refusal_of(start, write_node(tmp_path / "node", a_config(gateway.port, trace)))
    os.close(handle)
    assert status == PORT_BUSY
    assert gateway.port in said


def test_a_broken_configuration_is_one_line_and_status_2(gateway, trace, tmp_path, start):
    config = a_config(gateway.port, trace, colour="red")
    status, said = refusal_of(start, write_node(tmp_path / "node", config))
    assert status == USAGE
    assert "config.json:" in said
    assert "colour" in said


def test_a_trace_that_is_not_there_is_one_line_and_status_2(gateway, tmp_path, start):
    status, said = refusal_of(start, write_node(tmp_path / "node", a_config(gateway.port, tmp_path / "none.csv")))
    assert (status, "none.csv" in said) == (USAGE, True)


def test_no_directory_is_a_usage_error(micropython):
    command = [*micropython, "-m", "milepost_node"]
    done = subprocess.run(command, env=environment(), capture_output=True, text=True, check=False, timeout=20)
    assert done.returncode == USAGE
    assert "name one node directory" in done.stderr


def test_a_dead_task_ends_the_process_with_its_traceback(gateway, trace, tmp_path, start):
    trace.write_text("pm25,pm10,level_m\n1,2,3\noops,2,3\n")
    with start(write_node(tmp_path / "node", a_config(gateway.port, trace))) as node:
        gateway.pump(3)
        status, said = node.finish()
    assert status == TASK_DIED
    assert "task `simulated uart1` ended" in said
    assert "Traceback" in said
    assert "oops" in said


def test_an_interrupt_ends_it_quietly(gateway, trace, tmp_path, start):
    with start(write_node(tmp_path / "node", a_config(gateway.port, trace))) as node:
        gateway.pump_until(3)
        node.process.send_signal(signal.SIGINT)
        status, said = node.finish()
    assert status in (0, -signal.SIGINT), "started with -m, the unix port leaves the signal to the system"
    assert said == ""


def test_the_key_stands_in_no_argument_and_no_output(gateway, trace, tmp_path, start):
    folder = write_node(tmp_path / "node", a_config(gateway.port, trace, colour="red"))
    key = (folder / "identity.json").read_text().split('"')[-2]
    with start(folder) as node:
        _, said = node.finish()
    assert len(key) == 64
    assert key not in said
    assert key not in " ".join(node.process.args)


def test_only_board_modules_import_what_only_a_board_has():
    package = ROOT / "firmware" / "milepost_node"
    offenders = []
    for path in package.rglob("*.py"):
        for line in path.read_text().splitlines():
            words = line.split()
            if words[:1] in (["import"], ["from"]) and words[1] in ("machine", "esp32", "ffi", "termios"):
                offenders.append((path.parent.name, words[1]))
    assert set(offenders) == {("boards", "machine"), ("boards", "ffi"), ("boards", "termios")}
