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
  const row = (each: Relation, at: number) => {
    const type = spaced(each.type).toLowerCase();
    const group = each.group ? `, ${each.need ?? "all"} of ${each.group}` : "";
    const other = <Link to={entityPath(each.other)}>{each.title}</Link>;
    return id === "needs"
      ? <li key={at}><span class="soft">{type}</span> {other}<span class="soft">{group}</span></li>
      : <li key={at}>{other} <span class="soft">{type} it{group}</span></li>;
  };
  return (
    <Part title={title} id={id}>
      {rows.length ? <ul class="links">{few.map(row)}</ul> : <p class="soft">nothing</p>}
      {rest.length > 0 && <details><summary>{rest.length} more</summary><ul class="links">{rest.map(row)}</ul></details>}
    </Part>
  );
}

function Dependents({ found }: { found: Impact }) {
  return (
    <Part title={`All that needs it: ${found.items.length}${found.truncated ? " and more" : ""}`} id="impact">
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
        {folded(found.events).reverse().map((row, at) => (
          <li key={at}>
            <time dateTime={row.at}>{moment(row.at)}</time>
            <span>
              {spaced(row.what)}{row.names.length > 1 && ` ${row.names.length}:`} {named(row.names)}{" "}
              <span class="soft">({[row.type, row.source].filter(Boolean).join("; ")})</span>
            </span>
          </li>
        ))}
      </ol>
    </Part>
  );
}

type Event = History["events"][number];
interface Folded extends Omit<Event, "detail"> { type: string; names: string[] }

/** What one source said at one moment of relations of one type is one row: hosts have dozens. */
function folded(events: Event[]): Folded[] {
  const rows = new Map<string, Folded>();
  events.forEach(({ detail, ...row }, at) => {
    const [, type = "", name = detail] = /^([A-Z_]{4,}) (.+)$/.exec(detail) ?? [];
    const key = type ? [row.at, row.what, row.source, type].join(" ") : `${at}`;
    const known = rows.get(key);
    if (known) known.names.push(name);
    else rows.set(key, { ...row, type: spaced(type).toLowerCase(), names: name ? [name] : [] });
  });
  return [...rows.values()];
}

const NAMED = 12;

function named(names: string[]): string {
  const more = names.length - NAMED;
  return names.slice(0, NAMED).join(", ") + (more > 0 ? ` and ${more} more` : "");
}
