"""Mapping packs: what an alert's name says, and which of its labels name the entity.

`kgraph/signals/packs/*.yaml` (format `kgraph.mapping/v1`), one file per family of exporters. A
site's own files come first; of all entries the first that matches decides. An alert that no entry
knows is still evidence: it becomes `anomaly` on whatever its labels name.
"""

from __future__ import annotations

import collections.abc
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cache, cached_property, lru_cache
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from kgraph.schema import (
    GENERIC,
    KINDS,
    SIGNALS,
    ConfigurationError,
    Direction,
    suggest,
    suggest_kind,
)
from kgraph.schema.yaml_files import in_form, read_yaml, shipped_files, site_files

_FIRST, _LAST = "ignored.yaml", "generic.yaml"
_MOST_NAMES = 4096  # of alerts, remembered
# Characters that patterns look at: with the square of these grows what some of them take, and
# whoever may raise an alert writes what she likes. Names are ten times as short.
_LONGEST_NAME, _LONGEST_TEXT = 256, 4_096
_FILLERS = frozenset({"is", "are", "has", "the", "a", "on", "of"})
DRILL_LABEL = "kgraph_drill"  # on an alert of `kgraph doctor --drill`


def _listed(value: object) -> object:
    return [value] if isinstance(value, str) else value


Names = Annotated[list[str], BeforeValidator(_listed)]


class _Entry(BaseModel):
    model_config = ConfigDict(extra="forbid")
    alert: str = ".*"
    where: dict[str, str] = {}
    kind: Names = []
    signal: str = "anomaly"
    direction: Direction | None = None
    name: Names = []
    host: Names = []
    caller: Names = []
    text: str | None = None
    ignore: str | None = None


class _File(BaseModel):
    model_config = ConfigDict(extra="forbid")
    format: Literal["kgraph.mapping/v1"]
    entries: list[_Entry] = Field(min_length=1)


@dataclass(frozen=True, slots=True)
class Alert:
    """What is read of an alert, wherever it came from."""

    labels: collections.abc.Mapping[str, str]
    annotations: collections.abc.Mapping[str, str] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """Its `alertname`, or nothing."""
        return self.labels.get("alertname", "")

    @property
    def drill(self) -> bool:
        """Whether it is made up, to see that alerts arrive: never evidence, whatever it says."""
        return DRILL_LABEL in self.labels

    @property
    def texts(self) -> tuple[str, ...]:
        """The free text that patterns are looked for in; of a long one its beginning."""
        keys = ("summary", "description", "message")
        found = (self.annotations[key] for key in keys if key in self.annotations)
        return tuple(text[:_LONGEST_TEXT] for text in (*found, self.name))


@dataclass(frozen=True, slots=True)
class Mapping:
    """One entry: which alerts, what they say, and of what.

    Attributes:
        alert: pattern for the whole `alertname`, as it is or as its words run together.
        where: label -> pattern for its whole value.
        kinds: kinds of the entity, the likeliest first; empty: any.
        name, host, caller: labels that name the entity, its host, who made the call; the first
            that finds anything counts.
        text: pattern with groups `name` and perhaps `host`, looked for in the alert's texts.
        ignore: why such an alert is no evidence; empty: it is.
        place: file and entry, for messages.
        shipped: whether it comes with kgraph, and not from the site.
    """

    alert: re.Pattern[str]
    where: tuple[tuple[str, re.Pattern[str]], ...] = ()
    kinds: tuple[str, ...] = ()
    signal: str = "anomaly"
    direction: Direction | None = None
    name: tuple[str, ...] = ()
    host: tuple[str, ...] = ()
    caller: tuple[str, ...] = ()
    text: re.Pattern[str] | None = None
    ignore: str = ""
    place: str = ""
    shipped: bool = False

    def applies(self, alert: Alert) -> bool:
        """Tell whether labels and texts of an alert of such a name are what the entry asks for."""
        if self.text is not None and not any(self.text.search(text) for text in alert.texts):
            return False
        return all(_fits(alert.labels.get(label, ""), pattern) for label, pattern in self.where)

    def unpublished(self) -> str:
        """Return what is wrong with a signal that nothing knows, and its mend; or nothing."""
        named = any(self.signal in KINDS[kind].modes for kind in self.kinds if kind in KINDS)
        if named or self.signal in SIGNALS:
            return ""
        mend = suggest(self.signal, SIGNALS, "use `anomaly`")
        return f"signal {self.signal!r} is not published; {mend}"


def _fits(text: str, pattern: re.Pattern[str]) -> bool:
    return len(text) <= _LONGEST_TEXT and pattern.fullmatch(text) is not None


UNMAPPED = Mapping(re.compile(".*"), place="no entry")
DRILL = Mapping(re.compile(".*"), ignore="a drill: it shows that alerts arrive", place="drill")


