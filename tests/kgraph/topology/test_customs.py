from __future__ import annotations

from collections.abc import Sequence

import pytest

from kgraph.schema import Entity, Lack, Relation
from kgraph.topology import Topology, build, lack, patched, unlisted


def _guests(hosts: Sequence[int], size: int = 1) -> tuple[list[Entity], list[Relation]]:
    """Guests on as many hosts as told of each, and with one network for every `size` of them."""
    entities = [Entity("net", "Network", "net")]
    relations = []
    for number, many in enumerate(hosts):
        entities.append(Entity(f"vm{number}", "VirtualMachine", f"vm{number}"))
        for place in range(many):
            uid = f"h{number}-{place}"
            entities.append(Entity(uid, "Host", uid))
            relations.append(Relation(f"vm{number}", "RUNS_ON", uid))
        if number % size == 0:
            relations.append(Relation(f"vm{number}", "ATTACHED_TO", "net"))
    return entities, relations


def _lack(uid: str, hosts: Sequence[int], size: int = 1) -> Lack | None:
    topology = build(*_guests(hosts, size))
    return lack(topology, topology.index[uid])


def test_a_guest_without_a_host_lacks_what_nearly_all_others_run_on() -> None:
    assert _lack("vm3", [1, 1, 1, 0, 1]) == Lack("RUNS_ON", 0.8)


def test_who_has_what_its_peers_have_lacks_nothing() -> None:
    assert _lack("vm0", [1, 1, 1, 0, 1]) is None


def test_half_of_the_usual_number_is_half_a_lack() -> None:
    found = _lack("vm0", [1, 2, 2, 2, 2, 2, 2, 2])
    assert found is not None
    assert found.share == pytest.approx(1 - 8 / 15)


def test_what_few_of_a_kind_have_is_no_custom() -> None:
    assert _lack("vm1", [1, 1, 1, 1, 1], size=5) is None


def test_a_few_peers_make_no_custom() -> None:
    assert _lack("vm3", [1, 1, 1, 0]) is None


def test_a_service_that_calls_nothing_lacks_nothing() -> None:
    entities = [Entity(f"s{n}", "Service", f"s{n}") for n in range(8)]
    relations = [Relation(f"s{n}", "CALLS", f"s{n + 1}") for n in range(7)]
    topology = build(entities, relations)
    assert lack(topology, topology.index["s7"]) is None


def test_what_its_own_kind_hangs_on_need_not_hang_on_more_of_it() -> None:
    uids = ["ups", *(f"pdu{n}" for n in range(6))]
    entities = [Entity(uid, "PowerFeed", uid) for uid in uids]
    relations = [Relation(uid, "POWERED_BY", "ups") for uid in uids[1:-1]]
    topology = build(entities, relations)
    assert lack(topology, topology.index["ups"]) is None
    assert lack(topology, topology.index["pdu5"]) == Lack("POWERED_BY", 5 / 7)


def test_something_that_is_alone_of_its_kind_lacks_nothing() -> None:
    assert _lack("net", [1, 1]) is None


def test_the_order_of_entities_and_relations_decides_nothing() -> None:
    entities, relations = _guests([1, 2, 0, 2, 1])
    told = []
    for these, those in ((entities, relations), (entities[::-1], relations[::-1])):
        topology = build(these, those)
        told.append({uid: lack(topology, i) for uid, i in topology.index.items()})
    assert told[0] == told[1]


def _fed(pairs: int, alone: int, *, pair: int = 1, all_: int = 0) -> Topology:
    """Hosts with two feeds of which `pair` are needed, with one feed, and that need all of two."""
    feeds = [Entity(uid, "PowerFeed") for uid in ("a", "b")]
    hosts = [Entity(f"h{n}", "Host") for n in range(pairs + alone + all_)]
    relations = [
        Relation(host.uid, "POWERED_BY", feed.uid, "feeds", need)
        for n, host in enumerate(hosts)
        for feed in (feeds if n < pairs or n >= pairs + alone else feeds[:1])
        for need in [pair if n < pairs + alone else 2]
    ]
    return build([*feeds, *hosts], relations)


def _unlisted(topology: Topology) -> dict[str, int]:
    told = zip(topology.owner.tolist(), unlisted(topology).tolist(), strict=True)
    return {topology.uids[owner]: tenths for owner, tenths in told}


def test_who_has_one_where_all_others_have_two_may_have_a_second_in_no_list() -> None:
    found = _unlisted(_fed(25, 1))
    assert found.pop("h25") == 5  # one of 25 pairs is listed short
    assert set(found.values()) == {0}


def test_the_more_have_one_alone_the_likelier_they_do_by_right() -> None:
    told = [_unlisted(_fed(50, alone))["h50"] for alone in (1, 2, 4, 8, 50)]
    assert told == sorted(told, reverse=True)
    assert told[0] > told[-1] == 0


def test_the_more_have_two_the_likelier_one_is_missing_and_never_for_certain() -> None:
    told = [_unlisted(_fed(pairs, 1))[f"h{pairs}"] for pairs in (0, 1, 5, 25, 100, 3000)]
    assert told == sorted(told)
    assert (told[0], told[-1]) == (0, 9)


def test_who_is_said_to_need_both_lacks_none() -> None:
    assert _unlisted(_fed(100, 1, all_=1))["h101"] == 0
    assert _unlisted(_fed(100, 1, pair=2))["h100"] == 0


def test_what_a_service_calls_is_its_own_affair() -> None:
    entities = [Entity(f"s{n}", "Service") for n in range(60)]
    relations = [
        Relation(f"s{n}", "CALLS", f"s{to}", "them", 1)
        for n in range(50)
        for to in ((51, 52) if n else (51,))
    ]
    assert set(_unlisted(build(entities, relations)).values()) == {0}
    assert not len(unlisted(build([], [])))


def test_of_which_kind_the_first_member_is_decides_nothing() -> None:
    """A way over a switch or a card is like neither alone, whichever was read first."""
    ways = [Entity("card", "Nic"), Entity("switch", "Switch")]
    hosts = [Entity(f"h{n}", "Host") for n in range(52)]
    relations = [
        Relation(host.uid, "USES", way.uid, "ways", 1)
        for n, host in enumerate(hosts)
        for way in (ways if n < 50 else [ways[n - 50]])
    ]
    for entities in ([*ways, *hosts], [*ways[::-1], *hosts]):
        assert set(_unlisted(build(entities, relations)).values()) == {0}


def test_a_graph_that_was_patched_tells_the_same_as_one_built_anew() -> None:
    before, after = _fed(25, 1), _fed(26, 0)
    host = Entity("h25", "Host")
    both = [Relation("h25", "POWERED_BY", feed, "feeds", 1) for feed in "ab"]
    assert _unlisted(patched(before, [], [host], both)) == _unlisted(after)
    assert _unlisted(patched(after, [], [host], both[:1])) == _unlisted(before)
