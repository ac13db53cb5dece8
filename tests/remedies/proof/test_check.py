"""The checker objects to each way to break something, and to nothing else."""

from __future__ import annotations

from dataclasses import replace

import pytest

from kgraph.schema import Plan
from remedies.proof import Does, Known, Rule, check
from tests.remedies.estates import DOES, GIB, Plant, cause, plan, step

DEAD = Known(broken=frozenset({"h1"}))


def three_hosts() -> Plant:
    plant = Plant()
    plant.add("lan", "Network")
    plant.add("nfs", "StorageExport")
    for name in ("h1", "h2", "h3"):
        plant.host(name, 16, 4)
        plant.join(name, "CONNECTED_TO", "lan")
        plant.join(name, "USES", "nfs")
    for n, host in enumerate(("h1", "h1", "h2", "h3"), 1):
        plant.guest(f"v{n}", host, 4, 2, "lan", "nfs")
    plant.service("shop", 2, "v1", "v2", "v3")
    return plant


def rules(tried: Plan, plant: Plant, known: Known = DEAD) -> list[tuple[int, Rule]]:
    verdict = check(tried, plant.graph, DOES, known)
    assert verdict.proven == (not verdict.objections)
    return [(row.step, row.rule) for row in verdict.objections]


def test_guests_of_a_fenced_host_are_started_elsewhere() -> None:
    good = plan(
        cause("fence", "h1"),
        step("start_elsewhere", "v1", to="h2"),
        step("start_elsewhere", "v2", to="h3"),
    )
    assert rules(good, three_hosts()) == []


def test_without_fencing_each_start_elsewhere_is_a_double_start() -> None:
    bad = plan(step("start_elsewhere", "v1", to="h2"))
    assert rules(bad, three_hosts()) == [(0, Rule.DOUBLE_START)]


def test_a_fence_that_nobody_waits_for_proves_nothing() -> None:
    bad = plan(step("fence", "h1"), step("start_elsewhere", "v1", to="h2"))
    assert rules(bad, three_hosts()) == [(1, Rule.DOUBLE_START)]


def test_power_that_was_read_back_off_is_proof() -> None:
    known = replace(DEAD, off=frozenset({"h1"}))
    assert rules(plan(step("start_elsewhere", "v1", to="h2")), three_hosts(), known) == []


def test_a_guest_on_two_hosts_is_started_nowhere() -> None:
    plant = three_hosts()
    plant.join("v1", "RUNS_ON", "h3")
    bad = plan(cause("fence", "h1"), step("start_elsewhere", "v1", to="h2"))
    assert (1, Rule.DOUBLE_START) in rules(bad, plant)


def test_memory_is_counted_over_all_that_comes_to_a_host() -> None:
    plant = three_hosts()
    plant.guest("v5", "h1", 8, 1, "lan", "nfs")
    crowd = [step("start_elsewhere", v, to="h2") for v in ("v1", "v5")]
    assert rules(plan(cause("fence", "h1"), *crowd), plant) == [(2, Rule.CAPACITY)]


def test_only_guests_take_room_and_each_once() -> None:
    plant = three_hosts()
    plant.add("agent", "Service")
    plant.join("agent", "RUNS_ON", "h3")
    plant.guest("big", "h3", 8, 1, "lan", "nfs")
    again = plan(step("start_elsewhere", "big", to="h3"), fault=("x", "y"))
    assert rules(again, plant, Known()) == []


def test_what_a_guest_runs_on_besides_its_host_is_not_its_host() -> None:
    plant = three_hosts()
    plant.add("cluster", "Cluster")
    plant.join("v1", "RUNS_ON", "cluster")
    good = plan(cause("fence", "h1"), step("start_elsewhere", "v1", to="h2"))
    assert rules(good, plant) == []


def test_processors_are_counted_with_their_overcommitment() -> None:
    plant = three_hosts()
    plant.guest("big", "h1", 1, 15, "lan", "nfs")
    fenced = plan(cause("fence", "h1"), step("start_elsewhere", "big", to="h2"))
    assert rules(fenced, plant) == [(1, Rule.CAPACITY)]


@pytest.mark.parametrize(
    ("keeps", "rule"),
    [
        ({}, []),
        ({"reservedMemoryBytes": 6 * GIB}, [Rule.CAPACITY]),
        ({"cpuOvercommit": 1}, [Rule.CAPACITY]),
    ],
)
def test_what_the_estate_keeps_back_itself_is_not_given_away(
    keeps: dict[str, int], rule: list[Rule]
) -> None:
    """Beside a guest of 4 GiB and 2 processors, on a host of 16 GiB and 4."""
    plant = three_hosts()
    plant.guest("v5", "h1", 7, 3, "lan", "nfs")
    plant.entities["h2"].props.update(keeps)  # type: ignore[attr-defined] # a dict, see Plant.add
    told = rules(plan(cause("fence", "h1"), step("start_elsewhere", "v5", to="h2")), plant)
    assert [each for _, each in told] == rule


