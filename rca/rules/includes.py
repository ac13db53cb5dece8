"""What rule files share: parameters with defaults, and files that include others.

`$name` stands for a parameter, as a whole value or within a text. A file that another one of its
folder includes is read there only, with the parameters it is given.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from kgraph.schema import ConfigurationError, Scalar, suggest
from kgraph.schema.yaml_files import read_yaml

PARAMETERS, INCLUDE = "parameters", "include"
_USE = re.compile(r"\$([A-Za-z]\w*)")
_NAME = re.compile(r"[A-Za-z]\w*")
_FILE = re.compile(r"[\w.-]+\.yaml")


@dataclass(frozen=True)
class Shelf:
    """The rule files of one folder: name -> text."""

    folder: str
    texts: Mapping[str, str]

    @cached_property
    def raw(self) -> Mapping[str, Any]:
        """Name -> what YAML makes of the text."""
        return {name: read_yaml(text, self.place(name)) for name, text in self.texts.items()}

    def place(self, name: str) -> str:
        """Return the file's path, for messages."""
        return f"{self.folder}/{name}"


@dataclass(frozen=True, slots=True)
class Inclusion:
    """One file that another asks for, with values for its parameters."""

    file: str
    place: str
    given: Mapping[str, Scalar] = field(default_factory=dict)


def expand(shelf: Shelf, shipped: Shelf) -> Iterator[tuple[str, Any]]:
    """Yield (path, content with its parameters filled in), included files before their includer.

    Raises:
        ConfigurationError: a file that is missing or includes itself, a parameter without a value
            or that the file does not have.
    """
    included = set()
    for name in sorted(shelf.texts):
        for one in _walked(name, shelf, shipped, ()):
            if one.file in shelf.texts:
                included.add(one.file)
    for name in sorted(set(shelf.texts) - included):
        yield from _opened(Inclusion(name, shelf.place(name)), shelf, shipped)


def bound(raw: Any, given: Mapping[str, Scalar], name: str, place: str = "") -> Any:  # noqa: ANN401
    """Return a file's content with values for its parameters, and without their declaration.

    Args:
        raw: what YAML gave.
        given: values instead of the defaults.
        name: the file, for messages.
        place: who gives the values; empty: nobody.
    """
    if not isinstance(raw, Mapping):
        return raw
    declared = _declared(raw.get(PARAMETERS), name)
    for parameter in sorted(set(given) - set(declared)):
        known = f"parameters of {name}: {', '.join(declared) or 'none'}"
        mend = suggest(parameter, declared, known)
        raise ConfigurationError(f"unknown parameter {parameter!r}", where=place, mend=mend)
    values = {**declared, **given}
    for parameter, value in values.items():
        if value is None:
            raise ConfigurationError(
                f"parameter {parameter!r} has no value",
                where=place or f"{name}: {PARAMETERS}",
                mend="give it a default, or a value where the file is included",
            )
    rest = {key: value for key, value in raw.items() if key != PARAMETERS}
    try:
        return _filled(rest, values, f"{name}: ")
    except RecursionError:
        raise ConfigurationError(
            "it is nested without end", where=name, mend="write the rows out, without anchors"
        ) from None


def _declared(raw: Any, name: str) -> dict[str, Scalar | None]:  # noqa: ANN401
    where, mend = f"{name}: {PARAMETERS}", "write name: default, or name: null to demand a value"
    if raw is None:
        return {}
    if not isinstance(raw, Mapping):
        raise ConfigurationError("parameters are a mapping", where=where, mend=mend)
    for key, value in raw.items():
        if not isinstance(key, str) or _NAME.fullmatch(key) is None:
            raise ConfigurationError(f"{key!r} is no parameter name", where=where, mend=mend)
        if value is not None and not isinstance(value, str | int | float):
            raise ConfigurationError(f"{key!r} has no single value", where=where, mend=mend)
    return dict(raw)


def _filled(value: Any, values: Mapping[str, Scalar | None], place: str) -> Any:  # noqa: ANN401
    if isinstance(value, Mapping):
        return {
            key: _filled(part, values, f"{place}{'' if place.endswith(': ') else '.'}{key}")
            for key, part in value.items()
        }
    if isinstance(value, list):
        return [_filled(part, values, f"{place}[{i}]") for i, part in enumerate(value)]
    if not isinstance(value, str):
        return value
    for used in _USE.findall(value):
        if used not in values:
            known = ", ".join(values) or "none"
            raise ConfigurationError(
                f"unknown parameter '${used}'",
                where=place,
                mend=f"declare it under `{PARAMETERS}`; declared: {known}",
            )
    whole = _USE.fullmatch(value)
    return values[whole[1]] if whole else _USE.sub(lambda use: str(values[use[1]]), value)


def _opened(asked: Inclusion, shelf: Shelf, shipped: Shelf) -> Iterator[tuple[str, Any]]:
    home = shelf if asked.file in shelf.texts else shipped
    name = home.place(asked.file)
    content = bound(home.raw[asked.file], asked.given, name, asked.place)
    for one in inclusions(content, name):
        yield from _opened(one, home, shipped)
    if isinstance(content, Mapping):
        content = {key: value for key, value in content.items() if key != INCLUDE}
    yield name, content


def _walked(file: str, shelf: Shelf, shipped: Shelf, chain: Sequence[str]) -> Iterator[Inclusion]:
    """Yield what a file includes, directly or not; refuse what is missing or a cycle."""
    name = shelf.place(file)
    chain = [*chain, name]
    for one in inclusions(shelf.raw[file], name):
        home = shelf if one.file in shelf.texts else shipped
        if one.file not in home.texts:
            known = ", ".join(sorted({*shelf.texts, *shipped.texts}))
            raise ConfigurationError(
                f"no rule file {one.file!r}", where=one.place, mend=f"one of: {known}"
            )
        if home.place(one.file) in chain:
            told = " includes ".join([*chain, home.place(one.file)])
            raise ConfigurationError(
                f"files include each other: {told}", where=one.place, mend="take one of them out"
            )
        yield one
        yield from _walked(one.file, home, shipped, chain)


def inclusions(raw: Any, name: str) -> list[Inclusion]:  # noqa: ANN401
    """Return what a file asks for; ConfigurationError where that can't be read."""
    asked = raw.get(INCLUDE) if isinstance(raw, Mapping) else None
    where, mend = f"{name}: {INCLUDE}", "write include: [other.yaml, {file: x.yaml, with: {a: 1}}]"
    if asked is None:
        return []
    if not isinstance(asked, list):
        raise ConfigurationError("include is a list", where=where, mend=mend)
    found = []
    for i, row in enumerate(asked):
        entry = {"file": row} if isinstance(row, str) else row
        place = f"{where}[{i}]"
        if not isinstance(entry, Mapping) or set(entry) - {"file", "with"}:
            raise ConfigurationError("a row is a file, perhaps `with`", where=place, mend=mend)
        file, given = entry.get("file"), entry.get("with") or {}
        if not isinstance(file, str) or _FILE.fullmatch(file) is None:
            what = f"{file!r} is no file of this folder, nor a shipped one"
            raise ConfigurationError(what, where=place, mend="name a .yaml file without its path")
        if not isinstance(given, Mapping) or None in given.values():
            raise ConfigurationError("`with` gives no values", where=place, mend=mend)
        found.append(Inclusion(file, place, given))
    return found
