"""What was said from a place before it fell silent.

Who speaks from a machine - its libvirt, an exporter - goes with it, and what was said last stands
for a while as if it still were so: that the machine's own pools and networks are well. Had the
speaker gone on, that it is reached would tell as much already; where it did not, its words are of
before. So a last word says nothing against what silences its speaker, and against anything else it
counts as ever (`rca.suspects.units`, `rca.suspects.waves`).

A word is a last one if it was not spoken after the latest sign that its speaker's place is silent.
What is said of the place itself is such a sign, or its opposite, and no word on something else.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

import numpy as np

from kgraph.schema import GONE, Observation, State
from kgraph.topology import Topology
from rca.evidence.roster import Roster

SURELY = 0.5  # P(a speaker is silenced) from which its last words say nothing

_RUNS_ON, _PROBE = "RUNS_ON", "Probe"


@dataclass(frozen=True, slots=True)
class LastWords:
    """Who spoke from places that were found silent.

    Attributes:
        until: uid of each such probe -> its place, and when that was last found silent.
        known: detector -> uid of the one of them that reports under this name; empty where
            several probes of the estate do.
    """

    until: Mapping[str, tuple[str, datetime]]
    known: Mapping[str, str]

    @classmethod
    def of(cls, seen: Iterable[Observation], topology: Topology, roster: Roster) -> LastWords:
        """Find them; most incidents have none.

        Args:
            seen: all that was seen in an incident.
            topology: its graph.
            roster: who is who there.
        """
        silent: dict[str, datetime] = {}
        for row in seen:
            if row.signal in GONE and row.state is State.ABNORMAL and row.at is not None:
                silent[row.entity] = max(row.at, silent.get(row.entity, row.at))
        until = {
            probe: (place, at)
            for place, at in silent.items()
            for probe in _speaking_from(topology, place)
        }
        names = {probe: name for probe in until if (name := reports_as(roster, probe))}
        if not names:
            return NOBODY
        code = topology.kind_names.index(_PROBE)
        every = np.flatnonzero(topology.kind_code == code).tolist()
        many = Counter(reports_as(roster, topology.uids[probe]) for probe in every)
        known = {name: probe if many[name] == 1 else "" for probe, name in names.items()}
        return cls(until, known)

    def place(self, word: Observation, through: str) -> str:
        """Return the uid of the place where this was a last word; empty where it is none.

        Args:
            word: on an entity of the graph, with a detector that is `known`.
            through: uid of the probe through which that detector watches the entity; empty where
                nothing says.
        """
        probe = through or self.known[word.detector]
        place, at = self.until.get(probe, ("", None))
        early = at is not None and word.at is not None and word.at <= at
        return place if early and word.state is State.HEALTHY and word.entity != place else ""


NOBODY = LastWords({}, {})


def _speaking_from(topology: Topology, place: str) -> Iterator[str]:
    """Yield the probes that run there and nowhere else: in another place one may go on."""
    index = topology.index.get(place)
    for gate in () if index is None else topology.gates_with(index):
        owner = int(topology.owner[gate])
        runs = topology.type[gate] == _RUNS_ON and topology.kinds[owner] == _PROBE
        if runs and _machines(topology, owner) == {index}:
            yield topology.uids[owner]


def _machines(topology: Topology, probe: int) -> set[int]:
    gates = (gate for gate in topology.gates(probe) if topology.type[gate] == _RUNS_ON)
    return {machine for gate in gates for machine in topology.members(gate)}


def reports_as(roster: Roster, probe: str) -> str:
    """Return the detector under whose name a probe reports; empty where it does not say."""
    known = roster.get(probe)
    return str(known.props.get("detector", "")) if known else ""