def test_room_that_a_victim_frees_is_not_counted_on_and_that_of_the_cause_is() -> None:
    plant = three_hosts()
    plant.guest("big", "h1", 12, 1, "lan", "nfs")
    comes = step("migrate", "big", to="h2")
    known = Known()
    side_by_side = plan(step("migrate", "v3", to="h3"), comes, fault=("x", "y"))
    assert rules(side_by_side, plant, known) == [(1, Rule.CAPACITY)]
    first = plan(cause("migrate", "v3", to="h3"), comes, fault=("x", "y"))
    assert rules(first, plant, known) == []


def test_a_guest_does_not_join_what_it_must_be_apart_from() -> None:
    plant = three_hosts()
    plant.guest("db1", "h1", 1, 1, "lan", "nfs", antiAffinity="db")
    plant.guest("db2", "h2", 1, 1, "lan", "nfs", antiAffinity="db, other")
    bad = plan(cause("fence", "h1"), step("start_elsewhere", "db1", to="h2"))
    assert rules(bad, plant) == [(1, Rule.AFFINITY)]
    good = plan(cause("fence", "h1"), step("start_elsewhere", "db1", to="h3"))
    assert rules(good, plant) == []


def test_two_that_must_be_apart_do_not_arrive_at_the_same_host() -> None:
    plant = three_hosts()
    for name in ("db1", "db2"):
        plant.guest(name, "h1", 1, 1, "lan", "nfs", antiAffinity="db")
    bad = plan(
        cause("fence", "h1"),
        step("start_elsewhere", "db1", to="h2"),
        step("start_elsewhere", "db2", to="h2"),
    )
    assert rules(bad, plant) == [(2, Rule.AFFINITY)]


def test_what_belongs_together_is_not_parted() -> None:
    plant = three_hosts()
    for name in ("app", "cache"):
        plant.guest(name, "h1", 1, 1, "lan", "nfs", affinity="pair")
    parted = plan(
        cause("fence", "h1"),
        step("start_elsewhere", "app", to="h2"),
        step("start_elsewhere", "cache", to="h3"),
    )
    assert rules(parted, plant) == [(1, Rule.AFFINITY), (2, Rule.AFFINITY)]
    one = plan(step("migrate", "app", to="h2"), fault=("x", "y"))
    assert rules(one, plant, Known()) == [(0, Rule.AFFINITY)]


PAIR = {"app": "h1", "cache": "h2"}


def a_pair(**homes: str) -> Plant:
    plant = three_hosts()
    for name, host in (PAIR | homes).items():
        plant.guest(name, host, 1, 1, "lan", "nfs", affinity="pair")
    return plant


def test_who_joins_its_group_parts_nothing() -> None:
    joins = plan(step("migrate", "app", to="h2"), fault=("x", "y"))
    assert rules(joins, a_pair(), Known()) == []


def test_who_leaves_a_dead_host_first_is_parted_from_nobody() -> None:
    first = plan(cause("fence", "h1"), step("start_elsewhere", "app", to="h3"))
    assert rules(first, a_pair(cache="h1")) == []


def test_what_stays_where_it_is_is_parted_from_nobody() -> None:
    stays = plan(step("reset", "app"), fault=("x", "y"))
    assert rules(stays, a_pair(), Known()) == []
    moved = plan(step("migrate", "app", to="h3"), step("reset", "app"), fault=("x", "y"))
    assert rules(moved, a_pair(), Known()) == [(0, Rule.AFFINITY)]


@pytest.mark.parametrize("lost", ["lan", "nfs"])
def test_nothing_goes_where_its_network_or_storage_is_not_seen(lost: str) -> None:
    plant = three_hosts()
    plant.relations = [
        r for r in plant.relations if not (r.dependent in {"h3", "v4"} and r.dependency == lost)
    ]
    bad = plan(cause("fence", "h1"), step("start_elsewhere", "v1", to="h3"))
    assert rules(bad, plant) == [(1, Rule.REACH)]


@pytest.mark.parametrize("shown", ["lan", "nfs"])
def test_what_a_guest_of_a_host_has_its_host_reaches(shown: str) -> None:
    plant = three_hosts()
    plant.guest("plain", "h3", 1, 1)
    plant.relations = [r for r in plant.relations if (r.dependent, r.dependency) != ("h3", shown)]
    good = plan(cause("fence", "h1"), step("start_elsewhere", "v1", to="h3"))
    assert rules(good, plant) == []


