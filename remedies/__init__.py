"""From a diagnosis to a verified repair; above all, no repair may make things worse.

    catalogue -> plan -> policy: who decides -> guards -> execution -> has it helped?

Pure: the catalogue, planning, policy, guards, and `execution.next_moves`. At the edge: the
executor, which writes the journal and starts worker threads, and `actuators`, which alone touch
the estate.
"""

from remedies.endpoints import LOG, NBD, Endpoint, Select
from remedies.execution import Executor, Progress
from remedies.ground import Ground
from remedies.guards import Refusal, judge_plan
from remedies.looks import Actuator, Actuators, EffectError, Look, Standing, Task
from remedies.planning import plan_for, renamed
from remedies.policy import Decision, Mode, Policy, decide, load_policy
from remedies.policy_match import Circumstances
from remedies.remedy import Catalogue, load_catalogue
from remedies.seating import NO_ROOM
from remedies.world import Approver, Budgets, Facts, Vantage, World

__all__ = [
    "LOG",
    "NBD",
    "NO_ROOM",
    "Actuator",
    "Actuators",
    "Approver",
    "Budgets",
    "Catalogue",
    "Circumstances",
    "Decision",
    "EffectError",
    "Endpoint",
    "Executor",
    "Facts",
    "Ground",
    "Look",
    "Mode",
    "Policy",
    "Progress",
    "Refusal",
    "Select",
    "Standing",
    "Task",
    "Vantage",
    "World",
    "decide",
    "judge_plan",
    "load_catalogue",
    "load_policy",
    "plan_for",
    "renamed",
]
