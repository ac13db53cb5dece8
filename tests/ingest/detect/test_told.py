"""Verdicts become evidence: the worst of each entity, health, an end to what is over."""

import re
from dataclasses import replace
from datetime import timedelta

from ingest.detect import Meaning, Verdict, ended, told
from kgraph.schema import Coverage, Direction, Observation, State
from kgraph.signals.packs import Mapping
from tests.ingest.detect.estate import NOW, index

_ENTRY = Mapping(re.compile(".*"), kinds=("Host",), signal="cpu", name=("instance",))
_MEANS = Meaning("detect/busy", _ENTRY, timedelta(minutes=3))
_ESTATE = index(h1="Host", h2="Host")


def _wrong(instance: str, score: float, direction: Direction = Direction.UP) -> Verdict:
    return Verdict({"instance": instance}, State.ABNORMAL, score, direction, NOW, f"{score:g}")


def _well(instance: str) -> Verdict:
    return Verdict({"instance": instance}, State.HEALTHY)


def _items(*verdicts: Verdict) -> tuple[Observation | Coverage, ...]:
    return told(verdicts, _MEANS, _ESTATE, NOW).items


def test_of_several_series_of_one_entity_the_loudest_trouble_is_told() -> None:
    (row,) = _items(_wrong("h1", 4), _well("h1"), _wrong("h1:9100", 9))
    assert isinstance(row, Observation)
    assert (row.entity, row.signal, row.score, row.detector) == ("h1", "cpu", 9, "detect/busy")
    assert row.direction is Direction.UP
    assert row.expires_at == NOW + timedelta(minutes=3)


def test_what_was_looked_at_and_is_well_is_covered() -> None:
    (row,) = _items(_well("h2"), _well("h2:9100"))
    assert row == Coverage("h2", "cpu", "detect/busy", NOW, timedelta(minutes=3))


def test_what_names_no_entity_is_lost_and_counted_once() -> None:
    found = told([_wrong("h9", 4), _well("h9")], _MEANS, _ESTATE, NOW)
    assert (found.items, found.unmapped, found.lost) == ((), 1, ({"instance": "h9"},))


def test_what_is_foreseen_says_when() -> None:
    foreseen = replace(_wrong("h1", 4), detail="full", due=NOW + timedelta(minutes=10))
    (row,) = _items(foreseen)
    assert isinstance(row, Observation)
    assert (row.detail, row.due_at) == ("full", NOW + timedelta(minutes=10))
    assert row.predicted


def _ends(
    before: tuple[Observation | Coverage, ...], *now: Verdict, looked: bool = True
) -> list[Observation | Coverage]:
    rows = [row for row in before if isinstance(row, Observation)]
    covered = [row for row in before if isinstance(row, Coverage)]
    names = {"detect/busy"} if looked else set()
    return list(ended(rows, covered, _items(*now), names, NOW + timedelta(minutes=1)))


def test_trouble_that_is_over_ends_as_healthy_where_it_is_looked_at() -> None:
    (end,) = _ends(_items(_wrong("h1", 4)), _well("h1"))
    assert (end.entity, end.state, end.expires_at) == ("h1", State.HEALTHY, None)


def test_what_can_be_judged_no_longer_is_unknown() -> None:
    before = _items(_wrong("h1", 4), _well("h2"))
    later = NOW + timedelta(minutes=1)
    observation, coverage = _ends(before)
    assert observation.expires_at == later
    assert isinstance(coverage, Coverage)
    assert not coverage.fresh(later)


def test_a_rule_that_could_not_be_asked_ends_nothing() -> None:
    assert _ends(_items(_wrong("h1", 4), _well("h2")), looked=False) == []


def test_trouble_that_turned_round_is_told_one_way_only() -> None:
    (end,) = _ends(_items(_wrong("h1", 4)), _wrong("h1", 4, Direction.DOWN))
    assert (end.direction, end.expires_at) == (Direction.UP, NOW + timedelta(minutes=1))
