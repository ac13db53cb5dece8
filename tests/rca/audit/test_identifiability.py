"""Which faults could not be told apart, and what would part them."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import pytest

from kgraph.schema import Fault, Incident
from kgraph.topology import build
from rca.audit.identifiability import Alike, Report, identifiability
from rca.rules.model import Model
from tests.rca.seeds import seeds

Read = Callable[[str], Incident]
Random = Callable[[int], Incident]
DISKS = """
    StoragePool: p
    Disk: d e
    VirtualMachine: v
    p STORED_ON d e
    v STORED_ON p
"""


def _report(
    incident: Incident, model: Model, watched: Mapping[str, str], most: int = 1_000
) -> Report:
    topology = build(incident.entities, incident.relations)
    looked = {uid: frozenset(signals.split()) for uid, signals in watched.items()}
    return identifiability(topology, incident.entities, model, looked, most)


def _group_of(report: Report, fault: Fault) -> Alike | None:
    return next((group for group in report.alike if fault in group.faults), None)


D, E = Fault("d", "failed"), Fault("e", "failed")


def test_two_disks_behind_one_pool_look_the_same_if_only_guests_are_watched(
    incident: Read, model: Model
) -> None:
    group = _group_of(_report(incident(DISKS), model, {"v": "paused"}), D)
    assert group is not None
    assert E in group.faults
    assert group.shown == (("v", "paused"),)


def test_watching_one_of_two_tells_them_apart(incident: Read, model: Model) -> None:
    report = _report(incident(DISKS), model, {"v": "paused", "d": "failed"})
    group = _group_of(report, E)
    assert group is None or D not in group.faults


def test_where_nothing_is_watched_every_fault_shows_nothing(incident: Read, model: Model) -> None:
    report = _report(incident(DISKS), model, {})
    (group,) = report.alike
    assert group.shown == ()
    assert len(group.faults) == report.faults
    assert report.pairs == report.faults * (report.faults - 1) // 2


def test_the_best_probe_of_a_kind_parts_as_many_pairs_as_it_says(
    incident: Read, model: Model
) -> None:
    told = incident(DISKS)
    before = _report(told, model, {"v": "paused"})
    best = before.everywhere[0]
    watched = {"v": "paused"}
    for entity in told.entities:
        if entity.kind == best.kind:
            watched[entity.uid] = f"{watched.get(entity.uid, '')} {best.signal}"
    assert before.pairs - _report(told, model, watched).pairs == best.parts


@pytest.mark.parametrize("seed", seeds(8))
def test_watching_one_place_parts_as_many_pairs_as_it_says(
    seed: int, random_incident: Random, model: Model
) -> None:
    told = random_incident(seed)
    watched = {row.entity: row.signal for row in told.observations}
    before = _report(told, model, watched)
    for best in before.single[:3]:
        more = f"{watched.get(best.entity, '')} {best.signal}"
        after = _report(told, model, {**watched, best.entity: more})
        assert before.pairs - after.pairs == best.parts


@pytest.mark.parametrize("seed", seeds(8))
def test_every_fault_is_in_one_group_at_most_and_probes_are_ranked(
    seed: int, random_incident: Random, model: Model
) -> None:
    report = _report(random_incident(seed), model, {"host0": "down", "disk0": "failed"})
    faults = [fault for group in report.alike for fault in group.faults]
    assert len(faults) == len(set(faults)) <= report.faults
    for ranked in (report.everywhere, report.single):
        parts = [probe.parts for probe in ranked]
        assert parts == sorted(parts, reverse=True)
        assert all(0 < n <= report.pairs for n in parts)


def test_of_many_faults_the_most_frequent_are_let_run(incident: Read, model: Model) -> None:
    whole = _report(incident(DISKS), model, {})
    few = _report(incident(DISKS), model, {}, most=3)
    assert (few.faults, few.left_out) == (3, whole.faults - 3)
    (group,) = few.alike
    assert {fault.entity for fault in group.faults} <= {"p", "v"}
