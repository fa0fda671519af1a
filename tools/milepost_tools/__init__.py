"""The commands of technicians and developers."""

import time

STARTED_S = time.monotonic()  # when the command began, near enough: whatever the command is, this is imported first