@dataclass(frozen=True)
class Packs:
    """Entries in the order in which they are tried."""

    entries: tuple[Mapping, ...]

    def match(self, alert: Alert) -> Mapping:
        """Return the first entry that speaks of the alert, or `UNMAPPED`; a drill is a drill."""
        if alert.drill:
            return DRILL
        return next((e for e in self._about(alert.name) if e.applies(alert)), UNMAPPED)

    def about(self, name: str) -> tuple[Mapping, ...]:
        """Return the entries that alerts of a name may match, in order."""
        return self._about(name)

    @cached_property
    def _about(self) -> Callable[[str], tuple[Mapping, ...]]:
        """Entries by alert name: a storm is thousands of alerts with a handful of names."""

        @lru_cache(_MOST_NAMES)
        def about(name: str) -> tuple[Mapping, ...]:
            if len(name) > _LONGEST_NAME:
                return ()
            spelled = _spelled(name)
            return tuple(
                entry
                for entry in self.entries
                if entry.alert.fullmatch(name) or entry.alert.fullmatch(spelled)
            )

        return about


def _spelled(name: str) -> str:
    """Return a name as most rules spell it: `HostDown` for "Host is down" and `host_down`."""
    words = (word for word in re.split(r"[\W_]+", name) if word.lower() not in _FILLERS)
    return "".join(word[:1].upper() + word[1:] for word in words)


def load_packs(folders: Sequence[Path] = ()) -> Packs:
    """Read the site's folders, then the shipped packs.

    Of those, what is no evidence comes first and what most names mean comes last.

    Raises:
        ConfigurationError: a file or an entry is wrong, in one line.
    """
    own = [entry for name, text in site_files(folders, "mappings") for entry in parse(text, name)]
    return Packs((*own, *_shipped()))


@cache
def _shipped() -> tuple[Mapping, ...]:
    texts = dict(shipped_files("kgraph.signals", "packs"))
    order = [_FIRST, *(name for name in texts if name not in {_FIRST, _LAST}), _LAST]
    found = (entry for name in order for entry in parse(texts[name], name))
    return tuple(replace(entry, shipped=True) for entry in found)


def parse(text: str, name: str) -> Iterator[Mapping]:
    """Yield the entries of one file; ConfigurationError names file and entry."""
    content = read_yaml(text, name)
    if not isinstance(content, dict):
        mend = "begin with `format: kgraph.mapping/v1`; see docs/mapping.md"
        raise ConfigurationError("not a mapping file", where=name, mend=mend)
    file = in_form(_File, content, name, "see docs/mapping.md")
    for i, row in enumerate(file.entries):
        yield _mapping(row, f"{name}: entries[{i}]")


def _mapping(row: _Entry, place: str) -> Mapping:
    for kind in row.kind:
        if kind not in KINDS and kind != GENERIC:
            raise ConfigurationError(
                f"unknown kind {kind!r}", where=place, mend=suggest_kind(kind)
            )
    return Mapping(
        alert=_pattern(row.alert, place),
        where=tuple((label, _pattern(value, place)) for label, value in row.where.items()),
        kinds=tuple(row.kind),
        signal=row.signal,
        direction=row.direction,
        name=tuple(row.name),
        host=tuple(row.host),
        caller=tuple(row.caller),
        text=_pattern(row.text, place) if row.text is not None else None,
        ignore=row.ignore or "",
        place=place,
    )


def _pattern(text: str, place: str) -> re.Pattern[str]:
    try:
        return re.compile(text)
    except re.error as error:
        what = f"faulty pattern {text!r}: {error}"
        raise ConfigurationError(
            what, where=place, mend="correct the regular expression"
        ) from None


def lint(entries: Iterable[Mapping]) -> list[str]:
    """Return what is wrong with entries that can be read, one line each.

    An entry that stands behind one with the same patterns can never match, which a site means
    where the one behind is shipped; a signal that is not published counts as `anomaly` only.
    """
    found = []
    first: dict[object, Mapping] = {}
    for entry in entries:
        text = entry.text.pattern if entry.text else ""
        where = tuple((label, pattern.pattern) for label, pattern in entry.where)
        key = (entry.alert.pattern, where, text)
        before = first.setdefault(key, entry)
        if before is not entry and before.shipped == entry.shipped:
            found.append(f"{entry.place}: can never match: {before.place} comes first; delete one")
        unnamed = entry.text and entry.text.groups and "name" not in entry.text.groupindex
        if unnamed and not entry.name:
            mend = "write (?P<name>...) around what names the entity"
            found.append(f"{entry.place}: no group of its text is called `name`; {mend}")
        unpublished = "" if entry.ignore else entry.unpublished()
        if unpublished:
            found.append(f"{entry.place}: {unpublished}")
    return found
