"""A breached objective: one fact, told once, and whom it excuses."""

from __future__ import annotations

import pytest

from tests.rca.asking import Ask, chance, first

CHAIN = """
    Service: front middle
    Database: db other
    front CALLS middle
    middle CALLS db other
    target front latency
    middle db healthy: errors
    front healthy: errors
    other healthy: errors latency
    candidates front middle db other
"""


def test_the_alarm_of_the_breached_entity_about_itself_is_the_breach_once_more(ask: Ask) -> None:
    quiet, told = ask(CHAIN), ask(f"{CHAIN}\n front abnormal: latency@60")
    for uid in ("front", "middle", "db", "other"):
        assert chance(told, uid) == pytest.approx(chance(quiet, uid), rel=1e-6)


@pytest.mark.parametrize("seen", ["", "front healthy: errors"])
def test_what_the_breached_entity_calls_explains_the_breach_and_nothing_else_does(
    seen: str, ask: Ask
) -> None:
    answer = ask(f"""
        Service: front
        Database: db aside
        front CALLS db
        db aside abnormal: latency@20
        target front latency
        {seen}
    """)
    assert first(answer) == ("db", "slow")
    assert chance(answer, "db") > 10 * chance(answer, "aside")


@pytest.mark.parametrize(
    "seen", ["abnormal: latency@60", "healthy: latency", "abnormal: clientLatency@60"]
)
def test_what_callers_of_the_breached_entity_feel_is_the_breach_further_on(
    seen: str, ask: Ask
) -> None:
    behind = f"{CHAIN}\n Service: door\n door CALLS front\n db abnormal: latency@20"
    plain, felt = ask(behind), ask(f"{behind}\n door {seen}")
    for uid in ("front", "middle", "db", "other"):
        assert chance(felt, uid) == pytest.approx(chance(plain, uid), rel=1e-6)


def test_who_waits_on_the_way_to_the_breach_speaks_for_what_it_calls(ask: Ask) -> None:
    plain = f"{CHAIN}\n middle abnormal: latency@20"
    alone, waits = ask(plain), ask(f"{plain}\n middle abnormal: clientLatency@60")
    for callee in ("db", "other"):
        before = chance(alone, callee) / chance(alone, "middle")
        assert chance(waits, callee) / chance(waits, "middle") > 1.5 * before


@pytest.mark.parametrize(("size", "blamed"), [(200, "db"), (20, "db"), (6, "middle")])
def test_a_callee_accounts_for_its_caller_as_far_as_it_is_as_loud(
    size: float, blamed: str, ask: Ask
) -> None:
    answer = ask(f"{CHAIN}\n middle abnormal: latency@20\n db abnormal: latency@{size}")
    assert first(answer) == (blamed, "slow")


def test_of_alerts_without_sizes_none_is_louder(ask: Ask) -> None:
    answer = ask(f"{CHAIN}\n middle abnormal: latency@20\n db abnormal: latency")
    assert first(answer) == ("db", "slow")


def test_one_more_alarm_of_a_suspect_never_costs_it_anything(ask: Ask) -> None:
    base = f"{CHAIN}\n db abnormal: latency@20"
    for uid in ("middle", "db", "other"):
        chances = [
            chance(ask(f"{base}\n {uid} abnormal: latency@{size}"), uid) for size in (21, 60, 300)
        ]
        assert chances == sorted(chances)


@pytest.mark.parametrize("told", [True, False])
def test_where_slowness_was_breached_a_group_competes_by_stopping_if_that_is_told(
    ask: Ask,
    told: bool,  # noqa: FBT001 - pytest names it
) -> None:
    answer = ask(f"""
        StoragePool: p
        StorageController: c1 c2
        Database: db
        Service: s t
        p USES c1 c2 / part 1
        db STORED_ON p
        s t CALLS db
        target s latency
        db t abnormal: latency@30
        c1 c2 abnormal: {"down" if told else "degraded"}
    """)
    together = [faults for each in answer.hypotheses if len(faults := each.members) > 1]
    stopped = [one for faults in together for one in faults if one.mode == "down"]
    assert bool(stopped) == told
