"""What the tools say when something is wrong: one line with a code, and the exit status that belongs to the code.

EXITS is the one table; README.md prints the same statuses for both programs. A fault that is the user's or the
machine's to mend is a `Fault`, which `cli.main` turns into its line; anything else is a defect of ours and keeps its
traceback.
"""

OK, LAW, USAGE, PORT_MISSING, PORT_BUSY, BROKER, TOOL, DIRECTORY = range(8)
INTERRUPTED = 130  # what a shell gives for a program ended by Ctrl-C before it had an answer

# code: (exit status, what it stands for)
EXITS = {
    "E-LAW-01": (LAW, "the conservation law is broken"),
    "E-LAW-02": (LAW, "the subscriber missed records, or got what nobody accounts for"),
    "E-LAW-03": (LAW, "a value differs from the trace"),
    "E-LAW-04": (LAW, "nothing arrived"),
    "E-USAGE-01": (USAGE, "a command line that makes no sense"),
    "E-HEX-01": (USAGE, "input that is no hex"),
    "E-KEYS-01": (USAGE, "a key file that cannot be read"),
    "E-KEYS-02": (USAGE, "a key file that others can read"),
    "E-KEYS-03": (USAGE, "a key file that is not what it should be"),
    "E-CONFIG-01": (USAGE, "a program refused its configuration"),
    "E-PORT-01": (PORT_MISSING, "a port does not exist"),
    "E-PORT-02": (PORT_BUSY, "a port is in use"),
    "E-BROKER-01": (BROKER, "the broker does not answer or refuses"),
    "E-TOOL-01": (TOOL, "a program that is needed is missing"),
    "E-DATA-02": (DIRECTORY, "a directory is in use or cannot be used"),
    "E-CHILD-01": (LAW, "a process of the demo ended by itself"),
}


class Fault(Exception):
    """Something to be mended outside the program: `code` of EXITS, `text` in one line that says what to do.

    `status` is the exit status that belongs to the code, unless another program's is handed on.
    """

    def __init__(self, code: str, text: str, status: int | None = None) -> None:
        super().__init__(text)
        self.code = code
        self.text = " ".join(text.split())
        self.status = EXITS[code][0] if status is None else status

    def line(self, program: str) -> str:
        """What goes to stderr."""
        return f"{program}: {self.code} {self.text}"
