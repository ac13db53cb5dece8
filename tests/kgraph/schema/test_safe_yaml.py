from __future__ import annotations

import pytest
import yaml

from kgraph.schema.safe_yaml import safe_yaml


def test_plain_values_are_read() -> None:
    assert safe_yaml("a: [1, x, 2.5, true, null]\n") == {"a": [1, "x", 2.5, True, None]}
    assert safe_yaml(b"\xc3\xa4: 1") == {"ä": 1}


@pytest.mark.parametrize(
    "text", ["!!python/object/apply:os.system ['true']", "a: [", "a: 1\n--- 2"]
)
def test_what_is_more_than_plain_or_no_yaml_is_refused(text: str) -> None:
    with pytest.raises(yaml.YAMLError):
        safe_yaml(text)
