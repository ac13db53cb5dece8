// How times and counts are said.

export function clock(at: string): string {
  return at.slice(11, 19) + "Z";
}

export function moment(at: string): string {
  return `${at.slice(0, 10)} ${clock(at)}`;
}

/** A moment for people who know what day it is: with the date where it is not of the last hours. */
export function lately(at: string, now = Date.now()): string {
  return now - Date.parse(at) < 43_200_000 ? clock(at) : moment(at);
}

export function span(seconds: number): string {
  const s = Math.max(0, seconds);
  if (s < 120) return `${Math.round(s)} s`;
  if (s < 7_200) return `${Math.floor(s / 60)} min`;
  if (s < 172_800) return `${Math.floor(s / 3_600)} h`;
  return `${Math.floor(s / 86_400)} d`;
}

export function since(at: string, until = Date.now()): string {
  return span((until - Date.parse(at)) / 1_000);
}

export function offset(seconds: number): string {
  return (seconds < 0 ? "−" : "+") + span(Math.abs(seconds));
}

export function spaced(name: string): string {
  return name.replaceAll("_", " ");
}

/** `StorageExport` as `storage export`. */
export function kindOf(name: string): string {
  if (name === "VirtualMachine") return "VM";
  if (name.toUpperCase() === name) return name;
  return name.replace(/(?<=[a-z])(?=[A-Z])/g, " ").toLowerCase();
}
