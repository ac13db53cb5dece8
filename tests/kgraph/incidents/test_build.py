from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from kgraph.incidents import BLAMING, Case, Detail, Label, Origin, Tone, build
from kgraph.schema import (
    Actor,
    BlastRadius,
    Cause,
    Change,
    Entity,
    Fault,
    Hit,
    Hypothesis,
    Lack,
    Observation,
    PlanStep,
    Relation,
    State,
    Witness,
)


def _text(case: Case, label: Label, detail: Detail = Detail.BRIEF) -> str:
    section = build(case, detail).section(label)
    return "\n".join(section.lines) if section else ""


def test_the_headline_says_what_everybody_sees_before_any_cause(storage_case: Case) -> None:
    assert build(storage_case).headline == (
        "INC-0412  03:07:14Z  firing 48 s  4 VMs paused, 1 storage export down"
    )


def test_the_cause_is_told_with_two_digits_and_its_mode(storage_case: Case) -> None:
    assert (
        _text(storage_case, Label.CAUSE)
        == "P .94 (not calibrated)  StorageExport nbd1/vmstore DOWN"
    )


def test_what_lies_behind_the_cause_is_no_rival_of_it(storage_case: Case) -> None:
    assert (
        _text(storage_case, Label.WHY) == "the only thing that all 4 paused VMs share, on 2 hosts"
    )


@pytest.mark.parametrize(
    ("relation", "victims", "told"),
    [
        ("WATCHED_BY", 4, "what is known of all 4 paused VMs comes through it"),
        ("WATCHED_BY", 1, "what is known of VirtualMachine {name} comes through it"),
        (
            "MEMBER_OF",
            4,
            "the symptoms of 4 paused VMs fit it, though nothing of that depends on it",
        ),
    ],
)
def test_of_a_cause_that_shows_nothing_it_is_not_said_that_it_shows_the_symptoms(
    storage_case: Case, relation: str, victims: int, told: str
) -> None:
    incident, (lead, *rest) = storage_case.incident, storage_case.answer.causes
    seen = tuple(w for w in lead.supporting if w.observation.entity != lead.entity)[:victims]
    (name,) = (e.name for e in incident.entities if e.uid == seen[0].observation.entity)
    relations = tuple(
        replace(row, type=relation) if row.dependency == lead.entity else row
        for row in incident.relations
    )
    case = replace(
        storage_case,
        incident=replace(incident, relations=relations),
        answer=replace(storage_case.answer, causes=(replace(lead, supporting=seen), *rest)),
    )
    assert _text(case, Label.WHY).splitlines()[0] == told.format(name=name)


def test_of_a_cause_that_hurts_what_it_needs_why_says_so(storage_case: Case) -> None:
    incident, (lead, *rest) = storage_case.incident, storage_case.answer.causes
    seen = tuple(w for w in lead.supporting if w.observation.entity != lead.entity)
    relations = tuple(
        replace(row, dependent=row.dependency, dependency=row.dependent)
        if row.dependency == lead.entity
        else row
        for row in incident.relations
    )
    case = replace(
        storage_case,
        incident=replace(incident, relations=relations),
        answer=replace(storage_case.answer, causes=(replace(lead, supporting=seen), *rest)),
    )
    assert _text(case, Label.WHY).splitlines()[0] == (
        "the symptoms of 4 paused VMs fit it: such a fault hurts what it needs, too"
    )


def test_of_two_that_are_blamed_none_is_told_as_a_rival_of_the_other(
    storage_case: Case, with_answer: Callable[..., Case]
) -> None:
    incident = storage_case.incident
    fabric = Entity("fabric", "Switch", "fabric")
    ways = [Relation(vm, "USES", "fabric") for vm in ("web-03", "web-04", "web-07", "db-02")]
    case = replace(
        with_answer(
            causes=(
                storage_case.answer.causes[0],
                Cause("fabric", "Switch", "down", 0.9, {"down": 0.9}, 4, (), (), 0),
            ),
            hypotheses=(Hypothesis((Fault("fabric", "down"), Fault("export", "down")), 0.8),),
        ),
        incident=replace(
            incident,
            entities=(*incident.entities, fabric),
            relations=(*incident.relations, *ways),
        ),
    )
    assert _text(case, Label.WHY) == (
        "nothing but nbd1/vmstore and fabric is shared by all 4 paused VMs, on 2 hosts"
    )


