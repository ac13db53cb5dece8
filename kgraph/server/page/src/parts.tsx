// Small parts that several views have.
import type { ComponentChildren } from "preact";
import { useLayoutEffect, useRef, useState } from "preact/hooks";
import type { PlanState, Status } from "./types";
import { spaced } from "./words";

const SAID: Record<string, string> = {
  open: "open", resolved: "over", closed: "closed",
  proposed: "proposed", approved: "approved", running: "running", verifying: "verifying",
  done: "done", compensated: "taken back", needs_human: "needs a person",
  superseded: "superseded",
};

export function Badge({ state }: { state: Status | PlanState }) {
  return <span class={`badge ${state}`}>{SAID[state] ?? spaced(state)}</span>;
}

/** Where a form replaces the button that opened it, gives the keyboard back to that button afterwards. */
export function useGivenBack(opened: string) {
  const place = useRef<HTMLDivElement>(null);
  const before = useRef("");
  useLayoutEffect(() => {
    if (!opened && before.current && document.activeElement === document.body) {
      place.current?.querySelector<HTMLElement>(`[data-opens="${before.current}"]`)?.focus();
    }
    before.current = opened;
  }, [opened]);
  return place;
}

export function Part({ title, id, children, extra }: {
  title: string; id: string; children: ComponentChildren; extra?: ComponentChildren;
}) {
  return (
    <section class="part" aria-labelledby={id}>
      <div class="title"><h2 id={id}>{title}</h2>{extra}</div>
      {children}
    </section>
  );
}

/** A command that can be copied; it is never run from here. */
export function Command({ text }: { text: string }) {
  const [said, setSaid] = useState("Copy");
  const copy = () => {
    navigator.clipboard.writeText(text)
      .then(() => setSaid("Copied"))
      .catch(() => setSaid("Select it by hand"));
    setTimeout(() => setSaid("Copy"), 2_000);
  };
  return (
    <div class="command">
      <code tabIndex={0} role="region" aria-label="Command">{text}</code>
      <button type="button" class="quiet" onClick={copy} aria-live="polite">{said}</button>
    </div>
  );
}

export function Waiting({ problem }: { problem: string }) {
  if (problem) return <p role="alert" class="problem">{problem}</p>;
  return <p class="soft" role="status">Looking…</p>;
}
