"""YAML read safely and quickly: by libyaml where PyYAML was built with it, as its wheels are."""

from __future__ import annotations

from typing import Any

import yaml

_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # eight times as quick, and as safe
_DEEPEST = 100  # levels; what people write has ten
_SHALLOW = 5_000  # levels that no stack is too small for
_MOST_REPEATED = 2**20  # values that all aliases of a text stand for


def safe_yaml(text: str | bytes) -> Any:  # noqa: ANN401 - whatever the text says
    """Return the one document of a text in plain values.

    Raises:
        yaml.YAMLError: it is no YAML, nests too deeply, asks for more than plain values, has a
            key twice, or aliases that stand for too much.
        ValueError: a date that there is not.
        RecursionError: it nests too deeply and is no YAML besides.
    """
    if mark := _abyss(text):
        raise yaml.MarkedYAMLError(problem="nested too deeply", problem_mark=mark)
    try:
        return _read(text, _LOADER)
    except yaml.YAMLError:
        return _read(text, yaml.SafeLoader)  # the slow one says better what is wrong, and where


def _read(text: str | bytes, kind: Any) -> Any:  # noqa: ANN401 - either of the loaders
    loader = kind(text)
    try:
        root = loader.get_single_node()
        if root is None:
            return None
        refuse_bomb(root)
        _refuse_twice(root)
        return loader.construct_document(root)
    finally:
        loader.dispose()


def refuse_bomb(root: yaml.Node) -> None:
    """Refuse aliases by which a small text stands for a huge value.

    One that stands within what it stands for counts as one value there.

    Raises:
        yaml.YAMLError: with the place of what is repeated too often.
    """
    sizes: dict[int, int] = {}  # of each value, as if it were written out
    seen: set[int] = set()
    left = [(root, False)]
    while left:
        node, counted = left.pop()
        if counted:
            sizes[id(node)] = 1 + sum(sizes.get(id(each), 1) for each in _parts(node))
            if sizes[id(node)] > _MOST_REPEATED + len(sizes):
                problem = "its aliases stand for too much"
                raise yaml.MarkedYAMLError(problem=problem, problem_mark=node.start_mark)
        elif id(node) not in seen:
            seen.add(id(node))
            left.append((node, True))
            left += [(each, False) for each in _parts(node)]


def _parts(node: yaml.Node) -> list[yaml.Node]:
    inner = node.value if isinstance(node, yaml.CollectionNode) else []
    return (
        [each for pair in inner for each in pair] if isinstance(node, yaml.MappingNode) else inner
    )


def _refuse_twice(root: yaml.Node) -> None:
    """Refuse a key that stands twice: PyYAML keeps the last, and loses the others in silence.

    Asked of what was written, since merge keys (`<<`) may well repeat what they override.
    """
    left, known = [root], {id(root)}
    while left:
        node = left.pop()
        inner = node.value if isinstance(node, yaml.CollectionNode) else []
        if isinstance(node, yaml.MappingNode):
            keys = [key for key, _ in inner if isinstance(key, yaml.ScalarNode)]
            written: set[tuple[str, str]] = set()
            for key in keys:
                if (key.tag, key.value) in written:
                    problem = f"the key {key.value!r} stands twice"
                    raise yaml.MarkedYAMLError(problem=problem, problem_mark=key.start_mark)
                written.add((key.tag, key.value))
            inner = [each for pair in inner for each in pair]
        fresh = [each for each in inner if id(each) not in known]
        known.update(map(id, fresh))
        left += fresh


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
