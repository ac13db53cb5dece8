"""From observations to likelihood ratios.

One reading is one (entity, signal, direction): what was seen there, how much likelier that is when
the entity is hit than when it is not (`ratio`), and which modes it speaks of (`bearing`).

    ratio = P(seen | hit) / P(seen | not hit);   1 says nothing, > 1 abnormal, < 1 healthy

A symptom that everybody shows says little (`crowd`), and sizes have heavy tails: a robust z of 50
is not a hundred times surer than one of 5.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import NamedTuple

from kgraph.schema import (
    FILLING,
    REDUCED,
    UNOBSERVED,
    Channel,
    Observation,
    Severity,
    State,
    kind_of,
    main_modes,
    mode_named,
)
from rca.rules.compile import severity_of
from rca.rules.model import SignalRule

WATCHED_BY = "WATCHED_BY"
_ABNORMAL = State.ABNORMAL  # looking a member up takes ten times as long as a name
ON_THE_WAY = "unreachable"  # about the way there, and not about the thing alone

# The constants of the evidence model, fixed on the development data and the simulator.
SPEAKS = 0.5  # a reading that bears on a mode at least so much corrects it
HEALTHY_RATIO = 0.4  # a probe looked and saw nothing
TARGET_RATIO = 100.0  # the objective whose breach raised the incident
LEAST_NOISE, MOST_NOISE = 0.15, 0.9  # P(abnormal | not hit) is held between these
MOST_STRAY = 0.5  # an alarm that goes off for nothing, however often, still counts as 2 to 1
STRAYS = 3.0  # alarms without meaning in one incident, however large the estate
OFTENER = 4.0  # a measurement that fired is likely one that often does: so much beyond the mean
TAIL = 3.0  # z at which a size halves the noise
SIZED = 300.0  # entities up to which every size is sent; of more, those that crossed a threshold

# P(signal | the entity itself is at fault) by channel.
AT_CAUSE = {
    Channel.MODE: 0.9,
    Channel.MAIN: 0.85,
    Channel.EVERY: 0.85,
    Channel.RESOURCE: 0.7,
    Channel.WORKLOAD: 0.2,
    Channel.CALL: 0.3,
    Channel.WAITING: 0.05,
}
_MEASURED_AS = {"slow": "latency", "failing": "errors"}  # generic modes, of which kinds have finer
_LOOKED_AT = frozenset({"down", "unreachable"})
_STATES = _LOOKED_AT | {"full"}  # of any kind
_LASTING = frozenset({"hung"})  # told by how long nothing has moved
UNFELT = frozenset({FILLING.name, REDUCED.name})  # whoever it serves is served
_OF_ANY_MODE = frozenset({Channel.RESOURCE, Channel.WORKLOAD, Channel.CALL, Channel.WAITING})
AT_CAUSE_RULED = 0.97  # the rule's own detection is in the ratio already
OTHER = 0.05  # any signal, whatever the mode
WAITS = 0.5  # that it waits for what it calls, of what is slow because of that
LATE = 0.3  # slowness of something that has stopped: what still answers waits for time-outs
DROPS = 0.3  # errors of a line, a disk or a machine that is merely weak: software answers late
LOOKED_AT_GRAY = 0.1  # `down` and `unreachable` of something that is merely slow


@dataclass(frozen=True, slots=True, eq=False)
class Sort:
    """What is equal for the readings of one signal on entities of one kind.

    Attributes:
        rules: what the model says of this signal here, if anything.
    """

    kind: str
    channel: Channel
    signal: str
    rules: tuple[SignalRule, ...] = ()
    _bears: dict[str, float] = field(default_factory=dict, repr=False)
    _shows: dict[str, float] = field(default_factory=dict, repr=False)

    @property
    def foremost(self) -> SignalRule | None:
        """The rule that counts on it most surely, if there is any."""
        return max(self.rules, key=lambda rule: rule.detection, default=None)

    @property
    def is_state(self) -> bool:
        """Whether it says that the entity is in a state, which is so or not, and no more or less.

        Weakness is a matter of degree, and so is how long nothing has moved.
        """
        if self.signal in _STATES:
            return True
        mode = mode_named(self.kind, self.signal) if self.channel is Channel.MODE else None
        return (
            mode is not None
            and self.signal not in _LASTING
            and severity_of(self.kind, mode) is Severity.HARD
        )

    def at_cause(self, mode: str) -> float:
        """Return P(seen | this entity is at fault in `mode`), in [0, 1]."""
        known = self._shows.get(mode)
        if known is None:
            known = self._shows[mode] = self._shown_by(mode)
        return known

    def bearing(self, mode: str) -> float:
        """Return how much the signal speaks of `mode`, in [0, 1]; 1 for the mode that it shows."""
        known = self._bears.get(mode)
        if known is None:
            known = self._bears[mode] = self._speaks_of(mode)
        return known

    def _shown_by(self, mode: str) -> float:
        bearing = self.bearing(mode)
        if self.rules:
            return bearing * AT_CAUSE_RULED
        if mode in UNFELT and self.channel is not Channel.EVERY:
            return max(OTHER, bearing * AT_CAUSE[self.channel])
        if self.channel in _OF_ANY_MODE:
            return AT_CAUSE[self.channel]
        return max(OTHER, bearing * AT_CAUSE[self.channel])

    def _speaks_of(self, mode: str) -> float:
        if self.rules:
            shown = [rule.detection for rule in self.rules if rule.mode == mode]
            return max(shown, default=0.0) / max(rule.detection for rule in self.rules)
        return _bearing(self.channel, self.kind, self.signal, mode)


class Reading(NamedTuple):
    """One witness: the loudest of the equal observations of one entity.

    A tuple and not a dataclass: an incident has thousands.

    Attributes:
        ratio: likelihood ratio, > 0.
        via: uid of the probe through which it was seen; empty where nothing says.
        implied: nobody looked: an alert list says it by its silence, see `rca.evidence.silence`;
            its observation names no entity.
        last: uid of the place from which it was a last word, see `rca.evidence.last_words`;
            empty: of none.
    """

    observation: Observation
    sort: Sort
    ratio: float
    via: str = ""
    implied: bool = False
    last: str = ""

    @property
    def channel(self) -> Channel:
        """How closely the signal speaks of the entity itself."""
        return self.sort.channel

    def at_cause(self, mode: str) -> float:
        """Return P(seen | this entity is at fault in `mode`), in [0, 1]."""
        return self.sort.at_cause(mode)

    def bearing(self, mode: str) -> float:
        """Return how much the signal speaks of `mode`, in [0, 1]; 1 for the mode that it shows."""
        return self.sort.bearing(mode)


@lru_cache(maxsize=65_536)
def _bearing(channel: Channel, kind: str, signal: str, mode: str) -> float:
    if mode == UNOBSERVED.name:  # it is well, for all that anybody knows
        return 1.0 if channel is Channel.EVERY and signal == "unreachable" else 0.0
    if mode in UNFELT and channel is not Channel.EVERY:  # nothing is slow yet, nor fails
        return 1.0 if signal == mode else OTHER
    match channel:
        case Channel.MODE:
            return 1.0 if mode_named(kind, signal) == mode else _as_measured(kind, signal, mode)
        case Channel.MAIN:
            return _main(kind, signal, mode)
        case Channel.WAITING:
            return max(OTHER, WAITS * _main(kind, "latency", mode))
        case Channel.EVERY:
            gray = severity_of(kind, mode) is Severity.GRAY
            return LOOKED_AT_GRAY if gray and signal in _LOOKED_AT else 1.0
        case _:
            return OTHER


def _as_measured(kind: str, signal: str, mode: str) -> float:
    """Who says `slow` or `failing` says what a measurement would, and not which mode it is."""
    measured = _MEASURED_AS.get(signal)
    return max(OTHER, _main(kind, measured, mode)) if measured else OTHER


def _main(kind: str, signal: str, mode: str) -> float:
    gray = severity_of(kind, mode) is Severity.GRAY
    if "slow" in main_modes(signal):
        return 1.0 if gray else LATE
    if gray:
        software = kind_of(kind).effect[Severity.HARD] == "failing"
        return OTHER if software else DROPS
    return 1.0


def alarms(rows: Sequence[Reading]) -> bool:
    """Tell whether something is wrong with an entity, of its readings in the order of `read`."""
    return bool(rows) and rows[0].observation.state is _ABNORMAL
