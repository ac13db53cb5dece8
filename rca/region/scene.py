"""The estate and what was seen on it, as a walk of effects needs it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import numpy.typing as npt

from kgraph.schema import GONE, Entity, Severity
from kgraph.topology import Topology, dependencies
from rca.evidence.likelihood import SPEAKS, Reading
from rca.evidence.roster import Roster
from rca.evidence.siblings import weights
from rca.region.arrays import Region
from rca.region.effects import Faults, Modes, Spread
from rca.region.gates import ERRORS, SENT, answers, sent
from rca.region.levels import Levels
from rca.region.seen import Heard, hear
from rca.region.storm import coarse, loudest
from rca.region.terrain import CROSSED, Ahead, Onwards, Terrain, terrain_of
from rca.rules.compile import Compiled, severity_of
from rca.rules.conditions import Ground

PROBE = "Probe"
MILLION = 1e6  # what is said somewhere is summed up in millionths of a nat: equals stay equal

# Kind, loudest ratio, whom it serves, what its readings say, colour and uid.
_Looks = tuple[str, float, int, int, int, str]


@dataclass(frozen=True)
class Scene:
    """The estate and what was seen on it: what a walk needs, prepared once for an incident."""

    topology: Topology
    compiled: Compiled
    readings: Mapping[int, Sequence[Reading]]
    changed: Mapping[int, float] = field(default_factory=dict)  # see `priors.freshness`
    target: int | None = None  # the entity whose objective was breached
    entities: Sequence[Entity] = ()  # may be fewer than in the topology
    spreads: dict[Faults, Spread] = field(default_factory=dict, compare=False, repr=False)
    regions: list[Region] = field(default_factory=list, compare=False, repr=False)
    well: dict[tuple[Severity, ...], npt.NDArray[np.bool_]] = field(
        default_factory=dict, compare=False, repr=False
    )
    _looks: dict[int, _Looks] = field(default_factory=dict, compare=False, repr=False)
    _ratios: dict[tuple[int, str, bool], float] = field(
        default_factory=dict, compare=False, repr=False
    )

    @cached_property
    def terrain(self) -> Terrain:
        """What follows from graph and rules alone."""
        return terrain_of(self.topology, self.compiled.model, self.entities)

    @property
    def roster(self) -> Roster:
        """Who is who."""
        return self.terrain.roster

    @property
    def ground(self) -> Ground:
        """What the conditions of rules are asked of."""
        return self.terrain.ground

    @property
    def rank(self) -> Levels:
        """Causes before effects; see `rca.region.levels`."""
        return self.terrain.rank

    def level(self, entity: int) -> int:
        """Return its place in the order of walks: causes before effects.

        Of those that nothing else orders a probe comes first: who looks, before what is seen.
        """
        return 2 * self.rank[entity] - (self.topology.kinds[entity] == PROBE)

    @cached_property
    def lookout(self) -> npt.NDArray[np.int32]:
        """Entities that were looked at, or lie between a fault and one that was."""
        return dependencies(self.topology, self.readings, types=CROSSED).entities

    def telling(self, entities: npt.NDArray[np.int32]) -> list[int]:
        """Return those of some that are among them."""
        found: list[int] = entities[self._on_lookout[entities]].tolist()
        return found

    @cached_property
    def _on_lookout(self) -> npt.NDArray[np.bool_]:
        found = np.zeros(len(self.topology), np.bool_)
        found[self.lookout] = True
        return found

    @cached_property
    def columns(self) -> int:
        """How many readings there are, and one for the breached objective."""
        return 1 + sum(map(len, self.readings.values()))

    def told(self, entity: int) -> AbstractSet[str]:
        """Return the signals of an entity at which somebody looked."""
        rows = self.readings.get(entity, ())
        return {row.observation.signal for row in rows if not row.implied}

    def said(self, entity: int) -> int:
        """Return what all readings of an entity say together, in millionths of a nat."""
        return int(self.saying[entity])

    @cached_property
    def saying(self) -> npt.NDArray[np.int64]:
        """(n,) the same of all entities."""
        heard, found = self.heard, np.zeros(len(self.topology), np.int64)
        by = np.arange(len(heard.entity)).repeat(np.diff(heard.start))
        nats = np.rint(np.log(heard.ratio) * MILLION)
        found[heard.entity] = np.bincount(by, nats, len(heard.entity))
        return found

    def prefer(self, entity: int, hit: tuple[float, str]) -> tuple[float, _Looks]:
        """Rank what may have hit an entity: the likeliest; of equals, what is seen worst.

        Between twins their uids decide, and not the order in which they were read.
        """
        looks = self._looks.get(entity)
        if looks is None:
            looks = self._looks[entity] = self._seen_as(entity)
        return round(hit[0], 9), looks

    def _seen_as(self, entity: int) -> _Looks:
        topology = self.topology
        loudest = max((row.ratio for row in self.readings.get(entity, ())), default=1.0)
        burden = int(topology.in_start[entity + 1] - topology.in_start[entity])
        colour, uid = int(self.colours[entity]), topology.uids[entity]
        return topology.kinds[entity], loudest, burden, self.said(entity), colour, uid

    @cached_property
    def colours(self) -> npt.NDArray[np.int64]:
        """(n,) a number of each entity that tells it from others; see `rca.evidence.twins`.

        Nothing is told of what lies beyond `lookout`.
        """
        found = np.zeros(len(self.topology), np.int64)
        if len(self.lookout):
            said = self.saying[self.lookout]
            found[self.lookout] = self.terrain.palette.colours(self.lookout, said)
        return found

    @cached_property
    def nearby(self) -> Mapping[int, Sequence[Ahead]]:
        """Entity -> whom it may hit, on the lookout only."""
        return Onwards(self.terrain, self._on_lookout)

    def rates(self, entity: int) -> Mapping[str, float]:
        """Return mode -> faults a year, of what the entity may be suspected of.

        Of every guest of a slow host one could say that it takes too much: what weakens against
        the arrows is suspected only where something that speaks of it is seen.
        """
        terrain = self.terrain
        presses, rates = terrain.presses(entity), self.compiled.rates_of(terrain.ground, entity)
        if not presses:
            return rates
        kind, burdens = self.topology.kinds[entity], [ahead.effects for ahead in presses]
        return {
            mode: rate
            for mode, rate in rates.items()
            if not any(mode in effects for effects in burdens)
            or severity_of(kind, mode) is Severity.HARD
            or self._ratio(entity, mode) > 1
        }

    def sent(self, entity: int) -> float:
        """Return P(it is still sent requests | it is failing); see `rca.region.gates`."""
        if not answers(self.topology.kinds[entity]):
            return 0.0
        if entity not in self.readings:
            return SENT
        return float(self.still_sent[np.searchsorted(self.heard.entity, entity)])

    @cached_property
    def still_sent(self) -> npt.NDArray[np.float64]:
        """(m,) the same of each entity of `heard`, as if it were software."""
        heard = self.heard
        owner, nats = (
            np.arange(len(heard.entity)).repeat(np.diff(heard.start)),
            np.log(heard.ratio),
        )
        looks = (
            np.array([sort.signal in some for sort in heard.looks], np.bool_)[heard.look]
            for some in (GONE, ERRORS)
        )
        gone, errs = (
            np.bincount(owner[told], nats[told], len(heard.entity)).astype(float) for told in looks
        )
        return sent(gone, errs)

    @cached_property
    def weights(self) -> Mapping[tuple[int, int], float]:
        """(entity, position) -> how much of a witness it is; see `rca.evidence.siblings`."""
        return weights(self.topology, self.readings)

    @cached_property
    def heard(self) -> Heard:
        """All readings, as arrays."""
        return hear(self.topology.index, self.readings, self.weights)

    @cached_property
    def coarse(self) -> float:
        """The power to which the evidence is raised, in (0, 1]; see `rca.region.storm`."""
        return coarse(self.loudest.values())

    def software(self, entities: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
        """Return of which entities errors may be those of what they call."""
        found: npt.NDArray[np.bool_] = self._software[self.topology.kind_code[entities]]
        return found

    @cached_property
    def _software(self) -> npt.NDArray[np.bool_]:
        return np.array([answers(kind) for kind in self.topology.kind_names], np.bool_)

    @cached_property
    def loudest(self) -> Mapping[int, float]:
        """Entity -> the most that its alarms could say, in nats; see `rca.region.storm`."""
        loud = dict.fromkeys(self.heard.owner[self.heard.ratio > 1].tolist())  # few of thousands
        return loudest({entity: self.readings[entity] for entity in loud}, self.weights)

    @cached_property
    def last_words(self) -> Mapping[int, int]:
        """Entity -> the place from which last words are of it; see `rca.evidence.last_words`."""
        last = self.heard.last
        late = np.flatnonzero(last >= 0)
        return dict(zip(self.heard.owner[late].tolist(), last[late].tolist(), strict=True))

    def correct(self, entity: int, predicted: Modes, *, over: bool = False) -> Modes:
        """Return the belief in each mode after what was seen here, in (0, 1).

        Modes that explain the same reading share it; without a reading nothing changes. Last words
        say nothing where they are `over`.
        """
        if len(predicted) == 1:  # the same, of what is most of all
            ((only, chance),) = predicted.items()
            well, told = 1 - chance, chance * self._ratio(entity, only, over=over)
            return {only: min(1.0, told * (well + chance) / (well + told))}
        well = math.prod([1 - chance for chance in predicted.values()])
        weight = {
            mode: chance * self._ratio(entity, mode, over=over)
            for mode, chance in predicted.items()
        }
        before = well + math.fsum(predicted.values())
        after = well + math.fsum(weight.values())
        return {mode: min(1.0, value * before / after) for mode, value in weight.items()}

    def speaks(self, entity: int, mode: str) -> bool:
        """Tell whether what is seen of an entity speaks for a mode."""
        return entity in self.readings and self._ratio(entity, mode) > 1

    def _ratio(self, entity: int, mode: str, *, over: bool = False) -> float:
        known = self._ratios.get((entity, mode, over))
        if known is None:
            loud, quiet = 1.0, 1.0
            for reading in self.readings.get(entity, ()):
                if reading.sort.bearing(mode) >= SPEAKS and not (over and reading.last):
                    ratio = reading.ratio
                    if ratio > loud:
                        loud = ratio
                    elif ratio < quiet:
                        quiet = ratio
            known = self._ratios[(entity, mode, over)] = loud * quiet
        return known
