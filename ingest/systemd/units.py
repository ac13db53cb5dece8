"""What `systemctl show` prints: blocks of `Property=value`, one a unit."""

from __future__ import annotations

from dataclasses import dataclass

from kgraph.schema import SourceError

PROPERTIES = (
    "Id",
    "Description",
    "LoadState",
    "ActiveState",
    "SubState",
    "Result",
    "Requires",
    "Requisite",
    "BindsTo",
    "Triggers",
    "Where",
    "NRestarts",
)
_FIRM = ("Requires", "Requisite", "BindsTo")


@dataclass(frozen=True, slots=True)
class Unit:
    """One loaded unit.

    Attributes:
        name: such as `nginx.service`.
        active: such as `active`, `failed`, `activating`, `inactive`.
        sub: such as `running`, `exited`, `auto-restart`.
        result: why it ended, such as `success`, `exit-code`, `oom-kill`.
        needs: units without which it is stopped.
        triggers: units that it starts, such as a socket's service.
        where: of a mount, the path.
    """

    name: str
    description: str
    active: str
    sub: str
    result: str
    needs: tuple[str, ...]
    triggers: tuple[str, ...]
    where: str
    restarts: int


def units(text: str, where: str) -> list[Unit]:
    """Read the units that are loaded, in the order of the answer.

    Raises:
        SourceError: nothing was told, a line that is no property, or a unit without a name.
    """
    if not text.strip():
        mend = "correct `units`, or see whether systemd runs there"
        raise SourceError("it tells of no unit at all", where=where, mend=mend)
    found = []
    for number, block in enumerate(text.strip().split("\n\n"), start=1):
        told = _properties(block, f"{where}: unit {number}")
        if told and told.get("LoadState") == "loaded":
            found.append(_unit(told, f"{where}: unit {number}"))
    return found


def _properties(block: str, where: str) -> dict[str, str]:
    told: dict[str, str] = {}
    for line in block.split("\n"):  # a description may have other ends of lines in it
        name, equals, value = line.partition("=")
        if not equals:
            mend = "is this what `systemctl show` prints?"
            raise SourceError(f"{line!r:.60} is no property", where=where, mend=mend)
        told[name] = value
    return told


def _unit(told: dict[str, str], where: str) -> Unit:
    name = told.get("Id", "")
    if not name:
        raise SourceError("a unit has no Id", where=where, mend="was the answer cut off?")
    restarts = told.get("NRestarts", "")
    return Unit(
        name,
        told.get("Description", ""),
        told.get("ActiveState", ""),
        told.get("SubState", ""),
        told.get("Result", ""),
        tuple(dict.fromkeys(unit for p in _FIRM for unit in told.get(p, "").split())),
        tuple(told.get("Triggers", "").split()),
        told.get("Where", ""),
        int(restarts) if restarts.isdecimal() else 0,
    )
