from __future__ import annotations

from pathlib import Path

import pytest

import rca
from rca.rules.files import parse, read_files
from rca.rules.finding import Finding
from rca.rules.lint import findings

HEAD = "format: kgraph.rules/v1\ndomain: mine\n"


def _lint(body: str) -> list[Finding]:
    """Lint rows on top of the shipped rules."""
    return findings([*read_files(), parse(HEAD + body, "mine.yaml")])


def _rule(path: str, effect: str = "down", causes: str = "[down]", delay: str = "[0, 60]") -> str:
    return (
        f'propagation:\n  - {{effect: {effect}, path: "{path}", causes: {causes},'
        f" strength: 0.9, delaySeconds: {delay}}}\n"
    )


def test_the_shipped_rules_are_sound() -> None:
    assert rca.lint() == []


def test_a_sound_file_of_the_user_has_no_findings() -> None:
    assert _lint(_rule("(Service)-[:USES]->(Database)", effect="failing")) == []


def test_a_row_about_several_kinds_is_wrong_once() -> None:
    (finding,) = _lint(
        "signals:\n  - {signal: x, of: Host|Nic.down, detection: 0.1, falseAlarm: 0.2}\n"
    )
    assert "not above" in finding.what


@pytest.mark.parametrize(
    ("body", "what"),
    [
        ("faults:\n  - {fault: Hots.down, perYear: 1}\n", "unknown kind 'Hots'"),
        ("faults:\n  - {fault: Host.melted, perYear: 1}\n", "Host has no mode 'melted'"),
        ("faults:\n  - {fault: Host|Hots.down, perYear: 1}\n", "unknown kind 'Hots'"),
        ("faults:\n  - {fault: Rack|Rack.down, perYear: 1}\n", "says again"),
        (
            "signals:\n  - {signal: x, of: Hots.down, detection: 0.9, falseAlarm: 0.1}\n",
            "unknown kind 'Hots'",
        ),
        (
            "signals:\n  - {signal: x, of: Host.melted, detection: 0.9, falseAlarm: 0.1}\n",
            "Host has no mode 'melted'",
        ),
        (
            "signals:\n  - {signal: x, of: Host.down, detection: 0.1, falseAlarm: 0.2}\n",
            "detection 0.1 is not above falseAlarm 0.2",
        ),
        (
            "signals:\n  - {signal: x, of: Host.down, detection: 0.2, falseAlarm: 0.2}\n",
            "detection 0.2 is not above falseAlarm 0.2",
        ),
        (_rule("(Hots)-[:USES]->(Nic)"), "unknown kind 'Hots'"),
        (_rule("(Host)-[:USES]->(Nik)"), "unknown kind 'Nik'"),
        (_rule("(Host)-[:EATS]->(Nic)"), "unknown relation 'EATS'"),
        (_rule("(Host)-[:USES]->(Nic)", effect="melted"), "Host has no mode 'melted'"),
        (
            _rule("(Host)-[:USES]->(Nic)", causes="[melted]"),
            "no kind on the path has the mode 'melted'",
        ),
        (_rule("(Host)-[:RUNS_ON]->(VirtualMachine)"), "it can never match"),
        (_rule("(VirtualMachine)<-[:RUNS_ON]-(Host)"), "it can never match"),
        (_rule("(Host)-[:LOCATED_IN]->(Rack)"), "LOCATED_IN carries no failure"),
        (_rule("(Host)-[:USES]->(Nic)", delay="[60, 0]"), "is no range"),
        (_rule("(Host)-[:USES]->(Nic)", delay="[-1, 0]"), "is no range"),
        (
            "checks:\n  - {signal: down, of: Host.melted, command: [ping]}\n",
            "Host has no mode 'melted'",
        ),
        (
            'checks:\n  - {signal: down, of: Host.down, command: [ping, "{address}"]}\n',
            "unknown parameter in '{address}'",
        ),
        (
            'checks:\n  - {signal: down, of: Host.down, command: [ping, "{name"]}\n',
            "unknown parameter in '{name'",
        ),
        (
            'checks:\n  - {signal: down, of: Host.down, command: [ping, "{}"]}\n',
            "unknown parameter in '{}'",
        ),
        (
            "faults:\n  - {fault: Host.down, perYear: 1}\n  - {fault: Host.down, perYear: 2}\n",
            "says again what mine.yaml: faults[0] says",
        ),
        (
            _rule("(Host)-[:USES]->(Nic)") + _rule("(Host)-[:USES]->(Nic)").split("\n", 1)[1],
            "says again what mine.yaml: propagation[0] says",
        ),
        (
            "signals:\n" + "  - {signal: x, of: Host.down, detection: 0.9, falseAlarm: 0.1}\n" * 2,
            "says again what mine.yaml: signals[0] says",
        ),
        (
            "checks:\n" + "  - {signal: down, of: Host.down, command: [ping]}\n" * 2,
            "says again what mine.yaml: checks[0] says",
        ),
        (
            "signals:\n  - {signal: x, of: Queue.overloaded, detection: 0.9, falseAlarm: 0.1}\n",
            "nothing causes Queue.overloaded",
        ),
        (
            "faults:\n  - {fault: Application.degraded, perYear: 1}\n",
            "nothing signals Application.degraded",
        ),
    ],
)
def test_a_defect_is_found_with_its_place_and_how_to_mend_it(body: str, what: str) -> None:
    found = _lint(body)
    assert [finding.what for finding in found if what in finding.what]
    for finding in found:
        assert finding.where.startswith("mine.yaml: ")
        assert finding.mend
        assert str(finding).startswith(f"{finding.where}: {finding.what}; ")


