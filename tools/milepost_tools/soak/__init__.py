"""The soak: both ends of the wire for days of virtual time, over bad lines, beside an attacker, under a watchful oracle."""
