"""Every message that was received, against the JSON Schemas that the gateway ships for its consumers."""

import json
from collections.abc import Iterable
from functools import cache
from typing import Any

import jsonschema
from milepost_gateway.payload_schemas import NAMES, read_schema, schema_name
from referencing import Registry, Resource


@cache
def validator(name: str) -> Any:  # noqa: ANN401 - jsonschema's Draft202012Validator
    """The validator of one schema."""
    schemas = [read_schema(other) for other in NAMES]
    known: Registry[Any] = Registry().with_resources(
        [(schema["$id"], Resource.from_contents(schema)) for schema in schemas]
    )
    return jsonschema.Draft202012Validator(read_schema(name), registry=known)


def invalid(messages: Iterable[tuple[str, bytes]]) -> list[str]:
    """What the schemas say against messages `(topic, payload)`: topic, place and reason of each fault."""
    found = []
    for topic, payload in messages:
        for error in validator(schema_name(topic)).iter_errors(json.loads(payload)):
            found.append(f"{topic}: {error.json_path}: {error.message}")
    return found
