// Looking for something in the estate.
import { useEffect, useState } from "preact/hooks";
import { ask } from "./api";
import { useData } from "./data";
import { Waiting } from "./parts";
import { entityPath, Link, note } from "./route";
import type { EntityRow, Listed } from "./types";
import { kindOf } from "./words";

const PAUSE = 150; // ms without a key before it is looked for

export function Estate() {
  const [text, setText] = useState(new URLSearchParams(location.search).get("text") ?? "");
  const [sought, setSought] = useState(text);
  useEffect(() => {
    const timer = setTimeout(() => {
      setSought(text);
      note(text ? `/estate?text=${encodeURIComponent(text)}` : "/estate");
    }, PAUSE);
    return () => clearTimeout(timer);
  }, [text]);
  const path = `entities?limit=100&text=${encodeURIComponent(sought)}`;
  const found = useData<Listed<EntityRow>>(path);
  return (
    <>
      <h1>Estate</h1>
      <label for="search" class="label">A part of a name, a uid or a key</label>
      <input id="search" type="search" value={text} maxLength={200} autocomplete="off" spellcheck={false}
        onInput={(event) => setText(event.currentTarget.value)} />
      {found.value
        ? <Found key={path} path={path} first={found.value} sought={sought} />
        : <Waiting problem={found.problem} />}
    </>
  );
}

function Found({ path, first, sought }: { path: string; first: Listed<EntityRow>; sought: string }) {
  const [rest, setRest] = useState<EntityRow[]>([]);
  const [next, setNext] = useState(first.next);
  const rows = [...first.items, ...rest];
  const [problem, setProblem] = useState("");
  const more = () => void ask<Listed<EntityRow>>(`${path}&after=${encodeURIComponent(next!)}`).then((page) => {
    setProblem("");
    setRest([...rest, ...page.items]);
    setNext(page.next);
  }, (error: Error) => setProblem(error.message));
  const kinds = new Map<string, EntityRow[]>();
  for (const row of rows) kinds.set(row.kind, [...(kinds.get(row.kind) ?? []), row]);
  return (
    <>
      <p class="soft" role="status">
        {rows.length ? `${next ? "the first " : ""}${rows.length} found` : sought ? `nothing has ${sought} in its name` : "the estate is empty: kgraph sync reads it"}
      </p>
      {[...kinds].map(([kind, of]) => (
        <section key={kind} class="found" aria-label={kind}>
          <h2>{kindOf(kind)} <span class="soft">{of.length}</span></h2>
          <ul>{of.map((row) => <li key={row.uid}><Link to={entityPath(row.uid)}>{row.name || row.uid}</Link></li>)}</ul>
        </section>
      ))}
      {problem && <p role="alert" class="problem">{problem}</p>}
      {next && <button type="button" onClick={more}>Show more</button>}
    </>
  );
}
