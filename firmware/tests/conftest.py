"""Lets the firmware's tests find the modules they share, and gives the portable ones a folder of their own."""

import os
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).parent
for folder in (HERE, HERE / "on_both"):
    if str(folder) not in sys.path:
        sys.path.insert(0, str(folder))
os.environ.setdefault("MILEPOST_SCRATCH", tempfile.mkdtemp(prefix="milepost-node-"))
