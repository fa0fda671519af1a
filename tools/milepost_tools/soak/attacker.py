"""The attacker: hears every line, owns no key, and says what such a one can say.

It replays what it heard, freshly or hours later, on its line, on another, or back at its sender; it bends and forges packets
behind a right CRC; it answers HELLOs with old WELCOMEs, tells nodes that their session is gone, and speaks from addresses of
its own.
"""

from typing import TYPE_CHECKING

from milepost_protocol import packets
from milepost_protocol.packets import DATA, HELLO, NO_SESSION, SHORT, TYPE_MASK, WELCOME
from milepost_protocol.testing import Dice

from .lines import DOWN, UP, Line

if TYPE_CHECKING:
    from .world import World

SALVO_MAX = 24
SALVO_MS = 4000
RECENT = 12  # how far back "just now" goes: inside any replay window
WEAPONS = ("fresh", "stale", "elsewhere", "reflected", "bent", "forged", "hello", "welcome", "no-session", "garbage")


class Attacker:
    """Puts packets in front of receivers; `said` counts them by weapon."""

    def __init__(self, world: "World") -> None:
        self.world = world
        self.said = dict.fromkeys(WEAPONS, 0)

    def salvo(self, dice: Dice) -> None:
        """A number of injections, over a few seconds, mostly at one line."""
        home = dice.below(len(self.world.lines))
        for _ in range(1 + dice.below(SALVO_MAX)):
            self.world.after(dice.below(SALVO_MS), self._strike, (dice, home))

    def _strike(self, told: tuple[Dice, int]) -> None:
        dice, home = told
        line = self.world.lines[home]
        weapon = WEAPONS[dice.below(len(WEAPONS))]
        made = self._made(weapon, line, dice)
        if made:
            self.said[weapon] += 1
            self.world.inject(line, made[0], made[1], elsewhere=dice.chance(0.2))

    def _made(self, weapon: str, line: Line, dice: Dice) -> tuple[int, bytes] | None:
        """Direction and packet; None if nothing fitting was heard yet."""
        if weapon == "no-session":
            return DOWN, packets.short(packets.DOWN, self._address(line), NO_SESSION)
        if weapon == "garbage":
            return dice.below(2), dice.bytes(3 + dice.below(60))
        if weapon == "hello":
            return _pick([heard for heard in line.heard if heard[1][0] & TYPE_MASK == HELLO], dice)
        if weapon == "welcome":
            return _pick([heard for heard in line.heard if heard[1][0] & TYPE_MASK == WELCOME], dice)
        return self._replay(weapon, line, dice)

    def _replay(self, weapon: str, line: Line, dice: Dice) -> tuple[int, bytes] | None:
        if weapon == "elsewhere":
            line = self.world.lines[dice.below(len(self.world.lines))]
        heard = _pick(line.heard[-RECENT:] if weapon == "fresh" else line.heard, dice)
        if heard is None:
            return None
        direction, packet = heard
        if weapon == "reflected":
            return 1 - direction, packet
        if weapon == "bent":
            return direction, _bent(packet, dice)
        if weapon == "forged":
            return direction, packet[:4] + dice.bytes(max(0, len(packet) - 4))
        return direction, packet

    def _address(self, line: Line) -> int:
        """The address that the newest packets on the line use: the attacker hears it."""
        for direction, packet in reversed(line.heard):
            if direction == UP and packet[0] & TYPE_MASK in (DATA, SHORT):
                return packet[1]
        return 1


def _pick(heard: list[tuple[int, bytes]], dice: Dice) -> tuple[int, bytes] | None:
    return heard[dice.below(len(heard))] if heard else None


def _bent(packet: bytes, dice: Dice) -> bytes:
    bent = bytearray(packet)
    bent[dice.below(len(bent))] ^= 1 << dice.below(8)
    return bytes(bent)
