from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from ingest.detect.logs import journal_lines, text_lines
from ingest.detect.logs.drain import Templates
from ingest.detect.logs.masking import HIDDEN, without_secrets

NOW = datetime(2026, 11, 28, 10, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("raw", "host", "program", "loud", "text"),
    [
        ("2026-11-28T09:59:00.5+00:00 h1 sshd[7]: Accepted", "h1", "sshd", False, "Accepted"),
        ("<11>Nov 28 09:59:00 h1 app: it is down", "h1", "app", True, "it is down"),
        ("2026-11-28 09:59:00,123 ERROR no such row", "", "", True, "ERROR no such row"),
        ("connection refused by db", "", "", True, "connection refused by db"),
    ],
)
def test_each_form_of_a_line_says_who_wrote_it_and_how_bad_it_is(
    raw: str,
    host: str,
    program: str,
    loud: bool,  # noqa: FBT001
    text: str,
) -> None:
    line = text_lines([raw.encode()], NOW).lines[0]
    assert line[1:] == (host, program, loud, text)
    assert line.at <= NOW.timestamp()


def test_a_time_with_a_zone_is_that_moment() -> None:
    line = text_lines([b"2026-11-28T11:59:00+02:00 h1 a: b"], NOW).lines[0]
    assert line.at == NOW.timestamp() - 60


def test_a_time_in_december_read_in_january_is_of_last_year() -> None:
    now = datetime(2027, 1, 1, 0, 5, tzinfo=UTC)
    line = text_lines([b"Dec 31 12:00:00 h1 a: b"], now).lines[0]
    assert datetime.fromtimestamp(line.at, UTC).year == 2026


def test_binary_garbage_is_counted_and_stops_no_line() -> None:
    read = text_lines([b"good", b"\x00\x01\x02", b"\xff\xfe\xfd\xfc" * 9, b"", b"also good"], NOW)
    assert [line.text for line in read.lines] == ["good", "also good"]
    assert read.garbage == 2


def test_truncated_entries_of_a_journal_are_counted_and_the_cursor_is_the_last_good_one() -> None:
    entry = {
        "__CURSOR": "s=1;i=2", "__REALTIME_TIMESTAMP": "1795859940000000", "MESSAGE": "went away",
        "_HOSTNAME": "h1", "_SYSTEMD_UNIT": "db.service", "PRIORITY": "3",
    }  # fmt: skip
    whole = json.dumps(entry).encode()
    read = journal_lines([whole, whole[:40], b"[]", b"\xff"])
    assert [line[1:] for line in read.lines] == [("h1", "db.service", True, "went away")]
    assert (read.garbage, read.cursor) == (3, "s=1;i=2")


@pytest.mark.parametrize(
    "text",
    [
        "login with password=hunter2 failed",
        'posting {"token": "hunter2", "a": 1}',
        "client_secret: hunter2",
        "Authorization: Bearer hunter2hunter2",
        "GET https://ada:hunter2@db.example/x",
        "API-KEY=hunter2&x=1",
    ],
)
def test_secrets_are_blotted_out_before_anything_is_kept(text: str) -> None:
    assert "hunter2" not in without_secrets(text)
    assert HIDDEN in without_secrets(text)
    line = text_lines([text.encode()], NOW).lines[0]
    assert "hunter2" not in line.text


def test_lines_that_differ_in_values_are_one_template_and_others_are_not() -> None:
    templates = Templates()
    same = {
        templates.of("sshd", f"Accepted key for u{n} from 10.0.0.{n} port {n * 7}")
        for n in range(9)
    }
    words = {templates.of("app", f"order by {who} was shipped") for who in ("ada", "bob", "eve")}
    other = templates.of("app", "disk is full")
    assert len(same) == len(words) == 1
    assert templates.text(words.pop()) == "order by <*> was shipped"
    assert templates.text(same.pop()) == "Accepted key for u<*> from <*> port <*>"
    assert templates.text(other) == "disk is full"


def test_templates_are_the_same_after_they_were_kept() -> None:
    templates = Templates()
    said = ["order by ada was shipped", "order by bob was shipped", "id=7 is free", "x"]
    first = [templates.of("app", text) for text in said]
    again = Templates.of_rows(json.loads(json.dumps(templates.rows())))
    assert [again.of("app", text) for text in said] == first
    assert again.rows() == templates.rows()
