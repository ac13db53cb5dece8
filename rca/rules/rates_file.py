"""Files of rates: `rca/rates.yaml` (format `kgraph.rates/v1`), and a site's own over it."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field

from kgraph.schema import ConfigurationError
from kgraph.schema.yaml_files import in_form, read_yaml
from rca.rules.rates import DetectorRates, Rates, Tally

SHIPPED = "rates.yaml"
_DIGITS = 5
_MEND = "measure them anew: kgraph detect report --fit FILE"
_HEAD = "# Written by `kgraph detect report --fit`; see docs/detection.md.\n"


class _Row(BaseModel):
    model_config = ConfigDict(extra="forbid")
    detection: float = Field(gt=0, lt=1)
    falseAlarm: float = Field(gt=0, lt=1)  # noqa: N815 - as in rule files
    hits: tuple[int, int] = (0, 0)
    strays: tuple[int, int] = (0, 0)


class _File(BaseModel):
    model_config = ConfigDict(extra="forbid")
    format: Literal["kgraph.rates/v1"]
    how: str = ""
    detectors: dict[str, _Row]


def load_rates(path: Path | None = None) -> DetectorRates:
    """Read the shipped rates, and a site's own over them.

    Raises:
        ConfigurationError: it cannot be read, or is not the format.
    """
    found = _shipped()
    if path is not None:
        try:
            found = {**found, **_parsed(path.read_bytes(), str(path))}
        except OSError as error:
            reason = error.strerror or "can't be read"
            raise ConfigurationError(reason, where=str(path), mend=_MEND) from None
    return DetectorRates(found)


@cache
def _shipped() -> dict[str, Rates]:
    return _parsed(files("rca").joinpath(SHIPPED).read_bytes(), f"rca/{SHIPPED}")


def _parsed(content: bytes, where: str) -> dict[str, Rates]:
    file = in_form(_File, read_yaml(content, where), where, _MEND)
    return {name: Rates(row.detection, row.falseAlarm) for name, row in file.detectors.items()}


def rates_text(measured: Mapping[str, tuple[Tally, Rates]], how: str) -> str:
    """Return a file of rates, with the counts that they come from."""
    rows = {
        name: {
            "detection": round(rates.detection, _DIGITS),
            "falseAlarm": round(rates.false_alarm, _DIGITS),
            "hits": [tally.hits, tally.at_fault],
            "strays": [tally.strays, tally.at_rest],
        }
        for name, (tally, rates) in sorted(measured.items())
    }
    body = {"format": "kgraph.rates/v1", "how": how, "detectors": rows}
    return _HEAD + yaml.safe_dump(body, sort_keys=False, default_flow_style=None, width=99)
