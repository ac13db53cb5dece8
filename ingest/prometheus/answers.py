"""What Prometheus answers, as far as it is read. Unknown fields are ignored.

Source: https://prometheus.io/docs/prometheus/latest/querying/api/
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Literal, TypeVar
from urllib.parse import parse_qs, urlsplit

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    model_validator,
)

from kgraph.schema import SourceError
from kgraph.schema.refusals import in_words
from kgraph.schema.timestamps import parse_time

Labels = Mapping[str, str]
_SETTLES = timedelta(minutes=2)
_DURATION = re.compile(r"(\d{1,9})(ms|s|m|h|d|w|y)")
_UNITS = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800, "y": 31536000}
_DEFAULT_INTERVAL = timedelta(minutes=1)  # Prometheus's own, and what older ones leave out
_LONGEST = 31_536_000.0  # seconds of an interval; whatever is longer comes to the same: never


@dataclass(frozen=True, slots=True)
class Target:
    """One thing that Prometheus scrapes, as of its last try.

    Attributes:
        health: `unknown` until the first scrape.
        interval: between two scrapes.
        scraped_at: None before the first.
        blinks: it is down, and was up within the last two tries: a single scrape that fails under
            load is no sign of anything.
    """

    labels: Labels
    scrape_url: str
    health: Literal["up", "down", "unknown"]
    last_error: str = ""
    interval: timedelta = _DEFAULT_INTERVAL
    scraped_at: datetime | None = None
    blinks: bool = False

    @property
    def job(self) -> str:
        """Its `job`."""
        return self.labels.get("job", "")

    @property
    def instance(self) -> str:
        """Its `instance`."""
        return self.labels.get("instance", "")

    @property
    def proxied(self) -> bool:
        """Whether an exporter asks something else on behalf of Prometheus (`?target=`).

        Such an `up` tells of the exporter, never of what it was to ask.
        """
        try:
            return "target" in parse_qs(urlsplit(self.scrape_url).query)
        except ValueError:  # no address at all
            return False


@dataclass(frozen=True, slots=True)
class RuleAlert:
    """One alert of a rule: it fires, or it waits for its `for` to pass."""

    labels: Labels
    annotations: Labels
    firing: bool
    active_at: datetime | None


@dataclass(frozen=True, slots=True)
class Rule:
    """One alerting rule, as of its last evaluation.

    Attributes:
        interval: between two evaluations.
        healthy: the last evaluation succeeded.
        evaluated_at: by Prometheus's clock; None before the first.
    """

    name: str
    query: str
    labels: Labels = field(default_factory=dict)
    annotations: Labels = field(default_factory=dict)
    interval: timedelta = _DEFAULT_INTERVAL
    healthy: bool = True
    last_error: str = ""
    evaluated_at: datetime | None = None
    alerts: tuple[RuleAlert, ...] = ()


@dataclass(frozen=True, slots=True)
class Question:
    """Which series an expression has now, told apart by some labels only."""

    expression: str
    labels: tuple[str, ...]

    @property
    def query(self) -> str:
        """The PromQL of it."""
        return f"count by ({', '.join(self.labels)}) ({self.expression})"


@dataclass(frozen=True, slots=True)
class Reading:
    """One look at one Prometheus.

    Attributes:
        clock: what Prometheus held the time to be.
        series: question -> label sets of the series that it found.
        troubles: what could not be asked, one line each.
        started_at: when Prometheus was started; None where it does not say.
        partial: targets or rules are missing, by its own word.
    """

    clock: datetime
    targets: tuple[Target, ...] = ()
    rules: tuple[Rule, ...] = ()
    series: Mapping[Question, tuple[Labels, ...]] = field(default_factory=dict)
    troubles: tuple[str, ...] = ()
    started_at: datetime | None = None
    partial: bool = False

    @property
    def settled(self) -> bool:
        """Whether it lists all its targets: it finds them one by one after it was started."""
        young = self.started_at is not None and self.clock - self.started_at < _SETTLES
        return bool(self.targets) and not young and not self.partial


def _time(value: object) -> object:
    """Read a time; the year 1 stands for never."""
    if value is None or not isinstance(value, str) or value.startswith("0001-"):
        return None
    return parse_time(value)


def _text(value: object) -> object:
    """Take half a surrogate pair for what it is: JSON can hold one, UTF-8 cannot."""
    return value.encode("utf-8", "replace").decode() if isinstance(value, str) else value


_Time = Annotated[datetime | None, BeforeValidator(_time)]
_Text = Annotated[str, BeforeValidator(_text)]
LabelRow = dict[_Text, _Text]


class Tolerant(BaseModel):
    """Takes what is known of an answer and ignores the rest."""

    model_config = ConfigDict(extra="ignore")


class _Listing(Tolerant):
    """What takes the place of Prometheus, such as a ruler of its own, may write null for none."""

    @model_validator(mode="before")
    @classmethod
    def _none_left_out(cls, told: object) -> object:
        if not isinstance(told, dict):
            return told
        return {name: value for name, value in told.items() if value is not None}


class _Target(_Listing):
    labels: LabelRow
    scrapeUrl: _Text = ""  # noqa: N815 - Prometheus's own spelling
    lastError: _Text = ""  # noqa: N815
    lastScrape: _Time = None  # noqa: N815
    health: Literal["up", "down", "unknown"]
    scrapeInterval: str = ""  # noqa: N815


class _Targets(_Listing):
    activeTargets: list[_Target]  # noqa: N815


class _Alert(_Listing):
    labels: LabelRow
    annotations: LabelRow = {}
    state: str
    activeAt: _Time = None  # noqa: N815


class _Rule(_Listing):
    name: _Text
    query: _Text
    labels: LabelRow = {}
    annotations: LabelRow = {}
    health: str = "unknown"
    lastError: _Text = ""  # noqa: N815
    lastEvaluation: _Time = None  # noqa: N815
    alerts: list[_Alert] = []
    type: str = "alerting"


class _Group(_Listing):
    interval: Annotated[float, Field(ge=0, allow_inf_nan=False)] = (
        _DEFAULT_INTERVAL.total_seconds()
    )
    rules: list[_Rule]


class _Groups(_Listing):
    groups: list[_Group]


class _Sample(Tolerant):
    metric: LabelRow


class _Vector(Tolerant):
    resultType: Literal["vector"]  # noqa: N815
    result: list[_Sample]


class _Runtime(Tolerant):
    startTime: _Time = None  # noqa: N815


class _Scalar(Tolerant):
    resultType: Literal["scalar"]  # noqa: N815
    result: tuple[float, str]


_M = TypeVar("_M", bound=BaseModel)
_OTHER = "is this Prometheus?"
_TOLD = 200  # characters of what a server says of itself


def data_of(content: bytes, model: type[_M], where: str, mend: str = "") -> _M:
    """Return the `data` of an answer; SourceError where it is none of Prometheus's."""
    try:
        raw: Any = json.loads(content)
        if isinstance(raw, dict) and raw.get("status") == "error":
            why = " ".join(str(raw.get("error") or raw.get("errorType") or "").split())[:_TOLD]
            told = repr(why) if why else "it does not say why"
            mend = mend or "correct what was asked, or ask it later"
            raise SourceError(f"Prometheus refused: {told}", where=where, mend=mend)
        return model.model_validate(raw["data"])
    except ValidationError as error:
        mend, first = mend or _OTHER, error.errors()[0]
        field_ = ".".join(ascii(part).strip("'") for part in first["loc"])
        raise SourceError(f"{field_}: {in_words(first)}", where=where, mend=mend) from None
    except (ValueError, TypeError, KeyError, RecursionError):
        told = "not an answer of Prometheus"
        raise SourceError(told, where=where, mend=mend or _OTHER) from None


