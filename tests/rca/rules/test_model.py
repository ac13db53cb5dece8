from __future__ import annotations

from pathlib import Path

import pytest

import rca
from kgraph.schema import ConfigurationError
from rca.rules.compile import Compiled
from rca.rules.files import parse, read_files
from rca.rules.model import CHANGE_ODDS, merge

HEAD = "format: kgraph.rules/v1\ndomain: mine\n"
SIGNAL = "  - {signal: down, of: Host.down, detection: %s, falseAlarm: %s}\n"
RULE = (
    'propagation:\n  - {effect: down, path: "(Host)-[:USES]->(Nic)", causes: %s, strength: %s}\n'
)
PATH = '  - {effect: down, path: "%s", causes: [down], strength: 0.9}\n'


@pytest.mark.parametrize(
    ("text", "where", "what"),
    [
        (HEAD + "faults: [\n  {fault: Host.down", "r.yaml:4", "expected ',' or '}'"),
        ("", "r.yaml", "is empty"),
        ("format: kgraph.rules/v2\ndomain: x\n", "r.yaml: format", "must be 'kgraph.rules/v1'"),
        ("domain: x\n", "r.yaml: format", "is missing"),
        (HEAD + "guesses: []\n", "r.yaml: guesses", "not known"),
        (
            HEAD + "faults:\n  - {fault: Host, perYear: 1}\n",
            "r.yaml: faults[0].fault",
            "look like",
        ),
        (
            HEAD + "faults:\n  - {fault: Host.down, perYear: 0}\n",
            "faults[0].perYear",
            "greater than 0",
        ),
        (HEAD + "faults:\n  - {fault: Host.down, perYear: 9999}\n", "faults[0].perYear", "1000"),
        (HEAD + "faults:\n  - {fault: Host.down}\n", "faults[0].perYear", "is missing"),
        (
            HEAD + "faults:\n  - {fault: Host.down, perYear: 1, afterChange: 0.5}\n",
            "faults[0].afterChange",
            "at least 1",
        ),
        (HEAD + "signals:\n" + SIGNAL % ("1", "0.1"), "signals[0].detection", "less than 1"),
        (HEAD + "signals:\n" + SIGNAL % ("0", "0.1"), "signals[0].detection", "greater than 0"),
        (HEAD + "signals:\n" + SIGNAL % ("0.9", "0"), "signals[0].falseAlarm", "greater than 0"),
        (HEAD + "signals:\n" + SIGNAL % ("0.9", "1.5"), "signals[0].falseAlarm", "less than 1"),
        (
            HEAD + RULE % ("[]", "0.5"),
            "propagation[0].causes",
            "at least 1",
        ),
        (
            HEAD + RULE % ("[down]", "1"),
            "propagation[0].strength",
            "less than 1",
        ),
        (
            HEAD + "checks:\n  - {signal: down, of: Host.down, command: []}\n",
            "checks[0].command",
            "at least 1",
        ),
    ],
)
def test_a_malformed_file_is_refused_with_place_and_reason(
    text: str, where: str, what: str
) -> None:
    with pytest.raises(ConfigurationError) as caught:
        parse(text, "r.yaml")
    message = str(caught.value)
    assert where in message
    assert what in message
    assert "\n" not in message
    assert caught.value.mend


@pytest.mark.parametrize(
    "path",
    [
        "Host USES Nic",
        "(Host)-[:USES]-(Nic)",
        "(Host)<-[:USES]->(Nic)",
        "(Host)-[USES]->(Nic)",
        "(Host)-[:USES]->(Nic)-[:USES]->(Switch)",
        "",
    ],
)
def test_a_path_that_cannot_be_read_is_refused(path: str) -> None:
    with pytest.raises(ConfigurationError, match=r"propagation\[0\].*can't be read"):
        parse(HEAD + "propagation:\n" + PATH % path, "r.yaml")


def test_yaml_cannot_make_objects() -> None:
    with pytest.raises(ConfigurationError, match="could not determine a constructor"):
        parse("!!python/object/apply:os.getcwd []", "r.yaml")


def test_the_arrow_says_who_is_hit() -> None:
    text = HEAD + "propagation:\n" + PATH % "(VirtualMachine)-[:RUNS_ON]->(Host)"
    text += PATH % "(Host)<-[:RUNS_ON]-(VirtualMachine)"
    forward, backward = parse(text, "r.yaml").propagation
    assert (forward.effect_kinds, forward.reverse) == (("VirtualMachine",), False)
    assert (backward.effect_kinds, backward.reverse) == (("Host",), True)


def test_a_row_about_several_kinds_says_the_same_of_each() -> None:
    rows = "faults:\n  - {fault: A|B.down, perYear: 2}\nsignals:\n"
    rows += "  - {signal: x, of: $both.down, detection: 0.9, falseAlarm: 0.1}\nchecks:\n"
    rows += "  - {signal: x, of: A|B.down, command: [ping]}\n"
    short = parse(HEAD + "parameters: {both: A|B}\n" + rows, "r")
    assert [(r.kind, r.mode, r.where) for r in short.signals] == [
        ("A", "down", "r: signals[0]"),
        ("B", "down", "r: signals[0]"),
    ]
    long = HEAD
    for line in rows.replace("$both", "A|B").splitlines(keepends=True):
        one = [line.replace("A|B", kind) for kind in "AB"]
        long += "".join(dict.fromkeys(one))
    assert merge([short]).version == merge([parse(long, "r")]).version


