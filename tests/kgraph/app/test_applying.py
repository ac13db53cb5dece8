"""Following a plan that another process carries out."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from kgraph.app import applying
from kgraph.app.applying import follow, preview
from kgraph.app.incidents.plans import propose
from kgraph.app.reading.sync import Job
from kgraph.app.watch.collect import Collector
from kgraph.config import Configuration, Settings, load
from kgraph.schema import Fault, PlanState
from kgraph.store.sqlite import SqliteStore
from tests.remedies.fake_estate import (
    CHECK,
    RESTART,
    RESUME,
    T0,
    Night,
    export_story,
    plan_of,
)


class Meanwhile(threading.Event):
    """Whoever waits for it a first time finds something done, and so on."""

    def __init__(self, *deeds: Callable[[], object]) -> None:
        super().__init__()
        self._deeds = list(deeds)

    def wait(self, timeout: float | None = None) -> bool:  # noqa: ARG002 - the event's
        self._deeds.pop(0)()
        return self.is_set()


def test_who_follows_what_was_approved_reads_once_what_it_waits_for_and_why_it_is_void(
    tmp_path: Path,
) -> None:
    plan = plan_of(RESTART, CHECK)
    store = SqliteStore.open(tmp_path / "kgraph.db")
    proposed = propose(store, plan.incident, plan, T0)
    assert proposed is not None
    approved = replace(proposed, state=PlanState.APPROVED, because="approved by ada")
    waits = replace(approved, because="approved by ada; it waits: halt: halted")
    void = replace(proposed, because="approve it anew")
    store.save_plan(approved)
    meanwhile = Meanwhile(
        lambda: store.save_plan(waits), lambda: None, lambda: store.save_plan(void)
    )
    happened = follow(store, approved, 0, lambda: T0, meanwhile)
    assert [(row.state, row.said) for row in happened] == [
        ("approved", waits.because),
        ("proposed", void.because),
    ]
    store.close()


_SOURCES = """\
[[sources]]
type = "netbox"
url = "https://netbox.example"
[[sources]]
type = "libvirt"
uri = "test:///default"
[[sources]]
type = "topology"
path = "estate.yaml"
[[sources]]
type = "prometheus"
url = "http://127.0.0.1:9"
every = 20
"""


def test_no_source_is_asked_more_often_than_the_watch_asks_it_nor_too_seldom_to_verify(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = list[Job]()

    def collector(jobs: Iterable[Job], *rest: Any) -> Collector:
        asked.extend(jobs)
        return Collector(asked, *rest)

    monkeypatch.setattr(applying, "Collector", collector)
    (tmp_path / "kgraph.toml").write_text(_SOURCES)
    store = SqliteStore.open(tmp_path / "kgraph.db")
    applying.Applying(load(cwd=tmp_path, environ={}), store, "apply", lambda: T0, None)
    told = {job.title.partition(" ")[0]: job.every.total_seconds() for job in asked}
    assert told["netbox"] == told["topology"] == 60
    assert (told["libvirt"], told["libvirt-stats"], told["prometheus"]) == (10, 2, 20)
    store.close()


def test_a_dry_run_tells_of_what_another_plan_treats_just_now(tmp_path: Path) -> None:
    store = SqliteStore.open(tmp_path / "kgraph.db")
    estate, first = export_story(1)
    night = Night(store, estate)
    night.begin(first)
    plan = plan_of(replace(RESUME, entity="v1"), cause=Fault("v1", "paused_io_error"))
    night.propose(plan)
    shown = preview(Configuration(Settings()), store, plan.id, night.now)
    assert f"{first.id} repairs it" in {said.why.partition(":")[0] for _, said in shown.refusals}
    assert store.journal(plan.id) == []
    store.close()


def test_who_follows_is_told_what_was_done_since_it_was_approved(tmp_path: Path) -> None:
    plan = plan_of(RESTART, CHECK)
    store = SqliteStore.open(tmp_path / "kgraph.db")
    proposed = propose(store, plan.incident, plan, T0)
    assert proposed is not None
    approved = replace(proposed, state=PlanState.APPROVED, because="approved by ada")
    store.save_plan(replace(approved, state=PlanState.RUNNING, because="begun"))
    over = replace(approved, state=PlanState.DONE, because="all is well")
    meanwhile = Meanwhile(lambda: store.save_plan(over))
    happened = follow(store, approved, 0, lambda: T0, meanwhile)
    assert [row.state for row in happened] == ["running", "done"]
    store.close()
