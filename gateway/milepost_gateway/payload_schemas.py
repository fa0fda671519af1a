"""Which JSON Schema a topic's payloads follow: the files in schemas/, found by kind and stream.

They ship with the package, for consumers as much as for our tests; validators themselves are not needed at run time.
"""

import json
from importlib.resources import files
from typing import Any

from .topics import EVENT, GATEWAY_STREAM, HEALTH, HIST, META, OBS, STATUS

NAMES = ("obs", "hist", "event", "meta", "status", "health-gateway")

# kind: the schema of its payloads; a node's health is a row like any other
BY_KIND = {OBS: "obs", HIST: "hist", EVENT: "event", META: "meta", STATUS: "status", HEALTH: "obs"}


def schema_name(topic: str) -> str:
    """The name of the schema that this topic's payloads follow; ValueError if it is no topic of ours."""
    levels = topic.split("/")
    if len(levels) != 7 or levels[5] not in BY_KIND:
        raise ValueError(f"no topic of a gateway: {topic}")
    if levels[5] == HEALTH and levels[6] == GATEWAY_STREAM:
        return "health-gateway"
    return BY_KIND[levels[5]]


def read_schema(name: str) -> dict[str, Any]:
    """The schema of this name."""
    text = files("milepost_gateway").joinpath("schemas", f"{name}.json").read_text(encoding="utf-8")
    found: dict[str, Any] = json.loads(text)
    return found
