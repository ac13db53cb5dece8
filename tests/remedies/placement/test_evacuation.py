"""Placement: best-fit with head-room, rules and reach; swaps; and why somebody finds no room."""

from __future__ import annotations

import time
from collections.abc import Collection
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kgraph.schema import Plan, PlanStep
from remedies.placement import Layout, Limits, Placement, evacuate, read_layout
from remedies.placement.board import Board
from remedies.placement.greedy import _surely, _survives, spare
from remedies.placement.layout import Move
from remedies.proof import Known, Rule, check
from tests.remedies.estates import DOES, Plant, cause, plan, random_plant, step

USUAL = Limits()
TIGHT = Limits(cpu_overcommit=4.0, memory_share=1.0)


def layout_of(plant: Plant, gone: Collection[str] = ("h1",), limits: Limits = USUAL) -> Layout:
    closed = dict.fromkeys(gone, "is the one that is left")
    return read_layout(plant.entities.values(), plant.relations, closed, limits)


def leaving(layout: Layout, *hosts: str) -> list[str]:
    return [guest for guest, host in layout.on.items() if host in (hosts or ("h1",))]


def seats(placement: Placement) -> dict[str, str]:
    return {move.guest: move.target for move in placement.moves}


def farm(*gib: int) -> Plant:
    """Hosts h1, h2 … of so many GiB on one network and one export."""
    plant = Plant()
    plant.add("lan", "Network")
    plant.add("nfs", "StorageExport")
    for n, size in enumerate(gib, 1):
        plant.host(f"h{n}", size, 64)
        plant.join(f"h{n}", "CONNECTED_TO", "lan")
        plant.join(f"h{n}", "USES", "nfs")
    return plant


def as_plan(placement: Placement, *fenced: str) -> Plan:
    """The plan that a placement means: fence, start elsewhere; who makes room goes first."""
    steps: list[PlanStep] = [cause("fence", host) for host in fenced]
    for move in placement.moves:
        if not move.displaced:
            steps.append(cause("migrate", move.guest, to=move.target))
        else:
            action = "start_elsewhere" if move.source in fenced else "migrate"
            steps.append(step(action, move.guest, to=move.target))
    return plan(*steps, fault=(fenced[0] if fenced else "x", "down"))


def test_each_guest_goes_to_the_host_that_it_fills_best() -> None:
    plant = farm(16, 64, 32)
    plant.guest("v1", "h1", 8, 1, "lan", "nfs")
    placement = evacuate(layout_of(plant), ["v1"])
    assert seats(placement) == {"v1": "h3"}
    assert (placement.by, placement.unplaced) == ("greedy", ())


@pytest.mark.parametrize("keeps", [{"reservedMemoryBytes": 30 * 2**30}, {"cpuOvercommit": 1}])
def test_a_host_gives_away_no_more_than_its_own_scheduler_would(keeps: dict[str, int]) -> None:
    plant = farm(16, 64, 32)
    plant.guest("v1", "h1", 8, 65, "lan", "nfs")
    plant.entities["h3"].props.update(keeps)  # type: ignore[attr-defined] # a dict, see Plant.add
    assert seats(evacuate(layout_of(plant), ["v1"])) == {"v1": "h2"}


def huge(plant: Plant, **sizes: int) -> None:
    """Say how many GiB a host has in huge pages, or a guest takes."""
    for uid, size in sizes.items():
        props = plant.entities[uid].props
        props["hugePagesBytes"] = size << 30  # type: ignore[index] # a dict, see Plant.add