def test_a_local_pool_is_reached_from_its_own_host_only() -> None:
    plant = three_hosts()
    plant.add("pool", "StoragePool")
    plant.join("pool", "USES", "h1")
    plant.guest("local", "h1", 1, 1, "lan", "pool")
    bad = plan(cause("fence", "h1"), step("start_elsewhere", "local", to="h2"))
    assert rules(bad, plant) == [(1, Rule.REACH)]


def test_pools_of_two_hosts_on_one_export_are_the_same_storage() -> None:
    plant = three_hosts()
    for host in ("h1", "h2"):
        plant.add(f"pool-{host}", "StoragePool")
        plant.join(f"pool-{host}", "USES", host)
        plant.join(f"pool-{host}", "STORED_ON", "nfs")
    plant.relations = [r for r in plant.relations if (r.dependent, r.type) != ("h2", "USES")]
    plant.guest("shared", "h1", 1, 1, "lan", "pool-h1")
    good = plan(cause("fence", "h1"), step("start_elsewhere", "shared", to="h2"))
    assert rules(good, plant) == []


def test_bridges_of_the_same_name_on_two_hosts_are_one_network() -> None:
    plant = three_hosts()
    for host in ("h1", "h2"):
        plant.add(f"br-{host}", "Network")
        plant.entities[f"br-{host}"] = replace(plant.entities[f"br-{host}"], name="br0")
        plant.join(f"br-{host}", "USES", host)
    plant.guest("bridged", "h1", 1, 1, "nfs")
    plant.join("bridged", "ATTACHED_TO", "br-h1")
    to = {
        host: plan(cause("fence", "h1"), step("start_elsewhere", "bridged", to=host))
        for host in ("h2", "h3")
    }
    assert rules(to["h2"], plant) == []
    assert rules(to["h3"], plant) == [(1, Rule.REACH)]
    for host in ("h1", "h2"):  # without a name they are not the same
        plant.entities[f"br-{host}"] = replace(plant.entities[f"br-{host}"], name="")
    assert rules(to["h2"], plant) == [(1, Rule.REACH)]


@pytest.mark.parametrize("how", ["down", "off", "cordoned", "closed by the plan"])
def test_nothing_goes_to_a_host_that_takes_nothing_new(how: str) -> None:
    plant, known, first = three_hosts(), DEAD, []
    if how == "down":
        known = Known(broken=frozenset({"h1", "h2"}))
    elif how == "off":
        known = replace(DEAD, off=frozenset({"h2"}))
    elif how == "cordoned":
        plant.entities["h2"] = replace(plant.entities["h2"], labels={"cordoned": "true"})
    else:
        first = [cause("cordon", "h2")]
    tried = plan(cause("fence", "h1"), *first, step("start_elsewhere", "v1", to="h2"))
    assert (len(tried.steps) - 1, Rule.CLOSED) in rules(tried, plant, known)


def test_a_cordon_that_is_lifted_before_closes_nothing() -> None:
    plant = three_hosts()
    plant.entities["h2"] = replace(plant.entities["h2"], labels={"cordoned": "true"})
    good = plan(cause("uncordon", "h2"), step("migrate", "v4", to="h2"), fault=("x", "y"))
    assert rules(good, plant, Known()) == []


def test_fewer_than_needed_is_no_quorum() -> None:
    one = plan(step("reset", "v1"), fault=("x", "y"))
    assert rules(one, three_hosts(), Known()) == []
    two = plan(step("reset", "v1"), step("reset", "v2"), fault=("x", "y"))
    assert rules(two, three_hosts(), Known()) == [(1, Rule.QUORUM)]


def test_one_after_the_other_keeps_a_quorum_that_both_at_once_would_lose() -> None:
    rolling = plan(cause("reset", "v1"), cause("reset", "v2"), fault=("x", "y"))
    assert rules(rolling, three_hosts(), Known()) == []


def test_what_is_stopped_stays_stopped_for_the_rest_of_the_plan() -> None:
    stopped = plan(cause("stop", "v1"), cause("reset", "v2"), fault=("x", "y"))
    assert rules(stopped, three_hosts(), Known()) == [(1, Rule.QUORUM)]


def test_the_last_one_that_works_is_not_taken_even_where_the_quorum_is_lost_already() -> None:
    known = Known(broken=frozenset({"v2", "v3"}))
    bad = plan(step("reset", "v1"), fault=("v2", "hung"))
    assert rules(bad, three_hosts(), known) == [(0, Rule.LAST_REPLICA)]


