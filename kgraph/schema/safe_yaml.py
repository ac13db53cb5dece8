"""YAML read safely and quickly: by libyaml where PyYAML was built with it, as its wheels are."""

from __future__ import annotations

from typing import Any

import yaml

_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # eight times as quick, and as safe
_DEEPEST = 100  # levels; what people write has ten
_SHALLOW = 5_000  # levels that no stack is too small for


def safe_yaml(text: str | bytes) -> Any:  # noqa: ANN401 - whatever the text says
    """Return the one document of a text in plain values.

    Raises:
        yaml.YAMLError: it is no YAML, nests too deeply, or asks for more than plain values.
        ValueError: a date that there is not.
        RecursionError: it nests too deeply and is no YAML besides.
    """
    if mark := _abyss(text):
        raise yaml.MarkedYAMLError(problem="nested too deeply", problem_mark=mark)
    try:
        return yaml.load(text, Loader=_LOADER)  # noqa: S506 - a safe loader, either of them
    except yaml.YAMLError:
        return yaml.safe_load(text)  # the slow one says better what is wrong, and where


def _abyss(text: str | bytes) -> Any:  # noqa: ANN401 - libyaml has marks of its own
    """Return where the quick loader, which calls itself in C, might run out of stack."""
    told = text if isinstance(text, str) else text.decode("utf-8", "replace")
    # Each level takes a bracket or a column, and counting those is next to nothing.
    columns = max(map(len, told.splitlines()), default=0)
    if columns + told.count("[") + told.count("{") < _SHALLOW:
        return None
    depth = 0
    try:
        for event in yaml.parse(text, Loader=_LOADER):
            depth += isinstance(event, yaml.CollectionStartEvent)
            depth -= isinstance(event, yaml.CollectionEndEvent)
            if depth > _DEEPEST:
                return event.start_mark
    except yaml.YAMLError:
        return None  # the loader says so, too
    return None
