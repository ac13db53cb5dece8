"""Rule 10: what libvirt runs is acted on by UUID, and nothing by a name that another one has."""

from __future__ import annotations

from kgraph.schema import Plan, PlanStep
from remedies.guards.refusal import Refusal
from remedies.world import World

_UUIDS = ("uuid", "network", "pool")
# A switch is chosen by the name, a playbook limited to it, a hook told it: unless they are told
# what is one's own.
_BY_NAME = {"power": "uri", "ansible": "uri", "hook": "uuid"}


def identified(_plan: Plan, step: PlanStep, world: World) -> Refusal | None:
    """Refuse an action on a guest, network or pool whose UUID is not in the plan.

    And one on what is found by its name, where another one has it: in another site, say. A switch
    that names the host's connection is that host's, and a hook is told the UUID of a guest.
    """
    if step.actuator in _BY_NAME and step.entity in world.facts.namesakes:
        if not step.parameters.get(_BY_NAME[step.actuator]):
            why = f"another {step.kind} is called {step.name}, too: which one is meant?"
            return Refusal("name", why)
        return None
    if step.actuator != "libvirt" or any(step.parameters.get(name) for name in _UUIDS):
        return None
    return Refusal("uuid", f"the UUID of {step.title} is not known: names can be reused")
