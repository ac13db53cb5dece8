"""Which alarms stood by themselves."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from kgraph.incidents.quiet import Relatives, Spell, alone, over
from kgraph.schema import Change, Entity, Relation
from kgraph.topology import build

T0 = datetime(2026, 1, 1, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
GUESTS = tuple(f"v{n}" for n in range(300))
# web runs on v0, v0 and v1 on h1, all others on h2; every guest needs the one DNS.
TOPOLOGY = build(
    [
        Entity("web", "Service", "web"),
        *(Entity(uid, "VirtualMachine", uid) for uid in GUESTS),
        *(Entity(uid, "Host", uid) for uid in ("h1", "h2")),
        Entity("dns", "Service", "dns"),
    ],
    [
        Relation("web", "RUNS_ON", "v0"),
        *(Relation(uid, "RUNS_ON", "h1" if uid in {"v0", "v1"} else "h2") for uid in GUESTS),
        *(Relation(uid, "CALLS", "dns") for uid in GUESTS),
    ],
)


def spell(uid: str, since: float, until: float | None, signal: str = "down") -> Spell:
    end = None if until is None else T0 + until * MINUTE
    return Spell((uid, signal, "prometheus/Down"), T0 + since * MINUTE, end)


def lone(*company: Spell, changes: tuple[Change, ...] = ()) -> bool:
    own = spell("v0", 60, 70)
    return list(alone([own], [own, *company], changes, Relatives(TOPOLOGY))) == [own]


def test_an_alarm_of_which_nothing_else_is_heard_stood_by_itself() -> None:
    assert lone()
    assert lone(spell("v0", 300, 310))  # the same again, much later


@pytest.mark.parametrize("uid", ["web", "h1", "dns", "v1"])
def test_what_needs_it_what_it_needs_and_who_needs_the_same_are_company(uid: str) -> None:
    assert not lone(spell(uid, 65, 66))
    assert not lone(spell(uid, 30, None))  # it still stands
    assert not lone(spell(uid, 75, 80))  # it came right after
    assert lone(spell(uid, 90, 95))


def test_who_shares_with_it_only_what_hundreds_need_is_no_company() -> None:
    assert lone(spell("v7", 65, 66))


def test_a_second_signal_of_its_own_is_company_and_the_same_by_somebody_else_is_not() -> None:
    assert not lone(spell("v0", 65, 66, "latency"))
    again = Spell(("v0", "down", "alertmanager/Down"), T0 + 61 * MINUTE, T0 + 69 * MINUTE)
    assert lone(again)


def test_what_was_done_to_it_or_to_what_it_needs_nearby_made_it_no_alarm_for_nothing() -> None:
    at = T0 + 65 * MINUTE
    assert not lone(changes=(Change("h1", "restart", at),))
    assert not lone(changes=(Change("v0", "deploy", at),))
    assert lone(changes=(Change("v0", "deploy", at + 60 * MINUTE), Change("h2", "restart", at)))
    assert lone(changes=(Change("v0", "discovered", at),))


def test_only_what_ended_meanwhile_is_judged_and_what_stood_for_days_is_no_alarm() -> None:
    rows = [spell("v0", 0, 5), spell("v1", 0, 15), spell("v2", 0, None), spell("v3", -3000, 15)]
    assert list(over(rows, T0 + 10 * MINUTE, T0 + 20 * MINUTE)) == [rows[1]]
