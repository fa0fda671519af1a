"""`micropython -m milepost_node DIR`: run the node that DIR describes. Exit statuses: refusal.py."""

import asyncio
import sys

from .app import open_node
from .refusal import TASK_DIED, USAGE, Refusal
from .tasks import Died
from .vm import print_exception


def run(folder: str) -> int:
    """Run the node in `folder` until it is interrupted or a task dies; the exit status."""
    try:
        node, link = open_node(folder)
        asyncio.run(node.run(link))
    except Refusal as refusal:
        sys.stderr.write(f"milepost-node: {refusal.line}\n")
        return refusal.status
    except Died as died:
        sys.stderr.write(f"milepost-node: E-TASK-01 task `{died.name}` ended\n")
        if died.cause:
            print_exception(died.cause, sys.stderr)
        return TASK_DIED
    except KeyboardInterrupt:
        pass
    return 0


def main(arguments: "list[str]") -> int:
    """The command line: one directory."""
    if len(arguments) != 1:
        sys.stderr.write("milepost-node: E-USAGE-01 name one node directory: micropython -m milepost_node DIR\n")
        return USAGE
    return run(arguments[0])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
