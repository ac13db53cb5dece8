"""The tables of the embedded store.

`entity` is what a uid stands for, for ever; `record` is what one source says of it now, and the
open `link` rows what it says of dependencies. Superseded rows move to `*_history`, so that the
tables that every query reads hold the present only. Times are microseconds since 1970, UTC.
"""

APPLICATION_ID = 0x6B677261  # "kgra", in the file's header
VERSION = 11

DDL_1 = """
CREATE TABLE meta (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
INSERT INTO meta VALUES ('topology', 0);

CREATE TABLE scope (
    id INTEGER PRIMARY KEY, source TEXT NOT NULL, scope TEXT NOT NULL,
    generation INTEGER NOT NULL DEFAULT 0, completed_at INTEGER,
    records INTEGER NOT NULL DEFAULT 0,
    digest BLOB,           -- of the last complete reading; NULL when something came in since
    findings TEXT NOT NULL DEFAULT '[]',
    UNIQUE (source, scope));

CREATE TABLE entity (
    id INTEGER PRIMARY KEY, uid TEXT NOT NULL UNIQUE, kind TEXT NOT NULL, name TEXT NOT NULL,
    since INTEGER,         -- NULL: closed
    merged_into INTEGER REFERENCES entity);
CREATE TABLE entity_history (
    entity INTEGER NOT NULL REFERENCES entity, since INTEGER NOT NULL, until INTEGER NOT NULL);
CREATE INDEX entity_history_entity ON entity_history (entity);

CREATE TABLE record (
    id INTEGER PRIMARY KEY, scope INTEGER NOT NULL REFERENCES scope, key TEXT NOT NULL,
    kind TEXT NOT NULL, name TEXT NOT NULL, entity INTEGER NOT NULL REFERENCES entity,
    hash BLOB NOT NULL, body TEXT NOT NULL, since INTEGER NOT NULL,
    live INTEGER NOT NULL CHECK (live IN (0, 1)),
    UNIQUE (scope, key));
CREATE INDEX record_entity ON record (entity);
CREATE TABLE record_history (
    record INTEGER NOT NULL REFERENCES record, entity INTEGER NOT NULL REFERENCES entity,
    name TEXT NOT NULL, body TEXT NOT NULL, since INTEGER NOT NULL, until INTEGER NOT NULL);
CREATE INDEX record_history_record ON record_history (record);

CREATE TABLE claim (
    namespace TEXT NOT NULL, value TEXT NOT NULL, site TEXT NOT NULL,
    record INTEGER NOT NULL REFERENCES record,
    PRIMARY KEY (namespace, value, site, record)) WITHOUT ROWID;
CREATE INDEX claim_record ON claim (record);

CREATE TABLE link (
    id INTEGER PRIMARY KEY, scope INTEGER NOT NULL REFERENCES scope,
    a_record INTEGER NOT NULL, type TEXT NOT NULL, b_record INTEGER NOT NULL,
    grp TEXT, need INTEGER,
    a INTEGER NOT NULL REFERENCES entity,  -- the dependent
    b INTEGER NOT NULL REFERENCES entity,  -- what it depends on
    since INTEGER NOT NULL);
CREATE INDEX link_scope ON link (scope);
CREATE INDEX link_a ON link (a);
CREATE INDEX link_b ON link (b);
CREATE TABLE link_history (
    scope INTEGER NOT NULL, a INTEGER NOT NULL, type TEXT NOT NULL, b INTEGER NOT NULL, grp TEXT,
    need INTEGER, since INTEGER NOT NULL, until INTEGER NOT NULL);
CREATE INDEX link_history_a ON link_history (a);
CREATE TABLE pending (
    scope INTEGER NOT NULL REFERENCES scope, a_key TEXT NOT NULL, type TEXT NOT NULL,
    b_key TEXT NOT NULL, grp TEXT, need INTEGER);
CREATE INDEX pending_scope ON pending (scope);

CREATE TABLE change (
    id INTEGER PRIMARY KEY, at INTEGER NOT NULL, entity INTEGER NOT NULL REFERENCES entity,
    type TEXT NOT NULL, detail TEXT NOT NULL, source TEXT NOT NULL);
CREATE INDEX change_at ON change (at);

CREATE TABLE observation (
    entity INTEGER NOT NULL REFERENCES entity, signal TEXT NOT NULL, detector TEXT NOT NULL,
    direction TEXT NOT NULL, caller TEXT NOT NULL, state TEXT NOT NULL, score REAL, at INTEGER,
    received_at INTEGER, expires_at INTEGER, detail TEXT NOT NULL,
    PRIMARY KEY (entity, signal, detector, direction, caller)) WITHOUT ROWID;
CREATE TABLE coverage (
    entity INTEGER NOT NULL REFERENCES entity, signal TEXT NOT NULL, detector TEXT NOT NULL,
    at INTEGER NOT NULL, ttl INTEGER NOT NULL,
    PRIMARY KEY (entity, signal, detector)) WITHOUT ROWID;

CREATE TABLE incident (
    id TEXT PRIMARY KEY, status TEXT NOT NULL, opened_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL, title TEXT NOT NULL, bundle TEXT NOT NULL, answer TEXT NOT NULL);
CREATE INDEX incident_opened ON incident (opened_at);
"""

