"""YAML read safely and quickly: by libyaml where PyYAML was built with it, as its wheels are."""

from __future__ import annotations

from typing import Any

import yaml

_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # eight times as quick, and as safe


def safe_yaml(text: str | bytes) -> Any:  # noqa: ANN401 - whatever the text says
    """Return the one document of a text in plain values.

    Raises:
        yaml.YAMLError: it is no YAML, or asks for more than plain values.
    """
    try:
        return yaml.load(text, Loader=_LOADER)  # noqa: S506 - a safe loader, either of them
    except yaml.YAMLError:
        return yaml.safe_load(text)  # the slow one says better what is wrong, and where
