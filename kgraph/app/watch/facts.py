"""What the guards and the executor are told of the estate, made of graph and evidence. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping
from datetime import datetime

from kgraph.schema import GONE, Evidence, Observation, Subgraph
from kgraph.sourcekit import MANAGED_BY
from remedies import Facts, Vantage

# A switch is chosen by its host's name, and a playbook limited to that of whatever it treats.
_BY_NAME = frozenset(
    {
        *("Host", "VirtualMachine", "Service", "ServiceInstance", "Database", "Queue"),
        *("LoadBalancer", "Application", "Container", "Pod"),
    }
)
# Alertmanager passes on what Prometheus has seen; counters come over libvirt's connection.
_THROUGH = {"alertmanager": "prometheus", "libvirt-stats": "libvirt"}


def facts_of(
    graph: Subgraph,
    evidence: Evidence,
    read_at: datetime,
    configured: Collection[str],
    complete: Collection[str],
) -> Facts:
    """Sum up what is known.

    Args:
        graph: the open graph.
        evidence: what holds now.
        read_at: when the newest reading in it was made.
        configured: the sources that tell what there is.
        complete: those of them that were read completely at least once.
    """
    abnormal = frozenset((r.entity, r.signal) for r in evidence.observations if r.abnormal)
    healthy = frozenset((r.entity, r.signal) for r in evidence.observations if not r.abnormal)
    return Facts(
        read_at=read_at,
        abnormal=abnormal,
        healthy=healthy - abnormal,
        configured=frozenset(configured),
        complete=frozenset(complete),
        vantages=vantages(graph, evidence),
        owners=owners(graph),
        namesakes=namesakes(graph),
    )


def owners(graph: Subgraph) -> dict[str, str]:
    """Return who else takes care of what: told by a label, or by the hypervisor's own rule."""
    found = ((each.uid, each.labels.get(MANAGED_BY, "")) for each in graph.entities)
    return {uid: who for uid, who in found if who}


def namesakes(graph: Subgraph) -> frozenset[str]:
    """Return what may be acted on by its name, and is called as another of its kind is."""
    named = [each for each in graph.entities if each.kind in _BY_NAME]
    called = Counter((each.kind, each.name) for each in named)
    return frozenset(each.uid for each in named if called[each.kind, each.name] > 1)


def vantages(graph: Subgraph, evidence: Evidence) -> tuple[Vantage, ...]:
    """Return from where the estate is looked at, and what has gone silent there.

    All probes that report through one system (`prometheus/…`, `libvirt/…`) are one vantage point:
    what breaks that system blinds them all. A thing is silent there when each of its probes is, or
    when all that is said of it there is that it does not answer: a probe that pings it from
    elsewhere is well itself. It is confirmed when somebody elsewhere sees it, well or not.
    """
    system = {
        entity.uid: system_of(str(entity.props["detector"]))
        for entity in graph.entities
        if entity.kind == "Probe" and "detector" in entity.props
    }
    dead = _dead(graph, evidence.observations, system)
    eyes: dict[str, dict[str, set[str]]] = {}  # system -> entity -> its probes
    for relation in graph.relations:
        if relation.type == "WATCHED_BY" and relation.dependency in system:
            seen = eyes.setdefault(system[relation.dependency], {})
            seen.setdefault(relation.dependent, set()).add(relation.dependency)
    seen_by = _seen_by(evidence.observations)
    deaf = _unanswered(evidence.observations)
    found = []
    for name, watched in sorted(eyes.items()):
        silent = frozenset(
            uid for uid, probes in watched.items() if probes <= dead or (uid, name) in deaf
        )
        confirmed = frozenset(uid for uid in silent if seen_by.get(uid, set()) - {name})
        found.append(Vantage(name, frozenset(watched), silent, confirmed))
    return tuple(found)


def system_of(detector: str) -> str:
    """Return what a detector reports through; those that share it fail together."""
    name = detector.partition("/")[0]
    return _THROUGH.get(name, name)


def _dead(
    graph: Subgraph, rows: Collection[Observation], system: Mapping[str, str]
) -> frozenset[str]:
    """Return the probes that see nothing.

    They are gone, or what they look at does not answer, or who asks them on our behalf does not.
    """
    gone = {row.entity for row in rows if row.abnormal and row.signal in GONE}
    blind = {(r.entity, r.detector) for r in rows if r.abnormal and r.signal == "unreachable"}
    detectors = {e.uid: str(e.props["detector"]) for e in graph.entities if e.uid in system}
    through = {
        relation.dependency
        for relation in graph.relations
        if (relation.dependent, detectors.get(relation.dependency)) in blind
    }
    unheard = {
        relation.dependent
        for relation in graph.relations
        if relation.type == "DEPENDS_ON" and relation.dependency in gone
    }
    return frozenset(((gone | unheard) & system.keys()) | through)


def _unanswered(rows: Collection[Observation]) -> frozenset[tuple[str, str]]:
    """Return (entity, system) where every row on whether it answers says that it does not."""
    said: dict[tuple[str, str], bool] = {}
    for row in rows:
        if row.signal == "unreachable":
            key = (row.entity, system_of(row.detector))
            said[key] = said.get(key, True) and row.abnormal
    return frozenset(key for key, never in said.items() if never)


def _seen_by(rows: Collection[Observation]) -> dict[str, set[str]]:
    """Return entity -> the systems that have seen it, in whatever state."""
    found: dict[str, set[str]] = {}
    for row in rows:
        if not (row.abnormal and row.signal == "unreachable"):
            found.setdefault(row.entity, set()).add(system_of(row.detector))
    return found
