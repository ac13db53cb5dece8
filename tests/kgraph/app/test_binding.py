"""A yes is worth as much as the proof of the plan when it begins."""

from __future__ import annotations

from kgraph.app.binding import Binding
from kgraph.schema import Subgraph
from tests.remedies.estates import DOES, Plant, cause, plan, step

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


def seen(plant: Plant) -> Subgraph:
    return Subgraph(tuple(plant.entities.values()), tuple(plant.relations))


def test_what_is_to_carry_on_meanwhile_may_have_failed_since() -> None:
    tried = plan(step("reset", "v1"), fault=("nfs", "slow"))
    graph = seen(estate())
    assert BINDING.objection(tried, graph, (), ()) == ""
    failed = [("v2", "down")]
    assert "Service shop needs 2 of 3; 1 would be left" in (
        BINDING.objection(tried, graph, failed, ())
    )
    # What another plan has in hand is as good as failed, and what is merely slow carries on.
    assert BINDING.objection(tried, graph, (), {"v2"})
    assert BINDING.objection(tried, graph, [("v2", "slow")], ()) == ""


def test_the_host_that_was_to_take_a_guest_may_be_full_by_now() -> None:
    tried = plan(cause("fence", "h1"), step("start_elsewhere", "v1", to="h2"))
    assert BINDING.objection(tried, seen(estate()), [("h1", "down")], ()) == ""
    full = estate()
    full.guest("v9", "h2", 10, 1, "lan", "nfs")  # a sync since then has found it there
    assert "capacity" in BINDING.objection(tried, seen(full), [("h1", "down")], ())
