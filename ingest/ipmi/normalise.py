"""From lines to records and health. Pure.

A machine lives while one of its power supplies does. A supply is told by its sensors of state,
whose words are those of the standard; what feeds it, no controller knows.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from ingest.ipmi.lines import Sensor
from kgraph.schema import Record, RelationRecord
from kgraph.sourcekit import Here, Machine, identifies
from kgraph.sourcekit.machines import Told

_BAD = {"nc": "beyond a limit", "cr": "critical", "nr": "beyond recovery"}
# Of the sensor type Power Supply (08h): what means that it gives nothing.
_LOST = ("failure detected", "ac lost", "ac out-of-range", "config error")
_FAULTS = ("Power Overload", "Main Power Fault", "Power Control Fault", "Cooling/Fan Fault")


@dataclass(frozen=True, slots=True)
class Place:
    """Whose controller it is, and the controller's address; "" where it is asked from inside."""

    host: str
    address: str


def normalise(
    power: Mapping[str, str], sensors: Sequence[Sensor], place: Place, here: Here
) -> Iterator[Told]:
    """Yield the machine, its controller, its supplies, and how they are."""
    machine, look = f"machine:{place.host}", here.look(f"ipmi/{place.host}")
    yield Machine(machine, place.host, kind="Host")
    yield from _controller(place, machine, here)
    on = power["System Power"] == "on"
    yield look.sees(machine, "down", "" if on else "its power is off")
    supplies: dict[str, list[Sensor]] = {}
    for sensor in sensors:
        if sensor.supply:
            supplies.setdefault(sensor.supply, []).append(sensor)
    for number, told in sorted(supplies.items()):
        present = [s for s in told if "presence detected" in s.reading.lower()]
        if not present:  # an empty bay, or nothing but its fan and its temperature
            continue
        key, name = f"supply:{place.host}/{number}", f"{place.host}/supply {number}"
        yield Record(key, "PowerFeed", name, (here.key("name", name),), watched=("down",))
        yield RelationRecord(machine, "POWERED_BY", key, "supplies", 1)
        lost = [s.reading for s in present if any(w in s.reading.lower() for w in _LOST)]
        yield look.sees(key, "down", "; ".join(lost))
    ill = [name for name in _FAULTS if power.get(name) == "true"]
    ill += [f"{s.name}: {_BAD[s.state]} ({s.reading})" for s in sensors if s.state in _BAD]
    yield look.sees(machine, "degraded", "; ".join(ill[:5]))


def _controller(place: Place, machine: str, here: Here) -> Iterator[Told]:
    key, name = f"bmc:{place.address or place.host}", place.address or f"{place.host}/bmc"
    claims = [here.key("name", name)]
    if identifies(place.address):
        claims.append(here.key("ip", place.address))
    yield Record(key, "Bmc", name, tuple(claims), watched=("down",))
    yield here.look(f"ipmi/{place.host}").sees(key, "down", "")  # it has answered
    yield RelationRecord(machine, "WATCHED_BY", key)
