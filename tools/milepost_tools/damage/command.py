"""`tools/damage`: so many damaged frames through the decoder; exit status 1 if one was taken for good, 2 usage."""

import json
import sys
from time import perf_counter

import rich_click as click

from .frames import Damage


@click.command()
@click.option("--frames", type=click.IntRange(1), default=1_000_000, show_default=True)
@click.option("--seed", type=int, default=1, show_default=True)
@click.option("--json", "as_json", is_flag=True, help="Figures as one JSON object.")
def main(frames: int, seed: int, as_json: bool) -> None:
    """Damage frames in every way a line can; none may be taken for a good one."""
    began = perf_counter()
    damage = Damage(seed).run(frames)
    took_s = perf_counter() - began
    figures = {
        "seed": seed,
        "frames damaged": sum(damage.damaged.values()),
        **{f"by {way}": count for way, count in damage.damaged.items()},
        "stretches refused": damage.decoder.damaged,
        "stretches too long": damage.decoder.oversize,
        "whole frames left beside damage": damage.survived,
        "accepted wrong": len(damage.wrong),
        "frames a second": round(frames / took_s),
    }
    if as_json:
        click.echo(json.dumps(figures))
    else:
        for name, value in figures.items():
            click.echo(f"{name:32} {value:>14,}")
    for packet in damage.wrong[:10]:
        click.echo(f"wrong: {packet.hex()}", err=True)
    sys.exit(1 if damage.wrong else 0)
