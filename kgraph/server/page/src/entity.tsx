// One thing of the estate: what it is, what it needs, who needs it, and its past.
import { useEffect } from "preact/hooks";
import { useData } from "./data";
import { Part, Waiting } from "./parts";
import { entityPath, Link } from "./route";
import type { Entity, History, Impact, Relation } from "./types";
import { kindOf, moment, spaced } from "./words";

export function EntityPage({ uid }: { uid: string }) {
  const path = `entities/${encodeURIComponent(uid)}`;
  const entity = useData<Entity>(path);
  const history = useData<History>(`${path}/history`);
  const impact = useData<Impact>(entity.value ? `${path}/impact` : null);
  const shown = entity.value ?? history.value;
  useEffect(() => {
    document.title = shown ? `${shown.name} · ${kindOf(shown.kind)}` : "kgraph";
    return () => {
      document.title = "kgraph";
    };
  }, [shown?.name]);
  if (!shown) return <Waiting problem={history.problem || entity.problem} />;
  return (
    <div class="entity">
      <p class="eyebrow">{kindOf(shown.kind)}</p>
      <h1>{shown.name || shown.uid}</h1>
      {!entity.value && entity.problem && <p class="soft" role="status">It is gone by now; this is its past.</p>}
      {entity.value && <Facts entity={entity.value} />}
      {entity.value && (
        <div class="columns">
          <Relations title="Needs" id="needs" rows={entity.value.needs} />
          <Relations title="Needed by" id="needed" rows={entity.value.neededBy} />
        </div>
      )}
      {impact.value && impact.value.items.length > 0 && <Dependents found={impact.value} />}
      {history.value && <Past found={history.value} />}
    </div>
  );
}

function Facts({ entity }: { entity: Entity }) {
  const rows: [string, string][] = [
    ["uid", entity.uid],
    ...Object.entries(entity.keys),
    ...Object.entries(entity.labels),
    ...Object.entries(entity.props).map(([name, value]): [string, string] => [
      name, typeof value === "object" ? JSON.stringify(value) : String(value),
    ]),
  ];
  if (entity.watched.length) rows.push(["watched for", entity.watched.join(", ")]);
  else rows.push(["watched for", "nothing: no detector looks at it"]);
  return (
    <dl class="facts">
      {rows.map(([name, value]) => <div key={name}><dt>{name}</dt><dd>{value}</dd></div>)}
    </dl>
  );
}

function Relations({ title, id, rows }: { title: string; id: string; rows: Relation[] }) {
  const few = rows.slice(0, 30), rest = rows.slice(30);
  const row = (each: Relation, at: number) => (
    <li key={at}>
      <Link to={entityPath(each.other)}>{each.title}</Link>{" "}
      <span class="soft">{each.type.toLowerCase().replaceAll("_", " ")}{each.group ? `, ${each.need ?? "all"} of ${each.group}` : ""}</span>
    </li>
  );
  return (
    <Part title={title} id={id}>
      {rows.length ? <ul class="links">{few.map(row)}</ul> : <p class="soft">nothing</p>}
      {rest.length > 0 && <details><summary>{rest.length} more</summary><ul class="links">{rest.map(row)}</ul></details>}
    </Part>
  );
}

function Dependents({ found }: { found: Impact }) {
  return (
    <Part title={`Who is hit if it fails: ${found.items.length}${found.truncated ? " and more" : ""}`} id="impact">
      <details open={found.items.length <= 12}>
        <summary>Nearest first</summary>
        <ul class="links">
          {found.items.map((row) => (
            <li key={row.uid}>
              <Link to={entityPath(row.uid)}>{row.name}</Link> <span class="soft">{kindOf(row.kind)}, {row.hops} {row.hops === 1 ? "hop" : "hops"}</span>
            </li>
          ))}
        </ul>
      </details>
    </Part>
  );
}

function Past({ found }: { found: History }) {
  return (
    <Part title="History" id="history">
      <ol class="times">
        {[...found.events].reverse().map((row, at) => (
          <li key={at}>
            <time dateTime={row.at}>{moment(row.at)}</time>
            <span>{spaced(row.what)}{row.detail ? ` ${said(row.detail)}` : ""} {row.source && <span class="soft">({row.source})</span>}</span>
          </li>
        ))}
      </ol>
    </Part>
  );
}

/** Relation types as words: `STORED_ON` as `stored on`. */
function said(detail: string): string {
  return detail.replace(/\b[A-Z]+(?:_[A-Z]+)+\b/g, (type) => spaced(type).toLowerCase());
}
