"""Steps that bring guests to other hosts: where to, in which order, who makes room. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import cache

from kgraph.schema import Actor, PlanStep, Role
from remedies.actions import Action, Param
from remedies.drafts import Draft, step_of
from remedies.means import means_for
from remedies.placement import Layout, evacuate
from remedies.remedy import Measure

MOVES_OVER = "migrate"  # how a guest makes room for another: live, or not at all
NO_ROOM = "no room: "  # how that begins why a guest finds no place


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
    layout = around.ground.layout.closing(closed)
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


def _movable(draft: Draft, layout: Layout, closed: Mapping[str, str]) -> Callable[[str], bool]:
    """Return what tells whether we are able to migrate a guest live to make room."""
    action = draft.catalogue.actions.get(MOVES_OVER)

    @cache
    def able(guest: str) -> bool:
        host = layout.on.get(guest, "")
        if action is None or not host or host in closed or guest in closed:
            return False
        entity = draft.around.entities[guest]
        return means_for(action, entity, draft.around, draft.endpoints).actor is Actor.KGRAPH

    return able


def _mover(draft: Draft, measure: Measure, guest: str, seat: Mapping[str, str]) -> PlanStep:
    """Make a step that all later ones wait for: they need the room that it makes."""
    action = draft.catalogue.actions[MOVES_OVER]
    over = replace(measure, action=action, risk=action.risk, undo_if=(), most=None)
    made = step_of(draft, over, guest, seat)
    return replace(made, role=Role.CAUSE, why="it makes room for one that finds none")
