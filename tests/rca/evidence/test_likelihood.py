from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from kgraph.schema import Channel, Direction, Entity, Incident, Observation, Relation, State
from kgraph.topology import build
from rca.evidence.likelihood import (
    DROPS,
    HEALTHY_RATIO,
    LATE,
    LEAST_NOISE,
    LOOKED_AT_GRAY,
    WAITS,
    Reading,
)
from rca.evidence.readings import read
from rca.rules.model import Model

BARE = Model()
NOW = datetime(2026, 5, 4, 3, 0, tzinfo=UTC)
ALL_SIZES = [3.0, 5.0, 8.0, 20.0, 100.0, None]  # rising; an alert without a size is the loudest


def _seen(
    entity: str,
    signal: str,
    state: State = State.ABNORMAL,
    score: float | None = None,
    direction: Direction | None = None,
    caller: str | None = None,
) -> Observation:
    return Observation(entity, signal, state, score, direction, caller=caller)


def _read(
    *observations: Observation,
    kind: str = "Service",
    others: int = 20,
    model: Model = BARE,
    candidates: tuple[str, ...] | None = None,
) -> dict[str, tuple[Reading, ...]]:
    names = ["a", "b", *(f"other{i}" for i in range(others))]
    entities = tuple(Entity(name, kind) for name in names)
    incident = Incident("i", entities, (), observations, candidates=candidates)
    return dict(read(incident, model, build(incident.entities, incident.relations)))


def _ratio(
    *observations: Observation, others: int = 20, model: Model = BARE, kind: str = "Service"
) -> float:
    """The ratio of a's only reading."""
    (reading,) = _read(*observations, others=others, model=model, kind=kind)["a"]
    return reading.ratio


def test_what_nobody_looked_at_has_no_reading_and_so_says_nothing() -> None:
    assert "b" not in _read(_seen("a", "errors"))


def test_healthy_speaks_against() -> None:
    assert _ratio(_seen("a", "errors", State.HEALTHY)) == HEALTHY_RATIO < 1


@pytest.mark.parametrize("score", ALL_SIZES)
@pytest.mark.parametrize("signal", ["errors", "latency", "cpu", "anomaly", "neverHeardOf"])
def test_abnormal_speaks_for(signal: str, score: float | None) -> None:
    assert _ratio(_seen("a", signal, score=score)) > 1


def test_in_a_list_in_which_much_alarms_what_one_shows_alone_says_less() -> None:
    strays = [_seen(f"other{i}", "cpu") for i in range(10)]
    slow, told = _seen("a", "latency"), _seen("b", "latency", State.HEALTHY)
    assert _ratio(slow, *strays, others=200) < _ratio(slow, others=200)
    assert _ratio(slow, told, *strays, others=200) == _ratio(slow, told, others=200)


def test_louder_never_says_less() -> None:
    ratios = [_ratio(_seen("a", "errors", score=score), others=8) for score in ALL_SIZES]
    assert ratios == sorted(ratios)
    assert ratios[0] < ratios[-1] == pytest.approx(1 / LEAST_NOISE)


def test_the_larger_the_estate_the_more_one_alarm_says() -> None:
    small, large, larger = (
        _ratio(
            _seen("a", "errors", score=50),
            _seen("b", "errors", State.HEALTHY),
            others=others,
        )
        for others in (8, 100, 1_000)
    )
    assert small < large < larger < 100


def test_a_symptom_that_everybody_has_says_less() -> None:
    alone = _ratio(_seen("a", "errors"))
    crowd = _ratio(_seen("a", "errors"), *(_seen(f"other{i}", "errors") for i in range(15)))
    assert 1 < crowd < alone


def test_quieter_others_are_no_crowd() -> None:
    others = [_seen(f"other{i}", "errors", score=5) for i in range(15)]
    assert _ratio(_seen("a", "errors", score=50), *others) == _ratio(
        _seen("a", "errors", score=50)
    )


def test_a_crowd_of_another_signal_is_no_crowd() -> None:
    others = [_seen(f"other{i}", "latency") for i in range(15)]
    assert _ratio(_seen("a", "errors"), *others) == _ratio(_seen("a", "errors"))


def test_a_signal_with_known_rates_does_not_depend_on_the_crowd(model: Model) -> None:
    crowd = [_seen(f"other{i}", "down") for i in range(20)]
    ratio = _ratio(_seen("a", "down"), kind="Host", model=model)
    assert _ratio(_seen("a", "down"), *crowd, kind="Host", model=model) == ratio
    assert ratio == pytest.approx(0.95 / 0.002)


@pytest.mark.parametrize(
    ("kind", "signal"),
    [
        ("StoragePool", "full"),
        ("StoragePool", "offline"),
        ("StoragePool", "down"),
        ("VirtualMachine", "paused"),
        ("VirtualMachine", "full"),
        ("Host", "unreachable"),
    ],
)
def test_how_far_a_state_is_beyond_its_limit_takes_nothing_from_its_known_rates(
    kind: str, signal: str, model: Model
) -> None:
    ratios = {
        _ratio(_seen("a", signal, score=score), kind=kind, model=model) for score in ALL_SIZES
    }
    assert len(ratios) == 1


