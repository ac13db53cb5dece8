from __future__ import annotations

import pytest
import yaml

from rca.rules.where import read_where
from rca.rules.wording import worded


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{kind: [Host, Nic]}", "Host|Nic"),
        ("{label: {name: tier, oneOf: [gold, 2]}}", "label tier = gold|2"),
        ("{property: {name: cpus, greaterThan: 1, lessThan: 9.5}}", "property cpus > 1 < 9.5"),
        ("{not: {or: [{label: a}, {label: b}]}}", "not (label a or label b)"),
        ("{label: a, or: [{label: b}, {label: c}]}", "label a and (label b or label c)"),
        ("{absent: {type: USES|CALLS, to: cause}}", "not (USES|CALLS -> cause)"),
        ("{cause: {relation: {type: RUNS_ON, from: {kind: Host}}}}", "cause: RUNS_ON <- Host"),
        ("{relation: {type: USES}}", "USES -> anything"),
    ],
)
def test_a_condition_reads_as_one_line(text: str, expected: str) -> None:
    condition = read_where(yaml.safe_load(text), "here", ends=True)
    assert condition is not None
    assert worded(condition) == expected
