// The picture of an incident with its legend, its keys, and the same as a list.
import { useEffect, useRef, useState } from "preact/hooks";
import type { Drawn } from "./drawing";
import { LAYERS } from "./placing";
import { entityPath, go, Link } from "./route";
import { CHANGED } from "./theme";
import type { Box, Mark, Picture } from "./types";
import { kindOf } from "./words";

const LEGEND: [Mark, string][] = [
  ["cause", "to blame"], ["hit", "shows symptoms"], ["way", "on the way, or hit unseen"],
  ["next", "hit next"], ["well", "looked at and well"], ["plain", "beside it"],
];
const SAID = new Map(LEGEND);
const KEYS = new Set(["ArrowLeft", "ArrowRight", "ArrowUp", "ArrowDown", "Home", "End"]);

export function Drawing({ picture }: { picture: Picture }) {
  const frame = useRef<HTMLDivElement>(null);
  const drawn = useRef<Drawn | null>(null);
  const [at, setAt] = useState<string | null>(null);
  // What is drawn is drawn anew only when it has changed: a zoomed picture must not jump.
  const same = JSON.stringify(picture);

  useEffect(() => {
    let gone = false;
    let width = 0;
    const begin = async () => {
      const { draw } = await import("./drawing");
      if (gone || !frame.current) return;
      drawn.current?.end();
      width = frame.current.clientWidth;
      drawn.current = draw(frame.current, picture, setAt);
      // Marked once it is painted: the bench and the tests wait for it.
      requestAnimationFrame(() => requestAnimationFrame(() => performance.mark("kgraph:drawn")));
    };
    const resized = new ResizeObserver(() => {
      if (drawn.current && frame.current && frame.current.clientWidth !== width) void begin();
    });
    const colour = () => drawn.current?.colour();
    void begin();
    if (frame.current) resized.observe(frame.current);
    addEventListener(CHANGED, colour);
    return () => {
      gone = true;
      resized.disconnect();
      removeEventListener(CHANGED, colour);
      drawn.current?.end();
      drawn.current = null;
    };
  }, [same]);

  const key = (event: KeyboardEvent) => {
    if (KEYS.has(event.key)) drawn.current?.move(event.key);
    else if (event.key === "Enter" && at) go(entityPath(at));
    else if (event.key === "Escape") drawn.current?.select(null);
    else if (event.key === "+") drawn.current?.zoom(1.25);
    else if (event.key === "-") drawn.current?.zoom(0.8);
    else if (event.key === "0") drawn.current?.fit();
    else return;
    event.preventDefault();
  };
  const node = picture.nodes.find((each) => each.uid === at);
  const used = new Set(picture.nodes.map((each) => each.mark));
  const causes = picture.nodes.filter((each) => each.mark === "cause").map((each) => each.name);
  const label = `${picture.nodes.length} things of the estate${causes.length ? `, ${causes.join(", ")} to blame` : ""}. `
    + "Arrow keys go from one to the next, Enter opens it.";
  return (
    <figure class="drawing">
      <div ref={frame} class="canvas" tabIndex={0} role="application" aria-label={label} onKeyDown={key} />
      <div class="under">
        <p class="at" role="status">{node ? <Chosen node={node} picture={picture} /> : <span class="soft">Choose a box to see what it is.</span>}</p>
        <div class="zoom" role="group" aria-label="Size of the picture">
          <button type="button" class="quiet" aria-label="Larger" onClick={() => drawn.current?.zoom(1.25)}>+</button>
          <button type="button" class="quiet" aria-label="Smaller" onClick={() => drawn.current?.zoom(0.8)}>−</button>
          <button type="button" class="quiet" onClick={() => drawn.current?.fit()}>As it was</button>
        </div>
      </div>
      <figcaption>
        <ul class="legend">{LEGEND.filter(([mark]) => used.has(mark)).map(([mark, text]) => <li key={mark}><i class={`sample ${mark}`} aria-hidden="true" />{text}</li>)}</ul>
        <p class="soft">
          Each box needs those above that it is joined to; arrows: the way of the trouble.
          {picture.omitted > 0 && ` ${picture.omitted} more are not drawn.`}
        </p>
      </figcaption>
      <AsList picture={picture} />
    </figure>
  );
}

function Chosen({ node, picture }: { node: Box; picture: Picture }) {
  const needs = picture.edges.filter((edge) => edge.dependent === node.uid).length;
  const needed = picture.edges.filter((edge) => edge.dependency === node.uid).length;
  return (
    <>
      <Link to={entityPath(node.uid)}>{node.name || node.uid}</Link> {kindOf(node.kind)}: {SAID.get(node.mark)}
      {node.note ? `, ${node.note}` : ""} <span class="soft">needs {needs}, needed by {needed} of these</span>
    </>
  );
}

function AsList({ picture }: { picture: Picture }) {
  const [open, setOpen] = useState(false);
  return (
    <details onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary>The same as a list ({picture.nodes.length})</summary>
      {open && LAYERS.map((title, layer) => {
        const inside = picture.nodes.filter((node) => node.layer === layer);
        if (!inside.length) return null;
        return (
          <section key={title} aria-label={title}>
            <h3>{title}</h3>
            <ul class="links">
              {inside.map((node) => (
                <li key={node.uid}>
                  <Link to={entityPath(node.uid)}>{node.name || node.uid}</Link>{" "}
                  <span class="soft">{kindOf(node.kind)}: {SAID.get(node.mark)}{node.note ? `, ${node.note}` : ""}</span>
                </li>
              ))}
            </ul>
          </section>
        );
      })}
    </details>
  );
}
