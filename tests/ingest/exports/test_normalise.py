"""What a round of checks says of each export, and what it never forgets."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from ingest.exports import (
    Acceptance,
    Address,
    ExportError,
    Look,
    Reason,
    Round,
    Target,
    Use,
    findings,
    snapshot,
)
from kgraph.schema import Item, Key, Observation, Record, RelationRecord, State

NOW = datetime(2026, 11, 23, 3, 7, tzinfo=UTC)
ADDRESS = Address("10.77.0.1", 10809, "vmstore")
KEY = "export:nbd://10.77.0.1:10809/vmstore"
ROUND = Round("exports", "default", NOW, timedelta(minutes=1))
OLD = Look(1 << 30, "mbr:1a2b3c4d-00000000")
NEW = Look(2 << 30, "mbr:99999999-00000000")
USED = Target(ADDRESS, "default", Use.USED, OLD)


def told(
    target: Target, seen: Look | Reason | None, acceptance: Acceptance = Acceptance.HOLD
) -> list[Item]:
    found = {} if seen is None else {ADDRESS: _found(seen)}
    return list(snapshot([target], found, ROUND, complete=True, acceptance=acceptance).items)


def _found(seen: Look | Reason) -> Look | ExportError:
    return seen if isinstance(seen, Look) else ExportError(seen, "why", where=ADDRESS.text)


def record(items: list[Item]) -> Record:
    return next(i for i in items if isinstance(i, Record) and i.kind == "StorageExport")


def standing(items: list[Item]) -> dict[str, State]:
    return {
        item.signal: item.state
        for item in items
        if isinstance(item, Observation) and item.entity == KEY and item.expires_at != item.at
    }


def details(items: list[Item]) -> list[str]:
    return [i.detail for i in items if isinstance(i, Observation) and i.abnormal]


WELL = dict.fromkeys(("down", "hung", "unreachable"), State.HEALTHY)


def test_an_export_is_the_one_that_libvirt_tells_of() -> None:
    found = record(told(USED, OLD))
    assert found.key == KEY
    assert found.keys == (Key("exportAddress", "nbd://10.77.0.1:10809/vmstore"),)
    assert found.props["sizeBytes"] == OLD.size_bytes
    assert found.props["signature"] == OLD.signature


def test_what_answers_as_before_is_well() -> None:
    assert standing(told(USED, OLD)) == WELL


@pytest.mark.parametrize(
    ("reason", "says"),
    [
        (Reason.REFUSED, {"down": State.ABNORMAL}),
        (Reason.NO_SUCH_EXPORT, {"down": State.ABNORMAL}),
        (Reason.SILENT, {"hung": State.ABNORMAL}),
        (Reason.UNREACHABLE, {"unreachable": State.ABNORMAL}),
        (Reason.UNNAMED, {}),
        (Reason.DROPPED, {"anomaly": State.ABNORMAL}),
        (Reason.NONSENSE, {"anomaly": State.ABNORMAL}),
        (
            Reason.UNREADABLE,
            {"errors": State.ABNORMAL, "hung": State.HEALTHY, "unreachable": State.HEALTHY},
        ),
        (Reason.GUARDED, WELL),
    ],
)
def test_each_way_to_fail_proves_its_own_and_withdraws_the_rest(
    reason: Reason, says: dict[str, State]
) -> None:
    items = told(USED, reason)
    assert standing(items) == says
    rows = [i for i in items if isinstance(i, Observation) and i.entity == KEY]
    assert len(rows) == 5, "what was said before of any signal is replaced"
    assert {row.detector for row in rows} == {"nbd/nbd://10.77.0.1:10809/vmstore"}


def test_a_name_that_is_not_known_here_is_told() -> None:
    unnamed = ExportError(Reason.UNNAMED, "cannot resolve the name", where=ADDRESS.text)
    assert findings({ADDRESS: unnamed}) == [str(unnamed)]


@pytest.mark.parametrize("reason", list(Reason))
def test_the_baseline_outlives_every_failure(reason: Reason) -> None:
    assert record(told(USED, reason)).props["signature"] == OLD.signature


def test_another_disk_under_guests_is_an_anomaly_and_the_baseline_stays() -> None:
    items = told(USED, NEW)
    assert standing(items) == WELL | {"anomaly": State.ABNORMAL}
    assert record(items).props["sizeBytes"] == OLD.size_bytes
    told_of = (
        "its size was 1073741824 bytes and is 2147483648; its signature was"
        " mbr:1a2b3c4d-00000000 and is mbr:99999999-00000000"
    )
    assert details(items) == [told_of]


def test_a_person_may_accept_the_new_disk() -> None:
    items = told(USED, NEW, Acceptance.ACCEPT)
    assert standing(items) == WELL
    assert record(items).props["signature"] == NEW.signature


def test_an_export_that_nobody_uses_may_hold_anything() -> None:
    free = Target(ADDRESS, "default", Use.FREE, OLD)
    items = told(free, NEW)
    assert standing(items) == WELL
    assert record(items).props["signature"] == NEW.signature


def test_a_guest_that_formats_its_empty_disk_does_nothing_wrong() -> None:
    empty = Target(ADDRESS, "default", Use.USED, Look(NEW.size_bytes, "none"))
    items = told(empty, NEW)
    assert standing(items) == WELL
    assert record(items).props["signature"] == NEW.signature


def test_a_disk_that_is_suddenly_empty_is_an_anomaly() -> None:
    items = told(USED, Look(OLD.size_bytes, "none"))
    assert details(items) == ["its signature was mbr:1a2b3c4d-00000000 and is none"]


def test_an_export_that_was_not_looked_at_keeps_its_record_and_says_nothing() -> None:
    items = told(USED, None)
    assert record(items).props["signature"] == OLD.signature
    assert standing(items) == {}


def test_the_checks_are_a_probe_that_watches_each_export() -> None:
    items = told(USED, OLD)
    (relation,) = [i for i in items if isinstance(i, RelationRecord)]
    assert (relation.dependent, relation.type) == (KEY, "WATCHED_BY")
    probe = next(i for i in items if isinstance(i, Record) and i.kind == "Probe")
    assert relation.dependency == probe.key