def test_of_two_that_are_blamed_neither_is_said_to_explain_all_of_it(
    storage_case: Case, with_answer: Callable[..., Case]
) -> None:
    lone = Observation("vm-07", "down", State.ABNORMAL)
    other = Cause("vm-07", "VirtualMachine", "down", 0.9, {}, 1, (Witness(lone, 5.0),), (), 0)
    best = Hypothesis((Fault("export", "down"), Fault("vm-07", "down")), 0.8)
    causes = (storage_case.answer.causes[0], other)
    incident = storage_case.incident
    case = replace(
        with_answer(causes=causes, hypotheses=(best,)),
        incident=replace(
            incident,
            entities=(*incident.entities, Entity("fabric", "Switch", "fabric")),
            observations=(
                *incident.observations,
                Observation("fabric", "errors", State.ABNORMAL),
            ),
        ),
    )
    hit = Hit("fabric", "slow", 0.9, 1)
    radius = replace(case.answer.blast_radius, now=(hit,))
    case = replace(case, answer=replace(case.answer, blast_radius=radius))
    assert _text(case, Label.WHY) == (
        "nothing but nbd1/vmstore is shared by 4 paused VMs, on 2 hosts"
    )


def test_what_the_cause_does_not_explain_is_said_beside_why(storage_case: Case) -> None:
    lone = [Observation(f"vm-{n:02}", "down", State.ABNORMAL) for n in (7, 9)]
    incident = storage_case.incident
    case = replace(
        storage_case, incident=replace(incident, observations=(*incident.observations, *lone))
    )
    assert _text(case, Label.WHY) == (
        "the only thing that 4 paused VMs share, on 2 hosts\n"
        "not explained by it: 2 VMs down: vm-07 vm-09 (h07)"
    )


def test_what_is_told_as_hit_is_not_told_as_unexplained(storage_case: Case) -> None:
    lone = [Observation(f"vm-{n:02}", "down", State.ABNORMAL) for n in (7, 9)]
    incident, answer = storage_case.incident, storage_case.answer
    radius = answer.blast_radius
    hit = (*radius.now, Hit("vm-09", "down", 0.9, 1))
    case = replace(
        storage_case,
        incident=replace(incident, observations=(*incident.observations, *lone)),
        answer=replace(answer, blast_radius=replace(radius, now=hit)),
    )
    assert _text(case, Label.WHY).endswith("not explained by it: 1 VM down: vm-07 (h07)")


def test_victims_of_two_kinds_are_counted_the_most_first(storage_case: Case) -> None:
    entities = tuple(
        replace(each, kind="Service") if each.name == "web-03" else each
        for each in storage_case.incident.entities
    )
    case = replace(storage_case, incident=replace(storage_case.incident, entities=entities))
    assert _text(case, Label.WHY).startswith("the only thing that 3 VMs and 1 service share")


def test_another_thing_that_all_victims_share_is_named(storage_case: Case) -> None:
    incident = storage_case.incident
    victims = [r for r in incident.relations if r.dependency == "export"]
    network = [replace(r, type="ATTACHED_TO", dependency="nbd2") for r in victims]
    case = replace(
        storage_case, incident=replace(incident, relations=(*incident.relations, *network))
    )
    assert "they also share StorageExport nbd2" in _text(case, Label.WHY)


def test_victims_are_counted_against_all_that_could_be_hit(storage_case: Case) -> None:
    assert _text(storage_case, Label.FOR).startswith("4 of 4 VMs paused within 30 ms: ")


def test_signs_that_rose_hours_apart_are_told_so(
    storage_case: Case, with_answer: Callable[..., Case]
) -> None:
    cause = storage_case.answer.causes[0]
    early, *others = cause.supporting
    assert early.observation.at is not None
    seen = replace(early.observation, at=early.observation.at - timedelta(hours=6))
    said = (early._replace(observation=seen), *others)
    text = _text(with_answer(causes=(replace(cause, supporting=said),)), Label.FOR)
    assert text.startswith("4 of 4 VMs paused, the first 6 h before the last: ")


def test_healthy_witnesses_against_the_cause_are_named(storage_case: Case) -> None:
    assert _text(storage_case, Label.AGAINST) == "2 hosts not down: h07 h12"


def test_the_absence_of_contradiction_is_said_and_not_left_blank(
    storage_case: Case, with_answer: Callable[..., Case]
) -> None:
    cause = replace(storage_case.answer.causes[0], contradicting=())
    assert _text(with_answer(causes=(cause,)), Label.AGAINST) == "nothing that was looked at"


