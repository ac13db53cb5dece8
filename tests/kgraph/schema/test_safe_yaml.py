from __future__ import annotations

import pytest
import yaml

from kgraph.schema.safe_yaml import safe_yaml


def test_plain_values_are_read() -> None:
    assert safe_yaml("a: [1, x, 2.5, true, null]\n") == {"a": [1, "x", 2.5, True, None]}
    assert safe_yaml(b"\xc3\xa4: 1") == {"ä": 1}


def test_a_key_that_stands_twice_is_told_with_its_line() -> None:
    with pytest.raises(yaml.MarkedYAMLError) as refused:
        safe_yaml("a: {b: 1}\nrules: [1]\nrules: [2]\n")
    assert refused.value.problem == "the key 'rules' stands twice"
    assert refused.value.problem_mark is not None
    assert refused.value.problem_mark.line == 2


def test_a_merge_may_be_overridden_and_an_anchor_may_hold_itself() -> None:
    text = "a: &a {x: 1, y: 1}\nb: &b {<<: *a, x: 2}\nc: {<<: [*b, *a], y: 3}\n"
    assert safe_yaml(text)["c"] == {"x": 2, "y": 3}
    ring = safe_yaml("&a [*a]")
    assert ring[0] is ring
    assert safe_yaml("") is None


@pytest.mark.parametrize(
    "text", ["!!python/object/apply:os.system ['true']", "a: [", "a: 1\n--- 2"]
)
def test_what_is_more_than_plain_or_no_yaml_is_refused(text: str) -> None:
    with pytest.raises(yaml.YAMLError):
        safe_yaml(text)


def _levels(level: str) -> str:
    lines = ["l0: &l0 {k0: v}"]
    for number in range(1, 12):
        again = ", ".join([f"*l{number - 1}"] * 10)
        lines.append(f"l{number}: &l{number} " + level.format(again=again, number=number))
    return "\n".join(lines)


@pytest.mark.parametrize("level", ["[{again}]", "{{k{number}: v, <<: [{again}]}}"])
def test_a_small_text_does_not_stand_for_a_huge_value(level: str) -> None:
    with pytest.raises(yaml.YAMLError, match="its aliases stand for too much"):
        safe_yaml(_levels(level))


def test_what_many_share_may_be_written_once() -> None:
    shared = "common: &c {a: 1, b: 2}\nhosts:\n"
    told = safe_yaml(shared + "".join(f"  h{n}: {{<<: *c}}\n" for n in range(2_000)))
    assert told["hosts"]["h1999"] == {"a": 1, "b": 2}
