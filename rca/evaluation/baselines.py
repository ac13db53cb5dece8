"""What anybody could do without this engine: simple rankings to be measured against.

Each gives every candidate a score from the graph and the alarms alone, the higher the likelier.
Equal evidence gets equal scores, so names and the order of the input decide nothing.
A new one is a function here and a line in `BASELINES`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType

import numpy as np
import numpy.typing as npt

from kgraph.schema import Incident
from rca.evaluation import single_fault as single

Baseline = Callable[[Incident], Mapping[str, float]]
_ROUND = 12  # digits; what differs by less is the same
_DAMPING = 0.85
_STEPS = 100
_CLOSE = 1e-6  # of each entity's share: then the walk has settled


def candidates_of(incident: Incident) -> list[str]:
    """Return who may be ranked."""
    known = [entity.uid for entity in incident.entities]
    if incident.candidates is None:
        return known
    allowed = set(incident.candidates)
    return [uid for uid in known if uid in allowed]


def random(incident: Incident) -> Mapping[str, float]:
    """Everybody alike: what luck would find."""
    return dict.fromkeys(candidates_of(incident), 0.0)


def most_anomalous(incident: Incident) -> Mapping[str, float]:
    """The largest size of any alarm; one without a size counts as large as the largest."""
    sizes = [seen.score for seen in incident.observations if seen.score is not None]
    loudest = max(sizes, default=1.0)
    found = dict.fromkeys(candidates_of(incident), 0.0)
    for seen in incident.observations:
        if seen.abnormal and seen.entity in found:
            size = loudest if seen.score is None else seen.score
            found[seen.entity] = max(found[seen.entity], size)
    return found


def most_symptoms(incident: Incident) -> Mapping[str, float]:
    """The number of different signals that alarm on the entity."""
    signals: dict[str, set[object]] = {uid: set() for uid in candidates_of(incident)}
    for seen in incident.observations:
        if seen.abnormal and seen.entity in signals:
            signals[seen.entity].add((seen.signal, seen.direction))
    return {uid: float(len(shown)) for uid, shown in signals.items()}


def earliest(incident: Incident) -> Mapping[str, float]:
    """Who alarmed first; without times everybody who alarms is alike."""
    onset: dict[str, float] = {}
    alarming = set()
    for seen in incident.observations:
        if seen.abnormal:
            alarming.add(seen.entity)
            if seen.at is not None:
                at = seen.at.timestamp()
                onset[seen.entity] = min(at, onset.get(seen.entity, at))
    latest = max(onset.values(), default=0.0)
    return {
        uid: 1 + latest - onset.get(uid, latest) if uid in alarming else 0.0
        for uid in candidates_of(incident)
    }


def traversal(incident: Incident) -> Mapping[str, float]:
    """Walk along alarming dependencies as far as they go; the ends of the way are blamed.

    What most operators do by hand. From the target where there is one, else from every alarm.
    """
    needs = _needs(incident)
    alarming = _alarming(incident)
    start = {incident.target.entity} if incident.target else set(alarming)
    reached = set(start)
    waiting = list(start)
    while waiting:
        for cause in needs.get(waiting.pop(), ()):
            if cause in alarming and cause not in reached:
                reached.add(cause)
                waiting.append(cause)
    ends = {uid for uid in reached if not any(c in alarming for c in needs.get(uid, ()))}
    found = dict.fromkeys(candidates_of(incident), 0.0)
    for score, blamed in ((1.0, alarming), (2.0, reached), (3.0, ends & alarming)):
        found |= {uid: score for uid in blamed if uid in found}
    return found


def page_rank(incident: Incident) -> Mapping[str, float]:
    """Walk at random from the alarms towards what they depend on.

    Source: T. H. Haveliwala, Topic-Sensitive PageRank (2002), doi:10.1145/511446.511513; used for
    root causes by L. Wu et al., MicroRCA (2020), doi:10.1109/NOMS47738.2020.9110353.
    """
    place = {entity.uid: number for number, entity in enumerate(incident.entities)}
    alarms = np.zeros(len(place))
    for seen in incident.observations:
        if seen.abnormal and seen.entity in place:
            alarms[place[seen.entity]] += 1.0
    if not alarms.any():
        return random(incident)
    # Whoever depends on a thing in two ways walks there no more often.
    ways = {(place[row.dependent], place[row.dependency]) for row in incident.relations}
    edges = np.array(sorted(ways), dtype=np.intp).reshape(-1, 2)
    rank = _walked(edges, alarms / alarms.sum())
    return {uid: round(float(rank[place[uid]]), _ROUND) for uid in candidates_of(incident)}


def _walked(edges: npt.NDArray[np.intp], home: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Return where a walk along (m, 2) edges is found that starts anew at `home`, (n,), at times.

    By power iteration, as networkx does it; but that needs SciPy, as nothing else here does.
    """
    origin, end = edges.T
    count = len(home)
    leaving = np.bincount(origin, minlength=count)
    stuck = leaving == 0
    rank = np.full(count, 1.0 / count)
    for _ in range(_STEPS):
        before = rank
        share = (before / np.maximum(leaving, 1))[origin]
        moved = np.bincount(end, weights=share, minlength=count) + before[stuck].sum() * home
        rank = _DAMPING * moved + (1.0 - _DAMPING) * home
        if np.abs(rank - before).sum() < count * _CLOSE:
            break
    return rank