_PLANS = """
CREATE TABLE plan (
    id TEXT PRIMARY KEY, incident TEXT NOT NULL, state TEXT NOT NULL, created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL, document TEXT NOT NULL, because TEXT NOT NULL);
CREATE INDEX plan_created ON plan (created_at);
CREATE INDEX plan_incident ON plan (incident);
CREATE TABLE journal (
    id INTEGER PRIMARY KEY, plan TEXT NOT NULL, step INTEGER NOT NULL, attempt INTEGER NOT NULL,
    state TEXT NOT NULL, at INTEGER NOT NULL, detail TEXT NOT NULL, token INTEGER NOT NULL);
CREATE INDEX journal_plan ON journal (plan);
-- A name stays when its lease is given back: tokens must never come twice.
CREATE TABLE lease (
    name TEXT PRIMARY KEY, holder TEXT NOT NULL, token INTEGER NOT NULL,
    expires_at INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE halt (
    id INTEGER PRIMARY KEY CHECK (id = 0), at INTEGER NOT NULL, reason TEXT NOT NULL);
"""

_HISTORY = """
-- Which store this is: what is kept beside it must not be taken for that of another.
INSERT INTO meta VALUES ('store', abs(random()));
-- The topology's version in which it, or what it depends on, was changed last.
ALTER TABLE entity ADD COLUMN version INTEGER NOT NULL DEFAULT 0;
CREATE INDEX entity_version ON entity (version);
-- A hash of the relations that it is the dependent of; NULL: not known, compare them.
ALTER TABLE record ADD COLUMN links BLOB;
-- Since when it is in this state without a break; NULL: not known, take `at`.
ALTER TABLE observation ADD COLUMN since INTEGER;
ALTER TABLE coverage ADD COLUMN since INTEGER;
CREATE INDEX observation_abnormal ON observation (entity) WHERE state = 'abnormal';
CREATE TABLE observation_history (
    entity INTEGER NOT NULL REFERENCES entity, signal TEXT NOT NULL, detector TEXT NOT NULL,
    direction TEXT NOT NULL, caller TEXT NOT NULL, state TEXT NOT NULL, score REAL, at INTEGER,
    received_at INTEGER, detail TEXT NOT NULL, since INTEGER NOT NULL, until INTEGER NOT NULL);
-- A state that another takes the place of is kept; one that is told again is not.
CREATE TRIGGER observation_superseded AFTER UPDATE ON observation
WHEN (old.state != new.state OR old.since != new.since) AND old.since < coalesce(new.since, 0)
BEGIN INSERT INTO observation_history VALUES (old.entity, old.signal, old.detector, old.direction,
    old.caller, old.state, old.score, old.at, old.received_at, old.detail, old.since,
    min(new.since, coalesce(old.expires_at, new.since))); END;
CREATE INDEX observation_history_entity ON observation_history (entity);
CREATE INDEX observation_history_until ON observation_history (until);
CREATE INDEX link_history_b ON link_history (b);
CREATE INDEX link_history_until ON link_history (until);
CREATE INDEX record_history_entity ON record_history (entity);
CREATE INDEX record_history_until ON record_history (until);
-- What a person said of two records, named as their sources name them; the newest counts.
CREATE TABLE decision (
    id INTEGER PRIMARY KEY, verdict TEXT NOT NULL CHECK (verdict IN ('same', 'apart')),
    a_source TEXT NOT NULL, a_key TEXT NOT NULL, b_source TEXT NOT NULL, b_key TEXT NOT NULL,
    at INTEGER NOT NULL, reason TEXT NOT NULL);
"""

