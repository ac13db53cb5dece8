"""Incidents in the embedded store."""

from __future__ import annotations

from typing import Any

from kgraph.schema import IncidentHead, IncidentRecord, IncidentStatus
from kgraph.store._ticks import from_ticks, to_ticks
from kgraph.store.sqlite.part import Part


class Incidents(Part):
    """See `IncidentStore`."""

    def save_incident(self, record: IncidentRecord) -> None:
        """Keep an incident; an earlier one of the same id is replaced."""
        with self._database.writing() as sql:
            sql.execute(
                "INSERT OR REPLACE INTO incident VALUES (?, ?, ?, ?, ?, ?, ?)",
                (
                    record.id,
                    record.status.value,
                    to_ticks(record.opened_at),
                    to_ticks(record.updated_at),
                    record.title,
                    record.bundle,
                    record.answer,
                ),
            )

    def incident(self, incident_id: str) -> IncidentRecord | None:
        """Return one incident."""
        with self._database.reading() as sql:
            row = sql.execute("SELECT * FROM incident WHERE id = ?", (incident_id,)).fetchone()
        return _record(row) if row else None

    def incidents(
        self, status: IncidentStatus | None = None, limit: int = 100
    ) -> list[IncidentRecord]:
        """Return incidents, newest first."""
        where, asked = _asked(status, None)
        with self._database.reading() as sql:
            rows = sql.execute(
                f"SELECT * FROM incident{where} ORDER BY opened_at DESC, id DESC LIMIT ?",  # noqa: S608 - constants
                (*asked, limit),
            )
            return [_record(row) for row in rows]

    def heads(
        self,
        status: IncidentStatus | None = None,
        *,
        limit: int = 100,
        after: IncidentHead | None = None,
    ) -> list[IncidentHead]:
        """Return incidents without their documents, newest first; only those behind `after`."""
        where, asked = _asked(status, after)
        with self._database.reading() as sql:
            rows = sql.execute(
                f"SELECT id, status, opened_at, updated_at, title FROM incident{where}"  # noqa: S608 - constants
                " ORDER BY opened_at DESC, id DESC LIMIT ?",
                (*asked, limit),
            )
            return [_head(row) for row in rows]

    def count_incidents(self, status: IncidentStatus) -> int:
        """Return how many there are."""
        with self._database.reading() as sql:
            (found,) = sql.execute(
                "SELECT count(*) FROM incident WHERE status = ?", (status.value,)
            ).fetchone()
        return int(found)


def _asked(
    status: IncidentStatus | None, after: IncidentHead | None
) -> tuple[str, tuple[object, ...]]:
    """Return a condition on incidents, and its parameters; what is not asked does not stand there.

    Beside an `OR` SQLite would use no index.
    """
    asked: list[tuple[str, tuple[object, ...]]] = []
    if status is not None:
        asked.append(("status = ?", (status.value,)))
    if after is not None:
        asked.append(("(opened_at, id) < (?, ?)", (to_ticks(after.opened_at), after.id)))
    where = f" WHERE {' AND '.join(each for each, _ in asked)}" if asked else ""
    return where, tuple(value for _, values in asked for value in values)


def _head(row: tuple[Any, ...]) -> IncidentHead:
    id_, status, opened, updated, title = row
    times = from_ticks(opened), from_ticks(updated)
    return IncidentHead(id_, IncidentStatus(status), *times, title)


def _record(row: tuple[Any, ...]) -> IncidentRecord:
    id_, status, opened, updated, title, bundle, answer = row
    return IncidentRecord(
        id_,
        IncidentStatus(status),
        from_ticks(opened),
        from_ticks(updated),
        title,
        bundle,
        answer,
    )
