// The picture on a canvas. Loaded by itself: cytoscape is larger than all the rest of the page.
import cytoscape, { type Core, type ElementDefinition, type StylesheetJson } from "cytoscape";
import { place, route, type Placed } from "./placing";
import type { Picture } from "./types";
import { kindOf } from "./words";

export interface Drawn {
  select(uid: string | null): void;
  move(key: string): void;
  zoom(by: number): void;
  fit(): void;
  colour(): void;
  end(): void;
}

const MARKS = ["cause", "hit", "way", "next", "well", "plain"] as const;
const FONT = "12px system-ui, sans-serif";
const EDGE = 10; // px between a box's border and its text

export function draw(
  inside: HTMLElement, picture: Picture, selected: (uid: string | null) => void,
): Drawn {
  const room = inside.clientWidth;
  const placed = place(picture, room);
  inside.style.height = `${placed.height}px`;
  const core = cytoscape({
    container: inside,
    elements: elements(picture, placed),
    style: sheet(inside),
    layout: { name: "preset", fit: false },
    zoom: 1,
    pan: { x: 0, y: 0 },
    minZoom: 0.3,
    maxZoom: 3,
    userZoomingEnabled: false, // the wheel belongs to the page
    userPanningEnabled: false, // until it is larger than its frame
    boxSelectionEnabled: false,
    autoungrabify: true,
    autounselectify: true,
  });
  let at: string | null = null;

  function select(uid: string | null): void {
    at = uid;
    core.elements().removeClass("at near");
    if (uid !== null) {
      const node = core.getElementById(uid);
      node.addClass("at");
      node.connectedEdges().addClass("near");
      seen(core, inside, uid);
    }
    selected(uid);
  }

  core.on("tap", "node.box", (event) => select(event.target.id()));
  core.on("tap", (event) => {
    if (event.target === core) select(null);
  });
  return {
    select,
    move: (key) => select(next(placed, at, key)),
    zoom(by) {
      const level = Math.min(3, Math.max(0.3, core.zoom() * by));
      core.zoom({ level, renderedPosition: { x: room / 2, y: placed.height / 2 } });
      core.userPanningEnabled(level > 1);
      if (level <= 1) core.pan({ x: (room * (1 - level)) / 2, y: 0 });
    },
    fit() {
      core.zoom(1);
      core.pan({ x: 0, y: 0 });
      core.userPanningEnabled(false);
    },
    colour: () => void core.style(sheet(inside)),
    end: () => core.destroy(),
  };
}

/** Move the picture so that a box is in its frame. */
function seen(core: Core, inside: HTMLElement, uid: string): void {
  const box = core.getElementById(uid).renderedBoundingBox({});
  const out = box.x1 < 0 || box.y1 < 0 || box.x2 > inside.clientWidth || box.y2 > inside.clientHeight;
  if (out && core.zoom() > 1) core.center(core.getElementById(uid));
}

function next(placed: Placed, at: string | null, key: string): string | null {
  const rows = placed.rows;
  const row = rows.findIndex((each) => at !== null && each.includes(at));
  if (row < 0 || at === null) return rows[0]?.[0] ?? null;
  const column = rows[row]!.indexOf(at);
  if (key === "ArrowLeft") return rows[row]![column - 1] ?? at;
  if (key === "ArrowRight") return rows[row]![column + 1] ?? at;
  if (key === "Home") return rows[0]![0]!;
  if (key === "End") return rows.at(-1)!.at(-1)!;
  const other = rows[row + (key === "ArrowUp" ? -1 : 1)];
  if (!other) return at;
  const x = placed.boxes.get(at)!.x;
  const far = (uid: string) => Math.abs(placed.boxes.get(uid)!.x - x);
  return other.reduce((best, uid) => (far(uid) < far(best) ? uid : best));
}

function elements(picture: Picture, placed: Placed): ElementDefinition[] {
  const short = shortener();
  const boxes = picture.nodes.map((node): ElementDefinition => {
    const where = placed.boxes.get(node.uid)!;
    const lines = [node.name || node.uid, node.note || kindOf(node.kind)];
    const label = where.small ? "" : lines.map((text) => short(text, where.width - 2 * EDGE)).join("\n");
    return {
      data: { id: node.uid, label, width: where.width, height: where.height },
      position: { x: where.x, y: where.y },
      classes: `box ${node.mark}${where.small ? " small" : ""}`,
    };
  });
  const small = (uid: string) => placed.boxes.get(uid)!.small;
  const causes = new Set(picture.nodes.filter((node) => node.mark === "cause").map((node) => node.uid));
  const lines = picture.edges.map((edge, at): ElementDefinition => {
    // Hundreds of lines to small squares would hide them.
    const faint = small(edge.dependency) || small(edge.dependent);
    // A straight arrow would pass behind other boxes, and seem to begin at the last of them.
    const bent = edge.way && !faint
      ? bends(placed, edge.dependency, edge.dependent, causes.has(edge.dependency)) : null;
    return {
      data: { id: `line ${at}`, source: edge.dependency, target: edge.dependent, ...bent },
      classes: (edge.way ? "way" : "") + (faint ? " faint" : "") + (bent ? " bent" : ""),
      selectable: false,
    };
  });
  const headings = placed.headings.map((each): ElementDefinition => ({
    data: { id: `heading ${each.layer}`, label: each.text },
    position: { x: 10, y: each.y },
    classes: "heading",
    selectable: false,
  }));
  return [...headings, ...lines, ...boxes];
}

