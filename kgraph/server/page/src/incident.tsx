// One incident: what is to blame and how surely, what to do next, then everything that is known.
import { useEffect } from "preact/hooks";
import { useAges, useData } from "./data";
import { Drawing } from "./drawn";
import { CauseBlock } from "./cause";
import { Evidence } from "./evidence";
import { Hands } from "./hands";
import { Badge, Command, Part, Waiting } from "./parts";
import { PlanBlock, usePlan } from "./plan";
import { entityPath, Link } from "./route";
import { Timeline } from "./timeline";
import type { Hit, Role, Suspect, View } from "./types";
import { kindOf, lately, moment, since } from "./words";

export function IncidentPage({ id, role }: { id: string; role: Role | undefined }) {
  const view = useData<View>(`incidents/${encodeURIComponent(id)}/view`, (told) => told.incident === id);
  const found = view.value;
  const plan = usePlan(found);
  useAges();
  useEffect(() => {
    document.title = found ? `${found.title} · ${found.id}` : "kgraph";
    return () => {
      document.title = "kgraph";
    };
  }, [found?.title]);
  if (!found) return <Waiting problem={view.problem} />;
  const acts = role === "operator" || role === "admin";
  const judges = acts || role === "responder";
  const lines = (label: string) => found.sections.find((row) => row.label === label)?.lines ?? [];
  return (
    <div class="incident">
      <header class="top">
        <p class="eyebrow">
          <span>{found.id}</span> <Badge state={found.status} />
          <time dateTime={found.openedAt} title={moment(found.openedAt)}>
            opened {lately(found.openedAt)}{found.status === "open" ? `, ${since(found.openedAt)} ago` : ""}
          </time>
        </p>
        <h1>{found.title}</h1>
        {view.problem && <p role="alert" class="problem">{view.problem}</p>}
        {found.status !== "open" && (
          <p class="healed" role="status">
            {ended(found, plan.value?.state === "done" ? plan.value.id : "")}
          </p>
        )}
        <Relatives view={found} />
        <Hands view={found} may={judges} again={view.again} />
      </header>
      <CauseBlock view={found} may={judges} again={view.again} why={lines("WHY").map((line) => line.replace("see ELSE", "see other suspects"))} />
      <aside class="aside">
        <Next view={found} next={lines("NEXT")} />
        <PlanBlock view={found} plan={plan} may={acts} again={view.again} refused={lines("NOT")} />
      </aside>
      <div class="rest">
        <Part title="How it spreads" id="graph"><Drawing picture={found.picture} /></Part>
        <Evidence view={found} />
        <Part title="Time line" id="times"><Timeline view={found} plan={plan.value} /></Part>
        <Impact view={found} lines={lines("IMPACT")} changes={lines("CHANGE")} />
        {found.others.length > 0 && <Others rows={found.others} />}
        <Notes view={found} data={lines("DATA")} />
      </div>
    </div>
  );
}

/** How it came to its end: by hand, by a plan, or by itself. */
function ended(view: View, plan: string): string {
  const last = view.handling.filter((row) => row.did === "closed" || row.did === "merged").at(-1);
  if (last && view.status === "closed") {
    const who = last.by || "kgraph";
    const what = last.did === "merged" ? `merged it into ${last.other}` : "closed it";
    return `${who} ${what} at ${lately(last.at)}${last.note ? `: ${last.note}` : ""}`;
  }
  const how = plan ? `Healed: ${plan} was carried out, and ` : "Over: ";
  return `${how}nothing of it is abnormal any longer, since ${lately(view.updatedAt)}.`;
}

/** The incidents that it was merged with or split from. */
function Relatives({ view }: { view: View }) {
  const rows = view.handling.filter((row) => row.other);
  if (!rows.length) return null;
  return (
    <ul class="relatives" aria-label="Merged and split">
      {rows.map((row) => (
        <li key={row.at + row.other}>
          <Link to={`/incidents/${row.other}`}>{row.other}</Link> <span class="soft">{row.line}, {lately(row.at)}</span>
        </li>
      ))}
    </ul>
  );
}

function Next({ view, next }: { view: View; next: string[] }) {
  const [first, ...others] = view.checks;
  if (view.status !== "open" || (!first && !next.length)) return null;
  return (
    <Part title="Next" id="next">
      {!next.some((line) => first && line.includes(first.command)) && next.map((line) => <p key={line}>{line}</p>)}
      {first && <CheckRow {...first} />}
      {others.length > 0 && (
        <details>
          <summary>{others.length} more {others.length === 1 ? "check" : "checks"}</summary>
          {others.map((row) => <CheckRow key={row.command} {...row} />)}
        </details>
      )}
    </Part>
  );
}

