from __future__ import annotations

from pathlib import Path

import pytest

import rca
from kgraph.schema import ConfigurationError
from rca.rules.model import Model
from rca.rules.testfiles import parse_tests, read_tests
from rca.ruletests import run_test

HEAD = "format: kgraph.rule-tests/v1\ntests:\n"
HOST = (
    "  - test: a host\n    entities: {h: Host, v: VirtualMachine, w: VirtualMachine}\n"
    "    relations: [v RUNS_ON h]\n"
)
DOWN = HOST + "    abnormal: {h: [down], v: [down]}\n"


def _differs(text: str, model: Model) -> str:
    (test,) = parse_tests(HEAD + text, "x.test.yaml")
    return "; ".join(run_test(test, model).differs)


@pytest.mark.parametrize("test", read_tests([], shipped=True), ids=lambda test: test.name)
def test_the_shipped_rules_pass_their_own_tests(test: object, model: Model) -> None:
    assert run_test(test, model).passed


def test_every_shipped_domain_has_tests() -> None:
    model = rca.load_model()
    domains = {name.removesuffix(".yaml") for name in model.files}
    tested = {test.where.partition(".test.yaml")[0] for test in read_tests([], shipped=True)}
    assert tested == domains
    assert len(domains) == 6


@pytest.mark.parametrize(
    "expect",
    [
        "{cause: h.down}",
        "{cause: h}",
        "{cause: h.down, derived: [v.down, v], silent: [w]}",
    ],
)
def test_what_the_rules_say_passes(expect: str, model: Model) -> None:
    assert _differs(DOWN + f"    expect: {expect}\n", model) == ""


@pytest.mark.parametrize(
    ("expect", "differs"),
    [
        ("{cause: v.down}", "cause: expected v.down, got h.down"),
        ("{cause: h.hung}", "cause: expected h.hung, got h.down"),
        ("{cause: nothing}", "cause: expected nothing, got h.down"),
        ("{derived: [v.slow]}", "derived: expected v.slow, got v.down"),
        ("{derived: [w]}", "derived: expected w, got w untouched"),
        ("{silent: [v]}", "silent: expected v untouched, got v.down"),
        ("{silent: [h]}", "silent: expected h untouched, h.down is blamed"),
        ("{atRisk: [v]}", "atRisk: expected v to have lost its redundancy"),
    ],
)
def test_what_the_rules_do_not_say_fails_with_what_they_do(
    expect: str, differs: str, model: Model
) -> None:
    assert _differs(DOWN + f"    expect: {expect}\n", model).startswith(differs)


def test_nothing_is_the_cause_where_nothing_is_wrong(model: Model) -> None:
    quiet = HOST + "    healthy: {h: [down]}\n    expect: {cause: nothing}\n"
    assert _differs(quiet, model) == ""
    assert "got nothing" in _differs(quiet.replace("nothing", "h.down"), model)


def test_labels_of_a_test_reach_the_conditions_of_rules(tmp_path: Path) -> None:
    (tmp_path / "own.yaml").write_text(
        "format: kgraph.rules/v1\ndomain: own\npropagation:\n"
        '  - {effect: hung, path: "(Host)-[:DEPENDS_ON]->(Site)", causes: [down],'
        " strength: 0.99, where: {label: {name: a, equals: b}}}\n"
    )
    (tmp_path / "own.test.yaml").write_text(
        HEAD + "  - test: labels\n    relations: [g h DEPENDS_ON s]\n    fails: [s.down]\n"
        "    entities: {s: Site, g: {kind: Host, labels: {a: b}}, h: Host}\n"
        "    expect: {derived: [g.hung, h.down]}\n"
    )
    (test,) = read_tests([tmp_path], shipped=False)
    assert run_test(test, rca.load_model([tmp_path])).differs == ()


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("", "must be a list"),
        (HOST + "    expect: {cause: h}\n", "a test has observations, or `fails`"),
        (DOWN + "    fails: [h.down]\n    expect: {derived: [v]}\n", "observations, or `fails`"),
        (HOST + "    fails: [h.down]\n    expect: {cause: h}\n", "`fails` is the cause already"),
        (DOWN + "    expect: {}\n", "nothing is expected, so it cannot fail"),
        (DOWN + "    expect: {cause: x.down}\n", "no entity 'x' in the test"),
        (DOWN + "    expect: {cause: h.full}\n", "'h.full' names no failure mode"),
        (DOWN + "    expect: {silent: [x]}\n", "no entity 'x' in the test"),
        (DOWN.replace("Host", "Hots") + "    expect: {cause: h}\n", "unknown kind 'Hots'"),
        (DOWN.replace("v RUNS_ON h", "v RUNS h") + "    expect: {cause: h}\n", "is no relation"),
        (
            DOWN.replace("v RUNS_ON h", "{from: v, type: EATS, to: h}")
            + "    expect: {cause: h}\n",
            "unknown relation 'EATS'",
        ),
        (
            DOWN.replace("v RUNS_ON h", "{from: v, type: RUNS_ON, to: h, need: 1}")
            + "    expect: {cause: h}\n",
            "need 1 without a group",
        ),
        (DOWN.replace("{h: [down]", "{x: [down]") + "    expect: {cause: h}\n", "no entity 'x'"),
    ],
)
def test_a_test_that_makes_no_sense_is_refused_with_its_place(text: str, what: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        parse_tests(HEAD + text, "x.test.yaml")
    assert what in caught.value.what
    assert caught.value.where.startswith("x.test.yaml: tests")
    assert caught.value.mend
