// Where boxes stand: the layers under each other, each as wide as there is room. Pure.
import type { Box, Picture } from "./types";

export const LAYERS = ["Power", "Hosts", "Storage and network", "Guests", "Services"];
export interface Place { x: number; y: number; width: number; height: number; small: boolean }
export interface Heading { layer: number; text: string; y: number }
export interface Placed {
  boxes: Map<string, Place>; headings: Heading[]; rows: string[][]; height: number;
}

const WIDTH = 176, HEIGHT = 42, GAP = 14, RISE = 16; // px
const SMALL = 20, SMALL_GAP = 6;
const MANY = 36; // in a layer: then each is a small square, but for causes
const BETWEEN = 30, TITLE = 26, PAD = 10;

export function place(picture: Picture, room: number): Placed {
  const width = Math.min(WIDTH, 2 * Math.floor((room - 2 * PAD - GAP) / 4)); // even: edges on pixels
  const found: Placed = { boxes: new Map(), headings: [], rows: [], height: PAD };
  for (let layer = 0; layer < LAYERS.length; layer++) {
    const inside = picture.nodes.filter((node) => node.layer === layer);
    if (!inside.length) continue;
    found.headings.push({ layer, text: heading(layer, inside), y: found.height + TITLE / 2 });
    found.height += TITLE;
    const small = inside.length > MANY;
    for (const row of rowsOf(inside)) {
      const large = row.filter((node) => !small || node.mark === "cause");
      const dots = row.filter((node) => small && node.mark !== "cause");
      line(found, large, room, { width, height: HEIGHT, gap: GAP, rise: RISE, small: false });
      line(found, dots, room, { width: SMALL, height: SMALL, gap: SMALL_GAP, rise: SMALL_GAP, small: true });
    }
    found.height += BETWEEN;
  }
  found.height += PAD - BETWEEN;
  return found;
}

interface Form { width: number; height: number; gap: number; rise: number; small: boolean }

function line(found: Placed, nodes: Box[], room: number, form: Form): void {
  const step = form.width + form.gap;
  const most = Math.max(1, Math.floor((room - 2 * PAD + form.gap) / step));
  // Rows of one length look calmer than full ones and a rest.
  const many = Math.ceil(nodes.length / Math.ceil(nodes.length / most || 1));
  for (let from = 0; from < nodes.length; from += many) {
    const row = nodes.slice(from, from + many);
    const long = row.length * step - form.gap;
    const left = Math.round((room - long) / 2) + form.width / 2;
    row.forEach((node, at) => {
      found.boxes.set(node.uid, {
        x: left + at * step, y: found.height + form.height / 2,
        width: form.width, height: form.height, small: form.small,
      });
    });
    found.rows.push(row.map((node) => node.uid));
    found.height += form.height + form.rise;
  }
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
