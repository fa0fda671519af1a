"""A test runner small enough for MicroPython: every `test_*` function of the modules that it is given, sync or async.

`micropython node_runner.py test_spool …` prints one line a module and ends with status 1 if anything failed.
"""

import asyncio
import sys


def run(name):
    """Run one module's tests; how many there were and how many failed."""
    module = __import__(name)
    failed = 0
    names = sorted([test for test in dir(module) if test.startswith("test_")])
    for test in names:
        try:
            found = getattr(module, test)()
            if hasattr(found, "send"):
                asyncio.run(found)
        except Exception as error:
            failed += 1
            sys.stderr.write(f"{name}.{test} failed\n")
            if hasattr(sys, "print_exception"):
                sys.print_exception(error, sys.stderr)
    return len(names), failed


def main(names):
    """Run the modules; the exit status."""
    bad = 0
    for name in names:
        count, failed = run(name)
        sys.stdout.write(f"{name}: {count} run, {failed} failed\n")
        bad += failed + (count == 0)
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