@pytest.mark.parametrize(("mode", "said"), [("hung", [(0, Rule.QUORUM)]), ("slow", [])])
def test_the_cause_is_counted_as_lost_unless_it_still_works_somehow(
    mode: str, said: list[tuple[int, Rule]]
) -> None:
    tried = plan(step("reset", "v1"), fault=("v2", mode))
    assert rules(tried, three_hosts(), Known()) == said


def test_each_group_is_asked_by_itself() -> None:
    plant = three_hosts()
    plant.add("mesh", "Service")
    for group, guests in {"red": ("v1", "v2"), "blue": ("v3", "v4")}.items():
        for guest in guests:
            plant.join("mesh", "RUNS_ON", guest, group, 1)
    plant.relations = [row for row in plant.relations if row.dependent != "shop"]
    one_of_each = plan(step("reset", "v1"), step("reset", "v3"), fault=("x", "y"))
    assert rules(one_of_each, plant, Known()) == []
    both = plan(step("reset", "v1"), step("reset", "v2"), fault=("x", "y"))
    assert rules(both, plant, Known()) == [(1, Rule.LAST_REPLICA)]


def test_where_rows_of_a_group_disagree_the_larger_need_counts() -> None:
    plant = three_hosts()
    plant.add("mesh", "Service")
    for guest, need in (("v1", 1), ("v4", 2)):
        plant.join("mesh", "RUNS_ON", guest, "copies", need)
    found = rules(plan(step("reset", "v4"), fault=("x", "y")), plant, Known())
    assert found == [(0, Rule.QUORUM)]


@pytest.mark.parametrize(("group", "rule"), [(None, Rule.LAST_REPLICA), ("all", Rule.QUORUM)])
def test_what_has_stopped_already_is_not_objected_to_again(group: str | None, rule: Rule) -> None:
    plant = three_hosts()
    plant.relations = [row for row in plant.relations if row.dependent != "shop"]
    for guest in ("v1", "v2", "v3"):
        plant.join("shop", "RUNS_ON", guest, group, 3 if group else None)
    stops = plan(step("stop", "v1"), step("stop", "v2"), fault=("x", "y"))
    assert rules(stops, plant, Known()) == [(0, rule)]


def test_who_only_calls_it_does_not_stop_with_it() -> None:
    plant = three_hosts()
    plant.add("front", "Service")
    plant.join("front", "CALLS", "v4")
    assert rules(plan(step("reset", "v4"), fault=("x", "y")), plant, Known()) == []


@pytest.mark.parametrize(
    ("fault", "broken", "objected"),
    [
        (("v1", "overloaded"), {"v2"}, [(0, Rule.LAST_REPLICA)]),
        (("v1", "overloaded"), set(), []),  # the other one carries on meanwhile
        (("v1", "down"), {"v2"}, []),  # it works no longer: there is nothing to lose
    ],
)
def test_what_still_works_of_two_is_not_restarted_while_the_other_is_repaired(
    fault: tuple[str, str], broken: set[str], objected: list[tuple[int, Rule]]
) -> None:
    plant = Plant()
    plant.host("h1", 16, 4)
    for name in ("v1", "v2"):
        plant.guest(name, "h1", 1, 1)
    plant.service("shop", 1, "v1", "v2")
    tried = plan(cause("reset", "v1"), fault=fault)
    assert rules(tried, plant, Known(broken=frozenset(broken))) == objected


def test_what_is_broken_already_may_be_reset() -> None:
    known = Known(broken=frozenset({"v1", "v2", "v3"}))
    good = plan(*(step("reset", v) for v in ("v1", "v2", "v3")), fault=("v1", "hung"))
    assert rules(good, three_hosts(), known) == []


def test_a_healthy_host_is_not_switched_off() -> None:
    found = rules(plan(cause("fence", "h2"), fault=("x", "y")), three_hosts(), Known())
    assert (0, Rule.LAST_REPLICA) in found


def test_a_live_migration_interrupts_nothing_and_a_cold_one_does() -> None:
    known = Known(broken=frozenset({"v2"}))
    for action, said in (("migrate", []), ("migrate_cold", [(0, Rule.QUORUM)])):
        assert (
            rules(plan(step(action, "v1", to="h3"), fault=("v2", "hung")), three_hosts(), known)
            == said
        )


@pytest.mark.parametrize(
    ("entity", "parameters"), [("nobody", {"to": "h2"}), ("v1", {}), ("v1", {"to": "lan"})]
)
def test_what_the_graph_does_not_have_cannot_be_proven(
    entity: str, parameters: dict[str, str]
) -> None:
    found = rules(
        plan(step("migrate", entity, **parameters), fault=("x", "y")), three_hosts(), Known()
    )
    assert (0, Rule.UNKNOWN) in found


