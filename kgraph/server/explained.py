"""The newest explanations: whoever looks next need not wait for the engine again."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable
from dataclasses import replace

from kgraph.app.asking.answers import answered_at
from kgraph.app.asking.investigation import Toolkit
from kgraph.app.incidents import learning
from kgraph.app.incidents.handled import trace
from kgraph.app.incidents.keeping import again
from kgraph.app.incidents.plans import as_kept
from kgraph.incidents import Case
from kgraph.schema import IncidentRecord
from kgraph.store import GraphStore

_KEPT = 16  # cases; a large one is some MB


class Explained:
    """Explains kept incidents from their bundles; for one thread."""

    def __init__(self) -> None:
        self._cases: OrderedDict[Hashable, Case] = OrderedDict()

    def of(self, record: IncidentRecord, store: GraphStore, tools: Toolkit) -> Case:
        """Return an incident explained as of when it was last kept.

        Args:
            record: the incident.
            store: what people said of causes until then.
            tools: the engine's, at that moment.
        """
        said = [row for row in store.rulings() if row.at <= record.updated_at]
        newest = max((row.at for row in said), default=None)
        key = record.id, record.updated_at, hash(record.bundle), len(said), newest
        if key not in self._cases:
            found = again(record, learning.taught(tools, store, answered_at(record)))
            self._cases[key] = found.case
        self._cases.move_to_end(key)
        if len(self._cases) > _KEPT:
            self._cases.popitem(last=False)
        return as_kept(replace(self._cases[key], handled=trace(store, record.id)), store)
