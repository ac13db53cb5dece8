"""Answers to range queries as arrays on the grid that was asked for."""

import json
from math import isnan
from typing import Any

import pytest

from ingest.prometheus.ranges import Span, read_range
from kgraph.schema import SourceError

_SPAN = Span(1000.0, 1180.0, 60.0)


def _answer(*series: tuple[dict[str, str], list[list[Any]]], **more: Any) -> bytes:
    rows = [{"metric": labels, "values": values} for labels, values in series]
    data = {"resultType": "matrix", "result": rows}
    return json.dumps({"status": "success", "data": data} | more).encode()


def test_samples_stand_where_they_were_asked_for_and_gaps_stay_gaps() -> None:
    found = read_range(_answer(({"a": "1"}, [[1000, "1"], [1120.0, "2.5"]])), _SPAN, "p")
    assert list(_SPAN.times) == [1000, 1060, 1120, 1180]
    assert [None if isnan(v) else v for v in found.values[0]] == [1, None, 2.5, None]
    assert found.labels == ({"a": "1"},)


def test_what_is_no_number_is_no_measurement() -> None:
    values = [[1000, "NaN"], [1060, "+Inf"], [1120, "-Inf"], [1180, "1e3"]]
    found = read_range(_answer(({}, values)), _SPAN, "p")
    assert [isnan(v) for v in found.values[0]] == [True, True, True, False]


def test_samples_of_another_time_are_left_out() -> None:
    found = read_range(_answer(({}, [[500, "1"], [9000, "1"]])), _SPAN, "p")
    assert all(isnan(v) for v in found.values[0])


def test_no_series_make_no_rows() -> None:
    assert read_range(_answer(), _SPAN, "p").values.shape == (0, 4)


def test_warnings_are_kept() -> None:
    assert read_range(_answer(warnings=["half"]), _SPAN, "p").warnings == ("half",)


@pytest.mark.parametrize(
    "content", [b"", b"<html>", _answer(({}, []))[:-9], b"[]", b'{"data": 1}']
)
def test_what_is_cut_off_or_something_else_is_refused_in_one_line(content: bytes) -> None:
    with pytest.raises(SourceError, match="no whole answer of Prometheus") as refused:
        read_range(content, _SPAN, "http://p")
    assert "\n" not in str(refused.value)
