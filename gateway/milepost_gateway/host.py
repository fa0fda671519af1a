"""What the gateway asks of its own machine: its boot, the clock that counts through it, and UTC beside that."""

import time
from pathlib import Path

BOOT_ID_FILE = Path("/proc/sys/kernel/random/boot_id")


def kernel_boot_id() -> str:
    """The id that the kernel drew when it booted: BOOTTIMEs compare only within one."""
    return BOOT_ID_FILE.read_text(encoding="ascii").strip()


def boottime_ms() -> int:
    """CLOCK_BOOTTIME in ms: it counts through suspend, and nobody sets it."""
    return time.clock_gettime_ns(time.CLOCK_BOOTTIME) // 1_000_000


def utc_offset_ms() -> float:
    """UTC (Unix time) less BOOTTIME, in ms, as the system clock has it now."""
    before = time.clock_gettime_ns(time.CLOCK_BOOTTIME)
    wall = time.time_ns()
    after = time.clock_gettime_ns(time.CLOCK_BOOTTIME)
    return (wall - (before + after) / 2) / 1e6