@pytest.mark.parametrize(
    ("kind", "signal"),
    [
        ("Host", "cpu"),
        ("StoragePool", "filling"),
        ("StoragePath", "flapping"),
        ("VirtualMachine", "hung"),
    ],
)
def test_what_is_a_matter_of_degree_says_less_where_it_is_small(
    kind: str, signal: str, model: Model
) -> None:
    small, large = (
        _ratio(_seen("a", signal, score=score), kind=kind, model=model) for score in (3.0, 50.0)
    )
    assert small < large


def test_a_healthy_look_with_known_rates_counts_what_it_would_have_seen(model: Model) -> None:
    ratio = _ratio(_seen("a", "down", State.HEALTHY), kind="Host", model=model)
    assert ratio == pytest.approx((1 - 0.95) / (1 - 0.002))


@pytest.mark.parametrize(
    ("signal", "direction"), [("availability", Direction.UP), ("errors", Direction.DOWN)]
)
def test_the_good_direction_of_a_one_sided_signal_is_dropped(
    signal: str, direction: Direction
) -> None:
    assert _read(_seen("a", signal, direction=direction)) == {}


def test_of_repeated_rows_the_loudest_is_the_one_witness() -> None:
    rows = [_seen("a", "errors", score=score) for score in (5, 50, 7)]
    (reading,) = _read(*rows)["a"]
    assert reading.observation.score == 50


def test_a_row_without_a_size_is_the_loudest() -> None:
    (reading,) = _read(_seen("a", "errors", score=50), _seen("a", "errors"))["a"]
    assert reading.observation.score is None


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ({"at": NOW}, {"at": NOW + timedelta(seconds=1)}),
        ({"at": NOW}, {}),
        ({"detector": "a"}, {"detector": "b"}),
        ({"caller": "b"}, {"caller": "other1"}),
    ],
)
def test_of_equal_rows_the_same_one_is_kept_in_whichever_order_they_come(
    first: dict[str, Any], second: dict[str, Any]
) -> None:
    rows = [replace(_seen("a", "errors"), **row) for row in (first, second)]
    for order in (rows, rows[::-1]):
        (reading,) = _read(*order)["a"]
        assert reading.observation == rows[0]


def test_something_wrong_beats_nothing_seen_of_the_same_signal() -> None:
    rows = _read(
        _seen("a", "latency", State.HEALTHY),
        _seen("a", "latency", score=9, direction=Direction.UP),
    )
    assert [reading.observation.abnormal for reading in rows["a"]] == [True]


def test_up_and_down_are_two_witnesses() -> None:
    rows = _read(
        _seen("a", "requests", direction=Direction.UP),
        _seen("a", "requests", direction=Direction.DOWN),
    )
    assert len(rows["a"]) == 2


def test_what_a_caller_saw_is_apart_from_what_the_entity_itself_shows() -> None:
    rows = _read(_seen("a", "latency", score=9), _seen("a", "latency", score=9, caller="b"))
    assert {reading.channel for reading in rows["a"]} == {Channel.MAIN, Channel.CALL}


def test_what_callers_measure_is_a_crowd_of_its_own() -> None:
    calls = [_seen(f"other{i}", "latency", caller="a") for i in range(4)]
    alone, amid = _read(_seen("a", "latency"))["a"], _read(_seen("a", "latency"), *calls)["a"]
    assert alone[0].ratio == amid[0].ratio


def test_who_waits_for_what_it_calls_is_hurt_by_it_and_hardly_at_fault_itself() -> None:
    (waits,) = _read(_seen("a", "clientLatency", direction=Direction.UP))["a"]
    (slow,) = _read(_seen("a", "latency", direction=Direction.UP, caller="b"))["a"]
    assert waits.bearing("slow") == WAITS > waits.at_cause("slow")
    assert slow.at_cause("slow") > waits.at_cause("slow")


def test_observations_of_strangers_are_left_out() -> None:
    assert _read(_seen("nobody", "errors")) == {}


def test_abnormal_readings_come_first() -> None:
    rows = _read(_seen("a", "cpu", State.HEALTHY), _seen("a", "latency"))
    assert [reading.observation.abnormal for reading in rows["a"]] == [True, False]


