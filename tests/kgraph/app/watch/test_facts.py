"""What the guards are told: who watches what, and what has gone silent there."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

from kgraph.app.watch.facts import facts_of, system_of, vantages
from kgraph.schema import Entity, Evidence, Observation, Relation, State, Subgraph
from remedies import Vantage

NOW = datetime(2026, 11, 23, 3, 8, tzinfo=UTC)
HOSTS = ("h1", "h2", "h3")
GRAPH = Subgraph(
    (
        *(Entity(host, "Host", host) for host in HOSTS),
        *(
            Entity(f"{job}@{host}", "Probe", props={"detector": detector.format(host)})
            for host in HOSTS
            for job, detector in (("wire", "libvirt/{}"), ("node", "prometheus/up/node"))
        ),
    ),
    tuple(
        Relation(host, "WATCHED_BY", f"{job}@{host}") for host in HOSTS for job in ("wire", "node")
    ),
)


def gone(host: str, detector: str) -> Observation:
    return Observation(host, "unreachable", State.ABNORMAL, detector=detector)


def well(host: str, detector: str) -> Observation:
    return Observation(host, "down", State.HEALTHY, detector=detector)


def seen(*rows: Observation) -> dict[str, Vantage]:
    return {row.name: row for row in vantages(GRAPH, Evidence(rows))}


def test_a_ping_that_is_sent_from_elsewhere_does_not_hear_a_host_that_never_answers_it() -> None:
    ping = Entity("ping@h1", "Probe", props={"detector": "prometheus/up/ping"})
    graph = Subgraph(
        (*GRAPH.entities, ping), (*GRAPH.relations, Relation("h1", "WATCHED_BY", "ping@h1"))
    )
    pinged = Observation("ping@h1", "unreachable", State.HEALTHY, detector="prometheus/up/ping")
    failed = gone("h1", "alertmanager/ProbeFailed")
    off = Evidence((pinged, failed, gone("h1", "prometheus/up/node")))
    found = {row.name: row for row in vantages(graph, off)}
    assert found["prometheus"].silent == {"h1"}
    # Its exporter hangs, and it answers the ping.
    answers = replace(failed, state=State.HEALTHY)
    hung = Evidence((pinged, answers, gone("h1", "prometheus/up/node")))
    found = {row.name: row for row in vantages(graph, hung)}
    assert found["prometheus"].silent == frozenset()


def test_who_else_takes_care_of_something_is_told_by_its_label() -> None:
    guest = Entity("v1", "VirtualMachine", "db", labels={"managedBy": "Pacemaker"})
    facts = facts_of(Subgraph((guest, *GRAPH.entities), ()), Evidence(()), NOW, (), ())
    assert facts.owners == {"v1": "Pacemaker"}


def test_what_is_acted_on_by_name_and_called_alike_is_told() -> None:
    more = (
        Entity("h9", "Host", "h1"),
        Entity("v1", "Volume", "h2"),
        Entity("v2", "Volume", "h2"),
        Entity("g1", "VirtualMachine", "web-1"),
        Entity("g2", "VirtualMachine", "web-1"),
        Entity("g3", "VirtualMachine", "web-3"),
    )
    facts = facts_of(Subgraph((*GRAPH.entities, *more), ()), Evidence(()), NOW, (), ())
    assert facts.namesakes == {"h1", "h9", "g1", "g2"}


def test_where_all_is_well_nothing_is_silent() -> None:
    found = seen(*(well(host, f"libvirt/{host}") for host in HOSTS))
    assert set(found) == {"libvirt", "prometheus"}
    assert found["libvirt"].watched == frozenset(HOSTS)
    assert not any(row.silent for row in found.values())


def test_what_no_scrape_reaches_is_silent_there_and_confirmed_by_who_else_sees_it() -> None:
    scrapes = [gone(host, "prometheus/up/node") for host in HOSTS]
    found = seen(*scrapes, well("h1", "libvirt/h1"), well("h2", "libvirt/h2"))
    assert found["prometheus"].silent == frozenset(HOSTS)
    assert found["prometheus"].confirmed == frozenset({"h1", "h2"})
    assert not found["libvirt"].silent


def test_a_probe_that_is_gone_itself_sees_nothing() -> None:
    found = seen(Observation("node@h1", "unreachable", State.ABNORMAL, detector="kgraph/x"))
    assert found["prometheus"].silent == frozenset({"h1"})


def test_who_is_asked_through_a_server_that_does_not_answer_sees_nothing() -> None:
    """Else its last word stands: it would vouch for a host, and for what a repair has mended."""
    asked = tuple(Relation(f"node@{host}", "DEPENDS_ON", "server") for host in HOSTS)
    graph = Subgraph((*GRAPH.entities, Entity("server", "Probe")), (*GRAPH.relations, *asked))
    silent = Observation("server", "unreachable", State.ABNORMAL, detector="kgraph/server")
    found = {row.name: row for row in vantages(graph, Evidence((silent,)))}
    assert found["prometheus"].silent == frozenset(HOSTS)
    assert found["libvirt"].silent == frozenset()


def test_what_fails_together_is_one_system() -> None:
    assert system_of("alertmanager/GuestDown") == system_of("prometheus/up/node") == "prometheus"
    assert system_of("libvirt-stats/qemu:///system") == system_of("libvirt/h1") == "libvirt"
    assert system_of("prometheus@west-1/X") == "prometheus@west-1"


def test_what_one_sees_wrong_and_another_well_is_wrong() -> None:
    rows = (well("h1", "a"), Observation("h1", "down", State.ABNORMAL, detector="b"))
    found = facts_of(GRAPH, Evidence(rows), NOW, ["libvirt h1"], [])
    assert found.abnormal == frozenset({("h1", "down")})
    assert found.healthy == frozenset()
    assert (found.configured, found.complete) == (frozenset({"libvirt h1"}), frozenset())
