"""Calibration files: `rca/calibration.yaml` (format `kgraph.calibration/v1`), or a site's own."""

from __future__ import annotations

from functools import lru_cache
from importlib.resources import files
from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field

from kgraph.schema import ConfigurationError
from kgraph.schema.yaml_files import in_form, read_yaml
from rca.calibration.calibrator import MEASURES, SITUATION, Calibration, Slope
from rca.evaluation.measures import Bin

SHIPPED = "calibration.yaml"
_DIGITS = 6
_MEND = "fit it anew: kgraph campaign --fit FILE"
_HEAD = "# Written by `kgraph campaign --fit`. Weights are in nats; see docs/calibration.md.\n"


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class _Slope(_Part):
    base: float = Field(allow_inf_nan=False)
    by: dict[str, float] = {}


class _Bin(_Part):
    said: float = Field(ge=0, le=1)
    came: float = Field(ge=0, le=1)
    count: int = Field(ge=1)
    interval90: tuple[float, float]


class _File(_Part):
    format: Literal["kgraph.calibration/v1"]
    title: str = Field(min_length=1)
    rules: str
    how: dict[str, str] = {}
    bias: float = Field(allow_inf_nan=False)
    situation: dict[str, float]
    slopes: dict[str, _Slope]
    reliability: list[_Bin] = []


def load_calibration(path: Path | None = None) -> Calibration:
    """Read a calibration; None: the shipped one.

    Raises:
        ConfigurationError: it cannot be read, is not the format, or would reorder causes.
    """
    if path is None:
        return _parsed(files("rca").joinpath(SHIPPED).read_bytes(), f"rca/{SHIPPED}")
    try:
        return _parsed(path.read_bytes(), str(path))
    except OSError as error:
        raise ConfigurationError(
            f"cannot be read: {error.strerror}", where=str(path), mend=_MEND
        ) from None


def dump_calibration(calibration: Calibration) -> str:
    """Return a calibration as the text of a file."""
    rows = [
        {
            "said": _round(row.said),
            "came": _round(row.came),
            "count": row.count,
            "interval90": [_round(row.low), _round(row.high)],
        }
        for row in calibration.reliability
    ]
    document: dict[str, Any] = {
        "format": "kgraph.calibration/v1",
        "title": calibration.title,
        "rules": calibration.rules,
        "how": dict(calibration.how),
        "bias": _round(calibration.bias),
        "situation": {n: _round(calibration.situation.get(n, 0.0)) for n in SITUATION},
        "slopes": {
            name: {
                "base": _round(slope.base),
                "by": {n: _round(slope.by.get(n, 0.0)) for n in SITUATION},
            }
            for name, slope in calibration.slopes.items()
        },
        "reliability": rows,
    }
    return _HEAD + yaml.safe_dump(document, sort_keys=False, allow_unicode=True, width=99)


@lru_cache(maxsize=4)  # a service needs it twice, and its tests hundreds of times
def _parsed(content: bytes, where: str) -> Calibration:
    read = in_form(_File, read_yaml(content, where), where, _MEND)
    found = Calibration(
        read.title,
        read.rules,
        read.bias,
        read.situation,
        {name: Slope(slope.base, slope.by) for name, slope in read.slopes.items()},
        read.how,
        [Bin(row.said, row.came, row.count, *row.interval90) for row in read.reliability],
    )
    _check(found, where)
    return found


def _check(found: Calibration, where: str) -> None:
    situations = [found.situation, *(slope.by for slope in found.slopes.values())]
    unknown = sorted({name for one in situations for name in one} - set(SITUATION))
    unknown += sorted(found.slopes.keys() - set(MEASURES))
    if unknown:
        raise ConfigurationError(f"unknown feature {unknown[0]!r}", where=where, mend=_MEND)
    for name, slope in found.slopes.items():
        if slope.lowest <= 0:
            raise ConfigurationError(
                f"slopes.{name}: it can fall to {slope.lowest:.3g}, which would reorder causes",
                where=where,
                mend=_MEND,
            )
    if not found.slopes:
        raise ConfigurationError("slopes: none", where=where, mend=_MEND)


def _round(value: float) -> float:
    return round(value, _DIGITS) + 0.0  # no -0.0
