"""Shadow runs of the watch: kept in the store while open, and with their plan afterwards."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from kgraph.app.incidents.plans import document_of
from kgraph.app.watch.told import Told, What
from kgraph.schema import (
    Document,
    Drawer,
    InputError,
    Outcome,
    Plan,
    PlanMovedError,
    PlanState,
    Run,
)
from kgraph.schema.plan_documents import plan_text
from kgraph.store import GraphStore
from remedies import Facts
from remedies.execution.readback import SHADOW
from remedies.shadow import Came, Shadow, concluded

_MOST = 1_000  # open at once
_OPEN = frozenset({PlanState.PROPOSED, PlanState.SUPERSEDED})


@dataclass
class Shadows:
    """What would have been done by now; the next process goes on with what is open."""

    store: GraphStore
    _open: dict[str, Shadow] = field(default_factory=dict)  # by incident

    def __post_init__(self) -> None:
        for document in self.store.documents(Drawer.SHADOW, limit=_MOST):
            found = self._read(document)
            if found is None:
                self.store.drop(Drawer.SHADOW, [document.id])
            else:
                self._open[document.id] = found

    @property
    def any(self) -> bool:
        """Whether any is open."""
        return bool(self._open)

    def begin(self, plan: Plan, rule: str, now: datetime) -> None:
        """Note that a plan would have begun; only the first of an incident counts."""
        if plan.incident in self._open:
            return
        self._open[plan.incident] = Shadow(plan, rule, now)
        content = json.dumps({"plan": plan.id, "rule": rule})
        self.store.put([Document(Drawer.SHADOW, plan.incident, now, content)])

    def conclude(self, standing: Mapping[str, Plan], facts: Facts, now: datetime) -> list[Told]:
        """Write down what would have come of those of which that can be told now.

        Args:
            standing: incident -> the plan that stands for it now.
            facts: what is observed.
            now: the moment.
        """
        told = []
        for incident, shadow in list(self._open.items()):
            outcome = concluded(shadow, standing.get(incident), facts, now)
            if outcome is Came.OPEN:
                continue
            del self._open[incident]
            self.store.drop(Drawer.SHADOW, [incident])
            if isinstance(outcome, Outcome) and self._write(shadow, outcome, now):
                line = f"{shadow.plan.id} would have {_WOULD[outcome]}: {shadow.plan.title}"
                said = {"plan": shadow.plan.id, "incident": incident, "outcome": outcome.value}
                told.append(Told(now, What.SHADOW, line, said))
        return told

    def _read(self, document: Document) -> Shadow | None:
        """Return a run that an earlier process left open; None where its plan is gone."""
        told = json.loads(document.body)
        record = self.store.plan(told["plan"])
        try:
            plan = document_of(record).plan if record else None
        except InputError:
            return None
        return Shadow(plan, told["rule"], document.at) if plan else None

    def _write(self, shadow: Shadow, outcome: Outcome, now: datetime) -> bool:
        """Keep it with the plan; not where the plan was really begun meanwhile."""
        record = self.store.plan(shadow.plan.id)
        if record is None or record.state not in _OPEN:
            return False
        document = document_of(record)
        entries = len(self.store.journal(record.id))
        by = f"{SHADOW}: {shadow.rule}"
        run = Run(shadow.since, entries, by, (), now, None, outcome)
        document = replace(document, runs=(*document.runs, run))
        kept = replace(record, updated_at=now, document=plan_text(document))
        try:
            self.store.save_plan(kept, was=record)
        except PlanMovedError:
            return False
        return True


_WOULD = {
    Outcome.HELPED: "helped",
    Outcome.NO_EFFECT: "been needless",
    Outcome.MADE_WORSE: "treated the wrong thing",
}
