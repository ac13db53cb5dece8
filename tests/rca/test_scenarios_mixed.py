"""What the rules and mappings must be able to say; the numbers as in the scenario list."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

import rca
from kgraph.schema import (
    Answer,
    Change,
    Entity,
    Fault,
    Hit,
    Incident,
    Observation,
    Relation,
    State,
    Subgraph,
)
from kgraph.signals import Alert, EstateIndex, Packs, Report, load_packs, translate_reports
from rca.rules.model import Model
from tests.rca.asking import Ask, chance, first

AT = datetime(2026, 11, 23, 4, tzinfo=UTC)
Read = Callable[[str], Incident]


def _foreseen(incident: Incident, model: Model, *faults: str) -> dict[str, str]:
    """Entity -> the mode that the faults bring it into."""
    told = [Fault(*fault.split(".")) for fault in faults]
    hits: Sequence[Hit] = rca.predict(incident.entities, incident.relations, model, told).next
    return {hit.entity: hit.mode for hit in hits}


def _alerts(graph: Subgraph, *alerts: Alert, packs: Packs | None = None) -> list[Observation]:
    until = AT + timedelta(hours=1)
    reports = [
        Report(alert, State.ABNORMAL, AT, until, str(i), f"monitor{i}/{alert.name}")
        for i, alert in enumerate(alerts)
    ]
    index = EstateIndex.of(graph)
    translated = translate_reports(reports, index, packs or load_packs(), received_at=AT)
    return list(translated.observations)


NICS = Subgraph(
    (
        Entity("n1", "Nic", "eth0"),
        Entity("n2", "Nic", "eth0"),
        Entity("h1", "Host", "h1"),
        Entity("h2", "Host", "h2"),
    ),
    (Relation("h1", "USES", "n1"), Relation("h2", "USES", "n2")),
)


def test_07_interface_down_in_free_text_names_the_nic(model: Model) -> None:
    alert = Alert({"alertname": "Custom7", "host": "h2"}, {"summary": "Interface eth0 down"})
    unreachable = Observation("h2", "unreachable", State.ABNORMAL)
    seen = (*_alerts(NICS, alert), unreachable)
    answer = rca.investigate(Incident("7", NICS.entities, NICS.relations, seen), model)
    assert first(answer) == ("n2", "down")
    assert {path.symptom.entity for path in answer.explanation} == {"n2", "h2"}
    assert chance(answer, "n1") == 0


ZONES = """
    Site: z
    Host: h1 h2 h3
    VirtualMachine: v1 v2
    h1 h2 DEPENDS_ON z
    v1 RUNS_ON h1
    v2 RUNS_ON h2
"""


def test_09_a_guest_is_explained_by_its_host_or_by_the_zone_that_holds_the_host(ask: Ask) -> None:
    by_host = ask(f"{ZONES}\n v1 h1 abnormal: down\n h2 z healthy: down")
    by_zone = ask(f"{ZONES}\n v1 v2 abnormal: down\n z abnormal: down\n h3 healthy: down")
    assert first(by_host) == ("h1", "down")
    assert first(by_zone) == ("z", "down")
    assert max(len(path.steps) for path in by_zone.explanation) == 3
    assert chance(by_zone, "h3") == 0


TWO_CAUSES = """
    Host: h other
    StoragePool: p
    VirtualMachine: v w[1-6] u[1-6]
    v w* RUNS_ON h
    u* RUNS_ON other
    u* healthy: latency
    v STORED_ON p
    h abnormal: cpu saturation
    v w* abnormal: latency
