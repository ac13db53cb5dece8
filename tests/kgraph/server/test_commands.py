"""`kgraph --server`: the same command here and there writes the same, and may do no more."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from secrets import token_bytes

import httpx
import pytest

from kgraph.app.service import audit, tokens
from kgraph.app.service.tokens import Role
from kgraph.cli import run as run_cli
from kgraph.cli.logs import QUIET, set_up
from kgraph.cli.served import Asked, RefusedError, admitted
from kgraph.config import load
from kgraph.schema import InputError
from kgraph.server.commands import _place
from kgraph.server.service import Service
from kgraph.store import open_store

from .conftest import Client, listening

BUNDLE = {
    "format": "kgraph.incident/v1",
    "id": "b-1",
    "source": "cmdb",
    "observations": [
        {"entity": name, "signal": "ioError", "state": "abnormal", "at": "2026-11-23T04:00:00Z"}
        for name in ("v0", "v1", "v2", "v3")
    ],
}


@dataclass(frozen=True)
class Ended:
    code: int
    out: str
    err: str


Run = Callable[..., Ended]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    def go(*arguments: str) -> Ended:
        capsys.readouterr()
        code = run_cli(list(arguments))
        told = capsys.readouterr()
        return Ended(code, told.out, told.err)

    return go


@contextmanager
def serving(folder: Path, text: str = "") -> Iterator[str]:
    (folder / "kgraph.toml").write_text(f'[store]\nurl = "sqlite:///kgraph.db"\n{text}')
    set_up(QUIET)
    service = Service(load(cwd=folder, environ={}, file=folder / "kgraph.toml"))
    with listening(service) as url:
        httpx.get(f"{url}/healthz")  # what it says at its start stands in front of all commands
        yield url


@pytest.fixture
def client(
    folder: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> Path:
    """The working folder of somebody who has neither the store nor its configuration."""
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    monkeypatch.chdir(elsewhere)
    for name, role in (("admin", Role.ADMIN), ("viewer", Role.VIEWER)):
        with closing(open_store(folder / "kgraph.db")) as store:
            text = tokens.create(store, name, role, datetime.now(UTC), token_bytes)[1]
        (elsewhere / name).write_text(text)
    monkeypatch.setenv("KGRAPH_TOKEN_FILE", str(elsewhere / "admin"))
    (elsewhere / "incident.json").write_text(json.dumps(BUNDLE))
    return elsewhere


SAME = (
    "graph find --kind VirtualMachine -o json",
    "graph show web-1",
    "impact vmstore",
    "predict --fail vmstore -o json",
    "investigate --bundle incident.json --detailed-exitcode",
    "incidents show INC-0404",
    "graph find --limit none",
    "audit verify",
)


@pytest.mark.served
@pytest.mark.usefixtures("client")
def test_a_command_writes_the_same_here_and_there(folder: Path, run: Run) -> None:
    with serving(folder) as url:
        there = {line: run(*line.split(), "--server", url) for line in SAME}
        whole = run("investigate", "--bundle", "incident.json", "-o", "json", "--server", url)
    mine = ("--config", str(folder / "kgraph.toml"))
    assert there == {line: run(*line.split(), *mine) for line in SAME}
    assert all(each.out or each.err for each in there.values())
    assert {each.code for each in there.values()} >= {0, 1, 2, 10}
    again = run("investigate", "--bundle", "incident.json", "-o", "json", *mine)
    assert _timeless(whole.out) == _timeless(again.out)


def _timeless(text: str) -> object:
    """Return an answer without how long it took."""
    return {**json.loads(text), "elapsedSeconds": None}


@pytest.mark.served
def test_two_files_of_one_name_stay_two(folder: Path, client: Path, run: Run) -> None:
    """The second took the first one's place, and what was replayed was the answer."""
    mine = ("--config", str(folder / "kgraph.toml"))
    old, new = client / "old" / "incident.json", client / "new" / "incident.json"
    for path in (old, new):
        path.parent.mkdir()
    old.write_text(json.dumps(BUNDLE))
    with serving(folder) as url:
        new.write_text(run("investigate", "--bundle", str(old), "-o", "json", *mine).out)
        line = ("replay", str(old), f"--answer={new}")
        there = run(*line, "--server", url)
    assert there == run(*line, *mine)
    assert there.code == 0


