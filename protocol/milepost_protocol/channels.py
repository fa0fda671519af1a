"""The registry of channels: what a number on the wire measures, in which unit, with how many decimals.

A channel's value travels as an integer: the quantity in its unit times ten to the power of its decimals. Ids are never
reused and never change their meaning; a finer resolution is a new id. Units are UCUM codes (unitsofmeasure.org).
"""

# id: (name, unit, decimals)
CHANNELS = {
    1: ("pm1", "ug/m3", 1),
    2: ("pm25", "ug/m3", 1),
    3: ("pm10", "ug/m3", 1),
    4: ("temp", "Cel", 2),
    5: ("rh", "%", 1),
    6: ("co2", "[ppm]", 0),
    7: ("no2", "[ppb]", 1),
    8: ("o3", "[ppb]", 1),
    9: ("voc", "{index}", 0),
    10: ("pressure", "hPa", 1),
    20: ("level", "m", 3),
    21: ("rain", "mm", 1),
    22: ("turbidity", "[NTU]", 1),
    30: ("occupied", "{bool}", 0),
    31: ("field", "uT", 1),
    32: ("height", "m", 3),
    40: ("uptime", "s", 0),
    41: ("heap-free", "By", 0),
    42: ("spooled", "{records}", 0),
    43: ("supply", "V", 3),
    44: ("discarded", "{records}", 0),
    45: ("loop-lag", "ms", 0),
    46: ("resets", "{count}", 0),
    47: ("link-noise", "{frames}", 0),
}

CHANNEL_IDS = {name: number for number, (name, _, _) in CHANNELS.items()}

AIR, FLOOD, PARKING, NODE = 1, 2, 3, 4
STREAMS = {AIR: "air", FLOOD: "flood", PARKING: "parking", NODE: "node"}
STREAM_IDS = {name: number for number, name in STREAMS.items()}

# What an event says, by number: (stream, word). The value beside it is the channel's that crossed, or 0.
EVENTS = {
    1: ("parking", "occupied"),
    2: ("parking", "free"),
    10: ("flood", "level-normal"),
    11: ("flood", "level-1"),
    12: ("flood", "level-2"),
    13: ("flood", "level-3"),
    20: ("node", "tamper"),
}
EVENT_IDS = {word: number for number, (_, word) in EVENTS.items()}
