// The incidents: open ones first, each with what is blamed and the plan that stands.
import { useState } from "preact/hooks";
import { ask } from "./api";
import { useAges, useData } from "./data";
import { Badge, Waiting } from "./parts";
import { Link } from "./route";
import { Sources } from "./sources";
import type { BoardRow, IncidentRow, Listed, Source } from "./types";
import { clock, moment, since } from "./words";

const WHOLE = 30; // incidents, as many as the server puts on the board

export function Board() {
  const board = useData<Listed<BoardRow>>("board", (told) => /^(incident|plan)\./.test(told.event));
  // Nobody tells that a source is read, nor that it is not: a list that is not asked for anew looks fresh.
  const sources = useData<Source[]>("sources", (told) => /^(source|watch)\./.test(told.event), 60_000);
  useAges();
  if (!board.value) return <Waiting problem={board.problem} />;
  const open = board.value.items.filter((row) => row.status === "open");
  const many = open.length >= WHOLE ? `${open.length} or more` : `${open.length}`; // more are not on the board
  const past = board.value.items.filter((row) => row.status !== "open");
  return (
    <>
      <h1 class={open.length ? "" : "calm"}>
        {open.length ? `${many} open ${open.length === 1 ? "incident" : "incidents"}` : calm(sources.value)}
      </h1>
      {board.problem && <p role="alert" class="problem">{board.problem}</p>}
      {open.length > 0 && <Rows rows={open} label="Open incidents" />}
      {past.length > 0 && (
        <>
          <h2 class="over">Lately</h2>
          <Rows rows={past} label="Incidents that are over" />
        </>
      )}
      <Older shown={new Set(board.value.items.map((row) => row.id))} />
      <Sources found={sources} />
    </>
  );
}

/** What can be said where no incident is open: only what is read can be found wrong. */
function calm(sources: Source[] | null): string {
  if (sources?.length === 0) return "Nothing is known yet";
  return sources?.some((row) => row.stale) ? "Nothing is known to be wrong" : "Nothing is wrong";
}

function Rows({ rows, label }: { rows: BoardRow[]; label: string }) {
  return (
    <ul class="rows" aria-label={label}>
      {rows.map((row) => (
        <li key={row.id} class={row.status}>
          <Link to={`/incidents/${row.id}`}>
            <span class="what">
              <b>{row.title}</b>
              <span class="cause">
                {row.cause
                  ? <><span class="p">{row.chance}</span> {row.cause} <span class="down">{row.state}</span></>
                  : <span class="soft">{row.because || "no cause found"}</span>}
              </span>
            </span>
            <span class="when">
              <span>{row.id}</span>
              <time dateTime={row.openedAt} title={moment(row.openedAt)}>
                {row.status === "open" ? `for ${since(row.openedAt)}` : moment(row.openedAt)}
              </time>
            </span>
            <span class="state">
              <Badge state={row.status} />
              {row.acknowledged && row.status === "open" && <span class="who">{row.acknowledged.by} has it</span>}
              {row.plan && row.status === "open" && <span class="soft">plan <Badge state={row.plan.state} /></span>}
              {row.plan && row.status !== "open" && row.plan.state === "done" && <span class="soft">healed by {row.plan.id}</span>}
            </span>
          </Link>
        </li>
      ))}
    </ul>
  );
}

/** What is not on the board any longer: the plain list, page by page. */
function Older({ shown }: { shown: Set<string> }) {
  const [rows, setRows] = useState<IncidentRow[]>([]);
  const [next, setNext] = useState<string | null>("");
  const [problem, setProblem] = useState("");
  const more = () => {
    ask<Listed<IncidentRow>>(`incidents?limit=100${next ? `&after=${encodeURIComponent(next)}` : ""}`)
      .then((found) => {
        setRows([...rows, ...found.items]);
        setNext(found.next);
      })
      .catch((error: Error) => setProblem(error.message));
  };
  const fresh = rows.filter((row) => !shown.has(row.id));
  return (
    <>
      {fresh.length > 0 && (
        <ul class="rows plain" aria-label="Older incidents">
          {fresh.map((row) => (
            <li key={row.id}>
              <Link to={`/incidents/${row.id}`}>
                <span class="what"><b>{row.title}</b></span>
                <span class="when"><span>{row.id}</span><time dateTime={row.openedAt}>{row.openedAt.slice(0, 10)} {clock(row.openedAt)}</time></span>
                <span class="state"><Badge state={row.status} /></span>
              </Link>
            </li>
          ))}
        </ul>
      )}
      {problem && <p role="alert" class="problem">{problem}</p>}
      {next !== null && shown.size >= WHOLE && <button type="button" onClick={more}>Show older ones</button>}
    </>
  );
}
