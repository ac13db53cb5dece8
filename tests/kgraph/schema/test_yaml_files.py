"""What is wrong in a file that somebody wrote is one line: where it is, and how to mend it."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from pydantic import BaseModel, ConfigDict, field_validator

from kgraph.schema import ConfigurationError
from kgraph.schema.yaml_files import in_form, read_yaml
from rca.rulefiles import parse
from remedies.policy_rows import read_rules
from remedies.rows import read


class _Row(BaseModel):
    model_config = ConfigDict(extra="forbid")
    size: int

    @field_validator("size")
    @classmethod
    def _small(cls, size: int) -> int:
        if size > 9:
            raise ValueError("at most 9")
        return size


class _Form(BaseModel):
    rows: list[_Row]


READERS = [read_yaml, parse, read, read_rules]


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("a: 1\nb: [1\nc: 2", r"^x\.yaml:\d: not YAML: .*; correct the YAML$"),
        ("at: 2026-13-45", r"^x\.yaml: month must be in 1\.\.12.*; correct the YAML$"),
        ("[" * 100_000, r"^x\.yaml:1: not YAML: nested too deeply; correct the YAML$"),
        ("- " * 50_000, r"^x\.yaml:1: not YAML: nested too deeply; correct the YAML$"),
        ("a: !!python/object:os.system {}", r"^x\.yaml:1: not YAML: .*; correct the YAML$"),
    ],
    ids=[
        "not closed",
        "an impossible date",
        "brackets without end",
        "dashes without end",
        "not plain values",
    ],
)
def test_what_is_no_yaml_is_refused_with_its_file(
    reader: Callable[[str, str], object], text: str, told: str
) -> None:
    with pytest.raises(ConfigurationError, match=told):
        reader(text, "x.yaml")


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ({"rows": [{"size": 3}, {"size": "x"}]}, "x.yaml: rows.1.size: must be a valid"),
        ({"rows": [{"size": 10}]}, "x.yaml: rows.0.size: at most 9; see the page"),
        ({"rows": [{"size": 1, "wide": 2}]}, "x.yaml: rows.0.wide: is not known here"),
        ([], "x.yaml: file: must be"),
    ],
)
def test_what_has_another_form_is_refused_with_its_field(content: object, told: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        in_form(_Form, content, "x.yaml", "see the page")
    assert str(caught.value).startswith(told)


def test_what_is_right_comes_in_its_form() -> None:
    assert in_form(_Form, read_yaml("rows: [{size: 3}]", "x.yaml"), "x.yaml", "").rows[0].size == 3


def test_an_hour_that_is_none_is_told_with_how_one_is_written() -> None:
    rule = "{name: a, mode: auto, when: {hours: {from: '25:00', to: '06:00'}}}"
    told = "rules.0.when.hours.from: '25:00' is no time of day: write it like 22:00, in UTC"
    with pytest.raises(ConfigurationError, match=told):
        read_rules(f"format: kgraph.policy/v1\nrules: [{rule}]\n", "policy.yaml")
