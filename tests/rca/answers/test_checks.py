from __future__ import annotations

import shlex
from collections.abc import Callable
from dataclasses import replace
from importlib import import_module

import pytest

import rca
from kgraph.schema import Answer, Incident
from kgraph.topology import build
from rca.rules.model import Model

Ask = Callable[[str], Answer]
Incidents = Callable[[str], Incident]

# Guests of one host, on one pool: both explain the alarms, and nobody looked at either.
DOUBT = """
    Host: h1
    StoragePool: p
    VirtualMachine: v[0-3]
    v* RUNS_ON h1
    v* STORED_ON p
    v* abnormal: down
"""

# Services of one pod, and the volume of that.
POD = """
    Pod: p
    Volume: vol
    Service: s[0-1]
    p STORED_ON vol
    s* RUNS_ON p
    s* abnormal: errors
"""


def test_the_next_check_would_tell_the_two_leading_causes_apart(ask: Ask) -> None:
    answer = ask(DOUBT)
    leading = {cause.entity for cause in answer.causes[:2]}
    assert leading == {"h1", "p"}
    best = answer.next_checks[0]
    assert best.entity in leading
    assert all(name in best.splits for name in leading)


def test_the_answer_of_the_check_settles_it(ask: Ask) -> None:
    best = ask(DOUBT).next_checks[0]
    before = {cause.entity: cause.posterior for cause in ask(DOUBT).causes}[best.entity]
    bad = ask(f"{DOUBT}\n {best.entity} abnormal: {best.signal}")
    well = ask(f"{DOUBT}\n {best.entity} healthy: {best.signal}")
    assert {c.entity: c.posterior for c in bad.causes}[best.entity] > max(0.95, before)
    assert {c.entity: c.posterior for c in well.causes}[best.entity] < before


def test_what_was_looked_at_already_is_not_asked_again(ask: Ask) -> None:
    best = ask(DOUBT).next_checks[0]
    after = ask(f"{DOUBT}\n {best.entity} healthy: {best.signal}")
    assert (best.entity, best.signal) not in {(c.entity, c.signal) for c in after.next_checks}


def test_checks_come_best_first_and_no_command_twice(incident: Incidents, model: Model) -> None:
    doubt = incident(f"{DOUBT}\n Probe: w\n h1 WATCHED_BY w")
    checks = rca.investigate(_read_by("libvirt/h1", doubt), model).next_checks
    assert 1 < len(checks) <= 3
    assert [c.gain for c in checks] == sorted((c.gain for c in checks), reverse=True)
    assert all(c.gain > 0 for c in checks)
    assert len({c.command for c in checks}) == len(checks)


