// Server-sent events, read with `fetch`: an EventSource cannot send our half of the token.
import { headers, parsed } from "./api";

export interface Told {
  event: string; at: string; line: string; incident?: string; plan?: string;
}
type Hearer = (told: Told) => void;

/** The stream has begun, or begun again: nobody has told of what happened before that. */
export const BEGUN: Told = { event: "stream.begun", at: "", line: "" };

const hearers = new Set<Hearer>();
const watchers = new Set<(live: boolean) => void>();
let live = false;
let last = "";
let running: AbortController | null = null;
const FIRST = 1_000, LONGEST = 15_000; // ms until it is tried again
const SILENT = 40_000; // ms after which nobody is there: the server gives a sign of life every 15 s

export function hear(hearer: Hearer): () => void {
  hearers.add(hearer);
  return () => hearers.delete(hearer);
}

export function watchLive(watcher: (live: boolean) => void): () => void {
  watchers.add(watcher);
  watcher(live);
  return () => watchers.delete(watcher);
}

export function begin(): void {
  if (running) return;
  running = new AbortController();
  void listen(running.signal);
}

export function end(): void {
  running?.abort();
  running = null;
  show(false);
}

function show(now: boolean): void {
  live = now;
  for (const watcher of watchers) watcher(now);
}

async function listen(stop: AbortSignal): Promise<void> {
  let wait = FIRST;
  while (!stop.aborted) {
    try {
      const from: Record<string, string> = last ? { "Last-Event-ID": last } : {};
      const answer = await fetch("/api/v1/events", {
        headers: { ...headers(), ...from },
        signal: stop,
        cache: "no-store",
      });
      if (answer.ok && answer.body) {
        show(true);
        wait = FIRST;
        for (const hearer of hearers) hearer(BEGUN);
        await read(answer.body);
      } else if (answer.status === 401) {
        dispatchEvent(new Event("kgraph:unknown"));
      }
    } catch {
      // it ended, or is away: tried again below
    }
    if (stop.aborted) return;
    show(false);
    await new Promise((then) => setTimeout(then, wait));
    wait = Math.min(2 * wait, LONGEST);
  }
}

async function read(body: ReadableStream<Uint8Array>): Promise<void> {
  const reader = body.pipeThrough(new TextDecoderStream() as ReadableWritablePair<string, Uint8Array>)
    .getReader();
  let rest = "";
  try {
    for (;;) {
      const { value, done } = await within(SILENT, reader.read());
      if (done) return;
      const parts = (rest + value).split("\n\n");
      rest = parts.pop() ?? "";
      for (const part of parts) tell(part);
    }
  } finally {
    void reader.cancel().catch(() => undefined); // where it fell silent the connection stands
  }
}

async function within<T>(ms: number, wanted: Promise<T>): Promise<T> {
  let timer = 0;
  const late = new Promise<never>((_, give) => {
    timer = window.setTimeout(() => give(new Error("silent")), ms);
  });
  try {
    return await Promise.race([wanted, late]);
  } finally {
    clearTimeout(timer);
  }
}

function tell(part: string): void {
  let data = "";
  for (const line of part.split("\n")) {
    if (line.startsWith("id: ")) last = line.slice(4);
    if (line.startsWith("data: ")) data += line.slice(6);
  }
  if (!data) return;
  const told = parsed(data) as Told;
  for (const hearer of hearers) hearer(told);
}
