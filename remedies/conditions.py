"""What the graph must show for an action to make sense: named conditions. Pure.

Each answers with the reason why it does not hold; empty where it does. Nobody who looked is no
proof of health: what is unknown does not hold.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from kgraph.schema import RELATIONS, Carries, Relation
from remedies.surroundings import Surroundings

Condition = Callable[[str, Surroundings], str]
_SPREADS = "BALANCES"  # softly to who is asked now, and not once the last one is gone
_FIRM = frozenset(name for name, row in RELATIONS.items() if row.carries is Carries.FIRM)


def others_carry(uid: str, around: Surroundings) -> str:
    """Hold where everything that needs it in a group has enough other members seen well."""
    for row in around.needed_by.get(uid, ()):
        if row.type not in _FIRM and row.type != _SPREADS:
            continue
        if row.group is None and row.type != _SPREADS:
            return f"{_name(row.dependent, around)} has nothing else in its place"
        members = _members(row, around)
        well = sum(around.vouched(each) for each in members if each != uid)
        if well < (row.need or 1):
            return (
                f"of {_name(row.dependent, around)} only {well} others are seen well,"
                f" and it needs {row.need or 1}"
            )
    return ""


def storage_well(uid: str, around: Surroundings) -> str:
    """Hold where nothing is seen to be wrong with the storage that it stands on."""
    bad = [each for each in around.storage(uid) if around.signs_of(each.uid)]
    return f"its storage {bad[0].title} is not well" if bad else ""


def changed_lately(uid: str, around: Surroundings) -> str:
    """Hold where the incident has a change on it, or on what it directly needs."""
    near = {uid, *(row.dependency for row in around.needs.get(uid, ()))}
    return "" if near & around.changed else "no change is known that could be taken back"


def spare(uid: str, around: Surroundings) -> str:
    """Hold where nothing depends on it firmly and alone: to be without it hurts nobody."""
    for row in around.needed_by.get(uid, ()):
        if row.type in _FIRM and row.group is None:
            return f"{_name(row.dependent, around)} needs it, and nothing else will do"
    return ""


def runs_guests(uid: str, around: Surroundings) -> str:
    """Hold where guests run on it, or ran there when they were last seen."""
    return "" if around.guests(uid) else "no guest is left on it that could start elsewhere"


def lost(uid: str, around: Surroundings) -> str:
    """Hold where its host does not know it any longer, though it is needed there."""
    gone = around.entities[uid].props.get("defined") is False
    return "" if gone else "its host knows it"


def nfs(uid: str, around: Surroundings) -> str:
    """Hold for what is exported by NFS: one server exports many paths, each by a list."""
    return "" if around.entities[uid].props.get("protocol") == "nfs" else "it is no NFS export"


OTHERS_CARRY = "others_carry"
CONDITIONS: Mapping[str, Condition] = {
    OTHERS_CARRY: others_carry,
    "storage_well": storage_well,
    "changed_lately": changed_lately,
    "spare": spare,
    "runs_guests": runs_guests,
    "lost": lost,
    "nfs": nfs,
}


def unmet(names: tuple[str, ...], uid: str, around: Surroundings) -> str:
    """Return why one of these conditions does not hold; empty where all do."""
    return next((why for name in names if (why := CONDITIONS[name](uid, around))), "")


def _members(row: Relation, around: Surroundings) -> set[str]:
    """Return who is in a group: one that two relations tie to it is one all the same."""
    rows = around.needs.get(row.dependent, ())
    spread = row.group is None  # all of a balancer's
    alike = (each for each in rows if not spread or each.type == row.type)
    return {each.dependency for each in alike if each.group == row.group}


def _name(uid: str, around: Surroundings) -> str:
    entity = around.entities.get(uid)
    return entity.title if entity else uid
