"""The command `milepost`: imports a command when it is named, and turns faults into one line and an exit status.

COMMANDS is the one table: a command is one function in one file, imported only when it is named, so that `milepost`
starts at once whatever the others need. stdout carries the answer, stderr the story.
"""

import importlib
import sys

import rich_click as click

from .errors import INTERRUPTED, OK, USAGE, Fault

PROGRAM = "milepost"

# name: (module, function)
COMMANDS = {
    "decode": ("milepost_tools.decode.command", "decode"),
    "demo": ("milepost_tools.demo.command", "demo"),
}


class LazyGroup(click.RichGroup):
    """A group whose commands are imported when they are asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """All names, in the order of the alphabet."""
        return sorted(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command's own object, or None if there is no such command."""
        if cmd_name not in COMMANDS:
            return None
        module, function = COMMANDS[cmd_name]
        found: click.Command = getattr(importlib.import_module(module), function)
        return found


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="milepost", prog_name=PROGRAM)
def milepost() -> None:
    """Roadside sensing with custody end to end: nodes, gateway, and the proof of both."""


def run(arguments: list[str]) -> int:
    """Run one command line; its exit status. Faults and usage errors become one line on stderr."""
    try:
        answer = milepost.main(args=arguments, prog_name=PROGRAM, standalone_mode=False)
    except Fault as fault:
        return complain(fault.line(PROGRAM), fault.status)
    except click.ClickException as error:
        words = " ".join(error.format_message().split())
        return complain(f"{PROGRAM}: E-USAGE-01 {words} (try: {PROGRAM} --help)", USAGE)
    except (click.Abort, KeyboardInterrupt):
        return INTERRUPTED
    return answer if isinstance(answer, int) else OK


def complain(line: str, status: int) -> int:
    """Write the one line to stderr and hand the status on."""
    sys.stderr.write(line + "\n")
    return status


def main() -> None:
    """The entry point of the installed command."""
    sys.exit(run(sys.argv[1:]))
