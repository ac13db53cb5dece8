"""A deploy that is posted is a change of what was deployed: dated and typed."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from kgraph.app.service.hooks import Posted, accept
from kgraph.app.service.inbox import Inbox
from kgraph.app.service.tally import Tally
from kgraph.config.hooks import ChangesHook
from kgraph.schema import InputError, Record
from kgraph.signals import load_packs
from kgraph.store import GraphStore
from tests.stores import new_store

T0 = datetime(2026, 11, 28, 10, 0, tzinfo=UTC)
HOOK = ChangesHook.model_validate(
    {
        "type": "changes",
        "name": "deploys",
        "mapping": {
            "entity": "/project/name",
            "at": "/finished",
            "detail": ["/ref", "/user"],
            "where": {"/status": ["success"]},
        },
    }
)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[GraphStore]:
    with closing(new_store(tmp_path / "kgraph.db")) as opened:
        with opened.sync("cmdb", "", complete=True, at=T0) as run:
            run.stage([Record("s", "Service", "shop"), Record("h", "Host", "shop")])
            run.commit()
        yield opened


def _deploy(project: str = "shop", **more: object) -> dict[str, object]:
    return {
        "project": {"name": project},
        "status": "success",
        "finished": "2026-11-28T10:04:00Z",
        "ref": "v1.4.2",
        "user": "ada",
        **more,
    }


def _kept(store: GraphStore, document: Mapping[str, Any]) -> list[tuple[str, str, datetime, str]]:
    now = T0 + timedelta(minutes=5)
    store.put(accept(HOOK, Posted({}, json.dumps(document).encode()), now).documents)
    told = Inbox(store, [HOOK], load_packs([]), Tally(store)).keep(now) or []
    changes = [c for c in store.changes(T0) if c.source == "hooks/deploys"]
    titles = {entity.uid: entity.title for entity in store.find()}
    rows = [(titles[c.entity], c.type, c.at, c.detail) for c in changes]
    return [*rows, *((event.line, "", T0, "") for event in told)]


def test_a_deploy_is_a_change_of_the_service_of_that_name(store: GraphStore) -> None:
    expected = ("Service shop", "deploy", T0 + timedelta(minutes=4), "v1.4.2 ada")
    assert _kept(store, _deploy()) == [expected]
    assert _kept(store, _deploy()) == [expected]  # sent again, it is the same


def test_a_deploy_that_failed_is_passed_over(store: GraphStore) -> None:
    assert _kept(store, _deploy(status="failed")) == []


def test_a_deploy_of_something_unknown_is_told_and_lost(store: GraphStore) -> None:
    ((line, *_),) = _kept(store, _deploy("cart"))
    assert line == "hook deploys: deploy: the graph has no single 'cart'"


def test_one_that_is_dated_ahead_was_when_it_came(store: GraphStore) -> None:
    ((_, _, at, _),) = _kept(store, _deploy(finished="2027-01-01T00:00:00Z"))
    assert at == T0 + timedelta(minutes=5)


@pytest.mark.parametrize("document", [{"status": "success"}, _deploy(finished="soon")])
def test_what_is_no_deploy_is_refused_at_the_door(document: dict[str, object]) -> None:
    with pytest.raises(InputError):
        accept(HOOK, Posted({}, json.dumps(document).encode()), T0)
