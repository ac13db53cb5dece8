from __future__ import annotations

from pathlib import Path

import pytest

import rca
from rca.rules.files import parse, read_files
from rca.rules.lint import findings

HEAD = "format: kgraph.rules/v1\ndomain: mine\n"
ROW = (
    'propagation:\n  - {effect: slow, path: "(VirtualMachine)-[:RUNS_ON]->(Host)",'
    " causes: [isolated], strength: 0.5, where: %s}\n"
)


def _found(where: str) -> list[str]:
    rows = findings([*read_files(), parse(HEAD + ROW % where, "mine.yaml")])
    assert all(row.where == "mine.yaml: propagation[0].where" and row.mend for row in rows)
    return [row.what for row in rows]


@pytest.mark.parametrize(
    ("where", "what"),
    [
        ("{absent: {type: ATTACHED_TO}}", "only says what must be absent"),
        ("{not: {label: tier}}", "only says what must be absent"),
        ("{and: [{not: {label: a}}, {absent: {type: USES}}]}", "only says what must be absent"),
        ("{kind: Hots}", "unknown kind 'Hots'"),
        ("{cause: {kind: Hots}}", "unknown kind 'Hots'"),
        ("{kind: Host}", "a VirtualMachine is never a Host"),
        ("{cause: {kind: VirtualMachine}}", "a Host is never a VirtualMachine"),
        ("{relation: {type: EATS}}", "unknown relation 'EATS'"),
        ("{relation: {type: ATTACHED_TO, to: {kind: Nik}}}", "unknown kind 'Nik'"),
        ("{relation: {type: POWERED_BY, to: {kind: PowerFeed}}}", "no POWERED_BY joins"),
        ("{relation: {type: RUNS_ON, from: cause}}", "no RUNS_ON joins"),
        ("{property: {name: a, greaterThan: 5, lessThan: 5}}", "'a' cannot be above 5"),
        ("{and: [{label: a}, {not: {label: a}}]}", "contradict each other"),
        ("{and: [{not: {label: a}}, {label: a}]}", "contradict each other"),
        (
            "{and: [{label: {name: a, equals: x}}, {label: {name: a, equals: y}}]}",
            "contradict each other",
        ),
        ("{and: [{cause: {kind: Host}}, {or: [{kind: Hots}]}]}", "unknown kind 'Hots'"),
        ("{relation: {type: USES, to: {and: [{kind: Nic}, {kind: Bond}]}}}", "contradict each"),
    ],
)
def test_a_faulty_condition_is_found(where: str, what: str) -> None:
    assert [found for found in _found(where) if what in found]


@pytest.mark.parametrize(
    "where",
    [
        "{label: tier}",
        "{label: tier, absent: {type: USES, to: cause}}",
        "{not: {not: {label: tier}}}",
        "{or: [{not: {label: tier}}, {property: cpus}]}",
        "{relation: {type: RUNS_ON, to: cause}}",
        "{cause: {relation: {type: RUNS_ON, from: {kind: VirtualMachine}}}}",
        "{property: {name: cpus, greaterThan: 1, lessThan: 9}}",
    ],
)
def test_a_sound_condition_has_no_findings(where: str) -> None:
    assert _found(where) == []


def test_what_may_be_of_any_kind_may_be_asked_for_one() -> None:
    row = ROW.replace("(VirtualMachine)", "(*)") % "{kind: VirtualMachine}"
    assert findings([*read_files(), parse(HEAD + row, "mine.yaml")]) == []


def test_the_same_row_under_the_same_condition_is_a_duplicate() -> None:
    one = ROW % "{label: tier}"
    twice, other = one + one.split("\n", 1)[1], one + (ROW % "{label: x}").split("\n", 1)[1]
    assert len(findings([*read_files(), parse(HEAD + twice, "mine.yaml")])) == 1
    assert findings([*read_files(), parse(HEAD + other, "mine.yaml")]) == []


def test_the_condition_of_a_fault_is_checked_too() -> None:
    text = HEAD + "faults:\n  - {fault: Host.down, perYear: 1, where: {absent: {type: USES}}}\n"
    found = findings([*read_files(), parse(text, "mine.yaml")])
    assert [row.where for row in found] == ["mine.yaml: faults[0].where"]


@pytest.mark.parametrize(
    ("body", "what", "mend"),
    [
        (ROW % "{not: {alarm: down}}", "absent is no health", "ask the graph only"),
        (ROW % "{label: tier}, need: 2", "is not known here", "a gate needs its group"),
        ("faults: [{fault: Rack.down, perYear: $x}]\n", "unknown parameter '$x'", "declare it"),
    ],
)
def test_a_file_that_cannot_be_read_is_a_finding_with_its_row(
    tmp_path: Path, body: str, what: str, mend: str
) -> None:
    (tmp_path / "mine.yaml").write_text(HEAD + body)
    (found,) = rca.lint([tmp_path])
    assert what in found.what
    assert mend in found.mend
    assert "mine.yaml: " in found.where
