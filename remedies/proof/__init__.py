"""The independent checker: proves of a plan that no step breaks anything, without the planner.

`check(plan, graph, does, known) -> Verdict` replays a plan on the graph, step by step, and
objects where quorum, a last replica, capacity, affinity, reach or single ownership would be
lost. It shares no code with `remedies.planning` and `remedies.placement`: what those overlook
must not be overlooked here for the same reason.
"""

from remedies.proof.check import check
from remedies.proof.does import Does
from remedies.proof.known import Ceiling, Graph, Known
from remedies.proof.verdict import Objection, Rule, Verdict

__all__ = ["Ceiling", "Does", "Graph", "Known", "Objection", "Rule", "Verdict", "check"]
