"""Runs on the emulated board at every start, before boot.py and main.py: mounts the files that came with the start.

They are a ROMFS image in memory (`emulated.image()`), mounted at /rom as ESP32 boards with a ROM partition do it.
"""

import os
import sys

import emulated  # type: ignore[import-not-found]  # pyright: ignore[reportMissingImports]  (on the board only)
import vfs  # type: ignore[import-not-found]  # pyright: ignore[reportMissingImports]  (on the board only)


def _mount_image() -> None:
    image = emulated.image()
    if image:
        vfs.mount(vfs.VfsRom(image), "/rom")
        sys.path.append("/rom")
        os.chdir("/rom")


_mount_image()
