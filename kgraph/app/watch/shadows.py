"""Shadow runs of the watch: kept in memory while they are open, written down once concluded."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from kgraph.app.plans import document_of
from kgraph.app.watch.told import Told, What
from kgraph.schema import Outcome, Plan, PlanState, Run, Sign
from kgraph.schema.plan_documents import plan_text
from kgraph.store import GraphStore
from remedies.execution.ledger import SHADOW
from remedies.shadow import Shadow, concluded

_OPEN = frozenset({PlanState.PROPOSED, PlanState.SUPERSEDED})


@dataclass
class Shadows:
    """What would have been done by now. A restart forgets the open ones: they count as nothing."""

    store: GraphStore
    _open: dict[str, Shadow] = field(default_factory=dict)  # by incident

    def begin(self, plan: Plan, rule: str, now: datetime) -> None:
        """Note that a plan would have begun; only the first of an incident counts."""
        self._open.setdefault(plan.incident, Shadow(plan, rule, now))

    def conclude(
        self, standing: Mapping[str, Plan], abnormal: Collection[Sign], now: datetime
    ) -> list[Told]:
        """Write down what would have come of those of which that can be told now.

        Args:
            standing: incident -> the plan that stands for it now.
            abnormal: what is seen to be wrong.
            now: the moment.
        """
        told = []
        for incident, shadow in list(self._open.items()):
            outcome = concluded(shadow, standing.get(incident), abnormal, now)
            if outcome is None:
                continue
            del self._open[incident]
            if self._write(shadow, outcome, now):
                line = f"{shadow.plan.id} would have {_WOULD[outcome]}: {shadow.plan.title}"
                facts = {"plan": shadow.plan.id, "incident": incident, "outcome": outcome.value}
                told.append(Told(now, What.SHADOW, line, facts))
        return told

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
        self.store.save_plan(replace(record, updated_at=now, document=plan_text(document)))
        return True


_WOULD = {
    Outcome.HELPED: "helped",
    Outcome.NO_EFFECT: "been needless",
    Outcome.MADE_WORSE: "treated the wrong thing",
}
