from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

import rca
from kgraph.schema import (
    Answer,
    Entity,
    Fault,
    Incident,
    InputError,
    Observation,
    Relation,
    State,
)
from kgraph.schema.healthy import expand_healthy
from kgraph.topology import build
from rca.answers.rivals import BLIND as MONITORING
from rca.engine import Thought, reason
from rca.inference.score import score
from rca.region.scene import Scene
from rca.rules.model import Model
from rca.suspects.prospects import prospects
from rca.suspects.units import units
from tests.rca.seeds import seeds
from tests.rca.suspected import support, units_of

Ask = Callable[[str], Answer]
Incidents = Callable[[str], Incident]
Random = Callable[[int], Incident]
Answers = Callable[[int], Answer]


def _chances(answer: Answer) -> dict[str, float]:
    return {cause.entity: cause.posterior for cause in answer.causes}


def _chance(answer: Answer, uid: str) -> float:
    return _chances(answer).get(uid, 0.0)


@pytest.mark.parametrize("seed", range(8))
def test_the_same_incident_gives_the_same_answer(
    seed: int, random_incident: Random, random_answer: Answers
) -> None:
    assert random_answer(seed) == rca.investigate(random_incident(seed), rca.load_model())


@pytest.mark.parametrize("seed", range(8))
def test_a_graph_that_is_in_memory_already_gives_the_same_answer(
    seed: int, random_incident: Random, random_answer: Answers, model: Model
) -> None:
    incident = random_incident(seed)
    topology = build(incident.entities, incident.relations)
    assert rca.investigate(incident, model, topology) == random_answer(seed)


def _mixed(incident: Incident, seed: int) -> Incident:
    rng = np.random.default_rng(seed)
    return replace(
        incident,
        entities=tuple(incident.entities[i] for i in rng.permutation(len(incident.entities))),
        relations=tuple(incident.relations[i] for i in rng.permutation(len(incident.relations))),
        observations=tuple(
            incident.observations[i] for i in rng.permutation(len(incident.observations))
        ),
    )


def _signatures(field: Scene) -> dict[object, tuple[float, object]]:
    """Faults -> their score alone, and what they say of every reading; all by name."""
    names = field.topology.uids
    return {
        frozenset((names[e], mode) for e, mode in unit.faults): (
            score([unit]),
            {
                (names[e], i): pytest.approx(nats)
                for (e, i), nats in zip(support(unit), unit.nats.tolist(), strict=True)
            },
        )
        for unit in units_of(field)
    }


@pytest.mark.parametrize("seed", seeds(13))
def test_the_order_of_the_input_does_not_change_what_any_fault_would_explain(
    seed: int, random_incident: Random, field_of: Callable[[Incident], Scene]
) -> None:
    incident = random_incident(seed)
    one = _signatures(field_of(incident))
    other = _signatures(field_of(_mixed(incident, seed)))
    assert one.keys() == other.keys()
    for faults, (value, told) in one.items():
        assert other[faults][0] == pytest.approx(value, abs=1e-9)
        assert other[faults][1] == told


def _renamed(incident: Incident) -> tuple[Incident, dict[str, str]]:
    """Names that sort the other way round."""
    count = len(incident.entities)
    names = {entity.uid: f"x{count - i:03}" for i, entity in enumerate(incident.entities)}
    return replace(
        incident,
        entities=tuple(replace(e, uid=names[e.uid], name="") for e in incident.entities),
        relations=tuple(
            replace(r, dependent=names[r.dependent], dependency=names[r.dependency])
            for r in incident.relations
        ),
        observations=tuple(replace(o, entity=names[o.entity]) for o in incident.observations),
    ), names


@pytest.mark.parametrize("seed", seeds(13))
def test_new_names_change_nothing_but_names(
    seed: int, random_incident: Random, random_answer: Answers, model: Model
) -> None:
    renamed, names = _renamed(random_incident(seed))
    one, other = random_answer(seed), rca.investigate(renamed, model)
    expected = {names[uid]: chance for uid, chance in _chances(one).items()}
    assert _chances(other) == pytest.approx(expected, abs=1e-9)


ESTATE = """
    Host: h1 h2
    VirtualMachine: v[0-9]
    v[0-4] RUNS_ON h1
    v[5-9] RUNS_ON h2
"""


@pytest.mark.parametrize("alarming", [1, 2, 5])
@pytest.mark.parametrize("signal", ["down", "unreachable"])
def test_a_healthy_witness_on_a_host_never_raises_it(alarming: int, signal: str, ask: Ask) -> None:
    seen = f"{ESTATE}\n v[0-{alarming - 1}] abnormal: down"
    assert _chance(ask(f"{seen}\n h1 healthy: {signal}"), "h1") <= _chance(ask(seen), "h1")


