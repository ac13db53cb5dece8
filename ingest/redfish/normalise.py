"""From resources to records and health. Pure.

A machine lives while one of its power supplies does. What feeds a supply, no controller knows.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from urllib.parse import urlsplit

from ingest.redfish.fetch import Answers, Part
from kgraph.identity import canonical
from kgraph.schema import Key, Record, RelationRecord
from kgraph.sourcekit import Here, Look, Machine, Node, identifies
from kgraph.sourcekit.machines import Told

_PRESENT = frozenset({"Enabled", "StandbyOffline", "StandbySpare", "UnavailableOffline", ""})


def normalise(told: Answers, url: str, host: str, here: Here) -> Iterator[Told]:
    """Yield the controller, the systems that it manages, and their supplies and health."""
    authority = urlsplit(url).hostname or url
    bmc, look = f"bmc:{authority}", here.look(f"redfish/{authority}")
    claims = [here.key("name", authority)]
    if identifies(authority):
        claims.append(here.key("ip", authority))
    serials = filter(None, (manager.text("SerialNumber") for manager in told.managers))
    claims += [here.key("serial", serial) for serial in serials]
    yield Record(bmc, "Bmc", authority, tuple(dict.fromkeys(claims)), watched=("down",))
    yield look.sees(bmc, "down", "")  # it has answered
    for system in told.systems:
        key = f"system:{authority}/{system.needed('Id')}"
        yield _system(system, key, host, authority, here)
        yield RelationRecord(key, "WATCHED_BY", bmc)
        for number, supply in _supplies(told.power):
            yield from _supply(number, supply, key, authority, here, look)
        yield from _seen(system, told, key, look)


def _system(system: Node, key: str, host: str, authority: str, here: Here) -> Machine:
    maker, serial = system.text("Manufacturer").lower(), system.text("SerialNumber")
    claims = (here.key("vendorSerial", f"{maker}/{serial}"),) if maker and serial else ()
    name = host or system.text("HostName")
    return Machine(
        key,
        name or f"{authority}/{system.needed('Id')}",
        system.text("UUID"),
        props={"model": system.text("Model"), "powerState": system.text("PowerState")},
        kind="Host",
        claims=claims,
        nameless=not name,
    )


def _supplies(power: Iterable[Part]) -> Iterator[tuple[str, Node]]:
    """Yield each supply that is there, with its number: two chassis may begin both with 0."""
    numbers: set[str] = set()
    serials: set[str] = set()
    for part in power:
        for place, supply in enumerate(part.node.at("PowerSupplies").each()):
            serial = supply.text("SerialNumber")
            if supply.text("Status", "State") not in _PRESENT or serial in serials:
                continue  # what two chassis share, both of them list
            number = supply.text("MemberId") or supply.text("Id") or str(place)
            number = f"{part.chassis}/{number}" if number in numbers else number
            numbers.add(number)
            if canonical(Key("serial", serial)):
                serials.add(serial)
            yield number, supply


def _supply(
    number: str, supply: Node, system: str, authority: str, here: Here, look: Look
) -> Iterator[Told]:
    key, name = f"supply:{authority}/{number}", supply.text("Name") or f"supply {number}"
    serial, state = supply.text("SerialNumber"), supply.text("Status", "State")
    strong = (here.key("serial", serial),) if serial else ()
    shown = f"{authority}/{name}"
    yield Record(key, "PowerFeed", shown, (*strong, here.key("name", shown)), watched=("down",))
    yield RelationRecord(system, "POWERED_BY", key, "supplies", 1)
    health = supply.text("Status", "Health")
    lost = health == "Critical" or state == "UnavailableOffline"
    yield look.sees(key, "down", f"the controller says {health or state}" if lost else "")


def _seen(system: Node, told: Answers, key: str, look: Look) -> Iterator[Told]:
    """Yield whether the system is on and well; off is told, though a person may have done it."""
    power = system.text("PowerState")
    if power:
        yield look.sees(key, "down", "" if power in {"On", "PoweringOff"} else f"it is {power}")
    health = system.text("Status", "HealthRollup") or system.text("Status", "Health")
    troubles = [f"the controller says {health}"] if health in {"Warning", "Critical"} else []
    troubles += [line for part in told.thermal for line in _heat(part.node)]
    if troubles or not told.missing:
        yield look.sees(key, "degraded", "; ".join(troubles))
    else:  # what is missing may be what is ill
        yield look.withdraws(key, "degraded")


def _heat(thermal: Node) -> Iterator[str]:
    for what in ("Fans", "Temperatures"):
        for each in thermal.at(what).each():
            health = each.text("Status", "Health")
            if health in {"Warning", "Critical"}:
                name = each.text("Name") or each.text("FanName")
                yield f"{name}: {health}"
