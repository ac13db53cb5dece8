"""Merged layers, held to the models; what is wrong becomes one line that names its layer."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from kgraph.config.endpoints import ENDPOINT_TYPES
from kgraph.config.hooks import HOOK_TYPES
from kgraph.config.places import line_of
from kgraph.config.receivers import RECEIVER_TYPES
from kgraph.config.settings import Settings
from kgraph.config.sources import source_entry, source_model, source_types
from kgraph.schema import ConfigurationError, suggest
from kgraph.schema.refusals import in_words, near_key

_TYPES: Mapping[str, Mapping[str, type[BaseModel]]] = {
    "endpoints": ENDPOINT_TYPES,
    "hooks": HOOK_TYPES,
    "receivers": RECEIVER_TYPES,
}


_ONE = {
    "sources": "a source",
    "endpoints": "an endpoint",
    "hooks": "a hook",
    "receivers": "a receiver",
}


def validated(
    merged: Mapping[str, Any], origins: Mapping[str, str], file: Path | None, text: str = ""
) -> Settings:
    """Return the settings; `text` is what stands in the file.

    Raises:
        ConfigurationError: an unknown key, a value of a wrong type; with its layer or line.
    """
    told = _Told(origins, file, text)
    rows = merged.get("sources")
    try:
        if not isinstance(rows, list):
            return Settings(**merged)
        entries = tuple(_entry(number, row, told) for number, row in enumerate(rows))
        return Settings(**{**merged, "sources": entries})
    except ValidationError as error:
        raise told.explained(error) from error


def _entry(number: int, row: object, told: _Told) -> object:
    if not isinstance(row, Mapping):
        return row
    if row.get("type") not in source_types():
        raise told.untyped(["sources", str(number)], str(row.get("type", "")))
    try:
        return source_entry(row)
    except ValidationError as error:
        raise told.explained(error, ("sources", number, row["type"])) from error


@dataclass(frozen=True, slots=True)
class _Told:
    """Puts what pydantic has found into one line, with the layer that it is from."""

    origins: Mapping[str, str]
    file: Path | None
    text: str

    def explained(
        self, error: ValidationError, within: tuple[int | str, ...] = ()
    ) -> ConfigurationError:
        first = error.errors()[0]
        location = (*within, *first["loc"])
        # pydantic names the chosen type in the location of a tagged union; people don't.
        parts = [str(part) for part in location]
        if len(parts) > 2 and parts[0] in _ONE:
            del parts[2]
        name = ".".join(parts)
        if first["type"] == "extra_forbidden":
            near = _near(location)
            return ConfigurationError(f"unknown key {name!r}", where=self._where(name), mend=near)
        if first["type"].startswith("union_tag"):
            return self.untyped(parts, str(first.get("ctx", {}).get("tag", "")))
        where = f"{self._where(name)}: {name}"
        mend = "add it" if first["type"] == "missing" else ""
        return ConfigurationError(in_words(first), where=where, mend=mend)

    def untyped(self, parts: list[str], type_: str) -> ConfigurationError:
        name, one = ".".join(parts), _ONE[parts[0]]
        known = source_types() if parts[0] == "sources" else _TYPES[parts[0]]
        mend = suggest(type_, known, f"types: {', '.join(known)}")
        where = f"{self._where(name)}: {name}"
        return ConfigurationError(f"{one} needs a type that is known", where=where, mend=mend)

    def _where(self, name: str) -> str:
        named = (o for k, o in self.origins.items() if k == name or k.startswith(f"{name}."))
        layer = next(named, "")
        if layer.startswith(("environment", "option")) or self.file is None:
            return layer
        line = line_of(self.text, name)
        return str(self.file) if line is None else f"{self.file}:{line}"


def _near(location: tuple[int | str, ...]) -> str:
    section, *within = location
    if section == "sources" and len(within) > 1:
        return near_key(source_model(str(within[1])), within[2:])
    if section in _TYPES and len(within) > 1:
        return near_key(_TYPES[str(section)][str(within[1])], within[2:])
    if not within and (tables := list(_tables_with(str(section)))):
        return f"write it under {' or '.join(f'[{table}]' for table in tables)}"
    return near_key(Settings, location)


def _tables_with(key: str) -> Iterator[str]:
    """Yield the tables of the configuration that have such a key."""
    for name, field in Settings.model_fields.items():
        held = field.annotation
        if isinstance(held, type) and issubclass(held, BaseModel) and key in held.model_fields:
            yield name