@pytest.mark.served
@pytest.mark.usefixtures("client")
def test_what_is_written_there_is_written_by_the_token(folder: Path, run: Run) -> None:
    with serving(folder) as url:
        assert run("halt", "--reason", "maintenance", "--server", url).code == 0
        refused = run("halt", "--lift", "--server", url, "--server-token-file", "viewer")
    assert refused.code == 1
    assert "needs the role admin; this token has viewer" in refused.err
    with closing(open_store(folder / "kgraph.db", read_only=True)) as store:
        halted = store.halted()
        assert halted
        assert halted.reason == "maintenance"
        deeds = audit.listed(store, 10)
    told = [(row.who.partition(" ")[0], row.what, row.of, row.outcome) for row in deeds]
    assert told == [("admin", "command", "halt --reason maintenance", "done")]


@pytest.mark.served
def test_the_environment_may_name_server_and_token(
    folder: Path, client: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("KGRAPH_TOKEN_FILE")
    monkeypatch.setenv("KGRAPH_TOKEN", (client / "viewer").read_text())
    with serving(folder) as url:
        monkeypatch.setenv("KGRAPH_SERVER_URL", url)
        assert "vmstore" in run("graph", "find", "vmstore").out
        # Whoever names a store means that one.
        assert "no store" in run("graph", "find", "x", "--store", "none.db").err


@pytest.mark.served
@pytest.mark.usefixtures("client")
def test_a_server_may_run_no_commands_at_all(folder: Path, run: Run) -> None:
    with serving(folder, "[server]\ncommands = 0\n") as url:
        found = run("graph", "find", "--server", url)
    assert found.code == 1
    assert "none are run here" in found.err


def test_a_command_for_others_gives_way_to_the_server() -> None:
    code = "from kgraph.cli import served; import os; served._give_way(); print(os.nice(0))"
    code += "; print(served._OOM.read_text())"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)
    nice, ended_first = map(int, done.stdout.split())
    assert nice >= min(19, os.nice(0) + 5)
    assert ended_first >= 500


@pytest.mark.served
def test_who_only_looks_leaves_room_for_whoever_repairs(
    serve: Callable[..., Client], token: Callable[[Role], dict[str, str]]
) -> None:
    client = serve("[server]\ncommands = 2\n")
    client.service.commands = 1
    asked = {"arguments": ["graph"]}  # no command: refused once it is taken on
    found = {
        role: client.post("/api/v1/commands", json=asked, headers=token(role)).status_code
        for role in (Role.VIEWER, Role.RESPONDER, Role.OPERATOR)
    }
    assert found == {Role.VIEWER: 503, Role.RESPONDER: 503, Role.OPERATOR: 400}
    assert client.service.commands == 1


@pytest.mark.served
def test_no_file_of_the_server_can_be_named(folder: Path, client: Path) -> None:
    token = (client / "admin").read_text()
    asked = {"arguments": ["investigate", "--bundle", str(folder / "kgraph.toml")]}
    outside = {"arguments": ["replay", "a"], "files": {"../a": "{}"}}
    with serving(folder) as url:
        bearer = {"Authorization": f"Bearer {token}"}
        said = [
            httpx.post(f"{url}/api/v1/commands", json=each, headers=bearer, timeout=60)
            for each in (asked, outside)
        ]
    assert [each.status_code for each in said] == [400, 422]
    assert "did not come along" in said[0].json()["detail"]


@pytest.mark.served
def test_no_file_that_came_along_is_run_as_a_part_of_the_program(
    folder: Path, client: Path, tmp_path: Path
) -> None:
    trace = tmp_path / "ran"
    code = f"open({str(trace)!r}, 'w').close()"
    bearer = {"Authorization": f"Bearer {(client / 'viewer').read_text()}"}
    with serving(folder) as url:
        for name in ("typer.py", "json.py", "kgraph/__init__.py", "sitecustomize.py"):
            asked = {"arguments": ["replay", name], "files": {name: code}}
            reply = httpx.post(f"{url}/api/v1/commands", json=asked, headers=bearer, timeout=60)
            assert reply.status_code == 200
            assert json.loads(reply.text.splitlines()[-1]) == {"exit": 1}, "it is no bundle"
    assert not trace.exists()


