"""From interfaces that are sent nothing to the switch that they share, by the graph."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from ingest.libvirt.unanswered import Plug, cut_off, loudness
from kgraph.schema import Observation, State
from kgraph.signals.stillness import LOUDEST
from kgraph.store import GraphStore, Toward

SIGNAL = "unreachable"
_TIES = frozenset({"ATTACHED_TO"})
_OF_A_HOST = "hostBridge"  # what a network claims that is a bridge of one host


@dataclass
class CutOff:
    """Says of bridges and networks that they forward nothing, and withdraws it when they do.

    Attributes:
        detector: the name under which it is said.
        lasts: how long what is said stands.
    """

    detector: str
    lasts: timedelta
    _standing: frozenset[str] = frozenset()

    def told(self, store: GraphStore, those: Sequence[Plug], at: datetime) -> list[Observation]:
        """Return what is to be said now of switches and of the guests that they cut off.

        Args:
            store: with the graph; it is only asked where some interface is sent nothing.
            those: the interfaces of one host, see `ingest.libvirt.unanswered`.
            at: now.
        """
        rows: dict[str, Observation] = {}
        if any(plug.stillness for plug in those):
            for switch, mute in _switches(store, those).items():
                rows.update((row.entity, row) for row in self._rows(store, switch, mute, at))
        over = [
            replace(self._row(uid, at), state=State.HEALTHY, expires_at=at)
            for uid in sorted(self._standing - rows.keys())
        ]
        self._standing = frozenset(rows)
        return [*rows.values(), *over]

    def _rows(
        self, store: GraphStore, switch: str, mute: Sequence[Plug], at: datetime
    ) -> Iterator[Observation]:
        names = ", ".join(sorted({plug.interface for plug in mute}))
        pause = (at - max(plug.received_at for plug in mute)).total_seconds()
        told = f"nothing was received on {names} for {pause:.0f} s, though the guests still send"
        yield replace(self._row(switch, at), score=loudness(mute), detail=told)
        for plug in mute:
            guest = store.resolve("vmUuid", plug.uuid)
            if isinstance(guest, str):
                own = f"nothing was received on {plug.interface} for {pause:.0f} s, nor by others"
                size = min(LOUDEST, plug.stillness)
                yield replace(self._row(guest, at), score=size, detail=f"{own} on its network")

    def _row(self, uid: str, at: datetime) -> Observation:
        return Observation(
            uid,
            SIGNAL,
            State.ABNORMAL,
            at=at,
            detector=self.detector,
            expires_at=at + self.lasts,
        )


def _switches(store: GraphStore, those: Sequence[Plug]) -> Mapping[str, Sequence[Plug]]:
    """Return switch -> its interfaces that are cut off; only of switches that are to blame."""
    on: dict[str, list[Plug]] = defaultdict(list)
    for plug in those:
        for switch in _switches_of(store, plug):
            on[switch].append(plug)
    found = {switch: cut_off(every) for switch, every in on.items()}
    return {switch: mute for switch, mute in found.items() if mute}


def _switches_of(store: GraphStore, plug: Plug) -> list[str]:
    """Return what an interface is plugged into on its host; else any network that it is on."""
    nic = store.resolve("ownerInterface", f"{plug.uuid}/{plug.mac}")
    if not isinstance(nic, str):
        return []
    around = store.neighbourhood([nic], Toward.DEPENDENCIES, types=_TIES, depth=1)
    switches = [entity for entity in around.entities if entity.uid != nic]
    local = [e for e in switches if any(key.namespace == _OF_A_HOST for key in e.keys)]
    return [entity.uid for entity in local or switches]
