"""What can stop the gateway, and what its exit status then is: one table, printed in the README.

Everything a person can put right is a `MilepostError`: a code from ERRORS and one line that says what to do. It
leaves the program as that line on stderr and the code's exit status, never as a traceback. Everything else is a
defect.
"""

EXIT_OK = 0
EXIT_LAW = 1
EXIT_DEFECT = 70  # sysexits' EX_SOFTWARE: a task died, the traceback is in the log, systemd starts the gateway again

# code: (exit status, what it means)
ERRORS = {
    "E-LAW-01": (EXIT_LAW, "the conservation law is broken"),
    "E-CONF-01": (2, "the configuration file cannot be read"),
    "E-CONF-02": (2, "the configuration file is not TOML"),
    "E-CONF-03": (2, "unknown key"),
    "E-CONF-04": (2, "wrong type"),
    "E-CONF-05": (2, "value out of range"),
    "E-CONF-06": (2, "key missing"),
    "E-CONF-07": (2, "a configuration cannot be written there"),
    "E-KEYS-01": (2, "the keys file cannot be read"),
    "E-KEYS-02": (2, "the keys file is readable by others"),
    "E-KEYS-03": (2, "the keys file is not what it should be"),
    "E-PORT-01": (3, "a port does not exist"),
    "E-PORT-02": (4, "a port is in use"),
    "E-PORT-03": (3, "a port may not be opened"),
    "E-BROKER-01": (5, "the broker cannot be reached"),
    "E-BROKER-02": (5, "the broker refuses"),
    "E-DATA-01": (7, "another gateway uses the data directory"),
    "E-DATA-02": (7, "the data directory cannot be used"),
    "E-DATA-03": (7, "the buffer file is not one of ours, or of a newer version"),
}


class MilepostError(Exception):
    """Something a person can put right. `code` is a key of ERRORS; `str()` is the one line they read."""

    def __init__(self, code: str, text: str) -> None:
        super().__init__(f"{code} {text}")
        self.code = code
        self.exit_status = ERRORS[code][0]
