"""A topology source that nobody read lately lowers what rests on it, in every way of asking."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from kgraph.app.asking.investigation import Investigation, Toolkit, of_store
from kgraph.app.configured.toolkit import toolkit
from kgraph.app.incidents.replay import of_record
from kgraph.app.watch.assess import Assessment, Assessor
from kgraph.config import Configuration, Settings
from kgraph.schema import Observation, State
from kgraph.store import GraphStore
from tests.kgraph.app.stored.test_topologies import NOW, fill
from tests.stores import new_store

READ_AGO = timedelta(days=4)


@pytest.fixture(params=[2, 70], ids=["explained whole", "explained in parts"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[GraphStore]:
    with closing(new_store(tmp_path / "kgraph.db")) as opened:
        fill(opened, hosts=request.param)
        yield opened


@pytest.fixture
def tools(tmp_path: Path) -> Toolkit:
    return toolkit(Configuration(Settings(), home=tmp_path), NOW)


def see(store: GraphStore) -> None:
    """Let all guests of a host alarm; nobody tells of the host itself."""
    uids = [e.uid for e in store.find() if e.name.startswith("g1-")]
    at = NOW + timedelta(minutes=1)
    store.observe(Observation(uid, "down", State.ABNORMAL, at=at, detector="test") for uid in uids)


def chance(found: Investigation) -> float:
    return found.case.answer.causes[0].posterior


def asked(store: GraphStore, tools: Toolkit, after: timedelta) -> Investigation:
    return of_store(store, replace(tools, now=NOW + after))[0]


def test_the_chance_of_what_rests_on_a_stale_source_is_less_and_the_answer_says_so(
    store: GraphStore, tools: Toolkit
) -> None:
    see(store)
    fresh, old = asked(store, tools, timedelta(minutes=2)), asked(store, tools, READ_AGO)
    assert not any("last read" in line for line in fresh.case.answer.warnings)
    assert fresh.case.incident.stale == {}
    assert old.case.answer.causes[0].entity == fresh.case.answer.causes[0].entity
    assert chance(old) == pytest.approx(chance(fresh) * 0.97**4, rel=1e-6)
    assert any(line.startswith("last read doc 4 d ago") for line in old.case.answer.warnings)


def test_a_reading_that_failed_makes_a_source_no_younger(
    store: GraphStore, tools: Toolkit
) -> None:
    see(store)
    with store.sync("doc", "h1 connection", complete=False, at=NOW + READ_AGO) as run:
        run.commit()
    old = asked(store, tools, READ_AGO)
    assert any(line.startswith("last read doc 4 d ago") for line in old.case.answer.warnings)
    assert all(row.read_at < NOW + READ_AGO for row in old.case.sources)


def look(watch: Assessor, after: timedelta) -> Assessment | None:
    found = watch.assess(NOW + after, ())
    return found[0] if found else None


def test_the_watch_explains_anew_when_a_source_becomes_stale_and_when_it_is_read_again(
    store: GraphStore, tools: Toolkit
) -> None:
    see(store)
    watch = Assessor(store, tools)
    first = look(watch, timedelta(minutes=2))
    assert first is not None
    assert look(watch, timedelta(minutes=2, seconds=1)) is None  # nothing is new
    then = look(watch, timedelta(hours=2))
    assert then is not None
    assert chance(then.kept[0].investigation) < chance(first.kept[0].investigation)
    fill(store, hosts=2 if watch.size() < 1000 else 70, minute=121)
    again = look(watch, timedelta(hours=2, minutes=2))
    assert again is not None
    assert chance(again.kept[0].investigation) == chance(first.kept[0].investigation)


def test_a_kept_answer_that_a_stale_source_has_lowered_is_replayed_to_the_byte(
    store: GraphStore, tools: Toolkit
) -> None:
    see(store)
    look(Assessor(store, tools), READ_AGO)
    (record,) = store.incidents()
    assert "last read doc 4 d ago" in record.answer
    assert of_record(record, replace(tools, now=NOW + 2 * READ_AGO)).identical
