import { useRef, useState } from "preact/hooks";
import { logIn, Refusal } from "./api";
import type { Session } from "./types";

export function LogIn({ done }: { done: (session: Session) => void }) {
  const [problem, setProblem] = useState("");
  const [busy, setBusy] = useState(false);
  const field = useRef<HTMLInputElement>(null);
  const send = (event: Event) => {
    event.preventDefault();
    setBusy(true);
    logIn(field.current!.value.trim())
      .then(done)
      .catch((error: Refusal) => {
        setProblem(error.message);
        field.current?.select();
      })
      .finally(() => setBusy(false));
  };
  return (
    <main class="narrow">
      <h1>kgraph</h1>
      <form onSubmit={send}>
        <label for="token">Token</label>
        <input id="token" ref={field} type="password" autocomplete="current-password" required
          autofocus spellcheck={false} aria-invalid={problem !== ""} aria-describedby="told" />
        <button type="submit" class="first" disabled={busy}>Log in</button>
        <p id="told" role="alert" class="problem">{problem}</p>
      </form>
      <p class="soft">
        <code>kgraph token create NAME --role operator</code> makes one; with the role responder it
        judges causes, with viewer it reads. It is kept in two halves,
        one of which no script can read, for 12 hours.
      </p>
    </main>
  );
}
