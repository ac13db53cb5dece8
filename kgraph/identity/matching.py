"""Which records describe the same thing.

Two sources that describe one thing must give one entity; two things must never become one. An
equal strong key merges; a weak one merges only if it is unique on both sides; contradictory
strong keys keep two records apart, and a person is told. What a person has decided holds whatever
keys say. Pure: the store brings what is known.
"""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from itertools import combinations, count
from typing import NamedTuple

from kgraph.identity.keys import PLURAL
from kgraph.schema import Key, kind_of


def mint_uid(source: str, scope: str, key: str, salt: int = 0) -> str:
    """Return the uid of a thing that nobody has named yet: 64 bits, as 16 hex digits.

    Deterministic, so that the same reading of the same estate gives the same uids everywhere.
    `salt` finds another one where the first is taken.
    """
    return hashlib.sha256(repr((source, scope, key, salt)).encode()).hexdigest()[:16]


class Claimant(NamedTuple):
    """A record whose entity is to be decided.

    Attributes:
        keys: canonical.
        uid: the entity that it had, if it was of the same kind.
        salt: for a new uid; grows with every decision on this record.
    """

    source: str
    scope: str
    key: str
    kind: str
    keys: tuple[Key, ...] = ()
    uid: str | None = None
    salt: int = 0

    @property
    def title(self) -> str:
        """What to call it in front of a person."""
        return f"{self.kind} {self.key} ({self.source})"


@dataclass(frozen=True, slots=True)
class Binding:
    """A canonical key that an entity has through a record which isn't being decided."""

    uid: str
    claimant: Claimant
    key: Key
    live: bool  # False: the record is gone; its strong keys still find the entity again


