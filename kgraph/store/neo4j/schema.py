"""Labels, constraints and indexes of the Neo4j store, and its version.

What people query: `Entity` with its kind, typed relations, `Incident`, `Plan`. Bookkeeping has
labels that begin with `_Kg`, and properties that begin with `_`. Constraints are derived from the
declared schema; keys need the Enterprise edition, so these are for uniqueness.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from kgraph.schema import RELATIONS
from kgraph.store.neo4j.statements import Statements

VERSION = 4
# Version -> statements that bring a store of the one before up to it. Forward only.
MIGRATIONS: Mapping[int, tuple[str, ...]] = {
    2: (
        "MATCH (meta:_KgMeta {id: 0}) SET meta.store = randomUUID()",
        "MATCH (entity:Entity) SET entity._version = 0",
        # A closed relation becomes a node, so that no path leads over it.
        f"""\
MATCH (a:Entity)-[r:{"|".join(RELATIONS)}]->(b:Entity)
WHERE r.validTo IS NOT NULL
CREATE (past:PastRelation)
SET past += {{
  dependent: a.uid, type: type(r), dependency: b.uid, group: r.group, need: r.need,
  source: r.source, scope: r.scope, validFrom: r.validFrom, validTo: r.validTo
}}
DELETE r""",
    ),
    3: (),  # documents: their constraint and index are all that they need
    4: (),  # likewise what is forgotten, by when it ended, and incidents by how they stand
}
# Label -> properties that name one node, together.
_UNIQUE: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("Entity", ("uid",)),
    ("Entity", ("_id",)),
    ("Incident", ("id",)),
    ("Plan", ("id",)),
    ("_KgMeta", ("id",)),
    ("_KgTurnstile", ("id",)),
    ("_KgScope", ("id",)),
    ("_KgScope", ("source", "scope")),
    ("_KgRecord", ("id",)),
    ("_KgRecord", ("scope", "key")),
    ("_KgPending", ("name",)),
    ("_KgObservation", ("name",)),
    ("_KgCoverage", ("name",)),
    ("_KgIncident", ("id",)),
    ("_KgLease", ("name",)),
    ("_KgHalt", ("id",)),
    ("_KgAudit", ("id",)),
    ("_KgDecision", ("id",)),
    ("_KgDocument", ("name",)),
)
_INDEXED: tuple[tuple[str, str], ...] = (
    ("Entity", "name"),
    ("Entity", "_mergedInto"),
    ("Entity", "_version"),
    ("PastRelation", "dependent"),
    ("PastRelation", "dependency"),
    ("PastRelation", "validTo"),
    ("Incident", "status"),
    ("Plan", "incident"),
    ("_KgRecord", "entity"),
    ("_KgRecord", "key"),
    ("_KgClaim", "value"),
    ("_KgClaim", "record"),
    ("_KgPending", "scope"),
    ("_KgObservation", "entity"),
    ("_KgCoverage", "entity"),
    ("_KgChange", "at"),
    ("_KgChange", "entity"),
    ("_KgDocument", "drawer"),
    ("_KgJournal", "plan"),
    ("_KgRecordVersion", "record"),
    ("_KgRecordVersion", "until"),
    ("_KgEntityVersion", "entity"),
    ("_KgEntityVersion", "until"),
    ("_KgObservationVersion", "entity"),
    ("_KgObservationVersion", "until"),
)
META = """\
MERGE (meta:_KgMeta {id: 0})
ON CREATE SET meta += {schema: $version, topology: 0, entities: 0, records: 0, links: 0, rows: 0}
SET meta.store = coalesce(meta.store, randomUUID())
RETURN meta.schema"""


def version_of(statements: Statements) -> int:
    """Return the version of the store in a database, 0 where there is none."""
    row = statements.one("MATCH (meta:_KgMeta {id: 0}) RETURN meta.schema")
    return int(row[0]) if row else 0


def migrate(statements: Statements) -> None:
    """Bring an older store up, all the way or not at all; the caller holds the writers' lock."""
    for version in range(version_of(statements) + 1, VERSION + 1):
        for text in MIGRATIONS[version]:
            statements.rows(text)
    statements.rows("MATCH (meta:_KgMeta {id: 0}) SET meta.schema = $version", version=VERSION)


def missing(statements: Statements) -> list[str]:
    """Return the statements that make the constraints and indexes that are not there yet."""
    there = {name for (name,) in statements.rows("SHOW INDEXES YIELD name RETURN name")}
    return [text for name, text in _definitions() if name not in there]


def _definitions() -> Iterator[tuple[str, str]]:
    for label, names in _UNIQUE:
        name = f"kgraph_{label}_{'_'.join(names)}".lower()
        keys = ", ".join(f"n.{key}" for key in names)
        yield (
            name,
            f"CREATE CONSTRAINT {name} IF NOT EXISTS FOR (n:{label}) REQUIRE ({keys}) IS UNIQUE",
        )
    for label, key in _INDEXED:
        name = f"kgraph_{label}_{key}".lower()
        yield name, f"CREATE INDEX {name} IF NOT EXISTS FOR (n:{label}) ON (n.{key})"
    name = "kgraph_entity_folded"
    yield name, f"CREATE TEXT INDEX {name} IF NOT EXISTS FOR (n:Entity) ON (n._folded)"
    for type_ in RELATIONS:
        name = f"kgraph_{type_}_scope".lower()
        yield name, f"CREATE INDEX {name} IF NOT EXISTS FOR ()-[r:{type_}]-() ON (r._scope)"
