"""What could go wrong with an action, for the person who has to say yes. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from kgraph.schema import Actor, Plan, PlanStep, Risk
from remedies.means import BY_PERSON, NO_WAY

_HAZARDS: Mapping[str, str] = {
    "resume": "it pauses again at its next write, if its disk is not well after all",
    "start": "it dies again, or boots into what made it die",
    "reset": "what it has in memory is lost, and its file systems are checked when it boots",
    "reset_crashed": "the memory that would show why it panicked is lost",
    "shut_down": "it does not react, and stays as it is",
    "suspend": "who talks with it waits, and may give up",
    "migrate": "the move breaks off, and it stays where it is; on the new host it has less room",
    "migrate_cold": "it is away for the time of the move, and may not come up over there",
    "start_elsewhere": "whoever switches its old host on again may start it there a second time",
    "fence": "what still runs there ends without a goodbye, and unsaved data with it",
    "power_on": "it comes back as it was, and starts what is set to start with it",
    "restart": "it does not come up again, and those who wait for it go on waiting",
    "reload": "its settings were changed meanwhile, and it takes them up",
    "force_restart": "who uses it at this moment is cut off, and it may not come up again",
    "stop": "who uses it is cut off until it is started again",
    "activate": "it does not come up, and all stays as it is",
    "deactivate": "all that uses it is cut off",
    "reattach": "its link is gone for a moment, and stays away if the bridge is not well",
    "define": "it was taken away on purpose, and is there again",
    "undefine": "nobody starts it any longer; what it was is in the kept definition only",
    "rebuild": "guests lose their link until each is attached again",
    "cordon": "other hosts may lack the room that this one would have had",
    "uncordon": "new guests come to it, and what was wrong with it may come back",
    "evacuate": "a move breaks off, and that guest stays; where they go there is less room",
    "relieve": "the move breaks off, and it stays where it is; on the new host it has less room",
    "recover": "whoever switches the old host on again may start its guests there a second time",
    "free": "what is deleted may still be needed, and does not come back",
    "extend": "what it is extended from runs out instead",
    "fail_over": "the other path carries twice as much, and may be the one that is broken",
    "replace": "the wrong one is pulled: look at its serial number first",
    "snapshot": "it takes room where the disk lies, for as long as it is kept",
    "discard_snapshot": "nothing is left to go back to",
    "recreate": "what was written in it alone is gone, and the new one may be no better",
    "drain": "the others carry its load as well, and may be overloaded",
    "undrain": "it is not as well as it looks, and requests fail again",
    "quarantine": "what still used it is cut off, and the others carry its load as well",
    "release": "what it was cut off for goes on",
    "scale_out": "what all instances share, such as a database, has one more to serve",
    "scale_in": "those that are left carry its load as well",
    "degrade": "who needs that feature goes without",
    "upgrade": "the feature brings back the load that it was switched off for",
    "roll_forward": "what it was rolled back for comes back",
    "roll_back": "what was changed since, for a good reason, is gone with it",
    "restore": "what was changed since, for a good reason, is gone with it",
}


def hazards(plan: Plan) -> list[str]:
    """Return what could go wrong, one line for each action that kgraph or a person would do.

    What only lacks a way to act is told as well: then a person does it.
    """
    found = dict.fromkeys(step.action for step in plan.steps if _acts(step))
    known = [(action, _HAZARDS.get(action, "")) for action in found]
    return [f"{_said(action)}: {why}" for action, why in known if why]


def by_hand(plan: Plan) -> list[str]:
    """Return how a person would take steps back that are not taken back by themselves."""
    names: dict[str, list[str]] = {}
    for step in plan.steps:
        if _acts(step) and step.inverse and not step.undo_if:
            names.setdefault(step.inverse, []).append(step.name or step.entity)
    lasting = dict.fromkeys(s.action for s in plan.steps if _acts(s) and not s.inverse)
    rows = [f"by hand: {_said(inverse)} {_listed(who)}" for inverse, who in names.items()]
    return [*rows, *(f"nothing takes back: {_said(action)}" for action in lasting)]


def _acts(step: PlanStep) -> bool:
    left = step.actor is Actor.NOBODY and not step.unable.startswith((NO_WAY, BY_PERSON))
    return not left and step.risk is not Risk.NONE


def _said(action: str) -> str:
    return action.replace("_", " ")


def _listed(names: Iterable[str], most: int = 4) -> str:
    listed = list(dict.fromkeys(names))
    more = f" and {len(listed) - most} more" if len(listed) > most else ""
    return ", ".join(listed[:most]) + more
