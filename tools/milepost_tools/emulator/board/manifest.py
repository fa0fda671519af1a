"""What is frozen into the emulated board: asyncio and the start-up script, as on an ESP32, and nothing of Milepost.

The project's own files are handed over at each start, so that changing them never means building MicroPython again.
"""

include("$(MPY_DIR)/extmod/asyncio")  # type: ignore[name-defined]  # noqa: F821  (makemanifest.py gives it)
freeze("modules", "_boot.py")  # type: ignore[name-defined]  # noqa: F821  (makemanifest.py gives it)
