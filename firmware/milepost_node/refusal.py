"""Why a node does not start: one line for whoever stands in front of it, and the exit status that goes with it.

The statuses are the project's, alike in every program: 2 usage or configuration, 3 port missing, 4 port busy. A task that
dies at run time is a fault of ours and ends the process with 70 (EX_SOFTWARE of sysexits.h) and its traceback.
"""

USAGE = 2
PORT_MISSING = 3
PORT_BUSY = 4
TASK_DIED = 70


class Refusal(Exception):
    """The node cannot start. `line` says what is wrong and what to do; `status` is the process's exit status."""

    def __init__(self, status: int, line: str) -> None:
        super().__init__(line)
        self.status = status
        self.line = line
