"""Equals are let in together or stay out together: neither names nor order tell them apart."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from random import Random

import pytest

import rca
from kgraph.schema import Incident
from rca.evidence import silence
from rca.rules.model import Model
from tests.rca.asking import Ask, chance, first
from tests.rca.worlds import cloud, datacentre, fabric, microservices
from tests.rca.worlds.drawn import Drawn, mixed, new_names, renamed

Chances = Mapping[tuple[str, str], float]

Worlds = Callable[[int], Iterator[Drawn]]
WORLDS: Mapping[str, Worlds] = {
    **{
        f"datacentre {view.name}": lambda seed, view=view: datacentre.incidents(seed, 1, view)
        for view in datacentre.View
    },
    **{
        f"services {view.name}": lambda seed, view=view: microservices.incidents(seed, 1, view)
        for view in microservices.View
    },
    **{
        f"{name} {'covered' if covered else 'alerts'}": lambda seed, draw=draw, covered=covered: (
            draw(seed, 1, covered=covered)
        )
        for name, draw in (("fabric", fabric.incidents), ("cloud", cloud.incidents))
        for covered in (True, False)
    },
}


def _chances(incident: Incident, model: Model, names: Mapping[str, str]) -> Chances:
    return {
        (names[cause.entity], mode): chance
        for cause in rca.investigate(incident, model).causes
        for mode, chance in cause.modes.items()
    }


@pytest.mark.worlds
@pytest.mark.parametrize("seed", [3, 7])
@pytest.mark.parametrize("world", WORLDS)
def test_neither_new_names_nor_another_order_change_a_chance(
    world: str, seed: int, model: Model
) -> None:
    for one in WORLDS[world](seed):
        same = {entity.uid: entity.uid for entity in one.incident.entities}
        back = {new: old for old, new in new_names(one.incident, "otherwise").items()}
        expected = _chances(one.incident, model, same)
        other = mixed(renamed(one, "otherwise").incident, Random(seed))
        assert _chances(other, model, back) == pytest.approx(expected, abs=1e-6)


def test_of_two_hundred_equal_suspects_each_is_as_likely_as_the_others(ask: Ask) -> None:
    answer = ask("""
        Service: s t[0-199]
        s CALLS t[0-199]
        s abnormal: errors
    """)
    chances = {chance(answer, f"t{i}") for i in range(200)}
    assert max(chances) == pytest.approx(min(chances), abs=1e-9)
    assert min(chances) > 0


GUESTS_OF_MANY_POOLS = """
    StoragePool: p[0-19] q[0-14]
    Host: h
    VirtualMachine: v[0-4] f[0-5] g[0-5] w[0-9]
    f* STORED_ON p*
    g* STORED_ON q*
    v* RUNS_ON h
    w* healthy: down ioError paused
    g* abnormal: ioError paused
"""


def test_of_twenty_equal_pools_none_is_certain_beside_another_fault(ask: Ask) -> None:
    answer = ask(f"{GUESTS_OF_MANY_POOLS}\n h v* abnormal: down")
    assert chance(answer, "h") > 0.9
    assert [chance(answer, f"q{i}") for i in range(15)] == pytest.approx([1 / 15] * 15, abs=1e-3)


def test_of_two_crowds_of_equal_pools_each_is_as_likely_as_its_equals(ask: Ask) -> None:
    answer = ask(f"{GUESTS_OF_MANY_POOLS}\n f* abnormal: ioError paused")
    for pools, many in (("p", 20), ("q", 15)):
        chances = [chance(answer, f"{pools}{i}") for i in range(many)]
        assert chances == pytest.approx([1 / many] * many, abs=1e-3)


@pytest.mark.parametrize("guests", [4_000, 6_000])
@pytest.mark.parametrize("through", ["", "volumes"])
def test_a_pool_is_not_blamed_for_three_of_thousands_of_guests(
    guests: int, through: str, ask: Ask
) -> None:
    last = guests - 1
    stored = (
        f"Volume: d[0-{last}]\n d* STORED_ON p\n v* STORED_ON each d*"
        if through
        else "v* STORED_ON p"
    )
    answer = ask(f"""
        StoragePool: p
        VirtualMachine: v[0-{last}]
        {stored}
        v1 v500 v900 abnormal: down
    """)
    assert chance(answer, "p") < 0.01
    assert first(answer)[0] in {"v1", "v500", "v900"}


@pytest.mark.parametrize(("many", "others"), [(30, 30), (40, 40), (45, 40)])
def test_of_two_large_crowds_each_is_as_likely_as_its_equals(
    many: int, others: int, ask: Ask
) -> None:
    answer = ask(f"""
        StoragePool: p[0-{many - 1}] q[0-{others - 1}]
        VirtualMachine: f[0-5] g[0-5] w[0-9]
        f* STORED_ON p*
        g* STORED_ON q*
        w* healthy: down ioError paused
        f* abnormal: ioError paused
        g* abnormal: ioError paused
    """)
    for pools, size in (("p", many), ("q", others)):
        chances = [chance(answer, f"{pools}{i}") for i in range(size)]
        assert chances == pytest.approx([1 / size] * size, abs=1e-3)


def test_of_equals_of_which_any_two_would_do_each_is_as_likely(ask: Ask) -> None:
    pools = range(14)
    stored = "\n".join(f"g{i}x* STORED_ON p{j}" for i in pools for j in pools if i != j)
    guests = " ".join(f"g{i}x[0-2]" for i in pools)
    answer = ask(f"""
        StoragePool: p[0-13]
        VirtualMachine: {guests} w[0-9]
        {stored}
        g* abnormal: ioError paused
        w* healthy: down ioError paused
    """)
    chances = [chance(answer, f"p{i}") for i in pools]
    assert chances == pytest.approx([chances[0]] * 14, abs=1e-6)
    assert chances[0] == pytest.approx(2 / 14, abs=0.02)


def test_of_more_equals_than_are_walked_some_are_named(ask: Ask) -> None:
    answer = ask("""
        StoragePool: p[0-499]
        VirtualMachine: f[0-5]
        f* STORED_ON p*
        f* abnormal: ioError paused
    """)
    assert answer.elsewhere < 0.01
    assert first(answer)[0].startswith("p")


def test_whose_dependents_are_heard_does_not_follow_the_order(
    incident: Callable[[str], Incident], model: Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    for limit in {"MOST", "CROWD"} & vars(silence).keys():
        monkeypatch.setattr(silence, limit, 48)
    one = incident("""
        StoragePool: p q
        VirtualMachine: a[0-39] f[0-29] g[0-29] x[0-7]
        f* a* x* STORED_ON p
        g* a* x* STORED_ON q
        x* abnormal: down
    """)
    same = {entity.uid: entity.uid for entity in one.entities}
    turned = replace(one, entities=tuple(reversed(one.entities)))
    for chances in (_chances(each, model, same) for each in (one, turned)):
        assert chances["p", "full"] == pytest.approx(chances["q", "full"])
