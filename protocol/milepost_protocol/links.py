"""The kinds of link there are, and what a session must know of each: one row a kind."""


class Link:
    """`reorder`: how far an ack must pass a packet before that counts as lost; `overhead`: bytes on the line beside the blocks.

    `polled`: the far end speaks only when it is given the turn. `rto_ms_min`: no ack is missed before that.
    """

    def __init__(self, name: str, reorder: int, rto_ms_min: int, overhead: int, polled: bool) -> None:
        self.name = name
        self.reorder = reorder
        self.rto_ms_min = rto_ms_min
        self.overhead = overhead
        self.polled = polled


SERIAL = Link("serial", 1, 100, 19, False)  # bytes keep their order; 4 header, 8 tag, 4 CRC, 1 COBS, 2 delimiters
DATAGRAM = Link("datagram", 3, 200, 12, False)  # packets may overtake each other; RFC 9002 section 6.1.1
POLLED = Link("polled", 1, 3000, 19, True)  # a bus of 64 nodes comes round in 2 s at 9,600 baud

LINKS = {link.name: link for link in (SERIAL, DATAGRAM, POLLED)}
