"""The source on a real Prometheus, from fault to evidence and back."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from time import sleep

import pytest

from ingest.alertmanager import AlertBatch
from kgraph.app.doctor import Health
from kgraph.app.doctor.alerts import examine_alerts
from kgraph.app.doctor.drill import Clock, drill
from kgraph.app.reading import alerts
from kgraph.app.reading.parallel import Setting, sync
from kgraph.app.reading.sync import Commitment, Reading, unshown
from kgraph.app.reading.sync import Outcome as Became
from kgraph.app.sources import Context, jobs
from kgraph.config import Configuration, load
from kgraph.schema import Observation, State
from kgraph.signals import Outcome
from kgraph.store import GraphStore, open_store
from kgraph.web import Credentials
from tests.monitoring.stack import PAUSED, Stack

pytestmark = pytest.mark.monitoring
Seen = dict[tuple[str, str], State]
UP = "prometheus/up/libvirt"


@pytest.fixture
def configuration(stack: Stack, estate: Path) -> Configuration:
    file = estate.with_name("kgraph.toml")
    folder = estate.with_name("mappings")
    folder.mkdir()
    file.write_text(
        f'[folders]\nmappings = ["{folder.name}"]\n[store]\nurl = "sqlite:///kgraph.db"\n'
        f'[[sources]]\ntype = "topology"\npath = "{estate.name}"\n'
        f'[[sources]]\ntype = "alertmanager"\nurl = "{stack.alertmanager_url}"\n'
        f'[[sources]]\ntype = "prometheus"\nurl = "{stack.prometheus_url}"\n'
    )
    return load(cwd=estate.parent, environ={}, file=file)


@pytest.fixture
def store(configuration: Configuration) -> Iterator[GraphStore]:
    found = open_store(configuration.store_path)
    yield found
    found.close()


@pytest.fixture
def read(configuration: Configuration, store: GraphStore) -> Callable[[], list[Became]]:
    """Read all sources once, as `kgraph sync` does."""

    def once() -> list[Became]:
        at = datetime.now(UTC)
        reading = Reading(store, at, Commitment.COMMIT, unshown)
        setting = Setting(reading, lambda: datetime.now(UTC), "test")
        return list(sync(setting, jobs(Context(configuration))))

    return once


Read = Callable[[], list[Became]]


def rows(store: GraphStore) -> list[tuple[str, Observation]]:
    evidence = store.evidence(now=datetime.now(UTC))
    names = {entity.uid: entity.name for entity in store.graph().entities}
    return [(names[row.entity], row) for row in evidence.observations]


def seen(store: GraphStore, *signals: str) -> Seen:
    """Entity's name and signal -> state; abnormal wins, as it does in an investigation."""
    found: Seen = {}
    for name, row in rows(store):
        if not signals or row.signal in signals:
            pair = name, row.signal
            if row.abnormal or pair not in found:
                found[pair] = row.state
    return found


def watchers(store: GraphStore, name: str) -> set[str]:
    graph = store.graph()
    names = {entity.uid: entity.name for entity in graph.entities}
    return {
        names[relation.dependency]
        for relation in graph.relations
        if relation.type == "WATCHED_BY" and names[relation.dependent] == name
    }


def test_a_well_estate_is_seen_to_be_well_and_by_whom(store: GraphStore, read: Read) -> None:
    outcomes = read()
    assert [outcome.failure for outcome in outcomes] == ["", "", ""]
    found = seen(store, "down", "paused", "unreachable")
    for guest in ("web", "shop", "mail", "wiki"):
        assert found[guest, "down"] is State.HEALTHY
        assert found[guest, "paused"] is State.HEALTHY
    assert found["h1", "unreachable"] is found["h2", "unreachable"] is State.HEALTHY
    assert State.ABNORMAL not in found.values()
    assert watchers(store, "web") == {"libvirt exporter h1"}
    assert watchers(store, "h1") == {
        "libvirt exporter h1",
        "node exporter h1",
        "blackbox-tcp probe h1",
    }
    assert {entity.kind for entity in store.graph().entities} == {
        "Host",
        "VirtualMachine",
        "Probe",
    }


def test_a_paused_guest_is_abnormal_and_healthy_once_it_runs_again(
    stack: Stack, store: GraphStore, read: Read
) -> None:
    stack.exporters["h1"].guests["web"] = PAUSED
    stack.until("the alert", lambda: ("GuestPaused", "web") in stack.passed_on())
    read()
    roads = {row.detector for name, row in rows(store) if name == "web" and row.abnormal}
    assert roads == {"prometheus/GuestPaused", "alertmanager/GuestPaused"}
    assert seen(store, "paused")["shop", "paused"] is State.HEALTHY
    assert ("web", "down") not in seen(store)  # paused: not down, and not known to be up

    stack.exporters["h1"].guests["web"] = 1
    stack.until("the alert to end", lambda: not stack.alerts())
    read()
    assert seen(store, "paused")["web", "paused"] is State.HEALTHY