@pytest.mark.parametrize(
    ("seconds", "detector", "told"),
    [
        (60, "", "StorageExport nbd1/vmstore no longer down since 03:09:02\n"),
        (-60, "", ""),
        (60, "another", ""),
    ],
)
def test_an_alarm_of_the_cause_that_has_ended_is_told_with_its_end(
    storage_case: Case,
    with_answer: Callable[..., Case],
    seconds: int,
    detector: str,
    told: str,
) -> None:
    cause = storage_case.answer.causes[0]
    alarm = Observation(cause.entity, "down", State.ABNORMAL, at=storage_case.now)
    later = replace(
        alarm,
        state=State.HEALTHY,
        at=storage_case.now + timedelta(seconds=seconds),
        detector=detector,
    )
    case = with_answer(causes=(replace(cause, supporting=(Witness(alarm, 4.0),)),))
    rows = (*case.incident.observations, alarm, later)
    case = replace(case, incident=replace(case.incident, observations=rows))
    assert _text(case, Label.AGAINST) == f"{told}2 hosts not down: h07 h12"


def test_a_cause_that_no_probe_watches_is_told_as_unknown(
    storage_case: Case, with_answer: Callable[..., Case]
) -> None:
    blind = replace(storage_case.answer.causes[0], entity="stor1", kind="Host")
    best = Hypothesis((Fault("stor1", "down"),), 0.9)
    case = with_answer(causes=(blind,), hypotheses=(best,))
    assert "stor1 itself: no word from any probe" in _text(case, Label.UNKNOWN)


def test_the_other_explanations_always_end_with_outside_and_monitoring(storage_case: Case) -> None:
    assert _text(storage_case, Label.ELSE) == (
        "Host stor1 down .03 · outside the graph .02 · monitoring failed < .01\n"
        "looked at and well: hosts h07 h12"
    )


def test_a_service_with_spares_is_told_with_what_is_left_and_needed(storage_case: Case) -> None:
    assert "shop-web 2 of 5 up, needs 3 (team-shop)" in _text(storage_case, Label.IMPACT)


def test_a_copy_that_is_slow_is_up(storage_case: Case) -> None:
    radius = storage_case.answer.blast_radius
    slow = [replace(hit, mode="slow") for hit in radius.now]
    case = replace(
        storage_case,
        answer=replace(storage_case.answer, blast_radius=replace(radius, now=tuple(slow))),
    )
    assert "shop-web" not in [line.split()[0] for line in _text(case, Label.IMPACT).splitlines()]


def _with_services(case: Case, *names: str) -> Case:
    """Add hit services on one paused guest and a well one each, of which one is enough."""
    incident, radius = case.incident, case.answer.blast_radius
    services = [Entity(name, "Service", name) for name in names]
    copies = [
        Relation(name, "RUNS_ON", guest, group="copies", need=1)
        for name in names
        for guest in ("web-03", "vm-01")
    ]
    return replace(
        case,
        incident=replace(
            incident,
            entities=(*incident.entities, *services),
            relations=(*incident.relations, *copies),
        ),
        answer=replace(
            case.answer,
            blast_radius=replace(
                radius, next=(*radius.next, *(Hit(name, "slow", 0.5, 2) for name in names))
            ),
        ),
    )


def test_who_has_too_few_left_is_told_before_who_has_enough(storage_case: Case) -> None:
    told = _text(_with_services(storage_case, "a", "b", "c"), Label.IMPACT).splitlines()
    assert [line.split()[0] for line in told if " up, needs " in line] == ["shop-web", *"abc"]


def test_who_does_not_fit_is_still_named_among_those_short_of_copies(storage_case: Case) -> None:
    case = _with_services(storage_case, *"abcd")
    assert "also short of copies: c d" in _text(case, Label.IMPACT)
    assert "also short of copies" not in _text(case, Label.IMPACT, Detail.FULL)


def test_what_is_hit_beyond_the_lines_of_a_screen_is_counted(storage_case: Case) -> None:
    radius = storage_case.answer.blast_radius
    more = [Hit(f"vm-{n:02}", mode, 0.6, 2) for n, mode in enumerate(("slow", "down", "stalled"))]
    case = replace(
        storage_case,
        answer=replace(storage_case.answer, blast_radius=replace(radius, next=tuple(more))),
    )
    whole = _text(case, Label.IMPACT).splitlines()
    assert len([line for line in whole if line.startswith("next")]) == 3  # one more saves no line
    case = replace(
        case,
        answer=replace(
            case.answer,
            blast_radius=replace(radius, next=(*more, Hit("shop", "failing", 0.7, 2))),
        ),
    )
    assert "next also 1 VM slow, 1 VM waiting for its storage" in _text(case, Label.IMPACT)


