"""A value beyond a limit for long enough is abnormal, and graded by how far."""

import pytest
from pydantic import ValidationError

from ingest.detect import Verdict
from ingest.detect.metrics.threshold import Threshold, look
from kgraph.schema import Direction
from tests.ingest.detect.estate import NOW, STEP, block


def _one(values: list[float | None], **settings: float) -> Verdict | None:
    found = list(look(block({"h1": values}), Threshold(**settings)))
    return found[0] if found else None


def test_a_value_beyond_the_limit_is_abnormal_since_it_crossed_it() -> None:
    found = _one([50, 95, 96, 97], above=90)
    assert found is not None
    assert found.abnormal
    assert (found.direction, found.since) == (Direction.UP, NOW - 2 * STEP)
    assert "97, above 90" in found.detail


def test_it_is_louder_the_farther_it_is_beyond() -> None:
    near, far = _one([91], above=90), _one([180], above=90)
    assert near is not None
    assert far is not None
    assert 3 < near.score < far.score  # type: ignore[operator]


def test_what_has_not_lasted_is_well() -> None:
    found = _one([50, 95, 96], above=90, for_seconds=120)
    assert found is not None
    assert not found.abnormal


def test_a_missed_scrape_is_no_end_of_trouble() -> None:
    found = _one([95, None, 96], above=90, for_seconds=120)
    assert found is not None
    assert found.abnormal


def test_a_series_that_has_ended_is_unknown() -> None:
    assert _one([95, 95, None, None], above=90) is None


def test_below_is_the_other_way() -> None:
    found = _one([10, 2], below=5)
    assert found is not None
    assert (found.abnormal, found.direction) == (True, Direction.DOWN)


def test_no_series_give_no_verdict() -> None:
    assert list(look(block({}), Threshold(above=1))) == []


@pytest.mark.parametrize("settings", [{}, {"above": 1, "below": 2}])
def test_a_threshold_has_one_limit(settings: dict[str, float]) -> None:
    with pytest.raises(ValidationError, match="name one of"):
        Threshold(**settings)
