// What a view shows, asked for when it opens and again whenever something has happened to it.
import { useCallback, useEffect, useRef, useState } from "preact/hooks";
import { ask, Refusal } from "./api";
import { BEGUN, hear, type Told } from "./live";

export interface Data<T> {
  value: T | null;
  problem: string;
  again: () => void;
}

/**
 * Ask for a path; `about` tells which events make it worth asking again, `every` after how many ms
 * it is asked again anyway: no event tells of it.
 */
export function useData<T>(path: string | null, about?: (told: Told) => boolean, every = 0): Data<T> {
  const [found, setFound] = useState<{ path: string; value: T } | null>(null);
  const [problem, setProblem] = useState("");
  const current = useRef(path);
  current.current = path;
  const asking = useRef(false);
  const stale = useRef(false);

  const again = useCallback(() => {
    const asked = current.current;
    if (asked === null) return;
    if (asking.current) {
      stale.current = true; // once more when this one is answered
      return;
    }
    asking.current = true;
    ask<T>(asked)
      .then((value) => {
        if (current.current !== asked) return;
        setFound({ path: asked, value });
        setProblem("");
      })
      .catch((error: Refusal) => {
        if (error.status === 401) dispatchEvent(new Event("kgraph:unknown"));
        else if (current.current === asked) setProblem(error.message);
      })
      .finally(() => {
        asking.current = false;
        if (stale.current || current.current !== asked) {
          stale.current = false;
          again();
        }
      });
  }, []);

  useEffect(() => {
    setProblem("");
    again();
  }, [path]);
  const wanted = useRef(about);
  wanted.current = about;
  useEffect(() => hear((told) => {
    if (wanted.current && (told === BEGUN || wanted.current(told))) again();
  }), []);
  useEffect(() => {
    if (!every) return;
    const timer = setInterval(again, every);
    return () => clearInterval(timer);
  }, [every]);
  return { value: found && found.path === path ? found.value : null, problem, again };
}

/** Draw a view anew now and then: how long ago something was is another number by then. */
export function useAges(): void {
  const [, draw] = useState(0);
  useEffect(() => {
    const timer = setInterval(() => draw((count) => count + 1), 30_000);
    return () => clearInterval(timer);
  }, []);
}
