// How old what is known is: the sources, and which of them nobody has read lately.
import { useData } from "./data";
import type { Source } from "./types";
import { since } from "./words";

export function Sources() {
  const found = useData<Source[]>("sources", (told) => /^(source|watch)\./.test(told.event));
  if (!found.value) return found.problem ? <p role="alert" class="problem">{found.problem}</p> : null;
  const rows = [...found.value].sort((a, b) => Date.parse(a.completedAt) - Date.parse(b.completedAt));
  if (!rows.length) {
    return (
      <section class="sources" aria-label="Sources">
        <p>Nothing was read yet, so nothing can be found wrong: <code>kgraph init</code> looks for what there is
          to read, <code>kgraph sync</code> reads it.</p>
      </section>
    );
  }
  const stale = rows.filter((row) => row.stale);
  return (
    <section class="sources" aria-label="Sources">
      {stale.length > 0 && (
        <p class="stale">
          Not read lately: {stale.map((row) => `${row.source} (${since(row.completedAt)})`).join(", ")}. What rests on
          them alone is less sure.
        </p>
      )}
      <details>
        <summary>{rows.length} {rows.length === 1 ? "source" : "sources"}, the oldest read {since(rows[0]!.completedAt)} ago</summary>
        <div class="wide" tabIndex={0} role="region" aria-label="When each source was read">
          <table>
            <thead><tr><th scope="col">source</th><th scope="col">read</th><th scope="col" class="n">things</th><th scope="col">found</th></tr></thead>
            <tbody>
              {rows.map((row) => (
                <tr key={row.source + row.scope}>
                  <td>{row.source} <span class="soft">{row.scope}</span></td>
                  <td class={row.stale ? "n stale" : "n"}>{since(row.completedAt)} ago</td>
                  <td class="n">{row.records}</td>
                  <td>{row.findings.join("; ") || <span class="soft">nothing odd</span>}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      </details>
    </section>
  );
}
