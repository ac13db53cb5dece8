// Asking the API. Half of the token is in a cookie that no script can read, half is kept here.
import type { Session } from "./types";

const BASE = "/api/v1/";
const KEPT = "kgraph.half";
const HEADER = "X-Kgraph-Half";

// Marks of direction turn round whatever stands beside a name that holds one; the terminal shows
// them, and all that steers it, by the same character.
const STEERS = /(?![\n\t])[\p{Cc}\p{Cf}\p{Co}\p{Cs}]/gu;

/** What a document of the server says, with texts that steer nothing. */
export function parsed(document: string): unknown {
  return JSON.parse(document, (_, value: unknown) =>
    typeof value === "string" ? value.replace(STEERS, "\uFFFD") : value);
}

/** An answer that is none: its status, and the one line that tells why. */
export class Refusal extends Error {
  constructor(readonly status: number, detail: string) {
    super(detail);
  }
}

export function headers(): Record<string, string> {
  const pad = localStorage.getItem(KEPT);
  return pad ? { [HEADER]: pad } : {};
}

export function remembered(): boolean {
  return localStorage.getItem(KEPT) !== null;
}

export async function ask<T>(path: string, method = "GET", body?: unknown): Promise<T> {
  const json = body === undefined ? {} : { "Content-Type": "application/json" };
  let answer: Response;
  try {
    answer = await fetch(BASE + path, {
      method,
      headers: { ...headers(), ...json },
      body: body === undefined ? null : JSON.stringify(body),
      credentials: "same-origin",
      redirect: "error",
    });
  } catch {
    throw new Refusal(0, "the server does not answer");
  }
  if (!answer.ok) throw new Refusal(answer.status, await told(answer));
  return (answer.status === 204 ? undefined : parsed(await answer.text())) as T;
}

async function told(answer: Response): Promise<string> {
  try {
    const { detail } = (await answer.json()) as { detail?: string };
    if (detail) return detail;
  } catch {
    // no problem document: the status has to do
  }
  return `the server answered ${answer.status}`;
}

export async function logIn(token: string): Promise<Session> {
  const session = await ask<Session>("session", "POST", { token });
  if (session.pad) localStorage.setItem(KEPT, session.pad);
  return session;
}

export async function logOut(): Promise<void> {
  try {
    await ask("session", "DELETE");
  } finally {
    localStorage.removeItem(KEPT); // without it the other half is worth nothing
  }
}

export const quoted = encodeURIComponent;
