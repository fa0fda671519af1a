"""`tools/soak wire`: run a soak, print what took place; a failure prints its seed, a minimal trace and one command.

Exit status: 0 every promise held · 1 one was broken · 2 usage.
"""

import json
import sys
from time import perf_counter

import rich_click as click
from milepost_protocol.testing import FAULTS

from .planted import PLANTED
from .scenario import NEVER, SHRINK_S, Failure, Scenario, run, shrink
from .storm import KINDS
from .world import NODES, World

HOUR_MS = 3_600_000


@click.group()
def main() -> None:
    """Soak a part of Milepost in faults, in virtual time, under an oracle."""


def _names(_: click.Context, __: click.Parameter, text: str) -> frozenset[str]:
    names = frozenset(name for name in text.split(",") if name)
    unknown = names - set(KINDS) - set(FAULTS)
    if unknown:
        raise click.BadParameter(f"{', '.join(sorted(unknown))}: there are {', '.join((*KINDS, *FAULTS))}")
    return names


def _happenings(_: click.Context, __: click.Parameter, texts: tuple[str, ...]) -> dict[str, frozenset[int]]:
    only = {}
    for text in texts:
        kind, _equals, numbers = text.partition("=")
        if kind not in KINDS or not all(number.isdigit() for number in numbers.split(",")):
            raise click.BadParameter(f"{text}: KIND=NUMBER,NUMBER…, and KIND one of {', '.join(KINDS)}")
        only[kind] = frozenset(int(number) for number in numbers.split(","))
    return only


@main.command()
@click.option("--hours", type=float, help="Virtual hours of storms and calms.")
@click.option("--transmissions", type=int, help="End after so many packets; the last calm comes on top.")
@click.option("--seed", type=int, default=1, show_default=True)
@click.option("--nodes", type=click.IntRange(1, 200), default=NODES, show_default=True)
@click.option("--bus", is_flag=True, help="All nodes on one polled bus, in place of serial and datagram links.")
@click.option("--without", default="", callback=_names, help="Kinds and faults to leave out, with commas.")
@click.option("--only", multiple=True, callback=_happenings, help="KIND=N,N…: of this kind only these happenings.")
@click.option("--until-ms", type=int, help="End of the last storm, in virtual ms.")
@click.option("--plant", type=click.Choice(sorted(PLANTED)), help="Plant a bug, to see that it is found.")
@click.option(
    "--shrink-s", type=float, default=SHRINK_S, show_default=True, help="Seconds to look for a smaller failure."
)
@click.option("--json", "as_json", is_flag=True, help="Figures as one JSON object.")
def wire(
    hours: float | None,
    transmissions: int | None,
    seed: int,
    nodes: int,
    bus: bool,
    without: frozenset[str],
    only: dict[str, frozenset[int]],
    until_ms: int | None,
    plant: str | None,
    shrink_s: float,
    as_json: bool,
) -> None:
    """Nodes, lines, a gateway and an attacker for hours of virtual time; every promise of the wire is checked throughout."""
    if hours is None and transmissions is None and until_ms is None:
        raise click.UsageError("say how long: --hours or --transmissions")
    end = until_ms if until_ms is not None else NEVER if hours is None else round(hours * HOUR_MS)
    scenario = Scenario(seed, end, NEVER if transmissions is None else transmissions, nodes, bus, without, only, plant)
    began = perf_counter()
    found = run(scenario)
    if isinstance(found, Failure):
        _tell_failure(found, shrink_s, as_json)
        sys.exit(1)
    _tell(found, perf_counter() - began, as_json)


def _tell(world: World, took_s: float, as_json: bool) -> None:
    figures = {"seed": world.seed, **world.figures()}
    figures["real s"] = round(took_s, 1)
    figures["virtual s a real s"] = round(world.now / 1000 / took_s)
    if as_json:
        click.echo(json.dumps(figures))
        return
    for name, value in figures.items():
        click.echo(f"{name:28} {value:>34,}" if isinstance(value, int) else f"{name:28} {value:>34}")
    click.echo("every promise held")


def _tell_failure(first: Failure, shrink_s: float, as_json: bool) -> None:
    click.echo(f"seed {first.scenario.seed} broke a promise: {first.text}; looking for a smaller case", err=True)
    small, runs = shrink(first, shrink_s)
    left = {kind: len(numbers) for kind, numbers in small.happened.items() if numbers}
    if as_json:
        told = {
            "seed": small.scenario.seed,
            "broken": small.text,
            "at_ms": small.now,
            "command": small.scenario.command(),
        }
        click.echo(json.dumps(told | {"transmissions": small.transmissions, "happened": left, "trace": small.trace}))
        return
    click.echo("\n".join(small.trace))
    click.echo(f"broken: {small.text}")
    click.echo(
        f"at {small.now} ms, after {small.transmissions:,} of {first.transmissions:,} transmissions ({runs} runs tried)"
    )
    faults = [fault for fault in FAULTS if fault not in small.scenario.without]
    happened = ", ".join(f"{count} {kind}" for kind, count in left.items())
    click.echo(f"needs: {happened or 'nothing'}; faults of the wire: {', '.join(faults) or 'none'}")
    click.echo(f"reproduce: {small.scenario.command()}")