@pytest.mark.parametrize("alarming", [1, 2, 3])
def test_a_healthy_guest_never_raises_its_host(alarming: int, ask: Ask) -> None:
    seen = f"{ESTATE}\n v[0-{alarming - 1}] abnormal: down"
    with_witness = ask(f"{seen}\n v{alarming} healthy: down unreachable")
    assert _chance(with_witness, "h1") <= _chance(ask(seen), "h1")


def test_one_more_explained_symptom_never_lowers_its_cause(ask: Ask) -> None:
    chances = [_chance(ask(f"{ESTATE}\n v[0-{last}] abnormal: down"), "h1") for last in range(5)]
    assert chances == sorted(chances)
    assert chances[0] < 0.5 < chances[-1]


def _own_scores(field: Scene) -> dict[object, float]:
    """Single faults -> log odds, every witness in full: siblings are weighted elsewhere."""
    vars(field)["weights"] = {}
    everybody = range(len(field.topology))
    return {
        unit.faults: score([unit])
        for unit in units(field, prospects(field, everybody, {}, None), None)
    }


def _looked_at(incident: Incident, host: str, state: State) -> Incident:
    seen = Observation(host, "down", state)
    return replace(incident, observations=(*incident.observations, seen))


@pytest.mark.parametrize("seed", seeds(10))
def test_a_look_at_a_host_moves_the_odds_of_its_own_faults_the_way_it_came_out(
    seed: int, random_incident: Random, field_of: Callable[[Incident], Scene]
) -> None:
    incident = random_incident(seed)
    told = {(seen.entity, seen.signal) for seen in incident.observations}
    before = _own_scores(field_of(incident))
    for i, entity in enumerate(incident.entities):
        if entity.kind != "Host" or (entity.uid, "down") in told:
            continue
        alarm = _own_scores(field_of(_looked_at(incident, entity.uid, State.ABNORMAL)))
        healthy = _own_scores(field_of(_looked_at(incident, entity.uid, State.HEALTHY)))
        assert all(alarm[faults] >= before[faults] - 1e-9 for faults in before)
        own = ((i, "down"),)
        assert healthy[own] <= before[own] + 1e-9


def test_a_symptom_elsewhere_does_not_blame_a_host_without_any(ask: Ask) -> None:
    answer = ask(f"{ESTATE}\n v[0-4] abnormal: down")
    assert _chance(answer, "h1") > 0.95
    assert _chance(answer, "h2") < 0.01


def test_without_anything_abnormal_it_abstains_and_says_so(ask: Ask) -> None:
    answer = ask(f"{ESTATE}\n h1 healthy: down")
    assert answer.abstained
    assert answer.abstained_because == "nothing abnormal was observed"
    assert answer.causes == ()


def test_an_empty_graph_is_answered(ask: Ask) -> None:
    answer = ask("")
    assert answer.abstained
    assert answer.causes == ()


def test_observations_of_nothing_in_the_graph_are_no_symptoms(ask: Ask) -> None:
    assert ask(f"{ESTATE}\n stranger abnormal: down").abstained


def test_a_relation_to_itself_is_ignored(model: Model) -> None:
    entities = (Entity("h", "Host"),)
    seen = (Observation("h", "down", State.ABNORMAL),)
    plain = Incident("i", entities, (), seen)
    looped = replace(plain, relations=(Relation("h", "USES", "h"),))
    assert rca.investigate(looped, model) == rca.investigate(plain, model)


def test_unknown_kinds_and_signals_are_explained(ask: Ask) -> None:
    answer = ask("""
        Toaster: t
        Kitchen: k[1-4]
        k* USES t
        k* abnormal: tripsTheFuse
    """)
    assert answer.causes[0].entity == "t"
    assert answer.causes[0].mode in {"down", "failing", "slow"}


def test_calls_in_a_circle_end(ask: Ask) -> None:
    answer = ask("""
        Service: s[0-19]
        s* CALLS s*
        s[0-9] abnormal: errors latency
        s[10-19] healthy: errors
    """)
    assert answer.causes
    assert all(0 <= cause.posterior <= 1 for cause in answer.causes)


def test_only_candidates_are_ranked(ask: Ask) -> None:
    answer = ask(f"{ESTATE}\n v[0-4] abnormal: down\n candidates v0 h2")
    assert {cause.entity for cause in answer.causes} <= {"v0", "h2"}
    assert answer.causes[0].entity == "v0"


