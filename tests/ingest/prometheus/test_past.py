"""Past alerts: from samples of `ALERTS` to when each began and ended."""

from __future__ import annotations

import json
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.prometheus import read_alerts
from ingest.prometheus.past import _chunks
from kgraph.schema import SourceError

T0 = 1_795_000_000
STEP = timedelta(seconds=30)


def series(*at: float, state: str = "firing", **labels: str) -> dict[str, Any]:
    metric = {"__name__": "ALERTS", "alertstate": state, "alertname": "Down", **labels}
    return {"metric": metric, "values": [[T0 + each, "1"] for each in at]}


def answer(*rows: dict[str, Any]) -> bytes:
    data = {"resultType": "matrix", "result": list(rows)}
    return json.dumps({"status": "success", "data": data}).encode()


def spans(content: bytes, step: timedelta | None = None) -> list[tuple[float, float | None]]:
    return [
        (f.began.timestamp() - T0, f.ended and f.ended.timestamp() - T0)
        for f in read_alerts(content, "kept.json", step).firings
    ]


def test_samples_in_a_row_are_one_alert_that_ends_a_step_after_the_last() -> None:
    assert spans(answer(series(0, 30, 60, host="a"), series(0, 300, host="b")), STEP) == [
        (0, 90),
        (0, 30),
        (300, None),
    ]


def test_what_fires_at_the_end_is_not_said_to_have_ended() -> None:
    assert spans(answer(series(0, 30, 60))) == [(0, None)]


def test_the_step_of_a_kept_answer_is_the_shortest_distance_of_two_samples() -> None:
    stretch = read_alerts(answer(series(0, 60, host="a"), series(0, 15, 30, host="b")), "kept")
    assert stretch.step == timedelta(seconds=15)
    assert stretch.until - stretch.since == timedelta(seconds=60)


def test_one_lost_sample_ends_no_alert_but_two_do() -> None:
    assert spans(answer(series(0, 30, 74)), STEP) == [(0, None)]
    assert spans(answer(series(0, 30, 90)), STEP) == [(0, 60), (90, None)]


def test_alerts_that_only_wait_are_left_out_and_so_is_what_is_no_alert() -> None:
    content = answer(series(0, host="a"), series(0, 30, state="pending", host="b"))
    firings = read_alerts(content, "kept").firings
    assert [dict(f.labels) for f in firings] == [{"alertname": "Down", "host": "a"}]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"no json", "not an answer of Prometheus"),
        (b"[1]", "not an answer of Prometheus"),
        (b'{"status": "error", "error": "no\\nway"}', "Prometheus refused: 'no way'"),
        (b'{"data": {"resultType": "vector", "result": []}}', "resultType"),
        (b'{"data": {"resultType": "matrix", "result": [{"metric": {}}]}}', "result.0.values"),
        (answer(), "no alert fires in it"),
        (answer(series(state="pending")), "no alert fires in it"),
        (answer(series(1e30)), "is no time"),
        (answer(series(1e9, float("nan"))), "nan is no time"),
        (answer(series(1e9, float("inf"))), "inf is no time"),
    ],
)
def test_what_is_no_such_answer_is_one_line_that_says_what_to_keep(
    content: bytes, said: str
) -> None:
    with pytest.raises(SourceError) as told:
        read_alerts(content, "kept.json")
    assert said in str(told.value)
    assert "kept.json" in str(told.value)
    assert "query_range" in str(told.value)
    assert "\n" not in str(told.value)


@given(
    st.binary(max_size=200)
    | st.recursive(
        st.none() | st.integers() | st.text(max_size=5),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(["data", "result", "metric", "values", "resultType"]),
                inner,
                max_size=3,
            )
        ),
    ).map(lambda value: json.dumps(value).encode())
)
def test_whatever_was_kept_is_read_or_refused(content: bytes) -> None:
    with suppress(SourceError):
        assert read_alerts(content, "kept.json").firings


@given(
    st.lists(st.integers(0, 400), min_size=1, max_size=60, unique=True),
    st.integers(1, 60),
)
def test_every_sample_lies_in_exactly_one_firing(at: list[int], step: int) -> None:
    every = timedelta(seconds=step)
    stretch = read_alerts(answer(series(*(each * step for each in at))), "kept", every)
    for each in at:
        moment = datetime.fromtimestamp(T0 + each * step, UTC)
        assert sum(firing.fires(moment) for firing in stretch.firings) == 1


@given(st.integers(1, 200_000), st.integers(1, 900))
def test_no_question_asks_for_more_points_than_prometheus_gives(length: int, step: int) -> None:
    since = datetime.fromtimestamp(T0, UTC)
    every, until = timedelta(seconds=step), since + timedelta(seconds=length)
    chunks = list(_chunks(since, until, every))
    assert chunks[0][0] == since
    assert chunks[-1][1] == until or until - chunks[-1][1] < every
    assert all((end - start) / every < 11_000 for start, end in chunks)
    assert all(b[0] - a[1] == every for a, b in pairwise(chunks))


def test_a_part_of_a_stretch_begins_and_ends_what_reaches_over_its_edges() -> None:
    whole = read_alerts(answer(series(*range(0, 301, 30), host="a"), series(0, host="b")), "kept")
    since, until = (datetime.fromtimestamp(T0 + at, UTC) for at in (60, 120))
    part = whole.cut(since, until)
    (firing,) = part.firings
    assert (part.since, part.until) == (since, until)
    assert (firing.labels["host"], firing.began, firing.ended) == ("a", since, None)
    assert whole.cut(None, None) == whole


def test_a_part_reaches_no_further_than_the_whole_and_nothing_fires_beside_it() -> None:
    whole = read_alerts(answer(series(*range(0, 301, 30), host="a")), "kept")
    hour = timedelta(hours=1)
    assert whole.cut(whole.since - hour, whole.until + hour) == whole
    assert whole.cut(whole.until + hour, whole.until + 2 * hour).firings == ()
    assert whole.cut(whole.since - 2 * hour, whole.since - hour).firings == ()
