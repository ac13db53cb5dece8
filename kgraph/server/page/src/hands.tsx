// What a person does to an incident: take it on, close it, merge it, split it.
import { useLayoutEffect, useRef, useState } from "preact/hooks";
import { ask, quoted } from "./api";
import { useData } from "./data";
import { useGivenBack } from "./parts";
import type { IncidentRow, Listed, View } from "./types";
import { lately } from "./words";

type Deed = "acknowledge" | "close" | "merge" | "split";
const SAID: Record<Deed, { button: string; send: string; told: string }> = {
  acknowledge: {
    button: "Acknowledge…", send: "Acknowledge",
    told: "Others see that you have it. Nobody is told of it again, unless it gets worse.",
  },
  close: {
    button: "Close…", send: "Close it",
    told: "Its symptoms raise no other incident while they last; new ones do.",
  },
  merge: {
    button: "Merge…", send: "Merge",
    told: "The other one goes on, with the symptoms of both, and is explained anew.",
  },
  split: {
    button: "Split…", send: "Split off",
    told: "What is wrong with these becomes an incident of its own. Both are explained anew.",
  },
};

export function Hands({ view, may, again }: { view: View; may: boolean; again: () => void }) {
  const [deed, setDeed] = useState<Deed | "">("");
  const place = useGivenBack(deed);
  const [problem, setProblem] = useState("");
  const [busy, setBusy] = useState(false);
  const path = `incidents/${quoted(view.id)}`;
  const send = (to: string, method: string, body?: unknown) => {
    setBusy(true);
    setProblem("");
    // What was typed stays where it could not be done, or is for something that was begun since:
    // an event may have told of what was done before its answer is here.
    ask(`${path}/${to}`, method, body)
      .then(() => setDeed((now) => now === deed ? "" : now), (error: Error) => setProblem(error.message))
      .finally(() => {
        setBusy(false);
        again();
      });
  };
  const open = (chosen: Deed | "") => {
    setProblem("");
    setDeed(chosen);
  };
  const taken = view.acknowledged;
  const deeds = DEEDS.filter((each) => may && offered(each, view));
  if (!taken && !deeds.length) return null;
  return (
    <div class="hands" ref={place}>
      {taken && (
        <p class="taken" role="status">
          <b>{taken.by}</b> has it since <time dateTime={taken.at}>{lately(taken.at)}</time>
          {taken.note && `: ${taken.note}`}
        </p>
      )}
      {deed === "" && (
        <div class="decide" role="group" aria-label="This incident">
          {deeds.map((each) => (
            <button key={each} type="button" data-opens={each} onClick={() => open(each)}>{SAID[each].button}</button>
          ))}
          {may && taken && view.status === "open" && (
            <button type="button" class="quiet" disabled={busy} onClick={() => send("acknowledgement", "DELETE")}>
              Take the acknowledgement back
            </button>
          )}
        </div>
      )}
      {deed !== "" && <Form deed={deed} view={view} busy={busy} send={send} leave={() => open("")} />}
      {problem && <p role="alert" class="problem">{problem}</p>}
    </div>
  );
}

const DEEDS: Deed[] = ["acknowledge", "close", "merge", "split"];

function offered(deed: Deed, view: View): boolean {
  if (deed === "close" || deed === "merge") return view.status !== "closed";
  if (view.status !== "open") return false;
  return deed === "acknowledge" ? !view.acknowledged : view.hurt.length > 1;
}

function Form({ deed, view, busy, send, leave }: {
  deed: Deed; view: View; busy: boolean; leave: () => void;
  send: (to: string, method: string, body: unknown) => void;
}) {
  const text = useRef<HTMLInputElement>(null);
  const form = useRef<HTMLFormElement>(null);
  const listed = useData<Listed<IncidentRow>>(deed === "merge" ? "incidents?status=open&limit=200" : null, () => false);
  const others = listed.value?.items.filter((row) => row.id !== view.id);
  const possible = deed !== "merge" || !!others?.length;
  const told = possible ? SAID[deed].told
    : listed.problem || (others ? "There is no other open incident." : "Looking for the others…");
  useLayoutEffect(() => form.current?.querySelector<HTMLElement>("input, select, button")?.focus(), [possible]);
  const submit = (event: Event) => {
    event.preventDefault();
    const note = text.current?.value ?? "";
    const given = new FormData(form.current!);
    if (deed === "acknowledge") send("acknowledgement", "PUT", { note });
    if (deed === "close") send("close", "POST", { reason: note });
    if (deed === "merge") send("merge", "POST", { into: given.get("into"), note });
    if (deed === "split") send("split", "POST", { entities: given.getAll("entity"), note });
  };
  return (
    <form ref={form} class="deed" onSubmit={submit} onKeyDown={(event) => event.key === "Escape" && leave()}>
      <p class="soft">{told}</p>
      {deed === "merge" && possible && (
        <label>
          Into{" "}
          <select name="into" required>
            {others!.map((row) => <option key={row.id} value={row.id}>{row.id} {row.title}</option>)}
          </select>
        </label>
      )}
      {deed === "split" && (
        <fieldset>
          <legend>What is another matter?</legend>
          {view.hurt.map((row) => (
            <label key={row.uid}><input type="checkbox" name="entity" value={row.uid} /> {row.title}</label>
          ))}
        </fieldset>
      )}
      {possible && (
        <>
          <label>
            {deed === "close" ? "Why?" : "A remark"}{" "}
            <input ref={text} maxLength={2_000} required={deed === "close"} pattern={deed === "close" ? ".*\\S.*" : undefined} />
          </label>
          <button type="submit" class="first" disabled={busy}>{SAID[deed].send}</button>
        </>
      )}
      <button type="button" onClick={leave}>Cancel</button>
    </form>
  );
}
