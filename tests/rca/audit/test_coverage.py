from __future__ import annotations

import rca
from kgraph.schema import KINDS
from rca.audit.coverage import Gap, gaps
from rca.rules.model import Model

NONE: frozenset[str] = frozenset()


def _of(found: list[Gap], kind: str, mode: str) -> Gap | None:
    return next((gap for gap in found if (gap.kind, gap.mode) == (kind, mode)), None)


def test_a_mode_on_which_nobody_looks_is_a_gap_with_what_would_show_it(model: Model) -> None:
    gap = _of(gaps(model, [("Host", NONE), ("Host", frozenset({"down"}))]), "Host", "down")
    assert gap is not None
    assert (gap.entities, gap.unseen) == (2, 1)
    assert gap.signals[:2] == ("down", "unreachable")
    assert gap.unseen_per_year == gap.per_year > 0


def test_what_passes_unseen_is_counted_for_each_that_nobody_watches(model: Model) -> None:
    one, three = (_of(gaps(model, [("Host", NONE)] * n), "Host", "down") for n in (1, 3))
    assert one is not None
    assert three is not None
    assert three.unseen_per_year == 3 * one.unseen_per_year


def test_what_another_kind_would_show_is_not_proposed(model: Model) -> None:
    gap = _of(gaps(model, [("PowerFeed", NONE)]), "PowerFeed", "down")
    assert gap is not None
    assert "unreachable" in gap.signals
    assert not {"paused", "panic", "full"} & set(gap.signals)


def test_a_mode_that_a_watched_signal_speaks_of_is_none(model: Model) -> None:
    found = gaps(model, [("Host", frozenset({"unreachable", "cpu", "memory"}))])
    seen = {"down", "isolated", "hung", "overloaded", "memory_pressure"}
    assert not seen & {gap.mode for gap in found}
    assert {gap.mode for gap in found} == {"degraded", "filling", "lossy", "clock_off"}


def test_to_watch_for_what_few_of_them_get_to_say_is_no_watch(model: Model) -> None:
    assert _of(gaps(model, [("Host", frozenset({"panic"}))]), "Host", "down")


def test_what_would_close_no_gap_is_not_proposed(model: Model) -> None:
    for kind in KINDS:
        for gap in gaps(model, [(kind, NONE)]):
            for signal in gap.signals:
                watched = gaps(model, [(kind, frozenset({signal}))])
                assert _of(watched, kind, gap.mode) is None, (kind, gap.mode, signal)


def test_a_signal_of_another_mode_covers_nothing(model: Model) -> None:
    assert _of(gaps(model, [("StoragePool", frozenset({"down"}))]), "StoragePool", "full")
    assert not _of(gaps(model, [("StoragePool", frozenset({"full"}))]), "StoragePool", "full")


def test_a_detector_that_does_not_say_what_is_wrong_sees_everything(model: Model) -> None:
    assert gaps(model, [("Host", frozenset({"anomaly"}))]) == []
    for gap in gaps(model, [("Host", NONE)]):
        assert "anomaly" not in gap.signals


def test_the_most_frequent_comes_first_and_equals_in_a_fixed_order(model: Model) -> None:
    estate = [("Host", NONE)] * 3 + [("Disk", NONE)] * 100
    found = gaps(model, estate)
    rates = [gap.unseen_per_year for gap in found]
    assert rates == sorted(rates, reverse=True)
    assert gaps(model, list(reversed(estate))) == found


def test_a_kind_without_faults_of_its_own_can_fail_too(model: Model) -> None:
    found = {gap.mode for gap in gaps(model, [("Thing", NONE)])}
    assert found == {"down", "failing", "slow"}


def test_an_empty_estate_has_no_gaps() -> None:
    assert gaps(rca.load_model(), []) == []