_IDENTITY = """
-- Version 3 made it and never wrote to it.
DROP TABLE decision;
CREATE TABLE decision (
    id INTEGER PRIMARY KEY, verdict TEXT NOT NULL CHECK (verdict IN ('same', 'apart')),
    a INTEGER NOT NULL REFERENCES entity, b INTEGER NOT NULL REFERENCES entity,
    at INTEGER NOT NULL, by TEXT NOT NULL, reason TEXT NOT NULL);
CREATE INDEX decision_a ON decision (a);
CREATE INDEX decision_b ON decision (b);
-- Whom to believe where sources differ: the higher.
ALTER TABLE scope ADD COLUMN priority INTEGER NOT NULL DEFAULT 0;
"""

_AUDIT = """
CREATE TABLE audit (
    id INTEGER PRIMARY KEY, at INTEGER NOT NULL, event TEXT NOT NULL, body TEXT NOT NULL,
    hash TEXT NOT NULL);
"""

_FILING = """
CREATE TABLE document (
    drawer TEXT NOT NULL, id TEXT NOT NULL, at INTEGER NOT NULL, body TEXT NOT NULL,
    PRIMARY KEY (drawer, id)) WITHOUT ROWID;
CREATE INDEX document_at ON document (drawer, at, id);
"""

_LEARNED = """
-- What people said of causes; a later word on the same takes the place of an earlier one.
CREATE TABLE ruling (
    incident TEXT NOT NULL, uid TEXT NOT NULL, kind TEXT NOT NULL, mode TEXT NOT NULL,
    right INTEGER NOT NULL CHECK (right IN (0, 1)), posterior REAL NOT NULL,
    change_type TEXT NOT NULL, at INTEGER NOT NULL, by TEXT NOT NULL, reason TEXT NOT NULL,
    PRIMARY KEY (incident, uid)) WITHOUT ROWID;
"""

_FORESEEN = """
-- When what is foreseen is expected to come to pass.
ALTER TABLE observation ADD COLUMN due_at INTEGER;
ALTER TABLE observation_history ADD COLUMN due_at INTEGER;
DROP TRIGGER observation_superseded;
CREATE TRIGGER observation_superseded AFTER UPDATE ON observation
WHEN (old.state != new.state OR old.since != new.since) AND old.since < coalesce(new.since, 0)
BEGIN INSERT INTO observation_history VALUES (old.entity, old.signal, old.detector, old.direction,
    old.caller, old.state, old.score, old.at, old.received_at, old.detail, old.since,
    min(new.since, coalesce(old.expires_at, new.since)), old.due_at); END;
"""

_INTERVALS = """
-- What lies between two readings, as measured: half the one before, or more. NULL after the first.
ALTER TABLE scope ADD COLUMN interval INTEGER;
"""

_TOLD_CHANGES = """
-- Without what tells of the graph alone: of its first reading that is a row for every entity.
CREATE INDEX change_told ON change (at) WHERE type NOT IN ('discovered', 'merged', 'split');
"""

_FORGETTING = """
-- Whether anything still speaks of an entity is asked of each that is forgotten.
CREATE INDEX change_entity ON change (entity);
CREATE INDEX entity_merged ON entity (merged_into) WHERE merged_into IS NOT NULL;
-- A scope whose Pods come and go has soon more records that are dead than live.
CREATE INDEX record_live ON record (scope) WHERE live;
-- What is open is asked for at each look of a watch; most incidents of a year are closed.
CREATE INDEX incident_status ON incident (status, opened_at, id);
"""

# Version -> what has to be done to a store of the one before. Forward only.
_LATER = (
    _PLANS,
    _HISTORY,
    _IDENTITY,
    _AUDIT,
    _FILING,
    _LEARNED,
    _FORESEEN,
    _INTERVALS,
    _TOLD_CHANGES,
    _FORGETTING,
)
MIGRATIONS = dict(enumerate(_LATER, 2))
DDL = "".join((DDL_1, *_LATER))
