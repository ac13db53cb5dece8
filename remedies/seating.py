"""Steps that bring guests to other hosts: where to, in which order, who makes room. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from kgraph.schema import Actor, PlanStep, Role
from remedies.actions import Action, Param
from remedies.drafts import Draft, step_of
from remedies.means import means_for
from remedies.placement import Layout, Limits, evacuate, read_layout
from remedies.remedy import Measure

MOVES_OVER = "migrate"  # how a guest makes room for another: live, or not at all
NO_ROOM = "no room: "  # how that begins why a guest finds no place
_LIMITS = Limits()


def is_placed(draft: Draft, measure: Measure) -> bool:
    """Tell whether a measure brings something to a host that has to be found."""
    return Param.HOST in _action(draft, measure).parameters.values()


def placed(draft: Draft, measure: Measure, guests: Sequence[str]) -> tuple[list[PlanStep], str]:
    """Find a host for each guest.

    Returns:
        The steps, in an order in which each finds room, and a note for people.
    """
    closed = dict.fromkeys(draft.repairing, "is being repaired")
    closed |= dict.fromkeys(draft.around.broken(), "does not work")
    around = draft.around
    # A host that is at fault, or that of a guest that is: elsewhere means not there again.
    closed |= dict.fromkeys(draft.causes, "is what the guests leave")
    for uid in draft.causes:
        homes = (row.dependency for row in around.needs.get(uid, ()) if row.type == "RUNS_ON")
        closed |= dict.fromkeys(homes, "is what the guests leave")
    relations = [row for rows in around.needs.values() for row in rows]
    layout = read_layout(around.entities.values(), relations, closed, _LIMITS)
    placement = evacuate(layout, guests, _movable(draft, layout, closed))
    names = {host.uid: host.name for host in layout.hosts}
    steps = []
    for move in placement.moves:
        seat = {"to": move.target, "toName": names[move.target], "from": move.source}
        uri = around.host_uri(move.target)
        seat |= {"toUri": uri} if uri else {}
        if move.displaced:
            steps.append(step_of(draft, measure, move.guest, seat))
        else:
            steps.append(_mover(draft, measure, move.guest, seat))
    left = [
        step_of(draft, measure, row.guest, unable=f"{NO_ROOM}{row.why}")
        for row in placement.unplaced
    ]
    return [*steps, *left], "; ".join(placement.notes)


def _action(draft: Draft, measure: Measure) -> Action:
    action = measure.action
    return draft.catalogue.actions[action.each] if action.each else action


def _movable(draft: Draft, layout: Layout, closed: Mapping[str, str]) -> list[str]:
    """Return the guests that we are able to migrate live to make room."""
    if MOVES_OVER not in draft.catalogue.actions:
        return []
    return list(_able(draft, layout, closed))


def _able(draft: Draft, layout: Layout, closed: Mapping[str, str]) -> Iterator[str]:
    action = draft.catalogue.actions[MOVES_OVER]
    for guest, host in layout.on.items():
        entity = draft.around.entities[guest]
        if host in closed or guest in closed:
            continue
        if means_for(action, entity, draft.around, draft.endpoints).actor is Actor.KGRAPH:
            yield guest


def _mover(draft: Draft, measure: Measure, guest: str, seat: Mapping[str, str]) -> PlanStep:
    """Make a step that all later ones wait for: they need the room that it makes."""
    action = draft.catalogue.actions[MOVES_OVER]
    over = replace(measure, action=action, risk=action.risk, undo_if=(), most=None)
    made = step_of(draft, over, guest, seat)
    return replace(made, role=Role.CAUSE, why="it makes room for one that finds none")
