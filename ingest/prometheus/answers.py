"""What Prometheus answers, as far as it is read. Unknown fields are ignored.

Source: https://prometheus.io/docs/prometheus/latest/querying/api/
"""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Literal, TypeVar

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    model_validator,
)

from ingest.prometheus.reading import USUAL_INTERVAL, Labels, Rule, RuleAlert, Target
from kgraph.schema import SourceError
from kgraph.schema.refusals import in_words
from kgraph.schema.timestamps import parse_time

_DURATION = re.compile(r"(\d{1,9})(ms|s|m|h|d|w|y)")
_UNITS = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800, "y": 31536000}
_LONGEST = 31_536_000.0  # seconds of an interval; whatever is longer comes to the same: never


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
    interval: Annotated[float, Field(ge=0, allow_inf_nan=False)] = USUAL_INTERVAL.total_seconds()
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
    return timedelta(seconds=min(seconds, _LONGEST)) if seconds else USUAL_INTERVAL
