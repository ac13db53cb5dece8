// The frame around every view: who is here, where to go, and whether effects are halted.
import { useEffect, useState } from "preact/hooks";
import { ask, logOut, Refusal, remembered } from "./api";
import { Board } from "./board";
import { useData } from "./data";
import { EntityPage } from "./entity";
import { Estate } from "./estate";
import { IncidentPage } from "./incident";
import { begin, end, watchLive } from "./live";
import { LogIn } from "./login";
import { go, Link, usePath } from "./route";
import { choose, theme, type Theme } from "./theme";
import type { Halt, Session } from "./types";
import { moment } from "./words";

const HALT_LOOK = 15_000; // ms between two looks whether somebody has halted: no event tells of it

export function App() {
  const [session, setSession] = useState<Session | null>(null);
  const [known, setKnown] = useState(false);
  const [problem, setProblem] = useState("");

  useEffect(() => {
    const look = () => {
      setProblem("");
      ask<Session>("session")
        .then((found) => {
          setSession(found);
          begin();
        })
        .catch((error: Refusal) => {
          if (error.status !== 401 && error.status !== 403) setProblem(error.message);
        })
        .finally(() => setKnown(true));
    };
    const unknown = () => {
      end();
      setSession(null);
    };
    look();
    addEventListener("kgraph:unknown", unknown);
    return () => removeEventListener("kgraph:unknown", unknown);
  }, []);

  if (problem) return <main class="narrow"><p role="alert" class="problem">{problem}</p></main>;
  // Whoever was here before is known soon: the view need not wait for that.
  if (!known && !remembered()) return null;
  if (known && !session) {
    return <LogIn done={(found) => {
      setSession(found);
      begin();
    }} />;
  }
  return (
    <>
      <a class="skip" href="#content">Skip to the content</a>
      <Head session={session} left={() => {
        end();
        setSession(null);
      }} />
      <main id="content" tabIndex={-1}>
        <Routed session={session} />
      </main>
      <Foot />
    </>
  );
}

function Routed({ session }: { session: Session | null }) {
  const path = usePath();
  const [, first = "", id = ""] = path.split("/").map(decoded);
  if (first === "incidents" && id) return <IncidentPage key={id} id={id} role={session?.role} />;
  if (first === "entities" && id) return <EntityPage key={id} uid={id} />;
  if (first === "estate") return <Estate />;
  return <Board />;
}

/** A part of the address; one that was mangled on its way stays as it is. */
function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

function Head({ session, left }: { session: Session | null; left: () => void }) {
  const path = usePath();
  const halt = useData<Halt>(session ? "halt" : null, (told) => told.event.startsWith("plan."), HALT_LOOK);
  const [problem, setProblem] = useState("");
  const here = (prefix: string) =>
    (prefix === "/" ? !path.startsWith("/e") : path.startsWith(prefix)) ? "page" : undefined;
  useEffect(() => {
    const key = (event: KeyboardEvent) => {
      const at = event.target as HTMLElement;
      if (event.key !== "/" || event.ctrlKey || event.metaKey || event.altKey) return;
      if (/^(input|textarea|select)$/i.test(at.tagName)) return;
      event.preventDefault();
      if (location.pathname !== "/estate") go("/estate");
      requestAnimationFrame(() => document.getElementById("search")?.focus());
    };
    addEventListener("keydown", key);
    return () => removeEventListener("keydown", key);
  }, []);
  return (
    <>
      <header class="head">
        <Link to="/" class="mark" aria-label="kgraph, to the incidents">kgraph</Link>
        <nav aria-label="Main">
          <Link to="/" aria-current={here("/")}>Incidents</Link>
          <Link to="/estate" aria-current={here("/e")}>Estate</Link>
        </nav>
        <div class="right">
          {session && <Stop halt={halt.value} session={session} told={setProblem} done={halt.again} />}
          <ThemeChoice />
          {session && (
            <button type="button" class="quiet" title={`${session.name}, ${session.role}`}
              onClick={() => void logOut().then(left, left)}>
              Log out
            </button>
          )}
        </div>
      </header>
      {problem && <p class="halted" role="alert">{problem}</p>}
      {halt.value?.halted && (
        <p class="halted" role="status">
          Halted{halt.value.since ? ` since ${moment(halt.value.since)}` : ""}: no repair begins.
          {halt.value.reason ? ` ${halt.value.reason}` : ""}
        </p>
      )}
    </>
  );
}

function Stop({ halt, session, told, done }: {
  halt: Halt | null; session: Session; told: (problem: string) => void; done: () => void;
}) {
  const acts = session.role === "operator" || session.role === "admin";
  if (!halt || !acts || (halt.halted && session.role !== "admin")) return null;
  const act = halt.halted
    ? () => ask("halt", "DELETE")
    : () => ask("halt", "PUT", { reason: "" });
  const says = halt.halted ? "Lift the halt" : "Halt repairs";
  const press = () => void act()
    .then(() => told(""), (error: Error) => told(`${halt.halted ? "Not lifted" : "NOT halted"}: ${error.message}`))
    .finally(done);
  return <button type="button" class="quiet" onClick={press}>{says}</button>;
}

function ThemeChoice() {
  const [chosen, setChosen] = useState<Theme>(theme());
  return (
    <label class="theme">
      <span class="unseen">Colours</span>
      <select value={chosen} onChange={(event) => {
        const wanted = event.currentTarget.value as Theme;
        choose(wanted);
        setChosen(wanted);
      }}>
        <option value="system">As the system</option>
        <option value="light">Light</option>
        <option value="dark">Dark</option>
      </select>
    </label>
  );
}

function Foot() {
  const [live, setLive] = useState(false);
  useEffect(() => watchLive(setLive), []);
  return (
    <footer class="foot">
      <span>{live ? "Live" : "Not live: what you see may be old"}</span>
      <span><kbd>/</kbd> searches the estate</span>
      <a href="/page/LICENSES.txt">Licences</a>
    </footer>
  );
}
