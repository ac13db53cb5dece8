"""Counts of what detectors did become rates, shrunk; the engine takes them over those of rules."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from kgraph.schema import ConfigurationError, Entity, Incident, Observation, Relation, State
from kgraph.topology import build
from rca import investigate, load_model
from rca.evidence.readings import read
from rca.rules.model import Model
from rca.rules.rates import ANY, DetectorRates, Rates, Tally, sort_of
from rca.rules.rates_file import load_rates, rates_text

_GOOD, _BAD = Rates(0.9, 0.001), Rates(0.5, 0.4)


def test_without_a_count_the_level_above_says_it_all() -> None:
    assert Tally().rates(_GOOD) == Rates(_GOOD.detection, _GOOD.false_alarm)


def test_many_counts_outweigh_the_level_above_and_few_do_not() -> None:
    many, few = Tally(900, 1000, 10, 10_000), Tally(0, 1)
    assert many.rates().detection == pytest.approx(0.9, abs=0.01)
    assert many.rates().false_alarm == pytest.approx(0.001, abs=0.0005)
    assert few.rates().detection > 0.6 < ANY.detection


def test_no_rate_is_certain() -> None:
    sure = Tally(10**6, 10**6, 0, 10**6).rates()
    assert 0 < sure.false_alarm < sure.detection < 1


def test_each_look_counts_on_its_side() -> None:
    tally = Tally().plus(fired=True, fault=True).plus(fired=False, fault=True)
    tally = tally.plus(fired=True, fault=False).plus(fired=False, fault=False)
    assert tally == Tally(1, 2, 1, 2)


def test_a_detector_is_found_by_name_then_by_sort_whatever_its_server() -> None:
    rates = DetectorRates({"detect/pool.trend": _GOOD, "detect/*.trend": _BAD})
    assert rates.of("detect/pool.trend") == rates.of("detect@east/pool.trend") == _GOOD
    assert rates.of("detect/claim.trend") == _BAD
    assert rates.of("detect/pool.threshold") is rates.of("prometheus/X") is None
    assert sort_of("detect/pool.trend") == "detect/*.trend"


def test_what_a_log_is_called_is_no_part_of_the_sort_of_its_detectors() -> None:
    rates = DetectorRates({"detect/log_new/h1": _GOOD, "detect/*.log_new": _BAD})
    assert rates.of("detect/log_new/h1") == _GOOD
    assert rates.of("detect/log_new//var/log/shop.log") == _BAD
    assert rates.of("detect/log_line/h1") is None
    assert sort_of("detect/log_new//var/log/shop.log") == "detect/*.log_new"


def _ratio(rates: DetectorRates, state: State) -> float:
    seen = Observation("h", "cpu", state, 10.0, detector="detect/node-cpu.deviation")
    incident = Incident("i", (Entity("h", "Host"),), observations=(seen,))
    (reading,) = read(incident, Model(rates=rates), build(incident.entities, ()))["h"]
    return reading.ratio


def test_a_good_detector_convinces_more_than_a_bad_one_both_ways() -> None:
    good, bad = (DetectorRates({"detect/*.deviation": each}) for each in (_GOOD, _BAD))
    assert _ratio(good, State.ABNORMAL) > _ratio(bad, State.ABNORMAL) > 0
    assert _ratio(good, State.HEALTHY) < _ratio(bad, State.HEALTHY) < 1


@pytest.mark.parametrize(
    ("signal", "detector"),
    [("behaviour", "detect/log_new/h1"), ("latency", "detect/call_latency/spans")],
)
def test_logs_and_calls_count_by_their_record_as_series_do(signal: str, detector: str) -> None:
    entities = (Entity("s", "Service"), *(Entity(f"h{n}", "Host") for n in range(9)))
    seen = Observation("s", signal, State.ABNORMAL, 4.0, detector=detector)
    incident = Incident("i", entities, observations=(seen,))

    def ratio(rates: DetectorRates) -> float:
        (reading,) = read(incident, Model(rates=rates), build(incident.entities, ()))["s"]
        return reading.ratio

    sort = sort_of(detector)
    good, bad = (DetectorRates({sort: each}) for each in (_GOOD, _BAD))
    assert ratio(good) > ratio(load_rates()) > ratio(bad) > 1
    assert load_rates().of(detector) is not None


def test_rates_are_part_of_the_version_that_answers_name() -> None:
    plain = Model()
    assert replace(plain, rates=DetectorRates({"detect/*.trend": _BAD})).version != plain.version


def test_what_is_written_is_read_over_the_shipped_rates(tmp_path: Path) -> None:
    path = tmp_path / "rates.yaml"
    path.write_text(rates_text({"detect/pool.trend": (Tally(3, 4), Rates(0.75, 0.01))}, "mine"))
    rates = load_rates(path)
    assert rates.of("detect/pool.trend") == Rates(0.75, 0.01)
    assert rates.of("detect/claim.trend") == load_rates().of("detect/*.trend") is not None


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "rates.yaml: "),
        ("format: kgraph.rates/v2\ndetectors: {}\n", "format:"),
        ("format: kgraph.rates/v1\ndetectors: {d: {detection: 1, falseAlarm: 0.1}}", "detection"),
        ("{", "rates.yaml:1: not YAML"),
    ],
)
def test_a_faulty_file_is_refused_in_one_line(tmp_path: Path, text: str, told: str) -> None:
    path = tmp_path / "rates.yaml"
    path.write_text(text)
    with pytest.raises(ConfigurationError) as refused:
        load_rates(path)
    assert told in str(refused.value)
    assert "\n" not in str(refused.value)


_GUESTS = {
    "a": ("h1", "x"),
    "b": ("h2", "x"),
    "c": ("h1", "y"),
    "d": ("h2", "y"),
    "e": ("h1", "z"),
}


def _first(signal: str, detector: str, hurt: str, rates: DetectorRates) -> tuple[str, str, float]:
    """Return cause, mode and posterior where some of five guests show a signal, the others not."""
    entities = [Entity(name, "VirtualMachine") for name in _GUESTS]
    entities += [Entity(name, "Host") for name in ("h1", "h2")]
    entities += [Entity(name, "StorageExport") for name in "xyz"]
    relations = [Relation(g, "RUNS_ON", host) for g, (host, _) in _GUESTS.items()]
    relations += [Relation(g, "STORED_ON", export) for g, (_, export) in _GUESTS.items()]
    rows = [
        Observation(g, signal, State.ABNORMAL, 8.0, detector=detector)
        if g in hurt
        else Observation(g, signal, State.HEALTHY, detector=detector)
        for g in _GUESTS
    ]
    incident = Incident("i", tuple(entities), tuple(relations), tuple(rows))
    cause = investigate(incident, replace(load_model(), rates=rates)).causes[0]
    return cause.entity, cause.mode, cause.posterior


@pytest.mark.parametrize(
    ("signal", "detector", "mode"),
    [
        ("latency", "detect/guest-disk-latency.deviation", "slow"),
        ("hung", "detect/guest-disk-requests.stuck", "hung"),
    ],
)
def test_with_a_record_two_guests_on_two_hosts_are_enough_to_name_their_storage(
    signal: str, detector: str, mode: str
) -> None:
    entity, found, posterior = _first(signal, detector, "ab", load_rates())
    assert (entity, found) == ("x", mode)
    assert posterior > 0.5
    assert _first(signal, detector, "ab", DetectorRates())[2] < 0.5
