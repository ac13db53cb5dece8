"""Names of a machine's parts, such as `h1/nginx.service`, where two machines have one short name.

Who knows no UUID of a machine names its parts by its short name, since some sources know its
domain and others don't. Where the graph has an `h1.dc1` besides the `h1.dc2` that is read, that
would make one of the parts of both: there they are named in full, and join nothing that is named
by the short name alone. Pure.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from kgraph.schema import Entity, Record
from kgraph.signals import EstateIndex
from kgraph.sourcekit.machines import MACHINES, Machine, Told

_NAMESPACES = frozenset({"name", "hostInterface", "hostPath", "hostBridge"})


def ambiguous(items: Iterable[Told], index: EstateIndex) -> Mapping[str, str]:
    """Return short name -> full name of the machines of a reading that share it with another.

    Where one reading has both, its short names mean either: they stay as they are, and join
    nothing that is named in full.
    """
    told: dict[str, dict[str, Machine]] = {}
    for item in items:
        if isinstance(item, Machine) and not item.nameless and "." in item.name:
            full = item.name.lower().rstrip(".")
            told.setdefault(full.partition(".")[0], {})[full] = item
    return {
        short: full
        for short, machines in told.items()
        if len(machines) == 1
        for full, machine in machines.items()
        if any(_is_another(index.entities[u], full, machine, index) for u in _of(index, short))
    }


def in_full(record: Record, names: Mapping[str, str]) -> Record:
    """Return a record whose keys name parts of such machines in full."""
    keys = []
    for key in record.keys:
        short, slash, part = key.value.partition("/")
        full = names.get(short) if slash and key.namespace in _NAMESPACES else None
        keys.append(key if full is None else key._replace(value=f"{full}/{part}"))
    return record._replace(keys=tuple(keys))


def _of(index: EstateIndex, name: str) -> Iterable[str]:
    return (uid for kind in MACHINES for uid in index.named(name, (kind,)))


def _is_another(entity: Entity, full: str, machine: Machine, index: EstateIndex) -> bool:
    """Tell a machine of another full name from one that is known by a longer or shorter one."""
    same = machine.uuid and entity.uid in {
        uid
        for namespace in ("smbiosUuid", "vmUuid")
        for uid in index.keyed(namespace, machine.uuid)
    }
    told = {entity.name, *(key.value for key in entity.keys if key.namespace == "hostname")}
    names = {name.lower().rstrip(".") for name in told if "." in name}
    return not same and bool(names) and not any(_alike(name, full) for name in names)


def _alike(one: str, other: str) -> bool:
    return f"{one}.".startswith(f"{other}.") or f"{other}.".startswith(f"{one}.")
