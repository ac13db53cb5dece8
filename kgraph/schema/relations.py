"""How things depend on each other: relation types, and what each carries.

A relation reads from the dependent to what it depends on: "A RUNS_ON B".
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum


class Carries(Enum):
    """How a failure crosses a relation, from the dependency to the dependent."""

    FIRM = "firm"  # the dependent is hit
    SOFT = "soft"  # the dependent may stay unhurt: it may not need that call just now
    EVIDENCE = "evidence"  # only what we see of the dependent is hit
    NOTHING = "nothing"


@dataclass(frozen=True, slots=True)
class RelationType:
    """One type of relation.

    Attributes:
        name: UPPER_SNAKE.
        carries: what crosses it by default.
        about: the reading of "A ... B".
        usual: (dependent kind, dependency kind) pairs seen in practice; empty where any pair is.
            Others are accepted with a warning, so that documents of other authors work.
    """

    name: str
    carries: Carries
    about: str
    usual: frozenset[tuple[str, str]] = frozenset()


def _pairs(text: str) -> frozenset[tuple[str, str]]:
    """Read `A,B>C,D E>F` as every pair of the two sides."""
    found = set()
    for group in text.split():
        left, right = group.split(">")
        found |= {(a, b) for a in left.split(",") for b in right.split(",")}
    return frozenset(found)


_SOFTWARE = (
    "Service,ServiceInstance,Container,Pod,LoadBalancer,Endpoint,Database,Queue,Application"
)
_ALL = (
    RelationType(
        "RUNS_ON",
        Carries.FIRM,
        "A is executed by B",
        _pairs(
            f"VirtualMachine,StorageExport,Probe,{_SOFTWARE}>Host,VirtualMachine"
            f" {_SOFTWARE}>Container,Pod,Cluster,ServiceInstance StorageController>StorageArray"
            " VirtualMachine>Cluster"
        ),
    ),
    RelationType(
        "STORED_ON",
        Carries.FIRM,
        "A's data is on B",
        _pairs(
            "VirtualMachine,Container,Pod,Host,Service,ServiceInstance,Database,Queue>Volume,StorageExport,StoragePool,Disk"
            " Volume,StorageExport>StoragePool,StorageExport,Disk,StorageArray,Volume"
            " StoragePool>Disk,StorageArray,StorageExport,Volume,StoragePool"
        ),
    ),
    RelationType(
        "ATTACHED_TO",
        Carries.FIRM,
        "A is plugged into network B",
        _pairs(
            "VirtualMachine,Host,VirtualNic,Nic,Bond,Container,Pod,Service,StorageExport,Bmc>Network,SwitchPort,Switch"
        ),
    ),
    RelationType(
        "CONNECTED_TO",
        Carries.FIRM,
        "A reaches the rest through B",
        _pairs(
            "Nic,Bond,Host,SwitchPort,Network,Switch,Router,StorageArray,StorageController,VirtualNic>"
            "SwitchPort,Switch,Router,Network,Nic,Bond"
        ),
    ),
    RelationType("MEMBER_OF", Carries.NOTHING, "A is listed in B"),
    RelationType(
        "POWERED_BY",
        Carries.FIRM,
        "A draws its power from B",
        _pairs("Host,Switch,Router,StorageArray,Rack,Bmc,PowerFeed>PowerFeed"),
    ),
    RelationType("LOCATED_IN", Carries.NOTHING, "A stands in B"),
    RelationType("CALLS", Carries.SOFT, "A sends requests to B"),
    RelationType("BALANCES", Carries.SOFT, "A spreads requests over B"),
    RelationType("USES", Carries.FIRM, "A needs B to work"),
    RelationType("WATCHED_BY", Carries.EVIDENCE, "what is known of A comes through B"),
    RelationType("DEPENDS_ON", Carries.FIRM, "A needs B, in a way not said"),
)
RELATIONS: Mapping[str, RelationType] = {relation.name: relation for relation in _ALL}


def unusual(type_: str, dependent_kind: str, dependency_kind: str) -> bool:
    """Tell whether a relation joins kinds that it seldom joins: worth a warning, no more."""
    usual = RELATIONS[type_].usual
    return bool(usual) and (dependent_kind, dependency_kind) not in usual


def usually(type_: str, dependent_kind: str, dependency_kind: str) -> str:
    """Say what is written instead of an unusual relation; any two kinds are joined by `USES`."""
    usual = RELATIONS[type_].usual
    if (dependency_kind, dependent_kind) in usual:
        return f"usual is {dependency_kind} {type_} {dependent_kind}"
    pair = (dependent_kind, dependency_kind)
    types = [name for name, row in RELATIONS.items() if pair in row.usual]
    if types:
        return f"usual is {dependent_kind} {' or '.join(types)} {dependency_kind}"
    kinds = sorted(on for what, on in usual if what == dependent_kind)
    if kinds:
        return f"usual is {dependent_kind} {type_} {' or '.join(kinds)}"
    return f"where one needs the other to work write {dependent_kind} USES {dependency_kind}"
