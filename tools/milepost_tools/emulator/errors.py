"""What can go wrong with the emulated board. A tool that is missing is `processes.MissingTool`, as everywhere."""


class EmulatorError(Exception):
    """The emulated board could not be built or started; the first line of the text says why."""


class BoardFailed(EmulatorError):
    """A script on the board raised (status 1), ended with a status, or ran out of time (124, as `timeout` has it).

    `output` is all it printed, `reason` one line.
    """

    def __init__(self, reason: str, status: int, output: str) -> None:
        super().__init__(f"{reason}\n{output}" if output else reason)
        self.reason = reason
        self.status = status
        self.output = output
