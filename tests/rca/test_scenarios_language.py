"""What the rule language must be able to say; numbers as in the scenario list."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

import rca
from kgraph.schema import (
    Fault,
    Hit,
    Incident,
)
from rca.rules.model import Model
from tests.rca.asking import Ask, chance

HEAD = "format: kgraph.rules/v1\ndomain: mine\n"
Read = Callable[[str], Incident]


def _rules(folder: Path, text: str, name: str = "mine.yaml") -> Model:
    (folder / name).write_text(HEAD + text)
    assert rca.lint([folder]) == []
    return rca.load_model([folder])


def _foreseen(incident: Incident, model: Model, *faults: str) -> dict[str, str]:
    """Entity -> the mode that the faults bring it into."""
    told = [Fault(*fault.split(".")) for fault in faults]
    hits: Sequence[Hit] = rca.predict(incident.entities, incident.relations, model, told).next
    return {hit.entity: hit.mode for hit in hits}


def _labelled(incident: Incident, **labels: dict[str, str]) -> Incident:
    entities = tuple(replace(e, labels=labels.get(e.uid, {})) for e in incident.entities)
    return replace(incident, entities=entities)


def test_10_a_or_b_and_c_on_one_host_is_a_nested_condition(tmp_path: Path, incident: Read) -> None:
    model = _rules(
        tmp_path,
        'propagation:\n  - effect: hung\n    path: "(Host)-[:USES]->(Nic)"\n'
        "    causes: [flapping]\n    strength: 0.9\n    where:\n      and:\n"
        "        - or: [{label: {name: a, equals: 'yes'}}, {label: {name: b, equals: 'yes'}}]\n"
        "        - label: {name: c, equals: 'yes'}\n",
    )
    given = incident("Host: h[1-5]\n Nic: n\n h* USES n")
    yes = {"a": {"a": "yes"}, "b": {"b": "yes"}, "c": {"c": "yes"}}
    labelled = _labelled(
        given,
        h1=yes["a"] | yes["c"],
        h2=yes["b"] | yes["c"],
        h3=yes["a"] | yes["b"],
        h4=yes["c"],
    )
    found = _foreseen(labelled, model, "n.flapping")
    assert [uid for uid, mode in sorted(found.items()) if mode == "hung"] == ["h1", "h2"]


def test_15_a_guest_without_a_port_on_a_network_of_its_own_follows_its_isolated_host(
    tmp_path: Path, incident: Read
) -> None:
    model = _rules(
        tmp_path,
        'propagation:\n  - effect: unreachable\n    path: "(VirtualMachine)-[:RUNS_ON]->(Host)"\n'
        "    causes: [isolated, hung]\n    strength: 0.9\n    where:\n"
        "      cause: {relation: {type: CONNECTED_TO, to: {kind: Switch}}}\n"
        "      absent: {type: ATTACHED_TO, to: {kind: Network}}\n",
    )
    given = incident("""
        Switch: s
        Host: h
        Network: own
        VirtualMachine: v w
        h CONNECTED_TO s
        v w RUNS_ON h
        w ATTACHED_TO own
        v abnormal: unreachable
        w healthy: unreachable
    """)
    assert _foreseen(given, model, "s.down") == {"h": "isolated", "v": "unreachable"}
    with_port = chance(rca.investigate(given, rca.load_model()), "s")
    assert chance(rca.investigate(given, model), "s") > with_port


def test_16_the_alarm_of_a_stack_says_nothing_of_a_guest_that_is_no_part_of_it(
    tmp_path: Path, incident: Read
) -> None:
    row = (
        '  - {effect: %s, path: "(VirtualMachine)-[:USES]->(ConfigItem)", causes: [changed],'
        " strength: %s, where: {cause: {label: stack}, %s: {type: MEMBER_OF, to:"
        " {relation: {type: USES, to: cause}}}}}\n"
    )
    model = _rules(
        tmp_path,
        "propagation:\n" + row % ("hung", 0.9, "relation") + row % ("slow", 0.5, "absent"),
    )
    given = incident("""
        ConfigItem: c
        Application: stack other
        VirtualMachine: v w x
        stack USES c
        v w x USES c
        v MEMBER_OF stack
        w MEMBER_OF other
    """)
    found = _foreseen(_labelled(given, c={"stack": "yes"}), model, "c.changed")
    assert {uid: found[uid] for uid in "vwx"} == {"v": "hung", "w": "slow", "x": "slow"}


def test_16_a_stack_is_explained_by_its_own_guests_only(ask: Ask) -> None:
    answer = ask("""
        Application: stack
        VirtualMachine: v w
        stack DEPENDS_ON v
        stack abnormal: errors
        v w abnormal: down
    """)
    explained = {path.symptom.entity: path.cause.entity for path in answer.explanation}
    assert explained == {"stack": "v", "v": "v", "w": "w"}


def test_20_a_set_of_rules_is_used_again_with_other_parameters(
    tmp_path: Path, incident: Read
) -> None:
    (tmp_path / "room.yaml").write_text(
        HEAD + "parameters: {kind: null, effect: hung, strength: 0.95}\n"
        'propagation:\n  - {effect: $effect, path: "($kind)-[:DEPENDS_ON]->(Rack)",'
        " causes: [slow], strength: $strength}\n"
    )
    model = _rules(
        tmp_path,
        "include:\n  - {file: room.yaml, with: {kind: Host}}\n"
        "  - {file: room.yaml, with: {kind: Switch, effect: overloaded}}\n",
    )
    given = incident("Rack: r\n Host: h\n Switch: s\n h s DEPENDS_ON r")
    assert _foreseen(given, model, "r.slow") == {"h": "hung", "s": "overloaded"}


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("where: {absent: {type: USES}}", "only says what must be absent"),
        ("strength: $unknown", "unknown parameter '$unknown'"),
        ("where: {kind: Host, not: {alarm: down}}", "an alarm that is absent is no health"),
        ("where: {and: [{label: a}, {not: {label: a}}]}", "contradict each other"),
        ("need: 2", "is not known here"),
    ],
)
def test_21_the_linter_names_file_and_row_and_how_to_mend_it(
    tmp_path: Path, text: str, what: str
) -> None:
    row = '{effect: hung, path: "(Host)-[:USES]->(Nic)", causes: [down]'
    strength = "" if "strength" in text else ", strength: 0.5"
    (tmp_path / "mine.yaml").write_text(HEAD + f"propagation:\n  - {row}{strength}, {text}}}\n")
    (found,) = rca.lint([tmp_path])
    assert what in found.what
    assert found.where.startswith(f"{tmp_path}/mine.yaml: propagation")
    assert found.mend


def test_21_the_linter_refuses_rows_that_say_the_same(tmp_path: Path) -> None:
    row = '  - {effect: hung, path: "(Host)-[:USES]->(Nic)", causes: [down], strength: 0.5}\n'
    (tmp_path / "mine.yaml").write_text(HEAD + "propagation:\n" + row * 2)
    (found,) = rca.lint([tmp_path])
    assert found.what.startswith("says again what")
