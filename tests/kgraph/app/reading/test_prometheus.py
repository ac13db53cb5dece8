"""Prometheus in the stored graph: what is kept, what ends, and who may end it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from ingest import prometheus as source
from ingest.prometheus import Reading as Answers
from kgraph.app.reading import alerts, prometheus
from kgraph.app.reading.alerts import Listing
from kgraph.app.reading.parallel import Setting, sync
from kgraph.app.reading.prometheus import Server
from kgraph.app.reading.sync import Commitment, Reading, keep, keep_silence, unshown
from kgraph.config import Configuration, PrometheusSource, Settings
from kgraph.schema import (
    Item,
    KgraphError,
    Record,
    RelationRecord,
    Snapshot,
    SourceError,
    State,
)
from kgraph.signals import Outcome
from kgraph.store import GraphStore
from kgraph.web import NoAnswerError
from tests.ingest.prometheus.answers import (
    NOW,
    PACKS,
    alert,
    reading,
    rule,
    series,
    target,
)
from tests.stores import new_store

SEEN = {"libvirt_domain_state_code": [series("web", "h1"), series("mail", "h2")]}
LOOKS = rule("GuestPaused")


@pytest.fixture
def store(tmp_path: Path) -> Iterator[GraphStore]:
    """Two hosts with a guest each."""
    found = new_store(tmp_path / "kgraph.db")
    items: list[Item] = [
        Record("h1", "Host", "h1"),
        Record("h2", "Host", "h2"),
        Record("v1", "VirtualMachine", "web"),
        Record("v2", "VirtualMachine", "mail"),
        RelationRecord("v1", "RUNS_ON", "h1"),
        RelationRecord("v2", "RUNS_ON", "h2"),
    ]
    keep(_reading(found), Snapshot("cmdb", "all", complete=True, items=iter(items)))
    yield found
    found.close()


def _reading(store: GraphStore, later: float = 0, **fields: Commitment) -> Reading:
    at = NOW + timedelta(seconds=later)
    return Reading(store, at, fields.get("commitment", Commitment.COMMIT), unshown)


def _configured(*sources: PrometheusSource) -> list[Server]:
    configuration = Configuration(Settings(sources=sources))
    return [prometheus.server(each, configuration, PACKS) for each in sources]


ONE = PrometheusSource(type="prometheus", url="http://127.0.0.1:9090")
(SERVER,) = _configured(ONE)


def read(
    store: GraphStore, answers: Answers | KgraphError, server: Server = SERVER, later: float = 0
) -> str:
    """Read one Prometheus that gives such answers; return what failed, if anything."""

    def asked(*_: object, **__: object) -> Answers:
        if isinstance(answers, KgraphError):
            raise answers
        clock = timedelta(seconds=later)
        rules = tuple(
            replace(r, evaluated_at=r.evaluated_at + clock)
            for r in answers.rules
            if r.evaluated_at
        )
        return replace(answers, clock=answers.clock + clock, rules=rules)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(source, "fetch", asked)
        once = _reading(store, later)
        (outcome,) = sync(Setting(once, lambda: once.at, "test"), [prometheus.job(server)])
    return outcome.failure


def states(store: GraphStore, later: float = 0) -> dict[tuple[str, str], State]:
    names = {entity.uid: entity.name for entity in store.graph().entities}
    rows = store.evidence(now=NOW + timedelta(seconds=later)).observations
    return {(names[row.entity], row.signal): row.state for row in rows}


def watchers(store: GraphStore) -> set[tuple[str, str]]:
    graph = store.graph()
    names = {entity.uid: entity.name for entity in graph.entities}
    return {
        (names[r.dependent], names[r.dependency])
        for r in graph.relations
        if r.type == "WATCHED_BY"
    }


BOTH = reading([target("h1"), target("h2")], [LOOKS], SEEN)
LEFT = reading(
    [target("h1", "down"), target("h2")],
    [LOOKS],
    {"libvirt_domain_state_code": [series("mail", "h2")]},
)


def test_what_is_read_twice_changes_the_graph_once(store: GraphStore) -> None:
    read(store, BOTH)
    version = store.version()
    read(store, BOTH, later=15)
    assert store.version() == version
    assert store.check() == []


def test_a_dry_run_keeps_nothing(store: GraphStore) -> None:
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(source, "fetch", lambda *_: BOTH)
        preview = _reading(store, commitment=Commitment.PREVIEW)
        (outcome,) = sync(Setting(preview, lambda: preview.at, "test"), [prometheus.job(SERVER)])
    assert outcome.diff is not None
    assert len(outcome.diff.created) == 3
    assert states(store) == {}
    assert watchers(store) == set()


def test_a_target_that_falls_silent_takes_the_health_behind_it_with_it(
    store: GraphStore,
) -> None:
    read(store, BOTH)
    assert states(store)["web", "paused"] is State.HEALTHY
    before = watchers(store)
    read(store, LEFT, later=15)
    after = states(store, later=15)
    assert ("web", "paused") not in after
    assert after["mail", "paused"] is State.HEALTHY
    assert after["h1", "unreachable"] is State.ABNORMAL
    assert after["libvirt exporter h1", "hung"] is State.ABNORMAL  # beside it another one answers
    assert watchers(store) == before
    assert store.evidence(now=NOW + timedelta(seconds=15)).changes == ()
    read(store, BOTH, later=30)
    assert states(store, later=30)["web", "paused"] is State.HEALTHY
    assert states(store, later=30)["h1", "unreachable"] is State.HEALTHY


def test_health_ages_when_prometheus_is_not_read_any_longer(store: GraphStore) -> None:
    read(store, BOTH)
    assert ("web", "paused") in states(store, later=70)
    assert ("web", "paused") not in states(store, later=80)


def test_a_prometheus_that_gives_no_answer_is_unreachable_and_vouches_for_nothing(
    store: GraphStore,
) -> None:
    read(store, BOTH)
    failure = read(store, NoAnswerError("refused", where="x"), later=15)
    assert failure == "x: refused"
    assert states(store, later=15) == {
        ("Prometheus 127.0.0.1:9090", "unreachable"): State.ABNORMAL
    }
    read(store, BOTH, later=30)
    assert states(store, later=30)["Prometheus 127.0.0.1:9090", "unreachable"] is State.HEALTHY


def test_a_prometheus_that_was_never_read_is_unreachable_all_the_same(store: GraphStore) -> None:
    read(store, NoAnswerError("refused"))
    assert states(store) == {("Prometheus 127.0.0.1:9090", "unreachable"): State.ABNORMAL}


def test_a_refusal_proves_nothing_of_the_estate(store: GraphStore) -> None:
    read(store, BOTH)
    before = states(store, later=15)
    read(store, SourceError("Prometheus answered 401 Unauthorized"), later=15)
    assert states(store, later=15) == before
    assert keep_silence(_reading(store), prometheus.job(SERVER), SourceError("401")) == ""


def test_what_one_of_two_no_longer_sees_is_not_taken_back_for_the_other(
    store: GraphStore,
) -> None:
    east, west = _configured(
        PrometheusSource(type="prometheus", url="http://e:9090", name="east"),
        PrometheusSource(type="prometheus", url="http://w:9090", name="west"),
    )
    read(store, BOTH, east)
    read(store, BOTH, west)
    read(store, LEFT, east, later=15)
    found = store.evidence(now=NOW + timedelta(seconds=15)).observations
    web = {row.detector: row.state for row in found if row.signal == "paused"}
    assert web["prometheus@west/GuestPaused"] is State.HEALTHY
    roads = {row.detector for row in found if row.signal == "unreachable" and row.abnormal}
    assert roads == {"prometheus@east/up/libvirt"}


def test_one_prometheus_that_is_named_twice_is_one() -> None:
    first, second = _configured(ONE, replace_name(ONE, "again"))
    assert first.origin.road == second.origin.road == "prometheus"


def replace_name(config: PrometheusSource, name: str) -> PrometheusSource:
    return config.model_copy(update={"name": name})


# what Alertmanager passes on

BATCH = """[{"labels": {"alertname": "GuestDown", "domain": "web", "host": "h1",
 "instance": "127.0.0.1:9171", "job": "libvirt"}, "startsAt": "2026-11-23T04:04:00Z",
 "status": {"state": "active", "silencedBy": [], "inhibitedBy": []}}]"""


def _passed_on(store: GraphStore, tmp_path: Path, later: float = 0) -> Iterable[str]:
    path = tmp_path / "alerts.json"
    path.write_text(BATCH)
    at = _reading(store, later)
    batch = alerts.from_file(str(path), at.at)
    translation = alerts.translated(batch, store, PACKS)
    alerts.observe(at, translation, Listing.ALL)
    return [row.outcome.value for row in translation.explanations]


def test_an_alert_behind_a_probe_that_is_down_is_no_evidence_by_whatever_road(
    store: GraphStore, tmp_path: Path
) -> None:
    read(store, BOTH)
    assert _passed_on(store, tmp_path) == ["mapped"]
    assert states(store)["web", "down"] is State.ABNORMAL
    fires = rule(
        "GuestDown",
        "max_over_time(x[1m]) unless x",
        alert("GuestDown", **series("web", "h1")),
    )
    read(store, reading([target("h1", "down"), target("h2")], [fires]), later=15)
    assert ("web", "down") not in states(store, later=15)
    assert _passed_on(store, tmp_path, later=20) == [Outcome.BLIND.value]
    assert ("web", "down") not in states(store, later=20)


def test_what_a_whole_listing_no_longer_sees_is_unknown_and_not_over(
    store: GraphStore, tmp_path: Path
) -> None:
    read(store, BOTH)
    _passed_on(store, tmp_path)
    read(store, reading([target("h1", "down"), target("h2")]), later=15)
    assert states(store, later=15)["web", "down"] is State.ABNORMAL  # of a rule elsewhere
    _passed_on(store, tmp_path, later=20)
    assert ("web", "down") not in states(store, later=20)


def test_what_alertmanager_repeats_of_a_rule_that_is_silent_ends(
    store: GraphStore, tmp_path: Path
) -> None:
    _passed_on(store, tmp_path)
    looks = rule("GuestDown", "libvirt_domain_state_code != 1")
    read(store, reading([target("h1"), target("h2")], [looks], SEEN), later=15)
    assert states(store, later=15)["web", "down"] is State.HEALTHY
