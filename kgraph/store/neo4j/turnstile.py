"""The turnstile that commits pass, so that no reader sees a part of one.

Neo4j applies a commit bit by bit: a reader may meet a relation without the properties by which it
was found. So a writer enters the turnstile just before its commit and leaves it after, each in a
transaction of its own. A reader that finds somebody in it, or that somebody has passed while it
read, reads again.
"""

from __future__ import annotations

from kgraph.store.neo4j.statements import Statements

CREATE = """\
MERGE (turnstile:_KgTurnstile {id: 0})
ON CREATE SET turnstile.entered = 0, turnstile.left = 0"""
_LOOK = "MATCH (turnstile:_KgTurnstile {id: 0}) RETURN turnstile.entered, turnstile.left"
_ENTER = "MATCH (turnstile:_KgTurnstile {id: 0}) SET turnstile.entered = $ticket"
# Whoever was quicker may have left with a higher ticket already.
_LEAVE = """\
MATCH (turnstile:_KgTurnstile {id: 0})
SET turnstile.lock = true
SET turnstile.left =
  CASE WHEN turnstile.left < $ticket THEN $ticket ELSE turnstile.left END"""


def last_ticket(statements: Statements) -> int | None:
    """Return the ticket of the last commit; None while one is under way."""
    row = statements.one(_LOOK)
    return int(row[0]) if row is not None and row[0] == row[1] else None


def next_ticket(statements: Statements) -> int:
    """Return the ticket of the next commit; the caller holds the writers' lock."""
    row = statements.one(_LOOK)
    return max(row) + 1 if row is not None else 1


def enter(statements: Statements, ticket: int) -> None:
    """Announce a commit."""
    statements.rows(_ENTER, ticket=ticket)


def leave(statements: Statements, ticket: int) -> None:
    """Tell that a commit is over, kept or not."""
    statements.rows(_LEAVE, ticket=ticket)


def free(statements: Statements) -> None:
    """Let out a writer that has died; the caller holds the writers' lock, so nobody commits."""
    row = statements.one(_LOOK)
    if row is not None and row[0] != row[1]:
        leave(statements, row[0])


def looking_back(text: str) -> str:
    """Return a statement that yields `entered`, `left`, and the column `uid` of another as a list.

    The turnstile is read behind an aggregation, which ends only after all before it was read.
    """
    return f"CALL () {{\n{text}\n}}\nWITH collect(DISTINCT uid) AS uids\n{_LOOK}, uids"
