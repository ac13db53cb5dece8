"""A yes is worth as much as the proof of the plan when it begins."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from kgraph.app.repairs.binding import Binding, InHand
from kgraph.schema import Sign, Subgraph
from remedies import Facts
from remedies.proof import Does
from tests.remedies.estates import DOES, Plant, cause, plan, step
from tests.remedies.fake_estate import RESTART, T0, Estate, Night, Thing, plan_of
from tests.stores import new_store

BINDING = Binding(DOES)


def estate() -> Plant:
    """Two hosts; a service that needs two of its three copies."""
    plant = Plant()
    plant.add("lan", "Network")
    plant.add("nfs", "StorageExport")
    for host in ("h1", "h2"):
        plant.host(host, 16, 8)
        plant.join(host, "CONNECTED_TO", "lan")
        plant.join(host, "USES", "nfs")
    for number, host in enumerate(("h1", "h1", "h2"), 1):
        plant.guest(f"v{number}", host, 4, 1, "lan", "nfs")
    plant.service("shop", 2, "v1", "v2", "v3")
    return plant


def facts(*abnormal: Sign, healthy: Iterable[Sign] = ()) -> Facts:
    return Facts(T0, frozenset(abnormal), frozenset(healthy))


def seen(plant: Plant) -> Subgraph:
    return Subgraph(tuple(plant.entities.values()), tuple(plant.relations))


def test_what_is_to_carry_on_meanwhile_may_have_failed_since() -> None:
    tried = plan(step("reset", "v1"), fault=("nfs", "slow"))
    graph = seen(estate())
    assert BINDING.objection(tried, graph, facts(), ()) == ""
    failed = facts(("v2", "down"))
    assert "Service shop needs 2 of 3; 1 would be left" in (
        BINDING.objection(tried, graph, failed, ())
    )
    # What another plan has in hand is as good as failed, and what is merely slow carries on.
    assert BINDING.objection(tried, graph, facts(), {"v2"})
    assert BINDING.objection(tried, graph, facts(("v2", "slow")), ()) == ""


def test_the_host_that_was_to_take_a_guest_may_be_full_by_now() -> None:
    tried = plan(cause("fence", "h1"), step("start_elsewhere", "v1", to="h2"))
    assert BINDING.objection(tried, seen(estate()), facts(("h1", "down")), ()) == ""
    full = estate()
    full.guest("v9", "h2", 10, 1, "lan", "nfs")  # a sync since then has found it there
    assert "capacity" in BINDING.objection(tried, seen(full), facts(("h1", "down")), ())


def test_who_was_to_carry_the_load_may_be_gone_from_sight_since() -> None:
    """Broken it need not be seen to be: nobody knows how it is, and it is the last but one."""
    tried = plan(step("stop", "v1"), fault=("nfs", "slow"))
    leaning = Binding(DOES, {"stop"})
    graph, well = seen(estate()), [("v2", "down"), ("v3", "down")]
    assert leaning.objection(tried, graph, facts(healthy=well), ()) == ""
    assert "of Service shop only 1 others are seen well, and it needs 2" in (
        leaning.objection(tried, graph, facts(healthy=well[:1]), ())
    )
    assert BINDING.objection(tried, graph, facts(healthy=well[:1]), ()) == ""


def test_what_another_plan_takes_out_carries_nothing_however_well_it_looks() -> None:
    tried = plan(step("stop", "v1"), fault=("nfs", "slow"))
    plant = estate()
    plant.relations = [row for row in plant.relations if row.dependent != "shop"]
    plant.add("front", "LoadBalancer")
    for guest in ("v1", "v2"):
        plant.join("front", "BALANCES", guest)
    leaning, graph = Binding(DOES, {"stop"}), seen(plant)
    well = facts(healthy=[("v2", "down")])
    assert leaning.objection(tried, graph, well, ()) == ""
    assert "of LoadBalancer front only 0 others are seen well" in (
        leaning.objection(tried, graph, well, {"v2"})
    )


def test_what_was_taken_out_stays_so_until_it_is_brought_back(tmp_path: Path) -> None:
    store = new_store(tmp_path / "kgraph.db")
    night = Night(store, Estate({"x": Thing("active")}))
    stop = replace(RESTART, action="stop", effect="inactive", inverse="restart", undo_if=())
    asked = plan(step("stop", "v1"))
    leaning = Binding({**DOES, "restart": Does.INTERRUPTS}, {"stop"})
    night.propose(plan_of(replace(stop, why="and was never begun")))
    for each, out in ((stop, {"x"}), (replace(RESTART, undo_if=()), set())):
        tried = plan_of(each)
        night.begin(tried)
        night.run(tried)
        assert InHand(leaning, store, night.now).of(asked) == out
        assert InHand(BINDING, store, night.now).of(asked) == frozenset()
    store.close()
