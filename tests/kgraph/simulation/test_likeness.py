from __future__ import annotations

from kgraph.schema import Record, RelationRecord
from kgraph.simulation import World, alike, breakable, has_redundancy, seeded, usually_watched


def _world(*items: Record | RelationRecord) -> World:
    return World.of(items, seeded(0), wrong_edges=0)


def _disk_and_guest(*watched: str) -> World:
    return _world(
        Record("vm", "VirtualMachine", "vm", watched=("down",)),
        Record("disk", "Volume", "disk", watched=watched),
        RelationRecord("vm", "STORED_ON", "disk"),
    )


def test_a_thing_that_nobody_watches_looks_like_the_only_one_that_needs_it() -> None:
    world = _disk_and_guest()
    assert alike(world, "disk") == ("vm",)
    assert alike(world, "vm") == ("disk",)


def test_a_probe_of_its_own_tells_it_apart() -> None:
    world = _disk_and_guest("latency")
    assert alike(world, "disk") == ()
    assert alike(world, "vm") == ()


def test_a_fault_that_shows_nowhere_is_like_no_other() -> None:
    world = _world(
        Record("a", "Volume", "a"),
        Record("b", "StoragePool", "b"),
        RelationRecord("a", "STORED_ON", "b"),
    )
    assert alike(world, "a") == ()


def test_a_pair_of_which_one_is_enough_can_be_lost_as_a_whole() -> None:
    pair = [
        Record("h", "Host", "h"),
        Record("a", "PowerFeed", "a"),
        Record("b", "PowerFeed", "b"),
    ]
    feeds = [RelationRecord("h", "POWERED_BY", feed, group="power", need=1) for feed in "ab"]
    assert has_redundancy(_world(*pair, *feeds))
    assert not has_redundancy(_world(*pair, *feeds[:1]))
    needed = [RelationRecord("h", "POWERED_BY", feed, group="power", need=2) for feed in "ab"]
    assert not has_redundancy(_world(*pair, *needed))


def test_only_kinds_of_which_faults_are_drawn_can_break() -> None:
    assert breakable(_disk_and_guest()) == 2
    assert breakable(_world(Record("t", "Tenant", "t"))) == 0


def test_a_usual_estate_watches_its_hosts_and_not_its_volumes_states() -> None:
    assert "down" in usually_watched("Host")
    assert usually_watched("Tenant") == ()
