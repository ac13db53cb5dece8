"""Detector files: which series are looked at, by which detectors, and what that says of what.

`kgraph/signals/detectors/*.yaml` (format `kgraph.detectors/v1`), one for each family of exporters,
named like its mapping pack. Of files with a series of the same name the last one holds: a site's
own come after the shipped ones.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from ingest.detect.catalogue import DETECTORS, declared, names
from ingest.detect.declared import Detector, Reads, Settings
from ingest.detect.told import ROAD
from kgraph.schema import GENERIC, KINDS, SIGNALS, ConfigurationError, suggest, suggest_kind
from kgraph.schema.yaml_files import in_form, read_yaml, shipped_files, site_files
from kgraph.signals import Mapping as Entry
from kgraph.signals.packs import Names

FORMAT = "kgraph.detectors/v1"
MOST_POINTS = 720  # of one series in one window: a detector sorts them all
_NAME = re.compile(r"[a-z0-9][a-z0-9-]*")
_MEND = "see docs/detection.md"


class _Detect(BaseModel):
    model_config = ConfigDict(extra="allow", frozen=True)
    use: str
    signal: str
    name: str = ""


class _Series(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)
    series: str
    about: str
    query: str = Field(min_length=1)
    kind: Names = Field(min_length=1)
    name: Names = []
    host: Names = []
    caller: Names = []
    window_minutes: float = Field(default=60, gt=0, le=7 * 1440)
    step_seconds: float = Field(default=60, gt=0, le=3600)
    days: Annotated[int, Field(ge=0, le=28)] = 0
    detect: list[_Detect] = Field(min_length=1)


class _File(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)
    format: Literal["kgraph.detectors/v1"]
    series: list[_Series] = []


@dataclass(frozen=True, slots=True)
class Rule:
    """One detector on one expression.

    Attributes:
        name: `<series>.<detector>`, or as its row says.
        entry: the signal, the kinds it is looked for among, the labels that name the entity.
        place: file and row, for messages.
    """

    name: str
    detector: Detector[Any, Any]
    settings: Settings
    entry: Entry
    place: str

    @property
    def reports_as(self) -> str:
        """The detector that its evidence names: `detect/<name>`."""
        return f"{ROAD}/{self.name}"


@dataclass(frozen=True, slots=True)
class Series:
    """One expression, over which window, and the detectors that look at it.

    Attributes:
        window: how far back is looked.
        step: between two points.
        days: of so many earlier days the same hour is looked at, too; 0: none.
    """

    name: str
    about: str
    query: str
    window: timedelta
    step: timedelta
    days: int
    rules: tuple[Rule, ...]


def load_series(folders: Sequence[Path] = ()) -> tuple[Series, ...]:
    """Read the shipped files, then those of a site's own folders.

    Raises:
        ConfigurationError: a file or a row is wrong, in one line.
    """
    texts = [*shipped_files("kgraph.signals", "detectors"), *site_files(folders, "detectors")]
    found: dict[str, Series] = {}
    for name, text in texts:
        own: set[str] = set()
        for series in parse(text, name):
            if series.name in own:
                what = f"the series {series.name!r} stands there twice"
                raise ConfigurationError(what, where=name, mend="give each a name of its own")
            own.add(series.name)
            found[series.name] = series
    return tuple(found.values())


def parse(text: str, name: str) -> Iterator[Series]:
    """Yield the series of one file; ConfigurationError names file and row."""
    content = read_yaml(text, name)
    if not isinstance(content, dict):
        mend = f"begin with `format: {FORMAT}`; {_MEND}"
        raise ConfigurationError("not a file of detectors", where=name, mend=mend)
    file = in_form(_File, content, name, _MEND)
    for number, row in enumerate(file.series):
        yield _series(row, f"{name}: series[{number}]")


def _series(row: _Series, place: str) -> Series:
    if not _NAME.fullmatch(row.series):
        what = f"{row.series!r} is no name: lower case, digits and hyphens"
        raise ConfigurationError(what, where=place, mend="rename it")
    for kind in row.kind:
        if kind not in KINDS and kind != GENERIC:
            what = f"unknown kind {kind!r}"
            raise ConfigurationError(what, where=place, mend=suggest_kind(kind))
    window, step = timedelta(minutes=row.window_minutes), timedelta(seconds=row.step_seconds)
    if window / step > MOST_POINTS:
        what = f"{window / step:.0f} points a series; at most {MOST_POINTS}"
        raise ConfigurationError(what, where=place, mend="look less far back, or less often")
    rules = tuple(_rule(row, each, f"{place}.detect[{i}]") for i, each in enumerate(row.detect))
    if len({rule.name for rule in rules}) < len(rules):
        what = "two detectors of one name"
        raise ConfigurationError(what, where=place, mend="give them a `name` each")
    return Series(row.series, row.about, row.query, window, step, row.days, rules)


def _rule(row: _Series, detect: _Detect, place: str) -> Rule:
    known = names(Reads.METRICS)
    if detect.use not in DETECTORS or detect.use not in known:
        what = f"no detector of series is called {detect.use!r}"
        mend = suggest(detect.use, known, f"known: {', '.join(known)}")
        raise ConfigurationError(what, where=place, mend=mend)
    named = any(detect.signal in KINDS[kind].modes for kind in row.kind if kind in KINDS)
    if detect.signal not in SIGNALS and not named:
        what = f"signal {detect.signal!r} is not published, and no mode of {', '.join(row.kind)}"
        mend = suggest(detect.signal, SIGNALS, "see docs/schema.md, or use `anomaly`")
        raise ConfigurationError(what, where=place, mend=mend)
    chosen = declared(detect.use)
    extra: Mapping[str, Any] = detect.model_extra or {}
    settings = in_form(chosen.settings, dict(extra), place, _MEND)
    entry = Entry(
        alert=re.compile(".*"),
        kinds=tuple(row.kind),
        signal=detect.signal,
        name=tuple(row.name),
        host=tuple(row.host),
        caller=tuple(row.caller),
        place=place,
    )
    name = f"{row.series}.{detect.name or detect.use}"
    return Rule(name, chosen, settings, entry, place)