def test_what_is_set_aside_for_huge_pages_is_for_who_uses_them_and_for_nobody_else() -> None:
    plant = farm(64, 64, 64)
    plant.guest("plain", "h1", 8, 1, "lan", "nfs")
    plant.guest("paged", "h1", 8, 1, "lan", "nfs")
    huge(plant, h1=32, h2=56, h3=0, paged=8)
    placement = evacuate(layout_of(plant), ["plain", "paged"])
    assert seats(placement) == {"plain": "h3", "paged": "h2"}
    known = Known(frozenset({"h1"}))
    assert not check(as_plan(placement, "h1"), plant.graph, DOES, known).objections
    for guest, host in (("plain", "h2"), ("paged", "h3")):
        wrong = Placement((Move(guest, "h1", host),))
        (told,) = check(as_plan(wrong, "h1"), plant.graph, DOES, known).objections
        assert told.rule is Rule.CAPACITY


def test_who_uses_no_huge_pages_is_not_turned_away_where_guests_have_more_than_there_are() -> None:
    """Somebody has given them back to the host since the guest there began."""
    plant = farm(64, 64, 32)
    plant.guest("big", "h1", 40, 1, "lan", "nfs")
    plant.guest("plain", "h2", 28, 1, "lan", "nfs")
    plant.guest("paged", "h2", 8, 1, "lan", "nfs")
    huge(plant, h2=0, h3=0, paged=8)
    placement = evacuate(layout_of(plant), ["big"], lambda uid: uid == "plain")
    assert seats(placement) == {"plain": "h3", "big": "h2"}


def test_huge_pages_run_short_and_where_nobody_knows_of_them_they_are_memory() -> None:
    plant = farm(64, 64, 16)
    for n in range(1, 5):
        plant.guest(f"v{n}", "h1", 8, 1, "lan", "nfs")
    huge(plant, h1=32, h2=20, v1=8, v2=8, v3=8, v4=8)
    placement = evacuate(layout_of(plant), ["v1", "v2", "v3", "v4"])
    assert sorted(seats(placement).values()) == ["h2", "h2", "h3"]
    (left,) = placement.unplaced
    assert "1 of 3 lacks huge pages" in left.why
    assert "1 of 3 lacks memory" in left.why
    assert not check(
        as_plan(placement, "h1"), plant.graph, DOES, Known(frozenset({"h1"}))
    ).objections


def test_head_room_for_one_more_loss_is_kept_where_it_can_be() -> None:
    plant = farm(32, 32, 32)
    for n in range(1, 5):
        plant.guest(f"v{n}", "h1", 4, 1, "lan", "nfs")
    placement = evacuate(layout_of(plant), ["v1", "v2", "v3", "v4"])
    assert sorted(seats(placement).values()) == ["h2", "h2", "h2", "h3"]
    assert placement.spare


def test_without_head_room_guests_are_placed_all_the_same_and_it_is_said() -> None:
    plant = farm(32, 32, 32)
    for n in range(1, 8):
        plant.guest(f"v{n}", "h1", 6, 1, "lan", "nfs")
    placement = evacuate(layout_of(plant), [f"v{n}" for n in range(1, 8)])
    assert placement.unplaced == ()
    assert not placement.spare
    assert placement.notes == ("no spare is left: if h2 failed, its guests would find no room",)


def test_the_important_are_placed_where_not_all_find_room() -> None:
    plant = farm(32, 8)
    plant.guest("big", "h1", 6, 1, "lan", "nfs")
    plant.guest("small", "h1", 4, 1, "lan", "nfs", importance="critical")
    placement = evacuate(layout_of(plant), ["big", "small"])
    assert seats(placement) == {"small": "h2"}
    assert [row.guest for row in placement.unplaced] == ["big"]


def test_a_guest_that_runs_moves_over_for_one_that_finds_no_room_and_goes_first() -> None:
    plant = farm(32, 16, 16)
    for name in ("h2", "h3"):
        plant.guest(f"on-{name}", name, 6, 1, "lan", "nfs")
    plant.guest("big", "h1", 12, 1, "lan", "nfs")
    layout = layout_of(plant, limits=TIGHT)
    assert evacuate(layout, ["big"]).unplaced
    placement = evacuate(layout, ["big"], {"on-h2", "on-h3"}.__contains__)
    assert placement.by == "swaps"
    assert [(m.guest, m.target, m.displaced) for m in placement.moves] == [
        ("on-h2", "h3", False),
        ("big", "h2", True),
    ]


