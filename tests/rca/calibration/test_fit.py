from __future__ import annotations

import re
from dataclasses import replace
from functools import cache
from pathlib import Path
from random import Random

import pytest

from kgraph.schema import ConfigurationError, Target
from rca.calibration.calibrator import SITUATION, Calibration, calibrated
from rca.calibration.file import dump_calibration, load_calibration
from rca.calibration.fit import LEAST_SLOPES, Lesson, fit, lesson
from rca.evaluation.measures import Bin
from tests.rca.calibration.test_calibrator import INCIDENT, answer


def _lessons(said: float, came: float, count: int = 400, system: str = "sim") -> list[Lesson]:
    """Answers that name e0 with `said`, which is right in a share of `came`; else it is e1."""
    rng, given = Random(7), answer(said, 0.04, 0.01)
    right, wrong = (lesson(system, INCIDENT, given, {name}) for name in ("e0", "e1"))
    assert right is not None
    assert wrong is not None
    return [right if rng.random() < came else wrong for _ in range(count)]


def _fit(lessons: list[Lesson]) -> Calibration:
    return fit(lessons, title="tests", rules="rules-1", how={"seed": "7"})


@cache
def _usual() -> Calibration:
    return _fit(_lessons(0.9, 0.7))


@pytest.mark.parametrize(("said", "came"), [(0.95, 0.6), (0.5, 0.9), (0.8, 0.8)])
def test_what_was_said_becomes_what_came_true(said: float, came: float) -> None:
    lessons = _lessons(said, came)
    share = sum(one.came[0] for one in lessons) / len(lessons)
    found = calibrated(answer(said, 0.04, 0.01), INCIDENT, _fit(lessons))
    assert found.causes[0].posterior == pytest.approx(share, abs=0.06)


def test_a_posterior_that_misleads_still_does_not_reorder() -> None:
    found = _fit(_lessons(0.9, 0.1))
    for name, slope in found.slopes.items():
        assert slope.lowest >= LEAST_SLOPES[name] - 1e-12


def test_where_one_cause_is_the_rule_the_place_of_a_cause_counts() -> None:
    """Of equal log odds the first is right with an objective, and anyone without."""
    said, breached = answer(0.5, 0.45, 0.4), replace(INCIDENT, target=Target("e0", "latency"))
    lessons = []
    for n in range(300):
        one = lesson("sim", breached, said, {"e0"})
        other = lesson("sim", INCIDENT, said, {f"e{n % 3}"})
        lessons += [row for row in (one, other) if row]
    found = _fit(lessons)
    second = [calibrated(said, at, found).causes[1].posterior for at in (breached, INCIDENT)]
    assert second[0] < 0.1
    assert second[1] > 0.25


def test_what_speaks_against_a_cause_never_raises_its_chance_whatever_came_true() -> None:
    """Wherever the cause may as well be outside the graph, the leader happens to be right."""
    lessons = []
    for n in range(200):
        doubted = n % 2 == 0
        given = answer(0.6, 0.2, 0.1, elsewhere=0.6 if doubted else 0.0)
        one = lesson("sim", INCIDENT, given, {"e0"} if doubted else {"e1"})
        assert one is not None
        lessons.append(one)
    found = _fit(lessons)
    assert found.situation["elsewhere"] == pytest.approx(0.0, abs=1e-3)
    for name, sign in SITUATION.items():
        assert found.situation[name] * sign >= 0
        for slope in found.slopes.values():
            assert slope.by[name] * sign >= -1e-12


def test_a_system_counts_by_its_weight_and_not_by_its_number() -> None:
    few, many = _lessons(0.9, 1.0, 20, "few"), _lessons(0.9, 0.0, 2_000, "many")
    chance = calibrated(answer(0.9, 0.04, 0.01), INCIDENT, _fit(few + many)).causes[0].posterior
    assert chance == pytest.approx(0.5, abs=0.1)


def test_nothing_is_learned_where_nothing_ever_came_true() -> None:
    some = _lessons(0.9, 1.0)[:5]
    wrong = [Lesson(one.system, one.rows, one.came * 0) for one in some]
    with pytest.raises(ValueError, match="both"):
        _fit(wrong)
    with pytest.raises(ValueError, match="both"):
        _fit([])


def test_the_same_lessons_give_the_same_calibrator() -> None:
    assert _fit(_lessons(0.9, 0.7)) == _usual()


def test_a_file_holds_all_of_a_calibrator(tmp_path: Path) -> None:
    fitted = _usual()
    whole = Calibration(
        fitted.title,
        fitted.rules,
        fitted.bias,
        fitted.situation,
        fitted.slopes,
        fitted.how,
        [Bin(0.9, 0.7, 400, 0.66, 0.74)],
    )
    path = tmp_path / "c.yaml"
    path.write_text(dump_calibration(whole))
    read = load_calibration(path)
    assert dump_calibration(read) == path.read_text()
    assert not re.search(r"\.\d{7}", path.read_text())  # no more digits than anybody measured
    assert read.reliability == whole.reliability
    assert read.how == {"seed": "7"}
    given = answer(0.8, 0.1)
    said = [calibrated(given, INCIDENT, one).causes[0].posterior for one in (read, whole)]
    assert said[0] == pytest.approx(said[1], abs=1e-4)


def test_the_shipped_calibrator_says_how_it_was_fitted_and_how_reliable_it_is() -> None:
    shipped = load_calibration()
    assert "simulated" in shipped.title
    assert "seed" in shipped.how["simulated"]
    assert sum(row.count for row in shipped.reliability) >= 100
    assert all(slope.lowest > 0 for slope in shipped.slopes.values())


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (("bias: ", "bias: much "), "bias"),
        (("kgraph.calibration/v1", "kgraph.calibration/v9"), "format"),
        (("  targeted: ", "  weather: "), "unknown feature 'weather'"),
        (("  logOdds:", "  magic:"), "unknown feature 'magic'"),
        (("bias: ", "bias: [1\nx: "), "not YAML"),
    ],
)
def test_a_wrong_file_is_one_clear_line(
    tmp_path: Path, change: tuple[str, str], said: str
) -> None:
    path = tmp_path / "c.yaml"
    path.write_text(dump_calibration(_usual()).replace(*change, 1))
    with pytest.raises(ConfigurationError, match=said) as found:
        load_calibration(path)
    assert "c.yaml" in str(found.value)
    assert "\n" not in str(found.value)


def test_a_calibrator_that_could_reorder_causes_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "c.yaml"
    path.write_text(
        "format: kgraph.calibration/v1\ntitle: t\nrules: r\nbias: 0\nsituation: {}\n"
        "slopes: {logOdds: {base: 0.5, by: {storm: -0.6}}}\n"
    )
    with pytest.raises(ConfigurationError, match="reorder"):
        load_calibration(path)


def test_a_missing_file_is_named() -> None:
    with pytest.raises(ConfigurationError, match="nowhere"):
        load_calibration(Path("nowhere.yaml"))
