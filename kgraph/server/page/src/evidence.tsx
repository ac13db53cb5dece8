// What speaks for the cause, what against it, and what nobody looked at.
import { Part } from "./parts";
import { entityPath, Link } from "./route";
import type { View } from "./types";
import { lately } from "./words";

const COLUMNS = [
  { label: "FOR", title: "For" },
  { label: "AGAINST", title: "Against" },
  { label: "UNKNOWN", title: "Not known" },
];

export function Evidence({ view }: { view: View }) {
  const columns = COLUMNS
    .map((column) => ({ ...column, lines: view.sections.find((row) => row.label === column.label)?.lines ?? [] }))
    .filter((column) => column.lines.length);
  if (!columns.length) return null;
  return (
    <Part title="Evidence" id="evidence">
      <div class="columns">
        {columns.map(({ label, title, lines }) => (
          <div key={label} class={`column ${label.toLowerCase()}`}>
            <h3>{title}</h3>
            <ul>{lines.map((line) => <li key={line}>{line}</li>)}</ul>
          </div>
        ))}
      </div>
      {view.witnesses.length > 0 && (
        <details>
          <summary>Every witness with its weight ({view.witnesses.length})</summary>
          <div class="wide" tabIndex={0} role="region" aria-label="Every witness with its weight">
            <table>
              <thead><tr><th scope="col" class="n">nats</th><th scope="col">seen on</th><th scope="col">what</th><th scope="col">since</th><th scope="col">by</th></tr></thead>
              <tbody>
                {view.witnesses.map((row, at) => (
                  <tr key={at}>
                    <td class="n">{row.weight > 0 ? "+" : "−"}{Math.abs(row.weight).toFixed(2)}</td>
                    <td><Link to={entityPath(row.uid)}>{row.title}</Link></td><td>{row.said}</td>
                    <td>{row.at ? lately(row.at) : ""}</td><td class="soft">{row.by}</td>
                  </tr>
                ))}
              </tbody>
            </table>
          </div>
        </details>
      )}
    </Part>
  );
}