def test_anti_affinity_spreads_and_affinity_keeps_together() -> None:
    plant = farm(32, 32, 32)
    for n in (1, 2):
        plant.guest(f"db{n}", "h1", 2, 1, "lan", "nfs", antiAffinity="db")
        plant.guest(f"app{n}", "h1", 2, 1, "lan", "nfs", affinity="app")
    found = seats(evacuate(layout_of(plant), leaving(layout_of(plant))))
    assert found["db1"] != found["db2"]
    assert found["app1"] == found["app2"]


def test_who_belongs_to_one_that_stays_goes_there() -> None:
    plant = farm(32, 64, 16)
    plant.guest("app1", "h1", 2, 1, "lan", "nfs", affinity="app")
    plant.guest("app2", "h2", 2, 1, "lan", "nfs", affinity="app")
    assert seats(evacuate(layout_of(plant), ["app1"])) == {"app1": "h2"}


def test_a_group_that_must_be_together_and_apart_finds_no_room() -> None:
    plant = farm(32, 32)
    for n in (1, 2):
        plant.guest(f"v{n}", "h1", 1, 1, "lan", "nfs", affinity="a", antiAffinity="b")
    placement = evacuate(layout_of(plant), ["v1", "v2"])
    assert {row.why for row in placement.unplaced} == {
        "its affinity group holds guests that must be apart"
    }


def test_it_says_of_each_host_why_it_will_not_do() -> None:
    plant = farm(64, 64, 8, 64, 64)
    plant.entities["h2"].labels["cordoned"] = "true"  # type: ignore[index] # a dict it is
    plant.relations = [r for r in plant.relations if (r.dependent, r.dependency) != ("h4", "nfs")]
    plant.guest("other", "h5", 1, 1, "lan", "nfs", antiAffinity="a")
    plant.guest("v1", "h1", 16, 1, "lan", "nfs", antiAffinity="a")
    (row,) = evacuate(layout_of(plant), ["v1"]).unplaced
    assert row.why == (
        "1 of 5 is the one that is left; 1 of 5 is cordoned; 1 of 5 lacks memory;"
        " 1 of 5 does not reach StorageExport nfs;"
        " 1 of 5 would join what it must be apart from, or part it from its group"
    )


def test_a_guest_without_a_known_size_is_not_placed_by_guessing() -> None:
    plant = farm(32, 32)
    plant.guest("v1", "h1", 1, 1, "lan", "nfs")
    plant.entities["v1"].props.pop("memoryBytes")  # type: ignore[attr-defined] # a dict it is
    (row,) = evacuate(layout_of(plant), ["v1"]).unplaced
    assert row.why == "its size is not known"


def test_nothing_to_do_and_no_hosts_at_all_are_answered_too() -> None:
    assert evacuate(layout_of(farm(32, 32)), []).moves == ()
    plant = Plant()
    plant.add("v1", "VirtualMachine", {"memoryBytes": 1, "vcpus": 1})
    (row,) = evacuate(layout_of(plant), ["v1"]).unplaced
    assert row.why == "no host is known"