"""


def test_11_of_two_causes_the_worse_state_shows_and_the_other_stays_when_it_clears(
    ask: Ask, incident: Read, model: Model
) -> None:
    both = ask(f"{TWO_CAUSES}\n p abnormal: full\n v abnormal: paused")
    cleared = ask(f"{TWO_CAUSES}\n p healthy: full\n v healthy: paused")
    assert {fault.entity for fault in both.hypotheses[0].members} == {"h", "p"}
    assert _foreseen(incident(TWO_CAUSES), model, "h.overloaded", "p.full")["v"] == (
        "paused_io_error"
    )
    assert first(cleared) == ("h", "overloaded")
    assert _foreseen(incident(TWO_CAUSES), model, "h.overloaded")["v"] == "starved"


def test_13_with_cluster_and_network_healthy_the_hosts_of_one_zone_are_blamed(ask: Ask) -> None:
    answer = ask("""
        Cluster: c
        Network: net
        Site: za zb
        Host: h[1-6]
        VirtualMachine: v[1-6]
        c DEPENDS_ON h[1-6] / hosts 3
        h[1-3] DEPENDS_ON za
        h[4-6] DEPENDS_ON zb
        h* ATTACHED_TO net
        v* RUNS_ON each h[1-6]
        v[1-3] abnormal: down
        v[4-6] healthy: down
        c healthy: down degraded
        net healthy: down
    """)
    assert first(answer) == ("za", "down")
    assert max(chance(answer, uid) for uid in ("c", "net", "zb", "h4", "h5", "h6")) < 0.05


def test_19_two_names_of_two_monitors_are_one_fault(model: Model, tmp_path: Path) -> None:
    (tmp_path / "own.yaml").write_text(
        "format: kgraph.mapping/v1\nentries:\n"
        "  - {alert: LinkLost|PortOutage, kind: Nic, signal: down, name: [device], host: [host]}\n"
    )
    packs = load_packs([tmp_path])
    labels = {"device": "eth0", "host": "h1"}
    one, other = (Alert({"alertname": name, **labels}) for name in ("LinkLost", "PortOutage"))
    answers = []
    for alerts in ((one,), (one, other)):
        seen = tuple(_alerts(NICS, *alerts, packs=packs))
        assert {(row.entity, row.signal) for row in seen} == {("n1", "down")}
        incident = Incident("19", NICS.entities, NICS.relations, seen)
        answers.append(rca.investigate(incident, model))
    assert first(answers[0]) == first(answers[1]) == ("n1", "down")
    assert chance(answers[1], "n1") == pytest.approx(chance(answers[0], "n1"))


def _migrated(incident: Read, model: Model, *changed: str) -> Answer:
    given = incident("""
        Host: h1 h2
        VirtualMachine: v w
        Service: s
        v w RUNS_ON h2
        s RUNS_ON v
        v abnormal: unreachable
        s abnormal: errors
        h2 healthy: down
        w healthy: unreachable down
    """)
    changes = tuple(
        Change(uid, "migration", AT - timedelta(minutes=1), "h1 to h2", "kgraph")
        for uid in changed
    )
    seen = tuple(replace(row, at=AT) for row in given.observations)
    return rca.investigate(replace(given, changes=changes, observations=seen), model)


def test_33_our_own_migration_makes_its_guest_the_cause_of_the_outage(
    incident: Read, model: Model
) -> None:
    moved, unmoved = _migrated(incident, model, "v"), _migrated(incident, model)
    assert moved.causes[0].entity == "v"
    assert moved.causes[0].posterior > 0.9
    assert moved.elsewhere < unmoved.elsewhere
    assert {path.symptom.entity for path in moved.explanation} == {"v", "s"}


def test_34_a_greedy_guest_is_the_cause_of_its_slow_siblings(ask: Ask) -> None:
    answer = ask("""
        Host: h1
        VirtualMachine: greedy v1 v2
        greedy v1 v2 RUNS_ON h1
        greedy h1 abnormal: cpu
        v1 v2 abnormal: latency
    """)
    assert first(answer) == ("greedy", "overloaded")
    slow = [path for path in answer.explanation if path.symptom.entity == "v1"]
    assert [step.entity for step in slow[0].steps] == ["greedy", "h1", "v1"]


def test_35_a_network_made_anew_is_up_and_has_none_of_its_guests(ask: Ask) -> None:
    answer = ask("""
        Network: net other
        Host: h
        VirtualMachine: v[1-4] w[1-4]
        v* w* RUNS_ON h
        v* ATTACHED_TO net
        w* ATTACHED_TO other
        v* abnormal: unreachable
        v* healthy: down
        w* healthy: unreachable
        net h healthy: down
    """)
    assert first(answer) == ("net", "isolated")
    assert answer.causes[0].posterior > 0.7
    assert chance(answer, "h") < 0.05
