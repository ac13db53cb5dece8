"""The examples on the rules page are what the readers take."""

import re
from pathlib import Path

import pytest

import rca
from rca.rules.files import parse, read_files
from rca.rules.lint import findings
from rca.rules.testfiles import parse_tests
from rca.ruletests import run_test

PAGE = (Path(__file__).parents[2] / "docs" / "rules.md").read_text("utf-8")
BLOCKS = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
RULES = [block for block in BLOCKS if "kgraph.rules/v1" in block]


@pytest.mark.parametrize("number", range(len(RULES)))
def test_the_examples_of_rules_are_sound(number: int) -> None:
    text = RULES[number].replace("kind: null", "kind: Site")
    assert findings([*read_files(), parse(text, "rules.md")]) == []


def test_the_example_of_an_include_is_read(tmp_path: Path) -> None:
    (include,) = re.findall(r"`(include: \[.*?\])`", PAGE)
    (tmp_path / "rooms.yaml").write_text(RULES[2])
    (tmp_path / "mine.yaml").write_text(f"format: kgraph.rules/v1\ndomain: mine\n{include}\n")
    faults = rca.load_model([tmp_path]).faults_of
    rooms = [row for row in (*faults["Site"], *faults["Rack"]) if row.mode == "down"]
    assert [row.per_year for row in rooms] == [0.02, 0.1]


def test_the_example_of_tests_passes() -> None:
    (text,) = [block for block in BLOCKS if "kgraph.rule-tests/v1" in block]
    tests = parse_tests(text, "rules.md")
    assert len(tests) == 2
    assert [run_test(test, rca.load_model()).differs for test in tests] == [(), ()]
