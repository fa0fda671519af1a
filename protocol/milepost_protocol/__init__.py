"""The Milepost link protocol, MLP/1: both ends of the wire, pure, one source for CPython and MicroPython."""