def test_a_change_on_what_the_cause_needs_is_a_suspect(storage_case: Case) -> None:
    assert _text(storage_case, Label.CHANGE).splitlines() == [
        "Host stor1 package upgraded 03:05:58, 76 s before  SUSPECT",
        "1 elsewhere in the last hour",
    ]


def _changed(case: Case, entity: str, kind: str, detail: str) -> Case:
    made = Change(entity, kind, case.now - timedelta(minutes=2), detail)
    return replace(case, incident=replace(case.incident, changes=(made,)))


def test_a_deploy_of_what_is_blamed_is_undone_before_anything_is_repaired(
    storage_case: Case,
) -> None:
    case = _changed(storage_case, "export", "deploy", "v2.41 bob")
    assert _text(case, Label.CHANGE) == (
        "StorageExport nbd1/vmstore deploy v2.41 bob 03:06:02, 72 s before  SUSPECT"
    )
    look, then, repair = _text(storage_case, Label.NEXT).partition("; then ")
    undo = "undo deploy v2.41 bob, 72 s before, if that can be it"
    assert _text(case, Label.NEXT) == f"{look}{then}{undo}; else {repair}"


@pytest.mark.parametrize(
    ("entity", "kind"), [("stor1", "deploy"), ("export", "restart"), ("export", "relation_opened")]
)
def test_what_nobody_can_take_back_is_not_undone(
    storage_case: Case, entity: str, kind: str
) -> None:
    case = _changed(storage_case, entity, kind, "")
    assert _text(case, Label.NEXT) == _text(storage_case, Label.NEXT)


def test_what_a_person_has_to_do_is_said_once_on_the_screen(storage_case: Case) -> None:
    plan = storage_case.plan
    assert plan is not None
    by_hand = PlanStep("replace", "export", actor=Actor.PERSON, actuator="notify")
    lines = _text(replace(storage_case, plan=replace(plan, steps=(by_hand,))), Label.PLAN)
    assert lines.splitlines()[0].endswith("  for a person")
    assert lines.count("replace") == 1


def test_changes_that_find_no_room_are_counted(storage_case: Case) -> None:
    first = storage_case.incident.changes[0]
    many = tuple(replace(first, at=first.at - timedelta(seconds=n)) for n in range(4))
    case = replace(storage_case, incident=replace(storage_case.incident, changes=many))
    assert _text(case, Label.CHANGE).splitlines()[2:] == ["2 more on what is suspected or needed"]


def test_two_victims_are_both_and_not_all_two(storage_case: Case) -> None:
    gone = {"web-04", "web-07"}
    cause, incident = storage_case.answer.causes[0], storage_case.incident
    rows = tuple(w for w in cause.supporting if w.observation.entity not in gone)
    seen = tuple(row for row in incident.observations if row.entity not in gone)
    case = replace(
        storage_case,
        incident=replace(incident, observations=seen),
        answer=replace(storage_case.answer, causes=(replace(cause, supporting=rows),)),
    )
    assert _text(case, Label.WHY).startswith("the only thing that both paused VMs share")


def test_a_change_after_the_onset_is_no_suspect(storage_case: Case) -> None:
    late = replace(storage_case.incident.changes[0], at=storage_case.now - timedelta(seconds=1))
    case = replace(storage_case, incident=replace(storage_case.incident, changes=(late,)))
    assert "after the onset" in _text(case, Label.CHANGE)
    assert "SUSPECT" not in _text(case, Label.CHANGE)


def test_what_the_graph_calls_a_thing_is_no_change_of_it(storage_case: Case) -> None:
    renamed = replace(storage_case.incident.changes[0], type="renamed")
    case = replace(storage_case, incident=replace(storage_case.incident, changes=(renamed,)))
    assert _text(case, Label.CHANGE) == ""


def test_a_source_not_read_for_an_hour_is_stale(storage_case: Case) -> None:
    assert _text(storage_case, Label.DATA) == (
        "libvirt 2 s old · prometheus 9 s old · netbox 3 h old STALE"
    )


