"""The emulated board's serial port: bytes, bursts, Ctrl-C, waking, and the real mpremote.

Each test opens the pty of a board of its own. Where the tool chain is missing they skip and say what is missing.
"""

import binascii
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from types import ModuleType

import pytest
import serial
from milepost_tools.emulator import Board

pytestmark = pytest.mark.timeout(300)  # the first build takes half a minute, on a busy machine twice that


def open_port(board: Board) -> serial.Serial:
    return serial.Serial(board.pty, 115200, timeout=20, write_timeout=20)


ECHO = b"""
import micropython, sys
micropython.kbd_intr(-1)
sys.stdout.buffer.write(b"R")
while True:
    sys.stdout.buffer.write(sys.stdin.buffer.read(256))
"""


def started_echo(board: Board) -> serial.Serial:
    """A port with the echo running; a fresh board's "R" may be lost before QEMU sees that the pty was opened."""
    port = open_port(board)
    port.write(b"!" * 256)
    assert port.read_until(b"!" * 256).endswith(b"!" * 256)
    return port


def test_all_256_byte_values_pass_the_uart_after_kbd_intr_minus_1(emulated: ModuleType) -> None:
    with emulated.start({"main.py": ECHO}) as board, started_echo(board) as port:
        port.write(bytes(range(256)))
        assert port.read(256) == bytes(range(256))


LATE_READER = b"""
import binascii, micropython, sys, time
micropython.kbd_intr(-1)
time.sleep(2)
print(binascii.crc32(sys.stdin.buffer.read(20000)))
"""


def test_a_burst_longer_than_every_buffer_loses_nothing(emulated: ModuleType) -> None:
    burst = bytes(range(250)) * 80
    with emulated.start({"main.py": LATE_READER}) as board, open_port(board) as port:
        time.sleep(0.5)  # until then a byte 3 would still be a Ctrl-C
        port.write(burst)
        assert port.read_until(b"\n").strip() == str(binascii.crc32(burst)).encode()


def test_ctrl_c_stops_a_program_that_never_reads(emulated: ModuleType) -> None:
    with emulated.start({"main.py": b"while True: pass"}) as board, open_port(board) as port:
        port.write(b"x" * 2000 + b"\x03")
        assert port.read_until(b"KeyboardInterrupt").endswith(b"KeyboardInterrupt")
        assert port.read_until(b">>> ").endswith(b">>> ")


def test_input_wakes_a_board_that_sleeps(emulated: ModuleType) -> None:
    waiter = b"""
import select, sys, time
poll = select.poll()
poll.register(sys.stdin, select.POLLIN)
poll.poll()
print("woke", sys.stdin.read(1))
"""
    with emulated.start({"main.py": waiter}, icount=3, sleep_off=True) as board, open_port(board) as port:
        time.sleep(1.5)  # long enough for QEMU to see the pty open and for the board to be deep in its wait
        port.write(b"a")
        assert b"woke a" in port.read_until(b"woke a")


STARTER = """
import time
from milepost_tools import emulator
board = emulator.start()
print(board.process.pid, flush=True)
time.sleep(100)
"""


def is_qemu(process: str) -> bool:
    with suppress(OSError):  # of a process that has ended
        return "qemu" in Path(f"/proc/{process}/cmdline").read_text()
    return False


def test_a_board_ends_with_the_program_that_started_it_even_if_that_is_killed(emulated: ModuleType) -> None:
    with subprocess.Popen([sys.executable, "-c", STARTER], stdout=subprocess.PIPE, text=True) as starter:
        assert starter.stdout is not None
        board = starter.stdout.readline().strip()
        assert is_qemu(board)
        starter.kill()
    deadline = time.monotonic() + 10
    while is_qemu(board):
        assert time.monotonic() < deadline
        time.sleep(0.05)


def mpremote(board: Board, *words: str) -> str:
    argv = [sys.executable, "-m", "mpremote", "connect", board.pty, *words]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_real_mpremote_runs_code_and_mounts_a_folder_on_the_board(emulated: ModuleType, tmp_path: Path) -> None:
    (tmp_path / "shared.py").write_text("VALUE = 6 * 7\n")
    with emulated.start() as board:
        assert mpremote(board, "exec", "print(1)") == "1\n"
        assert mpremote(board, "mount", str(tmp_path), "exec", "import shared; print(shared.VALUE)").endswith("42\n")


def test_real_mpremote_stops_a_running_program_and_gets_in(emulated: ModuleType) -> None:
    busy = b"import time\nwhile True: time.sleep_ms(50)"
    with emulated.start({"main.py": busy}) as board:
        assert mpremote(board, "exec", "print('in')") == "in\n"
