"""`tools/model`: let Spin search every state of protocol/model/session.pml, and print how many there were.

spin makes a C program of the model, cc compiles it, and it visits every state within the bounds. `--plant N` breaks rule N of
the model, which must then fail. Exit status: 0 every promise held · 1 one was broken · 2 usage · 6 spin or cc is missing.
"""

import re
import sys
import tempfile
from pathlib import Path
from time import perf_counter

import rich_click as click

from ..processes import run, say, which

MODEL = Path(__file__).parents[3] / "protocol" / "model" / "session.pml"
FAULTS = 2  # reboots, crashes, replays and rumours in one history; 3 takes many minutes and gigabytes
SEARCH_S_MAX = 1200.0
BUILD = ("-O2", "-DSAFETY", "-DNOREDUCE", "-DCOLLAPSE", "-w")  # every interleaving; states stored compressed
PLANTS = 6


class Outcome:
    """What a search found: `states`, `depth`, `broken` (what Spin says of it, '' if nothing), `seconds`."""

    def __init__(self, text: str, seconds: float) -> None:
        self.states = int((re.search(r"(\d+) states, stored", text) or ["0", "0"])[1])
        self.depth = int((re.search(r"depth reached (\d+)", text) or ["0", "0"])[1])
        self.seconds = seconds
        found = re.search(r"pan:\d+: (.*) \(at depth", text)
        whole = "errors: 0" in text and "Search not completed" not in text and self.states > 0
        self.broken = found[1] if found else "" if whole else "the search did not end: " + text.strip()[-200:]


def missing() -> str:
    """The program that is missing, or ''."""
    return next((name for name in ("spin", "cc") if which(name) is None), "")


def search(faults: int = FAULTS, plant: int = 0) -> Outcome:
    """Visit every state of the model with at most so many faults."""
    began = perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        (place / MODEL.name).write_bytes(MODEL.read_bytes())
        text = ""
        for command in (
            ["spin", "-a", f"-DFAULTS={faults}", f"-DPLANT={plant}", MODEL.name],
            ["cc", *BUILD, "-o", "pan", "pan.c"],
            ["./pan", "-m10000", "-w24"],
        ):
            done = run(command, cwd=place, timeout_s=SEARCH_S_MAX)
            text = done.stdout
            if done.returncode:
                break
        return Outcome(text, perf_counter() - began)


@click.command()
@click.option("--faults", type=click.IntRange(0, 3), default=FAULTS, show_default=True, help="In one history.")
@click.option("--plant", type=click.IntRange(0, PLANTS), default=0, help="Break this rule, to see the model fail.")
def main(faults: int, plant: int) -> None:
    """Check session replacement and ack-after-commit in every state within the bounds."""
    if missing():
        say(f"tools/model: {missing()} is missing: `sudo apt-get install spin gcc`")
        sys.exit(6)
    found = search(faults, plant)
    click.echo(f"{found.states:,} states to depth {found.depth}, {faults} faults, {found.seconds:.1f} s")
    click.echo(f"broken: {found.broken}" if found.broken else "every promise held")
    sys.exit(1 if found.broken else 0)
