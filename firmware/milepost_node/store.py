"""Small facts that outlive a start, one file each, replaced as a whole or not at all.

A new version is written beside the old one, flushed to the medium, and renamed over it: littlefs and POSIX file systems both
make that one step. Every file ends in a CRC-32, so that a damaged one reads as absent instead of as something else.
"""

import os
from binascii import crc32

BYTES_MAX = 4096  # these are facts, not records


class Store:
    """Named byte strings below `folder` (made at the first write)."""

    def __init__(self, folder: str) -> None:
        self._folder = folder
        self.damaged = 0  # files whose check failed

    def read(self, name: str) -> "bytes | None":
        """What was written last under `name`; None if nothing is there or it is damaged. No errors leave."""
        try:
            with open(self._folder + "/" + name, "rb") as file:
                data = file.read(BYTES_MAX + 4)
        except OSError:
            return None
        if len(data) < 4 or crc32(data[:-4]).to_bytes(4, "little") != data[-4:]:
            self.damaged += 1
            return None
        return data[:-4]

    def write(self, name: str, data: bytes) -> None:
        """Replace what stands under `name`. OSError leaves if the medium refuses; then the old version still stands."""
        self._make_folder()
        path = self._folder + "/" + name
        with open(path + ".new", "wb") as file:
            file.write(data + crc32(data).to_bytes(4, "little"))
            file.flush()
        os.rename(path + ".new", path)

    def _make_folder(self) -> None:
        try:
            os.stat(self._folder)
        except OSError:
            os.mkdir(self._folder)
