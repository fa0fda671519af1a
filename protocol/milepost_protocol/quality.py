"""How good a reading is: a QARTOD code (IOOS, Manual for Real-Time Quality Control) and one word of reason.

On the wire a quality is one small number, the row's place in QUALITY; 0 is good and costs nothing. Rows are only ever
added. Codes: 1 pass, 2 not evaluated, 3 suspect, 4 fail, 9 missing.
"""

QUALITY = (
    (1, "good"),
    (9, "missing"),  # the sensor said nothing in time
    (9, "no-echo"),  # a ranger heard nothing back: too far, or nothing there
    (9, "too-near"),  # a ranger's blind zone
    (9, "checksum"),  # it spoke, and every frame was damaged
    (9, "no-sensor"),  # not found on its bus
    (2, "warm-up"),
    (3, "saturated"),
    (3, "spike"),
    (3, "rate"),
    (3, "stuck"),
    (3, "condensing"),  # optical particle counts above the humidity they hold for
    (3, "disagrees"),
    (4, "range"),
)
QUALITY_IDS = {word: number for number, (_, word) in enumerate(QUALITY)}
GOOD = 0
