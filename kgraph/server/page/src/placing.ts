// Where boxes stand: the layers under each other, each as wide as there is room. Pure.
import type { Box, Picture } from "./types";

export const LAYERS = ["Power", "Hosts", "Storage and network", "Guests", "Services"];
export interface Place { x: number; y: number; width: number; height: number; small: boolean }
export interface Heading { layer: number; text: string; y: number }
export interface Point { x: number; y: number }
export interface Placed {
  boxes: Map<string, Place>; headings: Heading[]; rows: string[][]; height: number;
  lanes: number[]; // x of what no large box covers: between the columns, and beside them
}

const WIDTH = 176, HEIGHT = 42, GAP = 14, RISE = 20; // px
const LEAVES = 5, ARRIVES = 9, SIDE = 3; // lines, from the boxes and from the middle of a lane
const SMALL = 20, SMALL_GAP = 6;
const MANY = 36; // in a layer: then each is a small square, but for causes
const BETWEEN = 24, TITLE = 32, PAD = 10;

export function place(picture: Picture, room: number): Placed {
  const width = Math.min(WIDTH, 2 * Math.floor((room - 2 * PAD - GAP) / 4)); // even: edges on pixels
  const found: Placed = { boxes: new Map(), headings: [], rows: [], height: PAD, lanes: [] };
  const large: Form = { width, height: HEIGHT, gap: GAP, rise: RISE, small: false };
  const { most, left } = columns(room, large);
  for (let at = 0; at <= most; at++) found.lanes.push(left + at * (width + GAP) - (width + GAP) / 2);
  for (let layer = 0; layer < LAYERS.length; layer++) {
    const inside = picture.nodes.filter((node) => node.layer === layer);
    if (!inside.length) continue;
    found.headings.push({ layer, text: heading(layer, inside), y: found.height + PAD });
    found.height += TITLE;
    const small = inside.length > MANY;
    for (const row of rowsOf(inside)) {
      const boxes = row.filter((node) => !small || node.mark === "cause");
      const dots = row.filter((node) => small && node.mark !== "cause");
      line(found, boxes, room, large);
      line(found, dots, room, { width: SMALL, height: SMALL, gap: SMALL_GAP, rise: SMALL_GAP, small: true });
    }
    found.height += BETWEEN;
  }
  found.height += PAD - BETWEEN;
  return found;
}

interface Form { width: number; height: number; gap: number; rise: number; small: boolean }

/** How many columns there is room for, and where the first one has its middle. */
function columns(room: number, form: Form): { most: number; left: number; step: number } {
  const step = form.width + form.gap;
  const most = Math.max(1, Math.floor((room - 2 * PAD + form.gap) / step));
  return { most, left: Math.round((room - most * step + form.gap) / 2) + form.width / 2, step };
}

// All rows keep to the same columns: what is between them is free for lines, from top to bottom.
function line(found: Placed, nodes: Box[], room: number, form: Form): void {
  const { most, left, step } = columns(room, form);
  // Rows of one length look calmer than full ones and a rest.
  const many = Math.ceil(nodes.length / Math.ceil(nodes.length / most || 1));
  const first = Math.floor((most - many) / 2);
  for (let from = 0; from < nodes.length; from += many) {
    const row = nodes.slice(from, from + many);
    row.forEach((node, at) => {
      found.boxes.set(node.uid, {
        x: left + (first + at) * step, y: found.height + form.height / 2,
        width: form.width, height: form.height, small: form.small,
      });
    });
    found.rows.push(row.map((node) => node.uid));
    found.height += form.height + form.rise;
  }
}

/**
 * The way from one large box to another along what no box covers, both ends included. `first` ways
 * have their own side of a lane. What leaves a row runs nearer to it than what arrives at the next
 * one: where they met, one box would seem to hurt the other.
 */
export function route(placed: Placed, from: Place, to: Place, first: boolean): Point[] {
  const down = to.y >= from.y ? 1 : -1;
  const start = { x: from.x, y: from.y + (down * from.height) / 2 };
  const above = to.y === from.y ? -1 : down;
  const end = { x: to.x, y: to.y - (above * to.height) / 2 };
  const leave = start.y + down * LEAVES, arrive = end.y - above * ARRIVES;
  const between = [...placed.boxes.values()].some(
    (box) => (box.y - from.y) * down > 0 && (to.y - box.y) * down > 0,
  );
  if (!between) return from.x === to.x ? [start, end] : [start, { x: from.x, y: arrive }, { x: to.x, y: arrive }, end];
  const far = (lane: number) => Math.abs(lane - to.x) * 1e4 + Math.abs(lane - from.x);
  const lane = placed.lanes.reduce((best, each) => (far(each) < far(best) ? each : best));
  const x = lane + (first ? -SIDE : SIDE);
  return [start, { x: from.x, y: leave }, { x, y: leave }, { x, y: arrive }, { x: to.x, y: arrive }, end];
}

function rowsOf(nodes: Box[]): Box[][] {
  const found = new Map<number, Box[]>();
  for (const node of nodes) found.set(node.row, [...(found.get(node.row) ?? []), node]);
  return [...found.entries()].sort(([a], [b]) => a - b).map(([, row]) => row);
}

function heading(layer: number, nodes: Box[]): string {
  const title = LAYERS[layer] ?? "";
  if (nodes.length < 4) return title;
  const hit = nodes.filter((node) => node.mark === "hit" || node.mark === "cause").length;
  const well = nodes.filter((node) => node.mark === "well").length;
  const parts = [hit && `${hit} with symptoms`, well && `${well} seen well`].filter(Boolean);
  return `${title} · ${nodes.length}${parts.length ? `: ${parts.join(", ")}` : ""}`;
}
