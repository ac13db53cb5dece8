"""Detectors are graded on made-up telemetry, and by what they did where the truth is known."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from kgraph.app.detection.record import Known, tallied
from kgraph.app.detection.report import graded, measured
from kgraph.app.detection.trial import trial
from kgraph.app.detection.trial_calls import trial_of_calls
from kgraph.app.detection.trial_logs import trial_of_logs
from kgraph.app.detection.trial_metrics import trial_of_metrics
from kgraph.cli.detection_page import page
from kgraph.schema import Entity, Incident, Observation, Relation, State
from rca import load_model
from rca.rules.rates import Tally

_DISK = "detect/node-disk-latency.deviation"


def _seen(entity: str, signal: str, state: State, detector: str = _DISK) -> Observation:
    return Observation(entity, signal, state, detector=detector)


def _incident(*rows: Observation) -> Incident:
    kinds = {"p": "StoragePool", "v": "VirtualMachine", "w": "VirtualMachine", "h": "Host"}
    entities = tuple(Entity(uid, kind) for uid, kind in kinds.items())
    relations = (Relation("v", "STORED_ON", "p"), Relation("p", "RUNS_ON", "h"))
    return Incident("i", entities, relations, rows)


def _tally(*rows: Observation, mode: str = "slow") -> dict[str, Tally]:
    return dict(tallied([Known(_incident(*rows), {"p": mode})], load_model()))


def test_firing_on_the_cause_is_a_hit_and_silence_there_a_miss() -> None:
    assert _tally(_seen("p", "latency", State.ABNORMAL)) == {_DISK: Tally(1, 1)}
    assert _tally(_seen("p", "latency", State.HEALTHY)) == {_DISK: Tally(0, 1)}


def test_a_detector_is_not_held_to_what_its_signal_does_not_speak_of() -> None:
    assert _tally(_seen("p", "full", State.HEALTHY)) == {}
    assert _tally(_seen("p", "full", State.HEALTHY), mode="full") == {_DISK: Tally(0, 1)}


def test_elsewhere_firing_is_a_stray_and_silence_is_right() -> None:
    rows = (
        _seen("w", "latency", State.ABNORMAL),
        _seen("w", "latency", State.HEALTHY, "detect/o.shift"),
    )
    assert _tally(*rows) == {_DISK: Tally(0, 0, 1, 1), "detect/o.shift": Tally(0, 0, 0, 1)}


def _logged(entity: str, detector: str = "detect/log_new/h1") -> Observation:
    return _seen(entity, "behaviour", State.ABNORMAL, detector)


def test_a_log_is_held_to_what_it_has_ever_named_as_it_never_says_that_all_is_well() -> None:
    first = Known(_incident(_logged("p"), _logged("w")), {"p": "slow"})
    second = Known(_incident(_seen("v", "latency", State.ABNORMAL)), {"p": "slow"})
    assert tallied([first, second], load_model()) == {"detect/log_new/h1": Tally(1, 2, 1, 2)}


def test_lines_that_say_outright_what_is_wrong_are_alerts_and_not_measured() -> None:
    assert _tally(_logged("p", "detect/log_line/h1")) == {}


def test_one_detector_on_two_servers_is_one() -> None:
    name = _DISK.replace("detect/", "detect@east/")
    assert _tally(_seen("p", "latency", State.ABNORMAL, name)) == {_DISK: Tally(1, 1)}


def test_what_depends_on_the_cause_or_carries_it_counts_for_nothing() -> None:
    rows = _seen("v", "latency", State.ABNORMAL), _seen("h", "cpu", State.ABNORMAL)
    assert _tally(*rows) == {}


def test_other_sources_are_not_graded() -> None:
    assert _tally(_seen("p", "latency", State.ABNORMAL, "prometheus/X")) == {}


@pytest.fixture(scope="module")
def tried() -> Mapping[str, Tally]:
    return trial(60)


def test_every_sort_fires_far_oftener_on_faults_than_elsewhere(tried: Mapping[str, Tally]) -> None:
    for name, tally in tried.items():
        assert tally.hits > 0.3 * tally.at_fault, name
        assert tally.strays < 0.08 * tally.at_rest, name


def test_the_same_seed_makes_the_same_series_and_another_others() -> None:
    for part, size in ((trial_of_metrics, 10), (trial_of_logs, 1), (trial_of_calls, 1)):
        assert part(size, 0) == part(size, 0), part
    assert trial_of_metrics(10, 0) != trial_of_metrics(10, 1)


def test_a_detector_is_shrunk_towards_its_sort_and_only_what_was_measured_is_kept() -> None:
    sorts = {"detect/*.deviation": Tally(100, 100, 0, 1000)}
    rows = graded(sorts, {_DISK: Tally(0, 1)}, ())
    sort, one = rows
    assert sort.rates.detection > one.rates.detection > 0.8
    assert one.detection[0] == 0
    assert set(measured(rows)) == {"detect/*.deviation", _DISK}


def test_the_page_shows_intervals_and_escapes_names() -> None:
    rows = graded({"detect/*.trend": Tally(3, 4, 1, 9)}, {"detect/<b>.x": Tally(1, 1)}, ())
    text = page(rows, 1)
    assert text.count("<svg") == 4
    assert "<b>.x" not in text
    assert "3 of 4" in text
