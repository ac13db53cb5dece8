"""The mappings in docs/serve.md read what they are for."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from kgraph.app.service.hooks import Posted, accept, read
from kgraph.config import load
from kgraph.config.hooks import HookConfig
from kgraph.schema import State

T0 = datetime(2026, 11, 28, 3, 5, tzinfo=UTC)
BEGAN = datetime(2026, 11, 28, 3, 0, tzinfo=UTC)
_PAGE = Path(__file__).parents[4] / "docs/serve.md"
KEEP: dict[str, Any] = {
    "id": "1",
    "name": "HostDown",
    "status": "firing",
    "severity": "critical",
    "firingStartTime": "2026-11-28T03:00:00.000Z",
    "lastReceived": "2026-11-28T03:04:00.000Z",
    "source": ["icinga"],
    "labels": {"instance": "h1.dc1"},
    "message": "no ping",
    "fingerprint": "f",
}
EVENT: dict[str, Any] = {
    "routing_key": "r",
    "event_action": "trigger",
    "dedup_key": "h1 ping",
    "payload": {
        "summary": "no ping",
        "source": "h1.dc1",
        "severity": "critical",
        "timestamp": "2026-11-28T03:00:00Z",
        "class": "HostDown",
    },
}


@pytest.fixture
def hooks(tmp_path: Path) -> dict[str, HookConfig]:
    (block,) = re.findall(r"```toml\n([^`]*?name = \"keep\"[^`]*)```", _PAGE.read_text())
    file = tmp_path / "kgraph.toml"
    file.write_text(block)
    found = load(cwd=tmp_path, environ={}, file=file).settings.hooks
    return {hook.name: hook for hook in found}


@pytest.mark.parametrize(
    ("name", "fires", "over"),
    [
        ("keep", KEEP, KEEP | {"status": "resolved"}),
        ("events", EVENT, EVENT | {"event_action": "resolve"}),
    ],
)
def test_what_fires_is_over_when_that_is_posted(
    hooks: dict[str, HookConfig], name: str, fires: dict[str, Any], over: dict[str, Any]
) -> None:
    rows = []
    for posted in (fires, over):
        kept = accept(hooks[name], Posted({}, json.dumps(posted).encode()), T0).documents
        (report,) = read(hooks, kept[0]).reports
        rows.append(report)
    assert [row.state for row in rows] == [State.ABNORMAL, State.HEALTHY]
    assert rows[0].at == BEGAN
    assert {row.fingerprint for row in rows} == {rows[0].fingerprint}
    assert dict(rows[0].alert.labels)["instance"] == "h1.dc1"
    assert dict(rows[0].alert.labels)["alertname"] == "HostDown"
