"""Which start this is: a 32-bit number that no other start of this node had or will have.

It is one higher at every start that lost the RAM, and stored before the first record takes its name from it. Where the store
is lost or cannot be written the number is drawn at random from the upper half, which counting does not reach, and marked:
its place among the other boots is unknown. A new node has no store, so its first boot is such a one too, unless
provisioning wrote a counter with `write_first`.
"""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from .store import Store

NAME = "boot"
BOOT_MAX = 0xFFFFFFFF
RANDOM_FROM = 0x80000000  # counted boots stay below: a start every second for 68 years


class Boot:
    """This start's `number`, and whether its place among the others is known (`is_ordered`)."""

    def __init__(self, number: int, is_ordered: bool) -> None:
        self.number = number
        self.is_ordered = is_ordered


def write_first(store: "Store") -> None:
    """Provisioning's part: the next start is boot 1."""
    store.write(NAME, (0).to_bytes(4, "little"))


def begin(store: "Store", entropy: "Callable[[int], bytes]") -> Boot:
    """Take the next boot number and store it. Called once a start, before anything is recorded."""
    last = store.read(NAME)
    boot = _drawn(entropy)
    if last is not None and len(last) == 4 and int.from_bytes(last, "little") < BOOT_MAX:
        boot = Boot(int.from_bytes(last, "little") + 1, True)
    try:
        store.write(NAME, boot.number.to_bytes(4, "little"))
    except OSError:  # the next start would read the old number and take this one again
        return _drawn(entropy)
    return boot


def _drawn(entropy: "Callable[[int], bytes]") -> Boot:
    return Boot(RANDOM_FROM | int.from_bytes(entropy(4), "little") & RANDOM_FROM - 1, False)
