"""`tools/bench [--ratchet] NAME [--json]`: a benchmark's figures on stdout, and an exit status that says whether they hold.

BENCHMARKS is the one table. Statuses: 0 all limits hold (with --ratchet: nothing is worse than committed) · 1 one does not, or
something is worse · 2 usage · 6 in CI, a tool is missing that a figure needs. New figures are committed by
`tools/bench NAME --json > tools/figures/NAME.json`.
"""

import importlib
import sys
from collections.abc import Sequence
from pathlib import Path

import rich_click as click

from ..errors import INTERRUPTED, LAW, OK, TOOL, USAGE
from ..processes import in_ci
from . import figures
from .figures import Figure

PROGRAM = "tools/bench"
COMMITTED = Path(__file__).resolve().parents[2] / "figures"
TOLERANCES = (
    f"tolerance: {figures.TOLERANCE:.0%} on counts and virtual times, "
    f"{figures.TOLERANCE_INSTRUCTIONS:.0%} on instructions and heap, {figures.TOLERANCE_CPU:.0%} on ratios of CPU time"
)

# name: (module, what it measures)
BENCHMARKS = {
    "wire": ("milepost_tools.bench.wire", "The wire: bytes, goodput, time, CPU, heap."),
}


class Benchmarks(click.RichGroup):
    """A group whose commands are the table's rows, imported when they are asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """All names, in the order of the alphabet."""
        return sorted(BENCHMARKS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """A command that measures and reports, or None if there is no such benchmark."""
        if cmd_name not in BENCHMARKS:
            return None

        @click.command(cmd_name, help=BENCHMARKS[cmd_name][1])
        @click.option("--json", "as_json", is_flag=True, help="Print JSON instead of a table.")
        @click.pass_obj
        def measure(ratchet: bool, as_json: bool) -> int:
            return report(cmd_name, as_json, ratchet)

        return measure


@click.group(cls=Benchmarks, context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--ratchet", is_flag=True, help="Compare with tools/figures/NAME.json: fail only if something got worse.")
@click.pass_context
def bench(context: click.Context, ratchet: bool) -> None:
    """Print a table of figures with their limits; exit status 0 if all limits hold."""
    context.obj = ratchet


def report(name: str, as_json: bool, ratchet: bool, committed: Path = COMMITTED) -> int:
    """Measure `name`, print it, and return the exit status. With JSON the verdict goes to stderr."""
    rows: list[Figure] = importlib.import_module(BENCHMARKS[name][0]).figures()
    sys.stdout.write(figures.as_json(rows) if as_json else figures.as_table(rows))
    status, lines = verdict_of_ratchet(rows, committed / f"{name}.json") if ratchet else verdict_of_limits(rows)
    lines += [f"could not be measured: {one.name}: {one.why}" for one in rows if one.value is None]
    stream = sys.stderr if as_json else sys.stdout
    stream.write("".join(f"{name}: {line}\n" for line in lines))
    return status or (TOOL if in_ci() and any(one.value is None for one in rows) else OK)


def verdict_of_limits(rows: list[Figure]) -> tuple[int, list[str]]:
    """Status and lines: every limit that does not hold."""
    lines = figures.unheld(rows)
    return LAW if lines else OK, lines or ["all limits hold"]


def verdict_of_ratchet(rows: list[Figure], committed: Path) -> tuple[int, list[str]]:
    """Status and lines: everything that is worse than committed, and how much worse it may be."""
    if not committed.exists():
        name = committed.stem
        return LAW, [f"no figures are committed: {PROGRAM} {name} --json > tools/figures/{name}.json"]
    lines = figures.regressions(rows, committed)
    worse = [f"worse: {line}" for line in lines]
    return LAW if lines else OK, [*(worse or ["nothing is worse than what is committed"]), TOLERANCES]


def run(arguments: Sequence[str]) -> int:
    """Run one command line; its exit status. A usage error is one line on stderr."""
    try:
        answer = bench.main(args=list(arguments), prog_name=PROGRAM, standalone_mode=False)
    except click.ClickException as error:
        words = " ".join(error.format_message().split())
        sys.stderr.write(f"{PROGRAM}: E-USAGE-01 {words} (try: {PROGRAM} --help)\n")
        return USAGE
    except (click.Abort, KeyboardInterrupt):
        return INTERRUPTED
    return answer if isinstance(answer, int) else OK


def main() -> None:
    """The entry point of `tools/bench`."""
    sys.exit(run(sys.argv[1:]))


if __name__ == "__main__":
    main()
