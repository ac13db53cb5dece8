// Which view is shown: the address says it, and links change it without loading anything.
import type { ComponentChildren, JSX } from "preact";
import { useEffect, useState } from "preact/hooks";

const MOVED = "kgraph:moved";

export function go(path: string): void {
  history.pushState(null, "", path);
  dispatchEvent(new Event(MOVED));
  scrollTo(0, 0);
}

/** Write what is looked for into the address, without a step in the history. */
export function note(path: string): void {
  history.replaceState(null, "", path);
}

export function usePath(): string {
  const [path, setPath] = useState(location.pathname);
  useEffect(() => {
    const moved = () => setPath(location.pathname);
    addEventListener("popstate", moved);
    addEventListener(MOVED, moved);
    return () => {
      removeEventListener("popstate", moved);
      removeEventListener(MOVED, moved);
    };
  }, []);
  return path;
}

interface LinkParts extends Omit<JSX.HTMLAttributes<HTMLAnchorElement>, "href"> {
  to: string;
  class?: string;
  children: ComponentChildren;
}

export function Link({ to, children, ...rest }: LinkParts) {
  const follow = (event: MouseEvent) => {
    if (event.button || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
    event.preventDefault();
    go(to);
  };
  return <a {...rest} href={to} onClick={follow}>{children}</a>;
}

export function entityPath(uid: string): string {
  return `/entities/${encodeURIComponent(uid)}`;
}
