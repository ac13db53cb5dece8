"""From a diagnosis to a verified repair; above all, no repair may make things worse.

Pure: the catalogue, planning, policy, guards, and `execution.next_moves`. At the edge: the
executor, which writes the journal and starts worker threads, and `actuators`, which alone touch
the estate. Names that others rely on:

- Planning. `load_catalogue(folders) -> Catalogue`;
  `plan_for(answer, incident, catalogue, endpoints) -> Plan | None`; `renamed(plan, incident_id)`
  gives a plan its incident and therewith its id. `Endpoint` says how entities are acted on.
- Policy. `load_policy(file) -> Policy`;
  `decide(policy, plan, Circumstances(...)) -> Decision(mode, rule, why)`; `Mode` is OBSERVE,
  SUGGEST, APPROVE or AUTO.
- Guards. `World` is one frozen picture of what guards look at, and
  `judge(plan, step, world) -> tuple[Refusal, ...]` asks them all about one step;
  `judge_plan(plan, world)` asks about every step. `Facts(read_at, abnormal, healthy, configured,
  complete, vantages, owners)` is what the caller has observed; `Vantage(name, watched, silent,
  confirmed)` is one vantage point. The executor makes the world out of facts and store.
- Execution. `Executor(store, actuators, holder)` with `.begin(record, now, facts,
  by=Approver.POLICY, why="") -> PlanRecord | Refusal`, `.begin_approved(now, facts)`,
  `.tick(now, facts) -> list[Progress]`, `.resume_all(now) -> plan ids`,
  `.stop(now, facts, patience)`, `.busy` (something is in flight: tick again soon), `.running`.
- The actuators of an estate are made by `remedies.actuators.build(settings) -> Actuators`.
"""

from remedies.endpoints import LOG, NBD, Endpoint, Select
from remedies.execution import Executor, Progress
from remedies.guards import Refusal, Weight, judge, judge_plan
from remedies.looks import Actuator, Actuators, EffectError, Look, Standing, Task
from remedies.planning import plan_for, renamed
from remedies.policy import Decision, Mode, Policy, decide, load_policy
from remedies.policy_match import Circumstances
from remedies.remedy import Catalogue, Remedy, load_catalogue
from remedies.world import Approver, Budgets, Facts, Vantage, World

__all__ = [
    "LOG",
    "NBD",
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
    "Look",
    "Mode",
    "Policy",
    "Progress",
    "Refusal",
    "Remedy",
    "Select",
    "Standing",
    "Task",
    "Vantage",
    "Weight",
    "World",
    "decide",
    "judge",
    "judge_plan",
    "load_catalogue",
    "load_policy",
    "plan_for",
    "renamed",
]
