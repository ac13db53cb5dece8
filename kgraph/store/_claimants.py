"""Asking who a record is: its claims put together from a reading and a store's rows. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import replace

from kgraph.identity import Binding, Claimant, Known, Matched, canonical, match
from kgraph.schema import KINDS, Key, Sameness, kind_of
from kgraph.schema.nearness import nearest
from kgraph.store._reconcile import StoredRecord
from kgraph.store._staging import Reading

_SAME = Sameness.SAME.value
_NAMED = 3  # records of one entity that are named
_ALIKE = 0.8  # of 1, from which one word is taken for another, written wrongly
_LISTED = frozenset(
    (kind.name, namespace) for kind in KINDS.values() for namespace in (*kind.strong, *kind.weak)
)
# Of a decision: `same` or `apart`, and the uids that live on for its two entities.
Verdict = tuple[str, str, str]
# Of an entity that may be meant, once for each key of each of its records: entity, its uid;
# source, scope, key and kind of the record; namespace, value and site, None without any key;
# whether the record is live; its row.
KnownRow = tuple[int, str, str, str, str, str, str | None, str, str, bool, int]


def claimants_of(
    reading: Reading,
    deciding: Sequence[str],
    stored: Mapping[str, StoredRecord],
    before: Mapping[str, tuple[str, int]],
) -> tuple[list[Claimant], list[str]]:
    """Return the records to identify, and a line for each placeholder among their keys.

    Args:
        reading: what the source says.
        deciding: keys of its new and changed records.
        stored: key -> the record as it was.
        before: key -> uid that it had, and how many versions of it there were.
    """
    refused: Counter[tuple[str, str, str]] = Counter()
    meant: Counter[tuple[str, str]] = Counter()
    claimants = []
    for name in deciding:
        record = reading.staged.records[name]
        keys = []
        for key in record.keys:
            plain = canonical(key)
            if (record.kind, key.namespace) not in _LISTED:
                meant[record.kind, key.namespace] += 1
            if plain:
                keys.append(plain)
            else:
                refused[record.kind, key.namespace, key.value] += 1
        # What was one kind and is now another is another thing under an old name.
        same_kind = name in stored and stored[name].kind == record.kind
        uid, salt = before.get(name, (None, 0))
        claimants.append(
            Claimant(
                reading.source,
                reading.scope,
                name,
                record.kind,
                tuple(keys),
                uid if same_kind else None,
                salt,
            )
        )
    lines = [
        f"placeholder_key {namespace} {value!r} of {count} {kind}: identifies nothing"
        for (kind, namespace, value), count in sorted(refused.items())
    ]
    lines += [
        f"unlisted_key {namespace} of {count} {kind}: counts as weak; {near} is a key of that kind"
        for (kind, namespace), count in sorted(meant.items())
        if (near := _misspelled(kind, namespace))
    ]
    return claimants, lines


def _misspelled(kind: str, namespace: str) -> str:
    """Return the key of a kind that was probably meant; empty: none is like it."""
    keys = (*kind_of(kind).strong, *kind_of(kind).weak)
    return next(iter(nearest(namespace, keys, _ALIKE)), "")


def shared_keys(claimants: Sequence[Claimant], known: Known, matched: Matched) -> list[str]:
    """Return a line for each entity that is several records of this scope.

    The source told them apart, so one of them may carry a key by mistake, as a copied line does.
    """
    names: dict[str, dict[str, str]] = {}
    for claimant, uid in zip(claimants, matched.uids, strict=True):
        names.setdefault(uid, {})[claimant.key] = claimant.kind
    scopes = {(claimant.source, claimant.scope) for claimant in claimants}
    for binding in known.bindings:
        holder = binding.claimant
        if binding.live and binding.uid in names and (holder.source, holder.scope) in scopes:
            names[binding.uid][holder.key] = holder.kind
    return [
        f"shared_key of {' and '.join(sorted(each)[:_NAMED])}: with one strong key they are one"
        f" {next(iter(each.values()))}; if they are not, correct it"
        for uid, each in names.items()
        if len(each) > 1 and uid not in known.accepted
    ]


def known_from(
    rows: Iterable[KnownRow],
    deciding: Iterable[int],
    vanished: frozenset[int],
    decisions: Iterable[Verdict],
) -> Known:
    """Return what identity must know of the entities that may be meant; `born` has their rows.

    Args:
        rows: their records, in the order of the records' rows.
        deciding: rows of the records that are being decided: they bind nothing yet.
        vanished: rows of the records that are about to die.
        decisions: what a person has said.
    """
    being_decided = set(deciding)
    bindings, born = [], {}
    for id_, uid, source, scope, name, kind, namespace, value, site, live, record in rows:
        born[uid] = id_
        if namespace is not None and record not in being_decided:
            holder = Claimant(source, scope, name, kind)
            alive = bool(live) and record not in vanished
            bindings.append(Binding(uid, holder, Key(namespace, value, site), alive))
    said = list(decisions)
    apart = [(a, b) for verdict, a, b in said if verdict != _SAME and a != b]
    return Known(bindings, born, {a for verdict, a, _ in said if verdict == _SAME}, apart)


def identified(
    claimants: Sequence[Claimant],
    known: Known,
    used: Callable[[AbstractSet[str]], AbstractSet[str]],
) -> Matched:
    """Decide for each record which entity it describes; a new one gets a uid that nobody has.

    A uid is made of the name of a record. What got it may live on by other records, when that one
    has been forgotten, and comes again as something else: then all is decided anew without it.

    Args:
        claimants: the records.
        known: what is known of those that they may be.
        used: returns those among some uids that an entity has.
    """
    found = match(claimants, known)
    while taken := used({*found.uids} - known.born.keys() - known.taken):
        known = replace(known, taken=known.taken | taken)
        found = match(claimants, known)
    return found


def fresh_entities(
    reading: Reading, deciding: Sequence[str], matched: Matched, known: Mapping[str, int]
) -> dict[str, str]:
    """Return uid -> kind of the entities that nobody knew, in the order in which they came."""
    fresh: dict[str, str] = {}
    for key, uid in zip(deciding, matched.uids, strict=True):
        if uid not in known:
            fresh.setdefault(uid, reading.staged.records[key].kind)
    return fresh


def merged_rows(matched: Matched, entities: Mapping[str, int]) -> dict[int, int]:
    """Return the row of each entity that was given up -> the row of the one that lives on."""
    merged = {}
    for old_uid in matched.merged:
        if old_uid not in entities:
            continue  # made and merged within this reading: it never was
        new_uid = old_uid
        while new_uid in matched.merged:
            new_uid = matched.merged[new_uid]
        merged[entities[old_uid]] = entities[new_uid]
    return merged