def test_an_abstained_answer_names_no_cause_and_proposes_no_plan(
    with_answer: Callable[..., Case],
) -> None:
    case = with_answer(abstained_because="the monitoring itself has failed", monitoring=0.8)
    assert _text(case, Label.CAUSE) == "not found: the monitoring itself has failed"
    assert not _text(case, Label.PLAN)
    assert not _text(case, Label.WHY)
    assert "StorageExport nbd1/vmstore down .94" in _text(case, Label.ELSE)


def test_a_cause_outside_the_graph_is_told_with_where_it_comes_in(
    with_answer: Callable[..., Case],
) -> None:
    case = with_answer(abstained_because="likelier outside", elsewhere=0.8)
    assert _text(case, Label.CAUSE).splitlines() == [
        "not found: likelier outside",
        "if it is outside, it shows through StorageExport nbd1/vmstore",
    ]


@pytest.mark.parametrize(("share", "told"), [(0.9, 1), (0.3, 0)])
def test_a_suspect_that_lacks_what_its_peers_depend_on_is_said_to(
    storage_case: Case, with_answer: Callable[..., Case], share: float, told: int
) -> None:
    bare = replace(storage_case.answer.causes[0], lacks=Lack("BACKED_BY", share))
    text = _text(with_answer(causes=(bare,)), Label.UNKNOWN)
    line = "fewer BACKED_BY relations than storage exports usually have"
    assert text.count(line) == told


def test_two_faults_that_stand_together_are_both_told(
    storage_case: Case, with_answer: Callable[..., Case]
) -> None:
    second = Cause("h07", "Host", "overloaded", 0.7, {"overloaded": 0.7}, 1, (), (), 0)
    both = Hypothesis((Fault("h07", "overloaded"), Fault("export", "down")), 0.65)
    case = with_answer(causes=(storage_case.answer.causes[0], second), hypotheses=(both,))
    assert _text(case, Label.CAUSE).splitlines() == [
        "P .94 (not calibrated)  StorageExport nbd1/vmstore DOWN  explains 5 of 5 symptoms",
        "P .70  Host h07 OVERLOADED  explains 1 of 5 symptoms",
        "these 2 and nothing else: P .65",
    ]


@pytest.mark.parametrize(
    ("rare", "often", "first"),
    [((1, 0.99), (5, 0.6), "Host h07"), ((6, 0.99), (7, 0.5), "StorageExport nbd1/vmstore")],
)
def test_the_headline_is_who_may_be_expected_to_explain_most(
    storage_case: Case,
    with_answer: Callable[..., Case],
    rare: tuple[int, float],
    often: tuple[int, float],
    first: str,
) -> None:
    export = replace(storage_case.answer.causes[0], explains=rare[0], posterior=rare[1])
    host = Cause("h07", "Host", "down", often[1], {"down": often[1]}, often[0], (), (), 0)
    both = Hypothesis((Fault("export", "down"), Fault("h07", "down")), 0.5)
    text = _text(with_answer(causes=(export, host), hypotheses=(both,)), Label.CAUSE)
    assert first in text.splitlines()[0]


@pytest.mark.parametrize(
    ("chances", "label"),
    [
        ((0.16,), Label.SUSPECT),
        ((0.5,), Label.CAUSE),
        ((0.3, 0.49), Label.SUSPECT),
        ((0.16, 0.9), Label.CAUSE),
        ((0.4, 0.9), Label.CAUSE),
    ],
)
def test_who_is_not_sure_enough_to_be_acted_on_is_called_a_suspect(
    storage_case: Case,
    with_answer: Callable[..., Case],
    chances: tuple[float, ...],
    label: Label,
) -> None:
    first = storage_case.answer.causes[0]
    second = Cause("h07", "Host", "overloaded", 0.7, {"overloaded": 0.7}, 1, (), (), 0)
    causes = tuple(
        replace(cause, posterior=chance)
        for cause, chance in zip((first, second), chances, strict=False)
    )
    both = Hypothesis(tuple(Fault(c.entity, c.mode) for c in causes), 0.1)
    report = build(with_answer(causes=causes, hypotheses=(both,)))
    told = [row for row in report.sections if row.label in BLAMING]
    assert [row.label for row in told] == [label]
    assert len(told[0].lines) == len(causes) + (len(causes) > 1)
    assert (told[0].tone is Tone.LOUD) == (label is Label.CAUSE)
    coming = next(row for row in report.sections if row.label is Label.NEXT)
    assert (coming.tone is Tone.WARNING) == (label is Label.SUSPECT)