def test_a_misspelt_kind_gets_a_suggestion() -> None:
    finding = _lint("faults:\n  - {fault: virtual_machine.down, perYear: 1}\n")[0]
    assert finding.mend.startswith("did you mean ")
    assert "VirtualMachine" in finding.mend


def test_the_same_row_in_two_files_is_an_override_and_no_duplicate() -> None:
    assert _lint("faults:\n  - {fault: Host.down, perYear: 9}\n") == []


def test_a_rule_with_several_relations_is_possible_when_one_end_pair_fits() -> None:
    assert _lint(_rule("(Host|Service)-[:RUNS_ON]->(VirtualMachine)")) == []


def test_any_kind_is_a_possible_end() -> None:
    assert _lint(_rule("(*)-[:WATCHED_BY]->(Probe)", effect="unobserved")) == []


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("format: kgraph.rules/v2\ndomain: mine\n", "must be 'kgraph.rules/v1'"),
        ("", "the file is empty"),
    ],
)
def test_a_file_of_another_form_is_told_what_it_must_be(
    tmp_path: Path, text: str, what: str
) -> None:
    (tmp_path / "own.yaml").write_text(text)
    assert [found.what for found in rca.lint([tmp_path])] == [what]


def test_all_that_is_not_of_the_form_is_told_of_all_files_at_once(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(
        "format: kgraph.rules/v1\nfaults:\n  - {fault: Host.down, perYear: 0, often: 1}\n"
        "  - {fault: Host.down, perYear: 1, where: {alarm: x}}\n" + _rule("(Host)-(Nic)")
    )
    (tmp_path / "b.yaml").write_text(HEAD + "rules: []\nchecks:\n  - {signal: down}\n")
    a, b = tmp_path / "a.yaml", tmp_path / "b.yaml"
    assert [finding.where for finding in rca.lint([tmp_path])] == [
        f"{a}: faults[0].often",
        f"{a}: faults[0].perYear",
        f"{a}: faults[1].where",
        f"{a}: propagation[0]",
        f"{b}: rules",
        f"{b}: checks[0].of",
        f"{b}: checks[0].command",
    ]


def test_a_file_of_rules_needs_no_heading(tmp_path: Path) -> None:
    own = tmp_path / "own.yaml"
    own.write_text("format: kgraph.rules/v1\nfaults:\n  - {fault: Host.down, perYear: 2}\n")
    assert not rca.lint([tmp_path])
    (told,) = (r for r in rca.load_model([tmp_path]).faults if r.where.startswith(str(own)))
    assert (told.kind, told.mode, told.per_year) == ("Host", "down", 2)


def test_a_folder_is_linted_with_the_shipped_rules(tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text(HEAD + "faults:\n  - {fault: Host.melted, perYear: 1}\n")
    assert {finding.where for finding in rca.lint([tmp_path])} == {
        f"{tmp_path / 'mine.yaml'}: faults[0]"
    }
