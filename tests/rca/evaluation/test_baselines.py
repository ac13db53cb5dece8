from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import networkx as nx
import pytest

from kgraph.schema import Incident
from rca.evaluation.baselines import (
    BASELINES,
    earliest,
    most_anomalous,
    most_symptoms,
    page_rank,
    set_cover,
    traversal,
)

Make = Callable[[str], Incident]
CHAIN = """
    Service: web api db other
    web CALLS api
    api CALLS db
    other CALLS db
"""


def _first(scores: dict[str, float]) -> set[str]:
    return {uid for uid, score in scores.items() if score == max(scores.values())}


@pytest.mark.parametrize("name", BASELINES)
def test_every_baseline_ranks_the_candidates_and_nobody_else(name: str, incident: Make) -> None:
    asked = incident(f"{CHAIN}\n web abnormal: errors\n candidates api db")
    assert set(BASELINES[name](asked)) == {"api", "db"}


@pytest.mark.parametrize("name", BASELINES)
def test_names_and_order_decide_nothing(name: str, incident: Make) -> None:
    asked = incident(f"{CHAIN}\n web abnormal: errors@9 latency@7\n api abnormal: errors@8")
    names = {entity.uid: f"z{i}" for i, entity in enumerate(reversed(asked.entities))}
    renamed = replace(
        asked,
        entities=tuple(replace(e, uid=names[e.uid]) for e in reversed(asked.entities)),
        relations=tuple(
            replace(r, dependent=names[r.dependent], dependency=names[r.dependency])
            for r in reversed(asked.relations)
        ),
        observations=tuple(
            replace(o, entity=names[o.entity]) for o in reversed(asked.observations)
        ),
    )
    before, after = BASELINES[name](asked), BASELINES[name](renamed)
    assert {names[uid]: pytest.approx(score) for uid, score in before.items()} == dict(after)


@pytest.mark.parametrize("name", BASELINES)
def test_nothing_abnormal_makes_everybody_alike(name: str, incident: Make) -> None:
    assert len(set(BASELINES[name](incident(CHAIN)).values())) == 1


def test_the_loudest_is_the_most_anomalous(incident: Make) -> None:
    asked = incident(f"{CHAIN}\n web abnormal: errors@9\n api abnormal: errors@30")
    assert _first(dict(most_anomalous(asked))) == {"api"}


def test_an_alert_without_a_size_is_as_loud_as_the_loudest(incident: Make) -> None:
    asked = incident(f"{CHAIN}\n web abnormal: errors\n api abnormal: errors@30")
    assert _first(dict(most_anomalous(asked))) == {"web", "api"}


def test_different_signals_are_counted(incident: Make) -> None:
    asked = incident(f"{CHAIN}\n web abnormal: errors latency\n api abnormal: errors")
    assert _first(dict(most_symptoms(asked))) == {"web"}


def test_who_alarmed_first_is_the_earliest(incident: Make) -> None:
    asked = incident(f"{CHAIN}\n web abnormal: errors\n api abnormal: errors")
    start = datetime(2026, 1, 1, tzinfo=UTC)
    at = {"web": start + timedelta(seconds=5), "api": start}
    timed = replace(
        asked, observations=tuple(replace(o, at=at[o.entity]) for o in asked.observations)
    )
    assert _first(dict(earliest(timed))) == {"api"}


def test_the_end_of_an_alarming_way_is_blamed(incident: Make) -> None:
    asked = incident(f"{CHAIN}\n web abnormal: errors\n api abnormal: errors")
    assert _first(dict(traversal(asked))) == {"api"}


def test_from_a_target_only_its_own_way_counts(incident: Make) -> None:
    asked = incident(
        f"{CHAIN}\n web abnormal: errors\n api abnormal: errors\n other abnormal: errors"
        "\n target web errors"
    )
    scores = traversal(asked)
    assert scores["api"] > scores["web"] > scores["other"] > scores["db"]


def test_what_all_that_alarm_need_gathers_the_most_rank(incident: Make) -> None:
    asked = incident(f"{CHAIN}\n web abnormal: errors\n other abnormal: errors")
    assert _first(dict(page_rank(asked))) == {"db"}


def test_one_who_accounts_for_all_alarms_covers_them(incident: Make) -> None:
    asked = incident(f"{CHAIN}\n web abnormal: errors\n other abnormal: errors")
    scores = set_cover(asked)
    assert _first(dict(scores)) == {"db"}
    assert scores["web"] == scores["api"] == scores["other"] == 0.0


@pytest.mark.parametrize(
    "alarms", ["web abnormal: errors", "db abnormal: errors\n web abnormal: latency"]
)
def test_page_rank_is_that_of_networkx_and_needs_no_scipy(
    alarms: str, incident: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = incident(f"{CHAIN}\n web CALLS db\n web USES db\n {alarms}")
    graph = nx.DiGraph([(row.dependent, row.dependency) for row in asked.relations])
    weight = Counter(seen.entity for seen in asked.observations if seen.abnormal)
    theirs = nx.pagerank(graph, personalization=weight)
    monkeypatch.setitem(sys.modules, "scipy", None)  # as it is where only the product is installed
    assert dict(page_rank(asked)) == pytest.approx(theirs, abs=1e-9)