@pytest.mark.parametrize("of", ["Host|.down", "|Host.down", "Host||Nic.down", "Host|Nic"])
def test_kinds_that_cannot_be_read_are_refused(of: str) -> None:
    with pytest.raises(ConfigurationError, match="must look like"):
        parse(HEAD + f"faults:\n  - {{fault: '{of}', perYear: 1}}\n", "r")


def test_a_folder_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="no such folder") as caught:
        rca.load_model([tmp_path / "nowhere"])
    assert caught.value.mend


def test_a_rule_file_that_nobody_would_read_is_refused(tmp_path: Path) -> None:
    (tmp_path / "mine.yml").write_text(HEAD)
    with pytest.raises(ConfigurationError, match=r"mine\.yml: would not be read"):
        rca.load_model([tmp_path])


def test_a_misspelt_key_is_told_before_the_one_that_it_was_to_be() -> None:
    row = '{effect: down, path: "(Host)-[:USES]->(Nic)", causes: [down], strenght: 0.5}'
    with pytest.raises(ConfigurationError) as caught:
        parse(f"{HEAD}propagation:\n  - {row}\n", "r")
    assert str(caught.value) == (
        "r: propagation[0].strenght: is not known here; did you mean strength?"
    )


def test_a_users_folder_overrides_a_shipped_row_and_keeps_the_others(tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text(HEAD + "faults:\n  - {fault: Host.down, perYear: 7}\n")
    shipped, mine = rca.load_model(), rca.load_model([tmp_path])
    rates = {(rule.kind, rule.mode): rule.per_year for rule in mine.faults}
    assert rates[("Host", "down")] == 7
    assert len(mine.faults) == len(shipped.faults)
    assert mine.signals == shipped.signals
    assert mine.files[-1].endswith("mine.yaml")


def test_a_users_propagation_and_signal_replace_those_of_the_same_subject(tmp_path: Path) -> None:
    shipped = rca.load_model()
    (tmp_path / "mine.yaml").write_text(
        HEAD + "propagation:\n"
        '  - {effect: down, path: "(VirtualMachine)-[:RUNS_ON]->(Host)",'
        " causes: [down, panicked, failing], strength: 0.5}\n"
        "signals:\n" + SIGNAL % ("0.5", "0.25")
    )
    mine = rca.load_model([tmp_path])
    assert len(mine.propagation) == len(shipped.propagation)
    assert len(mine.signals) == len(shipped.signals)
    assert [
        rule.strength
        for rule in mine.propagation
        if rule.where.endswith("mine.yaml: propagation[0]")
    ] == [0.5]
    down = [rule for rule in mine.signal_rules[("Host", "down")] if rule.mode == "down"]
    assert [rule.detection for rule in down] == [0.5]


def test_rows_that_are_new_are_added(tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text(HEAD + "faults:\n  - {fault: Rack.down, perYear: 0.01}\n")
    mine = rca.load_model([tmp_path])
    assert mine.faults_of["Rack"][0].per_year == 0.01


def test_a_broken_file_of_the_user_is_named(tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text("format: [")
    with pytest.raises(ConfigurationError, match=r"mine\.yaml:\d"):
        rca.load_model([tmp_path])


def test_what_is_shipped_is_parsed_once_whatever_folders_are_read(tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text(HEAD + "faults:\n  - {fault: Host.down, perYear: 1}\n")
    *shipped, mine = read_files([tmp_path])
    assert mine.name == str(tmp_path / "mine.yaml")
    assert all(one is other for one, other in zip(shipped, read_files(), strict=True))


def test_other_files_in_a_folder_are_left_alone(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("not rules")
    assert rca.load_model([tmp_path]).version == rca.load_model().version


def test_the_version_changes_with_a_rule_and_not_with_a_files_name() -> None:
    text = HEAD + "faults:\n  - {fault: Host.down, perYear: 1}\n"
    version = merge([parse(text, "one.yaml")]).version
    assert merge([parse(text, "other.yaml")]).version == version
    assert merge([parse(text.replace("perYear: 1", "perYear: 2"), "one.yaml")]).version != version


def test_the_version_does_not_depend_on_the_order_of_files() -> None:
    shipped = read_files()
    assert merge(shipped).version == merge(list(reversed(shipped))).version


@pytest.mark.parametrize("part", ["faults", "propagation", "signals", "checks"])
def test_a_rule_of_any_sort_that_is_gone_changes_the_version(part: str) -> None:
    text = (
        HEAD + "faults:\n  - {fault: Host.down, perYear: 1}\n"
        "propagation:\n"
        + PATH % "(Host)-[:USES]->(Nic)"
        + "signals:\n"
        + SIGNAL % (0.9, 0.1)
        + "checks:\n  - {signal: down, of: Host.down, command: [ping]}\n"
    )
    lines = text.splitlines()
    at = lines.index(f"{part}:")
    without = "\n".join(lines[:at] + lines[at + 2 :])
    assert merge([parse(without, "r")]).version != merge([parse(text, "r")]).version


def test_a_row_may_say_how_much_likelier_a_change_makes_a_fault() -> None:
    rows = "faults:\n  - {fault: A|B.down, perYear: 2, afterChange: 600}\n"
    rows += "  - {fault: A.slow, perYear: 2}\n"
    compiled = Compiled(merge([parse(HEAD + rows, "r")]))
    assert [compiled.after_change("A", mode) for mode in ("down", "slow")] == [600, CHANGE_ODDS]
    assert compiled.after_change("of no rule", "down") == CHANGE_ODDS
