"""What could go wrong with an action, for the person who has to say yes. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from kgraph.schema import Actor, Plan, PlanStep, Risk

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
    "force_restart": "who uses it at this moment is cut off, and it may not come up again",
    "stop": "who uses it is cut off until it is started again",
    "activate": "it does not come up, and all stays as it is",
    "deactivate": "all that uses it is cut off",
    "reattach": "its link is gone for a moment, and stays away if the bridge is not well",
    "rebuild": "guests lose their link until each is attached again",
    "cordon": "other hosts may lack the room that this one would have had",
    "roll_back": "what was changed since, for a good reason, is gone with it",
    "restore": "what was changed since, for a good reason, is gone with it",
}


def hazards(plan: Plan) -> list[str]:
    """Return what could go wrong, one line for each action that kgraph or a person would do."""
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
    return step.actor is not Actor.NOBODY and step.risk is not Risk.NONE


def _said(action: str) -> str:
    return action.replace("_", " ")


def _listed(names: Iterable[str], most: int = 4) -> str:
    listed = list(dict.fromkeys(names))
    more = f" and {len(listed) - most} more" if len(listed) > most else ""
    return ", ".join(listed[:most]) + more
