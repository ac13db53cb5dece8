"""What sources tell, a person decides and is forgotten, in any order: the store stays sound."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import given, settings
from hypothesis import strategies as st

from kgraph.schema import (
    Decision,
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
KEYS = [Key("smbiosUuid", f"0000000{n}-0000-4000-8000-00000000000{n}") for n in (1, 2)]
KEYS += [Key("vendorSerial", f"ACME/{n}7") for n in (1, 2)] + [Key("hostname", "h")]

hosts = st.dictionaries(
    st.sampled_from("xyz"), st.frozensets(st.sampled_from(KEYS), max_size=3), max_size=3
)
readings = st.tuples(st.just("read"), st.sampled_from("ab"), hosts)
merges = st.tuples(st.just("merge"), st.integers(0, 9), st.integers(0, 9))
splits = st.tuples(st.just("split"), st.integers(0, 9), st.sampled_from("ab"))
prunes = st.tuples(st.just("forget"), st.integers(1, 9), st.just(0))
steps = st.lists(readings | merges | splits | prunes, min_size=2, max_size=12)


def read(store: GraphStore, source: str, said: dict[str, frozenset[Key]], at: datetime) -> None:
    with store.sync(source, "", complete=True, at=at) as run:
        run.stage(
            [Record(key, "Host", key, tuple(sorted(keys))) for key, keys in sorted(said.items())]
        )
        run.stage([Record("keeps", "VirtualMachine")])
        run.stage([RelationRecord("keeps", "RUNS_ON", key) for key in sorted(said)])
        run.commit()


def decide(store: GraphStore, step: tuple[str, int, object], at: datetime) -> None:
    found = store.find(kind="Host")
    if not found:
        return
    first = found[step[1] % len(found)].uid
    with suppress(InputError):  # what makes no sense is refused, and changes nothing
        if step[0] == "merge":
            assert isinstance(step[2], int)
            other = found[step[2] % len(found)].uid
            store.merge(Decision(Sameness.SAME, first, other, at))
        else:
            provenance = store.provenance(first)
            assert provenance is not None
            mine = {r.record.key for r in provenance.records if r.source == step[2] and r.live}
            names = [RecordName(str(step[2]), key) for key in sorted(mine)]
            store.split(first, names, Decision(Sameness.APART, first, "", at))


@given(steps)
@settings(deadline=None)
def test_the_store_stays_sound_and_decisions_hold(made: list[tuple[str, object, object]]) -> None:
    with TemporaryDirectory() as folder:
        store = new_store(Path(folder) / "k.db")
        for minute, step in enumerate(made):
            at = T0 + timedelta(minutes=minute)
            if step[0] == "read":
                read(store, str(step[1]), step[2], at)  # type: ignore[arg-type]
            elif step[0] == "forget":
                store.prune(at - timedelta(seconds=30), limit=step[1])  # type: ignore[arg-type]
            else:
                decide(store, step, at)  # type: ignore[arg-type]
            assert store.check() == []
            _obeyed(store)
            view = store.at(at)
            assert {e.uid for e in view.find()} == {e.uid for e in store.find()}
        store.close()


def _obeyed(store: GraphStore) -> None:
    def root(uid: str) -> str:
        found = store.provenance(uid)
        assert found is not None
        return found.uid

    decided = store.decisions()
    for n, row in enumerate(decided):
        later = {s.verdict for s in decided[n + 1 :]}
        if row.verdict is Sameness.SAME:
            assert root(row.uid) == root(row.other)
        elif Sameness.SAME not in later:  # else a person may have said otherwise since
            assert root(row.uid) != root(row.other)
