"""What was said from a place before it fell silent does not speak for that place."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

import rca
from kgraph.schema import Answer, Entity, Incident, Observation, Relation, State
from kgraph.topology import build
from rca.engine import scene_of
from rca.evidence.readings import read
from rca.suspects.signature import spread
from rca.suspects.units import Unit
from tests.rca.suspected import units_of

MODEL = rca.load_model()
DIED = datetime(2026, 3, 1, 12, tzinfo=UTC)
BEFORE, SINCE = DIED - timedelta(seconds=4), DIED + timedelta(seconds=4)
EXPORTERS = ("node", "guests")
LIBVIRT = "libvirt/qemu+ssh://h/system"


def _host(*words: Observation, speaks: bool = True) -> Incident:
    """A host that nobody reaches, with two pools of its own and a guest on one of them."""
    entities = (
        Entity("h", "Host", "h"),
        Entity("p", "StoragePool", "p"),
        Entity("q", "StoragePool", "q"),
        Entity("d", "Volume", "d"),
        Entity("libvirt", "Probe", "libvirt", props={"detector": LIBVIRT}),
        *(Entity(x, "Probe", x, props={"detector": f"up/{x}"}) for x in EXPORTERS),
    )
    relations = (
        Relation("p", "USES", "h"),
        Relation("q", "USES", "h"),
        Relation("d", "STORED_ON", "p"),
        Relation("h", "WATCHED_BY", "libvirt"),
        *(Relation("h", "WATCHED_BY", x) for x in EXPORTERS),
        *(Relation(x, "RUNS_ON", "h") for x in EXPORTERS),
        *([Relation("libvirt", "RUNS_ON", "h")] if speaks else []),
    )
    alarms = (
        _silent("h", "ping"),
        *(_silent(who, f"up/{x}") for x in EXPORTERS for who in ("h", x)),
    )
    return Incident("silent", entities, relations, (*alarms, *words))


def _silent(entity: str, detector: str) -> Observation:
    return Observation(entity, "unreachable", State.ABNORMAL, at=DIED, detector=detector)


def _well(at: datetime | None, detector: str = LIBVIRT) -> list[Observation]:
    return [
        Observation(pool, signal, State.HEALTHY, at=at, detector=detector)
        for pool in ("p", "q")
        for signal in ("offline", "full")
    ]


def _ask(incident: Incident) -> Answer:
    return rca.investigate(incident, MODEL)


def _chance(answer: Answer, mode: str) -> float:
    return max(
        (c.posterior for c in answer.causes if (c.entity, c.mode) == ("h", mode)), default=0
    )


@pytest.mark.parametrize("spoken", [BEFORE, DIED])
def test_a_host_is_down_though_its_own_pools_were_well_before(spoken: datetime) -> None:
    silent, told = _ask(_host()), _ask(_host(*_well(spoken)))
    for answer in (silent, told):
        assert (answer.causes[0].entity, answer.causes[0].mode) == ("h", "down")
    assert _chance(told, "down") == pytest.approx(_chance(silent, "down"), abs=0.02)
    assert not answer.causes[0].contradicting


@pytest.mark.parametrize(
    ("incident", "why"),
    [
        (_host(*_well(SINCE)), "who still speaks is not dead"),
        (_host(*_well(None)), "of when nobody knows"),
        (_host(*_well(BEFORE), speaks=False), "said from elsewhere"),
        (_host(*_well(BEFORE, "scan")), "by nobody who runs there"),
        (_host(*_well(BEFORE), *_well(SINCE, "scan")), "said again from elsewhere"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_any_other_word_on_a_pool_counts_as_ever(incident: Incident, why: str) -> None:
    assert why
    spoken = next(c for c in _ask(incident).causes if c.entity == "h" and c.mode == "isolated")
    assert spoken.posterior > _chance(_ask(incident), "down")
    assert {w.observation.entity for w in spoken.contradicting} == {"p", "q"}


def test_against_a_fault_of_the_pool_itself_a_last_word_counts() -> None:
    incident = _host(*_well(BEFORE))
    scene = scene_of(incident, MODEL, build(incident.entities, incident.relations))
    index = scene.topology.index
    offline = Observation("d", "unwritable", State.ABNORMAL, at=DIED, detector="scan")
    alarmed = replace(incident, observations=(*incident.observations, offline))
    unheard = replace(alarmed, observations=(*_host().observations, offline))
    assert scene.last_words == {index["p"]: index["h"], index["q"]: index["h"]}
    assert [_pool(_ask(one)) for one in (alarmed, unheard)] == sorted(
        _pool(_ask(one)) for one in (alarmed, unheard)
    )
    assert _pool(_ask(alarmed)) < 0.5 * _pool(_ask(unheard))


def _pool(answer: Answer) -> float:
    return sum(c.posterior for c in answer.causes if c.entity == "p")


def test_of_many_that_report_under_one_name_the_one_that_watches_has_spoken() -> None:
    shared = "up/libvirt"
    incident = _host(*_well(BEFORE, shared))
    exporters = tuple(Entity(f"x{i}", "Probe", props={"detector": shared}) for i in range(2))
    incident = replace(
        incident,
        entities=(*incident.entities, *exporters),
        relations=(
            *incident.relations,
            Relation("x0", "RUNS_ON", "h"),
            Relation("p", "WATCHED_BY", "x0"),
            Relation("q", "WATCHED_BY", "x1"),
        ),
    )
    readings = read(incident, MODEL, build(incident.entities, incident.relations))
    assert {uid: {row.last for row in readings[uid]} for uid in ("p", "q")} == {
        "p": {"h"},
        "q": {""},
    }
    assert {row.last for row in readings["h"]} == {""}, "of the place itself it is no last word"


def test_who_runs_on_several_machines_may_speak_from_the_other() -> None:
    incident = _host(*_well(BEFORE))
    both = replace(
        incident,
        entities=(*incident.entities, Entity("h2", "Host", "h2")),
        relations=(*incident.relations, Relation("libvirt", "RUNS_ON", "h2")),
    )
    topology, late = build(both.entities, both.relations), _silent("h2", "ping")
    for seen in ((*both.observations, late), (late, *both.observations)):
        readings = read(replace(both, observations=seen), MODEL, topology)
        assert {row.last for uid in ("p", "q") for row in readings[uid]} == {""}


def test_a_place_falls_silent_though_nobody_would_see_how() -> None:
    """A guest is told to hang and not to be down, and its host would stop it all the same."""
    entities = [Entity("h", "Host"), Entity("p", "StoragePool"), Entity("q", "StoragePool")]
    entities += [Entity(uid, "VirtualMachine") for uid in ("m", "v", "w")]
    entities += [Entity("x", "Probe", props={"detector": "x"})]
    relations = [Relation(uid, "RUNS_ON", "h") for uid in ("m", "v")]
    relations += [Relation(uid, "USES", "h") for uid in ("p", "q")]
    seen = [
        Observation(uid, signal, state, at=DIED, detector="scan")
        for uid, signal, state in (
            ("m", "hung", State.ABNORMAL),
            ("v", "down", State.ABNORMAL),
            ("w", "down", State.HEALTHY),
            ("w", "hung", State.HEALTHY),
        )
    ]
    seen += [Observation(p, "offline", State.HEALTHY, at=BEFORE, detector="x") for p in "pq"]
    relations.append(Relation("x", "RUNS_ON", "m"))
    incident = Incident("unseen", tuple(entities), tuple(relations), tuple(seen))
    scene = scene_of(incident, MODEL, build(incident.entities, incident.relations))
    index = scene.topology.index
    found = {unit.faults: unit for unit in units_of(scene)}
    down = found[((index["h"], "down"),)]
    assert scene.last_words == {index["p"]: index["m"], index["q"]: index["m"]}
    assert index["m"] in down.tree.entity
    assert not {index["p"], index["q"]} & {*down.rows.entity.tolist()}


def test_all_suspects_at_once_pass_last_words_over_as_each_alone() -> None:
    volume = Observation("d", "unwritable", State.ABNORMAL, at=DIED, detector="scan")
    incident = _host(*_well(BEFORE), volume)
    scene = scene_of(incident, MODEL, build(incident.entities, incident.relations))
    index = scene.topology.index
    found = {unit.faults: unit for unit in units_of(scene)}
    down: Unit = found[((index["h"], "down"),)]
    alone = spread(scene, down.faults, scene.nearby)
    passes = dict(zip(down.tree.entity.tolist(), down.tree.passes.tolist(), strict=True))
    for pool in (index["p"], index["q"]):
        assert alone.believed[pool]["offline"] == alone.predicted[pool]["offline"] > 0.9
        assert not any(entity == pool for entity in down.rows.entity.tolist())
        assert passes[pool] > 0.9
    assert alone.predicted[index["d"]]["unwritable"] > 0.85, "what was well blocks nothing"
