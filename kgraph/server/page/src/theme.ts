// Light or dark: what the system says, unless somebody chose.

export type Theme = "system" | "light" | "dark";
const KEPT = "kgraph.theme";
export const CHANGED = "kgraph:theme";

export function theme(): Theme {
  const kept = localStorage.getItem(KEPT);
  return kept === "light" || kept === "dark" ? kept : "system";
}

export function choose(chosen: Theme): void {
  if (chosen === "system") localStorage.removeItem(KEPT);
  else localStorage.setItem(KEPT, chosen);
  apply();
}

const system = matchMedia("(prefers-color-scheme: dark)");

function apply(): void {
  const chosen = theme();
  const dark = chosen === "system" ? system.matches : chosen === "dark";
  document.documentElement.dataset["theme"] = dark ? "dark" : "light";
  dispatchEvent(new Event(CHANGED));
}

export function begin(): void {
  apply();
  system.addEventListener("change", apply);
}
