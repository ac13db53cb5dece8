from __future__ import annotations

from collections.abc import Callable

import pytest

import rca
from kgraph.schema import Answer, BlastRadius, Fault, Incident
from rca.rules.model import Model

Ask = Callable[[str], Answer]
Incidents = Callable[[str], Incident]

ESTATE = """
    PowerFeed: a b
    Host: h1 h2
    VirtualMachine: v1 v2 v3
    Service: s front
    h* POWERED_BY a b / feeds 1
    v1 v2 RUNS_ON h1
    v3 RUNS_ON h2
    s RUNS_ON v1
    front CALLS s
"""


@pytest.fixture(scope="module")
def impact(incident: Incidents, model: Model) -> Callable[..., BlastRadius]:
    """What faults, written `entity mode`, would do to a healthy estate."""
    estate = incident(ESTATE)

    def predict(*faults: str) -> BlastRadius:
        return rca.predict(
            estate.entities, estate.relations, model, [Fault(*fault.split()) for fault in faults]
        )

    return predict


def test_who_is_already_seen_abnormal_is_hit_now_and_the_others_are_next(ask: Ask) -> None:
    answer = ask(f"{ESTATE}\n h1 abnormal: down\n v1 abnormal: down")
    assert {hit.entity for hit in answer.blast_radius.now} == {"v1"}
    assert {hit.entity for hit in answer.blast_radius.next} == {"v2", "s", "front"}


def test_the_cause_itself_is_not_among_those_hit(ask: Ask) -> None:
    radius = ask(f"{ESTATE}\n h1 abnormal: down").blast_radius
    assert "h1" not in {hit.entity for hit in (*radius.now, *radius.next)}


def test_the_surest_and_nearest_come_first(impact: Callable[..., BlastRadius]) -> None:
    hits = impact("h1 down").next
    assert [(hit.entity, hit.hops) for hit in hits] == [
        ("v1", 1),
        ("v2", 1),
        ("s", 2),
        ("front", 3),
    ]
    chances = [hit.probability for hit in hits]
    assert chances == sorted(chances, reverse=True)
    assert all(0 < chance <= 1 for chance in chances)


def test_one_feed_of_two_hits_nobody_but_leaves_no_spare(
    impact: Callable[..., BlastRadius],
) -> None:
    radius = impact("a down")
    assert radius.next == ()
    assert radius.redundancy_lost == ("h1", "h2")


def test_both_feeds_hit_everybody_and_then_no_redundancy_is_left_to_lose(
    impact: Callable[..., BlastRadius],
) -> None:
    radius = impact("a down", "b down")
    assert {hit.entity for hit in radius.next} == {"h1", "h2", "v1", "v2", "v3", "s", "front"}
    assert radius.redundancy_lost == ()


def test_a_feed_that_is_overloaded_delivers_and_takes_no_spare(
    impact: Callable[..., BlastRadius],
) -> None:
    assert impact("a overloaded").redundancy_lost == ()


def test_a_host_off_the_network_leaves_its_guests_unreachable(
    impact: Callable[..., BlastRadius],
) -> None:
    modes = {hit.entity: hit.mode for hit in impact("h1 isolated").next}
    assert modes["v1"] == "unreachable"
    assert modes["s"] == "failing"


def test_what_is_only_blinded_is_not_hit(ask: Ask) -> None:
    answer = ask("""
        Probe: p
        Host: h1 h2
        h* WATCHED_BY p
        p abnormal: down
    """)
    assert answer.causes[0].entity == "p"
    assert answer.blast_radius.next == ()


def test_who_has_lost_one_of_two_and_is_slow_besides_is_hit(
    incident: Incidents, model: Model
) -> None:
    estate = incident(f"{ESTATE}\n Switch: sw\n h1 CONNECTED_TO sw")
    faults = [Fault("a", "down"), Fault("sw", "overloaded")]
    radius = rca.predict(estate.entities, estate.relations, model, faults)
    assert ("h1", "slow") in {(hit.entity, hit.mode) for hit in radius.next}
