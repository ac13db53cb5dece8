"""A question that Prometheus refuses: what it says, and what to do about it."""

from __future__ import annotations

import json

import pytest

from ingest.prometheus.answers import read_targets
from kgraph.schema import SourceError

MEND = "; correct what was asked, or ask it later"


@pytest.mark.parametrize(
    ("told", "line"),
    [
        ({"error": "query timed\nout", "errorType": "timeout"}, "'query timed out'"),
        ({"errorType": "timeout"}, "'timeout'"),
        ({"error": None}, "it does not say why"),
        ({}, "it does not say why"),
    ],
)
def test_a_refusal_says_why_and_asks_nobody_whether_it_is_prometheus(
    told: dict[str, str | None], line: str
) -> None:
    with pytest.raises(SourceError) as caught:
        read_targets(json.dumps({"status": "error", **told}).encode(), "http://p")
    assert str(caught.value) == f"http://p: Prometheus refused: {line}{MEND}"


def test_of_what_is_no_answer_that_is_asked() -> None:
    with pytest.raises(SourceError, match="not an answer of Prometheus; is this Prometheus"):
        read_targets(b"[]", "http://p")