def test_causes_that_look_alike_are_reported_as_one(
    storage_case: Case, with_answer: Callable[..., Case]
) -> None:
    cause = replace(storage_case.answer.causes[0], same_as=("stor1",))
    text = _text(with_answer(causes=(cause,)), Label.CAUSE)
    assert "looks exactly like: Host stor1" in text


def test_a_storm_is_folded_into_one_line_and_the_rest_is_counted(
    with_answer: Callable[..., Case],
) -> None:
    hits = tuple(Hit(f"vm-{n:02}", "down", 0.9, 1) for n in range(38))
    text = _text(with_answer(blast_radius=BlastRadius(next=hits)), Label.IMPACT)
    line = text.splitlines()[0]
    assert len(line) <= 91
    assert "and" in line
    assert line.endswith("more")


def test_full_detail_shows_every_path_and_every_name(storage_case: Case) -> None:
    assert _text(storage_case, Label.PATH, Detail.FULL).count("→") == 4
    assert not _text(storage_case, Label.PATH)


def test_an_entity_unknown_to_the_graph_breaks_nothing(
    with_answer: Callable[..., Case],
) -> None:
    ghost = Hit("ghost", "down", 0.5, 3)
    text = _text(with_answer(blast_radius=BlastRadius(next=(ghost,))), Label.IMPACT, Detail.FULL)
    assert text.startswith("next 1 thing down P .50")


def test_what_comes_next_is_one_line_with_the_look_and_the_repair(storage_case: Case) -> None:
    line = _text(storage_case, Label.NEXT).replace("\N{NO-BREAK SPACE}", " ")
    assert line == (
        "ssh stor1 journalctl -u nbd1 -n 20  (splits crash from upgrade); then by hand:"
        " restart export nbd1/vmstore, check signature nbd1/vmstore, resume guests db-02"
    )


def test_what_is_done_by_hand_says_so_once(storage_case: Case) -> None:
    assert storage_case.plan is not None
    fence = replace(storage_case.plan.steps[0], action="fence", actuator="notify", parameters={})
    case = replace(storage_case, plan=replace(storage_case.plan, steps=(fence,)))
    line = _text(case, Label.NEXT).replace("\N{NO-BREAK SPACE}", " ")
    assert line.endswith("then by hand: fence nbd1/vmstore")
    plan = _text(case, Label.PLAN).replace("\N{NO-BREAK SPACE}", " ")
    assert "a person: fence: nbd1/vmstore" in plan


def test_what_has_a_runbook_says_where_it_stands(storage_case: Case) -> None:
    assert storage_case.plan is not None
    plan = replace(storage_case.plan, runbook=("look at it",))
    line = _text(replace(storage_case, plan=plan), Label.NEXT).replace("\N{NO-BREAK SPACE}", " ")
    assert line.endswith(f"; where to begin: kgraph plan {plan.id}")


@pytest.mark.parametrize("origin", [Origin.BUNDLE, Origin.PAST])
def test_no_command_is_named_that_needs_a_plan_which_no_store_has(
    storage_case: Case, origin: Origin
) -> None:
    assert storage_case.plan is not None
    steps = tuple(replace(step, actor=Actor.KGRAPH) for step in storage_case.plan.steps)
    plan = replace(storage_case.plan, steps=steps, runbook=("look at it",))
    outside = replace(storage_case, plan=plan, origin=origin)
    line = _text(outside, Label.NEXT).replace("\N{NO-BREAK SPACE}", " ")
    assert "then by hand: restart" in line
    assert line.endswith("; where to begin: kgraph remedies show StorageExport.down")
    assert not _text(outside, Label.DO)


def test_a_look_that_comes_next_is_not_told_a_second_time(storage_case: Case) -> None:
    assert not _text(storage_case, Label.CHECK)
    assert "journalctl" in _text(storage_case, Label.CHECK, Detail.FULL)


def test_a_cause_that_nobody_has_seen_is_looked_at_before_it_is_repaired(
    storage_case: Case, with_answer: Callable[..., Case]
) -> None:
    case = with_answer(next_checks=())
    assert _text(case, Label.NEXT).startswith("by hand: ")  # a probe has seen it
    blind = replace(storage_case.answer.causes[0], entity="stor1", kind="Host")
    best = Hypothesis((Fault("stor1", "down"),), 0.9)
    unseen = with_answer(next_checks=(), causes=(blind,), hypotheses=(best,))
    assert _text(unseen, Label.NEXT).startswith("look at stor1 itself, since no probe does; then")


