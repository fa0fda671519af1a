"""The story that the gateway tells on stderr: one line an event, `key=value`, for journald and for people.

Values are quoted only where they hold a blank. Nothing secret ever comes here: callers pass names, counts and
reasons.
"""

import asyncio
import json
import logging
import sys
from typing import Any


def tell(event: str, **facts: object) -> None:
    """Write one line: the event's name, then what is known about it."""
    words = [f"event={event}"] + [f"{name}={_word(value)}" for name, value in facts.items() if value is not None]
    sys.stderr.write(" ".join(words) + "\n")
    sys.stderr.flush()


def tell_of_libraries(loop: asyncio.AbstractEventLoop) -> None:
    """What asyncio and libraries would log in their own ways becomes lines of the same story."""
    logging.getLogger().addHandler(_Retell())
    loop.set_exception_handler(_tell_context)


class _Retell(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        tell("library", name=record.name, level=record.levelname.lower(), says=record.getMessage())


def _tell_context(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    tell("loop", says=context.get("message"), why=context.get("exception"))


def _word(value: object) -> str:
    text = str(value)
    plain = text and all(letter.isprintable() and letter not in ' "=' for letter in text)
    return text if plain else json.dumps(text, ensure_ascii=False)
