"""What breaks at a retailer: half of it at a site, the rest where all sites feel it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from random import Random

from tests.rca.worlds.retail_estate import Estate
from tests.rca.worlds.retail_physics import Blow

Given = Mapping[str, tuple[float, float] | float | bool]


@dataclass(frozen=True, slots=True)
class Fault:
    """One kind of fault.

    Attributes:
        role: of what it strikes.
        blow: fields of `Blow`; of a pair something between is drawn.
        weight: how often it comes, beside the others.
        gray: it weakens and does not stop.
        change: the chance that somebody did something to it just before.
        far: it is felt at many sites.
    """

    role: str
    name: str
    blow: Given
    weight: float = 1.0
    gray: bool = False
    change: float = 0.05
    far: bool = False


def _site(role: str, name: str, weight: float, *, change: float = 0.05, **blow: object) -> Fault:
    return Fault(role, name, blow, weight, gray=_gray(blow), change=change)  # type: ignore[arg-type]


def _far(role: str, name: str, weight: float, *, change: float = 0.05, **blow: object) -> Fault:
    return Fault(role, name, blow, weight, _gray(blow), change, far=True)  # type: ignore[arg-type]


def _near(role: str, name: str, weight: float, *, change: float = 0.05, **blow: object) -> Fault:
    """A fault of the centre that few feel."""
    return _site(role, name, weight, change=change, **blow)


def _gray(blow: Mapping[str, object]) -> bool:
    return not {"up", "stuck", "fill"} & set(blow) and blow.get("reach") != 0.0


FAULTS = (
    # at a site
    _site("street", "power cut", 3, up=0.0),
    _site("battery", "supply burnt out", 1, up=0.0),
    _site("cabinet", "overheated", 2, heat=True, grows=600.0),
    _site("router", "dead", 2.5, up=0.0),
    _site("router", "set up wrongly", 1.5, change=0.9, reach=0.0),
    _site("router", "processor busy", 1, lag=(3.0, 8.0), hog=(0.5, 0.9)),
    _site("line", "dead", 4, reach=0.0),
    _site("line", "loses packets", 3, reach=(0.75, 0.95)),
    _site("line", "comes and goes", 2, reach=0.0, beat=(120.0, 420.0)),
    _site("line", "narrow", 1.5, lag=(3.0, 12.0)),
    _site("lte", "modem dead", 1, reach=0.0),
    _site("switch", "dead", 2, up=0.0),
    _site("switch", "broadcast storm", 1.5, reach=(0.4, 0.85), lag=(1.5, 4.0)),
    _site("port", "wrong duplex", 2, change=0.3, reach=(0.7, 0.93), lag=(1.5, 3.0)),
    _site("machine", "dead", 2, up=0.0),
    _site("machine", "clock off", 2, skew=True),
    _site("machine", "busy", 1, hog=(0.6, 0.95)),
    _site("pool", "full", 2.5, fill=1.0),
    _site("disk", "failed", 1.5, stuck=True),
    _site("disk", "dying", 2, lag=(3.0, 15.0)),
    _site("export", "hung", 1, stuck=True),
    _site("vm", "stopped", 1.5, up=0.0),
    _site("vm", "runs wild", 1.5, hog=(0.6, 0.95)),
    _site("pos", "does not answer", 1.5, change=0.3, err=1.0),
    _site("pos", "slow", 1, lag=(3.0, 10.0), grows=900.0),
    _site("replica", "index lost", 1.5, lag=(4.0, 15.0)),
    _site("replica", "corrupt", 1, err=(0.4, 1.0)),
    _site("outbox", "full", 1, fill=1.0),
    _site("till", "dead", 1.5, up=0.0),
    _site("wifi", "dead", 1, up=0.0),
    _site("agent", "dead", 1, up=0.0),
    # in the centre, felt by few
    _near("ups", "burnt out", 0.5, up=0.0),
    _near("core", "dead", 0.7, up=0.0),
    _near("card", "loses packets", 1, reach=(0.3, 0.8)),
    _near("controller", "dead", 0.7, up=0.0),
    _near("pod", "killed", 1, up=0.0),
    _near("guest", "out of memory", 1, up=0.0),
    _near("guest", "runs wild", 1, hog=(0.6, 0.95)),
    _near("node", "dead", 1.5, up=0.0),
    _near("node", "busy", 1, hog=(0.6, 0.9)),
    _near("service", "bad release", 2, change=0.85, err=(0.3, 1.0)),
    _near("service", "slow", 1.5, change=0.3, lag=(3.0, 12.0), grows=600.0),
    _near("database", "dead", 1, up=0.0),
    _near("poller", "hung", 0.7, up=0.0),
    # in the centre, felt by many
    _far("hub", "dead", 1.5, up=0.0),
    _far("hub", "loses packets", 1, reach=(0.75, 0.93)),
    _far("hub", "processor busy", 1, lag=(3.0, 10.0), hog=(0.5, 0.9)),
    _far("firewall", "table of sessions full", 1.5, reach=(0.4, 0.85), lag=(1.5, 3.0)),
    _far("carrier", "down", 1.5, reach=0.0),
    _far("carrier", "loses packets", 1.5, reach=(0.75, 0.94)),
    _far("array", "slow", 1.5, lag=(4.0, 15.0)),
    _far("lun", "full", 1.2, fill=1.0),
    _far("lun", "slow", 1, lag=(4.0, 15.0)),
    _far("names", "slow", 1.5, lag=(5.0, 20.0)),
    _far("accounts", "do not answer", 1.5, err=1.0),
    _far("licences", "slow", 1.5, lag=(4.0, 20.0)),
    _far("licences", "dead", 1, up=0.0),
    _far("provider", "down", 2, err=(0.7, 1.0)),
    _far("provider", "slow", 1.5, lag=(4.0, 15.0)),
    _far("broker", "hung", 1.5, stuck=True),
    _far("database", "locks", 2, lag=(4.0, 15.0)),
    _far("certificate", "expired", 1.5, err=1.0),
    _far("ingress", "dead", 1, up=0.0),
    _far("ring", "bad release", 3, change=0.9, err=(0.3, 1.0)),
)


def drawn(estate: Estate, rng: Random, begins: float, *, far: bool) -> tuple[Fault, Blow]:
    """Return a fault and where it strikes."""
    some = [fault for fault in FAULTS if fault.far or not far]
    while True:
        (fault,) = rng.choices(some, [fault.weight for fault in some])
        things = estate.of(fault.role)
        if things:
            break
    given = {
        key: rng.uniform(*value) if isinstance(value, tuple) else value
        for key, value in fault.blow.items()
    }
    return fault, Blow(rng.choice(things), begins, **given)  # type: ignore[arg-type]