def test_without_a_cause_in_the_graph_the_next_thing_is_to_look_outside(
    with_answer: Callable[..., Case],
) -> None:
    outside = with_answer(abstained_because="nothing fits", next_checks=(), elsewhere=0.9)
    assert _text(outside, Label.NEXT).startswith("ask what changed that the graph does not hold")


def test_where_the_monitoring_is_blamed_a_look_at_what_it_tells_of_comes_second(
    with_answer: Callable[..., Case],
) -> None:
    blind = with_answer(abstained_because="it has failed", monitoring=0.9)
    (first, *_) = blind.answer.next_checks
    assert _text(blind, Label.NEXT).startswith("mend the monitoring first")
    assert first.command in _text(blind, Label.CHECK)


def test_without_a_remedy_the_next_thing_is_to_start_at_the_cause(
    with_answer: Callable[..., Case],
) -> None:
    case = replace(with_answer(next_checks=()), plan=None)
    assert _text(case, Label.NEXT) == (
        "no remedy in the catalogue fits: start at StorageExport nbd1/vmstore"
    )


def test_what_is_broken_besides_the_cause_is_no_rival_of_it(
    storage_case: Case, with_answer: Callable[..., Case]
) -> None:
    second = Cause("h07", "Host", "overloaded", 0.3, {"overloaded": 0.3}, 1, (), (), 0)
    export = Fault("export", "down")
    sets = (
        Hypothesis((export,), 0.6),
        Hypothesis((export, Fault("h07", "overloaded")), 0.3),
        Hypothesis((Fault("stor1", "down"),), 0.03),
    )
    case = with_answer(causes=(*storage_case.answer.causes, second), hypotheses=sets)
    assert _text(case, Label.ELSE).splitlines() == [
        "Host stor1 down .03 · outside the graph .02 · monitoring failed < .01",
        "besides it: Host h07 overloaded .30",
        "looked at and well: host h12",
    ]


def test_what_only_one_victim_needs_or_nobody_looked_at_is_not_called_well(
    storage_case: Case,
) -> None:
    rows = [r for r in storage_case.incident.observations if r.entity not in {"h07", "web-07"}]
    case = replace(storage_case, incident=replace(storage_case.incident, observations=tuple(rows)))
    assert "looked at and well" not in _text(case, Label.ELSE)


def test_who_was_spared_in_several_ways_is_told_once(
    storage_case: Case, with_answer: Callable[..., Case]
) -> None:
    cause = storage_case.answer.causes[0]
    rows = [w.observation for w in cause.contradicting]
    spared = tuple(Witness(replace(r, signal=s), -0.2) for r in rows for s in ("down", "hung"))
    text = _text(with_answer(causes=(replace(cause, contradicting=spared),)), Label.AGAINST)
    assert text == "2 hosts not down nor hung: h07 h12"


@pytest.mark.parametrize("label", [Label.FOR, Label.AGAINST])
def test_signals_that_say_the_same_of_a_thing_are_one_line(
    storage_case: Case, with_answer: Callable[..., Case], label: Label
) -> None:
    cause = storage_case.answer.causes[0]
    side = "supporting" if label is Label.FOR else "contradicting"
    row = getattr(cause, side)[0].observation
    told = tuple(Witness(replace(row, signal=s), -0.2) for s in ("errors", "availability"))
    emptied = replace(cause, supporting=(), contradicting=())
    text = _text(with_answer(causes=(replace(emptied, **{side: told}),)), label)
    assert text.count("failing") == 1


def test_witnesses_that_find_no_room_are_counted(
    storage_case: Case, with_answer: Callable[..., Case]
) -> None:
    cause = storage_case.answer.causes[0]
    row = cause.supporting[0].observation
    said = tuple(
        Witness(replace(row, signal=signal), 1.0)
        for signal in ("errors", "latency", "expired", "cpu", "memory")
    )
    spared = tuple(
        Witness(replace(row, entity=entity, state=State.HEALTHY), -0.2)
        for entity in ("h07", "nbd2", "vm-00")
    )
    case = with_answer(causes=(replace(cause, supporting=said, contradicting=spared),))
    for label, room, more in ((Label.FOR, 3, "2 more signs"), (Label.AGAINST, 2, "1 more sign")):
        lines = _text(case, label).splitlines()
        assert len(lines) == room
        assert lines[-1].endswith(f" · {more}")
        assert "more sign" not in _text(case, label, Detail.FULL)


