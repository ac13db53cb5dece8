"""Two exports with four guests each, on two hosts: what people do to the incidents of it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from kgraph.app.asking.investigation import Toolkit, of_store
from kgraph.app.incidents import by_hand, keeping, placing
from kgraph.app.incidents.learning import taught
from kgraph.schema import IncidentStatus, Observation, Record, RelationRecord, State
from kgraph.store import GraphStore

T0 = datetime(2026, 11, 28, 3, 0, tzinfo=UTC)
RECORDS = [
    *(Record(f"x{n}", "StorageExport", f"vmstore{n}") for n in range(2)),
    *(Record(f"h{n}", "Host", f"h{n}") for n in range(2)),
    *(Record(f"v{n}", "VirtualMachine", f"web-{n}") for n in range(8)),
    *(RelationRecord(f"v{n}", "STORED_ON", f"x{n // 4}") for n in range(8)),
    *(RelationRecord(f"v{n}", "RUNS_ON", f"h{n % 2}") for n in range(8)),
]


def fill(store: GraphStore) -> None:
    """Bring the estate into a store."""
    with store.sync("cmdb", "", complete=True, at=T0) as run:
        run.stage(RECORDS)
        run.commit()


@dataclass
class Estate:
    """Two exports with four guests each, on two hosts that are well."""

    store: GraphStore
    tools: Toolkit
    minute: float = 0.0

    @property
    def now(self) -> datetime:
        return T0 + timedelta(minutes=self.minute)

    def uid(self, key: str) -> str:
        return str(self.store.locate("cmdb", key))

    def hurt(self, *guests: int, signal: str = "paused", well: tuple[int, ...] = ()) -> None:
        rows = [(f"v{n}", signal, State.ABNORMAL) for n in guests]
        rows += [(f"v{n}", signal, State.HEALTHY) for n in well]
        rows += [(f"h{n}", "down", State.HEALTHY) for n in range(2)]
        self.store.observe(
            Observation(self.uid(key), name, state, at=self.now, detector="libvirt")
            for key, name, state in rows
        )

    def look(self, minutes: float = 1.0) -> placing.Sorted:
        """Explain what is wrong, as the watch does it."""
        self.minute += minutes
        tools = taught(replace(self.tools, now=self.now), self.store)
        done = keeping.sort(self.store, of_store(self.store, tools))
        keeping.save(self.store, done)
        return done

    def at_now(self) -> Toolkit:
        return taught(replace(self.tools, now=self.now), self.store)

    def status(self, incident: str) -> str:
        return by_hand.find(self.store, incident).status.value

    def open(self) -> dict[str, set[str]]:
        """Return each open incident with the keys of what is wrong in it."""
        names = {self.uid(f"v{n}"): f"v{n}" for n in range(8)}
        return {
            row.id: {names[e] for e, _ in placing.known(row).symptoms if e in names}
            for row in self.store.incidents(IncidentStatus.OPEN)
        }

    def fail(self, export: int) -> None:
        """An export fails with its guests, and is seen to."""
        self.hurt(*range(4 * export, 4 * export + 4))
        down = Observation(self.uid(f"x{export}"), "down", State.ABNORMAL, at=T0, detector="tcp")
        self.store.observe([down])

    def fail_both(self) -> None:
        """Both exports fail, and are seen to: two incidents."""
        self.fail(0)
        self.fail(1)
        self.look()
        assert sorted(map(sorted, self.open().values())) == [
            ["v0", "v1", "v2", "v3"],
            ["v4", "v5", "v6", "v7"],
        ]
