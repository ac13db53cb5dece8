"""Run within the image: start it as its configuration says, and ask it what a first user would."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
import urllib.request
from pathlib import Path

URL = "http://127.0.0.1:18099"
PATIENCE = 60.0


def said(*arguments: str) -> str:
    """Return what a command writes."""
    return subprocess.run(arguments, check=True, capture_output=True, text=True).stdout.strip()


def answered(path: str, token: str = "", body: bytes | None = None) -> str:
    """Ask the service; raises OSError where it does not answer well."""
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    request = urllib.request.Request(f"{URL}{path}", body, headers)  # noqa: S310 - ours
    with urllib.request.urlopen(request, timeout=10) as found:  # noqa: S310
        return found.read().decode()


def waited(path: str, token: str, holds: str) -> str:
    """Ask until the answer holds something."""
    end = time.monotonic() + PATIENCE
    while True:
        try:
            found = answered(path, token)
        except OSError as error:
            found = str(error)
        if holds in found:
            return found
        if time.monotonic() > end:
            raise SystemExit(f"{path} does not hold {holds!r}: {found[:500]}")
        time.sleep(0.2)


def main() -> None:
    """Ask; the first that is wrong ends it with 1."""
    config = json.loads(Path("/proof/image.json").read_text())["Docker"]["config"]
    print(said("kgraph", "--version"), "as user", os.getuid(), "in", Path.cwd())
    if str(os.getuid()) != config["User"] or str(Path.cwd()) != config["WorkingDir"]:
        raise SystemExit("not the user and folder of the image")
    token = said("kgraph", "token", "create", "proof", "--role", "admin").split()[-1]
    command = [*config["Entrypoint"], *config["Cmd"]]
    with subprocess.Popen(command) as service:
        waited("/readyz", "", '"ready"')
        # A healthcheck is ["CMD", word, ...]; the port is another one here.
        test = [word.replace(":8080", ":18099") for word in config["Healthcheck"]["Test"][1:]]
        subprocess.run(test, check=True)
        waited("/", "", "<html")
        waited("/api/v1/entities", token, '"test"')  # libvirt's own guest, read by its binding
        alert = {"status": "firing", "labels": {"alertname": "GuestPaused", "domain": "test"}}
        alert |= {"annotations": {}, "startsAt": "2026-01-01T00:00:00Z", "fingerprint": "1"}
        body = {"version": "4", "groupKey": "{}", "truncatedAlerts": 0, "alerts": [alert]}
        answered("/hooks/alertmanager", token, json.dumps(body).encode())
        found = json.loads(waited("/api/v1/incidents", token, "INC-0001"))
        print(found["items"][0]["title"])
        service.send_signal(getattr(signal, config["StopSignal"]))
        if service.wait(PATIENCE) != 0:
            raise SystemExit("it did not end with 0")
    print("built, started, healthy, served, ended")


if __name__ == "__main__":
    main()
