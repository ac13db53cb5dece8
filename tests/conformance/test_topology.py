"""What a store tells of its bare topology, so that it can be held in memory and kept up."""

from __future__ import annotations

from datetime import timedelta

from kgraph.schema import Key, Observation, Record, RelationRecord, State
from kgraph.store import GraphStore, TopologyDelta
from kgraph.topology import Topology, build, patched
from tests.conformance.conftest import T0, Sync

H1 = Record("h1", "Host", keys=(Key("smbiosUuid", "5f3c6d1e-0000-4000-8000-000000000001"),))
H2 = Record("h2", "Host")
V1 = Record("v1", "VirtualMachine")
V2 = Record("v2", "VirtualMachine")
ON_H1 = RelationRecord("v1", "RUNS_ON", "h1")


def rows(topology: Topology) -> set[tuple[str, str, int, frozenset[str]]]:
    uids = topology.uids
    return {
        (
            uids[int(topology.owner[g])],
            topology.type[g],
            int(topology.need[g]),
            frozenset(uids[m] for m in topology.members(g)),
        )
        for g in range(len(topology.owner))
    }


def built(delta: TopologyDelta) -> Topology:
    return build(delta.entities, delta.relations)


def keeps_up(before: TopologyDelta, store: GraphStore) -> None:
    """See that what was touched since, put onto the graph of before, gives the graph of now."""
    after = store.delta(before.version)
    now = built(store.delta())
    patch = patched(built(before), after.gone, after.entities, after.relations)
    assert set(patch.uids) == set(now.uids)
    assert rows(patch) == rows(now)
    assert after.store == before.store


def test_nothing_was_touched_since_the_newest_version(store: GraphStore, sync: Sync) -> None:
    sync(H1, V1, ON_H1)
    newest = store.delta()
    after = store.delta(newest.version)
    assert (after.gone, after.entities, after.relations) == ((), (), ())
    assert after.version == newest.version == store.version()


def test_what_comes_goes_and_moves_is_told_since_any_version(
    store: GraphStore, sync: Sync
) -> None:
    states = [store.delta()]
    for reading in (
        (H1, V1, ON_H1),
        (H1, H2, V1, V2, ON_H1, RelationRecord("v2", "RUNS_ON", "h2")),
        (
            H1,
            H2,
            V1,
            V2,
            RelationRecord("v1", "RUNS_ON", "h2"),
            RelationRecord("v2", "USES", "h2"),
        ),
        (H2, V1, RelationRecord("v1", "RUNS_ON", "h2")),
        (H2, V1, V2, RelationRecord("v1", "USES", "h2", "paths", 1)),
        (H1, H2, V1, V2, RelationRecord("v1", "USES", "h2", "paths", 1)),
    ):
        sync(*reading)
        for state in states:
            keeps_up(state, store)
        states.append(store.delta())


def test_who_depends_on_two_entities_that_become_one_is_told(
    store: GraphStore, sync: Sync
) -> None:
    sync(H2, V1, RelationRecord("v1", "RUNS_ON", "h2"), source="a")
    sync(H1, V2, RelationRecord("v2", "RUNS_ON", "h1"), source="b")
    before = store.delta()
    sync(Record("h2", "Host", keys=H1.keys), V1, RelationRecord("v1", "RUNS_ON", "h2"), source="a")
    assert len([e for e in store.delta().entities if e.kind == "Host"]) == 1
    keeps_up(before, store)


def test_what_only_looks_different_leaves_who_depends_on_whom_as_it_was(
    store: GraphStore, sync: Sync
) -> None:
    sync(H1, V1, ON_H1)
    before = store.delta()
    sync(Record("h1", "Host", "renamed", H1.keys, props={"load": 3}), V1, ON_H1)
    keeps_up(before, store)
    sync(Record("h1", "Host", "renamed", H1.keys, props={"load": 4}, volatile=frozenset({"load"})),
         V1, ON_H1)  # fmt: skip
    keeps_up(before, store)


def test_a_part_is_its_entities_and_what_the_inner_ones_depend_on_within_it(
    store: GraphStore, sync: Sync
) -> None:
    needs = [("v2", "RUNS_ON", "h2"), ("v2", "USES", "v1")]
    sync(H1, H2, V1, V2, ON_H1, *(RelationRecord(*ends) for ends in needs))
    uid = {entity.name: entity.uid for entity in store.find()}
    part = store.part([uid["v2"]], [uid["h2"], uid["h1"]])
    assert [entity.name for entity in part.entities] == ["h1", "h2", "v2"]
    assert [(r.type, r.dependency) for r in part.relations] == [("RUNS_ON", uid["h2"])]
    assert store.part([]).entities == ()
    assert store.part(["nobody"]).relations == ()


def test_a_part_that_was_read_before_is_told_as_it_is_now(store: GraphStore, sync: Sync) -> None:
    def loaded(load: int) -> Record:
        return Record("h1", "Host", props={"load": load}, volatile=frozenset({"load"}))

    sync(loaded(3), H2, V1, ON_H1)
    uid = {entity.name: entity.uid for entity in store.find()}

    def told() -> tuple[list[tuple[str, object]], list[str]]:
        part = store.part([uid["v1"]], [uid["h1"], uid["h2"]])
        rows = [(entity.name, entity.props.get("load")) for entity in part.entities]
        return rows, [relation.dependency for relation in part.relations]

    assert told() == ([("h1", 3), ("h2", None), ("v1", None)], [uid["h1"]])
    version = store.version()
    sync(loaded(4), H2, V1, ON_H1)
    assert store.version() == version  # no topology changes by that
    assert told() == ([("h1", 4), ("h2", None), ("v1", None)], [uid["h1"]])
    sync(loaded(4), H2, V1, RelationRecord("v1", "RUNS_ON", "h2"))
    assert told()[1] == [uid["h2"]]
    sync(loaded(4), V1)
    assert told() == ([("h1", 4), ("v1", None)], [])


def test_symptoms_are_what_is_abnormal_and_has_not_expired(store: GraphStore, sync: Sync) -> None:
    sync(H1, V1, ON_H1)
    host, guest = (entity.uid for entity in store.find())
    until = T0 + timedelta(hours=1)
    store.observe(
        [
            Observation(host, "down", State.ABNORMAL, at=T0, expires_at=until),
            Observation(guest, "down", State.HEALTHY, at=T0),
        ]
    )
    assert [(s.entity, s.signal) for s in store.symptoms(now=T0)] == [(host, "down")]
    assert store.symptoms(now=until) == []
