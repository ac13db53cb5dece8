// What happened when: symptoms, changes, and what was done about it.
import { Fragment } from "preact";
import type { Plan, View } from "./types";
import { clock, moment, offset, spaced } from "./words";

interface Row { at: string; what: string; sort: "symptom" | "change" | "deed"; offset: number | null }

export function Timeline({ view, plan }: { view: View; plan: Plan | null }) {
  const onset = view.timeline.find((row) => row.offsetSeconds === 0)?.at ?? view.openedAt;
  const rows: Row[] = view.timeline.map((row) => ({
    at: row.at, what: row.what, sort: row.deed ? "deed" : row.changed ? "change" : "symptom", offset: row.offsetSeconds,
  }));
  for (const run of plan?.document.runs ?? []) {
    rows.push(deed(run.begunAt, `${plan!.id} begun${run.by ? `: ${run.by}` : ""}`, onset));
  }
  for (const row of plan?.journal ?? []) {
    const step = plan!.document.steps[row.step - 1];
    if (!step || row.state === "running" || row.state === "pending") continue;
    rows.push(deed(row.at, `${plan!.id} ${spaced(step.action)} ${step.name}: ${spaced(row.state)}`, onset));
  }
  const byHand = view.handling.some((row) => row.did === "closed" || row.did === "merged");
  if (view.status !== "open" && !byHand) rows.push(deed(view.updatedAt, "nothing of it is abnormal any longer", onset));
  rows.sort((a, b) => Date.parse(a.at) - Date.parse(b.at));
  const days = new Set(rows.map(day));
  if (!rows.length) return <p class="soft">Nothing says when.</p>;
  return (
    <ol class="times">
      {rows.map((row, at) => (
        <Fragment key={at}>
          {days.size > 1 && day(row) !== (at ? day(rows[at - 1]!) : "") && <li class="day">{day(row)}</li>}
          <li class={row.sort}>
            <time dateTime={row.at} title={moment(row.at)}>{clock(row.at)}</time>
            <span class="offset">{row.offset === null ? "" : offset(row.offset)}</span>
            <span>{row.sort === "change" && <b>changed </b>}{row.what}</span>
          </li>
        </Fragment>
      ))}
    </ol>
  );
}

function day(row: Row): string {
  return row.at.slice(0, 10);
}

function deed(at: string, what: string, onset: string): Row {
  return { at, what, sort: "deed", offset: (Date.parse(at) - Date.parse(onset)) / 1_000 };
}
