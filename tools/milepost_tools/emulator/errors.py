"""What can go wrong with the emulated board, told apart by what the caller would do about it.

A tool that is missing lets a test skip; anything else is a failure.
"""


class EmulatorError(Exception):
    """The emulated board could not be built or started; the text is one line that says what to do."""

    exit_status = 1


class ToolMissing(EmulatorError):
    """A program or a source package is not here and could not be fetched."""

    exit_status = 6


class BoardFailed(EmulatorError):
    """A script on the board raised, ran out of time or ended with a status. `output` is all it printed."""

    def __init__(self, reason: str, output: str) -> None:
        super().__init__(f"{reason}\n{output}" if output else reason)
        self.output = output
