"""Whatever was read before: after a whole reading a source's relations are what it told."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import given, settings
from hypothesis import strategies as st

from kgraph.schema import (
    AllOf,
    Decision,
    Gone,
    InputError,
    Key,
    Record,
    RecordName,
    RelationRecord,
    Sameness,
)
from kgraph.store import GraphStore
from tests.stores import new_store

T0 = datetime(2026, 1, 1, tzinfo=UTC)
KEYS = "abcd"
_UUID = Key("smbiosUuid", "00000001-0000-4000-8000-000000000001")

records = st.dictionaries(st.sampled_from(KEYS), st.integers(0, 2), max_size=4)
links = st.sets(
    st.tuples(
        st.sampled_from(KEYS),
        st.sampled_from(["USES", "DEPENDS_ON"]),
        st.sampled_from(KEYS),
        st.sampled_from([None, "g"]),
    ),
    max_size=6,
)
whole = st.tuples(st.just("whole"), st.sampled_from("xy"), records, links)
partial = st.tuples(st.just("partial"), st.sampled_from("xy"), records, links)
decisions = st.tuples(st.sampled_from(["merge", "split"]), st.integers(0, 9), records, links)
steps = st.lists(whole | partial | decisions, min_size=2, max_size=10)
Links = set[tuple[str, str, str, str | None]]


def host(key: str, version: int) -> Record:
    """One with a key of its own; version 2 claims to be what others are, too."""
    keys = (_UUID,) if version == 2 else ()
    return Record(key, "Host", key, keys, props={"version": version})


def read(store: GraphStore, step: tuple[str, str, dict[str, int], Links], at: datetime) -> bool:
    kind, scope, told, wanted = step
    complete = kind == "whole"
    named = [row for row in wanted if row[0] in told and row[2] in told]
    if complete:
        told = {**told, "keeps": 0}
    try:
        with store.sync("src", scope, complete=complete, at=at) as run:
            run.stage([host(key, version) for key, version in sorted(told.items())])
            run.stage([RelationRecord(a, t, b, g, 1 if g else None) for a, t, b, g in named])
            if not complete:
                run.stage([AllOf(key) for key in sorted(told)[:1]])
                run.stage([Gone(key) for key in KEYS if key not in told][:1])
            run.commit()
    except InputError:
        return False
    return complete


def decide(store: GraphStore, verdict: str, number: int, at: datetime) -> None:
    hosts = store.find(kind="Host")
    if len(hosts) < 2:
        return
    first, second = hosts[number % len(hosts)].uid, hosts[(number + 1) % len(hosts)].uid
    try:
        if verdict == "merge":
            store.merge(Decision(Sameness.SAME, first, second, at))
            return
        found = store.provenance(first)
        assert found is not None
        live = [row.name for row in found.records if row.live]
        names = [RecordName(live[0].source, live[0].key, live[0].scope)]
        store.split(first, names, Decision(Sameness.APART, first, "", at))
    except InputError:
        return


@given(steps)
@settings(deadline=None)
def test_a_whole_reading_is_what_counts(
    made: list[tuple[str, object, dict[str, int], Links]],
) -> None:
    with TemporaryDirectory() as folder:
        store = new_store(Path(folder) / "k.db")
        for minute, step in enumerate(made):
            at = T0 + timedelta(minutes=minute)
            if step[0] in {"merge", "split"}:
                assert isinstance(step[1], int)
                decide(store, step[0], step[1], at)
            elif read(store, step, at):  # type: ignore[arg-type]
                _assert_as_told(store, str(step[1]), step[2], step[3])
            assert store.check() == []
        store.close()


def _assert_as_told(store: GraphStore, scope: str, told: dict[str, int], wanted: Links) -> None:
    """Compare with a store that has never read anything else of this scope's relations."""
    uid = {}
    for entity in store.find(kind="Host"):
        found = store.provenance(entity.uid)
        assert found is not None
        for row in found.records:
            if row.live and row.scope == scope:
                uid[row.record.key] = entity.uid
    expected = {
        (uid[a], t, uid[b], g)
        for a, t, b, g in wanted
        if a in told and b in told and uid[a] != uid[b]
    }
    with_ends = {(r.dependent, r.type, r.dependency, r.group) for r in store.graph().relations}
    assert expected <= with_ends
    others = _of_other_scopes(store, scope)
    assert with_ends - others <= expected | others


def _of_other_scopes(store: GraphStore, scope: str) -> set[tuple[str, str, str, str | None]]:
    """Return the open relations that another scope tells of."""
    with store.dump() as rows:
        found = list(rows)
    scopes = [values[1] for section, values in found if section == "scope"]
    return {
        (v[6], v[3], v[7], v[4])
        for section, v in found
        if section == "relation" and scopes[v[0] - 1] != scope
    }