def test_checks_are_the_same_however_effects_are_walked(
    ask: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    one_by_one = ask(DOUBT).next_checks
    monkeypatch.setattr(import_module("rca.answers.checks"), "FEW", -1)
    at_once = ask(DOUBT).next_checks
    assert [replace(c, gain=0.0) for c in at_once] == [replace(c, gain=0.0) for c in one_by_one]
    assert [c.gain for c in at_once] == pytest.approx([c.gain for c in one_by_one])


def test_who_is_at_fault_is_asked_before_how(ask: Ask) -> None:
    answer = ask("""
        Service: s t
        Database: a b
        s t CALLS a b
        s t abnormal: latency
        a abnormal: saturation
    """)
    assert answer.next_checks
    for check in answer.next_checks:
        speaks, against = check.splits.split(" from ")
        assert speaks.split()[0] != against.split()[0]


def test_what_a_check_tells_apart_is_said_in_words(ask: Ask) -> None:
    answer = ask("""
        Host: h k
        VirtualMachine: v w
        Database: d
        Service: s
        v RUNS_ON h
        w RUNS_ON k
        d RUNS_ON v
        s CALLS d
        v abnormal: disk
        d abnormal: anomaly
        s abnormal: latency
        h k v w healthy: down
        h k healthy: cpu
    """)
    said = [check.splits for check in answer.next_checks]
    assert any("memory pressure" in splits for splits in said)
    assert not any("_" in splits for splits in said)


def test_of_a_service_that_runs_in_pods_kubernetes_is_asked_and_no_systemd(ask: Ask) -> None:
    commands = {
        copy: " ".join(
            check.command
            for check in ask(f"""
                Service: s
                {copy}: c[0-1]
                s RUNS_ON c* (a, 1)
                s abnormal: latency
                c* healthy: errors killed evicted
            """).next_checks
        )
        for copy in ("Pod", "VirtualMachine")
    }
    assert "kubectl describe pod c0 c1" in commands["Pod"]
    assert "kubectl" not in commands["VirtualMachine"]


def test_of_a_pod_kubernetes_is_asked_in_its_namespace(incident: Incidents, model: Model) -> None:
    plain = incident(POD)
    entities = tuple(
        replace(e, name="shop/db-0" if e.uid == "p" else e.name) for e in plain.entities
    )
    commands = {
        c.command for c in rca.investigate(replace(plain, entities=entities), model).next_checks
    }
    assert "kubectl -n shop describe pod db-0" in commands


def test_no_pod_is_asked_for_whose_name_kubectl_would_take_for_an_option(
    incident: Incidents, model: Model
) -> None:
    plain = incident(POD)
    option = "--server=https://evil.example"
    for name in (option, f"shop/{option}"):
        entities = tuple(replace(e, name=name if e.uid == "p" else e.name) for e in plain.entities)
        checks = rca.investigate(replace(plain, entities=entities), model).next_checks
        assert not any(option in shlex.split(c.command) for c in checks)


def test_a_command_of_somebody_s_own_is_printed_as_its_rule_has_it(
    incident: Incidents, model: Model
) -> None:
    logs = ("kubectl", "logs", "{name}")
    checks = tuple(
        replace(rule, command=logs) if rule.kind == "Pod" else rule for rule in model.checks
    )
    asked = rca.investigate(
        incident(POD),
        replace(model, checks=checks),
    )
    assert "kubectl logs p" in {check.command for check in asked.next_checks}


@pytest.mark.parametrize("guest", ["VirtualMachine", "Pod"])
@pytest.mark.parametrize("detector", ["", "libvirt/h1", "prometheus/h1"])
def test_libvirt_is_asked_only_where_it_was_read_and_of_guests(
    incident: Incidents, model: Model, guest: str, detector: str
) -> None:
    asked = {"virsh"} if detector == "libvirt/h1" and guest == "VirtualMachine" else set()
    checks = rca.investigate(
        _read_by(
            detector,
            incident(f"""
        {guest}: v[0-3]
        Host: h1
        Probe: p
        StoragePool: pool
        v* RUNS_ON h1
        v* STORED_ON pool
        h1 WATCHED_BY p
        v* abnormal: down
    """),
        ),
        model,
    ).next_checks
    assert checks
    assert {check.command.split()[0] for check in checks} & {"virsh"} == asked


def _read_by(detector: str, plain: Incident) -> Incident:
    """Return the incident with what each of its probes is called."""
    probe = {"detector": detector} if detector else {}
    entities = (
        replace(each, props=probe) if each.kind == "Probe" else each for each in plain.entities
    )
    return replace(plain, entities=tuple(entities))


def test_a_probe_that_is_in_the_graph_alone_says_nothing_of_libvirt(
    incident: Incidents, model: Model
) -> None:
    whole = incident(f"{DOUBT}\n Probe: w\n h1 WATCHED_BY w")
    some = tuple(each for each in whole.entities if each.kind != "Probe")
    graph = build(whole.entities, whole.relations)
    assert rca.investigate(replace(whole, entities=some), model, graph).next_checks


class _Kinds(tuple[str, ...]):
    """Counts how often all of an estate is looked through for a kind."""

    __slots__ = ()
    scans = 0

    def __contains__(self, kind: object) -> bool:
        type(self).scans += 1
        return super().__contains__(kind)


def test_no_answer_looks_through_the_whole_estate_for_guests(
    incident: Incidents, model: Model
) -> None:
    doubt = incident(DOUBT)
    topology = build(doubt.entities, doubt.relations)
    topology = replace(topology, kinds=_Kinds(topology.kinds))
    assert rca.investigate(doubt, model, topology).next_checks
    assert _Kinds.scans == 0


def test_where_nothing_is_in_doubt_nothing_is_asked_about_modes_that_were_seen(ask: Ask) -> None:
    answer = ask("""
        Disk: d
        d abnormal: failed
    """)
    assert answer.causes[0].posterior > 0.95
    assert answer.next_checks == ()


@pytest.mark.parametrize(
    "name",
    ["x; rm -rf /", "$(reboot)", "`id`", "a b", "it's", "a\nb", '"', "| tee /etc/passwd", "&& id"],
)
def test_a_hostile_name_stays_one_word_of_the_command(
    name: str, incident: Incidents, model: Model
) -> None:
    plain = incident(DOUBT)
    hostile = replace(
        plain,
        entities=tuple(
            replace(entity, name=name) if entity.uid in {"h1", "p"} else entity
            for entity in plain.entities
        ),
    )
    checks = rca.investigate(hostile, model).next_checks
    asked = [check for check in checks if check.entity in {"h1", "p"}]
    assert asked
    for check in asked:
        rule = next(
            rule
            for rule in model.checks
            if rule.signal == check.signal
            and shlex.split(check.command)[0] == rule.command[0]
            and len(rule.command) == len(shlex.split(check.command))
        )
        words = [part.replace("{name}", name) for part in rule.command]
        assert shlex.split(check.command) == words


def test_an_entity_without_a_name_is_called_by_its_id(incident: Incidents, model: Model) -> None:
    plain = incident(DOUBT)
    nameless = replace(plain, entities=tuple(replace(e, name="") for e in plain.entities))
    assert [c.command for c in rca.investigate(nameless, model).next_checks] == [
        c.command for c in rca.investigate(plain, model).next_checks
    ]


def test_what_both_explanations_blame_a_check_is_not_said_to_tell_apart(ask: Ask) -> None:
    answer = ask("""
        PowerFeed: a b
        Host: h[1-4] k
        VirtualMachine: v[1-4] w[1-3]
        Service: s
        h* POWERED_BY a b / feeds 1
        v[1-4] RUNS_ON each h[1-4]
        w[1-3] RUNS_ON k
        s RUNS_ON w1 w2 w3 / copies 1
        h* abnormal: unreachable
        v* abnormal: down
        s abnormal: down
    """)
    assert {cause.entity for cause in answer.causes[:2]} == {"a", "b"}
    (look,) = [check for check in answer.next_checks if check.splits.startswith("s ")]
    assert look.splits == "s failing from well"


def test_a_look_names_the_way_to_fail_that_it_would_show(ask: Ask) -> None:
    """Whoever looks at its file systems learns of no guest whether it hangs."""
    answer = ask("""
        Service: ldap a b c d
        VirtualMachine: v
        ldap RUNS_ON v
        a b c d USES ldap
        ldap abnormal: unreachable
        a b c d abnormal: errors
        v healthy: down
    """)
    looks = {check.command: check.splits for check in answer.next_checks}
    assert looks["ssh v df -h"] == "v filling from ldap failing"


def test_a_look_is_told_against_what_differs_by_what_it_tells_alone(ask: Ask) -> None:
    """Two ends of a line are equally likely: what is looked at besides tells nothing of them."""
    answer = ask("""
        Bond: bond0
        Nic: eth0 eth1
        SwitchPort: p1 p2
        Service: api
        VirtualMachine: w
        bond0 USES eth0 eth1 / links 1
        eth0 CONNECTED_TO p1
        eth1 CONNECTED_TO p2
        api RUNS_ON w
        eth1 p2 abnormal: down
        bond0 abnormal: degraded
        api abnormal: latency@4
    """)
    assert [c.splits for c in answer.next_checks if c.entity == "api"] == ["api failing from well"]