def test_no_file_comes_along_that_the_command_does_not_read() -> None:
    asked = Asked(["apply", "P-1"], "eve", "operator", "/", files=["ansible.cfg"])
    with pytest.raises(RefusedError, match=r"`apply` reads no file 'ansible.cfg'"):
        admitted(asked)
    admitted(Asked(["replay", "a", "--answer", "b"], "eve", "viewer", "/", files=["a", "b"]))


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (["graph", "find", "--store", "/etc/passwd"], "--store is the server's own"),
        (["--config=/etc/passwd", "graph", "find"], "--config is the server's own"),
        (["graph", "find", "--server", "http://127.0.0.1"], "--server is the server's own"),
        (["store", "backup", "a"], "not run for others"),
        (["token", "create", "eve", "--role", "admin"], "not run for others"),
        (["graph"], "Usage"),
        (["graph", "nonsense"], "No such command"),
        (["graph", "find", "--help"], "answered where it is asked"),
        (
            ["incidents", "confirm", "INC-1", "x", "--by", "somebody"],
            "--by is for who works at the server",
        ),
        (["replay", "../kgraph.toml"], "did not come along"),
        (["halt", "--lift"], "needs the role admin; this token has operator"),
    ],
)
def test_what_is_not_for_others_is_refused(arguments: list[str], why: str) -> None:
    with pytest.raises(RefusedError, match=why):
        admitted(Asked(arguments, "eve", "operator", "/"))


@pytest.mark.parametrize(
    ("line", "needed"),
    [
        ("incidents list", "viewer"),
        ("incidents confirm INC-1 x", "responder"),
        ("incidents refute INC-1 x", "responder"),
        ("check web-1", "responder"),
        ("check --incident INC-1 --dry-run", "responder"),
        ("investigate", "operator"),
        ("plan P-1 --reject no", "operator"),
        ("plan P-1 --cancel now", "operator"),
        ("apply P-1", "operator"),
        ("apply P-1 --execute", "operator"),
        ("halt", "operator"),
        ("sync", "operator"),
        ("doctor", "operator"),
        ("halt --lift", "admin"),
        ("token list", "admin"),
        ("token revoke x", "admin"),
        ("audit show", "admin"),
    ],
)
def test_each_role_has_run_what_it_may_and_nothing_else(line: str, needed: str) -> None:
    roles = [role.value for role in Role]
    for role in roles:
        asked = Asked(line.split(), "eve", role, "/")
        if roles.index(role) >= roles.index(needed):
            assert line.startswith(admitted(asked)[0].path)
        else:
            with pytest.raises(RefusedError, match=f"needs the role {needed}; .* has {role}"):
                admitted(asked)


def test_a_token_never_crosses_a_network_unencrypted(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KGRAPH_TOKEN", "kgraph_x")
    found = run("graph", "find", "--server", "http://kgraph.example:8080")
    assert found.code == 1
    assert "unencrypted" in found.err


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (("store", "check"), "is not for a server"),
        (("graph", "find", "--config", "k.toml"), "leave yours away"),
    ],
)
def test_what_makes_no_sense_with_a_server_is_an_error_of_use(
    arguments: tuple[str, ...], why: str, run: Run
) -> None:
    found = run(*arguments, "--server", "http://127.0.0.1:9")
    assert found.code == 2
    assert why in found.err


def test_a_server_that_is_not_there_is_told_in_one_line(run: Run) -> None:
    found = run("graph", "find", "--server", "http://127.0.0.1:9")
    assert found.code == 1
    assert "the server cannot be reached" in found.err
    assert found.err.count("\n") == 1


@pytest.mark.parametrize("names", [["a", "a/b"], ["\N{LATIN SMALL LETTER E WITH ACUTE}" * 180]])
def test_files_that_no_folder_can_hold_are_refused(names: list[str], tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be put down here"):
        _place(tmp_path, dict.fromkeys(names, "x"))


@pytest.mark.parametrize("said", ["<!doctype html>", "[1]", '"out"'])
def test_what_answers_and_is_no_kgraph_is_told_in_one_line(
    run: Run, client: Path, monkeypatch: pytest.MonkeyPatch, said: str
) -> None:
    """As the page of another program does, whatever is asked of it."""
    assert client.exists()

    def answered(_request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, text=said)

    elsewhere = httpx.Client(transport=httpx.MockTransport(answered))
    monkeypatch.setattr("kgraph.web.client", lambda *_, **__: elsewhere)
    done = run("--server", "http://127.0.0.1:3000", "graph", "find")
    assert (done.code, done.out) == (1, "")
    assert done.err == (
        "kgraph: http://127.0.0.1:3000: it answers, and not as a `kgraph serve`;"
        " is this its address?\n"
    )