def test_a_look_at_what_the_graph_does_not_have_breaks_nothing() -> None:
    assert rules(plan(step("check", "nobody"), fault=("x", "y")), three_hosts(), Known()) == []


def test_a_guest_that_was_moved_already_is_where_it_went() -> None:
    twice = plan(*[cause("migrate", "v4", to="h2")] * 2, fault=("x", "y"))
    assert rules(twice, three_hosts(), Known()) == [(1, Rule.UNKNOWN)]


def test_a_guest_that_starts_on_its_own_host_needs_no_proof_and_keeps_its_room() -> None:
    plant = three_hosts()
    plant.guest("big", "h1", 12, 1, "lan", "nfs")
    again, comes = cause("start_elsewhere", "v4", to="h3"), step("migrate", "big", to="h3")
    assert rules(plan(again, fault=("x", "y")), plant, Known()) == []
    both = plan(again, comes, fault=("x", "y"))
    assert rules(both, plant, Known()) == [(1, Rule.CAPACITY)]


def test_an_action_of_which_nothing_is_known_is_not_proven() -> None:
    assert rules(plan(step("melt", "v1"), fault=("x", "y")), three_hosts()) == [(0, Rule.UNKNOWN)]


@pytest.mark.parametrize("size", [None, True, 0, "4 GiB"])
@pytest.mark.parametrize("uid", ["h2", "v1", "v3"])
def test_a_size_that_is_not_known_is_not_taken_for_small(uid: str, size: str | int | None) -> None:
    plant = three_hosts()
    props = dict.fromkeys(("memoryBytes", "cpus", "vcpus"), size)
    plant.entities[uid] = replace(plant.entities[uid], props=props)
    bad = plan(cause("fence", "h1"), step("start_elsewhere", "v1", to="h2"))
    assert (1, Rule.UNKNOWN) in rules(bad, plant)


def test_one_more_of_a_guest_needs_room_like_the_first() -> None:
    plant = three_hosts()
    plant.entities["v4"] = replace(
        plant.entities["v4"], props={"memoryBytes": 6 * GIB, "vcpus": 1}
    )
    once = plan(step("scale_out", "v4", to="h2"), fault=("x", "y"))
    twice = plan(*(step("scale_out", "v4", to="h2") for _ in range(2)), fault=("x", "y"))
    assert rules(once, plant, Known()) == []
    assert rules(twice, plant, Known()) == [(1, Rule.CAPACITY)]


def test_the_digest_changes_with_what_was_read_and_with_nothing_else() -> None:
    tried = plan(cause("fence", "h1"), step("start_elsewhere", "v1", to="h2"))
    before = check(tried, three_hosts().graph, DOES, DEAD)
    assert check(tried, three_hosts().graph, DOES, DEAD).digest == before.digest
    assert {"h1", "h2", "v1"} <= before.reads
    elsewhere = three_hosts()
    elsewhere.guest("v9", "h3", 1, 1, "lan", "nfs")
    assert check(tried, elsewhere.graph, DOES, DEAD).digest == before.digest
    near = three_hosts()
    near.guest("v9", "h2", 1, 1, "lan", "nfs")
    assert check(tried, near.graph, DOES, DEAD).digest != before.digest


@pytest.mark.parametrize("uid", ["h1", "v1", "h2"])
def test_a_yes_is_bound_to_what_is_acted_on_by_its_name(uid: str) -> None:
    """The switch of `h1` is found by that name: another machine may be called so by now."""
    tried = plan(cause("fence", "h1"), step("start_elsewhere", "v1", to="h2"))
    renamed = three_hosts()
    renamed.entities[uid] = replace(renamed.entities[uid], name="another")
    assert check(tried, renamed.graph, DOES, DEAD).digest != (
        check(tried, three_hosts().graph, DOES, DEAD).digest
    )


def test_an_objection_says_which_step_breaks_what() -> None:
    bad = plan(step("start_elsewhere", "v1", to="h2"))
    (row,) = check(bad, three_hosts().graph, DOES, DEAD).objections
    assert str(row) == (
        "step 1: double start: Host h1 is not proven to be off, and may still run it"
    )


def test_every_effect_is_known_to_the_replay() -> None:
    assert {does for does in Does if does.places} == {
        Does.MOVES_LIVE,
        Does.MOVES_COLD,
        Does.STARTS_ELSEWHERE,
        Does.ADDS,
    }
