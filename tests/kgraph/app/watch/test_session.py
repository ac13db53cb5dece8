"""A large estate is explained in parts; what is touched is explained anew, and nothing else."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest

from kgraph.app.asking.investigation import Begun, Toolkit, begin
from kgraph.app.configured.toolkit import toolkit
from kgraph.app.incidents import by_hand
from kgraph.app.incidents.learning import taught
from kgraph.app.incidents.replay import TIMED
from kgraph.app.watch import questions
from kgraph.app.watch.assess import Assessment, Assessor
from kgraph.app.watch.session import PATIENCE, RENEWED
from kgraph.app.watch.told import Told, What
from kgraph.config import Configuration, Settings
from kgraph.schema import Incident, IncidentStatus, Observation, Record, RelationRecord, State
from kgraph.store import GraphStore, open_store
from tests.kgraph.app.stored.test_topologies import NOW, estate, fill

HOSTS = 70


@dataclass
class Scene:
    store: GraphStore
    configuration: Configuration
    uid: Mapping[str, str]  # by name
    assessor: Assessor = field(init=False)
    seconds: float = 0.0
    slow: float = 0.0  # seconds by which the stopwatch leaps
    watched: float = 0.0

    def __post_init__(self) -> None:
        self.restart()

    def restart(self) -> None:
        tools = toolkit(self.configuration, NOW)
        self.assessor = Assessor(self.store, replace(tools, stopwatch=self._watch))

    def _watch(self) -> float:
        self.watched += self.slow
        return self.watched

    def see(self, *names: str, signal: str = "down", state: State = State.ABNORMAL) -> None:
        at = NOW + timedelta(seconds=self.seconds)
        self.store.observe(
            Observation(self.uid[name], signal, state, at=at, detector="test") for name in names
        )

    def look(self, seconds: float = 1.0) -> tuple[Assessment | None, list[Told]]:
        self.seconds += seconds
        found = self.assessor.assess(NOW + timedelta(seconds=self.seconds), ())
        return found if found is not None else (None, [])

    def fresh(self, seconds: float = 1.0) -> list[set[str]]:
        """Look once; return the alarming entities of what was explained, by name."""
        found, _ = self.look(seconds)
        return [] if found is None else self.alarming(found, fresh=True)

    def alarming(self, found: Assessment, *, fresh: bool = False) -> list[set[str]]:
        names = {uid: name for name, uid in self.uid.items()}
        rows = found.fresh if fresh else found.kept
        return [
            {
                names[row.entity]
                for row in each.investigation.case.incident.observations
                if row.abnormal
            }
            for each in rows
        ]


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Mapping[str, str]]:
    """The estate in a file, made once: each test begins with a copy; name -> uid of all in it."""
    path = tmp_path_factory.mktemp("filled") / "kgraph.db"
    with closing(open_store(path)) as store:
        fill(store, hosts=HOSTS)
        return path, MappingProxyType({entity.name: entity.uid for entity in store.find()})


@pytest.fixture
def scene(tmp_path: Path, filled: tuple[Path, Mapping[str, str]]) -> Iterator[Scene]:
    made, uids = filled
    with closing(open_store(shutil.copy(made, tmp_path / "kgraph.db"))) as store:
        yield Scene(store, Configuration(Settings(), home=tmp_path), uids)


def guests(host: int, many: int = 30) -> list[str]:
    return [f"g{host}-{g}" for g in range(many)]


def whats(events: Sequence[Told]) -> list[What]:
    return [event.what for event in events]


def test_what_no_candidate_joins_is_explained_apart(scene: Scene) -> None:
    scene.see("g1-3", "g2-4")
    found, told = scene.look()
    assert found is not None
    assert sorted(map(sorted, scene.alarming(found))) == [["g1-3"], ["g2-4"]]
    assert whats(told).count(What.OPENED) == 2


def test_one_more_alert_touches_only_what_shares_a_candidate_with_it(scene: Scene) -> None:
    scene.see(*guests(1, 20), *guests(2, 25), "g3-1")
    scene.look()
    before = {row.id: row for row in scene.store.incidents(IncidentStatus.OPEN)}
    scene.see("g1-20")
    assert scene.fresh() == [{*guests(1, 21)}]
    after = {row.id: row for row in scene.store.incidents(IncidentStatus.OPEN)}
    changed = [id_ for id_, row in after.items() if row != before.get(id_)]
    assert (len(before), len(after), len(changed)) == (3, 3, 1)


def test_nothing_new_explains_nothing(scene: Scene) -> None:
    scene.see("g1-3")
    scene.look()
    assert scene.look() == (None, [])


def test_what_could_have_hit_two_parts_makes_one_of_them(scene: Scene) -> None:
    scene.see("h1", "h2", signal="unreachable")
    found, _ = scene.look()
    assert found is not None
    assert sorted(map(sorted, scene.alarming(found))) == [["h1"], ["h2"]]
    scene.see(*(f"h{host}" for host in range(HOSTS)), signal="unreachable")
    found, told = scene.look()
    assert found is not None
    assert scene.alarming(found) == [{f"h{host}" for host in range(HOSTS)}]
    (kept,) = found.kept
    assert kept.investigation.case.answer.causes[0].entity == scene.uid["core"]
    assert What.MERGED in whats(told)


def test_what_is_over_is_resolved_and_the_rest_stands(scene: Scene) -> None:
    scene.see("g1-3", "g2-4")
    scene.look()
    scene.see("g1-3", state=State.HEALTHY)
    found, told = scene.look()
    assert found is not None
    assert scene.alarming(found) == [{"g2-4"}]
    assert found.fresh == ()
    assert whats(told) == [What.RESOLVED]


def test_a_part_that_lost_an_alarm_is_explained_without_it(scene: Scene) -> None:
    scene.see(*guests(1, 20), "g2-4")
    scene.look()
    scene.see("g1-7", state=State.HEALTHY)
    assert scene.fresh() == [set(guests(1, 20)) - {"g1-7"}]


def test_what_ended_while_nobody_watched_is_resolved_by_the_next_watch(scene: Scene) -> None:
    scene.see("g1-3", "g2-4")
    scene.look()
    scene.see("g1-3", state=State.HEALTHY)
    scene.restart()
    _, told = scene.look()
    assert What.RESOLVED in whats(told)
    assert [row.status for row in scene.store.incidents()].count(IncidentStatus.OPEN) == 1


def test_the_next_watch_goes_on_with_the_same_incidents(scene: Scene) -> None:
    scene.see("g1-3", *guests(2, 20))
    scene.look()
    before = {row.id for row in scene.store.incidents(IncidentStatus.OPEN)}
    scene.restart()
    scene.look()
    assert {row.id for row in scene.store.incidents(IncidentStatus.OPEN)} == before


def test_a_part_is_asked_about_again_now_and_then(scene: Scene) -> None:
    scene.see("g1-3", "g2-4")
    scene.look()
    renewed = [scene.fresh(RENEWED.total_seconds()), scene.fresh()]
    assert sorted(map(sorted, [name for names in renewed for name in names])) == [
        ["g1-3"],
        ["g2-4"],
    ]


def test_what_would_be_asked_just_the_same_is_not_explained_again(scene: Scene) -> None:
    scene.see("g1-3", "g2-4")
    scene.look()
    minute = RENEWED.total_seconds()
    found = [scene.fresh(minute), scene.fresh()]
    assert len([name for names in found for name in names]) == 2
    assert [scene.fresh(minute), scene.fresh()] == [[], []]
    scene.see("h1", state=State.HEALTHY)  # a witness of one of them
    found = [scene.fresh(minute), scene.fresh()]
    assert [{"g1-3"}] in found
    assert [scene.fresh(minute), scene.fresh()] == [[], []]


def test_a_change_of_the_graph_touches_what_was_weighed_on_it(scene: Scene) -> None:
    scene.see("g1-3", "g2-4")
    scene.look()
    with scene.store.sync("other", "", complete=True, at=NOW) as run:
        run.stage([Record("new", "Host")])
        run.commit()
    assert scene.fresh() == []  # nobody was weighed on what is new
    with scene.store.sync("doc", "", complete=True, at=NOW) as run:
        moved = RelationRecord("g1-3", "RUNS_ON", "h1")
        items = (item for item in estate(HOSTS) if item != moved)
        run.stage([*items, RelationRecord("g1-3", "RUNS_ON", "h9")])
        run.commit()
    assert {"g1-3"} in scene.fresh()


def test_what_is_new_comes_first_and_the_rest_in_the_next_look(scene: Scene) -> None:
    scene.slow = PATIENCE
    scene.see(*(f"g{host}-1" for host in range(6)))
    before = scene.fresh()
    assert scene.assessor.unsettled
    scene.see("g9-1")
    shown = [names for _ in range(12) for names in scene.fresh()]
    assert shown[0] == {"g9-1"}
    expected = [[f"g{host}-1"] for host in (0, 1, 2, 3, 4, 5, 9)]
    assert sorted(map(sorted, [*before, *shown])) == expected
    assert not scene.assessor.unsettled


@pytest.mark.parametrize("order", [(1, 2, 3), (3, 1, 2)])
def test_answers_hardly_depend_on_the_order_of_the_evidence(
    scene: Scene, order: tuple[int, ...]
) -> None:
    # Hardly: what alarms by now was a healthy witness when the first of them were explained.
    for host in order:
        scene.see(*guests(host, 18 + host))
        scene.look()
    apart = _said(scene)
    scene.restart()
    scene.look()
    again = _said(scene)
    assert again.keys() == apart.keys()
    assert all(again[cause] == pytest.approx(apart[cause], abs=0.005) for cause in apart)


def test_one_more_alert_of_a_blamed_cause_is_explained_as_if_all_were_new(scene: Scene) -> None:
    # What was blamed is looked at in full from the first, the next time.
    names = [f"h{host}" for host in range(HOSTS)]
    scene.see(*names[:-1], signal="unreachable")
    scene.look()
    scene.see(names[-1], signal="unreachable")
    assert scene.fresh() == [set(names)]
    before = _said(scene)
    assert list(before) == [scene.uid["core"]]
    scene.restart()
    scene.look()
    assert _said(scene) == pytest.approx(before, abs=1e-9)


@pytest.mark.parametrize(
    ("alarming", "times"),
    [
        (guests(1), 1),  # all of the host's guests were looked at
        ([f"h{host}" for host in range(HOSTS)], 2),  # the core has more than come with it
    ],
)
def test_a_part_is_thought_about_once_where_what_is_blamed_was_seen_in_full(
    scene: Scene, monkeypatch: pytest.MonkeyPatch, alarming: list[str], times: int
) -> None:
    thoughts: list[Incident] = []

    def counted(incident: Incident, *rest: Any) -> Begun:
        thoughts.append(incident)
        return begin(incident, *rest)

    monkeypatch.setattr(questions, "begin", counted)
    scene.see(*alarming, signal="unreachable")
    assert scene.fresh() == [set(alarming)]
    assert len(thoughts) == times
    scene.see("g69-1", signal="hung")  # something else: they stand
    scene.fresh()
    assert len(thoughts) == times + 1


@pytest.mark.parametrize("last", [1, 20, 39])
def test_one_more_alert_is_explained_to_the_last_digit_as_if_all_were_new(
    scene: Scene, last: int
) -> None:
    # Parts grow together, and what was blamed before is not what is blamed now.
    names = [*guests(1, 20), *guests(2, 20)]
    late = names.pop(last)
    scene.see(*names)
    scene.look()
    scene.see(late)
    scene.look()
    scene.look(RENEWED.total_seconds())  # what alarms by now is no healthy witness any longer
    scene.look()
    before = _answers(scene)
    scene.restart()
    scene.look()
    assert _answers(scene) == before


def _answers(scene: Scene) -> dict[str, Any]:
    """Return what was said of each open incident, but for when, and for how long that took."""
    return {
        row.id: {name: told for name, told in json.loads(row.answer).items() if name not in TIMED}
        for row in scene.store.incidents(IncidentStatus.OPEN)
    }


def _said(scene: Scene) -> dict[str, float]:
    """Return the likeliest cause of each open incident, with its posterior."""
    answers = (json.loads(row.answer) for row in scene.store.incidents(IncidentStatus.OPEN))
    causes = (answer["causes"][0] for answer in answers)
    return {cause["entity"]: cause["posterior"] for cause in causes}


def _as_person(scene: Scene) -> Toolkit:
    now = NOW + timedelta(seconds=scene.seconds)
    tools = replace(toolkit(scene.configuration, NOW), now=now)
    return taught(tools, scene.store)


def test_what_people_merge_is_one_part_until_they_split_it_again(scene: Scene) -> None:
    scene.see("g1-3", "g2-4", "g3-5")
    scene.look()
    rows = scene.store.incidents(IncidentStatus.OPEN)
    first, second = rows[0], rows[1]
    by_hand.merge(scene.store, second, first, "ada", "", _as_person(scene))
    found, _ = scene.look()
    assert found is not None
    assert sorted(map(len, scene.alarming(found))) == [1, 2]
    assert len(scene.store.incidents(IncidentStatus.OPEN)) == 2
    scene.see("g1-3", "g2-4", "g3-5", signal="hung")  # all is touched, and it stays so
    found, _ = scene.look()
    assert found is not None
    assert sorted(map(len, scene.alarming(found))) == [1, 2]
    (joined,) = (each for each in scene.alarming(found) if len(each) == 2)
    record = scene.store.incident(first.id)
    assert record is not None
    apart = min(joined)
    by_hand.split(scene.store, record, [apart], "ada", "", _as_person(scene))
    found, _ = scene.look()
    assert found is not None
    assert sorted(map(len, scene.alarming(found))) == [1, 1, 1]
    assert len(scene.store.incidents(IncidentStatus.OPEN)) == 3


def test_what_people_close_is_not_opened_again_beside_what_stands(scene: Scene) -> None:
    scene.see("g1-3", "g2-4")
    scene.look()
    record = scene.store.incidents(IncidentStatus.OPEN)[0]
    by_hand.close(scene.store, record, "ada", "planned", NOW)
    found, told = scene.look()
    assert found is not None
    assert (len(found.kept), told) == (1, [])
    assert len(scene.store.incidents(IncidentStatus.OPEN)) == 1
