"""What the silence of a source that only ever alerts says, and who bears witness to a breach."""

from __future__ import annotations

from collections.abc import Iterable
from unittest.mock import patch

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import rca
from kgraph.schema import Entity, Incident, Observation, Relation, State
from kgraph.topology import build
from rca.evidence import silence
from rca.evidence.readings import read
from rca.evidence.silence import RATIO
from tests.kgraph.topology.estates import Graph, graphs
from tests.rca.asking import Ask, chance, first

MODEL = rca.load_model()

POOL = """
    StoragePool: p
    VirtualMachine: v[0-9]
    v[0-9] STORED_ON p
"""


def test_of_ten_guests_on_a_pool_the_one_that_alarms_is_blamed_and_not_the_pool(ask: Ask) -> None:
    answer = ask(f"{POOL} v0 abnormal: down")
    assert first(answer) == ("v0", "down")
    assert chance(answer, "v0") > 2 * chance(answer, "p")


def test_where_all_ten_alarm_the_silent_pool_is_blamed(ask: Ask) -> None:
    answer = ask(f"{POOL} v[0-9] abnormal: down")
    assert first(answer)[0] == "p"
    assert chance(answer, "p") > 0.9


def test_where_somebody_says_what_is_well_silence_says_nothing(ask: Ask) -> None:
    told = ask(f"{POOL} v0 abnormal: down\n v1 healthy: down")
    quiet = ask(f"{POOL} v0 abnormal: down")
    assert chance(told, "p") > chance(quiet, "p")


def test_silence_is_no_witness_that_an_answer_names(ask: Ask) -> None:
    answer = ask(f"{POOL} v[0-4] abnormal: down")
    named = {w.observation.entity for c in answer.causes for w in c.contradicting}
    assert not named
    pool = next(c for c in answer.causes if c.entity == "p")
    assert pool.unknown >= 5  # of the silent guests nobody said that they were looked at


def test_silence_weakens_and_is_no_alibi() -> None:
    assert pytest.approx(0.7) == RATIO


def test_services_that_are_slow_together_name_the_silent_host_that_they_share(ask: Ask) -> None:
    answer = ask("""
        Host: h[0-2]
        Service: front a[0-3] b[0-3]
        front CALLS a[0-3] b[0-3]
        a[0-3] RUNS_ON h0
        b[0-3] RUNS_ON h1
        front RUNS_ON h2
        target front latency
        front a[0-3] abnormal: latency@40
        b[0-3] healthy: latency
    """)
    assert first(answer)[0] == "h0"


def test_silence_is_heard_in_a_crowd_too(ask: Ask) -> None:
    crowd = """
        StoragePool: p
        VirtualMachine: v[0-1499]
        v[0-1499] STORED_ON p
    """
    answer = ask(f"{crowd}\n v[0-2] abnormal: down")
    assert chance(answer, "p") < 0.1
    assert all(chance(answer, f"v{i}") > 0.3 for i in range(3))


def _as_if_all_were_gone_through(graph: Graph, ill: Iterable[str], room: int) -> bool:
    """Tell whether the same are heard when no kind is left out on the way."""
    topology = build(*graph)
    alarms = tuple(Observation(uid, "down", State.ABNORMAL) for uid in sorted(ill))
    incident = Incident("silent", *graph, alarms)

    def heard() -> list[str]:
        readings = read(incident, MODEL, topology)
        return [*silence.with_silence(incident, readings, MODEL, topology)]

    def everywhere(*_: object) -> list[object]:
        return [np.ones(len(topology.kind_names), np.bool_)] * (silence.NEAR + 1)

    with patch.multiple(silence, MOST=room, CROWD=room):
        found = heard()
        with patch.object(silence, "_leading", everywhere):
            return found == heard()


@given(graphs(), st.data(), st.sampled_from([1, 2, 3, silence.MOST]))
def test_who_is_heard_does_not_depend_on_kinds_that_lead_to_nobody(
    graph: Graph, data: st.DataObject, room: int
) -> None:
    kinds = st.sampled_from(["Host", "Switch", "VirtualMachine", "Service"])
    entities = tuple(Entity(entity.uid, data.draw(kinds)) for entity in graph[0])
    ill = data.draw(st.sets(st.sampled_from([entity.uid for entity in entities]), min_size=1))
    assert _as_if_all_were_gone_through((entities, graph[1]), ill, room)


def test_in_a_crowd_whoever_is_hit_counts_though_it_leads_to_nobody() -> None:
    kinds = {"s": "Switch", "h": "Host", "d": "Disk", "x": "Volume", "v": "VirtualMachine"}
    needs = "v0 s0, v0 s1, h0 s0, h1 s1, v1 h0, v1 h1, v2 h0, v3 h1, d0 s0, x0 d0, x1 d0, x2 d0"
    relations = tuple(Relation(a, "USES", b) for a, b in map(str.split, needs.split(", ")))
    uids = sorted({uid for row in relations for uid in (row.dependent, row.dependency)})
    entities = tuple(Entity(uid, kinds[uid[0]]) for uid in uids)
    assert _as_if_all_were_gone_through((entities, relations), ["v0"], room=3)
