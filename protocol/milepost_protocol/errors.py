"""What can be wrong with an intact message, and whose fault it is.

Line noise is weather and raises nothing: a damaged frame is counted and dropped. Exceptions are for bytes that
arrived whole and make no sense (`ProtocolError`, the peer's fault) and for calls that make no sense (`UsageError`, ours).
"""


class ProtocolError(ValueError):
    """The peer sent something intact that the protocol does not allow."""


class UsageError(RuntimeError):
    """The caller asked for something the protocol does not allow."""
