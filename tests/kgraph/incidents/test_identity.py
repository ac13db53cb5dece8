from __future__ import annotations

from kgraph.incidents import Known, Verdict, match, next_id, over


def _known(incident_id: str, causes: str, symptoms: str) -> Known:
    return Known(
        incident_id, frozenset(causes.split()), frozenset((s, "down") for s in symptoms.split())
    )


def test_ids_continue_after_the_highest_and_ignore_foreign_ones() -> None:
    assert next_id([]) == "INC-0001"
    assert next_id(["INC-0007", "2026-11-23-001", "INC-0003"]) == "INC-0008"
    assert next_id(["INC-12345"]) == "INC-12346"


def test_the_same_causes_continue_an_incident_though_its_symptoms_moved() -> None:
    fresh, old = _known("INC-0002", "h1", "c d"), _known("INC-0001", "h1", "a b")
    assert match(fresh, [old]) == (Verdict.UPDATE, "INC-0001")


def test_shared_symptoms_continue_an_incident_though_its_cause_changed() -> None:
    fresh, old = _known("INC-0002", "switch", "a b c d"), _known("INC-0001", "h1", "a b")
    assert match(fresh, [old]) == (Verdict.UPDATE, "INC-0001")


def test_half_of_the_smaller_set_of_symptoms_is_enough_to_continue_an_incident() -> None:
    fresh, old = _known("INC-0002", "h2", "a b x y"), _known("INC-0001", "h1", "a b c d e")
    assert match(fresh, [old]) == (Verdict.UPDATE, "INC-0001")


def test_a_mere_touch_opens_a_new_incident() -> None:
    fresh, old = _known("INC-0002", "h2", "a x y"), _known("INC-0001", "h1", "a b c")
    assert match(fresh, [old]) == (Verdict.NEW, "INC-0002")


def test_two_incidents_without_a_cause_are_not_the_same_for_that() -> None:
    fresh, old = _known("INC-0002", "", "x"), _known("INC-0001", "", "a")
    assert match(fresh, [old]) == (Verdict.NEW, "INC-0002")


def test_the_incident_with_more_in_common_is_continued() -> None:
    fresh = _known("INC-0003", "h1", "a b")
    close = _known("INC-0002", "h1", "a b")
    assert match(fresh, [_known("INC-0001", "h2", "a z"), close]) == (Verdict.UPDATE, "INC-0002")


def test_an_incident_is_over_only_when_nothing_of_it_is_abnormal() -> None:
    old = _known("INC-0001", "h1", "a b")
    assert over(old, frozenset({("z", "down")}))
    assert not over(old, frozenset({("b", "down")}))
