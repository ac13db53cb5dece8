"""The scenes of the real lab, as evidence alone: three hosts, several ways to look at each.

Each host is looked at over its libvirt connection and by three Prometheus targets: the libvirt
and node exporters that run on it, and a blackbox exporter that does not.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import pytest

import rca
from kgraph.schema import Answer, Entity, Incident, Observation, Relation, State

MODEL = rca.load_model([])
HOSTS = {"h1": ("g0", "g1", "g2"), "h2": ("g3", "g4", "g5"), "h3": ("g6", "g7", "g8")}
ON_EXPORT = frozenset({"g0", "g1", "g3", "g4", "g6", "g7"})
JOBS = ("libvirt", "node", "blackbox")
Row = tuple[str, str, str]  # entity, signal, detector


def prober(job: str, host: str) -> Entity:
    detector = f"prometheus/up/{job}"
    return Entity(f"{job}@{host}", "Probe", f"{job} {host}", props={"detector": detector})


def entities() -> Iterator[Entity]:
    yield Entity("prometheus", "Probe", "Prometheus")
    yield Entity("export", "StorageExport", "nbd://10.77.0.1:10809/vmstore")
    for host, guests in HOSTS.items():
        yield Entity(host, "Host", host)
        yield Entity(f"wire@{host}", "Probe", host, props={"detector": f"libvirt/{host}"})
        yield from (prober(job, host) for job in JOBS)
        yield Entity(f"pool@{host}", "StoragePool", f"local {host}")
        for guest in guests:
            yield Entity(guest, "VirtualMachine", guest)
            if guest not in ON_EXPORT:
                yield Entity(f"disk@{guest}", "Volume", guest)


def relations() -> Iterator[Relation]:
    for host, guests in HOSTS.items():
        yield Relation(host, "WATCHED_BY", f"wire@{host}")
        for job in JOBS:
            yield Relation(host, "WATCHED_BY", f"{job}@{host}")
            yield Relation(f"{job}@{host}", "DEPENDS_ON", "prometheus")
            if job != "blackbox":
                yield Relation(f"{job}@{host}", "RUNS_ON", host)
        yield Relation(f"pool@{host}", "RUNS_ON", host)
        for guest in guests:
            yield Relation(guest, "RUNS_ON", host)
            yield Relation(guest, "WATCHED_BY", f"wire@{host}")
            yield Relation(guest, "WATCHED_BY", f"libvirt@{host}")
            if guest in ON_EXPORT:
                yield Relation(guest, "STORED_ON", "export")
            else:
                yield Relation(guest, "STORED_ON", f"disk@{guest}")
                yield Relation(f"disk@{guest}", "STORED_ON", f"pool@{host}")


def well() -> Iterator[Row]:
    """Return every look that is made, one row each."""
    yield from (("export", signal, "nbd") for signal in ("down", "hung", "unreachable"))
    for host, guests in HOSTS.items():
        yield host, "down", f"libvirt/{host}"
        yield host, "unreachable", f"libvirt/{host}"
        for job in JOBS:
            yield host, "unreachable", f"prometheus/up/{job}"
            yield f"{job}@{host}", "unreachable", "prometheus"
        yield from ((f"pool@{host}", signal, "libvirt") for signal in ("offline", "full"))
        for guest in guests:
            signals = ("down", "paused", "ioError", "panic")
            yield from ((guest, signal, f"libvirt/{host}") for signal in signals)
            yield guest, "hung", f"libvirt-stats/{host}"


def asked(wrong: Iterable[Row], silent: Iterable[str] = ()) -> Answer:
    """Ask the engine; of the detectors and entities in `silent` nothing healthy is heard."""
    wrong, silent = list(wrong), frozenset(silent)
    hurt = {(entity, signal, detector) for entity, signal, detector in wrong}
    healthy = [row for row in well() if row not in hurt and not {row[0], row[2]} & silent]
    rows = [
        Observation(entity, signal, state, detector=detector)
        for state, found in ((State.ABNORMAL, wrong), (State.HEALTHY, healthy))
        for entity, signal, detector in found
    ]
    incident = Incident("scene", tuple(entities()), tuple(relations()), tuple(rows))
    return rca.investigate(incident, MODEL)


def gone(job: str, host: str) -> list[Row]:
    """Return what is seen when one target does not answer."""
    return [
        (host, "unreachable", f"prometheus/up/{job}"),
        (f"{job}@{host}", "unreachable", "prometheus"),
    ]


def paused(host: str, *guests: str) -> list[Row]:
    return [(g, signal, f"libvirt/{host}") for g in guests for signal in ("paused", "ioError")]


def posterior(answer: Answer, entity: str) -> float:
    return next((row.posterior for row in answer.causes if row.entity == entity), 0.0)


def test_a_dead_storage_server_is_named_for_guests_that_paused_on_three_hosts() -> None:
    hurt = [*paused("h1", "g0", "g1"), *paused("h2", "g3", "g4"), *paused("h3", "g6", "g7")]
    answer = asked([("export", "down", "nbd"), *hurt])
    assert (answer.causes[0].entity, answer.causes[0].mode) == ("export", "down")
    assert answer.causes[0].posterior > 0.95


def test_a_killed_guest_is_that_guest_alone() -> None:
    answer = asked([("g5", "down", "libvirt/h2"), ("g5", "down", "prometheus/GuestDown")])
    assert answer.causes[0].entity == "g5"
    assert answer.causes[0].posterior > 0.9


def test_a_full_pool_is_named_and_not_the_guest_that_paused_on_it() -> None:
    answer = asked([("pool@h3", "full", "libvirt"), *paused("h3", "g8")])
    assert (answer.causes[0].entity, answer.causes[0].mode) == ("pool@h3", "full")
    assert posterior(answer, "g8") < 0.1


def test_a_host_that_no_way_leads_to_is_down_while_its_peers_answer() -> None:
    wrong = [("h1", "unreachable", "libvirt/h1")]
    wrong += [row for job in JOBS for row in gone(job, "h1")]
    answer = asked(wrong, silent=["h1", "libvirt/h1", "libvirt-stats/h1", "pool@h1"])
    assert answer.causes[0].entity == "h1"
    assert answer.causes[0].posterior > 0.9


def test_one_stalled_exporter_with_a_hung_guest_behind_it_is_that_guest() -> None:
    answer = asked(
        [*gone("libvirt", "h1"), ("g0", "hung", "libvirt-stats/h1")],
        silent=["prometheus/GuestDown"],
    )
    assert (answer.causes[0].entity, answer.causes[0].mode) == ("g0", "hung")
    assert posterior(answer, "h1") < 0.1


@pytest.mark.parametrize("job", JOBS)
def test_one_target_that_is_gone_is_its_exporter_and_not_the_host(job: str) -> None:
    answer = asked(gone(job, "h1"))
    assert answer.causes[0].entity == f"{job}@h1"
    assert posterior(answer, "h1") < 0.2


def test_all_scrapes_failing_at_once_is_the_monitoring() -> None:
    answer = asked(row for job in JOBS for host in HOSTS for row in gone(job, host))
    blamed = {row.entity for row in answer.causes if row.posterior >= 0.1}
    assert answer.abstained or blamed == {"prometheus"}
    assert all(posterior(answer, host) < 0.05 for host in HOSTS)
    assert answer.monitoring + posterior(answer, "prometheus") > 0.9


def test_a_probe_that_broke_explains_its_own_way_only() -> None:
    answer = asked([*gone("libvirt", "h1"), *gone("node", "h1")])
    exporter = next(row for row in answer.causes if row.entity == "libvirt@h1")
    told = {w.observation.detector for w in exporter.supporting if w.observation.entity == "h1"}
    assert told == {"prometheus/up/libvirt"}