def test_a_missing_exact_model_is_told_and_the_greedy_answer_stands(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(__import__("sys").modules, "ortools.sat.python", None)
    plant = farm(32, 8)
    plant.guest("v1", "h1", 16, 1, "lan", "nfs")
    placement = evacuate(layout_of(plant), ["v1"])
    assert "the extra `placement` brings it" in placement.notes[0]
    assert placement.by == "greedy"


@settings(deadline=None)
@given(
    seed=st.integers(0, 10_000),
    hosts=st.integers(2, 8),
    guests=st.integers(1, 40),
    fill=st.sampled_from([0.3, 0.6, 0.85]),
    move=st.booleans(),
)
def test_every_evacuation_is_proven_by_the_checker(
    seed: int,
    hosts: int,
    guests: int,
    fill: float,
    move: bool,  # noqa: FBT001 - hypothesis
) -> None:
    plant = random_plant(seed, hosts, guests, fill=fill)
    layout = layout_of(plant)
    out = leaving(layout)
    placement = evacuate(layout, out, lambda _guest: move)
    assert sorted(
        [m.guest for m in placement.moves if m.displaced]
        + [row.guest for row in placement.unplaced]
    ) == sorted(out)
    assert all(row.why for row in placement.unplaced)
    verdict = check(as_plan(placement, "h1"), plant.graph, DOES, Known(frozenset({"h1"})))
    assert [str(row) for row in verdict.objections] == []


@settings(deadline=None)
@given(
    seed=st.integers(0, 10_000),
    hosts=st.integers(2, 30),
    each=st.integers(1, 12),
    fill=st.sampled_from([0.1, 0.3, 0.6, 0.85, 0.95]),
    cpus=st.sampled_from([2, 4, 8, 32]),
    lost=st.integers(0, 3),
)
def test_what_is_sure_to_find_room_does_when_it_is_tried(
    seed: int, hosts: int, each: int, fill: float, cpus: int, lost: int
) -> None:
    plant = random_plant(seed, hosts, hosts * each, fill=fill)
    for uid, entity in plant.entities.items():
        if entity.kind == "Host":
            plant.entities[uid] = replace(entity, props={**entity.props, "cpus": cpus})
    board = Board(layout_of(plant, [f"h{n}" for n in range(lost)]))
    filled = [n for n in range(hosts) if board.seated[n] and board.open[n]]
    tried = {n: _survives(board, n) for n in filled}
    assert not [n for n in filled if _surely(board, n) and not tried[n]]
    first = next((board.hosts[n].name for n in filled if not tried[n]), "")
    assert spare(board) == first


def test_in_a_roomy_estate_nobody_has_to_be_tried() -> None:
    plant = random_plant(1, 30, 300, fill=0.5)
    board = Board(layout_of(plant))
    assert sum(_surely(board, n) for n in range(30) if board.seated[n] and board.open[n]) >= 25


@settings(deadline=None)
@given(
    seed=st.integers(0, 10_000),
    how=st.sampled_from(["no fence", "onto the dead host", "all onto one", "nowhere"]),
)
def test_a_plan_made_bad_is_refused(seed: int, how: str) -> None:
    plant = random_plant(seed, 5, 40, fill=0.7)
    layout = layout_of(plant)
    good = as_plan(evacuate(layout, leaving(layout)), "h1")
    moves = [row for row in good.steps if row.action == "start_elsewhere"]
    if len(moves) < 4:
        return
    fence = [cause("fence", "h1")]
    to = {"onto the dead host": "h1", "nowhere": "h99"}.get(how, "h2")
    bad = {
        "no fence": moves,
        "all onto one": [
            *fence,
            *(
                step("start_elsewhere", r.entity, to="h2")
                for r in [*moves, *(step("", g) for g, h in layout.on.items() if h == "h3")]
            ),
        ],
    }.get(how, [*fence, step("start_elsewhere", moves[0].entity, to=to)])
    verdict = check(plan(*bad), plant.graph, DOES, Known(frozenset({"h1", "h3"})))
    assert not verdict.proven


@pytest.mark.parametrize(("guests", "hosts", "most"), [(40, 12, 0.2), (200, 100, 1.0)])
def test_an_evacuation_is_planned_in_time(guests: int, hosts: int, most: float) -> None:
    plant = random_plant(7, hosts, guests * hosts // 4 if hosts < 50 else 2400, fill=0.6)
    layout = layout_of(plant, [f"h{n}" for n in range(hosts // 10)] or ["h1"])
    out = list(layout.on)[:: max(1, len(layout.on) // guests)][:guests]
    began = time.process_time()
    placement = evacuate(layout, out)
    took = time.process_time() - began
    assert len(out) == guests
    assert took <= most
    assert placement.unplaced == () or placement.notes
