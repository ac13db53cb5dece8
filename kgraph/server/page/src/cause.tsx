// What is blamed and how surely, first of all; and a person's word on it.
import { useEffect, useState } from "preact/hooks";
import { ask } from "./api";
import { entityPath, Link } from "./route";
import type { Suspect, Verdict, View } from "./types";
import { kindOf } from "./words";

const SURE = 0.5;

export function CauseBlock({ view, may, again, why }: {
  view: View; may: boolean; again: () => void; why: string[];
}) {
  useEffect(() => {
    // Marked once it is painted: the bench waits for it.
    requestAnimationFrame(() => requestAnimationFrame(() => performance.mark("kgraph:cause")));
  }, []);
  if (!view.suspects.length) {
    return (
      <section class="cause" aria-labelledby="cause">
        <div>
          <h2 id="cause" class="label">Cause</h2>
          <p class="blamed">Not found</p>
          <p>{view.abstainedBecause}</p>
          <Warnings lines={view.warnings} />
        </div>
      </section>
    );
  }
  return (
    <section class="cause" aria-labelledby="cause">
      <h2 id="cause" class="label">
        {title(view)}
      </h2>
      {view.suspects.map((row, at) => (
        <SuspectRow key={row.uid} row={row} view={view} may={may} again={again} why={at ? [] : why} />
      ))}
      <Warnings lines={view.warnings} />
    </section>
  );
}

/** The word of the terminal's SUSPECT: a repair would be a guess. */
function title(view: View): string {
  if (view.suspects.every((row) => row.posterior < SURE)) return "Suspected, not sure";
  return view.suspects.length > 1 ? `${view.suspects.length} causes together` : "Most likely cause";
}

/** What whoever believes it must know: evidence that is missing, sources that nobody read lately. */
function Warnings({ lines }: { lines: string[] }) {
  if (!lines.length) return null;
  return <ul class="warnings" aria-label="What is to be known of the evidence">{lines.map((line) => <li key={line}>{line}</li>)}</ul>;
}

function SuspectRow({ row, view, may, again, why }: {
  row: Suspect; view: View; may: boolean; again: () => void; why: string[];
}) {
  const said = view.verdicts.filter((each) => each.entity === row.uid).at(-1);
  return (
    <div class="suspect">
      <p class="chance"><span class="unseen">probability </span>{row.chance}</p>
      <div>
        <p class="blamed">
          <Link to={entityPath(row.uid)}>{row.name}</Link> <span class="down">{row.state}</span>
          {row.due && <>{" "}<b class="due">{row.due}</b></>}
        </p>
        <p class="soft">
          {kindOf(row.kind)} · explains {row.explains} {row.explains === 1 ? "symptom" : "symptoms"}
          {row.against ? ` · ${row.against} against` : ""}
          {row.unknown ? ` · ${row.unknown} not looked at` : ""}
          {" · "}{view.calibrated ? "calibrated" : "not calibrated"}
        </p>
        {why.map((line) => <p key={line}>{line}</p>)}
        <Word row={row} view={view} said={said} may={may} again={again} />
      </div>
    </div>
  );
}

function Word({ row, view, said, may, again }: {
  row: Suspect; view: View; said: Verdict | undefined; may: boolean; again: () => void;
}) {
  const [problem, setProblem] = useState("");
  const [busy, setBusy] = useState(false);
  const say = (word: Verdict["said"]) => {
    setBusy(true);
    ask(`incidents/${encodeURIComponent(view.id)}/verdicts`, "POST", { said: word, entity: row.uid, mode: row.mode })
      .then(() => setProblem(""), (error: Error) => setProblem(error.message))
      .finally(() => {
        setBusy(false);
        again();
      });
  };
  return (
    <div class="word" role="group" aria-label={`Was it ${row.name}?`}>
      {said && <p class="said" role="status">{said.said === "confirmed" ? "Confirmed" : "Refuted"} by {said.by}. Later answers learn from it.</p>}
      {may && !said && (
        <>
          <button type="button" disabled={busy} onClick={() => say("confirmed")}>Confirm the cause</button>
          <button type="button" disabled={busy} onClick={() => say("refuted")}>Refute it</button>
        </>
      )}
      {may && said && (
        <button type="button" class="quiet" disabled={busy} onClick={() => say(said.said === "confirmed" ? "refuted" : "confirmed")}>
          {said.said === "confirmed" ? "Refute it after all" : "Confirm it after all"}
        </button>
      )}
      {problem && <p role="alert" class="problem">{problem}</p>}
    </div>
  );
}