@dataclass(frozen=True, slots=True)
class Known:
    """What the store knows of the keys and uids in question.

    Attributes:
        bindings: of every entity that has one of the keys, all its keys.
        born: uid -> when it was first seen, in any unit that orders; the oldest survives a merge.
        accepted: entities of which a person has said that all their records are one thing.
        apart: pairs of entities of which a person has said that they are two.
        taken: uids that no new entity may get, since others have them that no key here finds.
    """

    bindings: Sequence[Binding] = ()
    born: Mapping[str, int] = field(default_factory=dict)
    accepted: AbstractSet[str] = frozenset()
    apart: Sequence[tuple[str, str]] = ()
    taken: AbstractSet[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Matched:
    """Which entity each claimant is.

    Attributes:
        uids: one per claimant, in their order.
        merged: uid given up -> uid that lives on.
        conflicts: `identity_conflict ...`, one line each.
    """

    uids: tuple[str, ...]
    merged: Mapping[str, str]
    conflicts: tuple[str, ...]


# (namespace, site) -> values; strong ones only
Claims = Mapping[tuple[str, str], AbstractSet[str]]


def match(claimants: Sequence[Claimant], known: Known) -> Matched:
    """Decide for each record which entity it describes.

    A record keeps its entity unless its strong keys now contradict the entity's other records.
    All records of one call come from one source and scope: that source tells them apart, so a
    weak key never merges two of them. Where a person has parted two entities that claim the same
    key, a record that is new goes to the one that had a record of its source and name.
    """
    if not known.bindings and not known.taken and _all_distinct(claimants):
        return Matched(tuple(_minted(claimant) for claimant in claimants), {}, ())
    book = _Book(known, claimants)
    decided = []
    for claimant in claimants:
        uid = _decide(claimant, book)
        book.bind(uid, claimant)
        decided.append(uid)
    return Matched(tuple(map(book.root, decided)), dict(book.merged), tuple(book.conflicts))


def _all_distinct(claimants: Sequence[Claimant]) -> bool:
    """Tell whether none of them has an entity or shares a strong key: then each is a new thing."""
    strong = [
        (claimant.kind, key)
        for claimant in claimants
        for key in claimant.keys
        if key.namespace in kind_of(claimant.kind).strong
    ]
    return len(set(strong)) == len(strong) and all(c.uid is None for c in claimants)


def _minted(claimant: Claimant) -> str:
    return mint_uid(claimant.source, claimant.scope, claimant.key, claimant.salt)


def _decide(claimant: Claimant, book: _Book) -> str:
    """Return the entity of one record; merges others into it where the record joins them."""
    own = book.root(claimant.uid) if claimant.uid else None
    names = kind_of(claimant.kind).strong
    strong = [key for key in claimant.keys if key.namespace in names]
    found = book.claiming(claimant.kind, strong) if strong else set()
    settled = own in book.dormant or own in book.accepted
    if own and not settled and book.report_clash(claimant, [own], strong):
        own = None
    if own:
        found.add(own)
    found = book.without_parted(claimant, own, found)
    others = sorted(found, key=book.age)
    if others and others != [own] and book.report_clash(claimant, others, strong):
        return own or book.mint(claimant)
    if others:
        return book.merge(others)
    return book.weakly(claimant, strong) or book.mint(claimant)


def _claims(keys: Iterable[Key]) -> dict[tuple[str, str], set[str]]:
    claims: dict[tuple[str, str], set[str]] = {}
    for key in keys:
        claims.setdefault((key.namespace, key.site), set()).add(key.value)
    return claims


class _Book:
    """What each entity claims, as it stands after the records decided so far."""

    def __init__(self, known: Known, claimants: Sequence[Claimant]) -> None:
        self.merged: dict[str, str] = {}
        self.conflicts: list[str] = []
        self._born = dict(known.born)
        self._newest = max(known.born.values(), default=0)
        self._taken = known.taken
        self._holders: dict[tuple[str, Key], set[str]] = defaultdict(set)
        self._weak_holders: dict[tuple[str, Key], set[str]] = defaultdict(set)
        self._claims: dict[str, dict[tuple[str, str], set[str]]] = defaultdict(dict)
        self._places: dict[str, set[tuple[str, str]]] = defaultdict(set)
        self._examples: dict[str, Claimant] = {}
        self.accepted = set(known.accepted)
        self._apart: dict[str, set[str]] = defaultdict(set)
        for one, other in known.apart:
            self._apart[one].add(other)
            self._apart[other].add(one)
        self._names: dict[str, set[tuple[str, str]]] = defaultdict(set)
        live = {binding.uid for binding in known.bindings if binding.live}
        # Entities that nobody reports at present: their old keys bind nobody who returns to them.
        self.dormant = {binding.uid for binding in known.bindings} - live
        # How many records of the reading claim a key that a known entity has, too.
        self._crowd = Counter((c.kind, key) for c in claimants if known.bindings for key in c.keys)
        for binding in known.bindings:
            # What a person has merged has both its keys by either record, whatever became of one.
            counts = binding.live or binding.uid in self.dormant or binding.uid in self.accepted
            self._add(binding.uid, binding.claimant, binding.key, counts=counts)
            self._names[binding.uid].add((binding.claimant.source, binding.claimant.key))
            if binding.live:
                self._weak_holders[binding.claimant.kind, binding.key].add(binding.uid)
                self._places[binding.uid].add((binding.claimant.source, binding.claimant.scope))

    def _add(self, uid: str, claimant: Claimant, key: Key, *, counts: bool) -> None:
        self._examples.setdefault(uid, claimant)
        if key.namespace in kind_of(claimant.kind).strong:
            self._holders[claimant.kind, key].add(uid)
            if counts:
                self._claims[uid].setdefault((key.namespace, key.site), set()).add(key.value)

    def bind(self, uid: str, claimant: Claimant) -> None:
        """Note that a record is this entity."""
        self.dormant.discard(uid)
        self._places[uid].add((claimant.source, claimant.scope))
        for key in claimant.keys:
            self._add(uid, claimant, key, counts=True)

    def root(self, uid: str) -> str:
        """Return the entity that lives on for `uid`."""
        while uid in self.merged:
            uid = self.merged[uid]
        return uid

    def age(self, uid: str) -> tuple[int, str]:
        """Order entities, oldest first."""
        return self._born.get(uid, 0), uid

    def claiming(self, kind: str, keys: Iterable[Key]) -> set[str]:
        """Return the entities of `kind` that claim one of the keys."""
        found: set[str] = set()
        for key in keys:
            held = self._holders.get((kind, key))
            if held:
                found.update(map(self.root, held))
        return found

    def parted(self, uid: str, other: str) -> bool:
        """Tell whether a person keeps two entities apart."""
        return any(self.root(one) == other for one in self._apart.get(uid, ()))

    def without_parted(self, claimant: Claimant, own: str | None, found: set[str]) -> set[str]:
        """Leave out what a person keeps apart from the one entity that the record can be."""
        if not self._apart:
            return found
        name = (claimant.source, claimant.key)
        torn = {uid for uid in found if any(self.parted(uid, other) for other in found)}
        named = [uid for uid in torn if name in self._names[uid]]
        chosen = own or (named[0] if len(named) == 1 else None)
        return {uid for uid in found if chosen is None or not self.parted(chosen, uid)}

    def clash(self, claims: Claims, uids: Sequence[str], spared: AbstractSet[str] = PLURAL) -> str:
        """Return the contradiction among some claims and entities, "" where there is none."""
        seen = {name: set(values) for name, values in claims.items()}
        if any(self.parted(one, other) for one, other in combinations(uids, 2)):
            return "a person keeps those apart"
        for uid in uids:
            for name, values in self._claims.get(uid, {}).items():
                if name in seen and name[0] not in spared and seen[name].isdisjoint(values):
                    return f"{name[0]} differs ({min(seen[name])}, {min(values)})"
                seen.setdefault(name, set()).update(values)
        return ""

    def report_clash(self, claimant: Claimant, uids: Sequence[str], strong: Sequence[Key]) -> bool:
        """Tell whether the record cannot be these entities, and leave a finding if so."""
        clash = self.clash(_claims(strong), uids)
        if clash:
            others = " and ".join(
                self._examples[uid].title for uid in uids if uid in self._examples
            )
            shared = ", ".join(
                f"{key.namespace} {key.value}"
                for key in strong
                if self._holders.get((claimant.kind, key), set()) & set(uids)
            )
            reason = f"they share {shared}, but {clash}" if shared else clash
            self.conflicts.append(
                f"identity_conflict {claimant.title} with {others}: {reason}; kept apart"
            )
        return bool(clash)

    def weakly(self, claimant: Claimant, strong: Sequence[Key]) -> str | None:
        """Return the one entity that a weak key points at, if nothing speaks against it."""
        for key in claimant.keys:
            uids = {self.root(uid) for uid in self._weak_holders.get((claimant.kind, key), ())}
            if key in strong or len(uids) != 1 or self._crowd[claimant.kind, key] != 1:
                continue
            (uid,) = uids
            same_place = (claimant.source, claimant.scope) in self._places[uid]
            if not same_place and not self.clash(_claims(strong), [uid], spared=frozenset()):
                return uid
        return None

    def merge(self, uids: Sequence[str]) -> str:
        """Make several entities one, the oldest of them."""
        first, *others = sorted(uids, key=self.age)
        for uid in others:
            self.merged[uid] = first
            for name, values in self._claims.pop(uid, {}).items():
                self._claims[first].setdefault(name, set()).update(values)
            self._places[first] |= self._places.pop(uid, set())
            self._names[first] |= self._names.pop(uid, set())
            self._apart[first] |= self._apart.pop(uid, set())
            if uid in self.accepted:
                self.accepted.add(first)
        return first

    def mint(self, claimant: Claimant) -> str:
        """Return a uid that is not known to be another's, for a new entity.

        How often its record was decided on is forgotten in time; what it was then may be known.
        """
        salted = (_minted(claimant._replace(salt=salt)) for salt in count(claimant.salt))
        uid = next(uid for uid in salted if uid not in self._born and uid not in self._taken)
        self._newest += 1
        self._born[uid] = self._newest
        return uid
