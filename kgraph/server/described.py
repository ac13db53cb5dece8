"""What the OpenAPI document says beyond what follows from the routes' types."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, MutableMapping
from typing import Any

from pydantic.alias_generators import to_camel

_SECTION = "\n\nAttributes:\n"
_IF_NONE_MATCH = {
    "name": "If-None-Match",
    "in": "header",
    "required": False,
    "description": "The `ETag` of an earlier answer: 304 where nothing has changed since.",
    "schema": {"type": "string", "maxLength": 1_000},
}
_ETAG = {
    "ETag": {
        "description": "Names this state of the document, for `If-None-Match`.",
        "schema": {"type": "string"},
    }
}


def describe(document: MutableMapping[str, Any]) -> None:
    """Say what forms say of their fields, which role is needed, and how an entity tag is used."""
    for schema in document["components"]["schemas"].values():
        _fields(schema)
    for operations in document["paths"].values():
        for operation in operations.values():
            _role(operation)
            if "304" in operation["responses"]:
                operation.setdefault("parameters", []).append(_IF_NONE_MATCH)
                operation["responses"]["200"]["headers"] = _ETAG


def _role(operation: MutableMapping[str, Any]) -> None:
    """Say in words which role is asked for; programs find it in `security`, as OpenAPI has it."""
    schemes = operation.get("security", ())
    roles = {role for scheme in schemes for named in scheme.values() for role in named}
    if not roles:
        return
    told = f"Needs a token of the role {' or '.join(sorted(roles))}"
    other = ", or what the hook itself asks for" if {} in schemes else ""
    more = ", or of one that may do more" if roles != {"admin"} else ""
    operation["description"] = f"{operation['description']}\n\n{told}{other or more}."


def _fields(schema: MutableMapping[str, Any]) -> None:
    """Hand what a form's docstring says of its attributes on to its properties."""
    text, found, attributes = schema.get("description", "").partition(_SECTION)
    if not found:
        return
    schema["description"] = text
    for name, said in _attributes(attributes):
        schema["properties"][to_camel(name)].setdefault("description", said)


def _attributes(section: str) -> Iterator[tuple[str, str]]:
    """Yield name and sentence of each; what is indented further goes on with the one above."""
    name, said = "", ""
    for line in textwrap.dedent(section).splitlines():
        if line.startswith(" "):
            said = f"{said} {line.strip()}"
            continue
        if name:
            yield name, said
        name, _, said = line.partition(": ")
    yield name, said
