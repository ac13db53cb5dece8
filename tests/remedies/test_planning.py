"""Plans: the cause once, then what it left behind; nothing where nothing is sure."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from kgraph.schema import (
    KINDS,
    Actor,
    Answer,
    BlastRadius,
    Cause,
    Entity,
    Fault,
    Hit,
    Hypothesis,
    Incident,
    Key,
    Observation,
    Plan,
    Relation,
    Risk,
    Role,
    Scalar,
    State,
    kind_of,
)
from kgraph.schema.yaml_files import shipped_files
from remedies import LOG, NBD, Endpoint, Select, load_catalogue, plan_for, renamed
from remedies.execution.tasks import message_of
from remedies.means import means_for
from remedies.planning import GUESSING
from remedies.remedy import Catalogue, compose
from remedies.surroundings import Surroundings

UUID = "00000000-0000-4000-8000-00000000000{}"
GUESTS = Endpoint("guests", "libvirt", Select(kind="VirtualMachine"))
STORE = Endpoint("store", "systemd", Select(name="nbd*"), unit="nbd1.service")
ALL = (GUESTS, STORE, LOG, NBD)
BASELINE: dict[str, Scalar] = {
    "protocol": "nbd",
    "serverAddress": "10.0.0.5",
    "port": 10809,
    "exportName": "vmstore",
    "sizeBytes": 1 << 30,
    "signature": "abc",
}
CATALOGUE = load_catalogue()


def guest(number: int, **labels: str) -> Entity:
    keys = (Key("vmUuid", UUID.format(number)),)
    return Entity(f"v{number}", "VirtualMachine", f"web-{number}", keys, labels)


ENTITIES = {
    "x": Entity("x", "StorageExport", "nbd1", props=BASELINE, watched=("down",)),
    "h": Entity("h", "Host", "h1"),
    "probe": Entity("probe", "Probe", "libvirt", props={"uri": "qemu:///system"}),
    "v1": guest(1),
    "v2": guest(2),
    "v3": guest(3),
    "s": Entity("s", "Service", "shop"),
    "p": Entity("p", "StoragePool", "vmpool", (Key("poolUuid", "host/u-1"),), watched=("full",)),
}
RELATIONS = (
    Relation("h", "WATCHED_BY", "probe", source="libvirt"),
    *(Relation(v, "RUNS_ON", "h", source="libvirt") for v in ("v1", "v2", "v3")),
    *(Relation(v, "STORED_ON", "x", source="libvirt") for v in ("v1", "v2", "v3")),
    Relation("p", "USES", "h", source="libvirt"),
    Relation("s", "RUNS_ON", "v2"),
)


def seen(entity: str, signal: str, state: State = State.ABNORMAL) -> Observation:
    return Observation(entity, signal, state)


PAUSED = tuple(seen(v, "paused") for v in ("v1", "v2"))


def incident(*rows: Observation, entities: dict[str, Entity] | None = None) -> Incident:
    return Incident("i", tuple((entities or ENTITIES).values()), RELATIONS, rows or PAUSED)


def test_guests_that_wait_for_a_hung_export_are_resumed_once_it_is_restarted() -> None:
    """They pause when the old connection breaks: when the plan is made, none has."""
    waiting = tuple(Hit(v, "stalled", 0.9, 1) for v in ("v1", "v2"))
    asked = replace(answer("x", "hung"), blast_radius=BlastRadius((), waiting))
    plan = plan_for(asked, incident(seen("x", "hung")), CATALOGUE, ALL)
    assert plan is not None
    assert [(step.action, step.entity) for step in plan.steps] == [
        ("force_restart", "x"),
        ("check", "x"),
        ("resume", "v2"),  # a shop is on it
        ("resume", "v1"),
    ]
    assert (plan.steps[0].inverse, plan.steps[0].undo_if) == ("stop", ("check",))


def test_that_it_is_stopped_takes_nothing_back_of_a_service_that_ran() -> None:
    (step,) = (one for one in planned(answer("s", "failing")).steps if one.entity == "s")
    assert (step.action, step.inverse, step.undo_effect) == ("force_restart", "", "")


def answer(
    entity: str, mode: str, posterior: float = 0.9, *, abstained: str = "", hits: str = ""
) -> Answer:
    kind = ENTITIES[entity].kind
    cause = Cause(entity, kind, mode, posterior, {mode: posterior}, 3, (), (), 0)
    now = tuple(Hit(v, "paused_io_error", 0.9, 1) for v in hits.split())
    return Answer("i", (cause,), (), (), BlastRadius(now), (), 0.0, 0.0, "m", abstained)


def planned(
    chosen: Answer, asked: Incident | None = None, ways: tuple[Endpoint, ...] = ALL
) -> Plan:
    plan = plan_for(chosen, asked or incident(), CATALOGUE, ways)
    assert plan is not None
    return plan


def told(plan: Plan) -> list[tuple[str, str, Actor]]:
    return [(step.action, step.entity, step.actor) for step in plan.steps]


def test_a_dead_export_is_restarted_and_checked_before_its_guests_are_resumed() -> None:
    plan = planned(answer("x", "down"))
    assert told(plan) == [
        ("restart", "x", Actor.KGRAPH),
        ("check", "x", Actor.KGRAPH),
        ("resume", "v2", Actor.KGRAPH),  # a service needs it
        ("resume", "v1", Actor.KGRAPH),
    ]
    assert plan.executable
    assert plan.risk is Risk.LOW
    assert any("fencing" in line for line in plan.refused)
    assert set(plan.symptoms) == {("v1", "paused"), ("v2", "paused")}


def test_what_a_hook_is_not_told_to_take_back_is_not_said_to_be() -> None:
    for actions, undo in (({"restart"}, ()), ({"restart", "stop"}, ("check",))):
        site = Endpoint("site", "hook", actions=frozenset(actions))
        restart = planned(answer("x", "down"), ways=(GUESTS, site, LOG, NBD)).steps[0]
        assert (restart.endpoint, restart.undo_if) == ("site", undo)


@pytest.mark.parametrize("mode", ["degraded", "overloaded"])
def test_symptoms_stay_away_for_as_long_as_what_is_done_to_each_guest_asks(mode: str) -> None:
    assert planned(answer("h", mode)).settle == CATALOGUE.actions["migrate"].settle


def test_what_a_site_does_has_not_helped_by_one_reading_without_symptoms() -> None:
    entities = ENTITIES | {"c": Entity("c", "ConfigItem", "haproxy.cfg")}
    cause = Cause("c", "ConfigItem", "changed", 0.9, {"changed": 0.9}, 3, (), (), 0)
    asked = replace(answer("x", "down"), causes=(cause,))
    site = Endpoint("site", "hook", actions=frozenset({"restore"}))
    assert CATALOGUE.actions["restore"].settle == timedelta(0)
    assert planned(asked, incident(entities=entities), (site, LOG)).settle == timedelta(minutes=1)
    assert planned(asked, incident(entities=entities), (LOG,)).settle == timedelta(0)


def test_a_step_is_done_to_no_more_than_it_says() -> None:
    text = (
        "format: kgraph.remedies/v1\n"
        "remedies: [{for: [StorageExport.down], steps: [{action: restart, why: w},"
        " {action: resume, of: VirtualMachine.paused_io_error, most: 1, why: one first}]}]"
    )
    own = compose((*shipped_files("remedies", "catalogue"), ("own", text)))
    plan = plan_for(answer("x", "down"), incident(), own, ALL)
    assert plan is not None
    assert [step.entity for step in plan.steps if step.action == "resume"] == ["v2"]


def test_victims_are_those_that_are_predicted_and_those_that_are_seen() -> None:
    plan = planned(answer("x", "down", hits="v3 s"))
    assert {step.entity for step in plan.steps if step.role is Role.VICTIM} == {"v1", "v2", "v3"}


def test_a_guest_that_is_paused_behind_something_else_is_no_victim() -> None:
    relations = tuple(r for r in RELATIONS if (r.dependent, r.type) != ("v1", "STORED_ON"))
    plan = planned(answer("x", "down"), replace(incident(), relations=relations))
    assert "v1" not in {step.entity for step in plan.steps}


def test_the_important_come_first() -> None:
    entities = ENTITIES | {"v1": guest(1, importance="critical")}
    plan = planned(answer("x", "down"), incident(entities=entities))
    assert [s.entity for s in plan.steps if s.action == "resume"] == ["v1", "v2"]


def test_each_step_knows_its_endpoint_and_what_its_actuator_must_know() -> None:
    restart, check, resume, _ = planned(answer("x", "down")).steps
    assert (restart.endpoint, restart.parameters) == ("store", {"unit": "nbd1.service"})
    assert (check.endpoint, check.parameters["signature"]) == ("nbd", "abc")
    assert check.parameters["sizeBytes"] == str(1 << 30)
    assert resume.parameters == {"uuid": UUID.format(2), "uri": "qemu:///system"}
    assert (restart.undo_if, restart.inverse, restart.undo_effect) == (
        ("check",),
        "stop",
        "inactive",
    )


def test_without_an_endpoint_a_plan_suggests_only_and_says_why() -> None:
    plan = planned(answer("x", "down"), ways=(LOG,))
    assert {step.actor for step in plan.steps} == {Actor.NOBODY}
    assert plan.steps[0].unable == "no way to act: no systemd endpoint selects it"
    assert not plan.executable


def test_without_a_baseline_nothing_resumes_so_nothing_begins() -> None:
    entities = ENTITIES | {"x": Entity("x", "StorageExport", "nbd1", props={"protocol": "nbd"})}
    plan = planned(answer("x", "down"), incident(entities=entities))
    assert plan.steps[1].actor is Actor.NOBODY
    assert not plan.executable


@pytest.mark.parametrize(
    ("entity", "why"),
    [
        (Entity("v1", "VirtualMachine", "web-1"), "its UUID is not known"),
        (
            Entity("v1", "VirtualMachine", "web-1", (Key("vmUuid", "a"), Key("vmUuid", "b"))),
            "several UUIDs",
        ),
    ],
)
def test_a_guest_without_one_uuid_is_not_acted_on(entity: Entity, why: str) -> None:
    asked = incident(seen("v1", "down"), entities=ENTITIES | {"v1": entity})
    (step,) = planned(answer("v1", "down"), asked).steps
    assert step.actor is Actor.NOBODY
    assert why in step.unable


def test_a_guest_on_two_hosts_at_once_is_not_acted_on_by_guessing() -> None:
    entities = ENTITIES | {
        "h2": Entity("h2", "Host", "h2"),
        "probe2": Entity("probe2", "Probe", "p2", props={"uri": "qemu+ssh://h2/system"}),
    }
    more = (Relation("v1", "RUNS_ON", "h2"), Relation("h2", "WATCHED_BY", "probe2"))
    asked = incident(seen("v1", "down"), entities=entities)
    (step,) = planned(answer("v1", "down"), replace(asked, relations=(*RELATIONS, *more))).steps
    assert "nothing says which libvirt connection" in step.unable


def test_the_first_endpoint_that_selects_an_entity_acts_on_it() -> None:
    own = Endpoint("own", "libvirt", Select(labels={"tier": "gold"}), uri="qemu+ssh://gold/system")
    entities = ENTITIES | {"v1": guest(1, tier="gold")}
    plan = planned(answer("x", "down"), incident(entities=entities), (own, *ALL))
    by_guest = {s.entity: s for s in plan.steps if s.action == "resume"}
    assert by_guest["v1"].parameters["uri"] == "qemu+ssh://gold/system"
    assert by_guest["v2"].endpoint == "guests"


def test_a_source_selects_what_it_speaks_of() -> None:
    ways = (Endpoint("lv", "libvirt", Select(source="libvirt")), LOG)
    (step,) = planned(answer("v1", "down"), incident(seen("v1", "down")), ways).steps
    assert step.endpoint == "lv"
    ways = (Endpoint("lv", "libvirt", Select(source="cmdb")), LOG)
    (step,) = planned(answer("v1", "down"), incident(seen("v1", "down")), ways).steps
    assert step.actor is Actor.NOBODY


def test_for_a_full_pool_a_person_is_asked_and_waited_for() -> None:
    pool = Endpoint("pools", "libvirt", Select(kind="StoragePool"))
    asked = replace(
        incident(seen("p", "full"), seen("v1", "paused")),
        relations=(*RELATIONS, Relation("v1", "STORED_ON", "p")),
    )
    plan = planned(answer("p", "full"), asked, (pool, *ALL))
    ask, resume = plan.steps
    assert (ask.actor, ask.awaits, ask.endpoint) == (Actor.PERSON, (("p", "full"),), "log")
    assert ask.parameters == {
        "what": "make room",
        "pool": "u-1",
        "uri": "qemu:///system",
        "through": "pools",
    }
    assert (resume.action, resume.entity) == ("resume", "v1")
    assert plan.executable


def test_what_nobody_looks_at_is_not_waited_for() -> None:
    entities = ENTITIES | {"p": Entity("p", "StoragePool", "vmpool")}
    plan = planned(answer("p", "full"), incident(entities=entities))
    assert plan.steps[0].actor is Actor.NOBODY
    assert not plan.executable


def test_guests_that_stay_paused_after_their_cause_went_away_are_resumed_together() -> None:
    first = answer("v1", "paused_io_error")
    both = (Fault("v1", "paused_io_error"), Fault("v2", "paused_io_error"))
    left = replace(first, hypotheses=(Hypothesis(both, 0.9),))
    plan = planned(left, incident(*PAUSED, seen("x", "down", State.HEALTHY)))
    assert [(s.action, s.entity) for s in plan.steps] == [
        ("check", "x"),
        ("resume", "v2"),
        ("resume", "v1"),
    ]
    assert plan.because == "left behind by StorageExport nbd1, which is well again"
    assert [step.role for step in plan.steps] == [Role.CAUSE, Role.VICTIM, Role.VICTIM]


@pytest.mark.parametrize(
    "unsure",
    [answer("x", "down", 0.49), answer("x", "down", abstained="the monitoring failed")],
)
def test_nothing_is_planned_where_nothing_is_sure(unsure: Answer) -> None:
    assert plan_for(unsure, incident(), CATALOGUE, ALL) is None


def test_a_fault_without_a_remedy_goes_to_a_person() -> None:
    plan = plan_for(answer("s", "slow"), incident(), Catalogue(CATALOGUE.actions, {}), ALL)
    assert plan is not None
    assert told(plan) == [("notify", "s", Actor.KGRAPH)]
    assert plan.risk is Risk.NONE
    assert not plan.executable


def test_nobody_is_asked_to_fence_a_host_on_which_no_guest_is_left() -> None:
    """Its power is taken so that guests may start elsewhere: a storage server has none."""
    asked = Incident("i", (ENTITIES["h"],), (), (seen("h", "down"),))
    plan = planned(answer("h", "down"), asked)
    assert told(plan) == [("notify", "h", Actor.KGRAPH)]
    assert plan.risk is Risk.NONE
    assert any("console" in line for line in plan.runbook)
    assert told(planned(answer("h", "down")))[0][:2] == ("fence", "h")


def test_whatever_fails_in_whatever_way_a_plan_says_something_useful() -> None:
    for kind in (*KINDS.values(), kind_of("Spaceship")):
        thing = Entity("e", kind.name, "it")
        for mode in kind.modes:
            blamed = Cause("e", kind.name, mode, 0.9, {mode: 0.9}, 1, (), (), 0)
            asked = Incident("i", (thing,), (), (seen("e", mode),))
            answer = Answer("i", (blamed,), (), (), BlastRadius(), (), 0.0, 0.0, "m", "")
            plan = plan_for(answer, asked, CATALOGUE, ALL)
            assert plan is not None
            assert plan.steps, (kind.name, mode)
            assert plan.refused != (GUESSING,), (kind.name, mode)
            # Whoever is only told or asked hears where to begin, or what is to be done.
            hands = {step.parameters.get("what", "") for step in plan.steps}
            vague = hands == {""} and {step.action for step in plan.steps} == {"notify"}
            assert plan.runbook or not vague, (kind.name, mode)


def test_what_has_no_safe_repair_comes_with_a_runbook() -> None:
    plan = planned(answer("s", "slow"))
    assert [step.action for step in plan.steps] == ["ask"]
    assert not plan.executable
    assert plan.runbook == CATALOGUE.remedies["Service", "slow"].runbook
    # Whoever is told hears where to begin, too.
    told = message_of(plan, plan.steps[0])
    assert told.endswith(f"; first: {plan.runbook[0]}")


def test_a_snapshot_is_taken_before_a_reset_where_a_site_brings_a_way_to() -> None:
    hung = incident(seen("v1", "hung"))
    assert [s.action for s in planned(answer("v1", "hung"), hung).steps] == ["reset"]
    brings = Endpoint("site", "hook", actions=frozenset({"snapshot"}))
    plan = planned(answer("v1", "hung"), hung, (*ALL, brings))
    assert [(s.action, s.endpoint) for s in plan.steps] == [
        ("snapshot", "site"),
        ("reset", "guests"),
    ]
    # The reset waits for it: a snapshot that could not be taken is a reset that is not done.
    assert plan.steps[0].role is Role.CAUSE
    assert plan.executable


def test_each_step_says_what_it_could_hurt() -> None:
    plan = planned(answer("x", "down", hits="v2"))
    reach = {(step.action, step.entity): step.reach for step in plan.steps}
    assert set(reach["restart", "x"]) == {"x", "v1", "v2", "v3", "s"}
    assert reach["check", "x"] == ()  # it only looks
    assert reach["resume", "v2"] == ("v2", "s")


def test_whoever_depends_on_what_is_treated_is_in_reach() -> None:
    assert planned(answer("x", "down")).reach == ("s", "v1", "v2", "v3", "x")


def test_the_same_question_gives_the_same_plan_and_another_incident_another_id() -> None:
    plan = planned(answer("x", "down"))
    assert plan == planned(answer("x", "down"))
    other = renamed(plan, "INC-0007")
    assert other.id != plan.id
    assert renamed(other, "i") == plan


def network_plan(*, lost: bool, endpoint: Endpoint) -> Plan:
    """The plan for a network that is down, through an endpoint for networks."""
    told: dict[str, Scalar] = {"defined": False} if lost else {}
    network = Entity("n", "Network", "default", (Key("networkUuid", "smbios-1/u-2"),), props=told)
    blamed = Cause("n", "Network", "down", 0.9, {"down": 0.9}, 1, (), (), 0)
    answer = Answer("INC-1", (blamed,), (), (), BlastRadius(), (), 0.0, 0.0, "m", "")
    incident = Incident(
        "INC-1",
        (network, ENTITIES["h"], ENTITIES["probe"]),
        (Relation("n", "USES", "h"), Relation("h", "WATCHED_BY", "probe")),
        (Observation("n", "down", State.ABNORMAL),),
    )
    plan = plan_for(answer, incident, CATALOGUE, (endpoint, LOG))
    assert plan is not None
    return plan


def test_a_network_is_defined_again_only_where_its_host_has_lost_it() -> None:
    keeps = Endpoint("networks", "libvirt", Select(kind="Network"), defines=True)
    plan = network_plan(lost=True, endpoint=keeps)
    assert [(s.action, s.inverse, s.undo_effect) for s in plan.steps] == [
        ("define", "undefine", "undefined"),
        ("activate", "deactivate", "inactive"),
    ]
    assert plan.steps[0].parameters == {
        "network": "u-2",
        "uri": "qemu:///system",
        "host": "smbios-1",
    }
    assert plan.executable
    (start,) = network_plan(lost=False, endpoint=keeps).steps
    assert (start.action, start.parameters) == (
        "activate",
        {"network": "u-2", "uri": "qemu:///system"},
    )
    # A connection of its own may lead to another host, which has one of the same UUID.
    own = replace(keeps, uri="qemu+ssh://h9/system")
    (start,) = network_plan(lost=False, endpoint=own).steps
    assert start.parameters["host"] == "smbios-1"
    # Where no definitions are kept, nothing can be defined as it was.
    forgets = Endpoint("networks", "libvirt", Select(kind="Network"))
    step = network_plan(lost=True, endpoint=forgets).steps[0]
    assert (step.actor, step.actuator) == (Actor.NOBODY, "notify")
    assert step.unable.startswith("a person:")


def test_an_nfs_server_reads_its_exports_anew_before_anything_resumes() -> None:
    nfs = replace(ENTITIES["x"], props=BASELINE | {"protocol": "nfs", "port": 2049})
    entities = tuple(nfs if each.uid == "x" else each for each in ENTITIES.values())
    blamed = Cause("x", "StorageExport", "down", 0.9, {"down": 0.9}, 1, (), (), 0)
    answer = Answer("INC-1", (blamed,), (), (), BlastRadius(), (), 0.0, 0.0, "m", "")
    incident = Incident("INC-1", entities, (), (Observation("x", "down", State.ABNORMAL),))
    plan = plan_for(answer, incident, CATALOGUE, ALL)
    assert plan is not None
    assert [s.action for s in plan.steps] == ["restart", "reload", "check"]
    assert plan.executable


def test_a_switch_that_names_another_hosts_connection_is_not_that_hosts() -> None:
    """Two sites have an `h1`; the switch of the one must not be taken for that of the other."""
    host, probe = Entity("h1", "Host", "h1"), Entity("p", "Probe", props={"uri": "qemu+ssh://b/"})
    watched = Relation("h1", "WATCHED_BY", "p")
    around = Surroundings.of(Incident("i", (host, probe), (watched,)))
    fence = load_catalogue().actions["fence"]
    ours = Endpoint("power-h1", "power", Select(name="h1"), uri="qemu+ssh://b/")
    theirs = replace(ours, uri="qemu+ssh://a/")
    assert means_for(fence, host, around, [ours]).parameters == {"uri": "qemu+ssh://b/"}
    other = means_for(fence, host, around, [theirs])
    assert (other.actor, "switches the host behind qemu+ssh://a/" in other.unable) == (
        Actor.NOBODY,
        True,
    )


def test_of_two_hosts_of_one_name_each_is_fenced_through_its_own_switch() -> None:
    """Whichever switch comes first, and through however many connections it is read."""
    host = Entity("h1", "Host", "h1")
    probes = [Entity(f"p{n}", "Probe", props={"uri": f"qemu+{n}://b/"}) for n in ("ssh", "tls")]
    watched = [Relation("h1", "WATCHED_BY", probe.uid) for probe in probes]
    around = Surroundings.of(Incident("i", (host, *probes), tuple(watched)))
    fence = load_catalogue().actions["fence"]
    unsaid = Endpoint("any", "power", Select(name="h1"))
    theirs = replace(unsaid, name="a", uri="qemu+ssh://a/")
    for uri in ("qemu+ssh://b/", "qemu+tls://b/"):
        found = means_for(
            fence, host, around, [theirs, unsaid, replace(unsaid, name="b", uri=uri)]
        )
        assert (found.actor, found.endpoint, found.parameters) == (Actor.KGRAPH, "b", {"uri": uri})
    assert means_for(fence, host, around, [theirs, unsaid]).endpoint == "any"


@pytest.mark.parametrize(
    ("select", "theirs", "why"),
    [
        (Select(kind="ServiceInstance"), "web.service", "selects ServiceInstance h2/web.service"),
        (Select(name="h1/*"), "web.service", ""),
        (Select(kind="ServiceInstance"), "", ""),
        (Select(kind="ServiceInstance"), "mail.service", ""),
    ],
)
def test_a_unit_of_one_machine_is_not_that_of_another(
    select: Select, theirs: str, why: str
) -> None:
    """Where the web server of h2 fails, that of h1 would be restarted."""
    units = [
        Entity("a", "ServiceInstance", "h1/web.service", props={"unit": "web.service"}),
        Entity("b", "ServiceInstance", f"h2/{theirs}", props={"unit": theirs} if theirs else {}),
    ]
    around = Surroundings.of(Incident("i", tuple(units)))
    way = Endpoint("web", "systemd", select, unit="web.service")
    found = means_for(CATALOGUE.actions["force_restart"], units[0], around, [way])
    assert why in found.unable
    assert (found.actor is Actor.NOBODY) is bool(why)


def test_a_unit_is_not_restarted_by_the_endpoint_of_another_one() -> None:
    unit = Entity("a", "ServiceInstance", "h1/mail.service", props={"unit": "mail.service"})
    around = Surroundings.of(Incident("i", (unit,)))
    way = Endpoint("web", "systemd", Select(kind="ServiceInstance"), unit="web.service")
    found = means_for(CATALOGUE.actions["force_restart"], unit, around, [way])
    assert found.unable == "no way to act: web acts on web.service, and this is mail.service"


def test_of_two_services_of_one_name_none_is_restarted_by_a_switch_for_either() -> None:
    pair = [Entity(uid, "Service", "shop", labels={"site": uid}) for uid in ("a", "b")]
    around = Surroundings.of(Incident("i", tuple(pair)))
    action = CATALOGUE.actions["force_restart"]
    both = Endpoint("shop", "systemd", Select(name="shop"), unit="shop.service")
    assert "selects Service shop, too" in means_for(action, pair[0], around, [both]).unable
    one = replace(both, select=Select(name="shop", labels={"site": "a"}))
    assert means_for(action, pair[0], around, [one]).actor is Actor.KGRAPH


def test_a_hook_is_not_told_one_of_several_uuids() -> None:
    site = Endpoint("site", "hook", actions=frozenset({"snapshot"}))
    around, action = Surroundings.of(incident()), CATALOGUE.actions["snapshot"]
    assert means_for(action, ENTITIES["v1"], around, [site]).actor is Actor.KGRAPH
    both = replace(ENTITIES["v1"], keys=(*ENTITIES["v1"].keys, *ENTITIES["v2"].keys))
    means = means_for(action, both, around, [site])
    assert (means.actor, means.unable) == (Actor.NOBODY, "no way to act: it has several UUIDs")


@pytest.mark.parametrize("uuid", ["00000000-0000-0000-0000-000000000000", ""])
def test_a_placeholder_is_no_uuid_to_act_by(uuid: str) -> None:
    around = Surroundings.of(incident())
    nobody = replace(ENTITIES["v1"], keys=(Key("vmUuid", uuid),))
    means = means_for(CATALOGUE.actions["resume"], nobody, around, [GUESTS])
    assert means.unable == "no way to act: its UUID is not known"
    site = Endpoint("site", "hook", actions=frozenset({"snapshot"}))
    told = means_for(CATALOGUE.actions["snapshot"], nobody, around, [site]).parameters
    assert told == {"kind": "VirtualMachine", "name": "web-1"}


def test_what_openstack_places_is_not_moved_behind_its_back() -> None:
    """Nova would start it a second time where it believes it to be."""
    moves = replace(GUESTS, moves=True, defines=True)
    site = Endpoint("site", "hook", actions=frozenset({"start_elsewhere"}))
    action, server = CATALOGUE.actions["start_elsewhere"], ENTITIES["v1"]
    around = Surroundings.of(incident())
    assert means_for(action, server, around, [moves, site]).endpoint == "guests"
    told = Relation("v1", "RUNS_ON", "h", source="openstack")
    around = Surroundings.of(replace(incident(), relations=(*RELATIONS, told)))
    assert means_for(action, server, around, [moves, site]).endpoint == "site"
    assert means_for(action, server, around, [moves]).actor is Actor.PERSON
    resume = means_for(CATALOGUE.actions["resume"], server, around, [moves])
    assert resume.actor is Actor.KGRAPH
