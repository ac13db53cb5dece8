"""What the page is made of on the server's side: its files, who has logged in, what it asks."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import structlog
from hypothesis import given, settings
from hypothesis import strategies as st

from kgraph.app.service.tokens import Role
from kgraph.config import Configuration
from kgraph.server import assets
from kgraph.server.halves import COOKIE, HEADER, joined, split
from kgraph.server.service import Service

from .conftest import Client, listening

Serve = Callable[..., Client]
Token = Callable[[Role], dict[str, str]]
_SCRIPT = "main-ABCDEF12.js"


@pytest.fixture
def built(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A page that was built, as far as serving it goes."""
    folder = tmp_path / "static"
    folder.mkdir()
    (folder / "index.html").write_text("<!doctype html><title>kgraph</title>")
    (folder / _SCRIPT).write_text("let a = 1;" * 100)
    (folder / "notes.md").write_text("not sent")
    monkeypatch.setattr(assets, "FOLDER", folder)
    return folder


@pytest.fixture
def missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(assets, "FOLDER", tmp_path / "nowhere")


# --- the token in two halves ---


@settings(deadline=None)  # the machine may be busy
@given(st.text(min_size=1, max_size=200), st.randoms())
def test_two_halves_give_the_token_back(token: str, random: object) -> None:
    pad, rest = split(token, random.randbytes)  # type: ignore[attr-defined]
    assert joined(pad, rest) == token


def test_one_half_is_the_pad_and_says_nothing_of_the_token() -> None:
    assert split("secret", lambda count: b"7" * count)[0] == split("others", lambda n: b"7" * n)[0]


@settings(deadline=None)
@given(st.text(max_size=60), st.text(max_size=60))
def test_what_are_no_halves_is_no_token_and_no_fault(pad: str, rest: str) -> None:
    assert isinstance(joined(pad, rest), str)


def logged_in(client: Client, token: dict[str, str]) -> tuple[dict[str, str], str]:
    """Log in; return the headers with both halves, and the cookie as it was set."""
    text = token["Authorization"].removeprefix("Bearer ")
    answer = client.post("/api/v1/session", json={"token": text})
    assert answer.status_code == 200
    cookie = answer.headers["set-cookie"]
    half = cookie.partition(";")[0]
    return {HEADER: answer.json()["pad"], "Cookie": half}, cookie


def test_who_logs_in_is_known_by_both_halves_and_by_neither_alone(
    serve: Serve, token: Token
) -> None:
    client = serve()
    halves, _ = logged_in(client, token(Role.VIEWER))
    shown = client.get("/api/v1/session", headers=halves)
    assert (shown.json()["role"], shown.json()["pad"]) == ("viewer", None)
    assert client.get("/api/v1/incidents", headers=halves).status_code == 200
    for alone in halves:
        answer = client.get("/api/v1/incidents", headers={alone: halves[alone]})
        assert answer.status_code == 401


def test_the_cookie_is_for_our_api_alone_and_for_no_script(serve: Serve, token: Token) -> None:
    told = token(Role.VIEWER)
    _, cookie = logged_in(serve(), told)
    name, *attributes = cookie.split("; ")
    assert name.startswith(f"{COOKIE}=")
    assert {"HttpOnly", "Path=/api/v1", "SameSite=strict", "Max-Age=43200"} <= set(attributes)
    assert told["Authorization"].removeprefix("Bearer ") not in cookie


def test_over_tls_the_cookie_is_never_sent_in_the_clear(serve: Serve, token: Token) -> None:
    text = token(Role.VIEWER)["Authorization"].removeprefix("Bearer ")
    answer = serve().post("https://127.0.0.1/api/v1/session", json={"token": text})
    assert "Secure" in answer.headers["set-cookie"]


def test_a_page_elsewhere_cannot_write_with_the_cookie(serve: Serve, token: Token) -> None:
    client = serve()
    halves, _ = logged_in(client, token(Role.OPERATOR))
    answer = client.request(
        "PUT", "/api/v1/halt", headers={"Cookie": halves["Cookie"]}, json={"reason": "x"}
    )
    assert answer.status_code == 401


def test_wrong_tokens_are_refused_and_soon_must_wait(serve: Serve) -> None:
    client = serve()
    codes = [
        client.post("/api/v1/session", json={"token": f"kgraph_0_{n}"}).status_code
        for n in range(12)
    ]
    assert codes[0] == 401
    assert codes[-1] == 429


def test_who_may_only_post_alerts_cannot_log_in(serve: Serve, token: Token) -> None:
    text = token(Role.HOOK)["Authorization"].removeprefix("Bearer ")
    answer = serve().post("/api/v1/session", json={"token": text})
    assert answer.status_code == 403
    assert "may only post to hooks" in answer.json()["detail"]


def test_logging_out_takes_the_half_away(serve: Serve) -> None:
    answer = serve().request("DELETE", "/api/v1/session")
    assert answer.status_code == 204
    assert "Max-Age=0" in answer.headers["set-cookie"]


