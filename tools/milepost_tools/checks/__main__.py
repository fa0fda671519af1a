"""`python -m milepost_tools.checks`: what `tools/check` starts inside `.venv`."""

import sys

from .stages import main

sys.exit(main())