def test_every_candidate_that_may_be_reached_has_a_row(ask: Ask) -> None:
    answer = ask(f"{ESTATE}\n v[0-4] abnormal: down\n candidates h1 h2 v9")
    assert {cause.entity for cause in answer.causes} == {"h1", "h2", "v9"}


CALLS = """
    Service: front back db
    front CALLS back
    back CALLS db
    back abnormal: latency errors
    db abnormal: latency
"""


@pytest.mark.parametrize(
    ("signal", "modes"),
    [("latency", {"slow"}), ("errors", {"failing", "bad_release", "isolated"})],
)
def test_a_breached_objective_leaves_the_modes_that_would_breach_it(
    signal: str, modes: set[str], ask: Ask
) -> None:
    answer = ask(f"{CALLS}\n target front {signal}")
    assert {mode for cause in answer.causes for mode in cause.modes} == modes


def test_a_breached_objective_is_a_symptom_by_itself(ask: Ask) -> None:
    answer = ask("""
        Service: front back
        front CALLS back
        target front latency
    """)
    assert not answer.abstained or answer.causes
    assert {cause.entity for cause in answer.causes} <= {"front", "back"}


def test_causes_are_ordered_and_hypotheses_are_chances(random_answer: Answers) -> None:
    for seed in range(12):
        answer = random_answer(seed)
        chances = [cause.posterior for cause in answer.causes]
        assert chances == sorted(chances, reverse=True)
        assert sum(row.posterior for row in answer.hypotheses) <= 1 + 1e-9
        for cause in answer.causes:
            assert sum(cause.modes.values()) == pytest.approx(cause.posterior)


def test_an_answer_names_the_rules_it_was_made_with(ask: Ask, model: Model) -> None:
    assert ask(ESTATE).model_version == model.version
    assert ask(f"{ESTATE}\n h1 abnormal: down").model_version == model.version


def test_a_group_that_needs_more_than_it_has_is_a_warning(ask: Ask) -> None:
    answer = ask("""
        Host: h
        PowerFeed: a
        h POWERED_BY a / feeds 2
        h abnormal: down
    """)
    assert any("needs 2 of 1" in warning for warning in answer.warnings)


def test_what_a_fault_would_do_is_predicted_on_a_healthy_estate(
    incident: Incidents, model: Model
) -> None:
    estate = incident(ESTATE)
    impact = rca.predict(estate.entities, estate.relations, model, [Fault("h1", "down")])
    assert {hit.entity for hit in impact.next} == {"v0", "v1", "v2", "v3", "v4"}
    assert impact.now == ()


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        (Fault("nobody", "down"), "no entity 'nobody' in the graph"),
        (Fault("h1", "melted"), "Host has no failure mode 'melted'"),
    ],
)
def test_predicting_what_cannot_be_says_how_to_mend_it(
    fault: Fault, message: str, incident: Incidents, model: Model
) -> None:
    estate = incident(ESTATE)
    with pytest.raises(InputError, match=message) as caught:
        rca.predict(estate.entities, estate.relations, model, [fault])
    assert caught.value.mend


@pytest.mark.parametrize("seed", seeds(13))
def test_the_order_of_entities_relations_and_observations_does_not_matter(
    seed: int, random_incident: Random, random_answer: Answers, model: Model
) -> None:
    one = random_answer(seed)
    other = rca.investigate(_mixed(random_incident(seed), seed), model)
    assert _chances(other) == pytest.approx(_chances(one), abs=1e-9)
    assert other.elsewhere == pytest.approx(one.elsewhere, abs=1e-9)


@pytest.mark.parametrize("seed", seeds(8))
def test_what_is_blamed_is_known_before_anybody_says_why(
    seed: int, random_incident: Random, model: Model
) -> None:
    incident = expand_healthy(random_incident(seed))
    thought, answer = Thought.of(incident, model), reason(incident, model)
    best = next((row.members for row in answer.hypotheses if row.members), ())
    assert thought.blamed == {fault.entity for fault in best}
    assert thought.answer() == answer


@pytest.mark.parametrize(("seen", "hinted"), [("down", False), ("unreachable", True)])
def test_that_the_monitoring_failed_is_told_where_something_hints_at_it(
    *, seen: str, hinted: bool, incident: Callable[[str], Incident], model: Model
) -> None:
    answer = rca.investigate(incident(f"Host: h[1-3]\n h* abnormal: {seen}"), model)
    named = {row.name: row.posterior for row in answer.hypotheses}
    assert (MONITORING in named) is hinted
    assert named.get(MONITORING, 0.0) == answer.monitoring
