"""From units to records and health. Pure.

A unit that a person stopped is no fault and not healthy either: it is unknown.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fnmatch import fnmatchcase

from ingest.systemd.units import Unit
from kgraph.schema import Observation, Record, RelationRecord
from kgraph.sourcekit import Here, Look, Machine, local_name
from kgraph.sourcekit.machines import Told

_KINDS = {"service": "ServiceInstance", "socket": "Endpoint", "mount": "StoragePool"}
_LIVE = frozenset({"active", "activating", "reloading", "refreshing", "deactivating", "failed"})
_KILLED = frozenset({"oom-kill", "signal", "core-dump"})


def normalise(
    told: Sequence[Unit], machine: Machine, ignore: Sequence[str], here: Here
) -> Iterator[Told]:
    """Yield the machine, its units, and what each requires among them."""
    kept = {unit.name: unit for unit in told if _matters(unit, ignore)}
    look = here.look(f"systemd/{machine.name}")
    yield machine
    for unit in kept.values():
        key, kind = _key(machine, unit.name), _kind(unit.name)
        yield _record(unit, key, machine, here)
        yield RelationRecord(key, "USES" if kind == "StoragePool" else "RUNS_ON", machine.key)
        for name in unit.needs:
            if name in kept and name != unit.name:
                type_ = "STORED_ON" if _kind(name) == "StoragePool" else "DEPENDS_ON"
                yield RelationRecord(key, type_, _key(machine, name))
        for name in unit.triggers:  # who connects to the socket is served by the service
            if name in kept and kind == "Endpoint":
                yield RelationRecord(key, "RUNS_ON", _key(machine, name))
        yield from _seen(unit, key, look)


def _matters(unit: Unit, ignore: Sequence[str]) -> bool:
    known = _kind(unit.name) != "" and unit.active in _LIVE
    return known and not any(fnmatchcase(unit.name, pattern) for pattern in ignore)


def _kind(name: str) -> str:
    return _KINDS.get(name.rpartition(".")[2], "")


def _key(machine: Machine, unit: str) -> str:
    return f"unit:{machine.name}/{unit}"


def _record(unit: Unit, key: str, machine: Machine, here: Here) -> Record:
    name = f"{machine.name}/{unit.where or unit.name}"
    path = {"path": unit.where} if unit.where else {}
    return Record(
        key,
        _kind(unit.name),
        name,
        (here.key("name", local_name(machine.name, unit.where or unit.name)),),
        props={
            "unit": unit.name,
            "description": unit.description,
            "state": f"{unit.active} ({unit.sub})",
            "restarts": unit.restarts,
            **path,
        },
        watched=("down",),
        volatile=frozenset({"state", "restarts"}),
    )


def _seen(unit: Unit, key: str, look: Look) -> Iterator[Observation]:
    killed = _kind(unit.name) == "ServiceInstance"
    if unit.active == "failed":
        told = f"systemd: {unit.name} failed: {unit.result}"
        yield look.sees(key, "down", told)
        if killed and unit.result in _KILLED:
            yield look.sees(key, "killed", told)
        elif killed:
            yield look.withdraws(key, "killed")
    elif unit.sub == "auto-restart":
        yield look.sees(key, "down", f"systemd: {unit.name} has ended ({unit.result}), restarting")
    elif unit.active in {"active", "reloading", "refreshing"}:
        yield look.sees(key, "down", "")
        if killed:
            yield look.sees(key, "killed", "")
    else:
        yield look.withdraws(key, "down")
