import pytest

from kgraph.schema import Record, RelationRecord, Severity, kind_of
from kgraph.simulation import World, draw_faults, draw_redundancy_loss, inject, seeded
from kgraph.simulation.faults import _GRAY_TABLE, _HARD_TABLE, Injection
from kgraph.simulation.spread import Damage, spread
from kgraph.simulation.trouble import Trouble

LONG = 10_000.0


def _hit(world: World, *names: str, mode: str = "down") -> Damage:
    rng = seeded(1)
    kinds = {entity.uid: entity.kind for entity in world.entities}
    faults = [inject(name, kinds[name], mode, rng) for name in names]
    return spread(world, faults, rng, LONG)


def _small(*relations: RelationRecord, **kinds: str) -> World:
    records = [Record(name, kind) for name, kind in kinds.items()]
    return World.of([*records, *relations], seeded(0), wrong_edges=0.0)


def _tier(need: int) -> World:
    rows = [RelationRecord("web", "USES", f"i{n}", "instances", need) for n in range(5)]
    instances = {f"i{n}": "ServiceInstance" for n in range(5)}
    return _small(*rows, web="Service", **instances)


def _kinds(world: World, damage: Damage) -> set[str]:
    return {world.entities[i].kind for i in damage.health}


def test_one_feed_of_two_hits_nothing_but_itself(world: World) -> None:
    damage = _hit(world, "pdu-r1-a", mode="tripped")

    assert set(damage.health) == {world.index["pdu-r1-a"]}


def test_both_feeds_stop_every_host_of_the_rack_and_of_no_other(world: World) -> None:
    damage = _hit(world, "pdu-r1-a", "pdu-r1-b", mode="tripped")

    for entity in world.entities:
        if entity.kind == "Host":
            dead = damage.of(world.index[entity.uid]) < 0.1
            assert dead == (entity.labels["rack"] == "r1"), entity.uid


def test_a_pool_on_raid_survives_two_disks_and_not_three(world: World) -> None:
    pool = "array-dc1-1-pool1"
    disks = [f"{pool}-disk{i}" for i in range(3)]

    assert _hit(world, *disks[:2], mode="failed").of(world.index[pool]) == 1
    assert _hit(world, *disks, mode="failed").of(world.index[pool]) == 0


def test_one_controller_of_two_costs_paths_and_no_guest(world: World) -> None:
    damage = _hit(world, "array-dc1-1-ctl-a")

    assert _kinds(world, damage) == {"StorageController", "StoragePath"}


def test_a_dead_export_stops_guests_on_several_hosts_and_no_host(world: World) -> None:
    damage = _hit(world, "stor-dc1-1/nbd")
    hosts = {
        relation.dependency
        for relation in world.relations
        if relation.type == "RUNS_ON"
        and world.index[relation.dependent] in damage.health
        and relation.dependency.startswith("h")
    }

    assert len(hosts) > 1
    assert "Host" not in _kinds(world, damage)
    guest = next(i for i in damage.health if world.entities[i].kind == "VirtualMachine")
    assert damage.trouble[guest] is Trouble.NO_STORAGE


def test_a_service_is_whole_until_fewer_than_it_needs_are_left() -> None:
    world = _tier(need=3)
    web = world.index["web"]

    assert _hit(world, "i0", "i1", mode="killed").of(web) > 0.95
    assert _hit(world, "i0", "i1", "i2", mode="killed").of(web) == pytest.approx(2 / 3, abs=0.06)


def test_calls_in_a_circle_come_to_an_end() -> None:
    world = _small(
        RelationRecord("a", "CALLS", "b"),
        RelationRecord("b", "CALLS", "a"),
        RelationRecord("b", "CALLS", "c"),
        a="Service",
        b="Service",
        c="Service",
    )

    assert _hit(world, "c").of(world.index["c"]) < 0.1


def test_a_fault_is_never_felt_before_its_cause(world: World) -> None:
    damage = spread(world, [inject("h01", "Host", "down", seeded(1), after=30)], seeded(2), LONG)

    assert damage.since[world.index["h01"]] == 30
    assert min(damage.since.values()) == 30


def test_what_would_come_later_has_not_happened(world: World) -> None:
    fault = inject("h01", "Host", "down", seeded(1))

    assert len(spread(world, [fault], seeded(2), 1.0).health) < len(
        spread(world, [fault], seeded(2), LONG).health
    )


def test_every_mode_that_is_drawn_is_declared_with_its_severity() -> None:
    for table, severity in ((_HARD_TABLE, Severity.HARD), (_GRAY_TABLE, Severity.GRAY)):
        for kind, mode, _ in table:
            assert kind_of(kind).modes[mode].severity is severity, (kind, mode)


def test_about_a_third_of_the_drawn_faults_are_gray(world: World) -> None:
    rng = seeded(5)
    drawn = [draw_faults(rng, world)[0] for _ in range(2_000)]

    assert sum(one.health > 0.05 for one in drawn) / 2_000 == pytest.approx(0.35, abs=0.04)


def test_several_faults_are_of_different_entities(world: World) -> None:
    drawn = draw_faults(seeded(6), world, 5)

    assert len({one.fault.entity for one in drawn}) == 5


def test_a_lost_redundancy_hits_who_needs_it(world: World) -> None:
    rng = seeded(7)
    for _ in range(20):
        faults: tuple[Injection, ...] = draw_redundancy_loss(rng, world)
        damage = spread(world, faults, rng, LONG)
        assert len(faults) >= 2
        assert len(damage.health) > len(faults)