def test_a_guest_whose_series_disappears_is_down_and_then_unknown_but_never_healthy(
    stack: Stack, store: GraphStore, read: Read
) -> None:
    read()
    del stack.exporters["h1"].guests["web"]
    stack.until("the alert", lambda: ("GuestDown", "web") in stack.alerts("firing"))
    read()
    found = seen(store, "down", "paused")
    assert found["web", "down"] is State.ABNORMAL
    assert ("web", "paused") not in found
    assert found["shop", "down"] is State.HEALTHY
    assert watchers(store, "web") == {"libvirt exporter h1"}


def test_behind_a_silent_exporter_nothing_is_healthy_and_no_guest_is_down(
    stack: Stack, store: GraphStore, read: Read
) -> None:
    read()
    stack.exporters["h1"].stop()
    stack.until(
        "silence", lambda: ("ExporterDown", stack.exporters["h1"].address) in stack.passed_on()
    )
    read()
    found = seen(store, "down", "paused", "unreachable")
    assert found["h1", "unreachable"] is State.ABNORMAL
    assert found["libvirt exporter h1", "down"] is State.ABNORMAL  # it is refused
    for guest in ("web", "shop"):
        assert (guest, "down") not in found
        assert (guest, "paused") not in found
    assert found["mail", "down"] is State.HEALTHY
    blamed = {row.detector for name, row in rows(store) if name == "h1" and row.abnormal}
    assert blamed == {UP}  # the alert on the silence is no second witness of it
    assert watchers(store, "web") == {"libvirt exporter h1"}

    stack.exporters["h1"].start()
    stack.until("guests to be seen", lambda: len(stack.query("libvirt_domain_state_code")) == 4)
    stack.until("the alert to end", lambda: not stack.alerts())

    def well() -> bool:
        """The rule on guests may last have looked before they were seen again."""
        read()
        return seen(store, "down").get(("web", "down")) is State.HEALTHY

    stack.until("the guest to be well", well)
    assert seen(store, "unreachable")["h1", "unreachable"] is State.HEALTHY


def test_a_prometheus_that_is_gone_is_unreachable_and_vouches_for_nothing(
    stack: Stack, store: GraphStore, read: Read
) -> None:
    read()
    stack.stop_prometheus()
    failed = [outcome.failure for outcome in read() if outcome.failure]
    assert len(failed) == 1
    assert "Prometheus can't be reached" in failed[0]
    found = seen(store)
    assert found == {(f"Prometheus {stack.prometheus}", "unreachable"): State.ABNORMAL}

    stack.heal()
    read()
    assert seen(store)["web", "down"] is State.HEALTHY
    assert seen(store)[f"Prometheus {stack.prometheus}", "unreachable"] is State.HEALTHY


def test_doctor_tells_of_every_rule_what_it_maps_to_and_where_it_looks(
    configuration: Configuration, read: Read
) -> None:
    read()
    found = list(examine_alerts(configuration, datetime.now(UTC)))
    assert {row.health for row in found} == {Health.OK}, [
        row for row in found if row.health is not Health.OK
    ]
    told = [row.told for row in found]
    assert any(
        "GuestPaused: paused of VirtualMachine" in t and "looks at 4 entities" in t for t in told
    )
    assert any("4 targets watched, 0 silent" in line for line in told)


def test_doctor_tells_what_names_nothing_and_how_to_mend_it(
    configuration: Configuration,
) -> None:
    found = list(examine_alerts(configuration, datetime.now(UTC)))  # nothing was read yet
    lost = [row for row in found if row.health is Health.WARN]
    assert any("without it no alert finds its entity" in row.mend for row in lost)
    assert any("GuestPaused" in row.told and "4 series name none" in row.told for row in lost)
    assert any("target libvirt" in row.told and "label host" in row.mend for row in lost)


def test_a_drill_goes_through_ends_and_is_never_evidence_whatever_the_sites_mapping_says(
    configuration: Configuration,
    store: GraphStore,
    stack: Stack,
    read: Read,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (configuration.base / "mappings" / "own.yaml").write_text(
        "format: kgraph.mapping/v1\nentries:\n"
        "  - {alert: '.*', signal: down, kind: Host, name: [kgraph_drill]}\n"
    )
    read()
    packs, fetched, outcomes = alerts.packs_of(configuration), alerts.fetched, list[Outcome]()

    def followed(url: str, now: datetime, credentials: Credentials | None = None) -> AlertBatch:
        batch = fetched(url, now, credentials)
        found = alerts.translated(batch, store, packs)
        assert found.observations == ()
        outcomes.extend(row.outcome for row in found.explanations)
        return batch

    monkeypatch.setattr(alerts, "fetched", followed)
    clock = Clock(lambda: datetime.now(UTC), sleep)
    (told,) = drill(configuration, clock, "h1")  # a name that its label would lead to
    assert told.health is Health.OK, told
    assert "seen after" in told.told
    assert set(outcomes) == {Outcome.IGNORED}
    assert stack.passed_on() == set()