# --- what it asks ---


def test_the_view_of_an_incident_has_all_that_is_shown_of_it(
    serve: Serve, token: Token, incident: str
) -> None:
    headers = token(Role.VIEWER)
    client = serve()
    answer = client.get(f"/api/v1/incidents/{incident}/view", headers=headers)
    view = answer.json()
    (suspect,) = view["suspects"]
    assert (suspect["kind"], suspect["name"], suspect["state"]) == (
        "StorageExport",
        "vmstore",
        "down",
    )
    assert 0 < suspect["posterior"] < 1
    assert {row["label"] for row in view["sections"]} >= {"CAUSE", "WHY", "FOR", "IMPACT"}
    assert {row["title"] for row in view["witnesses"]} >= {"VirtualMachine web-0"}
    assert view["timeline"][0]["offsetSeconds"] == 0
    marks = {node["name"]: node["mark"] for node in view["picture"]["nodes"]}
    assert marks == {"vmstore": "cause", "h1.dc1": "well"} | {f"web-{n}": "hit" for n in range(4)}
    layers = [node["layer"] for node in view["picture"]["nodes"]]
    assert layers == sorted(layers)
    ways = {edge["dependency"] for edge in view["picture"]["edges"] if edge["way"]}
    assert ways == {suspect["uid"]}
    again = headers | {"If-None-Match": answer.headers["etag"]}
    assert client.get(f"/api/v1/incidents/{incident}/view", headers=again).status_code == 304


def test_the_board_names_the_cause_of_each_incident(
    serve: Serve, token: Token, incident: str
) -> None:
    (row,) = serve().get("/api/v1/board", headers=token(Role.VIEWER)).json()["items"]
    assert (row["id"], row["status"]) == (incident, "open")
    assert (row["cause"], row["state"]) == ("StorageExport vmstore", "down")
    assert row["chance"].startswith(".")


def test_there_is_no_view_of_an_incident_that_is_not_there(serve: Serve, token: Token) -> None:
    answer = serve().get("/api/v1/incidents/INC-9/view", headers=token(Role.VIEWER))
    assert answer.status_code == 404


@pytest.mark.parametrize("path", ["board", "incidents/INC-0001/view", "session"])
def test_nobody_sees_anything_without_a_token(serve: Serve, path: str) -> None:
    assert serve().get(f"/api/v1/{path}").status_code == 401


# --- its files ---


@pytest.mark.parametrize(
    "path", ["/", "/incidents", "/incidents/INC-1", "/estate", "/entities/a%20b"]
)
def test_every_address_of_the_page_is_the_page(serve: Serve, built: Path, path: str) -> None:
    answer = serve().get(path)
    assert (answer.status_code, answer.text) == (200, (built / "index.html").read_text())
    policy = answer.headers["content-security-policy"]
    assert "script-src 'self'" in policy
    assert "unsafe" not in policy
    assert answer.headers["cache-control"] == "no-cache"


def test_what_has_its_hash_in_its_name_is_kept_for_good(serve: Serve, built: Path) -> None:
    client = serve()
    answer = client.get(f"/page/{_SCRIPT}")
    assert answer.headers["content-type"] == "text/javascript; charset=utf-8"
    assert "immutable" in answer.headers["cache-control"]
    plain = client.get(f"/page/{_SCRIPT}", headers={"Accept-Encoding": "identity"})
    assert "content-encoding" not in plain.headers
    assert plain.content == answer.content == (built / _SCRIPT).read_bytes()
    assert answer.headers["content-encoding"] == "gzip"
    again = client.get(f"/page/{_SCRIPT}", headers={"If-None-Match": answer.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")


@pytest.mark.usefixtures("built")
@pytest.mark.parametrize("name", ["notes.md", "no.js", "..%2Findex.html", "%2Fetc%2Fpasswd"])
def test_nothing_else_is_sent(serve: Serve, name: str) -> None:
    assert serve().get(f"/page/{name}").status_code == 404


@pytest.mark.usefixtures("missing")
def test_a_page_that_was_not_built_is_told_in_the_browser_and_in_the_log(
    serve: Serve, configured: Callable[[str], Configuration]
) -> None:
    client = serve()
    answer = client.get("/incidents/INC-1")
    assert answer.status_code == 503
    assert "the page was not built: `make page` builds it" in answer.text
    assert answer.headers["content-type"].startswith("text/html")
    assert client.get("/healthz").status_code == 200
    with structlog.testing.capture_logs() as said, listening(Service(configured(""))):
        pass
    assert [row["event"] for row in said if "was not built" in row["event"]]


@pytest.mark.usefixtures("built")
def test_a_half_built_page_counts_as_missing(serve: Serve) -> None:
    (assets.FOLDER / "index.html").unlink()
    assert serve().get("/").status_code == 503
