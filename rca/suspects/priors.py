"""How likely a fault is before anything is seen: rates, common causes, and recent changes."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from kgraph.schema import Change, Incident
from rca.rules.learning import Learned, Priors
from rca.rules.model import Model

WINDOW_YEARS = 1 / 365  # faults this close together belong to one incident
SILENT = 0.6  # P(nothing is told of what is at fault itself): not all is watched
COMMON_CAUSE = 0.05  # beta factor: of the faults of one member, so many take its peers along
BEFORE = timedelta(hours=1)  # a change so shortly before the first symptom is suspect
FRESH = timedelta(minutes=10)  # for so long it is as suspect as it can be, and then less and less
AFTER = timedelta(minutes=1)  # so much later than all that its entity shows, it is an answer to it
_READ = frozenset(
    {"created", "reopened", "updated", "closed", "relation_opened", "relation_closed"}
)
_RENAMED = "renamed"
_OVER = frozenset({"restart", "restarted"})
_PASSING = frozenset({"reboot", "rebooted", "maintenance"})


def log_prior(rate: float, times: float = 1.0) -> float:
    """Return log odds of one fault within an incident's time.

    Args:
        rate: faults a year, > 0.
        times: how many times likelier it is at the moment: shortly after a change.
    """
    return math.log(rate * WINDOW_YEARS) + math.log(times)


def log_prior_together(rates: Sequence[float]) -> float:
    """Return log odds that all members of a redundancy group fail, by the beta-factor model.

    Source: K. N. Fleming, A Reliability Model for Common Mode Failures in Redundant Safety
    Systems, General Atomic report GA-A13284 (1975).
    """
    return log_prior(min(rates)) + math.log(COMMON_CAUSE) * (len(rates) - 1)


def taught(model: Model, learned: Learned | None, incident: Incident) -> Model:
    """Return the model with what was learned on this estate, for one incident."""
    if learned is None or not learned.faults:
        return model
    return replace(model, learned=Priors(learned, recently_changed(incident)))


def was_done(change: Change, kind: str) -> bool:
    """Tell whether something was done to an entity, rather than learned of it.

    What the graph calls a thing does nothing to it, and how monitoring came to know its targets
    is no change to a probe.
    """
    return change.type != _RENAMED and not (kind == "Probe" and change.type in _READ)


def may_be_undone(change: Change) -> bool:
    """Tell whether somebody decided on it and can take it back: a deploy, an edit, an upgrade."""
    return change.type not in {*_READ, *_OVER, *_PASSING, _RENAMED}


def passes(change: Change) -> bool:
    """Tell whether what was done is meant to be over by itself: a reboot, a maintenance."""
    return change.type in _PASSING


def recently_changed(incident: Incident) -> Mapping[str, str]:
    """Return entity -> type of its last change, of those shortly before or during the symptoms."""
    return {entity: change.type for entity, (change, _) in _recent(incident).items()}


def freshness(incident: Incident) -> Mapping[str, float]:
    """Return the same entities -> how much of what makes a fault likelier is left, in (0, 1].

    What a change breaks mostly shows at once; the longer it has held, the likelier it holds.
    """
    return {entity: fresh for entity, (_, fresh) in _recent(incident).items()}


def _recent(incident: Incident) -> Mapping[str, tuple[Change, float]]:
    """Return entity -> its last change, and what is left of it.

    Without any onset every change that the incident holds counts. What was done to an entity after
    all of its own alarms has not brought them about: more copies, a restart. What is read of the
    graph may have been read late.
    """
    if not incident.changes:
        return {}
    onsets = _onsets(incident)
    first = min((rose for rose, _ in onsets.values()), default=None)
    last = max((rose for _, rose in onsets.values()), default=None)
    told = {change.entity for change in incident.changes if change.type in _READ}
    kinds = {e.uid: e.kind for e in incident.entities if e.uid in told} if told else {}
    found: dict[str, tuple[Change, float]] = {}
    for change in sorted(incident.changes, key=lambda change: change.at):
        if not was_done(change, kinds.get(change.entity, "")):
            continue
        _, own = onsets.get(change.entity, (None, None))
        if own is not None and change.type not in _READ and change.at > own + AFTER:
            continue
        if first is None or last is None:
            found[change.entity] = change, 1.0
        elif first - BEFORE <= change.at <= last:
            found[change.entity] = change, FRESH / max(FRESH, first - change.at)
    return found


def _onsets(incident: Incident) -> Mapping[str, tuple[datetime, datetime]]:
    """Return entity -> when the first and the last of its alarms rose, where that is told."""
    found: dict[str, tuple[datetime, datetime]] = {}
    for seen in incident.observations:
        if seen.abnormal and seen.at is not None:
            first, last = found.get(seen.entity, (seen.at, seen.at))
            found[seen.entity] = min(first, seen.at), max(last, seen.at)
    return found