/** A route as cytoscape wants it: how far along the straight line each corner is, and how far off. */
function bends(placed: Placed, dependency: string, dependent: string, first: boolean): Record<string, string> | null {
  const [from, to] = [placed.boxes.get(dependency)!, placed.boxes.get(dependent)!];
  const points = route(placed, from, to, first);
  const start = points[0]!, end = points.at(-1)!;
  const [dx, dy] = [end.x - start.x, end.y - start.y];
  const long = Math.hypot(dx, dy);
  const corners = points.slice(1, -1).map((each) => [each.x - start.x, each.y - start.y] as const);
  if (!corners.length || !long) return null;
  return {
    along: corners.map(([x, y]) => (x * dx + y * dy) / long ** 2).join(" "),
    off: corners.map(([x, y]) => (y * dx - x * dy) / long).join(" "),
    leaves: `0px ${start.y - from.y}px`,
    arrives: `0px ${end.y - to.y}px`,
  };
}

function shortener(): (text: string, room: number) => string {
  const pen = document.createElement("canvas").getContext("2d")!;
  pen.font = FONT;
  return (text, room) => {
    if (pen.measureText(text).width <= room) return text;
    const chance = / P [<>]? ?\.\d+$/.exec(text)?.[0] ?? ""; // never cut off
    let end = text.length - chance.length;
    while (end > 1 && pen.measureText(`${text.slice(0, end)}…${chance}`).width > room) end--;
    return `${text.slice(0, end).trimEnd()}…${chance}`;
  };
}

function sheet(inside: HTMLElement): StylesheetJson {
  const style = getComputedStyle(inside);
  const colour = (name: string) => style.getPropertyValue(`--${name}`).trim();
  const font = style.fontFamily;
  return [
    {
      selector: "node.box",
      style: {
        shape: "round-rectangle", "corner-radius": "4", width: "data(width)", height: "data(height)",
        label: "data(label)", "text-wrap": "wrap", "text-valign": "center", "text-halign": "center",
        "font-size": 12, "font-family": font, "line-height": 1.25, "border-width": 1,
        "z-index": 2, "overlay-opacity": 0,
      },
    },
    { selector: "node.small", style: { "corner-radius": "3" } },
    ...MARKS.map((mark) => ({
      selector: `node.${mark}`,
      style: {
        "background-color": colour(`${mark}-box`), color: colour(`${mark}-ink`),
        "border-color": colour(`${mark}-edge`),
      },
    })),
    { selector: "node.cause", style: { "border-width": 2, "font-weight": "bold" } },
    { selector: "node.next", style: { "border-style": "dashed" } },
    {
      selector: "node.heading",
      style: {
        width: 1, height: 1, "background-opacity": 0, label: "data(label)", color: colour("soft"),
        "font-size": 12, "font-family": font, "text-halign": "right", "text-valign": "center",
        events: "no", "z-index": 3, "text-background-color": colour("card"),
        "text-background-opacity": 0.85, "text-background-padding": "3px",
      },
    },
    {
      selector: "edge",
      style: {
        width: 1, "line-color": colour("line"), "line-opacity": 0.7, "curve-style": "straight", events: "no",
        "z-index": 0, "overlay-opacity": 0,
      },
    },
    {
      selector: "edge.way",
      style: {
        width: 1.6, "line-color": colour("way"), "line-opacity": 1, "target-arrow-color": colour("way"),
        "target-arrow-shape": "triangle", "arrow-scale": 0.8, "z-index": 1,
      },
    },
    {
      selector: "edge.bent",
      style: {
        "curve-style": "round-segments", "segment-radii": 4, "edge-distances": "endpoints",
        "segment-weights": "data(along)", "segment-distances": "data(off)",
        "source-endpoint": "data(leaves)", "target-endpoint": "data(arrives)",
      },
    },
    { selector: "edge.faint", style: { width: 0.7, "line-opacity": 0.3, "target-arrow-shape": "none" } },
    { selector: "edge.near", style: { width: 2.5, "line-color": colour("mark"), "target-arrow-color": colour("mark"), "line-opacity": 1, "z-index": 1 } },
    { selector: "node.at", style: { "border-width": 3, "border-color": colour("mark") } },
  ] as StylesheetJson;
}
