// The plan: what would be done, a person's yes or no, and how far it is.
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import { ask } from "./api";
import { useData, type Data } from "./data";
import { Badge, Part, useGivenBack } from "./parts";
import type { JournalRow, Plan, Step, View } from "./types";
import { clock, kindOf, moment, span, spaced } from "./words";

const UNDER_WAY = new Set(["approved", "running", "verifying"]);
const LOOK = 1_000; // ms between two looks at a plan that is under way: events tell of most, not all
const FEW = 4; // alike steps that are not yet told as one
const OUTCOMES: Record<string, string> = {
  helped: "Done, and it helped.",
  no_effect: "Done, and it changed nothing.",
  made_worse: "Done, and it made things worse.",
};

/** The plan that stands for an incident or was carried out, else the last that was rejected. */
export function usePlan(view: View | null): Data<Plan> {
  const rows = view?.plans ?? [];
  const chosen = rows.find((row) => row.state !== "superseded") ?? rows[0] ?? null;
  const path = chosen ? `plans/${encodeURIComponent(chosen.id)}` : null;
  const plan = useData<Plan>(path, (told) => told.plan === chosen?.id);
  const busy = plan.value !== null && UNDER_WAY.has(plan.value.state);
  useEffect(() => {
    if (!busy) return;
    const timer = setInterval(plan.again, LOOK);
    return () => clearInterval(timer);
  }, [busy]);
  useEffect(plan.again, [chosen?.state, chosen?.updatedAt]);
  return plan;
}

export function PlanBlock({ view, plan, may, again, refused }: {
  view: View; plan: Data<Plan>; may: boolean; again: () => void; refused: string[];
}) {
  const found = plan.value;
  const [open, setOpen] = useState(""); // the plan that is just being decided on, or was approved and has not begun
  const settled = found?.id === open && found.state !== "proposed" && found.state !== "approved";
  useEffect(() => {
    if (settled) setOpen("");
  }, [settled]);
  if (!found) {
    const none = view.plans.length ? plan.problem : "No remedy in the catalogue fits.";
    if (view.status !== "open" || !none) return null;
    return <Part title="Plan" id="plan"><p class="soft">{none}</p></Part>;
  }
  const { because, runbook = [] } = found.document;
  const seconds = found.durationSeconds;
  const decided = () => {
    plan.again();
    again();
  };
  return (
    <Part title="Plan" id="plan" extra={<Badge state={found.state} />}>
      <p>
        <b>{found.id}</b> <span class="soft">risk {found.risk}{seconds ? ` · about ${span(seconds)}` : ""}</span>
        {found.document.dueAt && <span> preventive: before {moment(found.document.dueAt)}</span>}
      </p>
      {because && <p>{because}</p>}
      <Progress plan={found} />
      <Steps plan={found} />
      {runbook.length > 0 && (
        <section aria-label="Runbook">
          <p><b>What to look at, in this order</b></p>
          <ol class="runbook">{runbook.map((row) => <li key={row}>{row}</li>)}</ol>
        </section>
      )}
      {[...new Set([...found.document.refused, ...refused])].length > 0 && (
        <p class="soft"><b>Not</b> {[...new Set(found.document.refused.length ? found.document.refused : refused)].join(" · ")}</p>
      )}
      {found.state === "proposed" && !found.executable && <p class="soft">{found.stands}</p>}
      {found.state === "proposed" && found.because && (
        <p role="status" class="warning">It was approved, and has not begun: {found.because}.</p>
      )}
      {found.state === "proposed" && open !== "" && open !== found.id && (
        <p role="status" class="warning">
          More is known now: {found.id} took the place of {open}, which you were deciding on. Nothing was done. Read it again.
        </p>
      )}
      {found.state === "proposed" && may && (
        <Decide key={found.id} plan={found} open={(yes) => setOpen(yes ? found.id : "")} done={decided} />
      )}
      {found.state === "proposed" && !may && <p class="soft">Approving needs the role operator.</p>}
      {plan.problem && <p role="alert" class="problem">{plan.problem}</p>}
    </Part>
  );
}

function states(plan: Plan): Map<number, JournalRow> {
  const from = plan.document.runs.at(-1)?.journalFrom ?? 0;
  const found = new Map<number, JournalRow>();
  for (const row of plan.journal.slice(from)) found.set(row.step, row);
  return found;
}

function Progress({ plan }: { plan: Plan }) {
  const journal = states(plan);
  const done = [...journal.entries()].filter(([step, row]) => step > 0 && row.state === "done").length;
  const all = plan.document.steps.length;
  const outcome = plan.document.runs.at(-1)?.outcome;
  const said: Record<string, string> = {
    approved: "Approved. It begins as soon as every guard lets it.",
    running: `Running: ${done} of ${all} steps done.`,
    verifying: `All ${all} steps done. Looking whether the symptoms stay away for ${span(plan.document.settleSeconds)}.`,
    done: outcome ? OUTCOMES[outcome] ?? `Done: ${spaced(outcome)}.` : "Done.",
    compensated: "What was done has been taken back.",
    needs_human: "It stopped, and needs a person.",
  };
  const line = said[plan.state];
  return (
    <div aria-live="polite" aria-atomic="true" class={`progress ${plan.state}`}>
      {(plan.state === "running" || plan.state === "verifying") && <progress value={done} max={all} aria-label="Steps done" />}
      {line && <p>{line}</p>}
      {plan.because && plan.state !== "proposed" && <p class="soft">{plan.because}</p>}
    </div>
  );
}