def warned(content: bytes, what: str) -> tuple[str, ...]:
    """Return what is missing in an answer by its own word, one line each.

    Who asks several Prometheuses for others, as Thanos does, answers with what it has got.
    """
    if b'"warnings"' not in content:
        return ()
    told = json.loads(content).get("warnings") or ()
    lines = (" ".join(str(each).split())[:_TOLD] for each in told)
    return tuple(f"a part of its {what} is missing: {line}" for line in lines)


def read_targets(content: bytes, where: str) -> tuple[Target, ...]:
    """Read the answer of `/api/v1/targets`."""
    return tuple(
        Target(
            labels=each.labels,
            scrape_url=each.scrapeUrl,
            health=each.health,
            last_error=each.lastError,
            interval=_duration(each.scrapeInterval),
            scraped_at=each.lastScrape,
        )
        for each in data_of(content, _Targets, where).activeTargets
    )


def read_rules(content: bytes, where: str) -> tuple[Rule, ...]:
    """Read the answer of `/api/v1/rules`; recording rules are left out."""
    return tuple(
        _rule(each, timedelta(seconds=min(group.interval, _LONGEST)))
        for group in data_of(content, _Groups, where).groups
        for each in group.rules
        if each.type == "alerting"
    )


def _rule(each: _Rule, interval: timedelta) -> Rule:
    return Rule(
        name=each.name,
        query=each.query,
        labels=each.labels,
        annotations=each.annotations,
        interval=interval,
        healthy=each.health == "ok",
        last_error=each.lastError,
        evaluated_at=each.lastEvaluation,
        alerts=tuple(
            RuleAlert(alert.labels, alert.annotations, alert.state == "firing", alert.activeAt)
            for alert in each.alerts
            if alert.state in {"firing", "pending"}
        ),
    )


def read_series(content: bytes, where: str) -> tuple[Labels, ...]:
    """Read the label sets of an instant query's answer."""
    return tuple(sample.metric for sample in data_of(content, _Vector, where).result)


def read_clock(content: bytes, where: str) -> datetime:
    """Read the answer to `time()`."""
    seconds, _ = data_of(content, _Scalar, where).result
    try:
        return datetime.fromtimestamp(seconds, UTC)
    except (ValueError, OverflowError, OSError):
        raise SourceError(f"its clock says {seconds}", where=where, mend="set it") from None


def read_start(content: bytes, where: str) -> datetime | None:
    """Read when Prometheus was started, from `/api/v1/status/runtimeinfo`."""
    return data_of(content, _Runtime, where).startTime


def _duration(text: str) -> timedelta:
    """Read `1m30s`; what is empty or says nothing is the default."""
    seconds = sum(int(count) * _UNITS[unit] for count, unit in _DURATION.findall(text))
    return timedelta(seconds=min(seconds, _LONGEST)) if seconds else _DEFAULT_INTERVAL
