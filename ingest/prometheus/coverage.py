"""Where rules look: a rule that is evaluated, sees a series and does not fire, found it well."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from ingest.prometheus.origin import Origin, age, lasts
from ingest.prometheus.reading import Labels, Question, Reading, Rule
from ingest.prometheus.selectors import selectors
from ingest.prometheus.targets import Silence
from kgraph.schema import Channel, Coverage, channel_of
from kgraph.signals import Alert, EstateIndex, Packs, labels_read, resolve
from kgraph.signals import Mapping as Entry
from kgraph.signals.packs import UNMAPPED

COVERS = "kgraph_covers"  # the annotation that says which series a rule looks at
_RUNS = frozenset({"down", "unreachable"})  # whose absence says that it runs
NOTHING = "none"  # in its place: the rule's silence proves nothing
Pair = tuple[str, str, str]  # uid, signal, name of the rule


def questions(rules: Iterable[Rule], packs: Packs) -> list[Question]:
    """Return which series to ask for, so that it is known where the rules look.

    Series are told apart by the labels alone that name an entity: a thousand CPUs of ten machines
    are ten answers.
    """
    return [question for rule in rules for question in _questions(rule, packs)]


def _questions(rule: Rule, packs: Packs) -> tuple[Question, ...]:
    entries = _candidates(rule, packs)
    if not any(vouches(entry) for entry in entries):
        return ()
    labels = {"job", "instance"}
    for entry in entries:
        labels |= {*labels_read(entry), *(label for label, _ in entry.where)}
    said = rule.annotations.get(COVERS)
    if said == NOTHING:
        return ()
    expressions = (said,) if said else selectors(rule.query)
    return tuple(Question(expression, tuple(sorted(labels))) for expression in expressions)


def _candidates(rule: Rule, packs: Packs) -> list[Entry]:
    """Return the entries that an alert of the rule may match: up to one that asks for nothing."""
    found = []
    for entry in packs.about(rule.name):
        found.append(entry)
        if not entry.where and entry.text is None:
            break
    return found


def vouches(entry: Entry) -> bool:
    """Tell whether silence of such an alert is health.

    Only where it is known of which kind it speaks and what it says: a rule that may mean anything
    (`anomaly`) is no alibi for any mode. A pattern on text needs a text, which silence has not.
    """
    told = any(_speaks(kind, entry) for kind in entry.kinds)
    return told and not entry.ignore and entry.text is None


def _speaks(kind: str, entry: Entry) -> bool:
    """Tell whether a signal says something definite of a kind.

    A signal that is no mode of a kind counts as "something is wrong" there. That a file system is
    not full is no alibi for a host that may be down.
    """
    if entry.signal in _RUNS:
        return True
    return channel_of(kind, entry.signal, entry.direction) is not Channel.EVERY


@dataclass(frozen=True, slots=True)
class Sight:
    """An entity that a rule looks at, through which series."""

    uid: str
    signal: str
    rule: Rule
    labels: Labels


def sights(reading: Reading, index: EstateIndex, packs: Packs) -> Iterator[Sight]:
    """Yield what the rules look at, as far as its series name an entity of the graph.

    The labels are those that the alert would have, resolved as the alert would be.
    """
    for rule in reading.rules:
        static = {name: text for name, text in rule.labels.items() if "{{" not in text}
        for labels in live(reading, rule, packs):
            alert = Alert({**labels, **static, "alertname": rule.name}, rule.annotations)
            entry = packs.match(alert)
            uid = resolve(alert, entry, index).uid if vouches(entry) else None
            if uid is not None and _speaks(index.entities[uid].kind, entry):
                yield Sight(uid, entry.signal, rule, labels)


@dataclass(frozen=True, slots=True)
class Look:
    """How one rule stands.

    Attributes:
        entry: what its alerts mean; None: no mapping entry knows them.
        stale: why its silence says nothing; empty where it does.
        series: how many label sets it sees.
        entities: how many entities of the graph those name.
    """

    rule: Rule
    entry: Entry | None
    stale: str
    series: int
    entities: int


def looks(reading: Reading, index: EstateIndex, packs: Packs) -> Iterator[Look]:
    """Yield how every rule stands, in their order."""
    named: dict[int, set[str]] = {}
    for sight in sights(reading, index, packs):
        named.setdefault(id(sight.rule), set()).add(sight.uid)
    for rule in reading.rules:
        alert = Alert({**rule.labels, "alertname": rule.name}, rule.annotations)
        entry = packs.match(alert)
        yield Look(
            rule,
            entry if entry is not UNMAPPED else None,
            stale(rule, reading.clock),
            len(live(reading, rule, packs)),
            len(named.get(id(rule), ())),
        )


def live(reading: Reading, rule: Rule, packs: Packs) -> list[Labels]:
    """Return the label sets of the series that a rule sees now."""
    return [
        labels
        for question in _questions(rule, packs)
        for labels in reading.series.get(question, ())
    ]


def coverage(
    seen: Iterable[Sight], busy: Collection[Pair], reading: Reading, origin: Origin, now: datetime
) -> list[Coverage]:
    """Return what is well because a rule looks and is silent.

    Args:
        seen: what the rules look at.
        busy: where they fire, or wait to: that is not silence.
        reading: the Prometheus's answers.
        origin: which Prometheus it is.
        now: our clock, which coverage is dated by; ages are told by Prometheus's own.
    """
    silence = Silence.of(reading.targets)
    found: dict[Pair, Coverage] = {}
    for sight in seen:
        rule, pair = sight.rule, (sight.uid, sight.signal, sight.rule.name)
        if pair in busy or rule.evaluated_at is None or stale(rule, reading.clock):
            continue
        target = silence.target(sight.labels)
        if target is None or target.health != "down":
            at = now - age(reading.clock, rule.evaluated_at)
            ttl = lasts(rule.interval)
            row = Coverage(sight.uid, sight.signal, origin.rule(rule.name), at, ttl)
            if pair not in found or found[pair].last_evaluated_at + found[pair].ttl < at + ttl:
                found[pair] = row
    return list(found.values())


def stale(rule: Rule, clock: datetime) -> str:
    """Return why a rule's silence says nothing: it fails, or it is not evaluated; else nothing."""
    if not rule.healthy:
        return rule.last_error or "it was not evaluated yet"
    if rule.evaluated_at is None:
        return "it was not evaluated yet"
    old = age(clock, rule.evaluated_at)
    return f"last evaluated {old.total_seconds():.0f} s ago" if old > lasts(rule.interval) else ""


def said_by(rules: Sequence[Rule], index: EstateIndex, packs: Packs) -> Mapping[Pair, Rule]:
    """Return where rules fire or wait to fire."""
    found: dict[Pair, Rule] = {}
    for rule in rules:
        for each in rule.alerts:
            alert = Alert(each.labels, each.annotations)
            entry = packs.match(alert)
            uid = resolve(alert, entry, index).uid
            if uid is not None:
                found[uid, entry.signal, rule.name] = rule
    return found