/** Steps in a row that do the same to things of one kind are told as one. */
function alike(steps: Step[]): { from: number; steps: Step[] }[] {
  const groups: { from: number; steps: Step[] }[] = [];
  steps.forEach((step, at) => {
    const last = groups.at(-1);
    const first = last?.steps[0];
    if (last && first && likeness(first) === likeness(step)) last.steps.push(step);
    else groups.push({ from: at, steps: [step] });
  });
  return groups;
}

function likeness(step: Step): string {
  const { what = "", toName = "" } = step.parameters;
  return JSON.stringify([step.action, step.kind, step.endpoint, step.unable, what, toName]);
}

function Steps({ plan }: { plan: Plan }) {
  const journal = states(plan);
  return (
    <ol class="steps">
      {alike(plan.document.steps).map(({ from, steps }) => (
        steps.length < FEW
          ? steps.map((step, at) => <StepRow key={from + at} step={step} journal={journal.get(from + at + 1)} />)
          : <Alike key={from} from={from} steps={steps} journal={journal} />
      ))}
    </ol>
  );
}

function Alike({ from, steps, journal }: {
  from: number; steps: Step[]; journal: Map<number, JournalRow>;
}) {
  const first = steps[0]!;
  const said = steps.map((_, at) => journal.get(from + at + 1)?.state);
  const done = said.filter((state) => state === "done").length;
  const failed = said.filter((state) => state === "failed" || state === "indeterminate").length;
  const state = failed ? "failed" : done === steps.length ? "done" : said.some(Boolean) ? "running" : "waits";
  return (
    <li class={state} value={from + 1}>
      <span class="do">{whatOf(first)} <b>{steps.length} {kindOf(first.kind)}s</b>{toWhere(first)}</span>
      {state !== "waits" && <span class="how">{done} of {steps.length} done{failed ? `, ${failed} failed` : ""}</span>}
      <span class="soft">{means(first)}</span>
      <details>
        <summary>Which ones</summary>
        <ol class="steps" start={from + 1}>
          {steps.map((step, at) => <StepRow key={at} step={step} journal={journal.get(from + at + 1)} />)}
        </ol>
      </details>
    </li>
  );
}

/** In the words of the command line; what is asked of a person must not look like what kgraph does. */
function whatOf(step: Step): string {
  if (step.action === "notify") return "tell people of";
  const what = step.parameters["what"] || spaced(step.action);
  return asks(step) ? `a person: ${what}` : what;
}

const asks = (step: Step) => step.actuator === "notify";
const toWhere = (step: Step) => (step.parameters["toName"] ? ` to ${step.parameters["toName"]}` : "");

function means(step: Step): string {
  const by = step.unable.replace(/^a person: /, "") || (step.endpoint && `${asks(step) ? "told " : ""}by ${step.endpoint}`);
  return [by, step.inverse && `undo: ${spaced(step.inverse)}`].filter(Boolean).join(" · ");
}

function StepRow({ step, journal }: { step: Step; journal: JournalRow | undefined }) {
  return (
    <li class={journal?.state ?? "waits"}>
      <span class="do">{whatOf(step)} <b>{step.name}</b>{toWhere(step)}</span>
      {journal && <span class="how">{spaced(journal.state)} <time dateTime={journal.at}>{clock(journal.at)}</time></span>}
      <span class="soft">{[means(step), journal?.detail].filter(Boolean).join(" · ")}</span>
    </li>
  );
}

function Decide({ plan, open, done }: {
  plan: Plan; open: (yes: boolean) => void; done: () => void;
}) {
  const [asked, setAnswer] = useState<"" | "approve" | "reject">("");
  const setAsked = (what: "" | "approve" | "reject") => {
    setAnswer(what);
    open(what !== "");
  };
  const [problem, setProblem] = useState("");
  const [busy, setBusy] = useState(false);
  const sure = useRef<HTMLButtonElement>(null);
  const reason = useRef<HTMLInputElement>(null);
  const place = useGivenBack(asked);
  useLayoutEffect(() => (asked === "approve" ? sure : reason).current?.focus(), [asked]);
  const send = (event: Event) => {
    event.preventDefault();
    setBusy(true);
    const body = asked === "reject" ? { reason: reason.current?.value ?? "" } : undefined;
    ask(`plans/${encodeURIComponent(plan.id)}/${asked}`, "POST", body)
      .then(() => {
        setProblem("");
        if (asked === "approve") setAnswer("");
        else setAsked("");
      }, (error: Error) => {
        // Another plan may have taken its place, or take it still: that is told beside the new one.
        setProblem(error.message);
        setAnswer("");
      })
      .finally(() => {
        setBusy(false);
        done();
      });
  };
  const steps = plan.document.steps.length;
  return (
    <div class="decide" ref={place}>
      {asked === "" && (
        <>
          {plan.executable && (
            <button type="button" class="first" data-opens="approve" onClick={() => setAsked("approve")}>Approve…</button>
          )}
          <button type="button" data-opens="reject" onClick={() => setAsked("reject")}>Reject…</button>
        </>
      )}
      {asked !== "" && (
        <form onSubmit={send} onKeyDown={(event) => event.key === "Escape" && setAsked("")}>
          {asked === "approve"
            ? <p>{steps === 1 ? "This step is" : `These ${steps} steps are`} carried out now, as far as every guard lets {steps === 1 ? "it" : "them"}.</p>
            : <label>Why not? <input ref={reason} maxLength={2_000} /></label>}
          <button type="submit" ref={sure} class="first" disabled={busy}>
            {asked === "approve" ? "Approve and run" : "Reject the plan"}
          </button>
          <button type="button" onClick={() => setAsked("")}>Cancel</button>
        </form>
      )}
      {problem && <p role="alert" class="problem">{problem}</p>}
    </div>
  );
}
