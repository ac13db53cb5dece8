"""The simulated campaign, small: one cluster's worth of guests, each kind of fault once."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from kgraph.schema import Outcome
from remedies import Task
from remedies.execution.ledger import Remembered
from remedies.world import Intent, Past
from tests.lab.campaign.deeds import seen_twice
from tests.lab.campaign.memory import decides
from tests.lab.campaign.report import as_it_should, share, summary, table
from tests.lab.campaign.truth import Picture
from tests.remedies.simulator.campaign import campaign, rows
from tests.remedies.simulator.region import Blow
from tests.stores import new_store


def test_no_invariant_breaks_and_nothing_else_is_touched_in_a_region(tmp_path: Path) -> None:
    store = new_store(tmp_path / "region.db")
    try:
        night = campaign(store, seed=3, clusters=5, faults=5, rest=250)
        found = rows(night, seed=3)
    finally:
        store.close()
    assert night.witness.broken == []
    assert night.stray == []
    assert [row["kind"] for row in found if row["restrained"] is False] == []
    assert [row["kind"] for row in found if row["right"] == "heal" and not row["healed"]] == []
    assert "| invariants broken | 0 |" in summary(found)
    assert len(table(found).splitlines()) == 2 + len({row["kind"] for row in found})


def test_a_guest_that_comes_to_a_host_that_fails_is_hurt_with_it(tmp_path: Path) -> None:
    store = new_store(tmp_path / "region.db")
    try:
        night = campaign(store, seed=3, clusters=1, faults=0, rest=0)
        night.strike(0, Blow("host hung", "c0-h1", "heal", ("host c0-h1 hang",)))
        with night.quiet():
            moved = Task("P-1", "migrate", "c0-v0", "c0-v0", {"to": "c0-h1"}, (), "runs_there")
            night._effect(moved)
            for name in ("c0-v0", "c0-v2"):
                night._effect(Task("P-2", "start", name, name, {}, (), "running"))
    finally:
        store.close()
    assert night.stray == ["start c0-v2 at 0 s"]


def test_an_interval_says_how_little_few_cases_prove() -> None:
    assert share(20, 20) == "20 of 20 = 1.000 (0.832-1.000)"
    assert share(200, 200) == "200 of 200 = 1.000 (0.982-1.000)"  # 99 % is not proven by 200
    assert share(0, 0) == "-"


def test_a_campaign_counts_as_right_only_what_was_all_right() -> None:
    right = {"healed": True, "restrained": None, "wrong_targets": [], "breaches": []}
    assert as_it_should(right)
    for wrong in (
        {"healed": False},
        {"restrained": False},
        {"wrong_targets": ["reset mail-1"]},
        {"breaches": ["I1 mail-1 ran on two hosts"]},
    ):
        assert not as_it_should(right | wrong)


_NOON = datetime(2026, 11, 28, 12, tzinfo=UTC)
_ONCE = Past("P-1", "export", "restart", _NOON, Outcome.HELPED)
_TWICE = Past("P-2", "export", "restart", _NOON + timedelta(minutes=5), Outcome.HELPED)


@pytest.mark.parametrize(
    ("ledger", "decided"),
    [
        (Remembered(), False),
        (Remembered(past=[_ONCE]), False),
        (Remembered(past=[_ONCE, Past("P-2", "mail-1", "start", _NOON, Outcome.HELPED)]), False),
        (Remembered(past=[_ONCE, _TWICE]), True),
        (Remembered(past=[Past("P-1", "mail-1", "start", _NOON, Outcome.NO_EFFECT)]), True),
        (Remembered(intents=[Intent("P-1", "h1", "Host", "fence", _NOON)]), True),
        (Remembered(undone=[_NOON]), True),
    ],
)
def test_a_case_begins_where_no_earlier_one_decides_what_the_guards_say(
    ledger: Remembered, *, decided: bool
) -> None:
    assert decides(ledger) is decided


def test_a_guest_that_runs_twice_is_a_breach_where_something_was_done_to_it() -> None:
    twice = Picture(_NOON, frozenset(), frozenset({"shop-1"}), {})
    assert seen_twice([twice], (), frozenset({"shop-1"})) == ["I1 shop-1 ran on two hosts"]
    # A daemon that crashes in a person's migration can split a guest all by itself.
    assert seen_twice([twice], (), frozenset({"mail-1"})) == []
