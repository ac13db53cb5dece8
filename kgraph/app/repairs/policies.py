"""What the policy says of a kept plan, and why."""

from __future__ import annotations

import json
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

from kgraph.app.configured.catalogue import refuse_unknown_actions
from kgraph.app.incidents.plans import document_of
from kgraph.app.sources import Context, watched_jobs
from kgraph.config import Configuration
from kgraph.schema import Actor, Plan, PlanRecord, PlanStep
from kgraph.store import GraphStore
from remedies import Circumstances, Decision, Policy, decide, load_policy
from remedies.execution.cases import cases
from remedies.policy import Rule, decide_step, ranked

RECORD = timedelta(days=365)  # how long a case counts
_FOREIGN = frozenset({"libvirt", "alertmanager", "prometheus", "nbd", "synthetic"})


@dataclass(frozen=True, slots=True)
class StepExplained:
    """One step: what may happen with it, and every rule with why it does not hold."""

    step: PlanStep
    decision: Decision
    rules: tuple[tuple[Rule, str], ...]


@dataclass(frozen=True, slots=True)
class Explained:
    """A plan: what may happen with it, and each of its steps that counts."""

    plan: Plan
    decision: Decision
    steps: tuple[StepExplained, ...]
    around: Circumstances


def policy_of(configuration: Configuration) -> Policy:
    """Load the shipped policy and the site's own over it.

    Raises:
        ConfigurationError: a file or a row is wrong, or names an action that is not known: a rule
            that is to hold something back must not be void by a slip of the pen.
    """
    policy = load_policy(configuration.given(configuration.settings.policy.file))
    named = {rule.when.action: rule.where for rule in policy.rules if rule.when.action}
    refuse_unknown_actions(named, configuration)
    return policy


def explain(
    configuration: Configuration, store: GraphStore, record: PlanRecord, now: datetime
) -> Explained:
    """Decide about a kept plan as the watch would at a moment; nothing is begun.

    Raises:
        ConfigurationError: a faulty policy.
        InputError: the plan cannot be read.
    """
    policy, plan = policy_of(configuration), document_of(record).plan
    around = _around(configuration, store, plan, now)
    ours = [step for step in plan.steps if step.actor is Actor.KGRAPH] or list(plan.steps)
    steps = tuple(
        StepExplained(
            step,
            decide_step(policy, plan, step, around),
            tuple(ranked(policy, plan, step, around)),
        )
        for step in ours
    )
    return Explained(plan, decide(policy, plan, around), steps, around)


def _around(
    configuration: Configuration, store: GraphStore, plan: Plan, now: datetime
) -> Circumstances:
    record = cases(store, now - RECORD)
    wanted = {plan.cause.entity, *(s.entity for s in plan.steps), *(c.entity for c in record)}
    entities = {entity.uid: entity for entity in store.get(sorted(wanted))}
    cause = entities.get(plan.cause.entity)
    return Circumstances(
        now=now,
        kind=cause.kind if cause else "",
        posterior=_posterior(store, plan),
        synced=_synced(configuration, store),
        entities=entities,
        cases=record,
    )


def _posterior(store: GraphStore, plan: Plan) -> float:
    """Return how likely the incident's answer holds the plan's cause to be; 0 if it does not."""
    incident = store.incident(plan.incident)
    causes = json.loads(incident.answer)["causes"] if incident else []
    return next((float(row["posterior"]) for row in causes if _is(row, plan)), 0.0)


def _is(row: dict[str, object], plan: Plan) -> bool:
    return plan.cause.entity in {row.get("uid"), row.get("entity")}


def read_before(store: GraphStore, titles: Collection[str]) -> set[str]:
    """Return the sources of these titles that were read before, as far as the store tells.

    A document names its source and scope only when it is read, so any such scope counts for it.
    """
    scopes = store.scopes()
    known = {f"{scope.source} {scope.scope}" for scope in scopes}
    others = any(scope.source not in _FOREIGN for scope in scopes)
    return {t for t in titles if t in known or (others and not t.startswith("libvirt "))}


def _synced(configuration: Configuration, store: GraphStore) -> bool:
    jobs = watched_jobs(Context(configuration))
    titles = {job.title for job in jobs if job.topology}
    return bool(titles) and read_before(store, titles) == titles
