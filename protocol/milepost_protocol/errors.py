"""The one error that bytes from outside can cause.

Strategy: every decoder of this package raises `ProtocolError`, or a subclass of it, for bytes that make no sense, and
nothing else; whoever feeds it bytes from a link catches this one class. Mistakes of the caller stay plain `ValueError`.
"""


class ProtocolError(ValueError):
    """The bytes were received as they were sent, and still make no sense: the other end's mistake, not ours."""
