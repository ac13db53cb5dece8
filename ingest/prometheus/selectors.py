"""Which series does an expression look at? A small lexer of PromQL, no parser.

It reads strings, comments, label lists and ranges well enough to tell the names of series from
everything else. What it misses covers nothing; an annotation `kgraph_covers` says better.

Source: https://prometheus.io/docs/prometheus/latest/querying/basics/
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_TOKEN = re.compile(
    r"""
      (?P<skip>\s+|\#[^\n]*)
    | (?P<string>"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'|`[^`]*`)
    | (?P<number>[0-9][0-9A-Za-z_.]*|\.[0-9]+)
    | (?P<name>[A-Za-z_:][A-Za-z0-9_:]*)
    | (?P<mark>.)
    """,
    re.VERBOSE | re.DOTALL,
)
_GROUPING = frozenset({"by", "without", "on", "ignoring", "group_left", "group_right"})
_WORDS = frozenset({"and", "or", "unless", "bool", "offset", "atan2", "inf", "nan"})
_AGGREGATES = frozenset(
    {
        *("sum", "min", "max", "avg", "group", "stddev", "stdvar", "count", "count_values"),
        *("bottomk", "topk", "quantile", "limitk", "limit_ratio"),
    }
)


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str
    text: str


def selectors(expression: str) -> tuple[str, ...]:
    """Return the vector selectors of an expression, each once; ranges and offsets left out.

    An expression that is cut off yields what was complete before. O(length).
    """
    tokens = [
        _Token(match.lastgroup or "", match.group())
        for match in _TOKEN.finditer(expression)
        if match.lastgroup != "skip"
    ]
    found: dict[str, None] = {}
    at = 0
    while at < len(tokens):
        token = tokens[at]
        following = tokens[at + 1].text if at + 1 < len(tokens) else ""
        if token.text == "[":
            at = _past(tokens, at, "]")
        elif token.text == "{":
            end = _past(tokens, at, "}")
            if end <= len(tokens):
                found[_written(tokens[at:end])] = None
            at = end
        elif token.kind != "name":
            at += 1
        elif token.text.lower() in _GROUPING:
            at = _past(tokens, at + 1, ")") if following == "(" else at + 1
        elif _no_series(token.text, following):
            at += 1
        else:
            end = _past(tokens, at + 1, "}") if following == "{" else at + 1
            if end <= len(tokens):
                found[_written(tokens[at:end])] = None
            at = end
    return tuple(found)


def _no_series(name: str, following: str) -> bool:
    folded = name.lower()
    aggregates = folded in _AGGREGATES and following.lower() in {"by", "without"}
    return following == "(" or folded in _WORDS or aggregates


def _past(tokens: list[_Token], start: int, closing: str) -> int:
    """Return the position behind the closing mark; behind everything and more if there is none."""
    for at in range(start, len(tokens)):
        if tokens[at].text == closing:
            return at + 1
    return len(tokens) + 1


def _written(tokens: list[_Token]) -> str:
    return "".join(token.text for token in tokens)
