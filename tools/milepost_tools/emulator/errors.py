"""What can go wrong with the emulated board. A tool that is missing is `processes.MissingTool`, as everywhere."""


class EmulatorError(Exception):
    """The emulated board could not be built or started; the first line of the text says why."""


class BoardFailed(EmulatorError):
    """A script on the board raised, ran out of time or ended with a status. `output` is all it printed."""

    def __init__(self, reason: str, output: str) -> None:
        super().__init__(f"{reason}\n{output}" if output else reason)
        self.output = output
