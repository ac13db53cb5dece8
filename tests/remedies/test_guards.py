"""Each guard refuses what it is for; without it, nobody would."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest

import remedies.guards as all_guards
from kgraph.schema import Actor, Fault, Halt, Lease, Outcome, Plan, PlanStep, Risk
from remedies.guards import GUARDS, Presence, Sighting, Weight, confirmed_off, judge, judge_plan
from remedies.guards.budget import span_of
from remedies.world import Approver, Budgets, Facts, Intent, Past, Vantage, World
from tests.remedies.fake_estate import CHECK, RESTART, RESUME, T0, plan_of

FACTS = Facts(T0, configured=frozenset({"libvirt h1"}), complete=frozenset({"libvirt h1"}))
WELL = World(T0, FACTS, holder="watch/P-1")
PLAN = plan_of(RESTART, CHECK, RESUME)
OTHER = replace(plan_of(RESUME, cause=Fault("v1", "paused_io_error")), id="P-other")
RESTARTING = replace(plan_of(cause=Fault("s9", "failing")), reach=("s9", "x"))
VICTIMS = frozenset({"v1", "v2", "v3"})


def intent(number: int, seconds: float, **fields: object) -> Intent:
    row = Intent("P-0", f"v{number}", "VirtualMachine", "resume", T0 - timedelta(seconds=seconds))
    return replace(row, **fields)  # type: ignore[arg-type] # only of Intent's own fields


def past(
    minutes: float, outcome: Outcome, plan: str = "P-0", cause: str = PLAN.cause.entity
) -> Past:
    at = T0 - timedelta(minutes=minutes)
    return Past(plan, "v1", "resume", at, outcome, cause=cause)


def facts(**fields: object) -> World:
    return replace(WELL, facts=replace(FACTS, **fields))  # type: ignore[arg-type] # Facts' own


SILENT = Vantage("libvirt", VICTIMS, VICTIMS - {"v3"})
FENCE = replace(
    RESTART, action="fence", entity="h1", kind="Host", effect="powered_off", undo_if=()
)
ELSEWHERE = replace(
    RESUME,
    action="start_elsewhere",
    preconditions=("old_host_off",),
    parameters={"uuid": "u1", "from": "h1", "to": "h2"},
)
HOSTS = frozenset({"h1", "h2", "h3"})
DEAD = tuple(Vantage(name, HOSTS, frozenset({"h1"})) for name in ("libvirt", "ping"))
REFUSED: dict[str, World] = {
    "halted": replace(WELL, halted=Halt(T0, "storm")),
    "first_sync": facts(complete=frozenset()),
    "silence": facts(vantages=(SILENT,)),
    # What is acted on is not silent itself, or the guard of silence would refuse it, too.
    "isolated": facts(
        vantages=tuple(Vantage(name, HOSTS, HOSTS - {"h3"}) for name in ("libvirt", "ping"))
    ),
    "witnessed": facts(vantages=DEAD[:1]),
    "attributed": replace(
        WELL, under_way=(replace(RESTARTING, id="P-other"),), before={"P-other": frozenset()}
    ),
    "owned": facts(owners={"v1": "Pacemaker"}),
    "shared_cause": replace(WELL, under_way=(OTHER,)),
    "attempts": replace(WELL, past=(past(5, Outcome.NO_EFFECT),)),
    "flapping": replace(WELL, past=tuple(past(n, Outcome.HELPED, f"P-{n}") for n in (10, 20, 30))),
    "locked": replace(WELL, leases=(Lease("v1", "stranger", 1, T0),)),
    "maintenance": replace(WELL, windows={"v1": "core upgrade"}),
    "budget": replace(WELL, intents=tuple(intent(n, 30) for n in range(10))),
}


def step_for(guard: str) -> PlanStep:
    return {
        "identified": replace(RESUME, parameters={}),
        "witnessed": FENCE,
        "old_host": ELSEWHERE,
    }.get(guard, RESUME)


def world_for(guard: str) -> World:
    return REFUSED.get(guard, WELL)


NAMES = [guard.__name__ for guard in GUARDS]


def test_a_well_world_lets_every_step_happen() -> None:
    assert judge_plan(PLAN, WELL) == ()


@pytest.mark.parametrize("name", NAMES)
def test_a_guard_refuses_and_without_it_nobody_does(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = judge(PLAN, step_for(name), world_for(name))
    assert len(said) == 1, f"no scenario of its own for {name}"
    assert "\n" not in said[0].why
    rest = tuple(guard for guard in GUARDS if guard.__name__ != name)
    monkeypatch.setattr(all_guards, "GUARDS", rest)
    assert judge(PLAN, step_for(name), world_for(name)) == ()


@pytest.mark.parametrize("name", ["isolated", "silence", "witnessed"])
def test_what_only_lacks_a_look_begins_no_plan_and_ends_none(name: str) -> None:
    weight = judge(PLAN, step_for(name), world_for(name))[0].weight
    assert weight.stops
    assert not weight.ends


def test_a_host_that_somebody_hears_ends_its_fence_at_once() -> None:
    heard = facts(vantages=(DEAD[0], Vantage("ping", HOSTS)))
    assert judge(PLAN, FENCE, heard)[0].weight.ends


@pytest.mark.parametrize("actuator", ["power", "ansible"])
def test_a_host_is_not_found_by_a_name_that_another_one_has(actuator: str) -> None:
    """The switch of `h1` is that of the `h1` in this site, and not of the one that is dead."""
    step = replace(FENCE, actuator=actuator, name="h1")
    twice = facts(vantages=DEAD, namesakes=frozenset({"h1"}))
    assert judge(PLAN, step, facts(vantages=DEAD)) == ()
    assert [row.why for row in judge(PLAN, step, twice)] == [
        "another Host is called h1, too: which one is meant?"
    ]
    bound = replace(step, parameters={"uri": "qemu+ssh://h1/system"})
    assert judge(PLAN, bound, twice) == ()


def test_a_playbook_is_not_limited_to_the_name_of_two_guests() -> None:
    step = replace(RESUME, actuator="ansible", name="web-1")
    said = judge(PLAN, step, facts(namesakes=frozenset({step.entity})))
    assert [row.guard for row in said] == ["name"]


def test_where_no_host_may_be_fenced_at_once_none_waits_for_its_turn() -> None:
    world = replace(facts(vantages=DEAD), budgets=Budgets(fencings_at_once=0))
    (said,) = judge(PLAN, FENCE, world)
    assert (said.guard, said.weight) == ("budget", Weight.FINAL)


def test_a_hook_is_not_told_the_name_of_two_hosts_and_nothing_else() -> None:
    """Of a guest it is told the UUID as well; of a host it has the name alone."""
    twice = facts(vantages=DEAD, namesakes=frozenset({"h1", "v1"}))
    step = replace(FENCE, actuator="hook", name="h1", parameters={"kind": "Host", "name": "h1"})
    assert [row.guard for row in judge(PLAN, step, twice)] == ["name"]
    assert judge(PLAN, replace(RESUME, actuator="hook", parameters={"uuid": "u1"}), twice) == ()


def test_who_is_nearly_blind_still_proves_that_what_it_hears_is_alive() -> None:
    dim = Vantage("ipmi", HOSTS, HOSTS - {"h1"})
    said = judge(PLAN, FENCE, facts(vantages=(*DEAD, dim)))
    assert [row.why for row in said] == ["ipmi still hears it"]


def test_a_host_that_was_read_back_off_and_is_heard_again_is_not_off() -> None:
    off = replace(facts(vantages=DEAD), off=frozenset({"h1"}))
    assert judge(PLAN, ELSEWHERE, off) == ()
    back = replace(off, facts=replace(off.facts, vantages=(DEAD[0], Vantage("ping", HOSTS))))
    assert [row.why for row in judge(PLAN, ELSEWHERE, back)] == [
        "h1 was read back off, and ping hears it again"
    ]


def test_an_empty_set_of_sources_never_means_all() -> None:
    world = facts(configured=frozenset(), complete=frozenset())
    assert "no topology source" in judge(PLAN, RESUME, world)[0].why


@pytest.mark.parametrize(
    "vantage",
    [
        Vantage("libvirt", VICTIMS, frozenset({"v1"})),  # one of three: it may well be dead
        Vantage("libvirt", VICTIMS | {"v4"}, frozenset({"v1", "v2"})),  # half is not most
        Vantage("libvirt", VICTIMS | {"v4"}, VICTIMS | {"v4"}, frozenset({"v1"})),  # seen itself
        Vantage("libvirt", VICTIMS, VICTIMS, VICTIMS),  # somebody else has seen them
        Vantage("libvirt", VICTIMS, VICTIMS, frozenset({"v1", "v2"})),
        Vantage("libvirt", VICTIMS, frozenset({"v2", "v3"})),  # what we act on is not silent
    ],
)
def test_silence_that_is_small_or_confirmed_or_elsewhere_stops_nothing(vantage: Vantage) -> None:
    assert judge(PLAN, RESUME, facts(vantages=(vantage,))) == ()


def test_the_budget_counts_what_is_in_flight_however_long_ago_it_began() -> None:
    old = tuple(intent(n, 300, in_flight=True) for n in range(10))
    assert judge(PLAN, RESUME, replace(WELL, intents=old))[0].weight is Weight.LATER
    over = tuple(intent(n, 300) for n in range(10))
    assert judge(PLAN, RESUME, replace(WELL, intents=over)) == ()


def fencing(*rows: tuple[str, float, bool]) -> World:
    spent = tuple(
        Intent("P-0", host, "Host", "fence", T0 - timedelta(minutes=ago), in_flight=flying)
        for host, ago, flying in rows
    )
    return replace(facts(vantages=DEAD), intents=spent)


def test_one_host_is_fenced_at_a_time_and_two_within_an_hour() -> None:
    assert judge(PLAN, FENCE, fencing(("h2", 30, False))) == ()
    assert judge(PLAN, FENCE, fencing(("h2", 90, True)))[0].weight is Weight.LATER
    two = fencing(("h2", 30, False), ("h3", 50, False))
    assert judge(PLAN, FENCE, two)[0].weight is Weight.AUTOMATION
    assert judge(PLAN, FENCE, replace(two, by=Approver.PERSON)) == ()
    assert judge(PLAN, FENCE, fencing(("h2", 30, False), ("h3", 70, False))) == ()
    # Fencing the same host again is the same fencing.
    assert judge(PLAN, FENCE, fencing(("h1", 1, True), ("h1", 2, False))) == ()


def test_an_intent_is_remembered_for_as_long_as_it_counts() -> None:
    assert span_of(intent(1, 0)) == timedelta(minutes=1)
    assert span_of(intent(1, 0, action="fence")) == timedelta(hours=1)


@pytest.mark.parametrize(
    ("vantages", "why"),
    [
        (DEAD, ""),
        (DEAD[:1], "only libvirt says that it is silent; 2 must"),
        ((), "nobody says that it is silent; 2 must"),
        ((*DEAD, Vantage("scraper", HOSTS)), "scraper still hears it"),
        (
            (DEAD[0], Vantage("ping", HOSTS - {"h1"})),
            "only libvirt says that it is silent; 2 must",
        ),
    ],
)
def test_a_host_is_fenced_on_the_word_of_two_and_against_the_word_of_nobody(
    vantages: tuple[Vantage, ...], why: str
) -> None:
    said = judge(PLAN, FENCE, facts(vantages=vantages))
    assert [row.why for row in said] == ([why] if why else [])


def test_a_guest_starts_elsewhere_once_its_old_host_was_read_back_off() -> None:
    assert judge(PLAN, ELSEWHERE, replace(WELL, off=frozenset({"h1"}))) == ()
    lost = replace(ELSEWHERE, parameters={"uuid": "u1", "to": "h2"})
    assert judge(PLAN, lost, replace(WELL, off=frozenset({"h1"})))[0].guard == "old host"


def test_from_one_vantage_point_nobody_can_tell_who_is_cut_off() -> None:
    cut_off = Vantage("libvirt", HOSTS, HOSTS - {"h3"})
    assert judge(PLAN, RESUME, facts(vantages=(cut_off,))) == ()
    # What watches nothing is no second one.
    assert judge(PLAN, RESUME, facts(vantages=(cut_off, Vantage("ping", frozenset())))) == ()


def test_who_is_heard_from_somewhere_is_not_cut_off() -> None:
    hears = (Vantage("libvirt", HOSTS, HOSTS - {"h3"}), Vantage("ping", HOSTS))
    assert judge(PLAN, RESUME, facts(vantages=hears)) == ()


@pytest.mark.parametrize("reason", ["", "storm"])
def test_a_halt_is_told_with_its_moment_and_its_reason_if_it_has_one(reason: str) -> None:
    (said,) = judge(PLAN, RESUME, replace(WELL, halted=Halt(T0, reason)))
    because = f": {reason}" if reason else ""
    assert said.why == f"halted since {T0:%Y-%m-%d %H:%M:%SZ}{because}"


def test_a_symptom_that_was_there_before_is_nobody_elses_doing() -> None:
    world = REFUSED["attributed"]
    before = {"P-other": frozenset({PLAN.symptoms[0]})}
    assert judge(PLAN, RESUME, replace(world, before=before)) == ()


def test_the_budget_is_for_guests_only() -> None:
    assert judge(PLAN, RESTART, REFUSED["budget"]) == ()
    others = tuple(intent(n, 30, kind="Service") for n in range(10))
    assert judge(PLAN, RESUME, replace(WELL, intents=others)) == ()


def test_who_suffers_of_one_thing_after_another_is_not_what_flaps() -> None:
    hit = [past(5 * n, Outcome.HELPED, f"P-{n}", f"export-{n}") for n in range(1, 6)]
    assert judge(PLAN, RESUME, replace(WELL, past=tuple(hit))) == ()
    of_one = [replace(row, cause=PLAN.cause.entity) for row in hit[:3]]
    (said,) = judge(PLAN, RESUME, replace(WELL, past=tuple(of_one)))
    assert (said.guard, said.weight) == ("flapping", Weight.AUTOMATION)
    # So many causes within an hour are no explanation any longer.
    one_more = past(35, Outcome.HELPED, "P-6", "export-6")
    (said,) = judge(PLAN, RESUME, replace(WELL, past=(*hit, one_more)))
    assert said.guard == "flapping"


@pytest.mark.parametrize(("entity", "minutes"), [("v9", 5), ("v1", 65)])
def test_what_was_repaired_elsewhere_or_long_ago_does_not_flap(
    entity: str, minutes: float
) -> None:
    rows = tuple(
        replace(past(minutes + n, Outcome.HELPED, f"P-{n}"), entity=entity) for n in range(3)
    )
    assert judge(PLAN, RESUME, replace(WELL, past=rows)) == ()


def test_what_has_acted_is_finished_though_a_window_has_opened_meanwhile() -> None:
    """A host that was fenced, and whose guests run nowhere, is worse than either."""
    begun = replace(REFUSED["maintenance"], touched={PLAN.id: frozenset({"x"})})
    assert judge(PLAN, RESUME, begun) == ()


OF_AUTOMATION = ("attempts", "flapping", "maintenance")


@pytest.mark.parametrize("name", OF_AUTOMATION)
def test_what_only_automation_may_not_do_a_person_may(name: str) -> None:
    assert judge(PLAN, RESUME, replace(REFUSED[name], by=Approver.PERSON)) == ()


@pytest.mark.parametrize("name", [name for name in NAMES if name not in OF_AUTOMATION])
def test_what_makes_things_worse_no_person_may_either(name: str) -> None:
    step, world = step_for(name), world_for(name)
    assert judge(PLAN, step, replace(world, by=Approver.PERSON)) == judge(PLAN, step, world) != ()


@pytest.mark.parametrize(
    "rows",
    [
        (past(30, Outcome.NO_EFFECT), past(5, Outcome.HELPED)),  # success ends the ladder
        (past(60 * 25, Outcome.NO_EFFECT),),  # long ago
    ],
)
def test_a_repair_that_helped_since_or_failed_long_ago_is_tried_again(
    rows: tuple[Past, ...],
) -> None:
    assert judge(PLAN, RESUME, replace(WELL, past=rows)) == ()


def ended_undone(*seconds_ago: float) -> World:
    return replace(WELL, undone=tuple(T0 - timedelta(seconds=ago) for ago in seconds_ago))


@pytest.mark.parametrize(
    ("ago", "refused"),
    [
        *[((5,), True), ((25,), False), ((25, 60), True), ((45, 60), False)],
        *[((70, 200, 300), True), ((80_000,) * 100, True), ((90_000,) * 100, False)],
    ],
)
def test_what_ended_undone_is_begun_again_after_a_pause_that_grows(
    ago: tuple[float, ...], *, refused: bool
) -> None:
    said = judge(PLAN, RESUME, ended_undone(*ago))
    assert [row.guard for row in said] == (["attempts"] if refused else [])
    assert all(row.weight is Weight.AUTOMATION for row in said)  # a person may at once


def test_it_is_told_when_what_ended_undone_may_begin_again() -> None:
    (said,) = judge(PLAN, RESUME, ended_undone(60, 25))
    assert said.why.endswith(f"not again before {T0 + timedelta(seconds=15):%H:%M:%SZ}")


@pytest.mark.parametrize("other", [{"entity": "v9"}, {"action": "reset"}])
def test_what_was_tried_elsewhere_or_otherwise_in_vain_may_be_tried_here(
    other: dict[str, str],
) -> None:
    row = replace(past(5, Outcome.NO_EFFECT), **other)  # type: ignore[arg-type] # both are text
    assert judge(PLAN, RESUME, replace(WELL, past=(row,))) == ()


def test_several_steps_of_one_plan_are_one_repair() -> None:
    rows = tuple(past(10, Outcome.HELPED, "P-1") for _ in range(5))
    assert judge(PLAN, RESUME, replace(WELL, past=rows)) == ()


def test_what_hangs_is_not_done_a_second_time() -> None:
    said = judge(PLAN, RESUME, replace(WELL, stuck=frozenset({"v1"})))
    assert said[0].weight is Weight.FINAL


def test_a_lease_of_our_own_is_no_lock() -> None:
    ours = replace(WELL, leases=(Lease("v1", WELL.holder, 1, T0),))
    assert judge(PLAN, RESUME, ours) == ()


def test_a_lease_of_something_else_is_no_lock() -> None:
    theirs = replace(WELL, leases=(Lease("v2", "stranger", 1, T0),))
    assert judge(PLAN, RESUME, theirs) == ()


def test_looking_is_never_refused_for_what_was_tried_before() -> None:
    rows = (Past("P-0", "x", "check", T0, Outcome.NO_EFFECT),)
    assert judge(PLAN, CHECK, replace(WELL, past=rows)) == ()


@pytest.mark.parametrize(
    "name", ["isolated", "owned", "attributed", "attempts", "flapping", "locked"]
)
def test_what_only_looks_is_in_nobodys_way(name: str) -> None:
    look = replace(step_for(name), risk=Risk.NONE)
    assert judge(PLAN, look, world_for(name)) == ()


def test_a_plan_is_not_brought_by_itself() -> None:
    ours = replace(WELL, under_way=(PLAN,), before={PLAN.id: frozenset()})
    assert judge(PLAN, RESUME, ours) == ()


def test_what_has_no_symptoms_was_not_brought_by_another_plan() -> None:
    assert judge(replace(PLAN, symptoms=()), RESUME, REFUSED["attributed"]) == ()


OWN = Sighting("h1", Presence.OFF, own=True)


@pytest.mark.parametrize(
    ("sightings", "why"),
    [
        ([OWN, Sighting("h2", Presence.ABSENT)], ""),
        ([OWN, Sighting("h2", Presence.OFF)], ""),
        ([OWN, Sighting("h2", Presence.RUNS)], "it runs on h2"),
        ([OWN, Sighting("h2", Presence.SILENT)], "h2 does not answer, and may run it"),
        ([OWN, *map(Sighting, ("h2", "h3"), (Presence.SILENT, Presence.RUNS))], "it runs on h3"),
        ([Sighting("h1", Presence.SILENT, own=True)], "h1 does not answer, and may run it"),
        ([Sighting("h1", Presence.ABSENT, own=True)], "h1 does not know it"),
        ([Sighting("h1", Presence.RUNS, own=True)], "it runs on h1"),
        ([Sighting("h2", Presence.OFF)], "its own host was not asked"),
        ([], "its own host was not asked"),
    ],
)
def test_a_guest_starts_only_where_every_host_confirmed_that_it_is_off(
    sightings: list[Sighting], why: str
) -> None:
    refused = confirmed_off(sightings)
    assert (refused.why if refused else "") == why
    # Who has not answered may answer in a moment; whatever else is known stays so.
    assert (refused.unanswered if refused else False) == ("does not answer" in why)


def test_the_plan_is_judged_by_the_steps_that_we_would_do() -> None:
    refused: Callable[[Plan], list[str]] = lambda plan: [  # noqa: E731 - one use
        step.action for step, _ in judge_plan(plan, replace(WELL, halted=Halt(T0)))
    ]
    assert refused(PLAN) == ["restart", "check", "resume"]
    assert refused(plan_of(replace(RESTART, actor=Actor.PERSON), RESUME)) == ["resume"]


def test_of_two_plans_that_treat_the_same_the_one_that_began_first_goes_on() -> None:
    both = replace(WELL, under_way=(PLAN, OTHER))
    assert judge(PLAN, RESUME, both) == ()
    assert [row.guard for row in judge(OTHER, RESUME, both)] == ["shared cause"]


def test_what_another_plan_only_looks_at_may_be_treated() -> None:
    looks = replace(plan_of(CHECK, cause=Fault("s9", "failing")), id="P-other")
    assert judge(PLAN, RESTART, replace(WELL, under_way=(looks,))) == ()
