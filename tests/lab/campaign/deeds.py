"""What kgraph did, read from its own store, and whether that broke an invariant."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from kgraph.schema import INTENTS, Actor, JournalEntry, PlanState, PlanStep
from kgraph.schema.audit import first_break
from kgraph.schema.plan_documents import parse_plan
from kgraph.store import GraphStore, open_store
from remedies import Budgets
from remedies.execution import time_for
from remedies.execution.track import ALREADY, NOT_DONE
from remedies.execution.verify import PATIENCE
from tests.lab.campaign.truth import Picture

_HARMLESS = frozenset({"check", "notify", "ask"})  # they look, or tell people
_NEVER_HAPPENED = (NOT_DONE, ALREADY)  # how the journal marks an intent without an effect
_STARTS = frozenset({"start", "start_elsewhere"})


@dataclass(frozen=True, slots=True)
class Deed:
    """One effect on the estate."""

    at: datetime
    action: str
    kind: str
    name: str

    def __str__(self) -> str:
        return f"{self.action} {self.name}"


@dataclass(frozen=True)
class Account:
    """What a store tells of a while.

    Attributes:
        deeds: effects on the estate.
        busy: whether a plan is under way still.
        breaches: invariants that were broken, as the store tells.
    """

    deeds: tuple[Deed, ...]
    busy: bool
    breaches: tuple[str, ...]


def account(path: Path, since: datetime, until: datetime) -> Account:
    """Read what was done from `since` on."""
    with closing(open_store(path, read_only=True)) as store:
        return _account(store, since, until)


def _account(store: GraphStore, since: datetime, until: datetime) -> Account:
    deeds, breaches, busy = [], [], False
    halted = store.halted()
    for record in store.plans():
        document = parse_plan(record.document, where=record.id)
        plan, entries = document.plan, store.journal(record.id)
        for entry in entries:
            step = plan.steps[entry.step]
            if entry.at < since or not _is_effect(entry, step, entries):
                continue
            deeds.append(Deed(entry.at, step.action, step.kind, step.name))
            if entry.token <= 0:
                breaches.append(f"I4 {step.action} {step.name} without a token")
            if halted is not None and entry.at > halted.at:
                breaches.append(f"I7 {step.action} {step.name} while halted")
        if record.state in {PlanState.RUNNING, PlanState.VERIFYING}:
            busy = True
            limit = time_for(plan) + 2 * plan.settle + 2 * PATIENCE
            if document.run and until - document.run.begun_at > limit:
                breaches.append(f"I6 {plan.title} goes on beyond its deadline")
    if first_break(store.audit()) is not None:
        breaches.append("I8 the audit log does not verify")
    return Account(tuple(sorted(deeds, key=lambda d: d.at)), busy, tuple(breaches))


def _is_effect(entry: JournalEntry, step: PlanStep, entries: list[JournalEntry]) -> bool:
    if entry.state not in INTENTS or step.actor is not Actor.KGRAPH or step.action in _HARMLESS:
        return False
    same = [e for e in entries if (e.step, e.attempt) == (entry.step, entry.attempt)]
    return not any(e.at >= entry.at and e.detail.startswith(_NEVER_HAPPENED) for e in same)


def over_budget(deeds: tuple[Deed, ...], budgets: Budgets) -> list[str]:
    """Return breaches of I3: trying one repair of one entity again is the same repair."""
    found = []
    for last in deeds:
        minute = [d for d in deeds if timedelta(0) <= last.at - d.at < timedelta(minutes=1)]
        guests = {d.name for d in minute if d.kind == "VirtualMachine"}
        if len(guests) > budgets.guest_actions:
            found.append(f"I3 {len(guests)} guests within a minute")
        hour = [d for d in deeds if timedelta(0) <= last.at - d.at < timedelta(hours=1)]
        fenced = {d.name for d in hour if d.action == "fence"}
        if len(fenced) > budgets.fencings:
            found.append(f"I3 {len(fenced)} hosts fenced within an hour")
    return found


def seen_twice(
    pictures: list[Picture], deeds: tuple[Deed, ...], touched: frozenset[str]
) -> list[str]:
    """Return breaches of I1 and I2, as the kernel's own list of processes tells.

    Of what kgraph has `touched` only: any other guest was split by the fault itself.
    """
    twice = {name for picture in pictures for name in picture.twice & touched}
    found = [f"I1 {name} ran on two hosts" for name in sorted(twice)]
    for deed in deeds:
        if deed.action not in _STARTS:
            continue
        before = [picture for picture in pictures if picture.at <= deed.at]
        if before and before[-1].copies.get(deed.name):
            where = ", ".join(sorted(before[-1].copies[deed.name]))
            found.append(f"I2 {deed} while there is a process of it on {where}")
    return found
