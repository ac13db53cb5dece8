"""What ipmitool prints, line by line."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from kgraph.schema import SourceError


@dataclass(frozen=True, slots=True)
class Sensor:
    """One line of `sdr elist`.

    Attributes:
        state: `ok`, `nc`, `cr`, `nr`, or `ns` where there is no reading.
        entity: what it is about, as number and instance; 10 is a power supply.
        reading: in words.
    """

    name: str
    state: str
    entity: str
    reading: str

    @property
    def supply(self) -> str:
        """The instance of the power supply that it is about; "" for anything else."""
        kind, _, instance = self.entity.partition(".")
        return instance if kind == "10" else ""


def chassis(text: str, where: str) -> Mapping[str, str]:
    """Return `chassis status` as name -> value.

    Raises:
        SourceError: it does not tell whether the power is on.
    """
    pairs = (line.partition(":") for line in text.splitlines())
    found = {name.strip(): value.strip() for name, _, value in pairs}
    if found.get("System Power") not in {"on", "off"}:
        what = f"chassis status does not tell the power: {text.strip()!r:.60}"
        raise SourceError(what, where=where)
    return found


def sensors(text: str, where: str) -> tuple[Sensor, ...]:
    """Return the lines of `sdr elist`; one without cells is a message of a tool between them.

    Raises:
        SourceError: a line has another shape, or there are messages alone.
    """
    found = []
    lines = [line for line in text.splitlines() if line.strip()]
    rows = [line for line in lines if "|" in line] or lines
    for line in rows:
        cells = [cell.strip() for cell in line.split("|")]
        if len(cells) != 5:
            raise SourceError(f"sdr elist: no line of five cells: {line!r:.60}", where=where)
        found.append(Sensor(cells[0], cells[2], cells[3], cells[4]))
    return tuple(found)