def test_an_incident_without_a_name_has_no_gap_where_it_would_be(storage_case: Case) -> None:
    assert build(replace(storage_case, id="")).headline.startswith("03:07:14Z")


def test_steps_that_are_alike_are_told_once_with_all_their_numbers(storage_case: Case) -> None:
    plan = storage_case.plan
    assert plan is not None
    more = tuple(replace(plan.steps[-1], entity=vm) for vm in ("web-03", "web-04"))
    text = _text(
        replace(storage_case, plan=replace(plan, steps=(*plan.steps, *more))),
        Label.PLAN,
        Detail.FULL,
    )
    assert "3-5 resume guests db-02 web-03 web-04" in text


def test_who_is_not_sure_looks_and_repairs_nothing(
    storage_case: Case, with_answer: Callable[..., Case]
) -> None:
    unsure = replace(storage_case.answer.causes[0], posterior=0.4)
    assert "by hand" not in _text(with_answer(causes=(unsure,)), Label.NEXT)
    blind = _text(
        with_answer(causes=(unsure,), next_checks=()),
        Label.NEXT,
    )
    assert blind == "no suspect is sure enough to be repaired: compare those under ELSE"


def test_a_check_of_something_else_waits_until_a_certain_cause_is_repaired(
    storage_case: Case, with_answer: Callable[..., Case]
) -> None:
    check = replace(storage_case.answer.next_checks[0], entity="web-03", command="virsh domstate")
    case = with_answer(next_checks=(check,))
    assert _text(case, Label.NEXT).startswith("by hand: ")
    assert "virsh domstate" in _text(case, Label.CHECK)
    doubtful = replace(storage_case.answer.causes[0], posterior=0.8)
    unsure = with_answer(next_checks=(check,), causes=(doubtful,))
    assert (
        _text(unsure, Label.NEXT)
        .replace("\N{NO-BREAK SPACE}", " ")
        .startswith("on h07: virsh domstate")
    )


def test_a_command_that_goes_over_the_network_may_be_typed_anywhere(
    storage_case: Case, with_answer: Callable[..., Case]
) -> None:
    check = replace(
        storage_case.answer.next_checks[0], entity="web-03", command="ping -c 3 web-03"
    )
    assert "on h07" not in _text(with_answer(next_checks=(check,)), Label.CHECK)


def test_what_is_typed_on_a_machine_that_is_down_is_typed_at_its_console(
    storage_case: Case, with_answer: Callable[..., Case]
) -> None:
    check = replace(storage_case.answer.next_checks[0], entity="web-03", command="virsh domstate")
    host = replace(storage_case.answer.causes[0], entity="h07", kind="Host")
    for mode, said in (("down", "on h07, at its console: virsh"), ("overloaded", "on h07: virsh")):
        best = Hypothesis((Fault("h07", mode),), 0.97)
        case = with_answer(causes=(host,), hypotheses=(best,), next_checks=(check,))
        assert _text(case, Label.CHECK, Detail.FULL).startswith(said)


def test_the_commands_to_go_on_with_are_no_pipe(storage_case: Case) -> None:
    """Who copies the whole line must not carry out the first of them by the way."""
    told = _text(storage_case, Label.DO).replace("\N{NO-BREAK SPACE}", " ")
    assert "kgraph investigate --verbose · kgraph impact " in told
    assert "|" not in told


@pytest.mark.parametrize(
    ("name", "typed"),
    [("nbd1/vmstore", "nbd1/vmstore"), ("it's", "'it'\"'\"'s'"), ("-x", "-- -x")],
)
def test_a_name_is_typed_so_that_a_shell_and_we_take_it_for_one(
    storage_case: Case, name: str, typed: str
) -> None:
    blamed = storage_case.answer.causes[0].entity
    entities = tuple(
        replace(row, name=name) if row.uid == blamed else row
        for row in storage_case.incident.entities
    )
    case = replace(storage_case, incident=replace(storage_case.incident, entities=entities))
    told = _text(case, Label.DO).replace("\N{NO-BREAK SPACE}", " ")
    assert f"kgraph impact {typed} · kgraph graph show {typed}" in told
