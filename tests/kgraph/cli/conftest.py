"""A small estate, a store that holds it, and ways to run the program."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from kgraph.cli import run as run_cli
from tests.kgraph.estates import document

ESTATE = document("""\
entities:
  - {id: h1, kind: Host, name: h1.dc1, labels: {rack: r1}}
  - {id: h2, kind: Host, name: h2.dc1}
  - {id: x, kind: StorageExport, name: vmstore}
  - {id: v1, kind: VirtualMachine, name: web-1}
  - {id: v2, kind: VirtualMachine, name: web-2}
  - {id: v3, kind: VirtualMachine, name: web-3}
  - {id: v4, kind: VirtualMachine, name: web-4}
  - {id: v5, kind: VirtualMachine, name: db-1}
  - {id: s, kind: Service, name: shop, labels: {owner: team-shop}}
relations:
  - {from: v1, type: RUNS_ON, to: h1}
  - {from: v2, type: RUNS_ON, to: h1}
  - {from: v3, type: RUNS_ON, to: h2}
  - {from: v4, type: RUNS_ON, to: h2}
  - {from: v5, type: RUNS_ON, to: h2}
  - {from: v1, type: STORED_ON, to: x}
  - {from: v2, type: STORED_ON, to: x}
  - {from: v3, type: STORED_ON, to: x}
  - {from: v4, type: STORED_ON, to: x}
  - {from: s, type: RUNS_ON, to: v1, group: copies, need: 2}
  - {from: s, type: RUNS_ON, to: v2, group: copies, need: 2}
  - {from: s, type: RUNS_ON, to: v5, group: copies, need: 2}
""")
AT = "2026-11-23T04:00:00Z"


@dataclass(frozen=True)
class Ended:
    """How one run of the program ended."""

    code: int
    out: str
    err: str


Run = Callable[..., Ended]


@pytest.fixture
def work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder without any configuration, of a user without any either."""
    folder = tmp_path / "work"
    folder.mkdir()
    monkeypatch.chdir(folder)
    for name in [name for name in os.environ if name.startswith("KGRAPH_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    return folder


@pytest.fixture
def run(work: Path, capsys: pytest.CaptureFixture[str]) -> Run:  # noqa: ARG001 - the folder to be in
    def ended(*arguments: str | Path) -> Ended:
        capsys.readouterr()
        code = run_cli([str(argument) for argument in arguments])
        told = capsys.readouterr()
        return Ended(code, told.out, told.err)

    return ended


@pytest.fixture
def process(work: Path) -> Run:
    """Run the program in a process of its own."""

    def ended(*arguments: str | Path, stdin: str = "", env: dict[str, str] | None = None) -> Ended:
        done = subprocess.run(
            [sys.executable, "-m", "kgraph", *map(str, arguments)],
            input=stdin,
            capture_output=True,
            text=True,
            cwd=work,
            env=os.environ | (env or {}),
            timeout=60,
            check=False,
        )
        return Ended(done.returncode, done.stdout, done.stderr)

    return ended


@pytest.fixture
def estate(work: Path) -> Path:
    path = work / "estate.yaml"
    path.write_text(ESTATE, "utf-8")
    return path


@pytest.fixture(scope="session")
def _filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the default store is kept once a test has filled it."""
    return tmp_path_factory.mktemp("filled") / "data"


@pytest.fixture
def stored(run: Run, estate: Path, tmp_path: Path, _filled: Path) -> Path:
    """The estate in the default store: read once, and copied for all others."""
    if _filled.exists():
        shutil.copytree(_filled, tmp_path / "data")
        return estate
    done = run("ingest", "topology", estate)
    assert done.code == 0, done.err
    shutil.copytree(tmp_path / "data", _filled)
    return estate


@pytest.fixture
def bundle() -> Callable[..., str]:
    return _bundle


def _bundle(**fields: object) -> str:
    """A bundle on the stored estate: four guests on one export are paused, the hosts are well."""
    abnormal = [
        {"entity": f"v{n}", "signal": "paused", "state": "abnormal", "at": AT} for n in range(1, 5)
    ]
    healthy = [
        {"entity": f"h{n}", "signal": "down", "state": "healthy", "at": AT} for n in range(1, 3)
    ]
    document = {
        "format": "kgraph.incident/v1",
        "id": "b-1",
        "source": "cmdb",
        "observations": abnormal + healthy,
    }
    return json.dumps(document | fields)


@pytest.fixture
def bundle_file(work: Path) -> Path:
    path = work / "bundle.jsonl"
    path.write_text(_bundle() + "\n", "utf-8")
    return path


_SYSTEMCTL = """\
#!{python}
import json, pathlib, sys
state, alerts = pathlib.Path({state!r}), pathlib.Path({alerts!r})
if sys.argv[2] == "show":
    print(f"LoadState=loaded\\nActiveState={{state.read_text()}}\\nResult=success")
elif sys.argv[2] == "restart":
    if state.with_name("refused").exists():
        sys.exit("Failed to restart shop.service: Access denied")
    state.write_text("active")
    alerts.write_text(alerts.read_text().replace("firing", "resolved"))
"""
_CONFIGURATION = """\
[store]
url = "sqlite:///estate.db"
[folders]
catalogue = ["own"]
[[sources]]
type = "topology"
path = "estate.yaml"
[[sources]]
type = "alertmanager"
path = "alerts.json"
every = 0.2
[[endpoints]]
name = "shop"
type = "systemd"
unit = "shop.service"
via = ["{via}"]
select = {{kind = "Service", name = "shop"}}
"""
SHOP = document("""\
entities:
  - {id: s, kind: Service, name: shop}
""")
# The shipped remedy, but its symptoms need to stay away for a second only.
_OWN = """\
format: kgraph.remedies/v1
actions:
  - {name: force_restart, by: systemd, effect: restarted, inverse: stop,
     repeatable: true, risk: medium, deadlineSeconds: 20, settleSeconds: 1}
remedies:
  - for: [Service.failing, Service.down]
    steps: [{action: force_restart, why: "it errs"}]
    refused: [restarting its guests (they are healthy)]
"""


@pytest.fixture
def shop(run: Run, work: Path) -> Path:
    """One failing service, and the unit that it is."""
    (work / "estate.yaml").write_text(SHOP)
    state, alerts, systemctl = work / "state", work / "alerts.json", work / "systemctl"
    state.write_text("active")
    (work / "own").mkdir()
    (work / "own" / "own.yaml").write_text(_OWN)
    alert = {
        "status": "firing",
        "labels": {"alertname": "ServiceErrors", "kgraph_entity": "Service/shop"},
        "annotations": {},
        "startsAt": (datetime.now(UTC) - timedelta(seconds=30)).isoformat(),
        "endsAt": "0001-01-01T00:00:00Z",
        "fingerprint": "1",
    }
    payload = {"version": "4", "groupKey": "x", "status": "firing", "alerts": [alert]}
    alerts.write_text(json.dumps(payload))
    text = _SYSTEMCTL.format(python=sys.executable, state=str(state), alerts=str(alerts))
    systemctl.write_text(text)
    systemctl.chmod(0o755)
    (work / "kgraph.toml").write_text(_CONFIGURATION.format(via=systemctl))
    assert run("sync").code == 0
    return work
