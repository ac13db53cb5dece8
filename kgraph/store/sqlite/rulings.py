"""Rulings in the embedded store."""

from __future__ import annotations

from typing import Any

from kgraph.schema import Ruling
from kgraph.store._ticks import from_ticks, to_ticks
from kgraph.store.sqlite.part import Part

_COLUMNS = "incident, uid, kind, mode, right, posterior, change_type, at, by, reason"
_SAVE = f"INSERT OR REPLACE INTO ruling ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"  # noqa: S608 - constants
_ALL = f"SELECT {_COLUMNS} FROM ruling ORDER BY at, incident, uid"  # noqa: S608 - constants
_FORGET = "DELETE FROM ruling WHERE ?1 IS NULL OR incident = ?1"


class Rulings(Part):
    """See `RulingStore`."""

    def rule(self, ruling: Ruling) -> None:
        """Keep a ruling; an earlier one on the same cause of the same incident is replaced."""
        with self._database.writing() as sql:
            sql.execute(
                _SAVE,
                (
                    ruling.incident,
                    ruling.entity,
                    ruling.kind,
                    ruling.mode,
                    ruling.right,
                    ruling.posterior,
                    ruling.change,
                    to_ticks(ruling.at),
                    ruling.by,
                    ruling.reason,
                ),
            )

    def rulings(self) -> list[Ruling]:
        """Return all rulings, oldest first."""
        with self._database.reading() as sql:
            return [_ruling(row) for row in sql.execute(_ALL)]

    def forget_rulings(self, incident: str | None = None) -> int:
        """Forget those of one incident, or all; return how many."""
        with self._database.writing() as sql:
            return sql.execute(_FORGET, (incident,)).rowcount


def _ruling(row: tuple[Any, ...]) -> Ruling:
    incident, uid, kind, mode, right, posterior, change, at, *told = row
    return Ruling(incident, uid, kind, mode, bool(right), posterior, change, from_ticks(at), *told)
