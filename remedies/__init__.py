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
- Execution. `Executor(store, actuators, holder)` with `.begin(record, now, by=Approver.POLICY)
  -> Begun | Refusal`, `.tick(now, facts) -> list[Progress]`, `.resume_all(now)`,
  `.stop(patience)`, `.busy` (something is in flight: tick again soon), `.running` (plan ids).
- The actuators of an estate are made by `remedies.actuators.build(settings) -> Actuators`.
"""

from remedies.remedy import Catalogue, Remedy, load_catalogue
from remedies.suggest import suggest

__all__ = ["Catalogue", "Remedy", "load_catalogue", "suggest"]
