"""The story that the gateway tells on stderr: one line an event, `key=value`, for journald and for people.

Values are quoted only where they hold a blank. Nothing secret ever comes here: callers pass names, counts and
reasons.
"""

import json
import sys


def tell(event: str, **facts: object) -> None:
    """Write one line: the event's name, then what is known about it."""
    words = [f"event={event}"] + [f"{name}={_word(value)}" for name, value in facts.items() if value is not None]
    sys.stderr.write(" ".join(words) + "\n")
    sys.stderr.flush()


def _word(value: object) -> str:
    text = str(value)
    plain = text and all(letter.isprintable() and letter not in ' "=' for letter in text)
    return text if plain else json.dumps(text, ensure_ascii=False)
