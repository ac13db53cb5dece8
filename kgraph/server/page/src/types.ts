// What the API sends; /api/v1/openapi.json is the whole of it.

export type Status = "open" | "resolved" | "closed";
export type PlanState =
  | "proposed" | "approved" | "running" | "verifying" | "done" | "compensated" | "needs_human"
  | "superseded";
export type Mark = "cause" | "hit" | "way" | "next" | "well" | "plain";
export type Role = "hook" | "viewer" | "responder" | "operator" | "admin";

export interface Session { name: string; role: Role; pad: string | null }
export interface Listed<T> { items: T[]; next: string | null }

export interface Source {
  source: string; scope: string; completedAt: string; stale: boolean; records: number; findings: string[];
}
export interface Acknowledgement { by: string; at: string; note: string }
export interface IncidentRow {
  id: string; status: Status; openedAt: string; updatedAt: string; title: string;
  acknowledged: Acknowledgement | null;
}
export interface PlanRow {
  id: string; incident: string; state: PlanState; createdAt: string; updatedAt: string;
  because: string;
}
export interface BoardRow extends IncidentRow {
  cause: string; state: string; chance: string; because: string; plan: PlanRow | null;
}
export interface Suspect {
  uid: string; kind: string; name: string; mode: string; state: string; due: string; posterior: number;
  chance: string; explains: number; against: number; unknown: number;
}
export interface Said {
  label: string; tone: "loud" | "plain" | "quiet" | "warning"; lines: string[];
}
export interface Witness {
  suspect: string; uid: string; title: string; said: string; weight: number; at: string | null;
  by: string;
}
export interface Moment { at: string; offsetSeconds: number; what: string; changed: boolean; deed: boolean }
export interface Check { uid: string; title: string; place: string; command: string; splits: string }
export interface Hit {
  uid: string; kind: string; name: string; state: string; chance: string; hops: number;
}
export interface Box {
  uid: string; kind: string; name: string; mark: Mark; note: string; layer: number; row: number;
}
export interface Line { dependent: string; type: string; dependency: string; way: boolean }
export interface Picture { nodes: Box[]; edges: Line[]; omitted: number }
export interface Verdict {
  said: "confirmed" | "refuted"; entity: string; mode: string; by: string; at: string;
  note: string;
}
export interface Handling {
  did: "acknowledged" | "withdrawn" | "closed" | "merged" | "took_in" | "split" | "split_from" | "noted";
  at: string; by: string; note: string; other: string; names: string[]; line: string;
}
export interface View extends IncidentRow {
  headline: string; abstainedBecause: string; calibrated: boolean; suspects: Suspect[];
  others: Suspect[]; sections: Said[]; witnesses: Witness[]; timeline: Moment[]; checks: Check[];
  hurt: { uid: string; title: string }[]; handling: Handling[]; hitNow: Hit[]; hitNext: Hit[]; picture: Picture; plans: PlanRow[]; verdicts: Verdict[];
  warnings: string[];
}

export interface Step {
  action: string; entity: string; kind: string; name: string; actor: string; actuator: string; endpoint: string;
  unable: string; role: string; inverse: string; durationSeconds: number; why: string; risk: string;
  parameters: Record<string, string>;
}
export interface Run { by: string; begunAt: string; journalFrom: number; outcome: string | null }
export interface JournalRow {
  step: number; state: string; at: string; attempt: number; detail: string;
}
export interface Plan extends PlanRow {
  executable: boolean; stands: string; risk: string; durationSeconds: number;
  document: {
    title: string; because: string; steps: Step[]; refused: string[]; settleSeconds: number;
    dueAt?: string; runbook?: string[];
    runs: Run[];
  };
  journal: JournalRow[];
}

export interface EntityRow { uid: string; kind: string; name: string }
export interface Relation {
  type: string; other: string; title: string; group: string | null; need: number | null;
  source: string;
}
export interface Entity extends EntityRow {
  keys: Record<string, string>; labels: Record<string, string>; props: Record<string, unknown>;
  watched: string[]; needs: Relation[]; neededBy: Relation[];
}
export interface History extends EntityRow {
  existed: { since: string; until: string | null }[];
  events: { at: string; what: string; detail: string; source: string }[];
}
export interface Impact {
  items: (EntityRow & { hops: number; via: string })[]; truncated: boolean;
}
export interface Halt { halted: boolean; since: string | null; reason: string }