function CheckRow({ uid, title, place, command, splits }: View["checks"][number]) {
  return (
    <div class="check">
      <p>
        <Link to={entityPath(uid)}>{title}</Link>
        {splits && <span class="soft">: tells {splits}</span>}
        {place && <span class="soft">; {place}</span>}
      </p>
      <Command text={command} />
    </div>
  );
}

function Impact({ view, lines, changes }: { view: View; lines: string[]; changes: string[] }) {
  const rows = [...view.hitNow, ...view.hitNext];
  if (!lines.length && !rows.length && !changes.length) return null;
  return (
    <Part title="Blast radius" id="impact">
      <dl class="pairs">
        {lines.map(pair).map(([name, said]) => <div key={said}><dt>{name}</dt><dd>{said}</dd></div>)}
        {changes.map((line) => <div key={line}><dt>changed</dt><dd>{line}</dd></div>)}
      </dl>
      {rows.length > 0 && (
        <details>
          <summary>Everybody who is hit, {view.hitNow.length} now and {view.hitNext.length} next</summary>
          <Hits now={view.hitNow} next={view.hitNext} />
        </details>
      )}
    </Part>
  );
}

/** `now  4 VMs paused` as its first word and the rest, as the report's columns mean it. */
function pair(line: string): [string, string] {
  const found = /^(now|next|safe|) +(.*)$/.exec(line);
  return found ? [found[1]!, found[2]!] : ["", line];
}

function Hits({ now, next }: { now: Hit[]; next: Hit[] }) {
  const rows: [string, Hit][] = [
    ...now.map((hit): [string, Hit] => ["now", hit]), ...next.map((hit): [string, Hit] => ["next", hit]),
  ];
  return (
    <div class="wide" tabIndex={0} role="region" aria-label="Everybody who is hit">
      <table>
        <thead><tr><th scope="col">when</th><th scope="col">who</th><th scope="col">how</th><th scope="col" class="n">P</th><th scope="col" class="n">hops</th></tr></thead>
        <tbody>
          {rows.map(([when, hit]) => (
            <tr key={when + hit.uid}>
              <td>{when}</td>
              <td><Link to={entityPath(hit.uid)}>{hit.name}</Link> <span class="soft">{kindOf(hit.kind)}</span></td>
              <td>{hit.state}</td><td class="n">{hit.chance}</td><td class="n">{hit.hops}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

const FEW = 6; // other suspects that are shown at once
const REMOTE = 0.005; // below it, who is in a hurry need not look

function Others({ rows }: { rows: Suspect[] }) {
  const near = rows.filter((row) => row.posterior >= REMOTE).slice(0, FEW);
  const rest = rows.slice(near.length);
  return (
    <Part title="Other suspects" id="others">
      {near.length > 0 && <Suspects rows={near} label="The likeliest other suspects" />}
      {rest.length > 0 && (
        <details>
          <summary>{rest.length} {near.length ? "more, less likely" : "that are hardly likely"}</summary>
          <Suspects rows={rest} label="Less likely suspects" />
        </details>
      )}
    </Part>
  );
}

function Suspects({ rows, label }: { rows: Suspect[]; label: string }) {
  return (
      <div class="wide" tabIndex={0} role="region" aria-label={label}>
        <table>
          <thead>
            <tr>
              <th scope="col" class="n">P</th><th scope="col">suspect</th><th scope="col" class="n">explains</th>
              <th scope="col" class="n">against</th><th scope="col" class="n">unknown</th>
            </tr>
          </thead>
          <tbody>
            {rows.map((row) => (
              <tr key={row.uid}>
                <td class="n">{row.chance}</td>
                <td><Link to={entityPath(row.uid)}>{row.name}</Link> <span class="soft">{kindOf(row.kind)}</span> {row.state}</td>
                <td class="n">{row.explains}</td><td class="n">{row.against}</td><td class="n">{row.unknown}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
  );
}

function Notes({ view, data }: { view: View; data: string[] }) {
  return (
    <footer class="notes">
      {data.map((line) => <p key={line}>{line}</p>)}
      <p>Explained as of {moment(view.updatedAt)}.</p>
    </footer>
  );
}
