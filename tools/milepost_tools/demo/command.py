"""`milepost demo`: the command line of the demo, and how its course is shown.

The live picture and the story go to stderr; the answer on stdout is the last picture, the ledger and the verdict, or
with `--json` one object.
"""

import asyncio
import contextlib
import json
import shutil
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import rich_click as click
from rich.console import Console
from rich.live import Live

from .nodes import find_micropython
from .received import Received
from .run import Demo, Options, judged, open_directory
from .table import render
from .verdict import Verdict

TITLE = "What a subscriber at the broker receives"
FRAMES_HZ = 4


@click.command()
@click.option("--duration", type=click.FloatRange(min=0, min_open=True), help="End by itself after so many seconds.")
@click.option("--broker", metavar="URL", help="Use this broker, mqtt://host:1883, instead of the carried one.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object instead of tables.")
@click.option("--dir", "directory", type=click.Path(path_type=Path), help="Keep everything in this empty folder.")
@click.option("--seed", type=int, default=1, show_default=True, help="Draws arrivals and departures.")
def demo(duration: float | None, broker: str | None, as_json: bool, directory: Path | None, seed: int) -> int:
    """Three nodes, the gateway and a broker, live: what a city would receive.

    Real MicroPython runs the firmware; the sensors are simulated and replay real traces. Exit status 0 only if the
    conservation law held, the subscriber missed nothing and every value equals its trace.
    """
    options = Options(duration, broker, directory, seed)
    return present(options, as_json)


def present(options: Options, as_json: bool) -> int:
    """Run the demo and show it; exit status 0, or the fault that the verdict names."""
    micropython = find_micropython()
    directory = open_directory(options.directory)
    story = Console(stderr=True, highlight=False, soft_wrap=True)
    is_shown = story.is_terminal and not as_json
    live = Live(console=story, refresh_per_second=FRAMES_HZ, transient=True) if is_shown else None
    run = Demo(options, directory, micropython, story.print, shown_by(live))
    try:
        with live or contextlib.nullcontext():
            verdict = asyncio.run(judged(run))
        answer(run, verdict, as_json)
        if fault := verdict.fault():
            raise fault
    except BaseException:
        keep(directory, story)
        raise
    if options.directory is None:
        shutil.rmtree(directory, ignore_errors=True)
    return 0


def keep(directory: Path, story: Console) -> None:
    """Say where a run that failed left its traces, if it left any."""
    try:
        directory.rmdir()
    except OSError:
        story.print(f"logs are kept in {directory}")


def shown_by(live: Live | None) -> Callable[[Received], None]:
    """What `Demo` calls to have its state shown."""

    def show(received: Received) -> None:
        if live:
            live.update(render(received, datetime.now(UTC), TITLE))

    return show


def answer(run: Demo, verdict: Verdict, as_json: bool) -> None:
    """Write the end of the run to stdout."""
    if as_json:
        sys.stdout.write(json.dumps(verdict.as_json()) + "\n")
        return
    console = Console(highlight=False, soft_wrap=True)
    console.print(render(run.received, datetime.now(UTC), TITLE))
    if run.first_reading_s is not None:
        console.print(f"first reading at the subscriber after {run.first_reading_s:.1f} s")
    for line in verdict.lines():
        console.print(line)