def test_readings_come_by_signal_way_caller_and_detector_in_whichever_order_they_are_told() -> (
    None
):
    rows = [
        Observation(entity, signal, state, None, way, detector=detector, caller=caller)
        for entity in ("b", "a")
        for signal, state, detector in (
            ("latency", State.ABNORMAL, "z"),
            ("errors", State.HEALTHY, "y"),
            ("cpu", State.HEALTHY, "x"),
            ("down", State.ABNORMAL, "w"),
        )
        for way in (Direction.UP, Direction.DOWN, None)
        for caller in ("b", "a", None)
    ]
    told = _read(*rows)
    for entity, readings in told.items():
        seen = [reading.observation for reading in readings]
        assert seen == sorted(
            seen,
            key=lambda o: (
                not o.abnormal,
                o.signal,
                o.direction.value if o.direction else "",
                o.caller or "",
                o.detector,
            ),
        )
        assert {row.entity for row in seen} == {entity}
    assert [*told] == ["b", "a"]
    again = _read(*reversed(rows))
    for entity, readings in told.items():
        assert [r.observation for r in again[entity]] == [r.observation for r in readings]


def test_what_a_weak_line_drops_is_seen_as_errors_and_slow_software_answers_late() -> None:
    (switch,) = _read(_seen("a", "errors"), kind="Switch")["a"]
    (service,) = _read(_seen("a", "errors"))["a"]
    assert switch.bearing("failing") > switch.bearing("overloaded") == DROPS
    assert service.bearing("slow") < DROPS


def test_errors_speak_of_failing_and_latency_of_slowness() -> None:
    errors, latency = _read(_seen("a", "errors"), _seen("a", "latency"))["a"]
    assert errors.at_cause("failing") > errors.at_cause("slow")
    assert latency.at_cause("slow") > latency.at_cause("failing")


@pytest.mark.parametrize("signal", ["down", "unreachable"])
def test_what_does_not_answer_at_all_has_stopped_and_is_hardly_ever_merely_slow(
    signal: str,
) -> None:
    (gone,) = _read(_seen("a", signal), kind="Host")["a"]
    (odd,) = _read(_seen("a", "anomaly"), kind="Host")["a"]
    assert gone.bearing("down") == 1.0 > gone.bearing("overloaded") == LOOKED_AT_GRAY
    assert odd.bearing("down") == odd.bearing("overloaded") == 1.0


def test_of_what_has_stopped_who_still_gets_an_answer_gets_it_late() -> None:
    (late,) = _read(_seen("a", "latency"), kind="Host")["a"]
    assert 1.0 == late.bearing("overloaded") > late.bearing("down") == LATE


def test_a_signal_named_like_a_mode_speaks_of_that_mode() -> None:
    (reading,) = _read(_seen("a", "full"), kind="StoragePool")["a"]
    assert reading.channel is Channel.MODE
    assert reading.bearing("full") == 1.0 > reading.bearing("offline")


def test_only_unreachable_speaks_of_being_unobserved() -> None:
    down, unreachable = _read(_seen("a", "down"), _seen("a", "unreachable"))["a"]
    assert unreachable.bearing("unobserved") == 1.0 > down.bearing("unobserved")


def test_through_which_of_two_probes_of_one_name_nobody_knows(model: Model) -> None:
    probes = [Entity(uid, "Probe", props={"detector": name}) for uid, name in ("am", "bm", "cn")]
    seen = [Observation("h", "unreachable", State.HEALTHY, detector=name) for name in "mn"]
    watched = [Relation("h", "WATCHED_BY", probe.uid) for probe in probes]
    for some in (probes, probes[::-1]):
        entities = (Entity("h", "Host"), *some)
        incident = Incident("two", entities, tuple(watched), tuple(seen))
        rows = read(incident, model, build(entities, watched))["h"]
        assert {(row.observation.detector, row.via) for row in rows} == {("m", ""), ("n", "c")}


def test_fewer_candidates_make_the_same_crowd_denser() -> None:
    crowd = [_seen(f"other{i}", "errors") for i in range(4)]
    wide = _read(_seen("a", "errors"), *crowd)["a"][0].ratio
    narrow = _read(_seen("a", "errors"), *crowd, candidates=("a", "b"))["a"][0].ratio
    assert narrow < wide


@pytest.mark.parametrize(("kind", "fault"), [("StorageArray", "degraded"), ("Host", "overloaded")])
def test_who_says_slow_says_what_a_latency_says_and_not_which_mode(kind: str, fault: str) -> None:
    rows = _read(_seen("a", "slow"), _seen("a", "latency", direction=Direction.UP), kind=kind)
    said = {row.observation.signal: row for row in rows["a"]}
    assert said["slow"].bearing(fault) == said["latency"].bearing(fault) == 1.0
    assert said["slow"].bearing("down") == said["latency"].bearing("down") < 0.5


def test_who_says_failing_says_what_errors_say() -> None:
    rows = _read(
        _seen("a", "failing"), _seen("a", "errors", direction=Direction.UP), kind="Switch"
    )
    said = {row.observation.signal: row for row in rows["a"]}
    assert said["failing"].bearing("down") == said["errors"].bearing("down") == 1.0
    assert said["failing"].bearing("overloaded") == said["errors"].bearing("overloaded") == DROPS