def set_cover(incident: Incident) -> Mapping[str, float]:
    """Blame whoever lies upstream of most alarms that nobody blamed so far accounts for.

    Greedy cover; those that cover the same number stand together. Source: V. Chvatal (1979),
    doi:10.1287/moor.4.3.233.
    """
    candidates = candidates_of(incident)
    left = set(_alarming(incident))
    covers = _upstream(_needs(incident), left, candidates)
    found = dict.fromkeys(candidates, 0.0)
    score = float(len(candidates))
    while left:
        most = max((len(covers[uid] & left) for uid in candidates), default=0)
        if most == 0:
            break
        best = [uid for uid in candidates if len(covers[uid] & left) == most]
        for uid in best:
            found[uid] = found[uid] or score
        left -= set().union(*(covers[uid] for uid in best))
        score -= 1
    return found


def single_fault(incident: Incident) -> Mapping[str, float]:
    """The chance by a model of one fault at a time, see `rca.evaluation.single_fault`."""
    found = single.single_fault(incident, candidates_of(incident))
    return {uid: round(chance, _ROUND) for uid, chance in found.items()}


def _upstream(
    needs: Mapping[str, Iterable[str]], alarming: Iterable[str], candidates: Iterable[str]
) -> Mapping[str, set[str]]:
    """Return candidate -> the alarms that it lies upstream of, its own included."""
    covers: dict[str, set[str]] = {uid: set() for uid in candidates}
    for symptom in alarming:
        seen = {symptom}
        waiting = [symptom]
        while waiting:
            uid = waiting.pop()
            if uid in covers:
                covers[uid].add(symptom)
            fresh = [cause for cause in needs.get(uid, ()) if cause not in seen]
            seen.update(fresh)
            waiting += fresh
    return covers


def _needs(incident: Incident) -> Mapping[str, list[str]]:
    found: dict[str, list[str]] = {}
    for row in incident.relations:
        found.setdefault(row.dependent, []).append(row.dependency)
    return found


def _alarming(incident: Incident) -> set[str]:
    return {seen.entity for seen in incident.observations if seen.abnormal}


BASELINES: Mapping[str, Baseline] = MappingProxyType(
    {
        "random": random,
        "most anomalous": most_anomalous,
        "most symptoms": most_symptoms,
        "earliest": earliest,
        "traversal": traversal,
        "PageRank": page_rank,
        "set cover": set_cover,
        "single fault": single_fault,
    }
)
