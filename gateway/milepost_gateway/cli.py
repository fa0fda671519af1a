"""The command line of the gateway: three lines each over a function of the same name.

stdout is the answer, stderr the story. What a person can put right is one line on stderr and the exit status of
errors.py; a defect is a traceback and EXIT_DEFECT, so that no defect is ever mistaken for a broken law.
"""

import json
import sys
import traceback
from pathlib import Path

import rich_click as click

from .config import Config, example_config, load_config, load_keys
from .daemon import BUFFER_FILE, load_password, run_gateway
from .errors import EXIT_DEFECT, MilepostError
from .ledger import Ledger, read_ledger_file


@click.group(help="Milepost's gateway: what nodes hand over is held on disk until the broker has it.")
@click.option("--config", "path", required=True, type=click.Path(path_type=Path), help="the configuration, TOML")
@click.pass_context
def cli(context: click.Context, path: Path) -> None:
    """Everything is about one configuration."""
    context.obj = path


@cli.command(help="Run until SIGTERM or SIGINT.")
@click.option("--unattended", is_flag=True, help="wait for ports and the broker at the start too, as under systemd")
@click.pass_obj
def run(path: Path, unattended: bool) -> None:
    """`milepost-gateway --config FILE run`."""
    sys.exit(run_gateway(load_config(path), unattended))


@cli.command(help="Check configuration and keys, start nothing.")
@click.pass_obj
def check(path: Path) -> None:
    """`milepost-gateway --config FILE check`."""
    click.echo(check_config(load_config(path)))


@cli.command(help="Show the ledger; exit status 1 if the conservation law is broken.")
@click.option("--json", "as_json", is_flag=True, help="as one JSON object")
@click.pass_obj
def status(path: Path, as_json: bool) -> None:
    """`milepost-gateway --config FILE status`."""
    ledger = read_status(load_config(path))
    click.echo(json.dumps(ledger.to_json()) if as_json else format_ledger(ledger))
    require_law(ledger)


@cli.command("init-config", help="Write a configuration with every setting commented, for you to fill in.")
@click.pass_obj
def init_config(path: Path) -> None:
    """`milepost-gateway --config FILE init-config`."""
    write_example(path)
    click.echo(f"{path}: written; fill it in, then: milepost-gateway --config {path} check")


def read_status(config: Config) -> Ledger:
    """The ledger in the configuration's data directory, whether or not a gateway runs there."""
    return read_ledger_file(config.beside(config.gateway.data_dir) / BUFFER_FILE)


def require_law(ledger: Ledger) -> None:
    """E-LAW-01, with the nodes it is about, unless the law holds."""
    broken = [node for node, account in sorted(ledger.nodes.items()) if not account.holds()]
    if broken:
        raise MilepostError("E-LAW-01", f"the conservation law is broken for {', '.join(broken)}: keep the buffer file")


def write_example(path: Path) -> None:
    """Write a commented configuration; E-CONF-07 if there is one already, or no place for it."""
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(example_config())
    except OSError as error:
        raise MilepostError("E-CONF-07", f"{path}: {error.strerror}: give a new file with --config") from None


def check_config(config: Config) -> str:
    """Read what the configuration points to as well; what was found, in one line."""
    keys = load_keys(config.beside(config.nodes.keys))
    load_password(config)
    return f"{config.path}: good: {len(config.links)} links, {len(keys)} nodes, broker {config.broker.url}"


def format_ledger(ledger: Ledger) -> str:
    """The ledger as a few aligned lines."""
    rows = [*sorted(ledger.nodes.items()), ("gateway", ledger.total())]
    lines = [f"{'':12} {'accepted':>10} {'delivered':>10} {'pending':>10} {'discarded':>10} {'quarantined':>11}  law"]
    for name, account in rows:
        numbers = (account.accepted, account.delivered, account.pending, sum(account.discarded.values()))
        word = "holds" if account.holds() else "broken"
        columns = " ".join(f"{number:>10}" for number in numbers)
        lines.append(f"{name:12} {columns} {account.quarantined:>11}  {word}")
    return "\n".join(lines)


def main() -> None:
    """Entry point of `milepost-gateway`."""
    try:
        cli(prog_name="milepost-gateway")
    except MilepostError as error:
        sys.stderr.write(f"milepost-gateway: {error}\n")
        sys.exit(error.exit_status)
    except Exception:
        traceback.print_exc()
        sys.exit(EXIT_DEFECT)
