"""What can fail without anybody seeing it: failure modes that no watched signal speaks of."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache

from kgraph.schema import SIGNALS, Channel, channel_of, mode_named
from rca.evidence.likelihood import SPEAKS, Sort
from rca.rules.compile import Compiled
from rca.rules.model import Model

# They say that something is wrong, of every mode alike: seen, but nobody would choose to watch it.
_VAGUE = frozenset({"anomaly", "behaviour"})
_ANYWHERE = frozenset({"down", "unreachable"})  # what any kind can be seen to be


@dataclass(frozen=True, slots=True)
class Gap:
    """One failure mode of one kind that some entities of an estate can suffer unseen.

    Attributes:
        per_year: how often one of the kind does, by the rules.
        entities: of the kind in the estate.
        unseen: those of them on which no signal is watched that speaks of the mode.
        signals: what would speak of it, the most telling first; empty: nothing that is known.
    """

    kind: str
    mode: str
    per_year: float
    entities: int
    unseen: int
    signals: tuple[str, ...]

    @property
    def unseen_per_year(self) -> float:
        """Faults a year that nobody sees directly."""
        return self.per_year * self.unseen


def gaps(model: Model, estate: Iterable[tuple[str, frozenset[str]]]) -> list[Gap]:
    """Return what can fail unseen, the most frequent first.

    Args:
        model: the rules; a fault with a condition counts for every entity of its kind.
        estate: (kind, signals watched) of each entity.
    """
    counted = Counter(estate)
    kinds = {kind for kind, _ in counted}
    found = [gap for kind in sorted(kinds) for gap in _of_kind(model, kind, counted)]
    return sorted(found, key=lambda gap: (-gap.unseen_per_year, gap.kind, gap.mode))


def _of_kind(
    model: Model, kind: str, counted: Counter[tuple[str, frozenset[str]]]
) -> Iterator[Gap]:
    groups = [(watched, n) for (of, watched), n in counted.items() if of == kind]
    total = sum(n for _, n in groups)
    for mode, per_year in sorted(_rates(model, kind).items()):
        unseen = sum(
            n for watched, n in groups if not any(_shows(model, kind, s, mode) for s in watched)
        )
        if unseen:
            yield Gap(kind, mode, per_year, total, unseen, telling(model, kind, mode))


def _rates(model: Model, kind: str) -> dict[str, float]:
    conditional = {rule.mode: rule.per_year for rule in model.faults_of.get(kind, ())}
    return {**conditional, **Compiled(model).fault_rates(kind)}


@lru_cache(maxsize=65_536)
def _shows(model: Model, kind: str, signal: str, mode: str) -> bool:
    # Of hosts that go down few get to say that the kernel stopped: to watch for it is no watch.
    seldom = _often(model, kind, signal, mode) < SPEAKS
    return not seldom and bearing(model, kind, signal, mode) >= SPEAKS


def _often(model: Model, kind: str, signal: str, mode: str) -> float:
    """Return how often a signal shows a mode, in [0, 1]; 1 where no rule says."""
    rules = model.signal_rules.get((kind, signal), ())
    return max((rule.detection for rule in rules if rule.mode == mode), default=1.0)


@lru_cache(maxsize=65_536)
def bearing(model: Model, kind: str, signal: str, mode: str) -> float:
    """Return how much a signal of a kind speaks of one of its modes, in [0, 1]."""
    rules = model.signal_rules.get((kind, signal), ())
    return Sort(kind, channel_of(kind, signal, None), signal, rules).bearing(mode)


def telling(model: Model, kind: str, mode: str) -> tuple[str, ...]:
    """Return the signals that speak of a mode, the most telling first.

    What few that fail so get to say is none of them: to watch for it would be no watch.
    """
    ruled = {rule.signal for rule in model.signals if (rule.kind, rule.mode) == (kind, mode)}
    named = {signal for signal in (*SIGNALS, mode) if mode_named(kind, signal) == mode}
    usual = {signal for signal in SIGNALS if _of_kind_at_all(kind, signal)}
    known = (ruled | named | usual) - _VAGUE
    shown = (s for s in known if _shows(model, kind, s, mode))
    rated = sorted((-bearing(model, kind, s, mode), s not in ruled, s) for s in shown)
    return tuple(signal for _, _, signal in rated)


def _of_kind_at_all(kind: str, signal: str) -> bool:
    """Another kind's signal counts as an anomaly: nobody would choose to watch it."""
    return signal in _ANYWHERE or channel_of(kind, signal, None) is not Channel.EVERY
